//! `butleradm env create` and `update`.

use std::str::FromStr;

use butler_account::tool::Account;
use butler_account::work;
use butler_api::v1alpha1::team::TeamRole;
use butler_tenancy::environments::change::{self, Edit};
use butler_tenancy::environments::defaults::ClusterDefault;
use butler_tenancy::environments::entry::Wish;
use butler_tenancy::environments::list;
use butler_tenancy::teams::access::Group;
use butler_tenancy::users::email::{Email, EmailError};
use butler_terminal::{Exit, Failure, args::OutputArgs};

use super::OfTeamArgs;
use super::list::Environments;
use crate::commands::people;
use crate::failure;

/// What an environment is.
#[derive(Debug, Clone, clap::Args)]
pub struct EntryArgs {
    /// Name of the environment
    #[arg(value_name = "ENVIRONMENT")]
    pub name: String,
    /// The most clusters in it; 0 for no limit
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(0..))]
    pub max_clusters: Option<i32>,
    /// The most clusters of one person in it; 0 for no limit
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(0..))]
    pub max_clusters_per_member: Option<i32>,
    /// What it is for; empty takes it away
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// What new clusters get where they say nothing (workerCPU=4); nothing after the = takes it away
    #[arg(long = "cluster-default", value_name = "KEY=VALUE")]
    pub cluster_defaults: Vec<ClusterDefault>,
    /// Additional rights of a member (ann@example.com:admin); no role takes them away
    #[arg(long = "access-user", value_name = "EMAIL:ROLE")]
    pub access_users: Vec<UserRight>,
    /// Additional rights of a group (devs:operator, devs:operator:corp); no role takes them away
    #[arg(long = "access-group", value_name = "GROUP:ROLE[:PROVIDER]")]
    pub access_groups: Vec<GroupRight>,
}

/// Options of `env create`.
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    /// What is made.
    #[command(flatten)]
    pub entry: EntryArgs,
    /// Of which team.
    #[command(flatten)]
    pub of: OfTeamArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Options of `env update`.
#[derive(Debug, clap::Args)]
pub struct UpdateArgs {
    /// What changes.
    #[command(flatten)]
    pub entry: EntryArgs,
    /// Take all limits away, but for those that are named
    #[arg(long)]
    pub clear_limits: bool,
    /// Take all defaults away, but for those that are named
    #[arg(long)]
    pub clear_cluster_defaults: bool,
    /// Take all additional rights away, but for those that are named
    #[arg(long)]
    pub clear_access: bool,
    /// Of which team.
    #[command(flatten)]
    pub of: OfTeamArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Rights of a person.
#[derive(Debug, Clone)]
pub struct UserRight(Email, Option<TeamRole>);

/// Rights of a group.
#[derive(Debug, Clone)]
pub struct GroupRight(Group, Option<TeamRole>);

/// Why a text is no right.
#[derive(Debug, thiserror::Error)]
pub enum RightError {
    /// There is no such role.
    #[error("there is no role {0:?}; there are admin, operator and viewer")]
    Role(String),
    /// It is no address.
    #[error(transparent)]
    Email(#[from] EmailError),
    /// It names nobody.
    #[error("the group has no name")]
    NoName,
}

fn role(text: &str) -> Result<Option<TeamRole>, RightError> {
    match TeamRole::from(text) {
        _ if text.is_empty() => Ok(None),
        TeamRole::Other(word) => Err(RightError::Role(word)),
        role => Ok(Some(role)),
    }
}

impl FromStr for UserRight {
    type Err = RightError;

    fn from_str(text: &str) -> Result<Self, RightError> {
        let (email, word) = text.split_once(':').unwrap_or((text, ""));
        Ok(Self(email.parse()?, role(word)?))
    }
}

impl FromStr for GroupRight {
    type Err = RightError;

    fn from_str(text: &str) -> Result<Self, RightError> {
        let mut parts = text.splitn(3, ':');
        let mut next = || parts.next().unwrap_or("").to_owned();
        let (name, word, provider) = (next(), next(), next());
        if name.is_empty() {
            return Err(RightError::NoName);
        }
        let group = Group {
            name,
            provider: Some(provider).filter(|provider| !provider.is_empty()),
        };
        Ok(Self(group, role(&word)?))
    }
}

impl From<EntryArgs> for Wish {
    fn from(args: EntryArgs) -> Self {
        Self {
            description: args.description,
            max_clusters: args.max_clusters,
            max_clusters_per_member: args.max_clusters_per_member,
            defaults: args.cluster_defaults,
            users: args.access_users.into_iter().map(|right| (right.0, right.1)).collect(),
            groups: args.access_groups.into_iter().map(|right| (right.0, right.1)).collect(),
            ..Self::default()
        }
    }
}

/// Runs `env create`.
pub(crate) fn create(account: Account<'_>, args: CreateArgs) -> Result<(), Failure> {
    let name = args.entry.name.clone();
    change::validate(&name).map_err(|error| failure::people::environment(&error))?;
    let edit = Edit::Create(args.entry.into());
    apply(account, &args.of, &name, &edit, args.output)
}

/// Runs `env update`.
pub(crate) fn update(account: Account<'_>, args: UpdateArgs) -> Result<(), Failure> {
    let name = args.entry.name.clone();
    let wish = Wish {
        clear_limits: args.clear_limits,
        clear_defaults: args.clear_cluster_defaults,
        clear_access: args.clear_access,
        ..args.entry.into()
    };
    if wish.is_empty() {
        let failure = Failure::new(Exit::Usage, "nothing says what is to change");
        return Err(failure.hint("name it, for example --max-clusters COUNT"));
    }
    apply(account, &args.of, &name, &Edit::Update(wish), args.output)
}

fn apply(account: Account<'_>, of: &OfTeamArgs, name: &str, edit: &Edit, output: OutputArgs) -> Result<(), Failure> {
    let (rows, changed) = work::run(account, &of.access, async |reach| {
        let outcome = change::change(&reach, &people::writer(false), &of.team, name, edit).await;
        let outcome = outcome.map_err(|error| failure::people::environment(&error))?;
        let (rows, _) = list::all(&reach, &outcome.object).await;
        Ok((rows, outcome.changed))
    })?;
    let own = rows.into_iter().filter(|row| row.name() == name);
    account.ui.answer(&Environments(own.collect()), output.output)?;
    if !changed {
        account.ui.note("It was so already.");
    }
    Ok(())
}
