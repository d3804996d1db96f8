//! The questions behind a bootstrap configuration, as pure data: which there are, what was answered, and the file that the
//! answers make. Full screen, linear prompts and files meet here, and in the one validator of `butler_api::config`.
//!
//! A question's identity is the path of its setting in the file, such as `cluster.controlPlane.cpu`.

pub mod addresses;
mod codec;
mod document;
mod facts;
pub mod file;
pub mod finding;
pub mod linear;
pub mod list;
mod path;
pub mod question;
mod scalar;
mod schema;
pub mod session;
pub mod sizing;
mod topic;
pub mod walk;

pub use session::{SetError, split_set};
