//! The strategy of events.

use serde_json::{Value, json};

use super::defaults::fill;
use super::{Strategy, Validation};
use crate::kinds::Resource;
use crate::limits::Excess;
use crate::status::Cause;
use crate::text::meta;

pub(super) struct Event;

impl Strategy for Event {
    fn set_defaults(&self, _: &Resource, object: &mut Value) -> Result<(), Excess> {
        fill(
            object,
            json!({
                "eventTime": null, "firstTimestamp": null, "lastTimestamp": null, "source": {},
                "reportingComponent": "", "reportingInstance": "",
            }),
        );
        Ok(())
    }

    /// An event stands in the namespace of the object that it is about; in `default` where that object has none.
    fn validate(&self, write: &Validation<'_>, causes: &mut Vec<Cause>) {
        let involved = &write.object["involvedObject"]["namespace"];
        let other = involved.as_str().unwrap_or("");
        let own = meta(write.object, "namespace");
        if other != own && !(other.is_empty() && own == "default") {
            causes.push(Cause::invalid(
                "involvedObject.namespace",
                involved,
                "does not match event.namespace",
            ));
        }
    }

    fn selectable_fields(&self, _: &Resource) -> &'static [&'static str] {
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ]
    }
}
