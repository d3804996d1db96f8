//! What each command does.

pub mod context;
pub mod credential;
mod import;
mod issuer;
pub mod kubeconfig;
pub mod login;
pub mod logout;
mod secret;
pub mod tui;
pub mod whoami;
