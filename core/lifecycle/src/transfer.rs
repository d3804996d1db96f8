//! Hands a cluster over to another home: its state folder as an encrypted archive, and back.
//!
//! An archive is an age file around a gzipped tar: first a manifest, then every file that the manifest lists, in its order. One
//! home at a time goes on with a cluster, so the one that exported it is marked and refuses to.

mod archive;
mod export;
mod import;
mod manifest;
mod seal;

pub use self::{
    archive::{PackError, UnpackError},
    export::{Destination, ExportError, Handover, export, take_back},
    import::{ImportError, Imported, check, import},
    manifest::{FORMAT, ManifestError},
    seal::{DecryptionKey, EncryptionKey, KeyError, OpenError},
};
