//! Which cluster a command works on: from its options and the environment to a connection.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use butler_client::address::ServerAddress;
use butler_client::kubeconfig::{file, merge};
use butler_client::logged_in::LoggedIn;
use butler_client::refresh;
use butler_client::resolve::{self, Decision, Given, Kubectl, Look, ResolveError, Source};
use butler_tenancy::reach::Reach;
use butler_terminal::style::{Line, Tone};
use butler_terminal::{Env, Exit, Failure, env};
use butler_tui::board::{Choice, Elsewhere};
use jiff::Timestamp;

use crate::failure;
use crate::session;
use crate::tool::Account;

/// The variable that names a kubeconfig, as `--kubeconfig`.
pub const BUTLER_KUBECONFIG: &str = "BUTLER_KUBECONFIG";
/// The variable that names a context of a kubeconfig, as `--context`.
pub const BUTLER_CONTEXT: &str = "BUTLER_CONTEXT";
/// Where kubectl finds its files.
pub const KUBECONFIG: &str = "KUBECONFIG";

/// Which management cluster a command works on, and as whom.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Which cluster")]
pub struct AccessArgs {
    /// Kubeconfig of the management cluster; BUTLER_KUBECONFIG does as well
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; BUTLER_CONTEXT does as well
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// Use the login on this server; BUTLER_SERVER does as well
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// Print which cluster is used, as whom and why, before it is used
    #[arg(long)]
    pub explain_auth: bool,
}

/// Looks for what is only needed where nothing was given.
struct Looker<'a>(Account<'a>);

impl Look for Looker<'_> {
    type Error = Box<Failure>;

    fn login(&mut self) -> Result<Option<ServerAddress>, Self::Error> {
        let (_, content) = session::stored(self.0)?;
        Ok(content.active_server)
    }

    fn kubectl(&mut self) -> Result<Kubectl, Self::Error> {
        // kubectl takes a variable that names no file as unset.
        let named = merge::files(self.0.env.get(KUBECONFIG), None);
        if !named.is_empty() {
            return Ok(Kubectl::Variable(named));
        }
        let home = self.0.env.get(env::HOME).map(PathBuf::from);
        let file = home.map(|home| home.join(".kube").join("config"));
        Ok(file
            .filter(|file| file.exists())
            .map_or(Kubectl::Nowhere, Kubectl::File))
    }

    fn clusters(&mut self) -> Result<Vec<PathBuf>, Self::Error> {
        let home = session::home(self.0.env)?;
        let clusters = home.made_clusters().map_err(|error| {
            let place = home.clusters();
            Failure::from_error(Exit::Failed, &error).while_doing(format!("cannot list {}", place.display()))
        })?;
        let kubeconfigs = clusters.into_iter().map(|cluster| cluster.people_kubeconfig());
        Ok(kubeconfigs.filter(|path| path.exists()).collect())
    }
}

/// Decides which cluster is meant. Nothing is connected to.
pub fn decide(account: Account<'_>, args: &AccessArgs) -> Result<Decision, Failure> {
    let given = given(account.env, args)?;
    resolve::decide(&given, &mut Looker(account)).map_err(|error| undecided(account, error))
}

fn given(env: &Env, args: &AccessArgs) -> Result<Given, Failure> {
    let address = |text: &str| ServerAddress::parse(text, true).map_err(|error| failure::address(&error));
    Ok(Given {
        kubeconfig: args.kubeconfig.clone(),
        context: args.context.clone(),
        server: args.server.as_deref().map(address).transpose()?,
        kubeconfig_variable: env.get(BUTLER_KUBECONFIG).map(PathBuf::from),
        context_variable: env.text(BUTLER_CONTEXT).map(str::to_owned),
        server_variable: env.text(session::BUTLER_SERVER).map(address).transpose()?,
    })
}

fn undecided(account: Account<'_>, error: ResolveError<Box<Failure>>) -> Failure {
    match error {
        ResolveError::Look(failure) => *failure,
        ResolveError::Nothing => Failure::from_error(Exit::LoginNeeded, &shown(&error))
            .hint(format!("log in: {} login --server URL", account.tool.name))
            .hint("or name a kubeconfig: --kubeconfig FILE"),
        ResolveError::Several(ref paths) => {
            let failure = Failure::from_error(Exit::Usage, &shown(&error));
            paths.iter().fold(failure, |failure, path| {
                failure.hint(format!("--kubeconfig {}", path.display()))
            })
        }
        ResolveError::ContextOfNothing(_) => {
            Failure::from_error(Exit::Usage, &shown(&error)).hint("name the kubeconfig: --kubeconfig FILE")
        }
        ResolveError::Contradiction(..) => {
            Failure::from_error(Exit::Usage, &shown(&error)).hint("leave one of them out")
        }
    }
}

