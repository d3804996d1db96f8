//! The wizard beside its screens: sessions from the command line, the conversation in lines, and what surrounds both.

mod asker;
pub(crate) mod facts;
mod tool;

use std::path::Path;

use butler_files::{
    home::{self, Home},
    read,
};
use butler_terminal::{Env, Exit, Failure, Ui, interrupt, text};
use butler_tui::{
    effect::Described,
    runner::{self, Around, Write, Written},
    wizard::Opened,
};
use butler_wizard::{
    finding::Severity,
    linear::{Line, Linear, Next},
    list::{About, Want},
    question::Origin,
    session::{Facts, Session},
    walk,
};
use jiff::Timestamp;

use self::tool::{OwnWorld, ThisTool};
use crate::{failure, keyring::SessionKeyring};

pub(crate) use self::asker::{Asker, Typed};

/// The largest configuration that is opened.
const LARGEST: u64 = 4 << 20;

/// What the command line says of a new cluster.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Begin<'a> {
    /// The platform.
    pub provider: Option<&'a str>,
    /// The configuration that is opened.
    pub config: Option<&'a Path>,
    /// Answers, as `PATH=VALUE`.
    pub set: &'a [String],
}

/// A session with what the command line says.
pub(crate) fn session(facts: &Facts, begin: Begin<'_>) -> Result<(Session, Option<Opened>), Failure> {
    let Begin { provider, config, set } = begin;
    let opened = config.map(opened).transpose()?;
    let mut facts = facts.clone();
    // Paths in a configuration are relative to its folder.
    if let Some(folder) = opened.as_ref().and_then(|opened| Path::new(&opened.path).parent()) {
        facts.reader = Some(facts::reader(folder));
    }
    let mut session = match &opened {
        Some(opened) => Session::open(&opened.text, &opened.path, facts).map_err(|e| {
            Failure::from_error(Exit::Usage, &e).while_doing(format!("cannot read {} as a configuration", opened.path))
        })?,
        None => Session::new(facts),
    };
    if let Some(provider) = provider {
        session.answer("provider", provider, Origin::Set);
    }
    for setting in set {
        let (path, value) = butler_wizard::split_set(setting).map_err(|e| failure::unset(&e))?;
        session.set(path, value).map_err(|e| failure::unset(&e))?;
    }
    Ok((session, opened))
}

/// What surrounds questions to platforms.
pub(crate) fn around(home: &Home, env: &Env) -> Around {
    Around {
        home: home.clone(),
        environment: env.variables().clone(),
        world: Box::new(OwnWorld::new(home, env)),
        keyring: Box::new(SessionKeyring(env.variables().clone())),
        tool: Box::new(ThisTool::new(home, env)),
    }
}

fn opened(path: &Path) -> Result<Opened, Failure> {
    let place = home::expand(path).map_err(|e| failure::home(&e))?;
    let failed = |failure: Failure| failure.while_doing(format!("cannot read {}", path.display()));
    let bytes = read::file(&place, LARGEST).map_err(|e| failed(Failure::from_error(Exit::Usage, &e)))?;
    let text = String::from_utf8(bytes).map_err(|_| failed(Failure::new(Exit::Usage, "it is no text in UTF-8")))?;
    Ok(Opened {
        path: place.display().to_string(),
        text,
    })
}

/// A session that nothing stands in the way of: from the command line, and from whoever is asked.
pub(crate) fn answered(
    ui: &Ui,
    env: &Env,
    home: &Home,
    begin: Begin<'_>,
    asker: Option<Asker>,
) -> Result<Session, Failure> {
    let (session, opened) = session(&facts::of(home, env)?, begin)?;
    let folder = opened.as_ref().and_then(|opened| Path::new(&opened.path).parent());
    let asks = Asks {
        ui,
        around: &around(home, env),
        folder: folder.unwrap_or(Path::new("")),
    };
    let session = match asker {
        Some(mut asker) => talk(&asks, &mut asker, Linear::new(session))?,
        None => session,
    };
    if !session.is_complete() {
        return Err(incomplete(ui, &session));
    }
    for finding in session.findings() {
        match finding.severity {
            Severity::Warning => ui.warn(&finding.message, finding.hint.as_deref()),
            Severity::Note => ui.note(&format!("note: {}", finding.message)),
            Severity::Error => {}
        }
    }
    Ok(session)
}

