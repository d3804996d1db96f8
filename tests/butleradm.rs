//! The command line of `butleradm` from outside: what is printed where, and the exit codes.

mod common;
mod config;
mod init;

use std::path::Path;

use common::Home;

const BUTLERADM: &str = env!("CARGO_BIN_EXE_butleradm");

fn run(arguments: &[&str]) -> String {
    let home = Home::new();
    let shown = home.run(Path::new(BUTLERADM), arguments);
    assert!(home.is_untouched(), "{arguments:?} wrote to the home folder");
    shown
}

#[test]
fn help_is_an_answer() {
    insta::assert_snapshot!(run(&["--help"]), @r"
    exit 0
    --- stdout
    Bootstraps and operates Butler management clusters

    Usage: butleradm [OPTIONS] <COMMAND>

    Commands:
      bootstrap   Make a management cluster, or continue where an earlier run stopped
      tui         Make a management cluster on the whole terminal: a wizard, then the run as it happens
      destroy     Take away everything of a management cluster, and prove that it is gone
      gc          Take away what carries a Butler marker and belongs to no living cluster
      attach      Show a run that another terminal started, or the last one
      cancel      End the run that works on a cluster, cleanly
      why         Tell what an operation waits for, and why it is not so
      replay      Show a run again, from its events
      status      Show a short overview of a management cluster
      doctor      Tell what is wrong with a management cluster, and what helps
      inmemory    The simulated world: machines, Talos and Kubernetes on this computer
      embedded    The API server that the bootstrap uses, on its own
      provider    Work with the platforms that clusters are made on [alias: providers]
      team        Work with teams, their members and their limits [alias: teams]
      env         Work with the environments of teams [alias: environment]
      user        Work with the accounts of people [alias: users]
      context     Choose the server and the team that commands use
      login       Log in to a Butler server as a platform administrator
      logout      Forget the login on a server
      whoami      Show who is logged in, where, and until when
      completion  Print a completion script for a shell
      version     Print the version, and what new clusters run by default
      help        Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Global options:
          --color <WHEN>  When to use colour: auto, always or never [env: BUTLER_COLOR] [default: auto]
      -q, --quiet         Print the answer, warnings and errors only
      -v, --verbose...    Print diagnostics to stderr (-vv: more)

    Exit codes: 0 done; 1 failed; 2 wrong usage or configuration, nothing was touched; 3 a deadline
    passed, the work can go on; 4 a login is needed; 130 interrupted.

    Environment: BUTLER_HOME is the folder of everything that is written; BUTLER_LOG filters
    diagnostics, for example debug; NO_COLOR turns colour off.
    --- stderr
    ");
}

#[test]
fn version_tells_the_defaults() {
    insta::assert_snapshot!(run(&["version"]), @r"
    exit 0
    --- stdout
    butleradm:           0.1.0
    default Talos:       v1.12.1
    default Kubernetes:  v1.35.4
    --- stderr
    ");
    insta::assert_snapshot!(run(&["version", "-o", "json"]), @r#"
    exit 0
    --- stdout
    {
      "name": "butleradm",
      "version": "0.1.0",
      "defaultTalos": "v1.12.1",
      "defaultKubernetes": "v1.35.4"
    }
    --- stderr
    "#);
    insta::assert_snapshot!(run(&["version", "-o", "yaml"]), @r#"
    exit 0
    --- stdout
    name: butleradm
    version: "0.1.0"
    defaultTalos: v1.12.1
    defaultKubernetes: v1.35.4
    --- stderr
    "#);
    insta::assert_snapshot!(run(&["version", "-o", "name"]), @r"
    exit 0
    --- stdout
    0.1.0
    --- stderr
    ");
    insta::assert_snapshot!(run(&["--version"]), @r"
    exit 0
    --- stdout
    butleradm 0.1.0
    --- stderr
    ");
}

#[test]
fn completion_is_a_script_on_stdout() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let shown = run(&["completion", shell]);
        assert!(
            shown.starts_with("exit 0\n") && shown.ends_with("--- stderr\n"),
            "{shown}"
        );
        assert!(shown.contains("butleradm"), "{shown}");
    }
}

#[test]
fn wrong_usage_is_exit_2_on_stderr() {
    insta::assert_snapshot!(run(&["completion", "tcsh"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: invalid value 'tcsh' for '<SHELL>'
      [possible values: bash, elvish, fish, powershell, zsh]

      tip: a similar value exists: 'zsh'

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(run(&["verison"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: unrecognized subcommand 'verison'

      tip: a similar subcommand exists: 'version'

    Usage: butleradm [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(run(&["version", "-q", "-v"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: the argument '--quiet' cannot be used with '--verbose...'

    Usage: butleradm version --quiet

    For more information, try '--help'.
    ");
}

#[test]
fn the_main_command_tells_its_options() {
    insta::assert_snapshot!(run(&["bootstrap", "--help"]), @r"
    exit 0
    --- stdout
    Make a management cluster, or continue where an earlier run stopped

    Usage: butleradm bootstrap [OPTIONS] --config <FILE> [PROVIDER]
           butleradm bootstrap <COMMAND>

    Commands:
      init    Write a bootstrap configuration by answering questions one by one
      schema  Print the JSON schema of the bootstrap configuration, for editors
      list    List the clusters of this home: how far each is, how its last run ended, and who works on
              it
      export  Hand a cluster over to another home: write its state into an encrypted archive
      import  Take a cluster over from another home
      help    Print this message or the help of the given subcommand(s)

    Arguments:
      [PROVIDER]  Infrastructure provider; must be the one of the configuration

    Options:
      -c, --config <FILE>             Bootstrap configuration [env: BUTLER_CONFIG]
          --dry-run                   Print the plan and touch nothing
          --check                     With --dry-run: fail (exit 1) where a check failed
          --out <FILE>                With --dry-run: save the plan, for --plan
          --plan <FILE>               Carry out this saved plan, or nothing: refuse when it does not
                                      hold any more
      -o, --output <FORMAT>           Format of the answer on stdout: table, wide, json, yaml or name
                                      [env: BUTLER_OUTPUT] [default: table]
          --events <FILE>             Write the event stream (NDJSON) to this file; - is stdout [env:
                                      BUTLER_EVENTS]
          --deadline <DURATION>       Stop waiting after this time (90s, 10m, 1h30m); the same command
                                      goes on later [env: BUTLER_DEADLINE]
          --bootstrap-cluster <KIND>  Where the record lives until the pivot: embedded, kind or
                                      existing; in place of what the configuration says [env:
                                      BUTLER_BOOTSTRAP_CLUSTER]
          --keep-bootstrap-cluster    Keep the bootstrap cluster after the pivot [alias: --skip-cleanup]
          --no-progress               Print lines instead of a live view [env: BUTLER_NO_PROGRESS]
                                      [alias: --no-tui]
          --ci <SYSTEM>               Write sections, annotations and a summary for a CI system: auto,
                                      github, gitlab or none [env: BUTLER_CI] [default: auto]
          --detach                    Start it in a session of its own and return; butleradm attach
                                      shows it
      -h, --help                      Print help

    Global options:
          --color <WHEN>  When to use colour: auto, always or never [env: BUTLER_COLOR] [default: auto]
      -q, --quiet         Print the answer, warnings and errors only
      -v, --verbose...    Print diagnostics to stderr (-vv: more)

    The same command again continues a run that was stopped anywhere; once done, it changes nothing.
    --- stderr
    ");
}

#[test]
fn commands_of_servers_have_help() {
    insta::assert_snapshot!(run(&["inmemory", "up", "--help"]), @r"
    exit 0
    --- stdout
    Start the simulated world, unless it runs

    Usage: butleradm inmemory up [OPTIONS]

    Options:
          --world <FILE>     Latencies and faults (YAML)
          --static <N>       Machines without owner that wait in maintenance mode [default: 0]
          --platform <NAME>  Platform that is played as well, with its own HTTP API: proxmox
      -o, --output <FORMAT>  Format of the answer on stdout: table, wide, json, yaml or name [env:
                             BUTLER_OUTPUT] [default: table]
      -h, --help             Print help

    Global options:
          --color <WHEN>  When to use colour: auto, always or never [env: BUTLER_COLOR] [default: auto]
      -q, --quiet         Print the answer, warnings and errors only
      -v, --verbose...    Print diagnostics to stderr (-vv: more)
    --- stderr
    ");
    insta::assert_snapshot!(run(&["embedded", "serve", "--help"]), @r"
    exit 0
    --- stdout
    Serve a Kubernetes-compatible API from a folder, until Ctrl-C or SIGTERM

    Usage: butleradm embedded serve [OPTIONS] --data <DIR> --kubeconfig <FILE>

    Options:
          --data <DIR>         Folder of the objects; made if missing
          --kubeconfig <FILE>  Where to write an administrator's kubeconfig once the server answers
          --listen <ADDRESS>   Address to listen on; port 0 takes a free one [default: 127.0.0.1:0]
      -h, --help               Print help

    Global options:
          --color <WHEN>  When to use colour: auto, always or never [env: BUTLER_COLOR] [default: auto]
      -q, --quiet         Print the answer, warnings and errors only
      -v, --verbose...    Print diagnostics to stderr (-vv: more)
    --- stderr
    ");
}

#[test]
fn the_schema_is_json() {
    let home = Home::new();
    let output = home
        .command(Path::new(BUTLERADM))
        .args(["bootstrap", "schema"])
        .output()
        .unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(schema["properties"]["provider"].is_object(), "{schema}");
    assert_eq!(output.stderr, b"");
}

#[test]
fn a_missing_configuration_is_exit_2() {
    insta::assert_snapshot!(run(&["bootstrap"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: the following required arguments were not provided:
      --config <FILE>

    Usage: butleradm bootstrap --config <FILE> [PROVIDER]

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(run(&["bootstrap", "--config", "nowhere.yaml"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: cannot read the configuration nowhere.yaml
    Caused by:
      No such file or directory (os error 2)
    hint: fixtures/configs/ holds samples; `butleradm bootstrap schema` prints what a configuration may contain
    ");
}

#[test]
fn a_wrong_configuration_shows_every_problem_with_its_place() {
    let home = Home::new();
    std::fs::write(
        home.path().join("demo.yaml"),
        "provider: inmemory\nclustr:\n  name: Demo\n",
    )
    .unwrap();
    insta::assert_snapshot!(home.run(Path::new(BUTLERADM), &["bootstrap", "-c", "demo.yaml"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: demo.yaml: 2 problems

    `network.loadBalancerPool` is missing: Traefik waits for an address of it
     --> demo.yaml
      = hint: write free addresses of the node network, or `addons.ingress: {enabled: false}`

    unknown key `clustr`
     --> demo.yaml:2:1
      |
    2 | clustr:
      | ^^^^^^
      = hint: did you mean `cluster`?
    ");
}

#[test]
fn the_provider_on_the_command_line_must_be_the_configurations() {
    let home = Home::new();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/configs/inmemory-single.yaml");
    std::fs::copy(sample, home.path().join("demo.yaml")).unwrap();
    insta::assert_snapshot!(home.run(Path::new(BUTLERADM), &["bootstrap", "aws", "-c", "demo.yaml"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: the command line says aws, the configuration demo.yaml says inmemory
    hint: leave aws out, or choose another file with --config
    ");
}

#[test]
fn asking_for_the_world_starts_none() {
    insta::assert_snapshot!(run(&["inmemory", "status"]), @r"
    exit 0
    --- stdout
    --- stderr
    no world runs
    ");
    insta::assert_snapshot!(run(&["inmemory", "status", "-o", "name"]), @r"
    exit 0
    --- stdout
    --- stderr
    ");
}

#[test]
fn a_wrong_world_file_is_exit_2() {
    let home = Home::new();
    std::fs::write(home.path().join("world.yaml"), "latencies: {create: soon}\n").unwrap();
    let world = World { home: &home };
    insta::assert_snapshot!(world.run(&["up", "--world", "world.yaml"]), @r#"
    exit 2
    --- stdout
    --- stderr
    error: world file cannot be used
    Caused by:
      world file world.yaml: error: line 1 column 21: invalid duration "soon": write it like 1500ms, 2s or 1m30s
       --> <input>:1:21
        |
      1 | latencies: {create: soon}
        |                     ^ invalid duration "soon": write it like 1500ms, 2s or 1m30s
    "#);
}

#[test]
fn a_world_comes_up_once_and_goes_down() {
    let home = Home::new();
    let world = World { home: &home };
    let status = |arguments: &[&str]| -> serde_json::Value {
        let shown = world.run(arguments);
        let (_, answer) = shown.split_once("--- stdout\n").unwrap();
        let (answer, stderr) = answer.split_once("--- stderr\n").unwrap();
        assert!(shown.starts_with("exit 0\n") && stderr.is_empty(), "{shown}");
        serde_json::from_str(answer).unwrap()
    };
    let up = status(&["up", "--static", "2", "-o", "json"]);
    let again = status(&["up", "-o", "json"]);
    assert_eq!(up["running"], true);
    assert_eq!(up["pid"], again["pid"]);
    assert!(up["control"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{up}");
    assert_eq!(up["machines"].as_array().unwrap().len(), 2);
    assert_eq!(up["counters"]["machinesCreated"], 0);
    insta::assert_snapshot!(world.run(&["status", "-o", "name"]), @r"
    exit 0
    --- stdout
    static-1
    static-2
    --- stderr
    ");
    insta::assert_snapshot!(world.run(&["up", "--static", "3", "-o", "name"]), @r"
    exit 0
    --- stdout
    static-1
    static-2
    --- stderr
    warning: the world runs already and keeps its own options
    hint: end it first: butleradm inmemory down
    ");
    insta::assert_snapshot!(world.run(&["down"]), @r"
    exit 0
    --- stdout
    --- stderr
    the world has ended
    ");
    insta::assert_snapshot!(world.run(&["down"]), @r"
    exit 0
    --- stdout
    --- stderr
    no world runs
    ");
}

/// The world of a home; it does not outlive a failed test.
struct World<'a> {
    home: &'a Home,
}

impl World<'_> {
    fn run(&self, arguments: &[&str]) -> String {
        self.home
            .run(Path::new(BUTLERADM), &[&["inmemory"], arguments].concat())
    }
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        self.run(&["down"]);
    }
}

#[cfg(unix)]
#[test]
fn the_api_server_says_where_its_kubeconfig_is_and_ends_cleanly_when_asked() {
    use std::{
        io::Read as _,
        os::unix::fs::PermissionsExt as _,
        process::Stdio,
        time::{Duration, Instant},
    };

    let home = Home::new();
    let kubeconfig = home.path().join("kubeconfig");
    let mut server = Server(
        std::process::Command::new(BUTLERADM)
            .args(["embedded", "serve", "--data", "data", "--kubeconfig", "kubeconfig"])
            .current_dir(home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let deadline = Instant::now() + Duration::from_mins(1);
    while !kubeconfig.exists() {
        assert!(Instant::now() < deadline, "no kubeconfig");
        assert_eq!(server.0.try_wait().unwrap(), None, "the server ended");
        std::thread::sleep(Duration::from_millis(5));
    }
    let mode = std::fs::metadata(&kubeconfig).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(
        std::fs::read_to_string(&kubeconfig)
            .unwrap()
            .contains("https://127.0.0.1:")
    );
    let asked = std::process::Command::new("kill")
        .arg(server.0.id().to_string())
        .status()
        .unwrap();
    assert!(asked.success());
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
    let [mut stdout, mut stderr] = [String::new(), String::new()];
    server.0.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    server.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(stdout, "");
    // A server that ends at once may be gone before the note that it is asked to.
    let said = stderr.replace("stopping; press Ctrl-C again to end at once\n", "");
    insta::assert_snapshot!(said, @"serving data; the kubeconfig goes to kubeconfig");
}

/// A server that does not outlive a failed test.
#[cfg(unix)]
struct Server(std::process::Child);

#[cfg(unix)]
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
