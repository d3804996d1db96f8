//! Which way each operation takes: to the API server of the management cluster, or to Butler's server. One table, which the
//! code follows and the documentation shows.
//!
//! Members of a team may read the objects in the namespace of their team, and nothing that a cluster consists of below: that
//! is in a namespace of its own. Butler's server hands it to whoever is logged in. An administrator with a kubeconfig may read
//! everything and needs no server.

use std::fmt;

use crate::reach::Reach;

/// Somebody to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The API server of the management cluster.
    Kubernetes,
    /// Butler's server, with the token of a session.
    Server,
}

/// Something that a person wants of clusters and of what a team has beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `cluster list`.
    List,
    /// `cluster get`, `describe`, `conditions`, `watch`, `why` and `export`: the cluster itself and its addons.
    Read,
    /// What a cluster consists of below, for `cluster get`, `describe` and `why`: control plane and machines.
    Parts,
    /// `cluster kubeconfig`.
    Kubeconfig,
    /// `cluster nodes`.
    Nodes,
    /// `cluster events`.
    Events,
    /// `cluster certs`.
    Certificates,
    /// `cluster certs rotate`.
    Rotation,
    /// `addon catalog`, and what every command that enables or upgrades an addon looks up.
    Catalog,
    /// The other commands of `addon`.
    Addons,
    /// `env`: the team and its environments.
    Environments,
    /// `access`: the members of a team.
    Access,
    /// `image list`, `status` and `catalog`.
    Images,
    /// `image sync` where no name is chosen.
    ImageSync,
    /// `image sync --name` and `delete`.
    ImageChanges,
    /// The commands of `workspace` about the object.
    Workspaces,
    /// `workspace start` and `sync-ssh-keys`.
    WorkspaceActions,
    /// `template`.
    Templates,
    /// The teams in `tui`.
    Teams,
    /// The platforms in `tui`.
    Providers,
    /// `cluster create`.
    Create,
    /// `cluster create` in an environment that limits the clusters of each member: the API server must know the person.
    CreateForMember,
    /// `cluster scale`, `upgrade`, `edit` and `delete`.
    Change,
    /// `cluster wait`, and `--wait` of the commands that change a cluster.
    Wait,
}

/// How an operation is carried out.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The operation.
    pub operation: Operation,
    /// The commands that need it.
    pub commands: &'static str,
    /// What is asked of the API server; nothing where it cannot do it.
    pub kubernetes: Option<&'static str>,
    /// The route of Butler's server; nothing where there is none.
    pub server: Option<&'static str>,
    /// Who is asked first where somebody is logged in.
    pub logged_in: Way,
}

