//! The commands of `butlerctl cluster` that only read, as a member of a team who is logged in and as an administrator with a
//! kubeconfig: what is printed, and the exit codes.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a test may panic, and writes objects as people read them"
)]

#[path = "cluster_read/certificates.rs"]
mod certificates;
#[path = "common/ctl.rs"]
mod ctl;
#[path = "cluster_read/ground.rs"]
mod ground;
#[path = "cluster_read/list.rs"]
mod list;
#[path = "cluster_read/one.rs"]
mod one;
#[path = "../core/world/tests/butler_server/support.rs"]
#[expect(dead_code, reason = "the tests of the server itself use all of it")]
mod support;
#[path = "cluster_read/take.rs"]
mod take;
#[path = "common/waiting.rs"]
mod waiting;
