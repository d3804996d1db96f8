//! `butlerctl workspace create`.

use butler_account::objects::Shown;
use butler_account::tool::Account;
use butler_tenancy::clusters::change::DryRun;
use butler_tenancy::clusters::read::cluster;
use butler_tenancy::workspaces::{self, Wanted};
use butler_terminal::{Exit, Failure, args::OutputArgs, output};
use jiff::Timestamp;

use super::list::table;
use super::{LIST, WhereArgs};
use crate::commands::cluster::one::unread;
use crate::commands::cluster::waiting::{DryRunArgs, Work};
use crate::commands::objects;

/// Options of `workspace create`.
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    /// Name of the workspace
    #[arg(value_name = "NAME")]
    name: String,
    /// Cluster to create it in
    #[arg(long, value_name = "CLUSTER")]
    cluster: String,
    /// Template to begin with
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// Image of the container; without it that of the template
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// E-mail address of whoever it is for, instead of whoever is logged in
    #[arg(long, value_name = "EMAIL")]
    owner: Option<String>,
    /// Processor cores
    #[arg(long, value_name = "NUMBER")]
    cpu: Option<String>,
    /// Memory, for example 4Gi
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Size of the volume, for example 10Gi
    #[arg(long = "storage", visible_alias = "storage-size", value_name = "SIZE")]
    storage: Option<String>,
    /// Repository to clone: URL, or URL#BRANCH (repeatable)
    #[arg(long = "repository", visible_alias = "repo", value_name = "URL")]
    repositories: Vec<String>,
    /// SSH key that may log in; without one those of the owner (repeatable)
    #[arg(long = "ssh-key", value_name = "KEY")]
    keys: Vec<String>,
    /// How long it can be reached once it is connected to, for example 4h
    #[arg(long, value_name = "DURATION")]
    idle_timeout: Option<String>,
    /// How long after that it is stopped, for example 8h
    #[arg(long, value_name = "DURATION")]
    auto_stop_after: Option<String>,
    /// Where to create it.
    #[command(flatten)]
    place: WhereArgs,
    /// Whether to make anything.
    #[command(flatten)]
    dry_run: DryRunArgs,
    /// Format of the answer.
    #[command(flatten)]
    output: OutputArgs,
}

impl CreateArgs {
    fn wanted(&self, on: &Work<'_>) -> Result<Wanted, Failure> {
        let owner = self.owner.clone().or_else(|| on.reach.email.clone());
        let nobody = || Failure::new(Exit::Usage, "nobody is logged in whose workspace it is").hint("--owner EMAIL");
        let repositories = self.repositories.iter().map(|text| match text.split_once('#') {
            Some((url, branch)) => (url.to_owned(), Some(branch.to_owned())),
            None => (text.clone(), None),
        });
        Ok(Wanted {
            name: self.name.clone(),
            cluster: self.cluster.clone(),
            owner: owner.ok_or_else(nobody)?,
            image: self.image.clone(),
            cpu: self.cpu.clone(),
            memory: self.memory.clone(),
            storage: self.storage.clone(),
            repositories: repositories.collect(),
            keys: self.keys.clone(),
            idle_timeout: self.idle_timeout.clone(),
            auto_stop_after: self.auto_stop_after.clone(),
        })
    }
}

/// Runs the command.
pub(super) fn run(account: Account<'_>, args: &CreateArgs) -> Result<(), Failure> {
    let name = &args.name;
    let made = args.place.work(account, async |on| {
        let wanted = args.wanted(on)?;
        let namespace = &on.place.namespace;
        let preset = on.unless_left(async {
            let found = cluster(on.reach, namespace, &args.cluster).await;
            found.map_err(|error| unread(account.tool, &error))?;
            let Some(template) = &args.template else {
                return Ok(None);
            };
            let read = async {
                let object = workspaces::template(on.reach, namespace, template).await?;
                workspaces::preset(&object)
            };
            objects::told(on, "template list", read).await.map(Some)
        });
        let workspace = workspaces::build(&wanted, preset.await?.as_ref(), namespace);
        let workspace = workspace
            .map_err(|error| Failure::from_error(Exit::Usage, &error).hint("--image IMAGE, or --template NAME"))?;
        if args.dry_run.dry_run == Some(DryRun::Client) {
            return Ok(Err(workspace));
        }
        let writer = args.dry_run.change(account);
        let of = workspaces::of(on.reach, namespace);
        let made = objects::told(on, LIST, of.create(&writer, &workspace, name));
        on.write(made, || on.line(&format!("workspace get {name}")))
            .await
            .map(Ok)
    })?;
    account.ui.note(&match args.dry_run.dry_run {
        Some(_) => format!("workspace {name} would be created; a dry run, nothing was changed"),
        None => format!("workspace {name} is being created in cluster {}", args.cluster),
    });
    match made {
        Ok(object) => {
            let table = table(std::slice::from_ref(&object), Timestamp::now());
            account.ui.answer(&Shown { object, table }, args.output.output)
        }
        Err(drafted) => account.ui.print(&output::yaml(&drafted)?),
    }
}
