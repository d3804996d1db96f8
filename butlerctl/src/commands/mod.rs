//! What each command does.

pub(crate) mod context;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod whoami;
