//! `butlerctl cluster edit`.

mod editor;

use butler_account::failure;
use butler_account::tool::Account;
use butler_account::work;
use butler_api::admission::Operation;
use butler_api::tenants::Release;
use butler_api::v1alpha1::wire::Quantity;
use butler_tenancy::clusters::change::{Changed, DryRun, Writer};
use butler_tenancy::clusters::create::values;
use butler_tenancy::clusters::edit::{self, EditError};
use butler_tenancy::clusters::read::{self, Found};
use butler_tenancy::clusters::resize::{self, Resize};
use butler_tenancy::clusters::scale::Workers;
use butler_terminal::{Exit, Failure, args::OutputArgs};

use super::one::{ClusterArgs, unread};
use super::waiting::{DryRunArgs, WaitArgs, Words, Work};

/// Options of `cluster edit`.
#[derive(Debug, clap::Args)]
pub struct EditArgs {
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// What to change without an editor.
    #[command(flatten)]
    pub resize: ResizeArgs,
    /// Whether to wait.
    #[command(flatten)]
    pub waiting: WaitArgs,
    /// Whether to change anything.
    #[command(flatten)]
    pub dry_run: DryRunArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What to change without an editor.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Without an editor")]
pub struct ResizeArgs {
    /// How many workers, from 1 to 100
    #[arg(short, long = "workers", visible_alias = "workers-replicas", value_name = "NUMBER", value_parser = Workers::parse)]
    workers: Option<Workers>,
    /// Processor cores of a worker
    #[arg(long = "cpu", visible_alias = "workers-cpu", value_name = "NUMBER", value_parser = values::cpu)]
    cpu: Option<i32>,
    /// Memory of a worker, for example 8Gi; a number alone is one of GiB
    #[arg(long = "memory", visible_alias = "workers-memory", value_name = "SIZE", value_parser = values::memory_in_gibibytes)]
    memory: Option<Quantity>,
    /// Disk of a worker, for example 50Gi
    #[arg(long = "disk", value_name = "SIZE", value_parser = values::disk)]
    disk: Option<Quantity>,
    /// Kubernetes release to upgrade to
    #[arg(long = "kubernetes-version", value_name = "VERSION", value_parser = Release::parse)]
    release: Option<Release>,
}

impl ResizeArgs {
    fn wanted(&self) -> Resize {
        Resize {
            workers: self.workers,
            cpu: self.cpu,
            memory: self.memory.clone(),
            disk: self.disk.clone(),
            release: self.release.clone(),
        }
    }
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &EditArgs) -> Result<(), Failure> {
    let object = work::run_stoppable(account, &args.cluster.access, async |reach, stop| {
        let place = args.cluster.place.find(account, &reach).await?;
        let work = Work {
            account,
            reach: &reach,
            place: &place,
            stop: &stop,
        };
        let (name, wanted) = (args.cluster.name(), args.resize.wanted());
        let changed = if wanted == Resize::default() {
            Box::pin(by_editor(&work, args)).await?
        } else {
            let writer = args.dry_run.writer(account);
            let planned = Writer {
                dry_run: Some(DryRun::Client),
                ..writer
            };
            let sent = work.unless_stopped(name, async {
                if let Ok(planned) = resize::resize(&reach, &place.namespace, name, &wanted, planned).await {
                    work.warn_of_quota(&planned.object, Operation::Update).await;
                }
                match resize::resize(&reach, &place.namespace, name, &wanted, writer).await {
                    Ok(changed) => Ok(changed),
                    Err(error) => Err(work.unchanged(&error).await),
                }
            });
            Box::pin(sent).await?
        };
        let (done, same) = (
            format!("cluster {name} is asked for as edited"),
            format!("cluster {name} was not edited"),
        );
        let words = Words {
            done: &done,
            same: &same,
        };
        work.settle(changed, args.waiting, args.dry_run, words).await
    })?;
    super::waiting::answer(account, object, args.output)
}

/// Lets somebody edit the cluster as a text, shows what that comes to, and sends it. A text that leads to nothing stays.
async fn by_editor(work: &Work<'_>, args: &EditArgs) -> Result<Changed, Failure> {
    let found = read::cluster(work.reach, &work.place.namespace, args.cluster.name()).await;
    let found = found.map_err(|error| unread(work.account.tool, &error))?;
    let document = edit::document(&found.object).map_err(|error| Failure::from_error(Exit::Failed, &error))?;
    let draft = editor::write(work.account.env, &found, &document)?;
    let text = editor::edited(&draft, work).await;
    let text = text.map_err(|failure| editor::kept(&draft, failure))?;
    match send(work, args, &found, &text).await {
        Ok(changed) => {
            draft.remove();
            Ok(changed)
        }
        Err(failure) => Err(editor::kept(&draft, failure)),
    }
}

async fn send(work: &Work<'_>, args: &EditArgs, found: &Found, text: &str) -> Result<Changed, Failure> {
    let writer = args.dry_run.writer(work.account);
    let edit = match edit::read_edit(&found.object, text) {
        Ok(edit) => edit,
        Err(error) => return Err(unedited(work, &error).await),
    };
    let Some(edit) = edit else {
        return Ok(Changed {
            object: found.object.clone(),
            changed: false,
        });
    };
    match edit::preview(work.reach, found, &edit, writer).await {
        Ok(lines) => work.account.ui.note(&lines),
        Err(error) => return Err(unedited(work, &error).await),
    }
    if args.dry_run.dry_run == Some(DryRun::Client) {
        return Ok(Changed {
            object: found.object.clone(),
            changed: true,
        });
    }
    let sent = work.unless_stopped(&found.name, async {
        match edit::apply(work.reach, found, &edit, writer).await {
            Ok(object) => Ok(object),
            Err(error) => Err(unedited(work, &error).await),
        }
    });
    Ok(Changed {
        object: sent.await?,
        changed: true,
    })
}

async fn unedited(work: &Work<'_>, error: &EditError) -> Failure {
    match error {
        EditError::Read(error) => unread(work.account.tool, error),
        EditError::Kubernetes(source) => {
            let failure = failure::refused(work.reach, work.place, source).await;
            failure.while_doing("the edit is refused")
        }
        EditError::Write(cause) => Failure::from_error(Exit::Failed, error).cause(cause.clone()),
        EditError::Text(_) | EditError::Identity(_) => Failure::from_error(Exit::Usage, error),
        EditError::Conflict(_) => Failure::from_error(Exit::Failed, error),
    }
}
