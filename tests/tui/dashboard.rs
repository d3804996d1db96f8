//! A tenant cluster from its creation to its end by keys, on a management cluster that the binary has bootstrapped.

use crate::{
    terminal::Terminal,
    world::{SHORT, Site},
};

/// A management cluster, and a terminal with its dashboard.
fn ground() -> (Site, Terminal) {
    let latencies = format!("{SHORT}  tenantControlPlane: 50ms\n  tenantAddon: 20ms\n");
    let site = Site::new(&latencies, 1, 0, "");
    site.bootstrap(&[]).is_ready();
    let mut terminal = Terminal::start(&site, &["tui"]);
    terminal.resize(140, 40);
    terminal.sees("no clusters");
    terminal.keys("W");
    terminal.sees("WRITE");
    (site, terminal)
}

fn creates(terminal: &mut Terminal, name: &str) {
    terminal.keys("n");
    terminal.sees("Name of the new cluster");
    terminal.keys(name);
    terminal.press_until("\r", "everything is answered", |screen| {
        screen.contents().contains("This makes the cluster")
    });
    terminal.keys("\r");
    terminal.sees(&format!("cluster {name} is being created"));
}

#[test]
fn a_cluster_is_made_changed_and_deleted_by_keys() {
    let (_site, mut terminal) = ground();
    creates(&mut terminal, "web");
    terminal.sees("1/1");

    terminal.keys("\r");
    terminal.sees("[overview]");
    terminal.sees("control plane");
    terminal.keys("]");
    terminal.sees("[nodes]");
    terminal.keys("q");

    terminal.keys("+");
    terminal.sees("How many workers");
    terminal.keys("\x152\r");
    terminal.sees("is asked for 2 workers");
    terminal.sees("2/2");

    terminal.keys("a");
    terminal.sees("Which addon");
    terminal.keys("metrics-server\r");
    terminal.sees("addon metrics-server is being installed");
    terminal.keys("2");
    terminal.keys("/metrics\r");
    terminal.until("one cluster has it", |screen| {
        let seen = screen.contents();
        seen.lines()
            .any(|line| line.contains("metrics-server") && line.contains(" 1 "))
    });
    terminal.keys("1");

    terminal.keys("u");
    terminal.sees("To which release");
    terminal.keys("v1.33.13\r");
    terminal.sees("is asked for Kubernetes v1.33.13");
    terminal.until("it is upgraded", |screen| {
        screen
            .contents()
            .lines()
            .any(|line| line.contains("web") && line.contains("Ready") && line.contains("v1.33.13"))
    });

    terminal.keys("D");
    terminal.sees("type: web");
    // A key that is held from before is no confirmation; this one comes later.
    terminal.press_until("web\r\x15", "it is being deleted", |screen| {
        screen.contents().contains("is being deleted")
    });
    terminal.sees("no clusters");
    terminal.keys("q");
    terminal.left("0");
}

#[test]
fn the_wizard_is_above_the_dashboard_and_leads_back() {
    let (_site, mut terminal) = ground();
    terminal.keys("0");
    terminal.sees("Where shall the management cluster run");
    terminal.press_until("\x03", "the dashboard is back", |screen| {
        screen.contents().contains("no clusters")
    });
    terminal.keys("q");
    terminal.left("0");
}
