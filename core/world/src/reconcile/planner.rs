//! What the loop asks a controller to bring along: decisions on one side, and what surrounds it on the other.

use butler_embedded::Seen;

use super::plan::WritePlan;
use super::resource::Resource;
use crate::world::state::Moment;

/// The decisions of a controller. It has no clock and does no IO: objects, facts and times are handed in.
pub(crate) trait Planner {
    /// What it must know beside the objects.
    type Facts;
    /// What it remembers of a write that took effect.
    type Note;

    /// The resources whose objects it wants to see.
    fn follows(&self) -> Vec<Resource>;

    /// An object exists, changed, or is gone.
    fn observe(&mut self, seen: &Seen, now: Moment);

    /// There is something to do again. Whatever is found to do until the next call happened no earlier than `since`.
    fn resume(&mut self, since: Moment);

    /// Decides what is to be written now, and when to decide again.
    fn plan(&mut self, facts: &Self::Facts) -> WritePlan<Self::Note>;

    /// A write took effect.
    fn took_effect(&mut self, note: &Self::Note);
}

/// What surrounds a controller: time, facts, and whoever wants to know what it found.
pub(crate) trait ControllerHost<P: Planner> {
    /// The moment that it is.
    fn now(&self) -> Moment;

    /// When a moment is, on tokio's clock.
    fn instant(&self, moment: Moment) -> tokio::time::Instant;

    /// The facts of this moment; `None`: there is nothing to control any more.
    fn facts(&self) -> Option<P::Facts>;

    /// A plan was written: these notes took effect.
    fn written(&self, planner: &P, notes: Vec<P::Note>);
}
