//! What commands share that change a cluster: options, waiting with a view of it, and why it did not come about.

use std::error::Error;
use std::time::Duration;

use butler_account::failure;
use butler_account::objects::Shown;
use butler_account::tool::Account;
use butler_api::admission::Operation;
use butler_tenancy::change;
use butler_tenancy::clusters::change::{ChangeError, Changed, DryRun, Writer};
use butler_tenancy::clusters::list::Row;
use butler_tenancy::clusters::quota;
use butler_tenancy::clusters::wait::{self, Asked, Goal, RowState, Sight, WaitError};
use butler_tenancy::place::Place;
use butler_tenancy::reach::Reach;
use butler_terminal::progress::board::Scene;
use butler_terminal::prompt::{self, Prompt, Question};
use butler_terminal::style::Tone;
use butler_terminal::{Exit, Failure, args::OutputArgs};
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use tokio_util::sync::CancellationToken;

use super::list;
use super::one::unread;
use crate::commands::board;

/// How a command that changes a cluster waits for what it asked for.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct WaitArgs {
    /// Wait until the cluster is as asked for
    #[arg(long)]
    pub wait: bool,
    /// How long to wait, for example 15m
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = butler_api::duration::parse_positive)]
    pub timeout: Duration,
}

/// Whether a command only finds out what would become of it.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct DryRunArgs {
    /// Change nothing: check here (client), or let the API server check everything (server)
    #[arg(
        long,
        value_name = "WHERE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "client",
        value_parser = where_to_check,
    )]
    pub dry_run: Option<DryRun>,
}

fn where_to_check(text: &str) -> Result<DryRun, &'static str> {
    match text {
        "client" => Ok(DryRun::Client),
        "server" => Ok(DryRun::Server),
        _ => Err("write client or server"),
    }
}

impl DryRunArgs {
    /// Who changes things of any kind.
    pub fn change(self, account: Account<'_>) -> change::Writer {
        change::Writer {
            manager: account.tool.name,
            dry_run: self.dry_run == Some(DryRun::Server),
        }
    }

    /// Who changes things.
    pub fn writer(self, account: Account<'_>) -> Writer {
        Writer {
            manager: account.tool.name,
            dry_run: self.dry_run,
        }
    }
}

/// A management cluster, a place in it, and whether a person wants to stop.
pub(crate) struct Work<'a> {
    pub(crate) account: Account<'a>,
    pub(crate) reach: &'a Reach,
    pub(crate) place: &'a Place,
    pub(crate) stop: &'a CancellationToken,
}

