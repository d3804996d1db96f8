//! The limits of a team on the command line.

use butler_api::quantity::{Amount, NoQuantity};
use butler_api::v1alpha1::team::ResourceLimits;
use butler_api::v1alpha1::wire::Quantity;
use butler_tenancy::teams::limits::Limits;

/// What a team may use; only platform administrators may say so.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// The most clusters that the team may have
    #[arg(long, value_name = "COUNT", value_parser = count())]
    pub max_clusters: Option<i32>,
    /// The most workers of one cluster
    #[arg(long, value_name = "COUNT", value_parser = count())]
    pub max_nodes_per_cluster: Option<i32>,
    /// The most workers of all clusters
    #[arg(long, value_name = "COUNT", value_parser = count())]
    pub max_total_nodes: Option<i32>,
    /// The most processor cores of all workers (64)
    #[arg(long, visible_alias = "max-cpu", value_name = "CORES", value_parser = quantity)]
    pub max_cpu_cores: Option<Quantity>,
    /// The most memory of all workers (256Gi)
    #[arg(long, value_name = "SIZE", value_parser = quantity)]
    pub max_memory: Option<Quantity>,
    /// The largest size of all disks of workers (2Ti)
    #[arg(long, value_name = "SIZE", value_parser = quantity)]
    pub max_storage: Option<Quantity>,
    /// Workers of a new cluster where nothing is said
    #[arg(long, value_name = "COUNT", value_parser = count())]
    pub default_node_count: Option<i32>,
    /// Kubernetes versions that may be used, separated by commas
    #[arg(long, value_name = "VERSIONS", value_delimiter = ',')]
    pub allowed_kubernetes_versions: Vec<String>,
    /// ProviderConfigs that may be used, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub allowed_providers: Vec<String>,
    /// Addons that may be used, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub allowed_addons: Vec<String>,
    /// Addons that may not be used, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub denied_addons: Vec<String>,
}

fn count() -> clap::builder::RangedI64ValueParser<i32> {
    clap::value_parser!(i32).range(0..)
}

fn quantity(text: &str) -> Result<Quantity, NoQuantity> {
    Amount::parse(text).map(|_| Quantity::from(text))
}

impl From<&LimitArgs> for Limits {
    fn from(args: &LimitArgs) -> Self {
        let LimitArgs {
            max_clusters,
            max_nodes_per_cluster,
            max_total_nodes,
            max_cpu_cores,
            max_memory,
            max_storage,
            default_node_count,
            allowed_kubernetes_versions,
            allowed_providers,
            allowed_addons,
            denied_addons,
        } = args.clone();
        Self::new(ResourceLimits {
            allowed_addons,
            allowed_kubernetes_versions,
            allowed_providers,
            default_cpu_per_node: None,
            default_memory_per_node: None,
            default_node_count,
            denied_addons,
            max_cpu_cores,
            max_clusters,
            max_memory,
            max_nodes_per_cluster,
            max_storage,
            max_total_nodes,
        })
    }
}
