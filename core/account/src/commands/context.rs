//! `butlerctl context`: which server and which team commands use.

use butler_client::store::Content;
use butler_terminal::{Answer, Exit, Failure, Table, args::OutputArgs, interrupt};
use jiff::Timestamp;
use serde::Serialize;

use crate::failure;
use crate::session::{self, ServerArgs};
use crate::tool::Account;

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
    #[arg(value_name = "TEAM")]
    pub name: Option<String>,
    /// The team to use on it from now on
    #[arg(long, value_name = "TEAM", conflicts_with = "name")]
    pub team: Option<String>,
}

impl UseArgs {
    fn team(&self) -> Option<&str> {
        self.name.as_deref().or(self.team.as_deref())
    }
}

/// Runs the command.
pub fn run(account: Account<'_>, chosen: ContextCommand) -> Result<(), Failure> {
    let Account { ui, tool, .. } = account;
    match chosen {
        ContextCommand::List(args) => {
            let (_, content) = session::stored(account)?;
            ui.answer(&Contexts::of(&content), args.output)
        }
        ContextCommand::Current(args) => {
            let (_, content) = session::stored(account)?;
            let mut all = Contexts::of(&content);
            all.0.retain(|context| context.active);
            if all.0.is_empty() {
                return Err(failure::nobody(tool));
            }
            ui.answer(&all, args.output)
        }
        ContextCommand::Use(args) => choose(account, &args),
    }
}

fn choose(account: Account<'_>, args: &UseArgs) -> Result<(), Failure> {
    let Account { ui, tool, .. } = account;
    let (store, content) = session::stored(account)?;
    let server = args.server.chosen(tool, &content)?;
    interrupt::run(ui, |_| async {
        let failed = |error| failure::store(tool, &error);
        let mut locked = store.lock(Timestamp::now()).await.map_err(failed)?;
        let Some(entry) = locked.content().servers.get(&server) else {
            return Err(failure::nobody_on(tool, &server));
        };
        if let Some(team) = args.team() {
            let user = &entry.known.user;
            let teams: Vec<&str> = user.teams.iter().map(|team| team.name.as_str()).collect();
            if !teams.contains(&team) && !user.is_platform_admin {
                let failure = Failure::new(Exit::Usage, format!("{} is not in team {team}", user.email));
                return Err(failure.hint(format!("the teams are: {}", teams.join(", "))));
            }
        }
        locked.choose(&server, args.team()).await.map_err(failed)
    })?;
    match args.team() {
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
        for (server, entry) in &content.servers {
            let session = &entry.known;
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
