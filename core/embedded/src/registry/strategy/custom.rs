//! The strategy of custom resources: what their definition says.

use serde_json::Value;

use super::{Strategy, Validation};
use crate::kinds::Resource;
use crate::limits::Excess;
use crate::schema::{normal, rules, validate};
use crate::status::Cause;

/// Causes after which rules are not checked: rules are written for objects of the right shape.
const BLOCKING: [&str; 5] = [
    "FieldValueRequired",
    "FieldValueNotSupported",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
];

pub(super) struct Custom;

impl Strategy for Custom {
    fn set_defaults(&self, resource: &Resource, object: &mut Value) -> Result<(), Excess> {
        normal::default(object, resource.schema())
    }

    fn validate(&self, write: &Validation<'_>, causes: &mut Vec<Cause>) {
        let schema = write.resource.schema();
        let mut found = validate::check(write.object, write.old, schema);
        if write.subresource == "status" {
            found.retain(|c| c.field.starts_with("status") || c.field == "<nil>");
        }
        causes.extend(found);
        if !schema.ruled {
            return;
        }
        if causes.iter().any(|cause| BLOCKING.contains(&cause.reason)) {
            causes.push(Cause::invalid(
                "<nil>",
                &Value::Null,
                "some validation rules were not checked because the object was invalid; correct the existing errors \
                 to complete validation",
            ));
        } else {
            causes.extend(rules::check(write.object, write.old, schema));
        }
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }
}
