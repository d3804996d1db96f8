//! `butlerctl cluster certs rotate`.

use std::time::Duration;

use butler_account::tool::Account;
use butler_tenancy::clusters::certificates::rotate::{self, Kind, Outcome, Rotation};
use butler_terminal::prompt::{Prompt, Question};
use butler_terminal::{Answer, Exit, Failure, Table, args::OutputArgs, duration};
use serde::Serialize;

use crate::commands::cluster::one::{ClusterArgs, unread};

/// Options of `cluster certs rotate`.
#[derive(Debug, clap::Args)]
pub struct RotateArgs {
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// What to make anew: kubeconfigs, all (but the authority) or ca (everything)
    #[arg(long = "type", value_enum, hide_possible_values = true, value_name = "TYPE")]
    pub kind: Type,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Accept that a new authority ends all kubeconfigs and connections
    #[arg(long)]
    pub ca_acknowledge: bool,
    /// The name of the cluster, to confirm a new authority with --yes
    #[arg(long, value_name = "CLUSTER")]
    pub cluster_name_confirm: Option<String>,
    /// Return as soon as it has begun
    #[arg(long)]
    pub no_wait: bool,
    /// How long to wait, for example 10m
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = butler_api::duration::parse_positive)]
    pub timeout: Duration,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What to make anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Type {
    /// The kubeconfigs.
    Kubeconfigs,
    /// All but the authority.
    All,
    /// The authority, and with it everything.
    Ca,
}

impl From<Type> for Kind {
    fn from(kind: Type) -> Self {
        match kind {
            Type::Kubeconfigs => Self::Kubeconfigs,
            Type::All => Self::All,
            Type::Ca => Self::Ca,
        }
    }
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &RotateArgs) -> Result<(), Failure> {
    confirmed(account, args)?;
    let name = args.cluster.name();
    let rotation = args.cluster.work(account, async |reach, found| {
        let begun = rotate::begin(&reach, &found, args.kind.into()).await;
        let begun = begun.map_err(|error| unread(account.tool, &error))?;
        if args.no_wait || begun.outcome(None) != Outcome::Running {
            return Ok(begun);
        }
        account
            .ui
            .note(&format!("the certificates of {name} are being made anew"));
        let over = tokio::time::timeout(args.timeout, rotate::over(&reach, &found, &begun));
        match over.await {
            Ok(over) => over.map_err(|error| unread(account.tool, &error)),
            Err(_) => Err(late(account, args)),
        }
    })?;
    let failed = rotation.outcome(None) == Outcome::Failed;
    let why = rotation.message.clone();
    account.ui.answer(&Rotated(rotation), args.output.output)?;
    if failed {
        let failure = Failure::new(
            Exit::Failed,
            format!("the certificates of {name} could not be made anew"),
        );
        return Err(match why {
            Some(why) => failure.cause(why),
            None => failure,
        });
    }
    Ok(())
}

fn late(account: Account<'_>, args: &RotateArgs) -> Failure {
    let name = args.cluster.name();
    let timeout = duration::short(args.timeout);
    let message = format!("the rotation of the certificates of {name} is not over after {timeout}; it goes on");
    let look = account.tool.command(&format!("cluster certs {name}"));
    Failure::new(Exit::Deadline, message).hint(format!("look at it later: {look}"))
}

/// Whether it is meant. A new authority cuts everybody off, and has to be confirmed with the name of the cluster.
fn confirmed(account: Account<'_>, args: &RotateArgs) -> Result<(), Failure> {
    let name = args.cluster.name();
    let prompt = Prompt::new(account.ui).filter(|_| !args.yes);
    if args.kind == Type::Ca {
        return confirmed_authority(prompt.as_ref(), args);
    }
    let words = format!("rotating certificates of {name} has to be confirmed");
    match prompt {
        _ if args.yes => Ok(()),
        None => Err(Failure::new(Exit::Usage, words).hint("add --yes")),
        Some(prompt) => {
            let question = Question {
                words: &format!("Make the certificates of {name} anew? Kubeconfigs that were handed out end"),
                flag: "--yes",
            };
            if prompt.confirm(question, false)? {
                Ok(())
            } else {
                Err(Failure::new(Exit::Failed, "nothing was changed"))
            }
        }
    }
}

fn confirmed_authority(prompt: Option<&Prompt>, args: &RotateArgs) -> Result<(), Failure> {
    let name = args.cluster.name();
    let needed = format!("--ca-acknowledge --yes --cluster-name-confirm {name}");
    let usage = |message: String| Failure::new(Exit::Usage, message).hint(format!("add {needed}"));
    match (&args.cluster_name_confirm, prompt) {
        (Some(typed), _) if typed != name => Err(usage(format!(
            "--cluster-name-confirm says {typed}, the cluster is {name}"
        ))),
        (Some(_), _) if args.yes && args.ca_acknowledge => Ok(()),
        (None, Some(prompt)) if args.ca_acknowledge => {
            let (words, expected) = (
                format!("Type the name of the cluster to give it a new authority: {name}"),
                name.to_owned(),
            );
            let question = Question {
                words: &words,
                flag: "--yes --cluster-name-confirm",
            };
            prompt.text(question, None, move |typed| {
                if typed == expected {
                    Ok(())
                } else {
                    Err(format!("it is called {expected}"))
                }
            })
        }
        _ => Err(usage(format!(
            "a new authority of {name} ends all its kubeconfigs, and has to be confirmed"
        ))),
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Rotated(Rotation);

impl Answer for Rotated {
    fn table(&self) -> Table {
        let rotation = &self.0;
        let cell = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let time = |time: Option<jiff::Timestamp>| cell(time.map(|time| time.to_string()));
        Table::fields([
            ("type", rotation.r#type.clone()),
            ("status", rotation.status.clone()),
            ("begun", time(rotation.initiated_at)),
            ("ended", time(rotation.completed_at)),
            ("by", cell(rotation.initiated_by.clone())),
            (
                "secrets",
                cell(rotation.affected_secrets.as_ref().map(|secrets| secrets.join(", "))),
            ),
            ("message", cell(rotation.message.clone())),
        ])
    }

    fn names(&self) -> Vec<String> {
        vec![self.0.r#type.clone()]
    }
}