/// How platforms are asked.
struct Asks<'a> {
    ui: &'a Ui,
    around: &'a Around,
    /// The folder that relative paths are of.
    folder: &'a Path,
}

/// The conversation, until everything is answered or nobody answers any more.
fn talk(asks: &Asks<'_>, asker: &mut Asker, mut talk: Linear) -> Result<Session, Failure> {
    let ui = asks.ui;
    asker.say(&["An empty line takes what is in brackets; ? tells more, < goes back.".to_owned()]);
    loop {
        let said = match talk.upcoming() {
            Next::Over => return Ok(talk.into_session()),
            Next::Platform(want) => ask_platform(asks, asker, &mut talk, &want)?,
            Next::Hidden { words } => match Asker::hidden(&words)? {
                Some(secret) => talk.hidden(secret),
                None => return Err(incomplete(ui, talk.session())),
            },
            Next::Ask(Line {
                path: _,
                before,
                words,
                usual,
            }) => {
                asker.say(&before);
                match asker.ask(&words, usual.as_deref())? {
                    Typed::Line(typed) => talk.reply(&typed),
                    Typed::Back => talk.reply("<"),
                    Typed::End => return Err(incomplete(ui, talk.session())),
                }
            }
        };
        asker.say(&said);
    }
}

fn ask_platform(asks: &Asks<'_>, asker: &Asker, talk: &mut Linear, want: &Want) -> Result<Vec<String>, Failure> {
    let session = talk.session();
    // What is wanted is wanted of a platform that is described.
    let Some(settings) = session.platform() else {
        return Ok(Vec::new());
    };
    let what = match &want.about {
        About::Access => "whether it can be used".to_owned(),
        About::List(query) => format!("for its {}s", query.kind.as_str()),
        About::Image => "for the image of the machines".to_owned(),
    };
    asker.say(&[format!("  asking {} {what} ...", settings.kind())]);
    let platform = Described {
        settings,
        secrets: session.secrets().clone(),
        folder: asks.folder.to_owned(),
    };
    let (heard, said) = std::sync::mpsc::channel();
    interrupt::run(asks.ui, |stop| async move {
        let tell = |word| {
            // The receiver lives as long as this does.
            let _ = heard.send(word);
        };
        tokio::select! {
            () = runner::listen(asks.around, want, platform, &tell) => Ok(()),
            () = stop.cancelled() => Err(failure::interrupted()),
        }
    })?;
    let mut lines = Vec::new();
    for word in said.try_iter() {
        lines = talk.hear(want, word, Timestamp::now());
    }
    Ok(lines)
}

/// What is missing, with what would answer it.
fn incomplete(ui: &Ui, session: &Session) -> Failure {
    let lacking = walk::lacking(session);
    for lack in &lacking {
        let argument = lack
            .argument
            .as_deref()
            .map_or_else(String::new, |argument| format!("  {argument}"));
        let hint = lack
            .hint
            .as_deref()
            .map_or_else(String::new, |hint| format!(" ({hint})"));
        asker::print(ui, &format!("  {}{hint}{argument}", lack.message));
    }
    let count = match lacking.len() {
        1 => "1 setting is missing or wrong".to_owned(),
        n => format!("{n} settings are missing or wrong"),
    };
    Failure::new(Exit::Usage, format!("the configuration is not complete: {count}"))
        .hint("answer with --set PATH=VALUE, or on a terminal")
}

/// Writes the configuration; another one that is there stays, unless `force` says otherwise.
pub(crate) fn save(session: &Session, file: &Path, force: bool) -> Result<(), Failure> {
    let write = Write {
        path: file.display().to_string(),
        text: session.text().to_owned(),
        replace: force,
    };
    match runner::write(&write)? {
        Written::At(_) => Ok(()),
        Written::Taken(_) => Err(taken(file)),
    }
}

/// Another file is there.
pub(crate) fn taken(file: &Path) -> Failure {
    Failure::new(Exit::Usage, format!("{} is there already", file.display()))
        .hint("--force replaces it; --config begins with its answers")
}

/// Secrets that were typed are gone with this process.
pub(crate) fn tell_secrets(ui: &Ui, session: &Session) {
    for name in session.secrets().keys() {
        ui.note(&format!(
            "the secret that was typed is not kept: set {} where the bootstrap is started",
            text::sanitise_line(name)
        ));
    }
}
