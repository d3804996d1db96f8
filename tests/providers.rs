//! `butleradm provider` as an administrator with a kubeconfig: ProviderConfigs with their credentials on the API server, and what
//! a platform says about itself. The platform is fakepve, an independent Proxmox VE; what it cannot do is said beside its script.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a test may panic, and writes objects as people read them"
)]

#[path = "common/ctl.rs"]
#[expect(dead_code, reason = "other tests log in and make clusters")]
mod ctl;
#[path = "providers/facade.rs"]
mod facade;
#[path = "../core/infra/tests/platforms/fakepve.rs"]
#[expect(dead_code, reason = "the tests of the driver use all of it")]
mod fakepve;
#[path = "providers/platform.rs"]
mod platform;
#[path = "../core/world/tests/butler_server/support.rs"]
#[expect(dead_code, reason = "the tests of the server itself use all of it")]
mod support;

use base64::Engine as _;
use butler_embedded::At;
use ctl::{Ctl, Ran};
use serde_json::json;

/// The ProviderConfigs of the platform's namespace.
const PROVIDERS: At<'static> = At {
    group: "butler.butlerlabs.dev",
    version: "v1alpha1",
    resource: "providerconfigs",
    namespace: "butler-system",
};
/// The Secrets of the platform's namespace.
const SECRETS: At<'static> = At {
    group: "",
    version: "v1",
    resource: "secrets",
    namespace: "butler-system",
};

/// What is never to be seen.
const CANARY: &str = "canary-31d7-password";

fn value(ctl: &Ctl, secret: &str, key: &str) -> String {
    let secret = ctl.site.local.get(SECRETS, secret).unwrap();
    let text = secret["data"][key].as_str().unwrap();
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
}

/// Everything that a command printed, without ages.
fn whole(ran: &Ran) -> String {
    assert!(!format!("{ran:?}").contains(CANARY), "{ran:?}");
    let is_age = |word: &str| {
        let number = word.strip_suffix('s').unwrap_or("");
        !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())
    };
    let line = |line: &str| {
        let words: Vec<&str> = line
            .split(' ')
            .map(|word| if is_age(word) { "[AGE]" } else { word })
            .collect();
        words.join(" ").trim_end().to_owned() + "\n"
    };
    ran.whole().lines().map(line).collect()
}

/// Makes a provider of Proxmox VE; the password comes from the environment.
fn create(ctl: &Ctl, name: &str, more: &[&str]) -> Ran {
    let first = [
        "provider",
        "create",
        name,
        "--provider",
        "proxmox",
        "--endpoint",
        "https://pve.example.org:8006",
        "--node",
        "pve1,pve2",
        "--storage",
        "local-lvm",
        "--username",
        "butler@pve!toolkit",
        "--credential",
        "password=env:PVE_PASSWORD",
    ];
    let mut command = ctl.command("admin", &[&first, more].concat());
    command.env("BUTLER_KUBECONFIG", ctl.admin_kubeconfig());
    command.env("PVE_PASSWORD", CANARY);
    ctl.ran(&command.output().unwrap())
}

