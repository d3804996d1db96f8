//! The kinds that lists are made of, and the columns of each.

use butler_api::v1alpha1::{
    AddonDefinition, IPAllocation, NetworkPool, ProviderConfig, Team, TenantAddon, TenantCluster, User,
};
use kube::core::ApiResource;

/// A kind of object that can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Tenant clusters.
    Clusters,
    /// The catalogue of addons.
    Addons,
    /// Addons of tenant clusters.
    Installed,
    /// Teams.
    Teams,
    /// Platforms.
    Providers,
    /// Pools of addresses.
    Pools,
    /// Addresses that clusters were given.
    Allocations,
    /// Accounts of people.
    Users,
}

/// What the cells of a column hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Words.
    Text,
    /// Numbers, which stand at the right.
    Number,
    /// Times since a moment.
    Age,
}

/// A column of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its heading; a filter names it in small letters.
    pub title: &'static str,
    /// What its cells hold.
    pub holds: Holds,
    /// The least important ones, with the highest numbers, go first where there is no room.
    pub rank: u8,
}

const fn text(title: &'static str, rank: u8) -> Column {
    Column {
        title,
        holds: Holds::Text,
        rank,
    }
}

const fn number(title: &'static str, rank: u8) -> Column {
    Column {
        title,
        holds: Holds::Number,
        rank,
    }
}

const fn age(title: &'static str, rank: u8) -> Column {
    Column {
        title,
        holds: Holds::Age,
        rank,
    }
}

const CLUSTERS: &[Column] = &[
    text("TEAM", 2),
    text("PHASE", 0),
    text("K8S", 1),
    number("NODES", 1),
    text("PROVIDER", 4),
    age("AGE", 3),
];

const ADDONS: &[Column] = &[
    text("CATEGORY", 2),
    text("VERSION", 1),
    text("PLATFORM", 3),
    number("CLUSTERS", 1),
    age("AGE", 4),
];

const INSTALLED: &[Column] = &[text("CLUSTER", 0), text("PHASE", 0), text("VERSION", 1), age("AGE", 2)];

const TEAMS: &[Column] = &[
    text("PHASE", 0),
    number("CLUSTERS", 1),
    number("MEMBERS", 2),
    text("QUOTA", 1),
    text("NAMESPACE", 3),
    age("AGE", 4),
];

const PROVIDERS: &[Column] = &[
    text("PLATFORM", 0),
    text("VALIDATED", 0),
    text("ENDPOINT", 2),
    text("SCOPE", 3),
    number("TENANTS", 2),
    age("CHECKED", 1),
    age("AGE", 4),
];

const POOLS: &[Column] = &[
    text("CIDR", 0),
    number("USED", 1),
    number("FREE", 0),
    number("LARGEST", 2),
    number("CLUSTERS", 3),
    age("AGE", 4),
];

const ALLOCATIONS: &[Column] = &[
    text("POOL", 1),
    text("CLUSTER", 0),
    text("ADDRESSES", 0),
    text("FOR", 2),
    age("AGE", 3),
];

const USERS: &[Column] = &[
    text("EMAIL", 0),
    text("PHASE", 1),
    text("LOGIN", 3),
    text("PLATFORM", 2),
    number("TEAMS", 3),
    age("SEEN", 2),
    age("AGE", 4),
];

impl Kind {
    /// What the API server calls it.
    pub fn resource(self) -> ApiResource {
        match self {
            Self::Clusters => ApiResource::erase::<TenantCluster>(&()),
            Self::Addons => ApiResource::erase::<AddonDefinition>(&()),
            Self::Installed => ApiResource::erase::<TenantAddon>(&()),
            Self::Teams => ApiResource::erase::<Team>(&()),
            Self::Providers => ApiResource::erase::<ProviderConfig>(&()),
            Self::Pools => ApiResource::erase::<NetworkPool>(&()),
            Self::Allocations => ApiResource::erase::<IPAllocation>(&()),
            Self::Users => ApiResource::erase::<User>(&()),
        }
    }

    /// What people call several of them.
    pub fn words(self) -> &'static str {
        match self {
            Self::Clusters => "clusters",
            Self::Addons => "addons",
            Self::Installed => "addons of clusters",
            Self::Teams => "teams",
            Self::Providers => "providers",
            Self::Pools => "networks",
            Self::Allocations => "addresses of clusters",
            Self::Users => "users",
        }
    }

    /// Whether its objects are in namespaces.
    pub fn is_namespaced(self) -> bool {
        match self {
            Self::Clusters | Self::Installed | Self::Providers | Self::Pools | Self::Allocations => true,
            Self::Addons | Self::Teams | Self::Users => false,
        }
    }

    /// Whether the objects are in the namespaces of teams, where members of a team may list them.
    pub fn is_of_teams(self) -> bool {
        matches!(self, Self::Clusters | Self::Installed)
    }

    /// What a list shows beside the name.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Clusters => CLUSTERS,
            Self::Addons => ADDONS,
            Self::Installed => INSTALLED,
            Self::Teams => TEAMS,
            Self::Providers => PROVIDERS,
            Self::Pools => POOLS,
            Self::Allocations => ALLOCATIONS,
            Self::Users => USERS,
        }
    }
}
