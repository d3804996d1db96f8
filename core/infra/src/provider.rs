//! The trait that all platforms implement.

use std::{future::Future, pin::Pin};

use crate::{
    Check, DiscoverItem, DiscoverQuery, Endpoint, EndpointSpec, ImageRef, ImageSpec, InfraError, InfraPlan, MachineRef,
    MachineSpec, MachineState, OpHandle, OwnedObject, Owner, ProviderInfo, QuotaLine, Step,
};

/// A boxed future of a provider call.
pub type Fut<'a, T> = Pin<Box<dyn Future<Output = Result<T, InfraError>> + Send + 'a>>;

/// A platform. Every `ensure` and `delete` may be repeated at any time, also by another process, and never waits for
/// the platform longer than one call.
pub trait Provider: Send + Sync {
    /// What it is and can do.
    fn info(&self) -> &ProviderInfo;

    /// Read-only checks before the first effect. All of them run; a failed check is a finding, not an error.
    fn preflight<'a>(&'a self, plan: &'a InfraPlan) -> Fut<'a, Vec<Check>>;

    /// Looks up by marker, then adopts or creates. `Done` once the platform knows the machine; its address is learnt
    /// by [`machine_observe`](Self::machine_observe). Another machine of that name is `Foreign`, other settings are `SpecDrift`.
    fn machine_ensure<'a>(&'a self, spec: &'a MachineSpec, previous: Option<OpHandle>) -> Fut<'a, Step<MachineRef>>;

    /// One look, no waiting. A machine that the platform does not know is `Absent`, not an error.
    fn machine_observe<'a>(&'a self, machine: &'a MachineRef) -> Fut<'a, MachineState>;

    /// Deletes the machine if it carries the owner's marker; absent is `Done`, being deleted is `Pending`.
    fn machine_delete<'a>(&'a self, owner: &'a Owner, machine: &'a MachineRef) -> Fut<'a, Step<()>>;

    /// What stays of a machine after [`machine_delete`](Self::machine_delete), for people; mostly nothing.
    fn leaves_behind(&self, machine: &MachineRef) -> Option<String> {
        let _ = machine;
        None
    }

    /// Everything on the platform that carries the owner's marker.
    fn inventory<'a>(&'a self, owner: &'a Owner) -> Fut<'a, Vec<OwnedObject>>;

    /// Removes machine configuration that the platform still holds after the node has joined. Providers that push in
    /// maintenance mode have nothing to remove.
    fn config_scrub<'a>(&'a self, machine: &'a MachineRef) -> Fut<'a, Step<()>> {
        let _ = machine;
        Box::pin(async { Ok(Step::Done(())) })
    }

    /// The end of the machine's console output.
    fn console<'a>(&'a self, machine: &'a MachineRef) -> Fut<'a, String> {
        let _ = machine;
        unsupported(self.info(), "read console")
    }

    /// Lists what the platform offers.
    fn discover<'a>(&'a self, query: &'a DiscoverQuery) -> Fut<'a, Vec<DiscoverItem>> {
        let _ = query;
        unsupported(self.info(), "discover")
    }

    /// The account's limits against what the plan needs.
    fn quota<'a>(&'a self, plan: &'a InfraPlan) -> Fut<'a, Vec<QuotaLine>> {
        let _ = plan;
        unsupported(self.info(), "read quota")
    }

    /// Makes sure that the platform has the image.
    fn image_ensure<'a>(&'a self, spec: &'a ImageSpec, previous: Option<OpHandle>) -> Fut<'a, Step<ImageRef>> {
        let _ = (spec, previous);
        unsupported(self.info(), "import image")
    }

    /// Deletes an image that carries the owner's marker.
    fn image_delete<'a>(&'a self, owner: &'a Owner, image: &'a ImageRef) -> Fut<'a, Step<()>> {
        let _ = (owner, image);
        unsupported(self.info(), "delete image")
    }

    /// Makes sure that the control-plane endpoint exists.
    fn endpoint_ensure<'a>(&'a self, spec: &'a EndpointSpec) -> Fut<'a, Step<Endpoint>> {
        let _ = spec;
        unsupported(self.info(), "create endpoint")
    }

    /// Makes the given machines, and no others, carry the endpoint.
    fn endpoint_targets<'a>(&'a self, endpoint: &'a Endpoint, machines: &'a [MachineRef]) -> Fut<'a, Step<()>> {
        let _ = (endpoint, machines);
        unsupported(self.info(), "set endpoint targets")
    }

    /// Deletes an endpoint that carries the owner's marker.
    fn endpoint_delete<'a>(&'a self, owner: &'a Owner, endpoint: &'a Endpoint) -> Fut<'a, Step<()>> {
        let _ = (owner, endpoint);
        unsupported(self.info(), "delete endpoint")
    }
}

/// The answer of an operation that the provider does not have.
fn unsupported<'a, T: 'a>(info: &ProviderInfo, op: &'static str) -> Fut<'a, T> {
    let error = InfraError::unsupported(info.kind, op);
    Box::pin(async move { Err(error) })
}
