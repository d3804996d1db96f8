//! Who am I, and which server: the login of both command lines, and Butler's server over HTTP.
//!
//! [`address`] reads what people type for a server. [`wire`] is what it says; [`device`] decides how a device login goes on,
//! purely; [`login`] performs it. [`store`] keeps credentials in one private file, which [`refresh`] renews under a lock.
//! [`http`] is the only one that opens connections.

pub mod address;
pub mod device;
pub mod http;
pub mod login;
pub mod refresh;
pub mod session;
pub mod store;
pub mod wire;
