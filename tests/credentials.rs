//! Where `butlerctl` keeps logins: many processes at once, processes that are killed, keyrings that are there or not, disks that
//! are full or cannot be written.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a test may panic, and writes objects as people read them"
)]

#[path = "common/place.rs"]
#[expect(dead_code, reason = "the tests of logins that fail use more of it")]
mod place;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use butler_world::butler::server::Lifetimes;
use place::support::PASSWORD;
use place::{Place, Ran, Refreshes, mode, with_input};
use serde_json::{Value, json};

/// How a helper of a test says that this computer has not what it needs.
const SKIPPED: i32 = 77;

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// A place with a login that is renewed by the next command.
fn with_stale_login() -> Place {
    let place = Place::behind();
    let login = place.by_password(PASSWORD);
    assert_eq!(login.code, Some(0), "{login:?}");
    place.is_right();
    place
}

fn all_at_once(commands: &mut [Command]) -> Vec<Ran> {
    let children: Vec<Child> = commands.iter_mut().map(|command| command.spawn().unwrap()).collect();
    let outputs = children.into_iter().map(|child| child.wait_with_output().unwrap());
    outputs.map(|output| Ran::of(&output)).collect()
}

#[test]
fn many_processes_with_a_login_that_has_ended_renew_it_once() {
    let place = with_stale_login();
    let mut commands: Vec<Command> = (0..8).map(|_| place.command(&["whoami", "-o", "name"])).collect();
    for ran in all_at_once(&mut commands) {
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (Some(0), "alice@example.com\n"),
            "{ran:?}"
        );
    }
    assert_eq!(place.refreshes(), 1);
}

/// A process that renews a login and is killed while it waits for the answer.
fn killed_while_waiting(place: &Place, manner: Refreshes) {
    place.refreshes_are(manner);
    let mut child = place.command(&["whoami"]).spawn().unwrap();
    place.arrival();
    let lock = fs::read_to_string(place.home.path().join("config/credentials.lock")).unwrap();
    let holder: Value = serde_json::from_str(&lock).unwrap();
    assert_eq!(holder["pid"], child.id(), "whoever has to wait is told for whom");
    child.kill().unwrap();
    child.wait().unwrap();
    place.refreshes_are(Refreshes::Answered);
}

#[test]
fn a_process_that_is_killed_while_it_renews_costs_no_login_that_the_server_honours() {
    let place = with_stale_login();
    killed_while_waiting(&place, Refreshes::Ignored);
    let next = place.run(&["whoami"]);
    assert_eq!(next.code, Some(0), "the lock went with its process: {next:?}");
    assert_eq!(place.refreshes(), 2);
    let again = place.run(&["whoami"]);
    assert_eq!((again.code, place.refreshes()), (Some(0), 2), "{again:?}");
}

#[test]
fn a_process_that_is_killed_after_the_server_has_spent_the_token_makes_a_login_needed() {
    let place = with_stale_login();
    killed_while_waiting(&place, Refreshes::Swallowed);
    let next = place.run(&["whoami"]);
    assert_eq!(next.code, Some(4), "{next:?}");
    assert!(next.stderr.contains("log in: butlerctl login --server"), "{next:?}");
    let login = place.by_password(PASSWORD);
    assert_eq!(login.code, Some(0), "{login:?}");
    assert_eq!(place.run(&["whoami"]).code, Some(0));
}

#[test]
fn a_person_who_stops_a_command_does_not_lose_the_answer_that_is_on_its_way() {
    let place = with_stale_login();
    place.refreshes_are(Refreshes::Delayed);
    let mut child = place.command(&["whoami"]).spawn().unwrap();
    place.arrival();
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let mut heard = String::new();
    BufReader::new(child.stderr.take().unwrap())
        .read_line(&mut heard)
        .unwrap();
    place.release();
    let code = child.wait().unwrap().code();
    // It may have been done before it noticed.
    assert!(matches!(code, Some(130 | 0)), "{code:?}, {heard}");
    let next = place.run(&["whoami"]);
    assert_eq!((next.code, place.refreshes()), (Some(0), 1), "{next:?}");
}