impl Work<'_> {
    /// Changes a cluster, unless a person stops it. Whether it was carried out then, nobody knows.
    pub(super) async fn unless_stopped<T>(
        &self,
        name: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.write(work, || self.command("get", name)).await
    }

    /// Does something that changes nothing, unless a person stops it.
    pub(crate) async fn unless_left<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            done = work => done,
            () = self.stop.cancelled() => Err(failure::interrupted()),
        }
    }

    /// Does something that changes things, unless a person stops it; the hint says how to see what became of it.
    pub(crate) async fn write<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
        hint: impl FnOnce() -> String,
    ) -> Result<T, Failure> {
        tokio::select! {
            done = work => done,
            () = self.stop.cancelled() => {
                let words = "interrupted; what was asked for may have been carried out";
                Err(Failure::new(Exit::Interrupted, words).hint(hint()))
            }
        }
    }

    /// Waits for a cluster, and shows it meanwhile.
    pub(super) async fn follow(&self, asked: &Asked) -> Result<Option<DynamicObject>, Failure> {
        let ended = board::shown(self.account.ui, self.stop, async |show| {
            wait::wait(self.reach, asked, &mut |sight| show(scene(&asked.name, sight))).await
        });
        match ended.await {
            Some(Ok(object)) => Ok(object),
            Some(Err(error)) => Err(self.not_waited(asked, &error)),
            None => {
                let words = format!("interrupted; what was asked of cluster {} goes on", asked.name);
                Err(Failure::new(Exit::Interrupted, words).hint(self.command("wait", &asked.name)))
            }
        }
    }

    fn not_waited(&self, asked: &Asked, error: &WaitError) -> Failure {
        let name = &asked.name;
        match error {
            WaitError::Read(error) => unread(self.account.tool, error),
            WaitError::Deleted(_) => Failure::from_error(Exit::Failed, error).hint(self.command("create", name)),
            WaitError::Deleting(_) => {
                Failure::from_error(Exit::Failed, error).hint(self.command("wait --for=deleted", name))
            }
            WaitError::Failed {
                reason, message, after, ..
            } => {
                let failure = Failure::from_error(Exit::Failed, error).cause(format!("{reason}: {message}"));
                let failure = match after.as_secs() {
                    0 => failure,
                    seconds => failure.cause(format!("it has said so for {seconds} s, and tries again")),
                };
                failure.hint(self.command("get", name)).hint(self.command("edit", name))
            }
            WaitError::Deadline { cause, left, .. } => {
                let causes = cause.iter().chain(left).cloned();
                let failure = causes.fold(Failure::from_error(Exit::Deadline, error), Failure::cause);
                let verb = match &asked.goal {
                    Goal::Ready => "wait".to_owned(),
                    Goal::Deleted => "wait --for=deleted".to_owned(),
                    Goal::Condition { kind, status } => format!("wait --for=condition={kind}={status}"),
                    Goal::Version(release) => format!("wait --for=version={release}"),
                };
                failure.hint(format!("it goes on; wait on: {}", self.command(&verb, name)))
            }
        }
    }

    /// Asks whether to go on. Without a terminal, the flag has to say so.
    pub(crate) async fn agreed(&self, question: &str, flag: &'static str) -> Result<(), Failure> {
        let question = question.to_owned();
        let agreed = self.ask(flag, move |prompt| {
            let question = Question { words: &question, flag };
            prompt.confirm(question, false)
        });
        if agreed.await? {
            return Ok(());
        }
        Err(Failure::new(Exit::Interrupted, "not agreed to; nothing was changed"))
    }

    /// Asks whoever sits before the terminal; without one, the command line has to say it.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        flag: &str,
        questions: impl FnOnce(&Prompt) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let Some(prompt) = Prompt::new(self.account.ui) else {
            let words = format!("{flag} is needed: there is no terminal to ask on");
            return Err(Failure::new(Exit::Usage, words));
        };
        let asked = tokio::task::spawn_blocking(move || questions(&prompt));
        tokio::select! {
            answered = asked => answered.unwrap_or_else(|error| Err(Failure::from_error(Exit::Failed, &error))),
            () = self.stop.cancelled() => {
                prompt::restore();
                Err(failure::interrupted())
            }
        }
    }

    /// Says what of the quota of its team a cluster would go beyond if it became like this.
    pub(super) async fn warn_of_quota(&self, object: &DynamicObject, operation: Operation) {
        for warning in quota::warnings(self.reach, &self.place.namespace, object, operation).await {
            self.account.ui.warn(&warning.message, warning.hint.as_deref());
        }
    }

    /// A cluster that was not changed.
    pub(super) async fn unchanged<R: Error + 'static>(&self, error: &ChangeError<R>) -> Failure {
        match error {
            ChangeError::Read(error) => unread(self.account.tool, error),
            ChangeError::Kubernetes { source, .. } => {
                let failure = failure::refused(self.reach, self.place, source).await;
                failure.while_doing(error.to_string())
            }
            ChangeError::Write(_) | ChangeError::Refused(_) => Failure::from_error(Exit::Failed, error),
        }
    }

    /// A command about a cluster, as people type it.
    pub(super) fn command(&self, verb: &str, name: &str) -> String {
        self.line(&format!("cluster {verb} {name}"))
    }

    /// A command for this place, as people type it.
    pub(crate) fn line(&self, rest: &str) -> String {
        let namespace = &self.place.namespace;
        let place = match &self.place.team {
            Some(_) if self.reach.team == self.place.team => String::new(),
            _ => format!(" --namespace {namespace}"),
        };
        self.account.tool.command(&format!("{rest}{place}"))
    }
}

/// What people read about a change: that it was asked for, or that it had been before.
pub(super) struct Words<'a> {
    pub(super) done: &'a str,
    pub(super) same: &'a str,
}

impl Work<'_> {
    /// Says what became of a change, and waits until the cluster is as it was asked for where that is wanted.
    pub(super) async fn settle(
        &self,
        changed: Changed,
        waiting: WaitArgs,
        dry_run: DryRunArgs,
        words: Words<'_>,
    ) -> Result<DynamicObject, Failure> {
        let ui = self.account.ui;
        let name = changed.object.name_any();
        match (changed.changed, dry_run.dry_run) {
            (false, _) => ui.note(words.same),
            (true, None) => ui.note(words.done),
            (true, Some(_)) => ui.note(&format!("{}; a dry run, nothing was changed", words.done)),
        }
        if dry_run.dry_run.is_some() {
            return Ok(changed.object);
        }
        if !waiting.wait {
            if changed.changed {
                ui.hint(&format!("wait for it: {}", self.command("wait", &name)));
            }
            return Ok(changed.object);
        }
        let asked = Asked {
            namespace: self.place.namespace.clone(),
            uid: changed.object.metadata.uid.clone(),
            goal: Goal::Ready,
            timeout: waiting.timeout,
            name,
        };
        let object = self.follow(&asked).await?.unwrap_or(changed.object);
        ui.note(&format!("cluster {} is {}", asked.name, asked.goal));
        Ok(object)
    }
}

/// Prints a cluster as the answer.
pub(super) fn answer(account: Account<'_>, object: DynamicObject, output: OutputArgs) -> Result<(), Failure> {
    let table = list::table(&[Row::of(&object)], false, Timestamp::now());
    account.ui.answer(&Shown { object, table }, output.output)
}

fn scene(name: &str, sight: &Sight) -> Scene {
    let tone = |state| match state {
        RowState::Done => Tone::Good,
        RowState::Busy => Tone::Busy,
        RowState::Bad => Tone::Bad,
    };
    let rows = sight
        .rows
        .iter()
        .map(|row| (row.name.clone(), row.text.clone(), tone(row.state)));
    Scene {
        subject: name.to_owned(),
        state: sight.phase.clone().unwrap_or_else(|| "new".to_owned()),
        rows: rows.collect(),
        cause: sight.cause.clone(),
        trouble: sight.trouble.clone(),
    }
}
