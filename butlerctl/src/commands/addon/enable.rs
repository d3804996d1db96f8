//! `butlerctl addon enable`.

use butler_account::tool::Account;
use butler_tenancy::addons::Target;
use butler_tenancy::addons::enable::{self, Enabled, Facts, Wanted, Warning};
use butler_tenancy::addons::read::{OfPlatform, One, of_platform};
use butler_tenancy::addons::wait::{Goal, Subject};
use butler_tenancy::clusters::change::DryRun;
use butler_terminal::{Failure, Format, args::OutputArgs, output};
use kube::api::DynamicObject;

use super::failure;
use super::rows::Answered;
use super::target::TargetArgs;
use super::values::ValuesArgs;
use super::waiting::{self, WaitArgs};
use crate::commands::cluster::waiting::{DryRunArgs, Work};

/// Options of `addon enable`.
#[derive(Debug, clap::Args)]
pub struct EnableArgs {
    /// Which addon.
    #[command(flatten)]
    target: TargetArgs,
    /// Version of the chart; without it the one of the catalog
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Values of the chart.
    #[command(flatten)]
    values: ValuesArgs,
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

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &EnableArgs) -> Result<(), Failure> {
    let values = args.values.read()?;
    let one = args.target.work(account, async |on, target| {
        let wanted = Wanted {
            target: target.clone(),
            version: args.version.clone(),
            values: values.clone(),
        };
        let facts = on.unless_left(failure::told(on, enable::look_up(on.reach, target)));
        match Box::pin(make(on, args, &wanted, facts.await?)).await? {
            Enabled::Platform(addon) => settle_platform(on, args, target, addon).await,
            Enabled::Own { object, made } => settle(on, args, target, object, made).await,
        }
    })?;
    shown(account, args, one)
}

/// Makes the object, or finds out what would be made.
async fn make(on: &Work<'_>, args: &EnableArgs, wanted: &Wanted, facts: Facts) -> Result<Enabled, Failure> {
    let warnings = enable::warnings(wanted, &facts);
    let made = async {
        let decision = enable::decide(wanted, &facts)?;
        if matches!(decision, enable::Decision::Make(_)) {
            tell(on, &wanted.target, &warnings);
        }
        match args.dry_run.dry_run {
            Some(DryRun::Client) => enable::drafted(decision),
            _ => enable::enable(on.reach, &args.dry_run.change(on.account), wanted, facts).await,
        }
    };
    on.write(Box::pin(failure::told(on, made)), || waiting::look(on, &wanted.target))
        .await
}

/// Says what people should know.
pub(super) fn tell(on: &Work<'_>, target: &Target, warnings: &[Warning]) {
    let Target { cluster, addon, .. } = target;
    for warning in warnings {
        match warning {
            Warning::Version { asked, known } => {
                let words = format!("the catalog does not name version {asked} of {addon}");
                on.account
                    .ui
                    .warn(&words, Some(&format!("it names {}", known.join(", "))));
            }
            Warning::Needs(other) => {
                let words = format!("{addon} needs {other}, which cluster {cluster} does not have");
                let line = on.line(&format!("addon enable {cluster} {other}"));
                on.account.ui.warn(&words, Some(&line));
            }
        }
    }
}

/// Says what became of an addon that the cluster has without being asked.
async fn settle_platform(on: &Work<'_>, args: &EnableArgs, target: &Target, addon: OfPlatform) -> Result<One, Failure> {
    let name = &target.addon;
    if !addon.is_well() && args.waiting.wait && args.dry_run.dry_run.is_none() {
        let subject = Subject::Platform {
            cluster: target.cluster.clone(),
            addon: name.clone(),
        };
        let cluster = waiting::follow(on, target, subject, Goal::Installed, args.waiting.timeout).await?;
        let found = cluster.iter().flat_map(of_platform).find(|one| one.name == *name);
        on.account
            .ui
            .note(&format!("addon {name} is installed by the platform"));
        return Ok(One::Platform(found.unwrap_or(addon)));
    }
    let words = match &addon.status {
        _ if addon.is_well() => format!("addon {name} is installed by the platform"),
        Some(status) => format!("addon {name} comes with the cluster by the platform; it is {status}"),
        None => format!("addon {name} comes with the cluster by the platform, which has not come to it yet"),
    };
    on.account.ui.note(&words);
    Ok(One::Platform(addon))
}

/// Says what became of a TenantAddon, and waits for it where that is wanted.
async fn settle(
    on: &Work<'_>,
    args: &EnableArgs,
    target: &Target,
    object: Box<DynamicObject>,
    made: bool,
) -> Result<One, Failure> {
    let Target { cluster, addon, .. } = target;
    let words = match (made, args.dry_run.dry_run) {
        (true, None) => format!("addon {addon} is being installed on cluster {cluster}"),
        (true, Some(_)) => {
            format!("addon {addon} would be installed on cluster {cluster}; a dry run, nothing was changed")
        }
        (false, _) => format!("addon {addon} is enabled on cluster {cluster} already"),
    };
    on.account.ui.note(&words);
    if args.dry_run.dry_run.is_some() {
        return Ok(One::Own(object));
    }
    waiting::settle(on, target, object, args.waiting, made)
        .await
        .map(One::Own)
}

/// Prints the addon; that of a dry run as a file that can be applied.
fn shown(account: Account<'_>, args: &EnableArgs, one: One) -> Result<(), Failure> {
    if let One::Own(object) = &one
        && args.dry_run.dry_run.is_some()
        && args.output.output == Format::Table
    {
        return account.ui.print(&output::yaml(object)?);
    }
    account.ui.answer(&Answered::row(one), args.output.output)
}
