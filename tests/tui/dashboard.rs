//! A tenant cluster from its creation to its end by keys, on a management cluster that the binary has bootstrapped.

use std::{fs, thread, time::Duration};

use crate::{
    terminal::Terminal,
    world::{SHORT, Site},
};

/// Asks what it should do to the text.
const EDITOR: &str = r#"
echo >>runs
echo "editor $(wc -l <runs) has $(basename "$1")"
read -r what value
case $what in
    replicas) sed -i "s/replicas: .*/replicas: $value/" "$1" ;;
    fail) exit 3 ;;
esac
"#;

/// Longer than keys are not taken for an answer.
const LATER: Duration = Duration::from_millis(500);

/// A kubeconfig of a cluster whose API server is nowhere.
const NOWHERE: &str = r#"{"apiVersion": "v1", "kind": "Config", "current-context": "lab",
"clusters": [{"name": "lab", "cluster": {"server": "https://127.0.0.1:1"}}],
"contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
"users": [{"name": "lab", "user": {"token": "nobody"}}]}"#;

/// A management cluster, and a terminal with its dashboard.
fn ground() -> (Site, Terminal) {
    let latencies = format!("{SHORT}  tenantControlPlane: 50ms\n  tenantAddon: 20ms\n");
    let site = Site::new(&latencies, 1, 0, "");
    site.bootstrap(&[]).is_ready();
    fs::write(site.path("editor.sh"), EDITOR).expect("an editor");
    let editor = format!("bash '{}'", site.path("editor.sh").display());
    let mut terminal = Terminal::with_variables(&site, &["tui"], &[("EDITOR", &editor)]);
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
    thread::sleep(LATER);
    terminal.keys("web\r");
    terminal.sees("is being deleted");
    terminal.sees("no clusters");
    terminal.keys("q");
    terminal.left("0");
}

/// The editor is a program of its own on the same terminal: it gets every key while it runs, and none afterwards.
#[test]
fn a_cluster_is_edited_as_a_text_on_the_same_terminal() {
    let (site, mut terminal) = ground();
    creates(&mut terminal, "web");
    terminal.sees("1/1");
    let draft = site.butler_home().join("cache/edit/butler-tenants-web.yaml");
    terminal.keys("e");
    terminal.sees("editor 1 has butler-tenants-web.yaml");
    terminal.keys("replicas 2\r");
    terminal.sees("+    replicas: 2");
    // A key that was meant for the editor confirms nothing; this one comes later.
    thread::sleep(LATER);
    terminal.keys("\r");
    terminal.sees("cluster web is asked for as edited");
    terminal.sees("2/2");
    assert!(!draft.exists());

    // Nothing is changed by an editor that fails, and its text is kept.
    terminal.keys("e");
    terminal.sees("editor 2 has butler-tenants-web.yaml");
    terminal.keys("fail\r");
    terminal.sees("ended with exit status: 3");
    assert!(draft.exists());

    // Keys are the dashboard's again, and the size is that of the terminal by now.
    terminal.keys("e");
    terminal.sees("editor 3 has butler-tenants-web.yaml");
    terminal.resize(100, 30);
    terminal.keys("same\r");
    terminal.sees("cluster web was not edited");
    terminal.keys("?");
    terminal.sees("mark or unmark the selected row");
    // Escape and a letter at once would be a key of its own.
    terminal.press_until("\x1b", "the keys are closed", |screen| {
        !screen.contents().contains("mark or unmark")
    });
    terminal.resize(140, 40);
    terminal.keys("q");
    terminal.left("0");
}

#[test]
fn somebody_works_with_another_management_cluster_without_leaving() {
    let (site, mut terminal) = ground();
    creates(&mut terminal, "web");
    terminal.sees("1/1");
    fs::create_dir(site.path(".kube")).expect("a folder");
    fs::write(site.path(".kube/config"), NOWHERE).expect("a kubeconfig");
    terminal.keys("M");
    terminal.sees("made from here, now");
    terminal.sees("lab");
    terminal.keys("\x1b[F\r");
    terminal.sees("refused");
    assert!(!terminal.text().contains("web"), "{}", terminal.text());
    terminal.keys("M");
    terminal.sees("made from here");
    terminal.keys("\x1b[H\r");
    terminal.sees("web");
    terminal.sees("read-only");
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
