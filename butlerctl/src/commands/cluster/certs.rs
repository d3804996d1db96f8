//! `butlerctl cluster certs`: the certificates of a tenant cluster, and their rotation.

mod rotate;

use butler_account::tool::Account;
use butler_tenancy::clusters::certificates::{self, Certificate, Health};
use butler_terminal::style::Tone;
use butler_terminal::table::Cell;
use butler_terminal::{Answer, Failure, Table, args::OutputArgs};
use jiff::Timestamp;
use serde::Serialize;

use super::one::ClusterArgs;

/// Options of `cluster certs`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct CertsArgs {
    /// What to do with them, instead of showing them.
    #[command(subcommand)]
    pub command: Option<CertsCommand>,
    /// What to show.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// What to do with certificates.
#[derive(Debug, clap::Subcommand)]
pub enum CertsCommand {
    /// Make the certificates of a tenant cluster anew
    Rotate(rotate::RotateArgs),
}

/// Options of showing certificates.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &CertsArgs) -> Result<(), Failure> {
    if let Some(CertsCommand::Rotate(rotate)) = &args.command {
        return rotate::run(account, rotate);
    }
    let ShowArgs { cluster, output } = &args.show;
    let now = Timestamp::now();
    let found = cluster.read(account, async |reach, found| {
        certificates::of(&reach, &found, now).await
    })?;
    if found.is_empty() {
        account
            .ui
            .note(&format!("no certificates of {} were found", cluster.name()));
    }
    account.ui.answer(&Certificates(found), output.output)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Certificates(Vec<Certificate>);

impl Answer for Certificates {
    fn table(&self) -> Table {
        let mut table = Table::new(&["SECRET", "SUBJECT", "ISSUER", "EXPIRES", "DAYS", "STATUS"], &["KEY"]);
        for certificate in &self.0 {
            table.row([
                certificate.secret.as_str().into(),
                certificate.subject.as_str().into(),
                certificate.issuer.as_str().into(),
                certificate.expires.strftime("%Y-%m-%d").to_string().into(),
                certificate.days.to_string().into(),
                Cell::new(tone(certificate.status), certificate.status.as_str()),
                certificate.key.as_str().into(),
            ]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        let names = self.0.iter().map(|one| format!("{}/{}", one.secret, one.key));
        names.collect()
    }
}

fn tone(health: Health) -> Tone {
    match health {
        Health::Healthy => Tone::Good,
        Health::Warning => Tone::Busy,
        Health::Critical | Health::Expired => Tone::Bad,
    }
}
