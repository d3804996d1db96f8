//! The layers of an error that ended an attempt of a step: who said it, the platform, an API server, a machine or the way there.

use std::error::Error;

use butler_api::{
    error::StepError,
    event::{CauseLine, Layer},
};
use butler_infra::{ErrorKind, InfraError};
use butler_kubernetes::chain;
use butler_talos::client::TalosError;

/// The layers of an error, as far as a peer is to be named.
pub(crate) fn layers(error: &StepError) -> Vec<CauseLine> {
    let mut next: Option<&(dyn Error + 'static)> = error.source.as_deref().map(|source| source as _);
    while let Some(source) = next {
        if let Some((layer, object)) = told_by(source) {
            return vec![CauseLine {
                layer,
                object,
                text: chain(source),
                source: error.message.clone(),
                age_seconds: None,
            }];
        }
        next = source.source();
    }
    Vec::new()
}

/// Who tells an error, if that is a peer.
fn told_by(error: &(dyn Error + 'static)) -> Option<(Layer, String)> {
    if let Some(error) = error.downcast_ref::<InfraError>() {
        let layer = match error.kind {
            ErrorKind::Unreachable | ErrorKind::Timeout { .. } => Layer::Network,
            _ => Layer::Platform,
        };
        return Some((layer, format!("platform {}", error.provider)));
    }
    if let Some(error) = error.downcast_ref::<kube::Error>() {
        let layer = match error {
            kube::Error::Api(_) => Layer::Object,
            _ => Layer::Network,
        };
        return Some((layer, "the API server".to_owned()));
    }
    let error = error.downcast_ref::<TalosError>()?;
    let layer = match error {
        TalosError::Unreachable(_) | TalosError::Deadline { .. } | TalosError::Tls { .. } => Layer::Network,
        _ => Layer::Talos,
    };
    Some((layer, "the Talos API".to_owned()))
}

#[cfg(test)]
mod tests {
    use butler_api::{config::ProviderKind, error::Class};

    use super::*;

    #[test]
    fn an_error_of_a_peer_names_it_and_one_of_ours_nobody() {
        let of_platform = |kind| {
            let error = InfraError::new(ProviderKind::InMemory, "list machines", kind, "refused");
            layers(&StepError::retryable("check the platform", error))
        };
        let found = of_platform(ErrorKind::Unreachable);
        let line = found.first().expect("a layer");
        assert_eq!(
            (line.layer, line.object.as_str()),
            (Layer::Network, "platform inmemory")
        );
        assert_eq!(
            (line.text.as_str(), line.source.as_str()),
            ("inmemory: list machines: refused", "check the platform")
        );
        assert_eq!(of_platform(ErrorKind::Throttled)[0].layer, Layer::Platform);
        let below = StepError::fatal("read", kube::Error::LinesCodecMaxLineLengthExceeded);
        assert_eq!(
            layers(&StepError::retryable("write the record", below))[0].source,
            "write the record"
        );
        assert!(layers(&StepError::new(Class::Retryable, "no control plane is configured yet")).is_empty());
    }
}
