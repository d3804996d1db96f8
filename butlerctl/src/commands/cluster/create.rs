//! `butlerctl cluster create`.

mod ask;
mod failure;
mod spec;

use std::path::PathBuf;

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work::{self, PlaceArgs};
use butler_api::admission::Operation;
use butler_tenancy::clusters::change::{Changed, DryRun};
use butler_tenancy::clusters::create::{self, Draft, Facts, Request, Wanted, interview};
use butler_terminal::{Failure, Format, args::OutputArgs, output};
use kube::ResourceExt as _;
use kube::api::DynamicObject;

use self::spec::SpecArgs;
use super::waiting::{DryRunArgs, WaitArgs, Words, Work};
use crate::commands::input;

/// Options of `cluster create`.
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    /// Name of the new cluster
    #[arg(value_name = "NAME", value_parser = butler_api::tenants::name)]
    name: Option<String>,
    /// Name of the new cluster
    #[arg(long = "name", id = "named", value_name = "NAME", conflicts_with = "name", value_parser = butler_api::tenants::name)]
    named: Option<String>,
    /// What the cluster is.
    #[command(flatten)]
    spec: SpecArgs,
    /// Create the cluster of a file (YAML or JSON; - is standard input)
    #[arg(short, long, value_name = "FILE", conflicts_with = "spec")]
    filename: Option<PathBuf>,
    /// Create without asking, where there is a terminal
    #[arg(short, long)]
    yes: bool,
    /// Where it goes.
    #[command(flatten)]
    place: PlaceArgs,
    /// Which management cluster.
    #[command(flatten)]
    access: AccessArgs,
    /// Whether to wait.
    #[command(flatten)]
    waiting: WaitArgs,
    /// Whether to make anything.
    #[command(flatten)]
    dry_run: DryRunArgs,
    /// Format of the answer.
    #[command(flatten)]
    output: OutputArgs,
}

impl CreateArgs {
    fn name(&self) -> Option<&str> {
        self.name.as_deref().or(self.named.as_deref())
    }
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &CreateArgs) -> Result<(), Failure> {
    let text = args.filename.as_deref().map(input::read).transpose()?;
    let object = work::run_stoppable(account, &args.access, async |reach, stop| {
        let looked = async {
            let place = args.place.find(account, &reach).await?;
            let facts = create::look_up(&reach, &place).await;
            Ok((place, facts.map_err(|error| failure::facts(account.tool, &error))?))
        };
        let (place, facts) = tokio::select! {
            looked = looked => looked?,
            () = stop.cancelled() => return Err(butler_account::failure::interrupted()),
        };
        let work = Work {
            account,
            reach: &reach,
            place: &place,
            stop: &stop,
        };
        let draft = draft(&work, args, text.as_deref(), &facts).await?;
        for warning in &draft.warnings {
            account.ui.warn(&warning.message, warning.hint.as_deref());
        }
        work.unless_left(async {
            work.warn_of_quota(&draft.object, Operation::Create).await;
            Ok(())
        })
        .await?;
        Box::pin(make(&work, args, &facts, draft)).await
    })?;
    shown(account, args, object)
}

async fn draft(work: &Work<'_>, args: &CreateArgs, text: Option<&str>, facts: &Facts) -> Result<Draft, Failure> {
    let made = if let Some(text) = text {
        create::from_file(text, args.name(), work.place)
    } else {
        let said = Wanted {
            name: args.name().map_or_else(String::new, str::to_owned),
            ..args.spec.wanted()
        };
        let wanted = match interview::is_incomplete(&said, facts) {
            Some(flag) => ask::wanted(work, args, said, facts, flag).await?,
            None => said,
        };
        create::draft(&wanted, work.place, facts)
    };
    made.map_err(|error| failure::create(work.account.tool, &error))
}

async fn make(work: &Work<'_>, args: &CreateArgs, facts: &Facts, draft: Draft) -> Result<DynamicObject, Failure> {
    if args.dry_run.dry_run == Some(DryRun::Client) {
        let checked = create::check(work.reach, facts, &draft).await;
        return checked.map_err(|error| failure::create(work.account.tool, &error));
    }
    let name = draft.object.name_any();
    let request = Request {
        place: work.place.clone(),
        writer: args.dry_run.writer(work.account),
    };
    let created = work.unless_stopped(&name, async {
        match Box::pin(create::create(work.reach, &request, facts, &draft)).await {
            Ok(created) => Ok(created),
            Err(error) => Err(failure::not_created(work, &name, &error).await),
        }
    });
    let changed = Changed {
        object: created.await?.object,
        changed: true,
    };
    let done = format!("cluster {name} is being created in namespace {}", work.place.namespace);
    let words = Words {
        done: &done,
        same: &done,
    };
    work.settle(changed, args.waiting, args.dry_run, words).await
}

/// Prints the cluster; that of a dry run as a file that can be created.
fn shown(account: Account<'_>, args: &CreateArgs, object: DynamicObject) -> Result<(), Failure> {
    if args.dry_run.dry_run.is_some() && args.output.output == Format::Table {
        return account.ui.print(&output::yaml(&object)?);
    }
    super::waiting::answer(account, object, args.output)
}
