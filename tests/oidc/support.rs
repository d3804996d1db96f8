//! Real programs of a cluster, as the tests of the add-ons start them.

#[path = "../../core/addons/tests/support/control_plane.rs"]
#[expect(dead_code, reason = "the tests of the add-ons use all of it")]
pub(crate) mod control_plane;
#[path = "../common/peers.rs"]
mod peers;

pub(crate) use peers::peer;

/// Installs the TLS provider of the process.
pub(crate) fn crypto() {
    // A second installation in the same process is refused, and is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