/// All operations.
pub const TABLE: &[Entry] = &[
    Entry {
        operation: Operation::List,
        commands: "cluster list",
        kubernetes: Some("list tenantclusters"),
        server: None,
        logged_in: Way::Kubernetes,
    },
    Entry {
        operation: Operation::Read,
        commands: "cluster get, describe, conditions, watch, why, export",
        kubernetes: Some("get, watch tenantclusters; list tenantaddons"),
        server: None,
        logged_in: Way::Kubernetes,
    },
    Entry {
        operation: Operation::Parts,
        commands: "cluster get, describe, why",
        kubernetes: Some("list tenantcontrolplanes, machines in the namespace of the cluster's parts"),
        server: Some("GET /api/clusters/{namespace}/{name}/nodes"),
        logged_in: Way::Server,
    },
    Entry {
        operation: Operation::Kubeconfig,
        commands: "cluster kubeconfig",
        kubernetes: Some("get secrets in the namespace of the cluster's parts"),
        server: Some("GET /api/clusters/{namespace}/{name}/kubeconfig"),
        logged_in: Way::Server,
    },
    Entry {
        operation: Operation::Nodes,
        commands: "cluster nodes",
        kubernetes: Some("list machines in the namespace of the cluster's parts"),
        server: Some("GET /api/clusters/{namespace}/{name}/nodes"),
        logged_in: Way::Server,
    },
    Entry {
        operation: Operation::Events,
        commands: "cluster events, describe",
        kubernetes: Some("list, watch events in both namespaces of the cluster"),
        server: Some("GET /api/clusters/{namespace}/{name}/events"),
        logged_in: Way::Server,
    },
    Entry {
        operation: Operation::Certificates,
        commands: "cluster certs",
        kubernetes: Some("list secrets in the namespace of the cluster's parts"),
        server: Some("GET /api/clusters/{namespace}/{name}/certificates"),
        logged_in: Way::Server,
    },
    Entry {
        operation: Operation::Rotation,
        commands: "cluster certs rotate",
        kubernetes: None,
        server: Some("POST /api/clusters/{namespace}/{name}/certificates/rotate"),
        logged_in: Way::Server,
    },
    Entry {
        operation: Operation::Create,
        commands: "cluster create",
        kubernetes: Some("create tenantclusters"),
        server: None,
        logged_in: Way::Kubernetes,
    },
    Entry {
        operation: Operation::CreateForMember,
        commands: "cluster create --environment",
        kubernetes: Some("create tenantclusters, acting as the person (administrators of the platform may)"),
        server: Some("POST /api/clusters"),
        logged_in: Way::Kubernetes,
    },
    Entry {
        operation: Operation::Change,
        commands: "cluster scale, upgrade, edit, delete",
        kubernetes: Some("get, patch, delete tenantclusters"),
        server: None,
        logged_in: Way::Kubernetes,
    },
    Entry {
        operation: Operation::Wait,
        commands: "cluster wait",
        kubernetes: Some("list, watch tenantclusters"),
        server: None,
        logged_in: Way::Kubernetes,
    },
    Entry {
        operation: Operation::Catalog,
        commands: "addon catalog, enable, upgrade",
        kubernetes: Some("list addondefinitions"),
        server: Some("GET /api/addons/catalog"),
        logged_in: Way::Server,
    },
    Entry {
        operation: Operation::Addons,
        commands: "addon list, get, enable, upgrade, disable",
        kubernetes: Some("get tenantclusters; list, watch, create, update, delete tenantaddons"),
        server: None,
        logged_in: Way::Kubernetes,
    },
    Entry {
        operation: Operation::Environments,
        commands: "env list, get",
        kubernetes: Some("get teams; list tenantclusters"),
        server: Some("GET /api/teams/{team}"),
        logged_in: Way::Kubernetes,
    },
    Entry {
        operation: Operation::Access,
        commands: "access list, grant, revoke",
        kubernetes: Some("get, patch teams"),
        server: Some("GET /api/teams/{team}/members; POST, PATCH, DELETE /api/admin/teams/{team}/members"),
        logged_in: Way::Server,
    },
    Entry {
        operation: Operation::Images,
        commands: "image list, status, catalog",
        kubernetes: Some("get, list imagesyncs"),
        server: Some("GET /api/image-syncs"),
        logged_in: Way::Server,
    },
    Entry {
        operation: Operation::ImageSync,
        commands: "image sync",
        kubernetes: Some("create imagesyncs"),
        server: Some("POST /api/image-syncs"),
        logged_in: Way::Server,
    },
    Entry {
        operation: Operation::ImageChanges,
        commands: "image sync --name, delete",
        kubernetes: Some("create, delete imagesyncs"),
        server: None,
        logged_in: Way::Kubernetes,
    },
    Entry {
        operation: Operation::Workspaces,
        commands: "workspace list, get, create, connect, disconnect, delete",
        kubernetes: Some("get, list, create, update, delete workspaces"),
        server: None,
        logged_in: Way::Kubernetes,
    },
    Entry {
        operation: Operation::WorkspaceActions,
        commands: "workspace start, sync-ssh-keys",
        kubernetes: None,
        server: Some("POST /api/clusters/{namespace}/{name}/workspaces/{workspace}/{action}"),
        logged_in: Way::Server,
    },
    Entry {
        operation: Operation::Templates,
        commands: "template list, get; workspace create --template",
        kubernetes: Some("list workspacetemplates"),
        server: Some("GET /api/workspace-templates"),
        logged_in: Way::Server,
    },
    Entry {
        operation: Operation::Teams,
        commands: "tui: Teams",
        kubernetes: Some("list, watch teams"),
        server: Some("GET /api/teams"),
        logged_in: Way::Kubernetes,
    },
    Entry {
        operation: Operation::Providers,
        commands: "tui: Providers",
        kubernetes: Some("list, watch providerconfigs"),
        server: Some("GET /api/providers"),
        logged_in: Way::Kubernetes,
    },
];

