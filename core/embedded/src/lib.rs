//! A small Kubernetes-compatible API server in process, persisted to one folder.
//!
//! [`Server::open`] recovers the folder, [`Server::client`] talks to it without sockets, [`Server::serve`] offers HTTPS.
//! What is acknowledged survives a kill at any moment.

#![cfg_attr(
    test,
    expect(clippy::disallowed_macros, reason = "tests write objects as people read them")
)]

mod access;
mod admission;
mod admit;
mod apply;
mod controllers;
mod duplicates;
mod folder;
mod http;
mod jsonpath;
mod kinds;
mod kubeconfig;
mod limits;
mod local;
mod patch;
mod pki;
mod protobuf;
mod registry;
mod rest;
mod schema;
mod select;
mod server;
mod status;
mod store;
mod text;
mod work;

pub use admission::{Admission, Denied, Found, Objects, Operation, Write};
pub use local::{At, Follow, Local, Refused, Seen, Stored};
pub use server::{Authority, Intercept, Interceptor, OpenError, Options, Server, Serving, serve_standalone};
pub use store::Damage;

/// The Kubernetes version that a stand-alone server reports.
pub const VERSION: &str = "v1.35.0";
