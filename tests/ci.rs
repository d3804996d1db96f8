//! Runs in jobs of CI systems: what they print there, and the pipelines of the guide.

#![expect(clippy::unwrap_used, reason = "what stops a test")]

#[expect(dead_code, reason = "what the tests of the bootstrap itself need")]
mod world;

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use world::{Run, SHORT, Site};

/// An image that cannot be pulled; what the registry says is made to look like commands.
const HOSTILE: &str = r#"
faults:
  workloads:
    traefik/Deployment/traefik: {reason: ImagePullBackOff, message: "::error::gotcha ##[add-mask]demo"}
"#;

/// The command in a job of GitHub Actions.
fn github(site: &Site, mut command: Command) -> Run {
    command
        .env("CI", "true")
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", site.path(""))
        .env("GITHUB_STEP_SUMMARY", site.path("summary.md"));
    Run::of(&command.output().unwrap())
}

/// The command in a job of GitLab CI.
fn gitlab(mut command: Command) -> Run {
    command.env("CI", "true").env("GITLAB_CI", "true");
    Run::of(&command.output().unwrap())
}

fn summary(site: &Site) -> String {
    fs::read_to_string(site.path("summary.md")).unwrap_or_else(|_| String::new())
}

/// Lines that GitHub Actions obeys.
fn commands(run: &Run) -> Vec<&str> {
    let lines = run.stderr.lines().chain(run.stdout.lines());
    lines.filter(|line| line.trim_start().starts_with("::")).collect()
}

/// Every group has its end before the next one begins.
fn groups(run: &Run) -> Vec<&str> {
    let mut open = false;
    let mut titles = Vec::new();
    for command in commands(run) {
        if let Some(title) = command.strip_prefix("::group::") {
            assert!(!open, "{}", run.stderr);
            open = true;
            titles.push(title);
        } else if command == "::endgroup::" {
            assert!(open, "{}", run.stderr);
            open = false;
        }
    }
    assert!(!open, "{}", run.stderr);
    titles
}

/// The sections in order; every one ends before the next one begins.
fn sections(run: &Run) -> Vec<&str> {
    let mut open: Option<&str> = None;
    let mut titles = Vec::new();
    for line in run.stderr.lines() {
        let mark = line
            .strip_prefix("\x1b[0K")
            .map(|mark| mark.splitn(3, ':').collect::<Vec<_>>());
        match mark.as_deref() {
            Some(["section_start", time, rest]) => {
                time.parse::<u64>().unwrap();
                let (name, title) = rest.split_once("\r\x1b[0K").unwrap();
                assert_eq!(open, None, "{}", run.stderr);
                open = Some(name.strip_suffix("[collapsed=true]").unwrap_or(name));
                titles.push(title);
            }
            Some(["section_end", time, rest]) => {
                time.parse::<u64>().unwrap();
                assert_eq!(open.take(), rest.strip_suffix("\r\x1b[0K"), "{}", run.stderr);
            }
            _ => assert!(!line.contains("section_"), "{line:?}"),
        }
    }
    assert_eq!(open, None, "{}", run.stderr);
    titles
}

fn destroy(site: &Site) -> Command {
    let mut command = site.butleradm();
    command.args(["destroy", "demo", "--yes", "--confirm", "demo", "-o", "json"]);
    command
}

