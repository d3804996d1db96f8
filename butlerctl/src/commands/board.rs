//! Work that is shown while it goes on.

use std::cell::RefCell;

use butler_terminal::Ui;
use butler_terminal::progress::board::{Board, Scene, TICK};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

/// Does work that shows what it sees; nothing: a person stopped it.
pub(super) async fn shown<T>(
    ui: &Ui,
    stop: &CancellationToken,
    work: impl AsyncFnOnce(&mut dyn FnMut(Scene)) -> T,
) -> Option<T> {
    let board = RefCell::new(Board::new(ui.clone(), Timestamp::now()));
    let mut show = |scene: Scene| board.borrow_mut().show(scene, Timestamp::now());
    let ticks = async {
        if !board.borrow().is_live() {
            std::future::pending::<()>().await;
        }
        let mut interval = tokio::time::interval(TICK);
        loop {
            interval.tick().await;
            board.borrow_mut().tick(Timestamp::now());
        }
    };
    tokio::select! {
        done = work(&mut show) => Some(done),
        () = ticks => None,
        () = stop.cancelled() => None,
    }
}
