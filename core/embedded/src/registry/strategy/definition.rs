//! The strategy of CustomResourceDefinitions.

use serde_json::{Value, json};

use super::{Strategy, Validation};
use crate::admit::crd;
use crate::kinds::Resource;
use crate::limits::Excess;
use crate::status::Cause;
use crate::text::meta_mut;

pub(super) struct Definition;

impl Strategy for Definition {
    fn set_defaults(&self, _: &Resource, object: &mut Value) -> Result<(), Excess> {
        crd::default(object);
        Ok(())
    }

    fn validate(&self, write: &Validation<'_>, causes: &mut Vec<Cause>) {
        causes.extend(crd::check(write.old, write.object));
    }

    /// The objects of a definition go before it.
    fn begin_deletion(&self, object: &mut Value) {
        let finalizers = meta_mut(object).entry("finalizers").or_insert_with(|| json!([]));
        if let Some(finalizers) = finalizers.as_array_mut() {
            finalizers.push(crd::CLEANUP.into());
        }
    }
}
