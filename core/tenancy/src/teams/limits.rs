//! The limits of a team, as they are asked for.

use butler_api::v1alpha1::team::ResourceLimits;

/// Limits to set; what is not named stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Limits(ResourceLimits);

impl Limits {
    /// These limits.
    pub fn new(limits: ResourceLimits) -> Self {
        Self(limits)
    }

    /// The limits, if any is named.
    pub fn named(&self) -> Option<&ResourceLimits> {
        (self.0 != ResourceLimits::default()).then_some(&self.0)
    }
}