#[test]
fn modes_are_private_from_creation_whatever_the_umask_is() {
    let place = Place::new(Lifetimes::default());
    let home = place.home.path().join("new/home");
    let mut command = place.command(&[]);
    let binary = command.get_program().to_owned();
    command = Command::new("sh");
    command
        .args(["-c", "umask 0; exec \"$@\"", "sh"])
        .arg(binary)
        .args(place.login());
    command
        .env_clear()
        .env("BUTLER_HOME", &home)
        .env("BUTLER_CREDENTIALS", "file");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let login = with_input(&mut command, PASSWORD);
    assert_eq!(login.code, Some(0), "{login:?}");
    let config = home.join("config");
    for folder in [place.home.path().join("new"), home, config.clone()] {
        assert_eq!(mode(&folder), 0o700, "{folder:?}");
    }
    let files: Vec<_> = fs::read_dir(config)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 2, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{file:?}");
    }
}

#[test]
fn a_store_that_others_can_read_is_closed_and_one_of_a_later_release_is_left_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new(Lifetimes::default());
    assert_eq!(place.by_password(PASSWORD).code, Some(0));
    fs::set_permissions(place.credentials(), fs::Permissions::from_mode(0o644)).unwrap();
    let list = place.run(&["context", "list"]);
    assert_eq!(list.code, Some(0), "{list:?}");
    assert!(list.stderr.contains("(mode 644); they no longer can"), "{list:?}");
    assert_eq!(mode(&place.credentials()), 0o600);
    assert_eq!(place.run(&["context", "list"]).stderr, "");

    let later = "{\"version\": 9}";
    fs::write(place.credentials(), later).unwrap();
    for arguments in [
        &["whoami"][..],
        &["logout", "--all"],
        &["login", "--server", &place.url],
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("of a later release (format 9)"), "{ran:?}");
    }
    assert_eq!(fs::read_to_string(place.credentials()).unwrap(), later);
}

/// What processes of the command line were started with.
fn command_lines() -> String {
    let mut all = String::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        // One may have ended meanwhile.
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_else(|_| Vec::new());
        let line = String::from_utf8_lossy(&line);
        if line.contains("butlerctl") {
            all += &line;
            all.push('\n');
        }
    }
    all
}

/// All files below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn secrets_are_in_private_files_and_nowhere_else() {
    let place = Place::behind();
    let talkative = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env("BUTLER_LOG", "trace");
        command
    };
    let login = with_input(&mut talkative(&place.login()), PASSWORD);
    assert_eq!(login.code, Some(0), "{login:?}");
    place.is_right();
    place.refreshes_are(Refreshes::Delayed);
    let who = talkative(&["whoami", "-o", "json"]).spawn().unwrap();
    place.arrival();
    let lines = command_lines();
    assert!(lines.contains("whoami"), "{lines}");
    place.release();
    let who = Ran::of(&who.wait_with_output().unwrap());
    assert_eq!(who.code, Some(0), "{who:?}");
    assert!(who.stderr.contains("TRACE"), "{who:?}");
    place.refreshes_are(Refreshes::Answered);

    let mut secrets = place.secrets();
    assert_eq!(secrets.len(), 6, "of a login and a refresh");
    let mut found = Vec::new();
    files(place.home.path(), &mut found);
    for path in found {
        let text = fs::read_to_string(&path).unwrap();
        if secrets.iter().any(|secret| text.contains(secret)) {
            assert_eq!((&path, mode(&path)), (&place.credentials(), 0o600));
        }
    }
    secrets.push(PASSWORD.to_owned());
    // For kubectl a token is printed, and only for it.
    let credential = place.run(&["credential"]).json();
    secrets.push(credential["status"]["token"].as_str().unwrap().to_owned());
    let arguments: [&[&str]; 4] = [&["context", "list"], &["kubeconfig"], &["whoami"], &["logout"]];
    let ran = arguments.map(|arguments| Ran::of(&talkative(arguments).output().unwrap()));
    for ran in ran.iter().chain([&login, &who]) {
        assert_eq!(ran.code, Some(0), "{ran:?}");
        for secret in &secrets {
            let is_said = ran.stdout.contains(secret) || ran.stderr.contains(secret);
            assert!(!is_said, "a secret is printed");
        }
    }
    assert!(
        secrets.iter().all(|secret| !lines.contains(secret)),
        "a secret is in a command line"
    );
}

/// A login of which nothing says where it shall be kept.
fn login_anywhere(place: &Place, variables: &[(&str, &str)]) -> Ran {
    let mut command = place.command(&place.login());
    command.env_remove("BUTLER_CREDENTIALS").envs(variables.iter().copied());
    with_input(&mut command, PASSWORD)
}

