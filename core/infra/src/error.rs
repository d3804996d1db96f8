//! What can go wrong on a platform, by what the caller should do about it.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    time::Duration,
};

use butler_api::{config::ProviderKind, words};

/// An error of somebody else, kept as the source.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A failed call or step: [`ErrorDetails`], boxed to keep results small.
#[derive(Debug)]
pub struct InfraError(Box<ErrorDetails>);

/// What failed. The message is for people, holds no secret and gives the peer's own words.
#[derive(Debug)]
pub struct ErrorDetails {
    /// What decides what to do about it.
    pub kind: ErrorKind,
    /// The platform it happened on.
    pub provider: ProviderKind,
    /// The operation, for example `create machine`.
    pub op: &'static str,
    /// What it was about, for example the machine's name.
    pub resource: Option<String>,
    /// The platform's words, or ours where it said nothing.
    pub message: String,
    /// A command, flag or setting to try.
    pub hint: Option<String>,
    /// The HTTP status, where the platform answered.
    pub http: Option<u16>,
    /// The platform's error code.
    pub code: Option<String>,
    /// The platform's name for the request, for those who run it.
    pub request_id: Option<String>,
    /// How long the platform asks us to stay away.
    pub retry_after: Option<Duration>,
    /// The error underneath, where there was one.
    pub source: Option<BoxError>,
}

impl fmt::Display for InfraError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.provider, self.op)?;
        if let Some(resource) = &self.resource {
            write!(f, " {resource}")?;
        }
        write!(f, ": {}", self.message)?;
        let marks: Vec<String> = [
            self.code.clone(),
            self.http.map(|http| format!("HTTP {http}")),
            self.request_id.as_ref().map(|id| format!("request {id}")),
        ]
        .into_iter()
        .flatten()
        .collect();
        if marks.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", marks.join(", "))
        }
    }
}

impl std::error::Error for InfraError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl Deref for InfraError {
    type Target = ErrorDetails;

    fn deref(&self) -> &ErrorDetails {
        &self.0
    }
}

impl DerefMut for InfraError {
    fn deref_mut(&mut self) -> &mut ErrorDetails {
        &mut self.0
    }
}

/// The kinds of failure, by what the caller can do about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// The platform does not know who we are.
    Unauthenticated,
    /// It knows and refuses.
    Forbidden {
        /// Permissions it names as missing.
        missing: Vec<String>,
    },
    /// The object does not exist.
    NotFound,
    /// The object exists already and is ours.
    AlreadyExists,
    /// The object exists and belongs to somebody else.
    Foreign,
    /// The object is ours but was made from other settings.
    SpecDrift,
    /// The request is wrong.
    Invalid {
        /// Each wrong field with the platform's complaint.
        fields: Vec<(String, String)>,
    },
    /// A limit of the account is reached.
    Quota {
        /// Which limit it is.
        what: String,
    },
    /// The platform is full.
    Capacity {
        /// Where it is full.
        place: String,
    },
    /// We sent too many requests.
    Throttled,
    /// Another operation or a newer version is in the way.
    Conflict,
    /// The object is not visible or not ready yet.
    NotReady,
    /// The platform accepted the work and failed at it.
    TaskFailed,
    /// There is no connection: name lookup or routing failed, or the peer refused or closed it.
    Unreachable,
    /// The peer's certificate is not the expected one.
    Tls {
        /// The fingerprint it showed.
        fingerprint: Option<String>,
    },
    /// The answer did not come in time, or the connection ended before it.
    Timeout {
        /// Whether the request may have been carried out.
        maybe_applied: bool,
    },
    /// The platform has a fault of its own.
    Server,
    /// The platform's answer cannot be understood.
    Protocol,
    /// The provider cannot do this.
    Unsupported,
    /// We were asked to stop.
    Cancelled,
}

/// What to do after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same call again, not before this long.
    After(Duration),
    /// Repeating it does not help.
    Never,
    /// It may have been carried out: look at the platform before anything else.
    Observe,
}

/// The most that we let a platform keep us away.
pub(crate) const RETRY_AFTER_CAP: Duration = Duration::from_mins(2);

impl InfraError {
    /// An error of the given kind with nothing but a message.
    pub fn new(provider: ProviderKind, op: &'static str, kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(ErrorDetails {
            kind,
            provider,
            op,
            resource: None,
            message: words::peer(&message.into()),
            hint: None,
            http: None,
            code: None,
            request_id: None,
            retry_after: None,
            source: None,
        }))
    }

    /// Names what the operation was about.
    #[must_use]
    pub fn about(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// Adds what a person can try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the error underneath.
    #[must_use]
    pub fn because(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Tells what to do about it.
    pub fn retry(&self) -> Retry {
        let after = |default: Duration| Retry::After(self.retry_after.unwrap_or(default).min(RETRY_AFTER_CAP));
        match &self.kind {
            ErrorKind::Throttled | ErrorKind::Conflict => after(Duration::from_secs(2)),
            ErrorKind::NotReady
            | ErrorKind::Unreachable
            | ErrorKind::Server
            | ErrorKind::Timeout { maybe_applied: false } => after(Duration::from_millis(500)),
            ErrorKind::Timeout { maybe_applied: true } => Retry::Observe,
            ErrorKind::Unauthenticated
            | ErrorKind::Forbidden { .. }
            | ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::Foreign
            | ErrorKind::SpecDrift
            | ErrorKind::Invalid { .. }
            | ErrorKind::Quota { .. }
            | ErrorKind::Capacity { .. }
            | ErrorKind::TaskFailed
            | ErrorKind::Tls { .. }
            | ErrorKind::Protocol
            | ErrorKind::Unsupported
            | ErrorKind::Cancelled => Retry::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind) -> InfraError {
        InfraError::new(ProviderKind::InMemory, "create machine", kind, "no")
    }

    #[test]
    fn a_lost_reply_is_looked_at_before_it_is_repeated() {
        assert_eq!(
            error(ErrorKind::Timeout { maybe_applied: true }).retry(),
            Retry::Observe
        );
        assert!(matches!(
            error(ErrorKind::Timeout { maybe_applied: false }).retry(),
            Retry::After(_)
        ));
    }

    #[test]
    fn the_platforms_own_delay_wins_but_is_capped() {
        let mut throttled = error(ErrorKind::Throttled);
        throttled.retry_after = Some(Duration::from_secs(7));
        assert_eq!(throttled.retry(), Retry::After(Duration::from_secs(7)));
        throttled.retry_after = Some(Duration::from_secs(7_000));
        assert_eq!(throttled.retry(), Retry::After(RETRY_AFTER_CAP));
    }

    #[test]
    fn repeating_does_not_help_against_foreign_objects_or_wrong_requests() {
        for kind in [
            ErrorKind::Foreign,
            ErrorKind::SpecDrift,
            ErrorKind::Unsupported,
            ErrorKind::Invalid { fields: vec![] },
        ] {
            assert_eq!(error(kind).retry(), Retry::Never);
        }
    }

    #[test]
    fn the_message_names_platform_operation_object_and_code() {
        let mut e = error(ErrorKind::Throttled).about("demo-cp-0");
        e.http = Some(429);
        e.code = Some("Throttled".into());
        assert_eq!(
            e.to_string(),
            "inmemory: create machine demo-cp-0: no (Throttled, HTTP 429)"
        );
        e.request_id = Some("r-1".into());
        assert_eq!(
            e.to_string(),
            "inmemory: create machine demo-cp-0: no (Throttled, HTTP 429, request r-1)"
        );
    }
}