#[test]
fn a_bootstrap_and_a_destroy_on_github_have_groups_and_summaries_and_answer_as_ever() {
    let site = Site::new(SHORT, 3, 1, "");
    let run = github(&site, site.command(&["-o", "json", "--events", "events.ndjson"]));
    run.is_ready();
    let phases = groups(&run);
    assert_eq!(phases.first(), Some(&"provisioning machines"), "{}", run.stderr);
    assert!(phases.contains(&"installing addons"), "{phases:?}");
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(answer["phase"], "Ready");
    let events = fs::read_to_string(site.path("events.ndjson")).unwrap();
    assert!(events.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    let told = summary(&site);
    for part in [
        "## demo: done",
        "| machines | 4 ready |",
        "### Machines",
        "### Slowest steps",
    ] {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
    let run = github(&site, destroy(&site));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(groups(&run).contains(&"deleting machines"), "{}", run.stderr);
    assert_eq!(serde_json::from_str::<Value>(&run.stdout).unwrap()["left"], 0);
    let after = summary(&site);
    assert!(
        after.starts_with(&told) && after.matches("## demo: done").count() == 2,
        "{after}"
    );
}

#[test]
fn a_deadline_on_github_is_annotated_and_no_word_of_a_peer_is_a_command() {
    let site = Site::new(&format!("{SHORT}{HOSTILE}"), 1, 0, "deadlines: {addon: 4s}\n");
    let run = github(&site, site.command(&[]));
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    groups(&run);
    assert!(run.stderr.contains("gotcha"), "{}", run.stderr);
    assert!(!run.stderr.contains("##["), "{}", run.stderr);
    let errors: Vec<&str> = commands(&run)
        .into_iter()
        .filter(|command| !command.starts_with("::group::") && *command != "::endgroup::")
        .collect();
    assert!(!errors.is_empty(), "{}", run.stderr);
    for error in errors {
        assert!(error.starts_with("::error title="), "{error}");
        assert!(error.contains("traefik"), "{error}");
    }
    let told = summary(&site);
    for part in ["## demo: deadline passed", "### Failures", "addon/traefik", "hint: "] {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
}

#[test]
fn an_interrupted_run_on_github_ends_its_group_and_leaves_a_summary() {
    let site = Site::new(&format!("{SHORT}{HOSTILE}"), 1, 0, "");
    let run = github(&site, site.command(&["--deadline", "8s"]));
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(!groups(&run).is_empty(), "{}", run.stderr);
    let error = commands(&run)
        .into_iter()
        .find(|command| command.starts_with("::error::"));
    let error = error.unwrap_or_else(|| panic!("{}", run.stderr));
    assert!(
        error.starts_with("::error::the bootstrap of demo did not end within --deadline%0A"),
        "{error}"
    );
    assert!(summary(&site).contains("### Not done at the end"), "{}", summary(&site));
}

#[test]
fn a_configuration_is_annotated_where_it_is_wrong_and_where_it_should_be_known() {
    let site = Site::new(SHORT, 1, 0, "");
    let good = fs::read_to_string(site.config()).unwrap();
    fs::write(site.config(), good.replace("topology: single-node", "topology: many")).unwrap();
    let run = github(&site, site.command(&[]));
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    insta::assert_snapshot!(commands(&run).join("\n"), @r"
    ::error file=cluster.yaml,line=4,col=13::`cluster.topology` has an unknown value%0Ahint: allowed: `single-node`, `ha`
    ::error file=cluster.yaml,line=5,col=28::1 control plane is not highly available%0Ahint: write at least 3, or `topology: single-node`
    ");
    // Clear text in a secret works and is warned about.
    let clear = "addons: {console: {enabled: true, auth: {adminPassword: 'hunter2 is long enough'}}}\n";
    fs::write(site.config(), format!("{good}{clear}")).unwrap();
    let run = github(&site, site.command(&["--dry-run"]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    insta::assert_snapshot!(commands(&run).join("\n"), @r"::warning file=cluster.yaml,line=14,col=57::`addons.console.auth.adminPassword` is a secret in clear text%0Ahint: write `{file: PATH}`, `{env: NAME}`, `{exec: [COMMAND, ARGUMENT]}` or `{keyring: {service: S, username: U}}` instead");
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    // A secret that cannot be read is the fault of the line that asks for it.
    let missing = "addons: {console: {enabled: true, auth: {adminPassword: {file: /nowhere}}}}\n";
    fs::write(site.config(), format!("{good}{missing}")).unwrap();
    let run = github(&site, site.command(&["--dry-run"]));
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    let place = "::error file=cluster.yaml,line=14,col=42::cannot read /nowhere";
    assert!(commands(&run)[0].starts_with(place), "{}", run.stderr);
}

#[test]
fn a_change_that_comes_too_late_is_annotated_where_it_is_written() {
    let site = Site::new(SHORT, 1, 0, "");
    site.bootstrap(&[]).is_ready();
    let good = fs::read_to_string(site.config()).unwrap();
    let pods = "  podCIDR: 10.245.0.0/16\n";
    let changed = good.replacen("network:\n", &format!("network:\n{pods}"), 1);
    assert_ne!(changed, good, "{good}");
    fs::write(site.config(), &changed).unwrap();
    let place = changed.lines().position(|line| line.contains("podCIDR")).unwrap() + 1;
    let run = github(&site, site.command(&[]));
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    let words = format!("::error file=cluster.yaml,line={place},col=3::");
    assert!(
        commands(&run).iter().any(|command| command.starts_with(&words)),
        "{}",
        run.stderr
    );
}

#[test]
fn on_gitlab_sections_fold_the_phases_and_the_last_one_is_the_summary() {
    let site = Site::new(&format!("{SHORT}{HOSTILE}"), 1, 0, "deadlines: {addon: 4s}\n");
    let run = gitlab(site.command(&[]));
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    let titles = sections(&run);
    assert_eq!(titles.first(), Some(&"provisioning machines"), "{titles:?}");
    assert_eq!(titles.last(), Some(&"summary"), "{titles:?}");
    let end = run.stderr.rsplit("summary\n").next().unwrap();
    assert!(
        end.contains("demo: deadline passed") && end.contains("addon/traefik"),
        "{end}"
    );
    let world = fs::read_to_string(site.path("world.yaml")).unwrap();
    fs::write(site.path("world.yaml"), world.replace(HOSTILE, "")).unwrap();
    let run = gitlab(destroy(&site));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(sections(&run).contains(&"deleting machines"), "{}", run.stderr);
    assert_eq!(serde_json::from_str::<Value>(&run.stdout).unwrap()["left"], 0);
}

#[test]
fn who_wants_none_gets_none() {
    let site = Site::new(SHORT, 1, 0, "");
    let run = github(&site, site.command(&["--ci", "none", "--deadline", "1ms"]));
    assert_eq!((run.code, commands(&run)), (Some(3), Vec::new()), "{}", run.stderr);
    assert_eq!(summary(&site), "");
}

/// The stand-alone API server as somebody's existing cluster.
struct Existing(Child);

impl Existing {
    fn start(site: &Site, kubeconfig: &Path) -> Self {
        let mut command = site.butleradm();
        command.args(["embedded", "serve", "--data"]).arg(site.path("existing"));
        command.arg("--kubeconfig").arg(kubeconfig);
        let server = Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let late = Instant::now() + Duration::from_mins(1);
        while !kubeconfig.is_file() {
            assert!(Instant::now() < late, "the API server does not start");
            std::thread::yield_now();
        }
        server
    }
}

impl Drop for Existing {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn the_bootstrap_cluster_of_the_command_line_counts_like_the_one_of_the_configuration() {
    let site = Site::new(SHORT, 1, 0, "");
    let run = site.bootstrap(&["--bootstrap-cluster", "existing"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    insta::assert_snapshot!(run.stderr, @r"
    error: nothing tells which existing cluster shall be the bootstrap cluster
    hint: set KUBECONFIG to the file of that cluster, or write `bootstrapCluster: {type: existing, kubeconfig: PATH}` into the configuration
    ");
    let plan = |kind: &str| -> Value {
        let run = site.bootstrap(&["--bootstrap-cluster", kind, "--dry-run", "-o", "json"]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        serde_json::from_str(&run.stdout).unwrap()
    };
    assert_eq!(plan("embedded")["bootstrapCluster"], "embedded");
    assert_eq!(plan("kind")["bootstrapCluster"], "kind");
    let kubeconfig = site.path("existing-kubeconfig");
    let _server = Existing::start(&site, &kubeconfig);
    let mut command = site.command(&[]);
    command
        .env("KUBECONFIG", &kubeconfig)
        .env("BUTLER_BOOTSTRAP_CLUSTER", "existing");
    Run::of(&command.output().unwrap()).is_ready();
    // The configuration says embedded; the run that ended had another one.
    let run = site.bootstrap(&[]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(
        run.stderr
            .contains("bootstrapCluster.type: was \"existing\", is \"embedded\""),
        "{}",
        run.stderr
    );
    let mut command = site.command(&["--bootstrap-cluster", "existing"]);
    let run = Run::of(&command.env("KUBECONFIG", &kubeconfig).output().unwrap());
    run.is_ready();
}

#[test]
fn the_pipelines_of_the_guide_are_yaml_and_their_commands_exist() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/ci.md");
    let guide = fs::read_to_string(guide).unwrap();
    let pipelines: Vec<&str> = guide
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(pipelines.len() >= 2, "both systems have a pipeline");
    let mut commands = Vec::new();
    for pipeline in pipelines {
        let parsed: Value = serde_saphyr::from_str(pipeline).unwrap_or_else(|e| panic!("{e}\n{pipeline}"));
        scripts(&parsed, &mut commands);
    }
    let commands: Vec<Vec<String>> = commands.iter().flat_map(|script| words(script)).collect();
    for wanted in ["bootstrap --config", "destroy", "bootstrap import", "bootstrap export"] {
        let begins = |command: &&Vec<String>| command[1..].join(" ").starts_with(wanted);
        let count = commands.iter().filter(begins).count();
        assert!(count >= 2, "{wanted}: {commands:?}");
    }
    for command in commands {
        let parsed = butleradm::cli::command().try_get_matches_from(&command);
        assert!(parsed.is_ok(), "{command:?}: {}", parsed.err().unwrap());
    }
}

/// Every text of a pipeline that a shell runs.
fn scripts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                match (key.as_str(), value) {
                    ("run" | "script" | "before_script" | "after_script", Value::String(text)) => {
                        found.push(text.clone());
                    }
                    ("script" | "before_script" | "after_script", Value::Array(lines)) => {
                        found.extend(lines.iter().filter_map(|line| line.as_str()).map(str::to_owned));
                    }
                    _ => scripts(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| scripts(item, found)),
        _ => {}
    }
}

/// The butleradm commands of a script as words, with something in place of each variable.
fn words(script: &str) -> Vec<Vec<String>> {
    let script = script.replace("\\\n", " ");
    let mut found = Vec::new();
    for line in script.lines() {
        let Some(at) = line
            .find("butleradm ")
            .filter(|at| !line[..*at].trim_end_matches("bin/").contains(['/', '=', '#', '-']))
        else {
            continue;
        };
        let command = line[at..].split([';', '>', '|', '&']).next().unwrap();
        let variables = command.split('"').enumerate().map(|(at, part)| {
            // What is quoted is one word, whatever the shell makes of it.
            if at % 2 == 1 { "x".to_owned() } else { part.to_owned() }
        });
        let command: String = variables.collect();
        found.push(command.split_whitespace().map(str::to_owned).collect());
    }
    found
}