#[test]
fn without_a_keyring_it_is_the_file_and_why_is_said() {
    let place = Place::new(Lifetimes::default());
    let login = login_anywhere(&place, &[]);
    assert_eq!(login.code, Some(0), "{login:?}");
    let file = place.credentials();
    let told = format!("The credentials are in {}, which only you can read.\n", file.display());
    assert!(login.stderr.contains(&told), "{login:?}");
    if cfg!(target_os = "linux") {
        let why = "They are not in the keyring (Secret Service): this session has no D-Bus";
        assert!(login.stderr.contains(why), "{login:?}");
    }
    // Nobody would expect a keyring who chose.
    let chosen = login_anywhere(&place, &[("BUTLER_CREDENTIALS", "file")]);
    assert!(chosen.stderr.ends_with(&told), "{chosen:?}");
    let wrong = login_anywhere(&place, &[("BUTLER_CREDENTIALS", "vault")]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.stderr.contains("neither `keyring` nor `file`"), "{wrong:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_bus_that_never_answers_is_left_and_is_an_error_for_whoever_insists() {
    let place = Place::new(Lifetimes::default());
    let socket = place.home.path().join("bus");
    // It takes connections, and that is all it ever does.
    let _bus = UnixListener::bind(&socket).unwrap();
    let bus = format!("unix:path={}", socket.display());
    let login = login_anywhere(&place, &[("DBUS_SESSION_BUS_ADDRESS", &bus)]);
    assert_eq!(login.code, Some(0), "{login:?}");
    assert!(login.stderr.contains("it did not answer within 3 s"), "{login:?}");
    let insisting = [
        ("DBUS_SESSION_BUS_ADDRESS", bus.as_str()),
        ("BUTLER_CREDENTIALS", "keyring"),
    ];
    let login = login_anywhere(&place, &insisting);
    assert_eq!(login.code, Some(1), "{login:?}");
    assert!(login.stderr.contains("BUTLER_CREDENTIALS=file"), "{login:?}");
}

/// Runs a script that sees mounts of its own; it gets the program as its first argument and a password on standard input. Nothing,
/// saying so, where the system allows no such thing.
fn in_namespace(place: &Place, script: &str, arguments: &[&str]) -> Option<Ran> {
    let program = place.command(&[]).get_program().to_owned();
    let mut command = Command::new("unshare");
    command
        .args(["-rm", "sh", "-c", script, "sh"])
        .arg(program)
        .args(arguments);
    command
        .env("BUTLER_HOME", place.home.path())
        .env("BUTLER_CREDENTIALS", "file")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let ran = with_input(&mut command, PASSWORD);
    if ran.code == Some(SKIPPED) || ran.stderr.starts_with("unshare:") {
        skipped(&format!("nothing can be mounted here: {}", ran.stderr.trim()));
        return None;
    }
    Some(ran)
}

#[test]
fn a_full_disk_costs_no_login() {
    let place = Place::behind();
    let url = place.url.clone();
    let script = "program=$1; url=$2
        mount -t tmpfs -o size=512k,mode=700 none \"$BUTLER_HOME\" || exit 77
        \"$program\" login --server \"$url\" --user alice --password-stdin 2>/dev/null; echo \"login $?\"
        cat /dev/zero > \"$BUTLER_HOME/filler\" 2>/dev/null
        \"$program\" whoami; echo \"full $?\"
        \"$program\" context list -o name; echo \"list $?\"
        \"$program\" login --server \"$url\" --no-browser; echo \"again $?\"
        rm \"$BUTLER_HOME/filler\"
        \"$program\" whoami -o name; echo \"free $?\"";
    let Some(ran) = in_namespace(&place, script, &[&url]) else {
        return;
    };
    let expected = format!("login 0\nfull 1\n{url}/alpha\nlist 0\nagain 1\nalice@example.com\nfree 0\n");
    assert_eq!(ran.stdout, expected, "{ran:?}");
    assert!(ran.stderr.contains("No space left on device"), "{ran:?}");
    assert!(ran.stderr.contains("hint: free space on that disk"), "{ran:?}");
    assert!(
        !ran.stderr.contains("code:"),
        "nobody is sent to a browser for nothing: {ran:?}"
    );
    assert_eq!(
        place.refreshes(),
        1,
        "the token is spent only when there is room for what it gives"
    );
}

#[test]
fn a_home_that_cannot_be_written_costs_no_login_and_what_is_good_is_used() {
    let script = "program=$1; shift
        mount --bind \"$BUTLER_HOME\" \"$BUTLER_HOME\" && mount -o remount,bind,ro \"$BUTLER_HOME\" || exit 77
        exec \"$program\" \"$@\"";
    let place = Place::new(Lifetimes::default());
    let Some(login) = in_namespace(&place, script, &place.login()) else {
        return;
    };
    assert_eq!(login.code, Some(1), "{login:?}");
    assert!(login.stderr.contains("Read-only file system"), "{login:?}");
    assert!(
        login.stderr.contains("set BUTLER_HOME to a folder that can be written"),
        "{login:?}"
    );
    assert_eq!(place.by_password(PASSWORD).code, Some(0));
    let who = in_namespace(&place, script, &["whoami", "-o", "name"]).unwrap();
    assert_eq!(
        (who.code, who.stdout.as_str()),
        (Some(0), "alice@example.com\n"),
        "{who:?}"
    );

    let stale = with_stale_login();
    let who = in_namespace(&stale, script, &["whoami"]).unwrap();
    assert_eq!(who.code, Some(1), "{who:?}");
    assert!(who.stderr.contains("Read-only file system"), "{who:?}");
    assert_eq!(stale.refreshes(), 0);
    assert_eq!(stale.run(&["whoami"]).code, Some(0));
}

#[test]
fn without_a_home_it_is_said_which_variable_is_missing() {
    let place = Place::new(Lifetimes::default());
    let mut relative = place.command(&["whoami"]);
    relative.env_remove("BUTLER_HOME").env("HOME", "somewhere");
    let ran = Ran::of(&relative.output().unwrap());
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.stderr.contains("set BUTLER_HOME, or HOME, to an absolute path"),
        "{ran:?}"
    );

    // A user that the system has no home for.
    let program = place.command(&[]).get_program().to_owned();
    let mut nobody = Command::new("unshare");
    nobody.args(["--user", "--map-user=54321", "--map-group=54321"]);
    nobody
        .arg(program)
        .arg("whoami")
        .env_remove("HOME")
        .env_remove("BUTLER_HOME");
    let ran = Ran::of(&nobody.output().unwrap());
    if ran.stderr.starts_with("unshare:") {
        return skipped(&format!("no user can be made here: {}", ran.stderr.trim()));
    }
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.stderr.contains("no home folder: set BUTLER_HOME, or HOME"),
        "{ran:?}"
    );
}

