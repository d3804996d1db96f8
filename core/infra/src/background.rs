//! Work of minutes beside calls that do not wait: an artefact that is being built, a file on its way.
//!
//! It lives in this process. Whoever asks for it after a restart starts it anew, so it has to be repeatable.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::task::JoinHandle;

use crate::InfraError;

/// How long a look waits for the end: what is quick needs no second look.
const PATIENCE: Duration = Duration::from_millis(300);

/// What a piece of work says about itself while it runs.
#[derive(Debug, Clone, Default)]
pub struct Note(Arc<Mutex<String>>);

impl Note {
    /// Says where it is.
    pub fn say(&self, text: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text.into();
    }

    fn read(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a look at a piece of work shows.
#[derive(Debug)]
pub enum Look<T> {
    /// It runs, and says this.
    Running(String),
    /// It has ended. The next look starts it anew.
    Ended(Result<T, InfraError>),
}

struct Job<T> {
    note: Note,
    /// Empty once somebody has taken the result.
    task: tokio::sync::Mutex<Option<JoinHandle<Result<T, InfraError>>>>,
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut() {
            task.abort();
        }
    }
}

/// Pieces of work by name, each running once however many ask for it.
pub struct Background<T>(Mutex<HashMap<String, Arc<Job<T>>>>);

impl<T> Default for Background<T> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<T: Send + 'static> Background<T> {
    /// Looks at the work of this name, which `start` begins where nobody has.
    pub async fn look<F>(&self, name: &str, start: impl FnOnce(Note) -> F) -> Look<T>
    where
        F: Future<Output = Result<T, InfraError>> + Send + 'static,
    {
        let job = {
            let mut jobs = self.jobs();
            let begin = || {
                let note = Note::default();
                let task = tokio::spawn(start(note.clone()));
                Arc::new(Job {
                    note,
                    task: tokio::sync::Mutex::new(Some(task)),
                })
            };
            Arc::clone(jobs.entry(name.to_owned()).or_insert_with(begin))
        };
        let mut held = job.task.lock().await;
        let Some(task) = held.as_mut() else {
            return Look::Running(job.note.read());
        };
        let Ok(ended) = tokio::time::timeout(PATIENCE, task).await else {
            return Look::Running(job.note.read());
        };
        *held = None;
        self.jobs().remove(name);
        match ended {
            Ok(result) => Look::Ended(result),
            Err(stopped) => match stopped.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Only the end of the process stops it otherwise.
                Err(_) => Look::Running(job.note.read()),
            },
        }
    }

    fn jobs(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Job<T>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_runs_once_until_somebody_has_taken_its_result() {
        let background = Background::<u32>::default();
        let (end, ended) = oneshot::channel();
        let first = background
            .look("a", |note| async move {
                note.say("half");
                Ok(ended.await.unwrap_or(0))
            })
            .await;
        assert!(matches!(first, Look::Running(note) if note == "half"));
        end.send(7).unwrap();
        let second = background.look("a", |_| async { panic!("it runs already") }).await;
        assert!(matches!(second, Look::Ended(Ok(7))));
        let third = background.look("a", |_| async { Ok(8) }).await;
        assert!(matches!(third, Look::Ended(Ok(8))));
    }
}
