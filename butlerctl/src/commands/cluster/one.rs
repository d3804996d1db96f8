//! What commands about one tenant cluster share: its name, where it is, and why something of it cannot be read.

use butler_account::access::AccessArgs;
use butler_account::failure;
use butler_account::tool::{Account, Tool};
use butler_account::work::{self, PlaceArgs};
use butler_tenancy::clusters::read::{self, Found, ReadError};
use butler_tenancy::reach::Reach;
use butler_tenancy::refusal::Refusal;
use butler_terminal::{Exit, Failure};

/// Which tenant cluster.
#[derive(Debug, Clone, clap::Args)]
pub struct ClusterArgs {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER", required_unless_present = "named")]
    name: Option<String>,
    /// Name of the cluster
    #[arg(long = "name", id = "named", value_name = "CLUSTER", conflicts_with = "name")]
    named: Option<String>,
    /// Where to look.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
}

impl ClusterArgs {
    /// The name, however it was given.
    pub fn name(&self) -> &str {
        let name = self.name.as_deref().or(self.named.as_deref());
        name.expect("one of the two is required")
    }

    /// Connects, reads the cluster, and works with it.
    pub fn work<T, F>(&self, account: Account<'_>, work: impl FnOnce(Reach, Found) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        work::run(account, &self.access, async |reach| {
            let place = self.place.find(account, &reach).await?;
            let found = match read::cluster(&reach, &place.namespace, self.name()).await {
                Ok(found) => found,
                Err(ReadError::Kubernetes { what, source, .. }) => {
                    let failure = failure::refused(&reach, &place, &source).await;
                    return Err(failure.while_doing(format!("cannot read {what}")));
                }
                Err(error) => return Err(unread(account.tool, &error)),
            };
            work(reach, found).await
        })
    }

    /// The same for work that only reads.
    pub fn read<T, F>(&self, account: Account<'_>, work: impl FnOnce(Reach, Found) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, ReadError>>,
    {
        self.work(account, async |reach, found| {
            work(reach, found).await.map_err(|error| unread(account.tool, &error))
        })
    }
}

/// Why something of a cluster could not be read.
pub(crate) fn unread(tool: Tool, error: &ReadError) -> Failure {
    let failure = Failure::from_error(Exit::Failed, error);
    match error {
        ReadError::Missing { namespace, .. } => failure
            .hint(format!(
                "list those that are there: {}",
                tool.command(&format!("cluster list --namespace {namespace}"))
            ))
            .hint("or look elsewhere: --namespace NAME, --team NAME"),
        ReadError::Kubernetes { source, needs, .. } => match (needs, Refusal::of(source)) {
            // It is in the namespace of a cluster's parts, where no role of a team counts.
            (Some(_), Some(refusal)) => Failure::new(Exit::Failed, refusal.to_string())
                .while_doing(error.to_string())
                .hint(format!(
                    "members of the team of the cluster get it from Butler's server: {}",
                    login(tool)
                ))
                .hint("or use the kubeconfig of an administrator: --kubeconfig FILE"),
            _ => failure::kubernetes(source).while_doing(error.to_string()),
        },
        ReadError::Server { source, .. } | ReadError::Rotation { source, .. } => failure::server(tool, failure, source),
        ReadError::NobodyToAsk(_) => {
            Failure::from_error(Exit::LoginNeeded, error).hint(format!("log in: {}", login(tool)))
        }
        ReadError::Shape { .. } => failure.hint("a newer version may know it; -o yaml shows it as it is"),
        ReadError::NotReady { name, namespace, .. } => failure.hint(format!(
            "wait for it: {}",
            tool.command(&format!("cluster wait {name} --namespace {namespace}"))
        )),
        ReadError::Kubeconfig { .. } => failure,
    }
}

fn login(tool: Tool) -> String {
    tool.command("login --server URL")
}
