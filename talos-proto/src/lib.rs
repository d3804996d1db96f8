//! Talos and COSI protobuf API: our own .proto files and the generated tonic code.
//!
//! Modules mirror the protobuf packages. The code in `src/gen/` is written by
//! `cargo run -p butler-talos-proto --example generate` and checked in; a test fails when it is stale.
//! Clients work with any transport; server traits need the feature `server`, and answer
//! `Unimplemented` to every method that an implementation leaves out.

macro_rules! package {
    ($(#[$doc:meta])* $name:ident, $file:literal) => {
        package!($(#[$doc])* $name, $file, {});
    };
    ($(#[$doc:meta])* $name:ident, $file:literal, {$($inner:item)*}) => {
        $(#[$doc])*
        #[allow(
            missing_docs,
            unreachable_pub,
            deprecated,
            clippy::all,
            clippy::pedantic,
            clippy::restriction,
            reason = "generated code"
        )]
        pub mod $name {
            include!(concat!("gen/", $file, ".rs"));
            $($inner)*
        }
    };
}

package!(
    /// Health of a whole cluster, as a node sees it.
    cluster,
    "cluster"
);
package!(
    /// Messages shared by the Talos services.
    common,
    "common"
);
package!(
    /// Controllers of a node.
    inspect,
    "inspect"
);
package!(
    /// The machine API, images and lifecycle.
    machine,
    "machine"
);
package!(
    /// trustd: certificates for nodes that hold no CA key.
    securityapi,
    "securityapi"
);
package!(
    /// Disks of a node.
    storage,
    "storage"
);
package!(
    /// Clock of a node.
    time,
    "time"
);

/// COSI, the resource state of a node.
pub mod cosi {
    package!(
        /// Resources and their service.
        resource,
        "cosi.resource",
        {
            package!(
                /// Resources that describe the kinds of resources.
                meta,
                "cosi.resource.meta"
            );
        }
    );
}

/// Google's common messages.
pub mod google {
    package!(
        /// The status of a call.
        rpc,
        "google.rpc"
    );
}

/// Contents of Talos resources.
pub mod talos {
    /// Resources.
    pub mod resource {
        /// What the `spec` of a resource holds, by group.
        pub mod definitions {
            package!(
                /// Block devices and volumes.
                block,
                "talos.resource.definitions.block"
            );
            package!(
                /// Members of a cluster.
                cluster,
                "talos.resource.definitions.cluster"
            );
            package!(
                /// Enumerations.
                enums,
                "talos.resource.definitions.enums"
            );
            package!(
                /// etcd.
                etcd,
                "talos.resource.definitions.etcd"
            );
            package!(
                /// System extensions.
                extensions,
                "talos.resource.definitions.extensions"
            );
            package!(
                /// Hardware.
                hardware,
                "talos.resource.definitions.hardware"
            );
            package!(
                /// Kubernetes on a node.
                k8s,
                "talos.resource.definitions.k8s"
            );
            package!(
                /// Network.
                network,
                "talos.resource.definitions.network"
            );
            package!(
                /// Mounts and id mappings.
                proto,
                "talos.resource.definitions.proto"
            );
            package!(
                /// Machine stage, diagnostics and platform.
                runtime,
                "talos.resource.definitions.runtime"
            );
            package!(
                /// Clock synchronisation.
                time,
                "talos.resource.definitions.time"
            );
            package!(
                /// Services.
                v1alpha1,
                "talos.resource.definitions.v1alpha1"
            );
        }
    }
}
