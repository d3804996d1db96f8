//! Images that machines are made from.

use butler_api::config::{HttpUrl, ProviderKind};
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::Owner;

/// The schematic that adds nothing to Talos: the id that the Image Factory gives an empty one.
pub const PLAIN_SCHEMATIC: &str = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba";

/// An image as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSpec {
    /// The cluster that it is brought for.
    pub owner: Owner,
    /// The Image Factory that makes it.
    pub factory: HttpUrl,
    /// The Talos release in it.
    pub talos: Version,
    /// The factory's id of what is added to Talos, 64 hexadecimal digits.
    pub schematic: String,
    /// Whether the platform fetches it itself, or we bring it.
    pub transfer: Transfer,
}

/// The way of an image to the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// The platform fetches it from the factory; where it cannot, we bring it.
    Auto,
    /// The platform fetches it from the factory.
    Direct,
    /// It passes through this computer.
    Proxy,
}

/// An image that the platform has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageRef {
    /// The platform it is on.
    pub provider: ProviderKind,
    /// What a machine is made from, in the words of the platform.
    pub id: String,
}
