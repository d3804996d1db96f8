//! The wizard over the wire protocol of Proxmox VE: every answer by keys, the secret typed where nobody sees it.

use std::fs;

use serde_json::Value;

use crate::{
    has_event, launch,
    terminal::Terminal,
    world::{SHORT, Site, files_with},
};

/// Keys: the next question, the next step, another source of the secret, the image.
const ENTER: &str = "\r";
const NEXT: &str = "\x0e";
const SOURCE: &str = "\x14";
const IMAGE: &str = "\x02";

/// A home whose world plays Proxmox VE, and how that is reached.
fn played() -> (Site, Value) {
    let site = Site::new(SHORT, 1, 0, "");
    let up = ["inmemory", "up", "--platform", "proxmox", "--world", "world.yaml"];
    let up = site.butleradm().args(up).output().expect("the binary starts");
    assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    let platform = site.status()["platforms"][0].clone();
    (site, platform)
}

fn text<'a>(platform: &'a Value, key: &str) -> &'a str {
    platform[key].as_str().expect("the world says it")
}

/// Has the image brought before anything is launched; the beginning of its name, with the identity that the cluster will have.
fn bring_image(site: &Site, terminal: &mut Terminal) -> String {
    terminal.keys(IMAGE);
    terminal.sees("import/butler_demo_");
    assert!(!site.state().exists(), "no run has begun");
    let promised = site.butler_home().join("state/wizard/demo.identity");
    let identity = fs::read_to_string(promised).unwrap();
    format!("butler_demo_{}_talos-", identity.trim())
}

#[test]
fn a_cluster_on_proxmox_by_keys() {
    let (site, platform) = played();
    let secret = fs::read_to_string(text(&platform, "tokenFile"))
        .unwrap()
        .trim()
        .to_owned();
    let factory = format!("talos.imageFactory={}", text(&platform, "imageFactory"));
    let net = text(&platform, "network").strip_suffix(".0/24").unwrap();
    let settings = [
        factory,
        "cluster.name=demo".to_owned(),
        "cluster.topology=single-node".to_owned(),
        format!("network.loadBalancerPool.start={net}.200"),
        format!("network.loadBalancerPool.end={net}.220"),
    ];
    let mut arguments = vec!["tui", "--provider", "proxmox"];
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    let mut terminal = Terminal::start(&site, &arguments);
    terminal.sees("where shall the management cluster run");
    terminal.keys(ENTER);
    terminal.sees("access to proxmox");
    for typed in [text(&platform, "endpoint"), text(&platform, "token")] {
        terminal.keys(typed);
        terminal.sees(typed);
        terminal.keys(ENTER);
    }
    terminal.press_until(SOURCE, "the secret is typed now", |screen| {
        screen.contents().contains("it stays in memory")
    });
    terminal.keys(&secret);
    terminal.sees("********");
    assert!(!terminal.text().contains(&secret), "{}", terminal.text());
    terminal.keys(ENTER);
    terminal.sees("SHA-256 fingerprint");
    terminal.keys(text(&platform, "fingerprint"));
    terminal.keys(NEXT);
    terminal.sees("7 of 7 lists are here");
    terminal.keys(ENTER);
    terminal.sees("storage of the disks");
    terminal.keys(" ");
    terminal.sees("find");
    terminal.keys("zfs");
    terminal.sees("1 of 3");
    terminal.keys(ENTER);
    terminal.sees("chosen");
    let image = bring_image(&site, &mut terminal);
    launch(&site, &mut terminal);
    terminal.sees("management cluster ready");
    terminal.press_until("\x1bq", "the shell goes on", |screen| !screen.alternate_screen());
    terminal.left("0");
    assert!(has_event(&site, "run.finished"));
    assert_eq!(site.counter("machinesCreated"), 1);
    let journal = fs::read_to_string(site.state().join("journal.ndjson")).unwrap();
    assert!(journal.contains(&image), "the run found another image than {image}");
    let written = fs::read_to_string(site.path("demo.yaml")).unwrap();
    assert!(written.contains("storage: local-zfs"), "{written}");
    assert!(!written.contains(&secret), "{written}");
    let state = site.butler_home().join("state");
    for folder in ["clusters", "wizard"] {
        assert!(files_with(&state.join(folder), &secret).is_empty(), "{folder}");
    }
}
