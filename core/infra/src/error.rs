//! What can go wrong on a platform, by what the caller should do about it.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    time::Duration,
};

use butler_api::{config::ProviderKind, words};

/// An error of somebody else, kept as the source.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A failed call or step: a [`Failure`], boxed to keep results small.
#[derive(Debug)]
pub struct InfraError(Box<Failure>);

/// What failed. The message is for people, holds no secret and gives the peer's own words.
#[derive(Debug)]
pub struct Failure {
    /// What kind of failure it is.
    pub class: Class,
    /// The platform.
    pub provider: ProviderKind,
    /// The operation, for example `create machine`.
    pub op: &'static str,
    /// What it was about, for example the machine's name.
    pub resource: Option<String>,
    /// The platform's words, or ours where it said nothing.
    pub message: String,
    /// A command, flag or setting to try.
    pub hint: Option<String>,
    /// HTTP status, where there was one.
    pub http: Option<u16>,
    /// The platform's error code.
    pub code: Option<String>,
    /// How long the platform asks us to stay away.
    pub retry_after: Option<Duration>,
    /// The cause.
    pub source: Option<BoxError>,
}

impl fmt::Display for InfraError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.provider, self.op)?;
        if let Some(resource) = &self.resource {
            write!(f, " {resource}")?;
        }
        write!(f, ": {}", self.message)?;
        match (&self.code, self.http) {
            (Some(code), Some(http)) => write!(f, " ({code}, HTTP {http})"),
            (Some(code), None) => write!(f, " ({code})"),
            (None, Some(http)) => write!(f, " (HTTP {http})"),
            (None, None) => Ok(()),
        }
    }
}

impl std::error::Error for InfraError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl Deref for InfraError {
    type Target = Failure;

    fn deref(&self) -> &Failure {
        &self.0
    }
}

impl DerefMut for InfraError {
    fn deref_mut(&mut self) -> &mut Failure {
        &mut self.0
    }
}

/// Kinds of failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
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
        /// Field and complaint.
        fields: Vec<(String, String)>,
    },
    /// A limit of the account.
    Quota {
        /// The limit.
        what: String,
    },
    /// The platform is full.
    Capacity {
        /// Where it is full.
        place: String,
    },
    /// Too many requests.
    Throttled,
    /// Another operation or a newer version is in the way.
    Conflict,
    /// Not visible or not ready yet.
    NotReady,
    /// The platform accepted the work and failed at it.
    TaskFailed,
    /// No connection: name lookup, routing, refused, closed.
    Unreachable,
    /// The peer's certificate is not the expected one.
    Tls {
        /// The fingerprint it showed.
        fingerprint: Option<String>,
    },
    /// No answer in time, or the connection ended before the answer.
    Timeout {
        /// Whether the request may have been carried out.
        maybe_applied: bool,
    },
    /// The platform has a fault of its own.
    Server,
    /// An answer that cannot be understood.
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
    Look,
}

/// The most that we let a platform keep us away.
const RETRY_AFTER_CAP: Duration = Duration::from_mins(2);

impl InfraError {
    /// An error of the given class with nothing but a message.
    pub fn new(provider: ProviderKind, op: &'static str, class: Class, message: impl Into<String>) -> Self {
        Self(Box::new(Failure {
            class,
            provider,
            op,
            resource: None,
            message: words::peer(&message.into()),
            hint: None,
            http: None,
            code: None,
            retry_after: None,
            source: None,
        }))
    }

    /// An operation that the provider does not have.
    pub fn unsupported(provider: ProviderKind, op: &'static str) -> Self {
        Self::new(provider, op, Class::Unsupported, "not available with this provider")
    }

    /// Names what the operation was about.
    #[must_use]
    pub fn about(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What to do about it.
    pub fn retry(&self) -> Retry {
        let after = |default: Duration| Retry::After(self.retry_after.unwrap_or(default).min(RETRY_AFTER_CAP));
        match &self.class {
            Class::Throttled | Class::Conflict => after(Duration::from_secs(2)),
            Class::NotReady | Class::Unreachable | Class::Server | Class::Timeout { maybe_applied: false } => {
                after(Duration::from_millis(500))
            }
            Class::Timeout { maybe_applied: true } => Retry::Look,
            Class::Unauthenticated
            | Class::Forbidden { .. }
            | Class::NotFound
            | Class::AlreadyExists
            | Class::Foreign
            | Class::SpecDrift
            | Class::Invalid { .. }
            | Class::Quota { .. }
            | Class::Capacity { .. }
            | Class::TaskFailed
            | Class::Tls { .. }
            | Class::Protocol
            | Class::Unsupported
            | Class::Cancelled => Retry::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(class: Class) -> InfraError {
        InfraError::new(ProviderKind::InMemory, "create machine", class, "no")
    }

    #[test]
    fn a_lost_reply_is_looked_at_before_it_is_repeated() {
        assert_eq!(error(Class::Timeout { maybe_applied: true }).retry(), Retry::Look);
        assert!(matches!(
            error(Class::Timeout { maybe_applied: false }).retry(),
            Retry::After(_)
        ));
    }

    #[test]
    fn the_platforms_own_delay_wins_but_is_capped() {
        let mut throttled = error(Class::Throttled);
        throttled.retry_after = Some(Duration::from_secs(7));
        assert_eq!(throttled.retry(), Retry::After(Duration::from_secs(7)));
        throttled.retry_after = Some(Duration::from_secs(7_000));
        assert_eq!(throttled.retry(), Retry::After(RETRY_AFTER_CAP));
    }

    #[test]
    fn repeating_does_not_help_against_foreign_objects_or_wrong_requests() {
        for class in [
            Class::Foreign,
            Class::SpecDrift,
            Class::Unsupported,
            Class::Invalid { fields: vec![] },
        ] {
            assert_eq!(error(class).retry(), Retry::Never);
        }
    }

    #[test]
    fn the_message_names_platform_operation_object_and_code() {
        let mut e = error(Class::Throttled).about("demo-cp-0");
        e.http = Some(429);
        e.code = Some("Throttled".into());
        assert_eq!(
            e.to_string(),
            "inmemory: create machine demo-cp-0: no (Throttled, HTTP 429)"
        );
    }
}
