//! Why a login by an issuer does not come about, and what to do about it.

use openidconnect::ClaimsVerificationError;

use super::claims::Skew;
use crate::address::{AddressError, ServerAddress};
use crate::device::DeviceError;
use crate::http::{CallError, ClientError};

/// Why an issuer, or the cluster that should trust it, gives no login.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The issuer is no address.
    #[error("cannot use {url:?} as an issuer")]
    Address {
        /// What was typed; empty where it may hold a password.
        url: String,
        /// What is wrong with it.
        source: AddressError,
    },
    /// The authority of one of the servers cannot be used.
    #[error("cannot use the authority of {address}")]
    Authority {
        /// The server that it is for.
        address: ServerAddress,
        /// What is wrong with it.
        source: ClientError,
    },
    /// A server could not be asked.
    #[error(transparent)]
    Call(#[from] CallError),
    /// What is there is no OpenID Connect provider.
    #[error("{issuer} is no OpenID Connect provider: {reason}")]
    Discovery {
        /// The issuer that was named.
        issuer: String,
        /// What its metadata lack.
        reason: String,
    },
    /// Somebody else answers for the issuer.
    #[error("the metadata of {issuer} are those of another issuer: {reason}")]
    OtherIssuer {
        /// The issuer that was named.
        issuer: String,
        /// Which one.
        reason: String,
    },
    /// It has no device grant.
    #[error("{issuer} offers no login by a code: its metadata name no device_authorization_endpoint")]
    NoDeviceGrant {
        /// The issuer that was named.
        issuer: String,
    },
    /// The issuer refuses a request.
    #[error("{issuer} refuses {what}: {words}")]
    Refused {
        /// The issuer that was asked.
        issuer: String,
        /// What it was asked for.
        what: &'static str,
        /// The status of its answer.
        status: u16,
        /// Its word for the reason, where it used the protocol's.
        code: Option<String>,
        /// All of its words.
        words: String,
    },
    /// The code led to nothing.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// It gave no ID token.
    #[error("{issuer} {} no ID token", if *.renewed { "renews the login, and gives" } else { "gives" })]
    NoIdToken {
        /// The issuer that was asked.
        issuer: String,
        /// A login was being renewed.
        renewed: bool,
    },
    /// It gave nothing that renews a login.
    #[error("{issuer} gave nothing that the login could be renewed with")]
    NoRefreshToken {
        /// The issuer of the login.
        issuer: String,
    },
    /// The ID token cannot be trusted.
    #[error("the ID token of {issuer} is not to be trusted")]
    Claims {
        /// The issuer that gave it.
        issuer: String,
        /// What is wrong with it.
        source: ClaimsVerificationError,
    },
    /// The ID token cannot be read. Its text is a secret, and the reader's words might repeat it.
    #[error("the ID token of {issuer} cannot be read")]
    Token {
        /// The issuer that gave it.
        issuer: String,
    },
    /// Two clocks differ.
    #[error("the clocks of this computer and of {issuer} differ: {skew}")]
    Clock {
        /// The issuer.
        issuer: String,
        /// By how much.
        skew: Skew,
    },
    /// A refresh gave the login of somebody else.
    #[error("{issuer} renews the login of {before:?} with one of {now:?}")]
    OtherSubject {
        /// The issuer of the login.
        issuer: String,
        /// Who logged in.
        before: String,
        /// Who the new token is for.
        now: String,
    },
    /// The cluster does not know the issuer, or not this client of it.
    #[error("the cluster at {api} does not accept logins of {issuer} for client {client_id:?}")]
    NotTrusted {
        /// The API server.
        api: ServerAddress,
        /// The issuer of the login.
        issuer: String,
        /// The client that the login is for.
        client_id: String,
        /// What the API server said.
        source: Box<CallError>,
    },
    /// The API server cannot be asked who somebody is.
    #[error("the API server does not tell who logged in")]
    Api(#[source] CallError),
    /// The kubeconfig cannot be put into words.
    #[error("cannot encode the kubeconfig")]
    Encode(#[from] serde_json::Error),
}

/// What kind of thing has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something that was typed is wrong.
    Usage,
    /// The person has to log in again.
    Login,
    /// Neither helps: somebody or something else is in the way.
    Failed,
}

impl OidcError {
    /// What kind of thing has to be done.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Address { .. } | Self::Authority { .. } => Kind::Usage,
            Self::Device(_) | Self::NoRefreshToken { .. } | Self::OtherSubject { .. } => Kind::Login,
            Self::Refused { code, .. } if code.as_deref() == Some("invalid_grant") => Kind::Login,
            _ => Kind::Failed,
        }
    }

    /// What can be tried. `again` is the hint of how to log in once more.
    pub fn hints(&self, again: &str) -> Vec<String> {
        let hint = match self {
            Self::Address { .. } => "an issuer looks like https://login.example.com, or http:// on this computer".to_owned(),
            Self::Authority { .. } => "--issuer-ca and --certificate-authority take PEM files".to_owned(),
            Self::Discovery { issuer, .. } => format!(
                "is --issuer right? Its metadata have to be at {}/.well-known/openid-configuration",
                issuer.trim_end_matches('/')
            ),
            Self::OtherIssuer { .. } => {
                "give --issuer exactly as the issuer calls itself, a slash at the end included".to_owned()
            }
            Self::NoDeviceGrant { .. } => {
                "its administrator switches the device authorization grant (RFC 8628) on; many providers do so per client"
                    .to_owned()
            }
            Self::Refused { code, .. } => return refused(code.as_deref(), again),
            Self::NoIdToken { renewed: false, .. } => {
                "it has to know the client as one of OpenID Connect, and to allow it the scope openid".to_owned()
            }
            Self::NoIdToken { renewed: true, .. } => {
                return vec![again.to_owned(), "its administrator can have ID tokens given on refresh".to_owned()];
            }
            Self::NoRefreshToken { .. } => {
                let allow = "logins are renewed where the issuer allows the client the scope offline_access";
                return vec![again.to_owned(), allow.to_owned()];
            }
            Self::Claims { source, .. } => return claims(source),
            Self::Clock { .. } => "set the clock of this computer: timedatectl set-ntp true".to_owned(),
            Self::OtherSubject { .. } => again.to_owned(),
            Self::NotTrusted { issuer, client_id, .. } => return vec![
                format!(
                    "its API server has to run with --oidc-issuer-url={issuer} --oidc-client-id={client_id}, or with the same in \
                     --authentication-config"
                ),
                "where it does, its log says why it refuses: for example a claim --oidc-username-claim that the token lacks".to_owned(),
            ],
            Self::Call(error) | Self::Api(error) => return call(error),
            Self::Device(_) | Self::Token { .. } | Self::Encode(_) => return Vec::new(),
        };
        vec![hint]
    }
}

