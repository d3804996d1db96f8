//! Who am I, and which server: the login of both command lines, and Butler's server over HTTP.
//!
//! [`address`] reads what people type for a server. [`wire`] is what it says; [`device`] decides how a device login goes on,
//! purely; [`login`] performs it. [`store`] keeps credentials in the platform's keyring or in one private file;
//! [`refresh`] renews them under a lock, and [`import`] reads those of the former command line.
//! [`oidc`] logs in at any OpenID Connect provider instead.
//! [`logged_in`] is the server as somebody who is logged in. [`resolve`] decides which cluster a command works on, and as whom.
//! [`http`] is the only one that opens connections.

pub mod address;
pub mod device;
pub mod http;
pub mod import;
pub mod kubeconfig;
pub mod logged_in;
pub mod login;
pub mod oidc;
pub mod refresh;
pub mod resolve;
pub mod session;
pub mod store;
pub mod wire;
