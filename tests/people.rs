//! `butleradm user` and `butleradm team`, as an administrator with a kubeconfig and as one who is logged in: what is printed, the
//! exit codes, and what stands in the cluster afterwards.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a test may panic, and writes objects as people read them"
)]

#[path = "common/ctl.rs"]
mod ctl;
#[path = "../core/world/tests/butler_server/support.rs"]
#[expect(dead_code, reason = "the tests of the server itself use all of it")]
mod support;
#[path = "people/teams.rs"]
mod teams;

use std::io::Write as _;
use std::process::Stdio;

use base64::Engine as _;
use butler_embedded::At;
use ctl::{Ctl, Ran};
use serde_json::{Value, json};

/// The Users of a cluster.
const USERS: At<'static> = kind("users");
/// The Teams of a cluster.
const TEAMS: At<'static> = kind("teams");

const fn kind(resource: &'static str) -> At<'static> {
    At {
        group: "butler.butlerlabs.dev",
        version: "v1alpha1",
        resource,
        namespace: "",
    }
}

/// An object of the cluster.
fn object(ctl: &Ctl, at: At<'_>, name: &str) -> Value {
    ctl.site.local.get(at, name).unwrap()
}

/// Everything that a command printed, without what differs from run to run.
fn whole(ran: &Ran) -> String {
    let is_age = |word: &str| {
        let number = word.strip_suffix('s').unwrap_or("");
        !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())
    };
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let words: Vec<&str> = words
            .iter()
            .map(|word| if is_age(word) { "[AGE]" } else { word })
            .collect();
        words.join(" ").replace("[AGE]  ", "[AGE] ") + "\n"
    };
    ran.whole().lines().map(line).collect()
}