fn refused(code: Option<&str>, again: &str) -> Vec<String> {
    let hint = match code {
        Some("invalid_client" | "unauthorized_client") => {
            "the issuer has to know --client-id as a public client that may use the device grant"
        }
        Some("invalid_scope") => "name the scopes that the issuer allows this client: --scope openid --scope email",
        Some("invalid_grant") => return vec![again.to_owned()],
        _ => return Vec::new(),
    };
    vec![hint.to_owned()]
}

fn claims(error: &ClaimsVerificationError) -> Vec<String> {
    let hint = match error {
        ClaimsVerificationError::InvalidAudience(_) => "the issuer has to give this client tokens for itself alone",
        ClaimsVerificationError::InvalidIssuer(_) => "give --issuer exactly as the issuer calls itself in its tokens",
        ClaimsVerificationError::SignatureVerification(_) => {
            "somebody may answer in the issuer's place; if it has just changed its keys, try again"
        }
        _ => return Vec::new(),
    };
    vec![hint.to_owned()]
}

fn call(error: &CallError) -> Vec<String> {
    let hint = match error {
        CallError::Unreachable { address, .. } => {
            format!("is {address} the right address, and can this computer reach it?")
        }
        CallError::Untrusted { .. } => {
            "name its authority (PEM): --issuer-ca FILE for the issuer, --certificate-authority FILE for the API server"
                .to_owned()
        }
        CallError::Answer { .. } | CallError::Refused { .. } => return Vec::new(),
    };
    vec![hint]
}
