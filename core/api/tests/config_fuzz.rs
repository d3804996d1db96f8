//! Whatever the text: the loader never panics, what it shows is fit for a terminal, and no secret is in it.

use std::{fmt::Write as _, fs, path::PathBuf, sync::LazyLock};

use butler_api::config;
use proptest::prelude::*;

const SECRET: &str = "hunter2zq";

/// Every sample and every bad file, and one full of secrets.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folders = [root.join("../../fixtures/configs"), root.join("tests/bad_configs")];
    let entries = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("the folder is there"));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut yaml: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    yaml.sort();
    let mut texts: Vec<String> = yaml
        .iter()
        .map(|path| fs::read_to_string(path).expect("readable"))
        .collect();
    texts.push(with_secrets());
    texts
});

fn with_secrets() -> String {
    format!(
        "provider: nutanix
cluster: {{name: demo, controlPlane: {{replicas: 3, cpu: 4, memoryMB: 8192, diskGB: 50}}}}
network: {{vip: 192.0.2.5, loadBalancerPool: {{start: 192.0.2.10, end: 192.0.2.50}}}}
providerConfig:
  nutanix:
    endpoint: https://prism.example.org
    username: admin
    password: {SECRET}
    clusterUUID: 00061663-9fa0-28ca-185b-ac1f6b6f97e2
    subnetUUID: 7a3c1a35-4c3d-4d35-9d3f-9d0b6d5d3f10
addons:
  console: {{enabled: true, auth: {{adminPassword: \"{SECRET}\", jwtSecret: '{SECRET}'}}}}
talos:
  registries: {{config: {{mirror.example.org: {{auth: {{username: robot, password: {SECRET}}}}}}}}}
  patches: {{all: [{{machine: {{env: {{A: {SECRET}}}}}}}]}}
"
    )
}

/// Loads and renders everything there is to render.
fn shown(text: &str) -> String {
    match config::load(text, "butler.yaml") {
        Ok(loaded) => {
            let warnings = loaded.warnings.iter().map(|warning| warning.render("butler.yaml"));
            let warnings: Vec<String> = warnings.collect();
            format!(
                "{:?}\n{}\n{}",
                loaded.config,
                loaded.config.canonical,
                warnings.join("\n")
            )
        }
        Err(errors) => errors.to_string(),
    }
}

fn is_fit_for_a_terminal(text: &str) -> bool {
    !text
        .chars()
        .any(|c| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c))
}

/// One change to a text at a place given as a share of its length.
#[derive(Debug, Clone)]
enum Edit {
    Insert(f64, String),
    Remove(f64, usize),
    RepeatLine(f64),
    DropLine(f64),
    Indent(f64, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let place = 0.0..1.0_f64;
    let pieces = prop::sample::select(vec![
        ":",
        "- ",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "\n",
        "\t",
        "#",
        "&a ",
        "*a",
        "<<: ",
        "!!int ",
        "|\n",
        "? ",
        "---\n",
        "null",
        "~",
        "-1",
        "1e9",
        "0x10",
        "no",
        "é",
        "\u{1b}[31m",
        "\u{202e}",
        "a: b",
        "99999999999999999999",
        "%YAML 1.1\n",
        ",",
    ]);
    prop_oneof![
        4 => (place.clone(), pieces).prop_map(|(at, text)| Edit::Insert(at, text.to_owned())),
        1 => (place.clone(), ".{0,6}").prop_map(|(at, text)| Edit::Insert(at, text)),
        2 => (place.clone(), 1..12_usize).prop_map(|(at, n)| Edit::Remove(at, n)),
        2 => place.clone().prop_map(Edit::RepeatLine),
        2 => place.clone().prop_map(Edit::DropLine),
        1 => (place, 1..5_usize).prop_map(|(at, n)| Edit::Indent(at, n)),
    ]
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "a share of a short text"
)]
fn index(length: usize, at: f64) -> usize {
    ((length as f64 * at) as usize).min(length.saturating_sub(1))
}

fn apply(text: &str, edit: &Edit) -> String {
    let chars: Vec<char> = text.chars().collect();
    let lines = || text.lines().map(str::to_owned).collect::<Vec<String>>();
    match edit {
        Edit::Insert(at, piece) => {
            let (before, after) = chars.split_at(index(chars.len(), *at));
            before
                .iter()
                .copied()
                .chain(piece.chars())
                .chain(after.iter().copied())
                .collect()
        }
        Edit::Remove(at, n) => {
            let from = index(chars.len(), *at);
            let rest = chars.iter().skip(from + n);
            chars.iter().take(from).chain(rest).collect()
        }
        Edit::RepeatLine(at) => {
            let mut lines = lines();
            let i = index(lines.len(), *at);
            lines.splice(i..i, text.lines().nth(i).map(str::to_owned));
            lines.join("\n")
        }
        Edit::DropLine(at) => {
            let mut lines = lines();
            let i = index(lines.len(), *at);
            lines.drain(i..(i + 1).min(text.lines().count()));
            lines.join("\n")
        }
        Edit::Indent(at, n) => {
            let mut lines = lines();
            let i = index(lines.len(), *at);
            if let Some(line) = lines.get_mut(i) {
                line.insert_str(0, &" ".repeat(*n));
            }
            lines.join("\n")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_gives_an_error(text in "(?s).{0,200}") {
        let shown = shown(&text);
        prop_assert!(is_fit_for_a_terminal(&shown), "{shown:?}");
    }

    #[test]
    fn arbitrary_bytes_give_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let shown = shown(&String::from_utf8_lossy(&bytes));
        prop_assert!(is_fit_for_a_terminal(&shown), "{shown:?}");
    }

    #[test]
    fn changed_samples_load_or_give_an_error(which in any::<prop::sample::Index>(), edits in prop::collection::vec(edit(), 1..6)) {
        let text = edits.iter().fold(which.get(&TEXTS).clone(), |text, edit| apply(&text, edit));
        let shown = shown(&text);
        prop_assert!(is_fit_for_a_terminal(&shown), "{shown:?}");
    }

    #[test]
    fn secrets_stay_hidden_when_one_thing_is_wrong(edit in edit()) {
        let original = with_secrets();
        let text = apply(&original, &edit);
        // A change inside a secret's line may make it something else: a name, a comment, a key.
        let untouched = original.lines().filter(|line| line.contains(SECRET)).all(|line| text.contains(line));
        if untouched {
            let shown = shown(&text);
            prop_assert!(!shown.contains(SECRET), "{text}\n{shown}");
        }
    }
}

#[test]
fn deep_nesting_is_refused() {
    let mut blocks = String::new();
    for depth in 0..1200 {
        let _ = writeln!(blocks, "{}a:", " ".repeat(depth));
    }
    for text in ["[".repeat(100_000), "- ".repeat(100_000), blocks] {
        // Without optimisation the levels that are read before that take more than a test's thread has.
        let reader = std::thread::Builder::new().stack_size(8 << 20);
        let shown = reader.spawn(move || shown(&text)).unwrap().join().unwrap();
        assert!(shown.starts_with("butler.yaml: 1 problem"), "{shown}");
        assert!(shown.contains("the file is nested too deeply"), "{shown}");
    }
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..10 {
        let previous = format!("*a{}, ", i - 1).repeat(10);
        let _ = writeln!(text, "a{i}: &a{i} [{previous}]");
    }
    let shown = shown(&text);
    assert!(shown.starts_with("butler.yaml: 1 problem"), "{shown}");
}

#[test]
fn a_huge_file_is_refused() {
    let shown = shown(&"# butler\n".repeat(200_000));
    assert!(shown.contains("larger than 1 MiB"), "{shown}");
}
