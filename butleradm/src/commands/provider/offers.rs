//! `butleradm provider images`, `networks`, `nodes` and `storages`: what a platform has that a configuration can name.

use std::collections::BTreeMap;
use std::path::PathBuf;

use butler_account::access::AccessArgs;
use butler_account::failure as account_failure;
use butler_account::tool::Account;
use butler_account::work;
use butler_files::home;
use butler_infra::{Choice, ChoiceKind, ErrorKind, Query};
use butler_lifecycle::setup::{self, Offers, SetupError};
use butler_tenancy::providers::by_server::{self, Entry, List};
use butler_tenancy::providers::settings;
use butler_tenancy::reach::Reach;
use butler_terminal::{Answer, Exit, Failure, Table, args::OutputArgs, interrupt};
use serde::Serialize;

use super::PlaceArgs;
use crate::failure;
use crate::keyring::SessionKeyring;
use crate::world::HomeWorld;

/// Options of the lists.
#[derive(Debug, clap::Args)]
pub struct OffersArgs {
    /// Name of the provider
    #[arg(
        value_name = "PROVIDER",
        required_unless_present = "config",
        conflicts_with = "config"
    )]
    pub provider: Option<String>,
    /// Ask the platform of a bootstrap configuration instead
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Only what belongs to this one, such as a node or a storage
    #[arg(long, value_name = "ID")]
    pub parent: Option<String>,
    /// Where it is.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(super) fn run(account: Account<'_>, args: &OffersArgs, kind: ChoiceKind) -> Result<(), Failure> {
    let home = super::home(account)?;
    let world = HomeWorld {
        home: &home,
        env: account.env,
    };
    let keyring = SessionKeyring(account.env.variables());
    let surroundings = super::surroundings(account, &home, &world, &keyring);
    let query = Query {
        kind,
        parent: args.parent.clone(),
    };
    let Offers { choices, failed } = match (&args.config, &args.provider) {
        (Some(file), _) => {
            let file = home::expand(file).map_err(|error| failure::home(&error))?;
            let loaded = setup::load(&file, None).map_err(|error| failure::configuration(&error))?;
            let settings = loaded.config.provider;
            interrupt::run(account.ui, |stop| async move {
                tokio::select! {
                    offers = setup::offers(&settings, query, surroundings) => offers.map_err(|error| failure::setup(&error)),
                    () = stop.cancelled() => Err(failure::interrupted()),
                }
            })?
        }
        (None, Some(name)) => work::run(account, &args.access, async |reach| {
            let namespace = args.place.namespace.as_str();
            let described = settings::read(&reach, namespace, name).await;
            let described = described.map_err(|error| failure::providers::describe(&error))?;
            match setup::offers(&described.settings, query, surroundings).await {
                // Some platforms are known to Butler's server alone.
                Err(error) if is_unsupported(&error) && reach.server.is_some() => {
                    told_by_server(account, &reach, kind, (namespace, name), &error).await
                }
                offers => offers.map_err(|error| failure::setup(&error)),
            }
        })?,
        (None, None) => return Err(Failure::new(Exit::Usage, "which provider?").hint("name it, or --config FILE")),
    };
    let listed = Listed {
        kind,
        choices: choices.into_iter().map(Row::from).collect(),
    };
    account.ui.answer(&listed, args.output.output)?;
    match failed {
        Some(error) => Err(failure::infra(&error).while_doing("the list is not complete")),
        None => Ok(()),
    }
}

fn is_unsupported(error: &SetupError) -> bool {
    matches!(error, SetupError::Platform(error) if error.kind == ErrorKind::Unsupported)
}

/// What Butler's server tells of a platform that we do not speak to; `error` is why we do not.
async fn told_by_server(
    account: Account<'_>,
    reach: &Reach,
    kind: ChoiceKind,
    (namespace, name): (&str, &str),
    error: &SetupError,
) -> Result<Offers, Failure> {
    let list = match kind {
        ChoiceKind::Image => Some(List::Images),
        ChoiceKind::Network => Some(List::Networks),
        _ => None,
    };
    let (Some(list), Some(server)) = (list, &reach.server) else {
        return Err(failure::setup(error));
    };
    let entries = by_server::list(server, list, namespace, name).await;
    let entries = entries.map_err(|error| {
        let told = Failure::from_error(Exit::Failed, &error);
        account_failure::server(account.tool, told, &error).while_doing(format!("cannot list what provider {name} has"))
    })?;
    let facts = ["vlan", "description", "os"];
    let choice = |entry: Entry| Choice {
        kind,
        facts: facts
            .into_iter()
            .filter_map(|key| Some((key, entry.fact(key)?)))
            .collect(),
        id: entry.id,
        name: entry.name,
        parent: None,
        unusable: None,
    };
    Ok(Offers {
        choices: entries.into_iter().map(choice).collect(),
        failed: None,
    })
}

/// What was listed.
struct Listed {
    kind: ChoiceKind,
    choices: Vec<Row>,
}

/// One thing that a configuration can name.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    #[serde(flatten)]
    facts: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unusable: Option<String>,
}

impl From<Choice> for Row {
    fn from(choice: Choice) -> Self {
        let Choice {
            kind: _,
            id,
            name,
            parent,
            facts,
            unusable,
        } = choice;
        Self {
            name,
            id,
            parent,
            facts,
            unusable,
        }
    }
}

impl Serialize for Listed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.choices.serialize(serializer)
    }
}

/// The columns of a kind: its title, and the fact that it shows; the parent has no fact.
fn columns(kind: ChoiceKind) -> &'static [(&'static str, &'static str)] {
    match kind {
        ChoiceKind::Image => &[
            ("STORAGE", ""),
            ("SIZE", "size"),
            ("FORMAT", "format"),
            ("NODE", "node"),
        ],
        ChoiceKind::Network => &[
            ("NODE", ""),
            ("TYPE", "type"),
            ("VLAN", "vlan"),
            ("DESCRIPTION", "description"),
        ],
        ChoiceKind::Storage => &[("NODE", ""), ("TYPE", "type"), ("CONTENT", "content"), ("FREE", "free")],
        ChoiceKind::Node => &[("CPUS", "cpus"), ("MEMORY", "memory"), ("FREE", "free")],
        ChoiceKind::Pool | ChoiceKind::Template | ChoiceKind::MachineId => &[("NODE", "")],
    }
}

impl Answer for Listed {
    fn table(&self) -> Table {
        let columns = columns(self.kind);
        let with_id = self.choices.iter().any(|row| row.id != row.name);
        let mut titles = vec!["NAME"];
        titles.extend(with_id.then_some("ID"));
        titles.extend(columns.iter().map(|(title, _)| *title));
        titles.push("USABLE");
        let mut table = Table::new(&titles, &[]);
        for row in &self.choices {
            let mut cells = vec![row.name.as_str()];
            cells.extend(with_id.then_some(row.id.as_str()));
            cells.extend(columns.iter().map(|(_, fact)| match *fact {
                "" => row.parent.as_deref().unwrap_or("-"),
                fact => row.facts.get(fact).map_or("-", String::as_str),
            }));
            cells.push(row.unusable.as_deref().unwrap_or("yes"));
            table.row(cells.into_iter().map(Into::into));
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.choices.iter().map(|row| row.id.clone()).collect()
    }
}