/// The error without what could not be looked at, which is told by itself.
fn shown(error: &ResolveError<Box<Failure>>) -> ResolveError<Infallible> {
    match error {
        ResolveError::Contradiction(one, other) => ResolveError::Contradiction(one, other),
        ResolveError::ContextOfNothing(name) => ResolveError::ContextOfNothing(name.clone()),
        ResolveError::Several(paths) => ResolveError::Several(paths.clone()),
        ResolveError::Nothing | ResolveError::Look(_) => ResolveError::Nothing,
    }
}

/// The management cluster that is meant, ready to be worked with.
pub async fn reach(account: Account<'_>, args: &AccessArgs) -> Result<Reach, Failure> {
    let decision = decide(account, args)?;
    if args.explain_auth {
        explain(account, &decision);
    }
    let reached = match decision.source.clone() {
        Source::Login(address) => {
            let store = session::store(account.env)?;
            let renewed = refresh::session(&store, &address, Timestamp::now).await;
            let renewed = renewed.map_err(|error| failure::session(account.tool, &error))?;
            session::tell_lost_teams(account, &renewed.lost_teams);
            let server = LoggedIn::new(store, address, renewed.session.clone());
            let server = server.map_err(|error| failure::session(account.tool, &error))?;
            Reach::by_login(decision, server, &renewed.session).await
        }
        Source::Kubeconfig(_) | Source::Kubectl(_) | Source::Cluster(_) => Reach::by_files(decision).await,
    };
    reached.map_err(|error| failure::reach(account.tool, &error))
}

/// The management clusters that are known here: logins, clusters that were made from here, and contexts of the kubeconfig.
/// `here` is the one that is worked with.
pub fn places(account: Account<'_>, here: Option<&Decision>) -> Result<Vec<Choice>, Failure> {
    let source = here.map(|decision| &decision.source);
    let (_, kept) = session::stored(account)?;
    let logins = kept.servers.iter().map(|(address, entry)| Choice {
        to: Elsewhere::Login(address.to_string()),
        name: address.to_string(),
        about: format!("login of {}", entry.known.user.email),
        is_here: source == Some(&Source::Login(address.clone())),
    });
    let mut places: Vec<Choice> = logins.collect();
    let made = Looker(account).clusters().map_err(|failure| *failure)?;
    places.extend(made.into_iter().map(|path| Choice {
        name: made_from_here(&path),
        about: "made from here".to_owned(),
        is_here: matches!(source, Some(Source::Cluster(used) | Source::Kubeconfig(used)) if *used == path),
        to: Elsewhere::Kubeconfig(path),
    }));
    let files = match source {
        Some(Source::Kubeconfig(path)) => vec![path.clone()],
        Some(Source::Kubectl(paths)) => paths.clone(),
        _ => match Looker(account).kubectl().map_err(|failure| *failure)? {
            Kubectl::Variable(paths) => paths,
            Kubectl::File(path) => vec![path],
            Kubectl::Nowhere => Vec::new(),
        },
    };
    let contexts = file::contexts(&files).map_err(|error| Failure::from_error(Exit::Failed, &error))?;
    let context = here.and_then(|decision| decision.context.as_deref());
    places.extend(contexts.into_iter().map(|name| Choice {
        is_here: context == Some(&*name),
        about: "context of the kubeconfig".to_owned(),
        to: Elsewhere::Context(name.clone()),
        name,
    }));
    Ok(places)
}

/// The name of a cluster by the name of its kubeconfig.
fn made_from_here(kubeconfig: &Path) -> String {
    let name = kubeconfig.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| kubeconfig.display().to_string());
    name.strip_suffix("-kubeconfig").map_or(name.clone(), str::to_owned)
}

/// Prints the decision and the order that it follows from.
pub fn explain(account: Account<'_>, decision: &Decision) {
    let mut lines = vec![Line::new().with(Tone::Plain, &format!("used: {}", decision.source))];
    if let Some(context) = &decision.context {
        lines.push(Line::new().with(Tone::Plain, &format!("context: {context}")));
    }
    lines.push(Line::new().with(Tone::Plain, &format!("why: {}", decision.reason)));
    lines.push(Line::new().with(Tone::Faint, "The first of these that is there decides:"));
    for (name, reasons) in resolve::ORDER {
        let chosen = reasons.contains(&decision.reason);
        let (mark, tone) = if chosen {
            ("→", Tone::Plain)
        } else {
            (" ", Tone::Faint)
        };
        lines.push(Line::new().with(tone, &format!("{mark} {name}")));
    }
    account.ui.lines(&lines);
}