/// Logs in with a password that comes over standard input.
fn by_password(ctl: &Ctl, home: &str, who: &str, password: &str) -> Ran {
    let arguments = ["login", "--server", &ctl.url, "--user", who, "--password-stdin"];
    let mut child = ctl.command(home, &arguments).stdin(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
    ctl.ran(&child.wait_with_output().unwrap())
}

/// The answer of Butler's server to somebody who is not logged in.
fn ask(ctl: &Ctl, method: &str, path: &str, body: &Value) -> support::Answer {
    let body = body.to_string();
    let answer = ctl.site.ask(method, path, &[], &body);
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(answer)
}

#[test]
fn only_platform_administrators_log_in_and_nothing_is_kept_of_others() {
    let ctl = Ctl::new();
    let alice = by_password(&ctl, "alice", "alice", support::PASSWORD);
    insta::assert_snapshot!(alice.whole(), @r"
    exit 1
    --- stderr
    error: alice@example.com is no platform administrator on [SERVER]; nothing was kept
    hint: a platform administrator makes one: butleradm user update alice@example.com --platform-role admin
    hint: whoever has the admin kubeconfig of the management cluster can do the same with --kubeconfig FILE
    hint: to work in your teams: butlerctl login --server [SERVER]
    ");
    assert!(!ctl.path("alice").join("config/credentials.json").exists());
    let nobody = ctl.run("alice", &["user", "list"]);
    insta::assert_snapshot!(nobody.whole(), @r"
    exit 4
    --- stderr
    error: there is no cluster to work on: no login, no kubeconfig, and no management cluster that was made here
    hint: log in: butleradm login --server URL
    hint: or name a kubeconfig: --kubeconfig FILE
    ");
    let root = by_password(&ctl, "root", "root", support::PASSWORD);
    assert_eq!(root.code, Some(0), "{root:?}");
    let who = ctl.run("root", &["whoami", "-o", "json"]).json();
    assert_eq!(
        (&who["email"], &who["platformAdmin"]),
        (&json!("root@example.com"), &json!(true))
    );
    // The administrator of the server's own settings has no account.
    let legacy = by_password(&ctl, "legacy", "admin", support::PASSWORD);
    assert_eq!(legacy.code, Some(0), "{legacy:?}");
    assert!(legacy.stderr.contains("as admin@butler.local"), "{legacy:?}");
}

#[test]
fn an_invitation_leads_to_a_login_and_its_token_is_nowhere_but_in_the_answer() {
    let ctl = Ctl::new();
    let create = |email: &str, more: &[&str]| {
        let kubeconfig = ctl.admin_kubeconfig();
        let first = [
            "user",
            "create",
            email,
            "--kubeconfig",
            kubeconfig.to_str().unwrap(),
            "--server",
            &ctl.url,
        ];
        ctl.run("admin", &[&first, more].concat())
    };
    let made = create(
        "Ann.Lee@Example.com",
        &["--platform-role", "admin", "--display-name", "Ann", "-o", "json"],
    );
    assert_eq!(made.code, Some(0), "{made:?}");
    let answer = made.json();
    let link = answer["inviteUrl"].as_str().unwrap();
    let token = link.strip_prefix("[SERVER]/invite/").unwrap();
    assert!(
        token.len() == 64 && token.chars().all(|c| c.is_ascii_hexdigit()),
        "{token}"
    );
    assert!(!made.stderr.contains(token), "{made:?}");

    let name = answer["user"]["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("ann-lee-"), "{name}");
    let user = object(&ctl, USERS, name);
    assert_eq!(user["spec"]["email"], "ann.lee@example.com");
    assert_eq!(user["spec"]["platformRole"], "admin");
    assert_eq!(user["status"]["phase"], "Pending");
    assert!(!user.to_string().contains(token), "{user}");

    let valid = ask(&ctl, "GET", &format!("/api/auth/invite/{token}"), &Value::Null);
    assert_eq!(
        valid.json(),
        json!({"valid": true, "email": "ann.lee@example.com", "displayName": "Ann"})
    );
    let chosen = ask(
        &ctl,
        "POST",
        "/api/auth/set-password",
        &json!({"token": token, "password": "a long password"}),
    );
    assert_eq!(chosen.status, 200, "{}", chosen.text);
    let login = by_password(&ctl, "ann", "ann.lee@example.com", "a long password");
    assert_eq!(login.code, Some(0), "{login:?}");
    let spent = ask(&ctl, "GET", &format!("/api/auth/invite/{token}"), &Value::Null);
    assert_eq!(spent.json(), json!({"valid": false}));

    let second = create("ANN.LEE@example.com", &[]);
    assert_eq!(second.code, Some(1), "{second:?}");
    let other = create("ann.lee@example.org", &["-o", "name"]);
    assert_eq!(other.code, Some(0), "{other:?}");
    assert_ne!(other.stdout.trim(), format!("user.butler.butlerlabs.dev/{name}"));
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "whole outputs, and what leads from one to the next"
)]
fn an_account_is_made_invited_again_and_told_about_in_words() {
    let ctl = Ctl::new();
    let token_of = |text: &str| {
        let start = text.find("/invite/").unwrap() + "/invite/".len();
        text[start..start + 64].to_owned()
    };
    let masked = |ran: &Ran| {
        let text = ran.whole();
        let lines = text.lines().filter(|line| !line.starts_with("good until:"));
        let text = lines.fold(String::new(), |text, line| text + line + "\n");
        text.replace(&token_of(&ran.stdout), "[TOKEN]")
    };
    let made = ctl.admin(&["user", "create", "--email", "eve@example.com", "--admin"]);
    insta::assert_snapshot!(masked(&made), @r"
    exit 0
    --- stdout
    name:           eve-d0574c49
    email:          eve@example.com
    platform role:  admin
    invite:         /invite/[TOKEN]
    --- stderr
    warning: the invitation is shown this once; whoever has it can log in as this person
    warning: nothing says where Butler's console is: put its address before the path
    hint: name it the next time: --server URL
    ");
    let again = ctl.admin(&["user", "create", "eve@EXAMPLE.com"]);
    insta::assert_snapshot!(again.whole(), @r"
    exit 1
    --- stderr
    error: eve@example.com has an account already: user eve-d0574c49
    hint: a new invitation: butleradm user invite eve-d0574c49
    hint: another role: butleradm user update eve-d0574c49 --platform-role admin
    ");
    let invited = ctl.admin(&["user", "invite", "eve@example.com"]);
    insta::assert_snapshot!(masked(&invited), @r"
    exit 0
    --- stdout
    name:           eve-d0574c49
    email:          eve@example.com
    platform role:  admin
    invite:         /invite/[TOKEN]
    --- stderr
    warning: the invitation is shown this once; whoever has it can log in as this person
    warning: nothing says where Butler's console is: put its address before the path
    hint: name it the next time: --server URL
    ");
    let valid = |ran: &Ran| {
        let path = format!("/api/auth/invite/{}", token_of(&ran.stdout));
        ask(&ctl, "GET", &path, &Value::Null).json()["valid"].clone()
    };
    assert_eq!((valid(&made), valid(&invited)), (json!(false), json!(true)));
    let shown = ctl.admin(&["user", "get", "alice@example.com"]);
    insta::assert_snapshot!(shown.whole(), @r"
    exit 0
    --- stdout
    name:           alice
    email:          alice@example.com
    display name:   Alice A
    phase:          Active
    auth type:      internal
    platform role:  -
    last login:     -
    logins:         -
    ");
    let none = ctl.admin(&["user", "get", "zoe"]);
    insta::assert_snapshot!(none.whole(), @r"
    exit 1
    --- stderr
    error: there is no user zoe
    hint: butleradm user list
    ");
    let wrong = ctl.admin(&["user", "create", "zoe"]);
    insta::assert_snapshot!(wrong.whole(), @r#"
    exit 2
    --- stderr
    error: invalid value 'zoe' for '[EMAIL]': "zoe" is no e-mail address; one looks like ann@example.com

    For more information, try '--help'.
    "#);
    let tried = ctl.admin(&["user", "create", "zoe@example.com", "--dry-run", "server", "-o", "name"]);
    insta::assert_snapshot!(tried.whole(), @r"
    exit 0
    --- stdout
    user.butler.butlerlabs.dev/zoe-3e693cf7
    --- stderr
    Nothing was changed.
    ");
    assert!(ctl.admin(&["user", "get", "zoe@example.com"]).code == Some(1));
}

#[test]
fn whoever_is_logged_in_has_the_server_invite() {
    let ctl = Ctl::new();
    ctl.log_in("root");
    let made = ctl.run(
        "root",
        &[
            "user",
            "create",
            "eve@example.com",
            "--platform-role",
            "viewer",
            "-o",
            "json",
        ],
    );
    assert_eq!(made.code, Some(0), "{made:?}");
    let answer = made.json();
    assert_eq!(answer["user"]["spec"]["platformRole"], "viewer");
    let token = answer["inviteUrl"].as_str().unwrap().rsplit('/').next().unwrap();
    let valid = ask(&ctl, "GET", &format!("/api/auth/invite/{token}"), &Value::Null);
    assert_eq!(valid.json()["valid"], true);
    let again = ctl.run("root", &["user", "invite", "eve@example.com", "-o", "json"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    let old = ask(&ctl, "GET", &format!("/api/auth/invite/{token}"), &Value::Null);
    assert_eq!(old.json()["valid"], false);
    let exists = ctl.run("root", &["user", "create", "eve@example.com"]);
    assert_eq!(exists.code, Some(1), "{exists:?}");
}

#[test]
fn accounts_are_listed_for_people_and_for_programs() {
    let ctl = Ctl::new();
    let list = ctl.admin(&["user", "list"]);
    insta::assert_snapshot!(whole(&list), @r"
    exit 0
    --- stdout
    NAME    EMAIL               DISPLAY NAME  PHASE   AUTH TYPE  ADMIN  AGE
    alice   alice@example.com   Alice A       Active  internal   no     [AGE]
    bob     bob@example.com     -             Active  internal   no     [AGE]
    dave    dave@example.com    -             Active  internal   no     [AGE]
    nobody  nobody@example.com  -             Active  internal   no     [AGE]
    root    root@example.com    -             Active  internal   yes    [AGE]
    ");
    let names = ctl.admin(&["user", "ls", "-o", "name"]);
    insta::assert_snapshot!(names.whole(), @r"
    exit 0
    --- stdout
    user.butler.butlerlabs.dev/alice
    user.butler.butlerlabs.dev/bob
    user.butler.butlerlabs.dev/dave
    user.butler.butlerlabs.dev/nobody
    user.butler.butlerlabs.dev/root
    ");
    let wide = ctl.admin(&["user", "list", "-o", "wide"]);
    assert!(
        wide.stdout
            .lines()
            .next()
            .unwrap()
            .ends_with("LAST LOGIN  LOGINS  TEAMS"),
        "{wide:?}"
    );
    let json = ctl.admin(&["user", "list", "-o", "json"]).json();
    assert_eq!(
        (&json["kind"], json["items"].as_array().unwrap().len()),
        (&json!("List"), 5)
    );
    assert_eq!(json["items"][0]["spec"]["email"], "alice@example.com");
}

#[test]
fn who_may_not_is_told_so() {
    let ctl = Ctl::new();
    // The kubeconfig of somebody who is in a team only.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let kubeconfig = runtime.block_on(async {
        let session = ctl.site.log_in("alice").await;
        let device = ctl.site.ask("POST", "/api/auth/cli/device", &[], "{}").await.json();
        let code = json!({"device_code": device["device_code"]}).to_string();
        ctl.site.ask_as(&session, "POST", "/api/auth/cli/approve", &code).await;
        let token = ctl.site.ask("POST", "/api/auth/cli/token", &[], &code).await.json();
        base64::engine::general_purpose::STANDARD
            .decode(token["kubeconfig"].as_str().unwrap())
            .unwrap()
    });
    let file = ctl.path("alice.kubeconfig");
    std::fs::write(&file, kubeconfig).unwrap();
    let refused = |arguments: &[&str]| {
        let all = [arguments, &["--kubeconfig", file.to_str().unwrap()]].concat();
        ctl.run("alice", &all)
    };
    let list = refused(&["user", "list"]);
    let (before, rest) = list.stderr.split_once("butler-cli-").unwrap();
    let text = format!("{before}[ACCOUNT]{}", &rest[12..]);
    insta::assert_snapshot!(text, @r"
    error: cannot list users
    Caused by:
      system:serviceaccount:butler-system:[ACCOUNT] may not list users.butler.butlerlabs.dev in the whole cluster
    hint: administrators of the platform may
    hint: log in as one: butleradm login --server URL; or use an admin kubeconfig: --kubeconfig FILE
    ");
    assert_eq!(list.code, Some(1));
    let add = refused(&[
        "team",
        "add-member",
        "beta",
        "--email",
        "alice@example.com",
        "--role",
        "admin",
    ]);
    assert_eq!(add.code, Some(1), "{add:?}");
    assert!(
        add.stderr.contains("may not get teams.butler.butlerlabs.dev"),
        "{add:?}"
    );
}

#[test]
fn the_last_administrator_stays_unless_that_is_meant() {
    let ctl = Ctl::new();
    let disable = ctl.admin(&["user", "disable", "root"]);
    insta::assert_snapshot!(disable.whole(), @r"
    exit 1
    --- stderr
    error: root is the last platform administrator who can log in
    hint: make another one first: butleradm user create EMAIL --platform-role admin
    hint: or add --force: then only the admin kubeconfig is a way back
    ");
    for arguments in [
        &["user", "delete", "root", "--yes"] as &[_],
        &["user", "update", "root@example.com", "--platform-role", "none"],
    ] {
        let refused = ctl.admin(arguments);
        assert_eq!(refused.code, Some(1), "{refused:?}");
    }
    assert_eq!(object(&ctl, USERS, "root")["spec"]["isPlatformAdmin"], true);

    let second = ctl.admin(&["user", "update", "alice@example.com", "--platform-role", "admin"]);
    insta::assert_snapshot!(second.whole(), @r"
    exit 0
    --- stdout
    name:           alice
    email:          alice@example.com
    display name:   Alice A
    phase:          Active
    auth type:      internal
    platform role:  admin
    last login:     -
    logins:         -
    --- stderr
    user alice@example.com changed
    ");
    let disabled = ctl.admin(&["user", "disable", "root"]);
    insta::assert_snapshot!(disabled.whole(), @r"
    exit 0
    --- stdout
    name:           root
    email:          root@example.com
    display name:   -
    phase:          Disabled
    auth type:      internal
    platform role:  admin
    last login:     -
    logins:         -
    --- stderr
    user root disabled
    ");
    let again = ctl.admin(&["user", "disable", "root"]);
    assert!(
        again.code == Some(0) && again.stderr.contains("was disabled already"),
        "{again:?}"
    );
    let login = by_password(&ctl, "root", "root", support::PASSWORD);
    assert!(
        login.code == Some(4) && login.stderr.contains("Account is disabled"),
        "{login:?}"
    );
    assert_eq!(ctl.admin(&["user", "enable", "root"]).code, Some(0));
    let demoted = ctl.admin(&["user", "update", "root", "--platform-role", "none"]);
    assert_eq!(demoted.code, Some(0), "{demoted:?}");
    let spec = object(&ctl, USERS, "root")["spec"].clone();
    assert_eq!(
        (&spec["isPlatformAdmin"], &spec["platformRole"]),
        (&json!(false), &json!(""))
    );
    let forced = ctl.admin(&["user", "delete", "alice", "--yes", "--force"]);
    assert_eq!(forced.code, Some(0), "{forced:?}");
}

#[test]
fn whoever_is_deleted_leaves_no_password_and_has_to_be_confirmed() {
    let ctl = Ctl::new();
    let asked = ctl.admin(&["user", "delete", "bob"]);
    insta::assert_snapshot!(asked.whole(), @r"
    exit 2
    --- stderr
    error: deleting user bob has to be confirmed
    hint: add --yes
    ");
    let deleted = ctl.admin(&["user", "delete", "bob@example.com", "--yes"]);
    insta::assert_snapshot!(deleted.whole(), @r"
    exit 0
    --- stderr
    user bob deleted
    ");
    let secrets = At {
        group: "",
        version: "v1",
        resource: "secrets",
        namespace: "butler-system",
    };
    assert!(ctl.site.local.get(secrets, "butler-user-bob-password").is_err());
    assert!(ctl.site.local.get(secrets, "butler-user-alice-password").is_ok());
}
