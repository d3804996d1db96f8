//! What can go wrong with a call, in classes that decide what to do next.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use butler_api::{descriptors, words};
use rustls::{AlertDescription, CertificateError};
use tonic::{Code, Status};

use super::Address;
use super::tls::Seen;

/// A failed call, by class.
#[derive(Debug, thiserror::Error)]
pub enum TalosError {
    /// Nobody answers, or the connection broke.
    #[error("{0}")]
    Unreachable(CallFailure),
    /// Not the node's doing: no file descriptor is free here.
    #[error("{0}")]
    Exhausted(CallFailure),
    /// The node is in the other one of its two modes.
    #[error("{failure}")]
    WrongSide {
        /// The mode it is in.
        side: Side,
        /// Node, call and cause.
        failure: CallFailure,
    },
    /// The TLS handshake failed.
    #[error("{failure}")]
    Tls {
        /// What the handshake failed on.
        problem: TlsProblem,
        /// Node, call and cause.
        failure: CallFailure,
    },
    /// The node cannot do it yet.
    #[error("{0}")]
    NotReady(CallFailure),
    /// It is done already.
    #[error("{0}")]
    AlreadyExists(CallFailure),
    /// The credentials do not allow it.
    #[error("{0}")]
    PermissionDenied(CallFailure),
    /// The node refuses what it was given.
    #[error("{0}")]
    Invalid(CallFailure),
    /// The node has no such call, in its mode, role or version.
    #[error("{0}")]
    Unimplemented(CallFailure),
    /// What was asked for does not exist.
    #[error("{0}")]
    NotFound(CallFailure),
    /// No answer within the deadline.
    #[error("{failure}")]
    Deadline {
        /// How long the answer was waited for.
        after: Duration,
        /// Node, call and cause.
        failure: CallFailure,
    },
    /// Anything else. Go errors without a code arrive as [`Code::Unknown`].
    #[error("{failure}")]
    Other {
        /// The gRPC code that the node answered with.
        code: Code,
        /// Node, call and cause.
        failure: CallFailure,
    },
}

/// Node, call and cause of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFailure {
    /// `HOST:PORT` of the node.
    pub node: String,
    /// What was being done, such as `apply the configuration`.
    pub action: &'static str,
    /// The deepest cause that can be named, in the node's own words where it spoke.
    pub cause: String,
}

impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} on {}: {}", self.action, self.node, self.cause)
    }
}

/// One of the two modes of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// It has no configuration yet.
    Maintenance,
    /// It has a configuration and wants a client certificate.
    Configured,
}

/// Why a TLS handshake failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsProblem {
    /// The server certificate is of another CA.
    ForeignCa,
    /// The address is not in the server certificate.
    Name,
    /// A certificate is expired or not valid yet: mostly a clock that is off.
    Clock,
    /// The server certificate is not the pinned one.
    Fingerprint,
    /// The node does not accept our client certificate.
    ClientCertificate,
    /// The two sides do not speak the same protocol, or something that no other case tells.
    Protocol,
}

