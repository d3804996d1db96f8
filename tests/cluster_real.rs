//! The commands of `butlerctl` on API servers with RBAC, the published definitions of Butler's kinds, and Butler's admission: what
//! roles, schemas and rules forbid, what is answered in pages, what is watched, and what becomes of a change. Every test runs on the
//! API server of the simulated world and on the real kube-apiserver, and both must say the same.
//!
//! The real one is taken from `BUTLER_PEERS` or `target/peers`; without it its half is skipped, and says so.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a test may panic, and writes objects as people read them"
)]

/// Compares a text with an inline snapshot, which has to hold on every API server.
macro_rules! same {
    ($text:expr, @$expected:literal) => {{
        let text = $text;
        insta::allow_duplicates! {
            insta::assert_snapshot!(text, @$expected);
        }
    }};
}

#[path = "cluster_real/addons.rs"]
mod addons;
#[path = "../core/embedded/tests/suite/authority.rs"]
mod authority;
#[path = "../core/embedded/tests/suite/common.rs"]
#[expect(dead_code, reason = "the tests of the API server use more of it")]
mod common;
#[path = "cluster_real/ground.rs"]
mod ground;
#[path = "common/published.rs"]
mod published;
#[path = "cluster_real/reads.rs"]
mod reads;
#[path = "../core/embedded/tests/suite/real.rs"]
mod real;
#[path = "common/reference.rs"]
mod reference;
#[path = "cluster_real/writes.rs"]
mod writes;