/// A home in which the former command line is logged in, on a server where nobody else is.
fn with_former_login() -> Place {
    let place = Place::new(Lifetimes::default());
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = place.command(&place.login());
    let login = with_input(command.env("BUTLER_HOME", elsewhere.path()), PASSWORD);
    assert_eq!(login.code, Some(0), "{login:?}");
    let kept = fs::read(elsewhere.path().join("config/credentials.json")).unwrap();
    let mut former: Value = serde_json::from_slice(&kept).unwrap();
    former.as_object_mut().unwrap().remove("version");
    let mut ended = former["servers"][&place.url].clone();
    ended["refreshExpiresAt"] = json!("2020-01-01T00:00:00Z");
    ended["expiresAt"] = json!("2020-01-01T00:00:00Z");
    former["servers"]["https://ended.example.com"] = ended;
    fs::write(place.home.path().join("credentials.json"), former.to_string()).unwrap();
    place
}

#[test]
fn logins_of_the_former_command_line_are_taken_over_when_that_is_asked_for() {
    let place = with_former_login();
    // Nobody can be asked here, and so nothing is taken over.
    let login = place.run(&["login", "--server", &place.url, "--ca-file", "/nowhere"]);
    assert_eq!(login.code, Some(2), "{login:?}");
    assert!(
        !place.credentials().exists() && !login.stderr.contains("former"),
        "{login:?}"
    );

    let import = place.run(&["login", "--import"]);
    assert_eq!(import.code, Some(0), "{import:?}");
    let url = &place.url;
    let took = format!("took over the login on {url} as alice@example.com\n");
    assert!(import.stderr.contains(&took), "{import:?}");
    let left = "the login on https://ended.example.com is left out: it ended at 2020-01-01T00:00:00Z";
    assert!(import.stderr.contains(left), "{import:?}");
    for secret in place.secrets() {
        assert!(!import.stderr.contains(&secret), "a secret is printed");
    }
    let who = place.run(&["whoami", "-o", "json"]).json();
    assert_eq!((&who["server"], &who["activeTeam"]), (&json!(url), &json!("alpha")));
    let again = place.run(&["login", "--import"]);
    assert!(again.stderr.contains("There is nothing to take over"), "{again:?}");
    assert!(again.stderr.contains("there is a login on it already"), "{again:?}");

    let junk = place.home.path().join("junk");
    fs::write(&junk, "token: hunter2").unwrap();
    for (file, why) in [
        ("/nowhere", "No such file"),
        (junk.to_str().unwrap(), "holds no logins"),
    ] {
        let wrong = place.run(&["login", "--import", file]);
        assert_eq!(wrong.code, Some(2), "{wrong:?}");
        assert!(
            wrong.stderr.contains(why) && !wrong.stderr.contains("hunter2"),
            "{wrong:?}"
        );
    }
}