impl TalosError {
    /// Whether the same call may succeed later, while nothing else changes.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Exhausted(_) | Self::NotReady(_) | Self::Deadline { .. } => true,
            // The node changes sides shortly after it was configured.
            Self::WrongSide { side, .. } => *side == Side::Maintenance,
            Self::Tls { problem, .. } => matches!(problem, TlsProblem::Clock | TlsProblem::Protocol),
            Self::Other { code, .. } => {
                matches!(
                    code,
                    Code::Unknown | Code::Internal | Code::Cancelled | Code::Aborted | Code::ResourceExhausted
                )
            }
            Self::AlreadyExists(_)
            | Self::PermissionDenied(_)
            | Self::Invalid(_)
            | Self::Unimplemented(_)
            | Self::NotFound(_) => false,
        }
    }

    /// What a person can try.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable(_) => Some("check that the machine is up and that TCP port 50000 is open on the way"),
            Self::Exhausted(_) => Some(descriptors::HINT),
            Self::WrongSide {
                side: Side::Configured, ..
            } => Some("the node has a configuration already; use the talosconfig of its cluster, or reset the node"),
            Self::WrongSide {
                side: Side::Maintenance,
                ..
            } => Some("the node waits for its configuration; was it reset or replaced?"),
            Self::Tls { problem, .. } => match problem {
                TlsProblem::ForeignCa => Some("the node belongs to another cluster, or the talosconfig does"),
                TlsProblem::Name => {
                    Some("the address is not in the node's certificate; add it to the certificate SANs")
                }
                TlsProblem::Clock => Some("compare the clocks of this machine and the node, and check the NTP servers"),
                TlsProblem::Fingerprint => Some("compare the fingerprint with the one on the node's console"),
                TlsProblem::ClientCertificate => Some("the client certificate is expired or of another cluster"),
                TlsProblem::Protocol => None,
            },
            Self::PermissionDenied(_) => Some("the talosconfig needs the role os:admin"),
            _ => None,
        }
    }

    /// The cause alone, with what it means where its own words do not say.
    pub fn in_short(&self) -> String {
        let cause = &self.failure().cause;
        let Self::Tls { problem, .. } = self else {
            return cause.clone();
        };
        let meaning = match problem {
            TlsProblem::ForeignCa => "its certificate is not of this cluster's authority",
            TlsProblem::Name => "its certificate does not name the address",
            TlsProblem::Clock => "a certificate is not valid now: a clock may be off",
            TlsProblem::Fingerprint => "it shows another certificate than expected",
            TlsProblem::ClientCertificate => "it does not accept our certificate",
            TlsProblem::Protocol => return cause.clone(),
        };
        format!("{meaning}: {cause}")
    }

    /// Node, call and cause.
    pub fn failure(&self) -> &CallFailure {
        match self {
            Self::Unreachable(failure)
            | Self::Exhausted(failure)
            | Self::WrongSide { failure, .. }
            | Self::Tls { failure, .. }
            | Self::NotReady(failure)
            | Self::AlreadyExists(failure)
            | Self::PermissionDenied(failure)
            | Self::Invalid(failure)
            | Self::Unimplemented(failure)
            | Self::NotFound(failure)
            | Self::Deadline { failure, .. }
            | Self::Other { failure, .. } => failure,
        }
    }
}

/// One call, for naming it in errors.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) address: &'a Address,
    pub(super) action: &'static str,
}

impl Call<'_> {
    pub(super) fn failure(&self, cause: impl Into<String>) -> CallFailure {
        CallFailure {
            node: self.address.to_string(),
            action: self.action,
            cause: words::peer(&cause.into()),
        }
    }

    pub(super) fn deadline(&self, after: Duration) -> TalosError {
        let failure = self.failure(format!("no answer within {after:?}"));
        TalosError::Deadline { after, failure }
    }

    /// Classifies a failed reply. One with a source did not come from the node but from the connection.
    pub(super) fn status(&self, status: &Status, seen: &Seen) -> TalosError {
        if let Some(source) = status.source() {
            return self.transport(source, seen);
        }
        self.reply(status.code(), status.message())
    }

    /// Classifies what the node itself answered.
    fn reply(&self, code: Code, message: &str) -> TalosError {
        let failure = self.failure(if message.is_empty() {
            code.description()
        } else {
            message
        });
        match code {
            // Never possible, though the code suggests waiting.
            Code::FailedPrecondition if message.contains("can only be performed on") => {
                TalosError::Unimplemented(failure)
            }
            Code::FailedPrecondition | Code::DeadlineExceeded => TalosError::NotReady(failure),
            Code::Unavailable => TalosError::Unreachable(failure),
            Code::AlreadyExists => TalosError::AlreadyExists(failure),
            Code::PermissionDenied | Code::Unauthenticated => TalosError::PermissionDenied(failure),
            Code::InvalidArgument | Code::OutOfRange => TalosError::Invalid(failure),
            // Talos up to 1.12 gives parse errors no code in maintenance mode.
            Code::Unknown if message.starts_with("failed to parse config") => TalosError::Invalid(failure),
            Code::Unimplemented => TalosError::Unimplemented(failure),
            Code::NotFound => TalosError::NotFound(failure),
            code => TalosError::Other { code, failure },
        }
    }

    /// Classifies a connection that could not be made or broke.
    pub(super) fn transport(&self, error: &(dyn StdError + 'static), seen: &Seen) -> TalosError {
        if let Some(exhausted) = descriptors::exhausted(error) {
            return TalosError::Exhausted(self.failure(exhausted.to_string()));
        }
        match tls_problem(error) {
            Some((problem, cause)) => self.tls(problem, &cause, seen),
            None => TalosError::Unreachable(self.failure(deepest(error))),
        }
    }

    fn tls(&self, problem: TlsProblem, cause: &str, seen: &Seen) -> TalosError {
        let failure = self.failure(cause);
        match problem {
            TlsProblem::ForeignCa | TlsProblem::Name | TlsProblem::Clock if seen.is_maintenance() => {
                TalosError::WrongSide {
                    side: Side::Maintenance,
                    failure,
                }
            }
            TlsProblem::Fingerprint if !seen.is_maintenance() => TalosError::WrongSide {
                side: Side::Configured,
                failure,
            },
            TlsProblem::ClientCertificate if !seen.with_identity() => TalosError::WrongSide {
                side: Side::Configured,
                failure,
            },
            problem => TalosError::Tls { problem, failure },
        }
    }
}

