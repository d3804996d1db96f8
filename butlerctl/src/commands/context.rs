//! `butlerctl context`: which server and which team commands use.

use butler_client::store::Content;
use butler_terminal::{Answer, Env, Exit, Failure, Table, Ui, args::OutputArgs, interrupt};
use serde::Serialize;

use crate::failure;
use crate::session::{self, ServerArgs};

/// What to do with contexts.
#[derive(Debug, clap::Subcommand)]
pub enum ContextCommand {
    /// List servers and teams
    List(OutputArgs),
    /// Use another server, or another team on it
    Use(UseArgs),
    /// Print the server and the team that commands use
    Current(OutputArgs),
}

/// Options of `context use`.
#[derive(Debug, clap::Args)]
pub struct UseArgs {
    /// The server to use from now on.
    #[command(flatten)]
    pub server: ServerArgs,
    /// The team to use on it from now on
    #[arg(long, value_name = "NAME")]
    pub team: Option<String>,
}

/// Runs the command.
pub(crate) fn run(ui: &Ui, env: &Env, chosen: ContextCommand) -> Result<(), Failure> {
    match chosen {
        ContextCommand::List(args) => {
            let (_, content) = session::stored(env)?;
            ui.answer(&Contexts::of(&content), args.output)
        }
        ContextCommand::Current(args) => {
            let (_, content) = session::stored(env)?;
            let mut all = Contexts::of(&content);
            all.0.retain(|context| context.active);
            if all.0.is_empty() {
                let failure = Failure::new(Exit::LoginNeeded, "nobody is logged in");
                return Err(failure.hint("log in: butlerctl login --server URL"));
            }
            ui.answer(&all, args.output)
        }
        ContextCommand::Use(args) => choose(ui, env, &args),
    }
}

fn choose(ui: &Ui, env: &Env, args: &UseArgs) -> Result<(), Failure> {
    let (store, content) = session::stored(env)?;
    let server = args.server.chosen(&content)?;
    interrupt::run(ui, |_| async {
        let locked = store.lock().await.map_err(|error| failure::store(&error))?;
        let mut content = locked.read().map_err(|error| failure::store(&error))?;
        let Some(session) = content.servers.get_mut(&server) else {
            let failure = Failure::new(Exit::LoginNeeded, format!("nobody is logged in on {server}"));
            return Err(failure.hint(format!("log in: butlerctl login --server {server}")));
        };
        if let Some(team) = &args.team {
            let teams: Vec<&str> = session.user.teams.iter().map(|team| team.name.as_str()).collect();
            if !teams.contains(&team.as_str()) && !session.user.is_platform_admin {
                let failure = Failure::new(Exit::Usage, format!("{} is not in team {team}", session.user.email));
                return Err(failure.hint(format!("the teams are: {}", teams.join(", "))));
            }
            session.active_team = Some(team.clone());
        }
        content.active_server = Some(server.clone());
        locked.write(&content).map_err(|error| failure::store(&error))
    })?;
    match &args.team {
        Some(team) => ui.note(&format!("commands use team {team} on {server}")),
        None => ui.note(&format!("commands use {server}")),
    }
    Ok(())
}

/// A server and a team on it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    active: bool,
    server: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    user: String,
}

/// All servers and teams.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Contexts(Vec<Context>);

impl Contexts {
    fn of(content: &Content) -> Self {
        let mut all = Vec::new();
        for (server, session) in &content.servers {
            let is_active = content.active_server.as_ref() == Some(server);
            let mut of_server: Vec<Context> = session
                .user
                .teams
                .iter()
                .map(|team| Context {
                    active: is_active && session.active_team.as_ref() == Some(&team.name),
                    server: server.to_string(),
                    team: Some(team.name.clone()),
                    role: Some(team.role.clone()),
                    user: session.user.email.clone(),
                })
                .collect();
            let chosen = of_server.iter().any(|context| context.active);
            if of_server.is_empty() || (is_active && !chosen) {
                // Whoever is in no team, or looks at one as an administrator, still has a context.
                of_server.push(Context {
                    active: is_active,
                    server: server.to_string(),
                    team: session.active_team.clone(),
                    role: None,
                    user: session.user.email.clone(),
                });
            }
            all.extend(of_server);
        }
        Self(all)
    }
}

impl Answer for Contexts {
    fn table(&self) -> Table {
        let mut table = Table::new(&["ACTIVE", "SERVER", "TEAM", "ROLE", "USER"], &[]);
        for context in &self.0 {
            table.row([
                if context.active { "*" } else { "" }.into(),
                context.server.as_str().into(),
                context.team.as_deref().unwrap_or("-").into(),
                context.role.as_deref().unwrap_or("-").into(),
                context.user.as_str().into(),
            ]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        let name = |context: &Context| match &context.team {
            Some(team) => format!("{}/{team}", context.server),
            None => context.server.clone(),
        };
        self.0.iter().map(name).collect()
    }
}
