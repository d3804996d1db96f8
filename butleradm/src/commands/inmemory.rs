//! `butleradm inmemory`: the simulated world as a process of its own.

use std::path::PathBuf;

use butler_files::home::{self, Home};
use butler_terminal::{Answer, Env, Exit, Failure, Format, Table, Ui, args::OutputArgs, env, interrupt, table::Cell};
use butler_world::{
    process::{self, Platform, Status, UpOptions},
    world::{file::Settings, people::PersonView, proxmox::PlatformView},
};
use serde::Serialize;

use crate::{failure, world};

/// What to do with the world.
#[derive(Debug, clap::Subcommand)]
pub enum InMemoryCommand {
    /// Start the simulated world, unless it runs
    Up(UpArgs),
    /// Print what is in the simulated world
    Status(OutputArgs),
    /// End the simulated world and everything in it
    Down,
    /// Approve a login that waits at a simulated Butler server, as its person would in a browser
    Approve(ApproveArgs),
    /// Deny a login that waits at a simulated Butler server
    Deny(DenyArgs),
    /// Run the simulated world in this process
    #[command(hide = true)]
    Serve(ServeArgs),
}

/// What the world is made of.
#[derive(Debug, clap::Args)]
pub struct WorldArgs {
    /// Latencies and faults (YAML)
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
    /// Machines without owner that wait in maintenance mode
    #[arg(long = "static", value_name = "N", default_value_t = 0)]
    pub static_nodes: u32,
    /// Platform that is played as well, with its own HTTP API: proxmox
    // Explained here: values with a help of their own would stretch the whole page.
    #[arg(long, value_name = "NAME", hide_possible_values = true)]
    pub platform: Option<PlatformName>,
}

/// Platforms that a world can play.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum PlatformName {
    /// Proxmox VE, with an image factory
    Proxmox,
}

/// Options of `inmemory up`.
#[derive(Debug, clap::Args)]
pub struct UpArgs {
    /// What it is made of.
    #[command(flatten)]
    pub world: WorldArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Options of `inmemory approve`.
#[derive(Debug, clap::Args)]
pub struct ApproveArgs {
    /// Code that the login shows
    pub code: String,
    /// For whom: a user name or an e-mail address
    #[arg(long = "as", value_name = "USER")]
    pub user: String,
}

/// Options of `inmemory deny`.
#[derive(Debug, clap::Args)]
pub struct DenyArgs {
    /// Code that the login shows
    pub code: String,
}

/// Options of `inmemory serve`.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// What it is made of.
    #[command(flatten)]
    pub world: WorldArgs,
    /// Folder of the state.
    #[arg(long, value_name = "DIR")]
    pub state: PathBuf,
    /// Leave the session of the caller.
    #[arg(long)]
    pub detached: bool,
}

/// Runs the command.
pub(crate) fn run(ui: &Ui, environment: &Env, command: InMemoryCommand) -> Result<(), Failure> {
    let home = || Home::resolve(environment.get(env::BUTLER_HOME)).map_err(|e| failure::home(&e));
    match command {
        InMemoryCommand::Up(args) => {
            let home = home()?;
            until_stopped(ui, up(ui, environment, &home, args))
        }
        InMemoryCommand::Status(args) => {
            let home = home()?;
            until_stopped(ui, show(ui, &home, args.output))
        }
        InMemoryCommand::Down => {
            let home = home()?;
            until_stopped(ui, down(ui, &home))
        }
        InMemoryCommand::Approve(args) => {
            let home = home()?;
            until_stopped(ui, approve(ui, &home, args))
        }
        InMemoryCommand::Deny(args) => {
            let home = home()?;
            until_stopped(ui, deny(ui, &home, args))
        }
        InMemoryCommand::Serve(args) => {
            if args.detached {
                process::detach();
            }
            let options = options(args.world)?;
            // The world listens for signals itself.
            interrupt::run(ui, |_| async move {
                process::serve(&args.state, &options)
                    .await
                    .map_err(|e| failure::world(&e))
            })
        }
    }
}

fn until_stopped(ui: &Ui, work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    interrupt::run(ui, |stop| async move {
        tokio::select! {
            result = work => result,
            () = stop.cancelled() => Err(failure::interrupted()),
        }
    })
}

async fn up(ui: &Ui, environment: &Env, home: &Home, args: UpArgs) -> Result<(), Failure> {
    let program = world::program(environment).map_err(|e| failure::program(&e))?;
    let options = options(args.world)?;
    let endpoint = process::ensure_up(&program, &home.state, &options)
        .await
        .map_err(|e| failure::world(&e))?;
    if !endpoint.started && options != UpOptions::default() {
        ui.warn(
            "the world runs already and keeps its own options",
            Some("end it first: butleradm inmemory down"),
        );
    }
    show(ui, home, args.output.output).await?;
    let status = process::status(&home.state).await.map_err(|e| failure::world(&e))?;
    for platform in &status.platforms {
        ui.note(&configuration(platform));
    }
    Ok(())
}

async fn show(ui: &Ui, home: &Home, format: Format) -> Result<(), Failure> {
    let status = process::status(&home.state).await.map_err(|e| failure::world(&e))?;
    if matches!(format, Format::Table | Format::Wide) {
        ui.note(&summary(&status));
    }
    ui.answer(&PrintedStatus(status), format)
}