#[test]
fn a_provider_is_made_shown_changed_and_deleted_with_its_credentials() {
    let ctl = Ctl::new();
    insta::assert_snapshot!(whole(&create(&ctl, "lab", &["--bridge", "vmbr1", "--vlan", "20"])), @r"
    exit 0
    --- stdout
    name:          lab
    namespace:     butler-system
    provider:      proxmox
    validated:     Pending
    endpoint:      https://pve.example.org:8006
    scope:         platform
    network mode:  cloud
    credentials:   lab-credentials
    age:           [AGE]
    --- stderr
    hint: butleradm provider validate lab
    ");
    let object = ctl.site.local.get(PROVIDERS, "lab").unwrap();
    // The API server fills in what the definition has a default for.
    let block = json!({
        "endpoint": "https://pve.example.org:8006", "nodes": ["pve1", "pve2"], "storage": "local-lvm", "insecure": false,
    });
    assert_eq!(object["spec"]["proxmox"], block);
    assert_eq!(object["spec"]["network"]["subnet"], "vmbr1");
    assert_eq!(
        object["metadata"]["annotations"]["butler.butlerlabs.dev/proxmox-vlan"],
        "20"
    );
    assert_eq!(value(&ctl, "lab-credentials", "username"), "butler@pve!toolkit");
    assert_eq!(value(&ctl, "lab-credentials", "password"), CANARY);

    let again = create(&ctl, "lab", &[]);
    insta::assert_snapshot!(whole(&again), @r"
    exit 1
    --- stderr
    error: there is a provider lab in namespace butler-system already
    hint: change it: butleradm provider update lab
    ");
    insta::assert_snapshot!(whole(&ctl.admin(&["provider", "list", "-o", "wide"])), @r"
    exit 0
    --- stdout
    NAME  PROVIDER  VALIDATED  ENDPOINT                      AGE  NAMESPACE      SCOPE
    lab   proxmox   Pending    https://pve.example.org:8006  [AGE]   butler-system  platform
    ");
    let listed = ctl.admin(&["provider", "ls", "-o", "json"]).json();
    assert_eq!(
        (&listed["kind"], &listed["items"][0]["kind"]),
        (&json!("List"), &json!("ProviderConfig"))
    );

    let file = ctl.path("password");
    std::fs::write(&file, "another\n").unwrap();
    let source = format!("password=file:{}", file.display());
    let changed = ctl.admin(&["provider", "update", "lab", "--node", "pve3", "--credential", &source]);
    assert_eq!(changed.code, Some(0), "{changed:?}");
    assert_eq!(
        ctl.site.local.get(PROVIDERS, "lab").unwrap()["spec"]["proxmox"]["nodes"],
        json!(["pve3"])
    );
    assert_eq!(value(&ctl, "lab-credentials", "password"), "another");
    assert_eq!(
        value(&ctl, "lab-credentials", "username"),
        "butler@pve!toolkit",
        "what is not named stays"
    );

    insta::assert_snapshot!(whole(&ctl.admin(&["provider", "delete", "lab", "--yes"])), @r"
    exit 0
    --- stderr
    provider lab deleted, with its credentials in secret lab-credentials
    ");
    assert!(ctl.site.local.get(PROVIDERS, "lab").is_err());
    assert!(ctl.site.local.get(SECRETS, "lab-credentials").is_err());
    insta::assert_snapshot!(whole(&ctl.admin(&["provider", "get", "lab"])), @r"
    exit 1
    --- stderr
    error: there is no provider lab in namespace butler-system
    hint: butleradm provider list
    ");
}

#[test]
fn a_provider_in_use_stays_and_whoever_uses_it_is_named() {
    let ctl = Ctl::new();
    assert_eq!(create(&ctl, "lab", &[]).code, Some(0));
    ctl.cluster(
        "alpha",
        "one",
        &json!({"providerConfigRef": {"name": "lab", "namespace": "butler-system"}}),
        &json!({}),
    );
    let delete = || ctl.admin(&["provider", "delete", "lab", "--yes"]);
    insta::assert_snapshot!(whole(&delete()), @r"
    exit 1
    --- stderr
    error: provider lab is in use by cluster alpha/one
    hint: what is on that platform could no longer be changed or taken away: delete or move it first
    ");
    assert!(ctl.site.local.get(PROVIDERS, "lab").is_ok());
    assert!(ctl.site.local.get(SECRETS, "lab-credentials").is_ok());
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_sent_and_no_secret_is_told() {
    let ctl = Ctl::new();
    let typed = format!("password={CANARY}");
    let table: [(&[&str], &str); 4] = [
        (
            &["create", "lab", "--provider", "proxmox", "--credential", &typed],
            "a secret does not belong on a command line: credential password needs a source",
        ),
        (
            &[
                "create",
                "lab",
                "--provider",
                "nutanix",
                "--credential",
                "password=env:NOT_SET",
            ],
            "credential password names the environment variable NOT_SET, which is not set",
        ),
        (
            &[
                "create",
                "lab",
                "--provider",
                "proxmox",
                "--endpoint",
                "https://a",
                "--storage",
                "s",
            ],
            "provider proxmox needs --node",
        ),
        (
            &["create", "lab", "--provider", "nutanix"],
            "provider nutanix takes its settings from a file",
        ),
    ];
    for (arguments, expected) in table {
        let ran = ctl.admin(&[&["provider"], arguments].concat());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(expected), "{expected}: {ran:?}");
        assert!(!format!("{ran:?}").contains(CANARY), "{ran:?}");
    }
    assert!(ctl.site.local.get(PROVIDERS, "lab").is_err());
}

#[test]
fn a_file_describes_any_platform_and_a_dry_run_keeps_nothing() {
    let ctl = Ctl::new();
    let file = ctl.path("nutanix.yaml");
    let text = "kind: ProviderConfig\nmetadata: {name: prism}\nspec:\n  provider: nutanix\n  nutanix: {endpoint: 'https://prism', \
                clusterUUID: 00061663-9fa0-28ca-185b-ac1f6b6f97e2, subnetUUID: 7a3c1a35-4c3d-4d35-9d3f-9d0b6d5d3f10}\n";
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let secret = ctl.path("secret");
    std::fs::write(&secret, CANARY).unwrap();
    let source = format!("password=file:{}", secret.display());
    let create = |more: &[&str]| {
        let first = [
            "provider",
            "create",
            "--from-file",
            file,
            "--username",
            "admin",
            "--credential",
            &source,
        ];
        ctl.admin(&[&first, more].concat())
    };
    let dry = create(&["--dry-run", "client", "-o", "json"]);
    assert_eq!(
        (dry.code, &dry.json()["spec"]["credentialsRef"]["name"]),
        (Some(0), &json!("prism-credentials")),
        "{dry:?}"
    );
    assert!(!format!("{dry:?}").contains(CANARY), "{dry:?}");
    let server = create(&["--dry-run", "server"]);
    assert_eq!(server.code, Some(0), "{server:?}");
    assert!(ctl.site.local.get(PROVIDERS, "prism").is_err());
    assert!(ctl.site.local.get(SECRETS, "prism-credentials").is_err());
    assert_eq!(create(&[]).code, Some(0));
    assert_eq!(value(&ctl, "prism-credentials", "password"), CANARY);
    // There is a ProviderConfig, and no driver of ours for its platform.
    for command in ["validate", "networks"] {
        let ran = ctl.admin(&["provider", command, "prism"]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(
            ran.stderr.contains("provider nutanix is not implemented yet"),
            "{ran:?}"
        );
    }
}
