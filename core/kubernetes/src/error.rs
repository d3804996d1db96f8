//! Errors of API servers: what they mean, and how they are worded.

use std::error::Error;

use butler_api::{
    descriptors,
    error::{Class, StepError},
    words,
};
use kube::runtime::watcher;

/// An object that could not be applied.
#[derive(Debug, thiserror::Error)]
#[error("cannot apply {object}: {message}")]
pub struct ApplyError {
    /// Kind, namespace and name.
    pub object: String,
    /// The API server's words.
    pub message: String,
    /// What the failure means for whoever tries again.
    pub class: Class,
}

/// A wait that cannot go on.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch {what}: {message}")]
pub struct ReadyError {
    /// The kind of the objects that were watched.
    pub what: String,
    /// The API server's words.
    pub message: String,
    /// What the failure means for whoever tries again.
    pub class: Class,
}

impl From<ApplyError> for StepError {
    fn from(error: ApplyError) -> Self {
        Self::new(error.class, error.to_string())
    }
}

impl From<ReadyError> for StepError {
    fn from(error: ReadyError) -> Self {
        Self::new(error.class, error.to_string())
    }
}

/// What an error of the API server means.
pub fn class_of(error: &kube::Error) -> Class {
    match error {
        kube::Error::Api(status) => match status.code {
            401 | 403 => Class::Permission,
            400 | 404 | 405 | 413 | 415 | 422 => Class::Configuration,
            501 => Class::Fatal,
            _ => Class::Retryable,
        },
        kube::Error::HyperError(_)
        | kube::Error::Service(_)
        | kube::Error::ReadEvents(_)
        | kube::Error::LinesCodecMaxLineLengthExceeded => Class::Retryable,
        _ => Class::Fatal,
    }
}

/// An error and its causes in one line, fit to be shown: see [`words`]. What our clients put around a peer's words is left out.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    words::chain(layers(error).iter().map(String::as_str))
}

/// What the deepest cause of an error says, where there is only room for that.
pub fn deepest(error: &(dyn Error + 'static)) -> String {
    words::chain(layers(error).last().map(String::as_str))
}

fn layers(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut layers = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let (own, deeper) = layer(error);
        layers.extend(own);
        next = deeper;
    }
    layers
}

/// What an error itself says, and its cause.
fn layer<'a>(error: &'a (dyn Error + 'static)) -> (Option<String>, Option<&'a (dyn Error + 'static)>) {
    if let Some(error) = error.downcast_ref::<kube::Error>() {
        return match error {
            kube::Error::Api(status) => (Some(of_status(status)), None),
            kube::Error::Service(inner) => (None, Some(inner.as_ref())),
            kube::Error::HyperError(inner) => (None, Some(inner)),
            kube::Error::ReadEvents(inner) => (None, Some(inner)),
            other => (Some(other.to_string()), other.source()),
        };
    }
    if let Some(error) = error.downcast_ref::<watcher::Error>() {
        return match error {
            watcher::Error::InitialListFailed(inner)
            | watcher::Error::WatchStartFailed(inner)
            | watcher::Error::WatchFailed(inner) => (None, Some(inner)),
            watcher::Error::WatchError(status) => (Some(of_status(status)), None),
            error @ watcher::Error::NoResourceVersion => (Some(error.to_string()), None),
        };
    }
    if let Some(carried) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        // Its own words are those of what it carries, and its source leaves that out.
        return (None, Some(carried));
    }
    (Some(without_manual(descriptors::words(error))), error.source())
}

/// Our TLS library points to its manual, which helps nobody who runs a cluster.
fn without_manual(words: String) -> String {
    match words.split_once(": https://docs.rs/") {
        Some((words, _)) => words.to_owned(),
        None => words,
    }
}

/// The words of an API server.
pub fn of_status(status: &kube::core::Status) -> String {
    let message = words::peer(&status.message);
    if message.is_empty() {
        words::peer(&format!("HTTP {} {}", status.code, status.reason))
    } else {
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_points_to_nobodys_manual() {
        let words = "peer closed connection: https://docs.rs/rustls/manual/index.html#eof";
        assert_eq!(chain(&std::io::Error::other(words)), "peer closed connection");
    }

    #[test]
    fn a_connection_that_failed_is_told_without_the_clients_own_words() {
        let error = kube::Error::Service(Box::new(std::io::Error::other("connection refused")));
        assert_eq!(chain(&error), "connection refused");
    }

    #[test]
    fn the_chain_reads_from_the_subject_to_the_deepest_cause_without_repeats() {
        let inner = std::io::Error::other("connection refused");
        let middle = StepError::retryable("connect to 127.64.0.1:50000: connection refused", inner);
        let outer = StepError::retryable("configure demo-cp-0", middle);
        assert_eq!(
            chain(&outer),
            "configure demo-cp-0: connect to 127.64.0.1:50000: connection refused"
        );
    }

    #[test]
    fn the_deepest_cause_is_what_the_system_said() {
        let middle = StepError::retryable(
            "connect to 127.64.0.1:50000",
            std::io::Error::other("connection refused"),
        );
        assert_eq!(deepest(&middle), "connection refused");
    }

    #[test]
    fn a_starting_api_server_is_told_by_what_is_not_ok() {
        let body = "[+]ping ok\n[-]etcd failed: reason withheld\n[+]log ok\n".to_owned() + &"[+]hook ok\n".repeat(60);
        let status = kube::core::Status::failure(&body, "Failed to parse error data").with_code(500);
        let watch = watcher::Error::InitialListFailed(kube::Error::Api(status.boxed()));
        let error = StepError::retryable("read the record", watch);
        assert_eq!(chain(&error), "read the record: not ok: etcd");
    }

    #[test]
    fn words_of_peers_are_bounded_in_every_failure() {
        let status = kube::core::Status::failure(&"x y".repeat(9_000), "").with_code(500);
        let error = StepError::retryable("write", kube::Error::Api(status.boxed()));
        assert!(chain(&error).chars().count() <= words::LONGEST);
    }
}
