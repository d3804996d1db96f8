//! The questions line by line, in a real terminal.

use std::fs;

use butler_api::config;

use crate::{
    terminal::Terminal,
    world::{SHORT, Site},
};

/// Runs `bootstrap init` with nothing but Enter until it has written a file.
fn entered(variables: &[(&str, &str)]) -> String {
    let site = Site::new(SHORT, 1, 0, "");
    let file = site.path("new.yaml");
    let name = file.display().to_string();
    let arguments = ["bootstrap", "init", "--output-file", &name];
    let mut terminal = Terminal::with_variables(&site, &arguments, variables);
    terminal.sees("platform");
    terminal.press_until("\r", "a file is written", |_| file.exists());
    terminal.left("0");
    fs::read_to_string(&file).unwrap()
}

#[test]
fn an_empty_line_for_each_question_makes_a_configuration_with_and_without_a_line_editor() {
    let plain = entered(&[("ACCESSIBLE", "1")]);
    let loaded = config::load(&plain, "new.yaml").unwrap();
    assert_eq!(loaded.config.provider_kind(), config::ProviderKind::InMemory);
    assert_eq!(entered(&[]), plain);
    assert_eq!(entered(&[("TERM", "dumb")]), plain);
}

#[test]
fn the_end_of_the_input_is_no_answer() {
    let site = Site::new(SHORT, 1, 0, "");
    let mut terminal = Terminal::with_variables(&site, &["bootstrap", "init"], &[("ACCESSIBLE", "1")]);
    terminal.sees("platform");
    terminal.keys("proxmox\r");
    terminal.sees("URL of the API");
    terminal.keys("\x04");
    terminal.sees("--set providerConfig.proxmox.endpoint=VALUE");
    terminal.left("2");
}

#[test]
fn a_secret_that_is_typed_is_seen_nowhere() {
    let site = Site::new(SHORT, 1, 0, "");
    let arguments = ["bootstrap", "init", "--provider", "nutanix"];
    let mut terminal = Terminal::with_variables(&site, &arguments, &[("ACCESSIBLE", "1")]);
    terminal.sees("platform [nutanix]");
    terminal.keys("\r");
    terminal.sees("URL of Prism Central");
    terminal.keys("https://prism.example.org\r");
    terminal.sees("user:");
    terminal.keys("admin\r");
    terminal.sees("password:");
    assert!(terminal.echoes());
    terminal.keys("type\r");
    terminal.sees("which is not shown");
    terminal.hides();
    terminal.keys("canary-7d1\r");
    terminal.sees("BUTLER_NUTANIX_PASSWORD");
    assert!(!terminal.text().contains("canary"), "{}", terminal.text());
    terminal.keys("\x04");
    terminal.left("2");
}