#[test]
fn a_person_at_a_terminal_is_asked_before_logins_are_taken_over() {
    for answer in ["y", "n"] {
        let place = with_former_login();
        // A login that goes on fails at once: its certificate is no authority of anybody.
        let program = place.command(&[]).get_program().to_str().unwrap().to_owned();
        let line = format!("{program} login --server {} --ca-file {}", place.url, program);
        let mut terminal = Command::new("script");
        terminal.args(["-qec", &line, "/dev/null"]);
        terminal
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("BUTLER_HOME", place.home.path());
        terminal.env("BUTLER_CREDENTIALS", "file").env("SHELL", "/bin/sh");
        terminal.stdout(Stdio::piped()).stderr(Stdio::piped());
        if Command::new("script").arg("--version").output().is_err() {
            return skipped("there is no script(1) here, which makes a terminal (Debian: bsdutils)");
        }
        let ran = with_input(&mut terminal, answer);
        assert!(ran.stdout.contains("The former command line is logged in"), "{ran:?}");
        assert_eq!(ran.code == Some(0), answer == "y", "{ran:?}");
        assert_eq!(ran.stdout.contains("took over the login on"), answer == "y", "{ran:?}");
        assert_eq!(place.credentials().exists(), answer == "y");
    }
}

/// Ends the keyring of a session, which outlives its bus: it is known by the folder of its sockets.
const END: &str = r#"for p in /proc/[0-9]*; do
    case $(cat $p/comm 2>/dev/null) in
        gnome-keyring-d*) grep -qs "XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR" $p/environ && kill ${p#/proc/} ;;
    esac
done"#;

/// A D-Bus of its own with GNOME's keyring on it, which ends with this value.
struct Session {
    bus: Child,
    stdout: BufReader<ChildStdout>,
    address: String,
}

impl Session {
    /// With an unlocked keyring, or with one that stays locked. Nothing, saying so, where the programs are not installed.
    fn start(home: &Path, unlocked: bool) -> Option<Self> {
        let script = if unlocked {
            "printf password | gnome-keyring-daemon --unlock --components=secrets >&2"
        } else {
            "gnome-keyring-daemon --start --components=secrets >&2"
        };
        let mut bus = Command::new("dbus-run-session");
        bus.args(["--", "sh", "-c"]);
        bus.arg(format!("command -v gnome-keyring-daemon >&2 || exit {SKIPPED}; {script} && echo \"$DBUS_SESSION_BUS_ADDRESS\" && read _; {END}"));
        bus.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
        // A daemon of an earlier session may still be about to end there: each has a place of its own for sockets.
        let run = if unlocked { "run-unlocked" } else { "run-locked" };
        let folders = [
            ("HOME", ""),
            ("XDG_DATA_HOME", "data"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_RUNTIME_DIR", run),
        ];
        for (name, folder) in folders {
            let folder = home.join(folder);
            fs::create_dir_all(&folder).unwrap();
            bus.env(name, folder);
        }
        let bus = bus
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut bus) = bus else {
            skipped("there is no dbus-run-session here (Debian: dbus-daemon)");
            return None;
        };
        let mut stdout = BufReader::new(bus.stdout.take().unwrap());
        let mut address = String::new();
        stdout.read_line(&mut address).unwrap();
        if address.is_empty() {
            let mut said = String::new();
            bus.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            assert_eq!(bus.wait().unwrap().code(), Some(SKIPPED), "{said}");
            skipped("there is no gnome-keyring-daemon here (Debian: gnome-keyring)");
            return None;
        }
        let address = address.trim().to_owned();
        Some(Self { bus, stdout, address })
    }

    /// A command of a person who is in this session.
    fn command(&self, place: &Place, arguments: &[&str]) -> Command {
        let mut command = place.command(arguments);
        command
            .env_remove("BUTLER_CREDENTIALS")
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        command
    }

    fn run(&self, place: &Place, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(place, arguments).output().unwrap())
    }

    /// How many items of ours the keyring holds.
    fn items(&self) -> usize {
        let mut search = Command::new("dbus-send");
        search.args([
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.secrets",
            "/org/freedesktop/secrets",
        ]);
        search.args([
            "org.freedesktop.Secret.Service.SearchItems",
            "dict:string:string:service,butler",
        ]);
        let ran = Ran::of(&search.env("DBUS_SESSION_BUS_ADDRESS", &self.address).output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout.matches("object path").count()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The script reads a line; the bus ends with it, and the keyring with the bus.
        let mut stdin = self.bus.stdin.take().unwrap();
        drop(writeln!(stdin));
        let mut rest = String::new();
        drop(self.stdout.read_to_string(&mut rest));
        drop(self.bus.wait());
    }
}

/// No file below a folder holds one of these secrets.
fn assert_no_secret(folder: &Path, secrets: &[String]) {
    let mut found = Vec::new();
    files(folder, &mut found);
    for path in found {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        let is_there = secrets.iter().any(|secret| text.contains(secret));
        assert!(!is_there, "a secret is in {}", path.display());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_secret_service_holds_the_secrets_and_nothing_else_does() {
    let place = Place::behind();
    let desktop = tempfile::tempdir().unwrap();
    let Some(session) = Session::start(desktop.path(), true) else {
        return;
    };
    let login = with_input(&mut session.command(&place, &place.login()), PASSWORD);
    assert_eq!(login.code, Some(0), "{login:?}");
    assert!(
        login
            .stderr
            .contains("The credentials are in the keyring (Secret Service);"),
        "{login:?}"
    );
    let pieces = session.items();
    assert!(pieces > 0);
    place.is_right();
    let mut commands: Vec<Command> = (0..8)
        .map(|_| session.command(&place, &["whoami", "-o", "json"]))
        .collect();
    for who in all_at_once(&mut commands) {
        assert_eq!(who.code, Some(0), "{who:?}");
        let shown = who.json();
        assert_eq!(shown["teams"], json!([{"name": "alpha", "role": "operator"}]));
        assert_eq!(shown["credentials"], "the keyring (Secret Service)");
        assert_eq!(who.stderr, "");
    }
    assert_eq!(place.refreshes(), 1);
    assert_eq!(session.items(), pieces, "the old ones are gone");
    let secrets = place.secrets();
    assert_eq!(secrets.len(), 6, "of a login and a refresh");
    assert_no_secret(place.home.path(), &secrets);
    assert_no_secret(desktop.path(), &secrets);

    // Whoever has no keyring at hand still knows who is logged in where, and is told what is missing.
    let contexts = place.run(&["context", "list", "-o", "name"]);
    assert_eq!(contexts.stdout, format!("{}/alpha\n", place.url), "{contexts:?}");
    let blind = place.run(&["whoami"]);
    assert_eq!(blind.code, Some(1), "{blind:?}");
    assert!(blind.stderr.contains("this session has no D-Bus"), "{blind:?}");
    assert_eq!(place.run(&["logout"]).code, Some(1), "nothing is forgotten by halves");

    // A new login does not need it, and the next change that has it removes what is left there.
    assert_eq!(login_anywhere(&place, &[]).code, Some(0));
    assert_eq!(place.run(&["whoami"]).code, Some(0));
    assert_eq!(session.items(), pieces);
    let out = session.run(&place, &["logout"]);
    assert_eq!(out.code, Some(0), "{out:?}");
    assert_eq!(session.items(), 0);
    assert_eq!(session.run(&place, &["whoami"]).code, Some(4));
}

#[cfg(target_os = "linux")]
#[test]
fn a_keyring_that_is_locked_where_nobody_can_unlock_it_is_as_good_as_none() {
    let place = Place::new(Lifetimes::default());
    let desktop = tempfile::tempdir().unwrap();
    // The first session makes the keyring; the second does not know its password.
    let Some(first) = Session::start(desktop.path(), true) else {
        return;
    };
    drop(first);
    let Some(session) = Session::start(desktop.path(), false) else {
        return;
    };
    let login = with_input(&mut session.command(&place, &place.login()), PASSWORD);
    assert_eq!(login.code, Some(0), "{login:?}");
    let why = "it is locked, and there is no display to ask for its password on";
    assert!(login.stderr.contains(why), "{login:?}");
    assert!(
        fs::read_to_string(place.credentials())
            .unwrap()
            .contains("refreshToken")
    );
}