/// The words of the innermost cause.
fn deepest(error: &(dyn StdError + 'static)) -> String {
    let mut current = error;
    while let Some(source) = inner(current) {
        current = source;
    }
    current.to_string()
}

fn tls_problem(error: &(dyn StdError + 'static)) -> Option<(TlsProblem, String)> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some((problem_of(tls), tls.to_string()));
        }
        current = inner(error);
    }
    None
}

/// The source; for an IO error the error it carries, which its `source` leaves out.
fn inner<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(carried) => Some(carried),
        None => error.source(),
    }
}

fn problem_of(error: &rustls::Error) -> TlsProblem {
    match error {
        rustls::Error::InvalidCertificate(reason) => match reason {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsProblem::ForeignCa,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => TlsProblem::Name,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => TlsProblem::Clock,
            CertificateError::ApplicationVerificationFailure => TlsProblem::Fingerprint,
            _ => TlsProblem::Protocol,
        },
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::HandshakeFailure
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown,
        ) => TlsProblem::ClientCertificate,
        _ => TlsProblem::Protocol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: Code, message: &str) -> TalosError {
        let address = Address::new("10.5.0.2", 50_000);
        Call {
            address: &address,
            action: "bootstrap etcd",
        }
        .reply(code, message)
    }

    #[test]
    fn what_passes_by_itself_is_retryable_and_what_does_not_is_not() {
        for (code, message, retryable) in [
            (Code::FailedPrecondition, "bootstrap is not available yet", true),
            (Code::FailedPrecondition, "time is not in sync yet", true),
            (
                Code::FailedPrecondition,
                "bootstrap can only be performed on a control plane node",
                false,
            ),
            (Code::AlreadyExists, "etcd data directory is not empty", false),
            (Code::Unknown, "no controlplane endpoints discovered yet", true),
            (Code::Unknown, "failed to parse config: config not found", false),
            (Code::InvalidArgument, "configuration validation failed", false),
            (Code::DeadlineExceeded, "context deadline exceeded", true),
            (Code::PermissionDenied, "not authorized", false),
            (Code::Unimplemented, "API is not implemented in maintenance mode", false),
            (Code::Unavailable, "", true),
        ] {
            assert_eq!(reply(code, message).is_retryable(), retryable, "{code:?} {message}");
        }
    }

    #[test]
    fn an_error_names_action_node_and_the_words_of_the_node() {
        let error = reply(Code::AlreadyExists, "etcd data directory is not empty");
        assert_eq!(
            error.to_string(),
            "cannot bootstrap etcd on 10.5.0.2:50000: etcd data directory is not empty"
        );
    }

    #[test]
    fn a_lack_of_descriptors_is_not_the_nodes_silence() {
        let error = io::Error::other(io::Error::from_raw_os_error(24));
        let address = Address::new("a", 1);
        let call = Call {
            address: &address,
            action: "connect",
        };
        let error = call.transport(&error, &Seen::default());
        assert_eq!(
            error.to_string(),
            "cannot connect on a:1: this process has no free file descriptors"
        );
        assert!(error.is_retryable());
        assert!(error.hint().is_some_and(|hint| hint.contains("ulimit -n")));
    }

    #[test]
    fn a_tls_cause_inside_io_errors_is_found() {
        let tls = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let error = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls));
        let address = Address::new("a", 1);
        let call = Call {
            address: &address,
            action: "connect",
        };
        let error = call.transport(&error, &Seen::default());
        assert!(
            matches!(
                error,
                TalosError::Tls {
                    problem: TlsProblem::ForeignCa,
                    ..
                }
            ),
            "{error:?}"
        );
    }
}