async fn down(ui: &Ui, home: &Home) -> Result<(), Failure> {
    let ended = process::down(&home.state).await.map_err(|e| failure::world(&e))?;
    ui.note(if ended { "the world has ended" } else { "no world runs" });
    Ok(())
}

async fn approve(ui: &Ui, home: &Home, args: ApproveArgs) -> Result<(), Failure> {
    let ApproveArgs { code, user } = args;
    let approved = process::approve_login(&home.state, &code, &user).await;
    approved.map_err(|e| failure::world(&e).while_doing(format!("cannot approve {code} as {user}")))?;
    ui.note(&format!("approved {code} as {user}"));
    Ok(())
}

async fn deny(ui: &Ui, home: &Home, args: DenyArgs) -> Result<(), Failure> {
    let DenyArgs { code } = args;
    let denied = process::deny_login(&home.state, &code).await;
    denied.map_err(|e| failure::world(&e).while_doing(format!("cannot deny {code}")))?;
    ui.note(&format!("denied {code}"));
    Ok(())
}

/// Checked here, where a wrong file can be told at once; its path becomes absolute, because the world runs elsewhere.
fn options(args: WorldArgs) -> Result<UpOptions, Failure> {
    let absolute = |path: PathBuf| {
        let path = home::expand(&path).map_err(|e| failure::home(&e))?;
        Settings::load(&path).map_err(|e| failure::world(&e.into()))?;
        std::path::absolute(&path).map_err(|e| {
            Failure::from_error(Exit::Usage, &e).while_doing(format!("cannot find the world file {}", path.display()))
        })
    };
    Ok(UpOptions {
        world: args.world.map(absolute).transpose()?,
        static_nodes: args.static_nodes,
        platform: args.platform.map(|name| match name {
            PlatformName::Proxmox => Platform::Proxmox,
        }),
    })
}

fn summary(status: &Status) -> String {
    if !status.running {
        return "no world runs".to_owned();
    }
    let clusters: Vec<String> = status
        .clusters
        .iter()
        .map(|c| format!("{} ({})", c.name, c.server))
        .collect();
    let clusters = if clusters.is_empty() {
        "none".to_owned()
    } else {
        clusters.join(", ")
    };
    let tenants = match status.tenants.len() {
        0 => String::new(),
        count => format!(", tenants {count}"),
    };
    let mut lines = vec![format!(
        "the world runs: process {}, control API {}, machines {}, clusters {clusters}{tenants}",
        status.pid,
        status.control,
        status.machines.len()
    )];
    let servers = status.butler_servers.iter();
    lines.extend(servers.map(|server| format!("Butler's server of {}: {}", server.cluster, server.url)));
    lines.extend(status.platforms.iter().map(platform));
    if !status.butler_servers.is_empty() {
        let people: Vec<String> = status.people.iter().map(person).collect();
        lines.push(format!("people there: {}", people.join(", ")));
    }
    lines.join("\n")
}

/// How a platform that the world plays is reached.
fn platform(view: &PlatformView) -> String {
    let PlatformView {
        provider,
        endpoint,
        fingerprint,
        ca_file,
        user,
        password_file,
        token,
        token_file,
        nodes,
        network,
        image_factory,
    } = view;
    format!(
        "{provider}: {endpoint}, nodes {}, machines in {network}\n  certificate: SHA-256 {fingerprint}, authority {}\n  \
         user {user}, password in {}\n  API token {token}, secret in {}\n  image factory: {image_factory}",
        nodes.join(", "),
        ca_file.display(),
        password_file.display(),
        token_file.display()
    )
}

/// The part of a configuration that names a platform that the world plays.
fn configuration(view: &PlatformView) -> String {
    let PlatformView {
        provider,
        endpoint,
        ca_file,
        token,
        token_file,
        nodes,
        image_factory,
        ..
    } = view;
    format!(
        "for a configuration:\n\nprovider: {provider}\nproviderConfig:\n  {provider}:\n    endpoint: {endpoint}\n    caFile: \
         {}\n    nodes: [{}]\n    username: {token}\n    password:\n      file: {}\n    storage: local-zfs\ntalos:\n  \
         imageFactory: {image_factory}\n",
        ca_file.display(),
        nodes.join(", "),
        token_file.display()
    )
}

/// A person with password and roles.
fn person(person: &PersonView) -> String {
    let mut roles: Vec<String> = person
        .teams
        .iter()
        .map(|(team, role)| format!("{} of {team}", role.as_str()))
        .collect();
    if person.platform_admin {
        roles.push("platform administrator".to_owned());
    }
    format!("{} ({}; password {})", person.user, roles.join(", "), person.password)
}

/// The answer of `status` and `up`.
#[derive(Serialize)]
#[serde(transparent)]
struct PrintedStatus(Status);

impl Answer for PrintedStatus {
    fn table(&self) -> Table {
        let mut table = Table::new(&["MACHINE", "STAGE", "ADDRESS", "CLUSTER"], &["ROLE", "ID"]);
        for machine in &self.0.machines {
            // Static nodes have neither owner nor role.
            let cluster = machine.owner.as_ref().map_or("", |owner| owner.cluster_name.as_str());
            table.row([
                Cell::from(&machine.name),
                Cell::from(machine.stage.to_string()),
                Cell::from(&machine.address),
                Cell::from(cluster),
                Cell::from(machine.role.as_deref().unwrap_or("")),
                Cell::from(&machine.id),
            ]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.0.machines.iter().map(|machine| machine.name.clone()).collect()
    }
}
