//! The trait that all platforms implement, and the traits of what only some of them can do.

use std::{future::Future, pin::Pin};

use butler_api::config::ProviderKind;
use futures::stream::BoxStream;

use crate::{
    Check, Choice, FoundMachine, ImageRef, ImageSpec, InfraError, InfraPlan, Inventory, MachineRef, MachineSpec,
    MachineState, ObjectRef, OpHandle, Owner, Progress, Query, Scope,
};

/// A boxed future of a provider call.
pub type Fut<'a, T> = Pin<Box<dyn Future<Output = Result<T, InfraError>> + Send + 'a>>;

/// A platform. Every `ensure` and `delete` may be repeated at any time, also by another process, and never waits for
/// the platform longer than one call.
///
/// What only some platforms can do is a trait of its own, such as [`Images`], with a method here that answers `None` on the
/// others.
pub trait Provider: Send + Sync {
    /// What the platform is and which limits it sets.
    fn info(&self) -> &ProviderInfo;

    /// Runs read-only checks before the first effect. All of them run; a failed check is a finding, not an error.
    fn preflight<'a>(&'a self, plan: &'a InfraPlan) -> Fut<'a, Vec<Check>>;

    /// Looks the machine up by marker, then adopts or creates it. `Done` once the platform knows the machine;
    /// [`machine_observe`](Self::machine_observe) tells its address. Another owner's machine of that name is
    /// [`Foreign`](crate::ErrorKind::Foreign), one made from other settings is
    /// [`SpecDrift`](crate::ErrorKind::SpecDrift). `previous` is the handle of an earlier `Pending`.
    fn machine_ensure<'a>(&'a self, spec: &'a MachineSpec, previous: Option<OpHandle>)
    -> Fut<'a, Progress<MachineRef>>;

    /// Looks at one machine, without waiting. It asks for this very machine, so it tells the truth where
    /// [`inventory`](Self::inventory) is late. A machine that the platform does not know is
    /// [`Absent`](crate::Lifecycle::Absent), not an error.
    fn machine_observe<'a>(&'a self, machine: &'a MachineRef) -> Fut<'a, MachineState>;

    /// Deletes the machine, where machines are made, or resets it, where they are claimed.
    ///
    /// Nothing happens to a machine that does not carry the owner's marker, or that is another creation under a reused
    /// id: both are [`Foreign`](crate::ErrorKind::Foreign). `Done` is a proof of absence: the platform was asked for the
    /// machine, after the deletion, and does not have it (a claimed machine answers without our configuration).
    /// `previous` is the handle of an earlier `Pending`; with it an accepted deletion is followed, not repeated.
    fn machine_delete<'a>(
        &'a self,
        owner: &'a Owner,
        machine: &'a MachineRef,
        previous: Option<OpHandle>,
    ) -> Fut<'a, Progress<()>>;

    /// Lists what carries our marker. The answer is as old as the platform's list: it may show what is gone and miss
    /// what is new. The caller verifies presence and absence of single objects by
    /// [`machine_observe`](Self::machine_observe).
    fn inventory<'a>(&'a self, scope: Scope<'a>) -> Fut<'a, Inventory>;

    /// The machines that exist before any plan, where the platform has such.
    fn existing_machines(&self) -> Option<&dyn ExistingMachines> {
        None
    }

    /// What a configuration can name, where the platform can list it.
    fn discovery(&self) -> Option<&dyn Discovery> {
        None
    }

    /// The images that machines are made from, where the platform has to be given them.
    fn images(&self) -> Option<&dyn Images> {
        None
    }

    /// What it makes beside machines, where it makes such.
    fn objects(&self) -> Option<&dyn Objects> {
        None
    }

    /// The consoles of its machines, where the platform shows them.
    fn console(&self) -> Option<&dyn Console> {
        None
    }
}

/// A platform on which machines exist before they are planned.
pub trait ExistingMachines: Send + Sync {
    /// Looks at all machines that could be claimed. One that does not answer is found as silent, not left out.
    fn machines(&self) -> Fut<'_, Vec<FoundMachine>>;
}

/// A platform that can list what a configuration may name: what a wizard asks for. It takes settings and credentials, no plan.
pub trait Discovery: Send + Sync {
    /// Lists what there is of one kind, page by page as the platform answers. What cannot be used is listed too, with the
    /// reason. Dropping the stream ends the requests. An error ends the stream; what came before it stays true.
    fn discover(&self, query: Query) -> BoxStream<'_, Result<Choice, InfraError>>;
}

/// A platform that has to be given the image that its machines are made from.
pub trait Images: Send + Sync {
    /// Looks for the image, or brings it to every place from which machines are made. `Done` once all of them have it whole.
    /// One that an earlier try left half is recognised and replaced.
    fn image_ensure<'a>(&'a self, spec: &'a ImageSpec, previous: Option<OpHandle>) -> Fut<'a, Progress<ImageRef>>;
}

/// A platform that makes objects beside machines: images, volumes with the data of a first boot.
pub trait Objects: Send + Sync {
    /// Deletes an object that [`inventory`](Provider::inventory) has listed. It has to carry the owner's marker, else it is
    /// [`Foreign`](crate::ErrorKind::Foreign). `Done` is a proof of absence.
    fn object_delete<'a>(
        &'a self,
        owner: &'a Owner,
        object: &'a ObjectRef,
        previous: Option<OpHandle>,
    ) -> Fut<'a, Progress<()>>;

    /// Whether the platform has the object, asked for this very object.
    fn object_exists<'a>(&'a self, object: &'a ObjectRef) -> Fut<'a, bool>;

    /// Takes from a machine what only its first boot needed and a later reader should not find, such as the volume with its
    /// configuration. A machine without such is done.
    fn machine_scrub<'a>(
        &'a self,
        owner: &'a Owner,
        machine: &'a MachineRef,
        previous: Option<OpHandle>,
    ) -> Fut<'a, Progress<()>>;
}

/// A platform that shows what its machines print.
pub trait Console: Send + Sync {
    /// The last lines of a machine's console, newest last: a limited number of them, as they were printed. A machine that
    /// the platform does not know is an error.
    fn tail<'a>(&'a self, machine: &'a MachineRef) -> Fut<'a, Vec<String>>;
}

/// What a provider is and can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderInfo {
    /// The word in the configuration.
    pub kind: ProviderKind,
    /// The name for people.
    pub display: &'static str,
    /// What the engine has to know to drive it.
    pub capabilities: Capabilities,
}

/// What the engine has to know of a platform to drive it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether machines are made and deleted; otherwise they are claimed and reset.
    pub creates_machines: bool,
    /// How many machines may be in creation at the same time.
    pub max_parallel_creates: usize,
}
