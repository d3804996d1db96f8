//! Where ours answers otherwise than the recordings of the real server, and why.

/// Where ours answers otherwise.
pub(crate) struct Difference {
    pub(crate) file: &'static str,
    /// Notes of the exchanges.
    pub(crate) notes: &'static [&'static str],
    /// What was refused is done by an administrator instead, so that what follows is as in the recording.
    pub(crate) done_instead: bool,
    /// Why ours is right.
    #[expect(dead_code, reason = "read by people")]
    reason: &'static str,
}

const fn newer(file: &'static str, notes: &'static [&'static str]) -> Difference {
    Difference {
        file,
        notes,
        done_instead: false,
        reason: "the recorded release had no such route yet, and ours plays the newer one that has it",
    }
}

const fn refused(file: &'static str, notes: &'static [&'static str]) -> Difference {
    Difference {
        file,
        notes,
        done_instead: true,
        reason: "the recorded release lets people do what is not theirs; those holes are not played",
    }
}

const fn otherwise(file: &'static str, notes: &'static [&'static str], reason: &'static str) -> Difference {
    Difference {
        file,
        notes,
        done_instead: false,
        reason,
    }
}

pub(crate) const DIFFERENCES: &[Difference] = &[
    newer(
        "auth",
        &[
            "set password alice",
            "set password twice",
            "set password bob",
            "set password carol",
            "set password dave",
            "set password nobody",
            "cli device on v0.4.0",
        ],
    ),
    refused("auth", &["create user as alice (team admin)"]),
    otherwise(
        "auth",
        &["root"],
        "the console is no part of the world; its place has a page of our own",
    ),
    refused(
        "clusters",
        &[
            "get dave (admin of beta, other team)",
            "create dave for alpha (admin of beta)",
            "kubeconfig dave",
        ],
    ),
    otherwise(
        "clusters",
        &["list"],
        "administrators of a team see the clusters of their teams, and not all; those of alice and dave differ",
    ),
    newer("clusters", &["update PUT", "patch", "export", "machines"]),
    otherwise(
        "clusters",
        &["nul in name"],
        "the API server beside it writes this character otherwise",
    ),
    refused(
        "addons",
        &[
            "cluster addons dave foreign",
            "install values",
            "install viewer",
            "install foreign team",
            "mgmt install viewer",
            "mgmt del byc",
        ],
    ),
    refused(
        "providers",
        &[
            "get team scoped dave",
            "create carol",
            "create alice team admin",
            "delete carol",
            "team providers dave",
            "team create carol",
        ],
    ),
    newer("providers", &["put"]),
    otherwise(
        "providers",
        &["validate nx", "validate hv", "validate 404", "validate carol"],
        "nobody asks a platform: ours says what the controller has found",
    ),
    refused(
        "teams",
        &[
            "create as carol (viewer!)",
            "update as carol",
            "delete as carol",
            "add as alice (admin elsewhere)",
        ],
    ),
    otherwise(
        "teams",
        &["group del idp", "group del 404"],
        "the recorded release panics where there is no group",
    ),
    newer("teams", &["env add", "env put"]),
    refused("admin", &["idp list alice (team admin!)"]),
    newer("admin", &["net put"]),
    otherwise(
        "admin",
        &["mgmt"],
        "people see the names of their teams' clusters, and not all",
    ),
    otherwise(
        "admission-through-server",
        &["provider delete denied"],
        "any cluster that still has the provider is named, and those of the recording are others",
    ),
    otherwise(
        "admission-through-server",
        &["team update"],
        "the newer server shows limits and environments of a team, too",
    ),
    refused(
        "admission-through-server",
        &["create by viewer without team is a provider 201?", "delete it"],
    ),
    otherwise(
        "extra",
        &["team beta (status unset by hand)", "accept gzip"],
        "controllers and other clusters were there by then",
    ),
];

/// Exchanges that cannot be asked as they were recorded.
pub(crate) const NOT_ASKED: &[(&str, &[&str], &str)] = &[(
    "clusters",
    &["huge header", "oversized 3MB", "oversized 3MB ignored field"],
    "the recording keeps their beginning only",
)];

/// Beginnings of paths below which ours says 501.
pub(crate) const NOT_SIMULATED: &[&str] = &[
    "/api/admin/audit",
    "/api/admin/config",
    "/api/admin/identity-providers",
    "/api/admin/observability",
    "/api/auth/ssh-keys",
    "/api/gitops",
    "/api/management/tenantcontrolplanes",
    "/api/observability",
    "/api/workspace-",
];

/// The same of the parts of a cluster's and a provider's paths.
pub(crate) const PARTS_NOT_SIMULATED: &[&str] = &[
    "/gitops/",
    "/workspaces",
    "/services",
    "/audit",
    "/images",
    "/networks",
    "/test",
];
