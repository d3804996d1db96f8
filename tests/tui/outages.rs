//! An API server that is away, forgets, refuses for a while or for ever, while the dashboard is shown: it is said, and what can be
//! over is over by itself.

use std::{fs, thread, time::Duration};

use crate::{
    server::ApiServer,
    terminal::Terminal,
    world::{SHORT, Site},
};

/// How long it is away.
const AWAY: Duration = Duration::from_secs(30);

fn shows(screen: &vt100::Screen, words: &str) -> bool {
    screen.contents().contains(words)
}

#[test]
fn an_api_server_that_fails_is_told_of_and_watched_again_by_itself() {
    let site = Site::new(SHORT, 1, 0, "");
    let server = ApiServer::start(&["eu-old", "eu-gone"]);
    fs::write(site.path("played"), server.kubeconfig()).expect("a kubeconfig");
    let mut terminal = Terminal::start(&site, &["tui", "--kubeconfig", "played"]);
    terminal.resize(120, 30);
    terminal.until("it is live", |screen| {
        shows(screen, "eu-gone") && shows(screen, "live, heard")
    });

    // Away; what was seen last stays. It comes back without the history that the watch would go on from.
    server.leaves();
    terminal.sees("stale since");
    thread::sleep(AWAY);
    terminal.until("the last rows stay", |screen| {
        shows(screen, "eu-gone") && shows(screen, "stale since") && shows(screen, "refused")
    });
    server.has(&["eu-old", "eu-new"]);
    server.comes_back();
    terminal.until("it is live with what there is now", |screen| {
        shows(screen, "eu-new") && !shows(screen, "eu-gone") && shows(screen, "live, heard")
    });
    assert_eq!(
        server.lists(),
        2,
        "one at the beginning, and one because the history is lost"
    );

    // Too many requests for a while: the same watch is asked for again, and no list.
    server.is_busy(3);
    server.adds("eu-late");
    terminal.until("it is live again", |screen| {
        shows(screen, "eu-late") && shows(screen, "live, heard")
    });
    assert_eq!(server.lists(), 2);

    // One kind that may not be seen costs the others nothing.
    terminal.keys("3");
    terminal.sees("nobody may not list teams");
    terminal.sees("of Butler allows it");
    terminal.keys("1");
    server.adds("eu-last");
    terminal.until("the others go on", |screen| {
        shows(screen, "eu-last") && shows(screen, "live, heard")
    });
    terminal.keys("q");
    terminal.left("0");
}
