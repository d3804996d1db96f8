//! Runs as others see them: the events that each run writes into its folder, who follows them, and what earlier runs took.

pub mod earlier;
pub mod end;
pub mod follow;
mod recorder;
pub mod stream;
mod usual;
pub mod why;

use butler_api::view::View;
use butler_files::ClusterFolder;

pub(crate) use self::recorder::Recorder;
use self::stream::{Item, Stream, StreamError};
#[cfg(test)]
pub(crate) use self::usual::shipped;
pub(crate) use self::usual::{usual, whole};

/// What the events of the last run add up to.
pub fn view(folder: &ClusterFolder) -> Result<View, StreamError> {
    let mut view = View::default();
    let mut stream = Stream::open(&folder.events())?;
    loop {
        let items = stream.read()?;
        if items.is_empty() {
            return Ok(view);
        }
        for item in items {
            if let Item::Event(event) = item {
                view.apply(&event);
            }
        }
    }
}
