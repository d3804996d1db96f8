//! Questions to platforms.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use butler_api::config::Provider;
use butler_files::home;
use butler_infra::{Check, CheckStatus};
use butler_lifecycle::setup::{Coming, SetupError, Surroundings, bring_image, offers_each, validate_platform};
use butler_wizard::list::{About, Checked, Heard, Verdict, Want};
use tokio::time::Instant;

use super::{Around, Back, Tell, Tool, told};
use crate::effect::{Described, Wished};

/// How long a platform may say nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// A question to a platform.
pub(super) struct Question {
    pub(super) number: u64,
    pub(super) want: Box<Want>,
    pub(super) subject: Subject,
}

/// What a platform is asked about.
pub(super) enum Subject {
    /// Itself.
    Platform(Described),
    /// The image of the machines, which it brings.
    Image(Wished),
}

/// Asks, and passes on what is said.
pub(super) async fn ask(around: &Around, question: Question, tell: &Tell) {
    let Question { number, want, subject } = question;
    let say = |heard: Heard| {
        tell(Back::Heard {
            number,
            want: want.clone(),
            heard,
        });
    };
    match subject {
        Subject::Platform(platform) => listen(around, &want, platform, &say).await,
        Subject::Image(wished) => bring(around, wished, &say).await,
    }
}

/// Has the image brought, and says how far it is. `~` in a path is the home folder.
async fn bring(around: &Around, wished: Wished, say: &(dyn Fn(Heard) + Send + Sync)) {
    let Wished {
        mut image,
        secrets,
        folder,
    } = wished;
    if let Err(failed) = resolve(&mut image.provider, &folder) {
        return say(failed);
    }
    let environment = around.with(&secrets);
    let surroundings = around.surroundings(&environment);
    let tell = |Coming { words, hint }: Coming| say(Heard::Brings { words, hint });
    say(match bring_image(&image, surroundings, tell).await {
        Ok(found) => Heard::There { name: found.id },
        Err(error) => failed(&around.tool.of_setup(&error)),
    });
}

/// Paths of the settings as they are found from everywhere.
fn resolve(settings: &mut Provider, folder: &Path) -> Result<(), Heard> {
    let whole = |path: &str| home::resolve_in(folder, Path::new(path)).map(|path| path.to_string_lossy().into_owned());
    settings.resolve_paths(whole).map_err(|error| Heard::Failed {
        hint: error.hint(),
        error: error.to_string(),
    })
}

/// Asks a platform, and says what it says, as it comes. `~` in a path is the home folder.
pub async fn listen(around: &Around, want: &Want, platform: Described, say: &(dyn Fn(Heard) + Send + Sync)) {
    say(Heard::Asked);
    let Described {
        mut settings,
        secrets,
        folder,
    } = platform;
    if let Err(failed) = resolve(&mut settings, &folder) {
        return say(failed);
    }
    let environment = around.with(&secrets);
    let surroundings = around.surroundings(&environment);
    let asked = Asked {
        about: &want.about,
        platform: &settings,
        surroundings,
        tool: around.tool.as_ref(),
        say,
    };
    let last = match asked.answered().await {
        Ok(last) => last,
        Err(Trouble::Setup(error)) => failed(&around.tool.of_setup(&error)),
        Err(Trouble::Silent) => Heard::Failed {
            error: format!("the platform has not answered within {} s", PATIENCE.as_secs()),
            hint: Some("whether its address is right, and reachable from here; then ask again".to_owned()),
        },
    };
    say(last);
}

fn failed(failure: &butler_terminal::Failure) -> Heard {
    let (error, hint) = told(failure);
    Heard::Failed { error, hint }
}

enum Trouble {
    Setup(SetupError),
    Silent,
}

impl From<SetupError> for Trouble {
    fn from(error: SetupError) -> Self {
        Self::Setup(error)
    }
}

struct Asked<'a> {
    about: &'a About,
    platform: &'a Provider,
    surroundings: Surroundings<'a>,
    tool: &'a dyn Tool,
    say: &'a (dyn Fn(Heard) + Send + Sync),
}

impl Asked<'_> {
    /// The last thing that is said.
    async fn answered(&self) -> Result<Heard, Trouble> {
        match self.about {
            About::Access => {
                let checks = validate_platform(self.platform, self.surroundings);
                let checks = tokio::time::timeout(PATIENCE, checks)
                    .await
                    .map_err(|_| Trouble::Silent)??;
                Ok(Heard::Checks(checks.into_iter().map(checked).collect()))
            }
            // It has an effect of its own.
            About::Image => Ok(Heard::End),
            About::List(query) => {
                let heard = Mutex::new(Instant::now());
                let listing = offers_each(self.platform, query.clone(), self.surroundings, |choices| {
                    *heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
                    (self.say)(Heard::More(choices));
                });
                let ended = tokio::select! {
                    ended = listing => ended?,
                    () = silence(&heard) => return Err(Trouble::Silent),
                };
                Ok(match ended {
                    None => Heard::End,
                    Some(error) => failed(&self.tool.of_setup(&SetupError::Platform(error))),
                })
            }
        }
    }
}

/// Returns when nothing was heard for too long.
async fn silence(heard: &Mutex<Instant>) {
    loop {
        let last = *heard.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= PATIENCE {
            return;
        }
        tokio::time::sleep_until(last + PATIENCE).await;
    }
}

fn checked(check: Check) -> Checked {
    Checked {
        verdict: match check.status {
            CheckStatus::Ok => Verdict::Pass,
            // What could not be checked is to be known, too.
            CheckStatus::Warn | CheckStatus::Skipped => Verdict::Warn,
            CheckStatus::Fail => Verdict::Fail,
        },
        summary: check.summary,
        hint: check.hint,
    }
}