impl Operation {
    /// Its line in the table.
    pub fn entry(self) -> &'static Entry {
        let found = TABLE.iter().find(|entry| entry.operation == self);
        found.expect("every operation has a line, which a test sees to")
    }

    /// Who is asked, in this order: the next one only where the one before cannot be asked at all. Nobody, where the operation
    /// needs Butler's server and nobody is logged in on one.
    pub fn ways(self, logged_in: bool) -> &'static [Way] {
        let entry = self.entry();
        match (entry.kubernetes.is_some(), entry.server.is_some() && logged_in) {
            (true, true) if entry.logged_in == Way::Server => &[Way::Server, Way::Kubernetes],
            (true, true) => &[Way::Kubernetes, Way::Server],
            (true, false) => &[Way::Kubernetes],
            (false, true) => &[Way::Server],
            (false, false) => &[],
        }
    }

    /// The ways of somebody who works with a management cluster.
    pub async fn ways_of(self, reach: &Reach) -> &'static [Way] {
        let has_session = match &reach.server {
            Some(server) => server.session().await.session_token.is_some(),
            None => false,
        };
        self.ways(has_session)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kubernetes => "the API server",
            Self::Server => "Butler's server",
        })
    }
}

/// The table as Markdown.
pub fn markdown() -> String {
    let mut lines = vec![
        "| Command | API server of the management cluster | Butler's server | Asked first after a login |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    lines.extend(TABLE.iter().map(|entry| {
        let server = entry
            .server
            .map_or_else(|| "-".to_owned(), |route| format!("`{route}`"));
        let (commands, kubernetes) = (entry.commands, entry.kubernetes.unwrap_or("-"));
        format!("| `{commands}` | {kubernetes} | {server} | {} |", entry.logged_in)
    }));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_one_line() {
        // A new operation is missed here first.
        let all = |operation: Operation| match operation {
            Operation::List
            | Operation::Read
            | Operation::Parts
            | Operation::Kubeconfig
            | Operation::Nodes
            | Operation::Events
            | Operation::Certificates
            | Operation::Rotation
            | Operation::Catalog
            | Operation::Addons
            | Operation::Environments
            | Operation::Access
            | Operation::Images
            | Operation::ImageSync
            | Operation::ImageChanges
            | Operation::Workspaces
            | Operation::WorkspaceActions
            | Operation::Templates
            | Operation::Teams
            | Operation::Providers
            | Operation::Create
            | Operation::CreateForMember
            | Operation::Change
            | Operation::Wait => TABLE.iter().filter(|entry| entry.operation == operation).count(),
        };
        assert!(TABLE.iter().all(|entry| all(entry.operation) == 1));
        assert_eq!(TABLE.len(), 24);

        for entry in TABLE {
            let possible = match entry.logged_in {
                Way::Kubernetes => entry.kubernetes,
                Way::Server => entry.server,
            };
            assert!(possible.is_some(), "{entry:?}");
        }
    }

    #[test]
    fn a_kubeconfig_needs_no_server_and_members_ask_it_first() {
        assert_eq!(Operation::Kubeconfig.ways(false), [Way::Kubernetes]);
        assert_eq!(Operation::Kubeconfig.ways(true), [Way::Server, Way::Kubernetes]);
        assert_eq!(Operation::List.ways(true), [Way::Kubernetes]);
        assert_eq!(Operation::Rotation.ways(true), [Way::Server]);
        assert_eq!(Operation::Rotation.ways(false), []);
    }

    #[test]
    fn the_documentation_shows_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tenancy.md");
        let text = std::fs::read_to_string(path).unwrap();
        assert!(
            text.contains(&markdown()),
            "docs/tenancy.md is to contain\n{}",
            markdown()
        );
    }
}
