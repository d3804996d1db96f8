//! The layers of an error that ended an attempt of a step: who said it, the platform, an API server, a machine or the way there.

use std::error::Error;

use butler_api::{
    error::StepError,
    event::{CauseLine, Layer},
};
use butler_infra::{ErrorKind, InfraError};
use butler_kubernetes::chain;
use butler_talos::client::TalosError;

use crate::bootstrap::pivot::{Difference, Differs};

/// Objects that are named one by one.
const NAMED: usize = 4;

/// The layers of an error, as far as a peer or an object is to be named.
pub(crate) fn layers(error: &StepError) -> Vec<CauseLine> {
    let mut next: Option<&(dyn Error + 'static)> = error.source.as_deref().map(|source| source as _);
    while let Some(source) = next {
        if let Some(Differs(different)) = source.downcast_ref() {
            return different.iter().take(NAMED).map(of_object).collect();
        }
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

/// An object of the record that is not the same on both sides.
fn of_object(different: &Difference) -> CauseLine {
    CauseLine {
        layer: Layer::Object,
        object: different.id.clone(),
        text: different.what().to_owned(),
        source: "management cluster".to_owned(),
        age_seconds: None,
    }
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
    fn objects_that_differ_are_named_one_by_one_but_not_hundreds() {
        let different = |n: usize| Difference {
            id: format!("Secret/butler-system/s-{n}"),
            kind: "Secret".to_owned(),
            missing: n == 0,
        };
        let found = layers(&StepError::retryable(
            "not the same",
            Differs((0..300).map(different).collect()),
        ));
        assert_eq!(
            (found.len(), found[0].text.as_str(), found[1].text.as_str()),
            (NAMED, "is missing", "differs")
        );
    }

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
