//! Decisions about kind, made from text: names, versions, configuration, and what other programs print.

use std::path::{Path, PathBuf};

use butler_api::labels;
use secrecy::{ExposeSecret, SecretString};
use semver::Version;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Runtime, Standing};

/// The oldest kind that is driven.
pub const OLDEST: Version = Version::new(0, 27, 0);

/// The kind that [`NODE_IMAGE`] belongs to.
const PINNED_WITH: Version = Version::new(0, 33, 0);

/// The node image that is used where the configuration names none. Older releases of kind carry a pin of their own.
const NODE_IMAGE: &str = "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5";

/// The label that kind puts on its containers.
pub(super) const CLUSTER_LABEL: &str = "io.x-k8s.kind.cluster";

/// What kind's documentation asks for.
const WATCHES: u64 = 524_288;
const INSTANCES: u64 = 512;

/// The longest name whose node container (`NAME-control-plane`) is still a host name.
const NAME_CHARS: usize = 63 - "-control-plane".len();

/// The kind cluster's name: the same for every run of one bootstrap, and of no other.
pub fn cluster_name(cluster: &str, id: Uuid) -> String {
    let id = id.simple().to_string();
    let room = NAME_CHARS - "butler--".len() - 8;
    let cluster: String = cluster.chars().take(room).collect();
    format!("butler-{}-{}", cluster.trim_end_matches('-'), &id[..8])
}

/// Reads `kind v0.33.0 go1.26.8 linux/amd64`.
pub(super) fn parse_version(output: &str) -> Option<Version> {
    let mut words = output.split_whitespace();
    (words.next() == Some("kind")).then_some(())?;
    Version::parse(words.next()?.strip_prefix('v')?).ok()
}

/// The node image to ask for; none leaves it to kind.
pub(super) fn node_image(wanted: Option<&str>, version: &Version) -> Option<String> {
    match wanted {
        Some(image) => Some(image.to_owned()),
        None => (*version >= PINNED_WITH).then(|| NODE_IMAGE.to_owned()),
    }
}

/// A file of this machine that the node sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    /// On this machine, absolute.
    pub(super) host: PathBuf,
    /// Where the node sees it.
    pub(super) node: String,
}

/// Where certificate authorities are mounted.
pub(super) fn ca_mounts(files: &[PathBuf]) -> Vec<Mount> {
    let mount = |(n, host): (usize, &PathBuf)| Mount {
        host: host.clone(),
        node: format!("/usr/local/share/ca-certificates/butler-custom-{n}.crt"),
    };
    files.iter().enumerate().map(mount).collect()
}

/// The mount that marks a node as ours, readable from outside even when nothing runs inside.
pub(super) fn marker_mount(folder: &Path, id: Uuid) -> Mount {
    Mount {
        host: folder.join("owner"),
        node: marker(id),
    }
}

fn marker(id: Uuid) -> String {
    format!("/etc/butler/cluster-{id}")
}

/// kind's configuration file. JSON is YAML, and needs no rules for quoting.
#[expect(clippy::disallowed_macros, reason = "no library has types of kind's configuration")]
pub(super) fn config(name: &str, id: Uuid, mounts: &[Mount]) -> Value {
    let mounts: Vec<_> = mounts
        .iter()
        .map(|m| json!({ "hostPath": m.host.to_string_lossy(), "containerPath": m.node, "readOnly": true }))
        .collect();
    json!({
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": name,
        "nodes": [{
            "role": "control-plane",
            "labels": { labels::CLUSTER_ID: id.to_string(), labels::MANAGED_BY: labels::BUTLER },
            "extraMounts": mounts,
        }],
    })
}

/// Reads what `kind get clusters` prints: one name per line, and nothing else.
pub(super) fn parse_clusters(output: &str) -> Result<Vec<String>, String> {
    let lines = output.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let name = line
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c));
            if name {
                Ok(line.to_owned())
            } else {
                Err(line.chars().take(200).collect())
            }
        })
        .collect()
}

/// Whose containers these are, by `docker inspect` (or `podman inspect`); none when its answer is no list: then nobody knows
/// whether a container is there.
pub(super) fn judge_containers(inspect: &Value, name: &str, id: Uuid) -> Option<Standing> {
    let containers = inspect.as_array()?;
    if containers.is_empty() {
        return Some(Standing::Absent);
    }
    let marker = marker(id);
    for container in containers {
        let label = &container["Config"]["Labels"][CLUSTER_LABEL];
        if label != name {
            return Some(Standing::Foreign {
                why: format!("a container carries the label {CLUSTER_LABEL}={label}"),
            });
        }
        let mut mounts = container["Mounts"].as_array().into_iter().flatten();
        if !mounts.any(|m| m["Destination"] == marker.as_str()) {
            return Some(Standing::Foreign {
                why: "its node does not carry this cluster's marker".to_owned(),
            });
        }
    }
    Some(Standing::Ours {
        running: containers.iter().all(|c| c["State"]["Running"] == true),
    })
}

/// Something that works but should be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What was found, as a sentence.
    pub summary: String,
    /// What to do about it.
    pub hint: String,
}

/// Judges the machine's limits on file watching; too small ones end in `too many open files`.
pub(super) fn judge_inotify(watches: Option<u64>, instances: Option<u64>) -> Option<Warning> {
    let small = |value: Option<u64>, wanted| value.filter(|v| *v < wanted);
    let mut found = Vec::new();
    let mut remedy = Vec::new();
    for (name, value, wanted) in [
        ("max_user_watches", watches, WATCHES),
        ("max_user_instances", instances, INSTANCES),
    ] {
        if let Some(value) = small(value, wanted) {
            found.push(format!("fs.inotify.{name} is {value}, kind asks for {wanted}"));
            remedy.push(format!("fs.inotify.{name}={wanted}"));
        }
    }
    (!found.is_empty()).then(|| Warning {
        summary: found.join("; "),
        hint: format!("sudo sysctl -w {}", remedy.join(" ")),
    })
}

/// Proxy variables as the node gets them: upper case, and judged.
pub(super) fn proxies(env: &[(String, SecretString)]) -> (Vec<(String, String)>, Option<Warning>) {
    let mut out = Vec::new();
    let mut loopback = Vec::new();
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"] {
        let of = |wanted: &str| env.iter().find(|(n, v)| n == wanted && !v.expose_secret().is_empty());
        let Some((_, value)) = of(name).or_else(|| of(&name.to_ascii_lowercase())) else {
            continue;
        };
        let value = value.expose_secret().to_owned();
        if name != "NO_PROXY" && split(&value).1.is_some_and(is_loopback) {
            loopback.push(name);
        }
        out.push((name.to_owned(), value));
    }
    let warning = (!loopback.is_empty()).then(|| Warning {
        summary: format!(
            "{} points at this machine's loopback, which the kind node cannot reach",
            loopback.join(", ")
        ),
        hint: "use an address of this machine that containers can reach".to_owned(),
    });
    (out, warning)
}

/// A line without the logins of the proxies: kind quotes them when the container does not start.
pub(super) fn scrub(line: &str, proxies: &[(String, String)]) -> String {
    let logins = proxies.iter().filter_map(|(_, proxy)| split(proxy).0);
    logins.fold(line.to_owned(), |line, login| {
        line.replace(&format!("{login}@"), "***@")
    })
}

/// Login and host (with port) of a proxy's address.
fn split(proxy: &str) -> (Option<&str>, Option<&str>) {
    let rest = proxy.split_once("://").map_or(proxy, |(_, rest)| rest);
    // A password may hold a slash, a host may not.
    match rest.rsplit_once('@') {
        Some((login, rest)) => (Some(login).filter(|l| !l.is_empty()), rest.split('/').next()),
        None => (None, rest.split('/').next()),
    }
}

fn is_loopback(host: &str) -> bool {
    host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("[::1]")
}

/// The runtime that `KIND_EXPERIMENTAL_PROVIDER` names, if it names one.
pub(super) fn runtime(variable: Option<&str>) -> Result<Option<Runtime>, String> {
    match variable {
        None | Some("") => Ok(None),
        Some("docker") => Ok(Some(Runtime::Docker)),
        Some("podman") => Ok(Some(Runtime::Podman)),
        Some(other) => Err(other.to_owned()),
    }
}

/// A hint for what kind's last words show.
pub(super) fn hint_for(last_lines: &[String]) -> Option<&'static str> {
    let said = |text: &str| last_lines.iter().any(|line| line.to_ascii_lowercase().contains(text));
    if said("too many open files") {
        Some("sudo sysctl -w fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512")
    } else if said("no space left on device") {
        Some("free disk space for the container runtime, for example with `docker system prune`")
    } else if said("x509:") || said("certificate signed by unknown authority") {
        Some("give the authority that signs your registry's certificates: BUTLER_CA_CERT_PATH=FILE")
    } else if said("failed to pull image") || said("pull access denied") || said("toomanyrequests") {
        Some("pull the node image beforehand, or name another one: bootstrapCluster.nodeImage")
    } else if said("port is already allocated") {
        Some("another program or cluster holds the port: free it and run the same command again")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(0x1234_5678_9abc_def0_1234_5678_9abc_def0);

    #[test]
    fn names_tell_bootstraps_apart_and_stay_host_names() {
        assert_eq!(cluster_name("demo", ID), "butler-demo-12345678");
        let long = cluster_name(&format!("{}-{}", "a".repeat(32), "b".repeat(30)), ID);
        assert!(format!("{long}-control-plane").len() <= 63, "{long}");
        assert_eq!(
            long,
            format!("butler-{}-12345678", "a".repeat(32)),
            "no double dash where the name was cut"
        );
    }

    #[test]
    fn versions_are_read_and_rubbish_is_not() {
        assert_eq!(
            parse_version("kind v0.33.0 go1.26.8 linux/amd64\n"),
            Some(Version::new(0, 33, 0))
        );
        assert_eq!(
            parse_version("kind v0.34.0-alpha+5d1 go1.26.8 linux/amd64")
                .unwrap()
                .minor,
            34
        );
        for rubbish in ["", "kind", "kind 0.33.0", "command not found: kind", "docker v28.0.0"] {
            assert_eq!(parse_version(rubbish), None, "{rubbish:?}");
        }
    }

    #[test]
    fn the_node_image_is_pinned_unless_kind_is_older_than_the_pin() {
        assert!(node_image(None, &Version::new(0, 33, 1)).unwrap().contains("@sha256:"));
        assert_eq!(node_image(None, &Version::new(0, 30, 0)), None);
        assert_eq!(
            node_image(Some("mine:1"), &Version::new(0, 30, 0)),
            Some("mine:1".to_owned())
        );
    }

    #[test]
    fn the_configuration_marks_the_node_and_mounts_the_authorities() {
        let mut mounts = vec![marker_mount(Path::new("/state/kind"), ID)];
        mounts.extend(ca_mounts(&["/etc/a \"b\".pem".into()]));
        let expected = json!({
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "name": "butler-demo-12345678",
            "nodes": [{
                "role": "control-plane",
                "labels": {
                    "butler.butlerlabs.dev/cluster-id": "12345678-9abc-def0-1234-56789abcdef0",
                    "app.kubernetes.io/managed-by": "butler",
                },
                "extraMounts": [
                    {
                        "hostPath": "/state/kind/owner",
                        "containerPath": "/etc/butler/cluster-12345678-9abc-def0-1234-56789abcdef0",
                        "readOnly": true,
                    },
                    {
                        "hostPath": "/etc/a \"b\".pem",
                        "containerPath": "/usr/local/share/ca-certificates/butler-custom-0.crt",
                        "readOnly": true,
                    },
                ],
            }],
        });
        assert_eq!(config("butler-demo-12345678", ID, &mounts), expected);
    }

    #[test]
    fn cluster_lists_are_names_or_an_error() {
        assert_eq!(
            parse_clusters("kind\nbutler-demo-12345678\n").unwrap(),
            ["kind", "butler-demo-12345678"]
        );
        assert_eq!(parse_clusters("").unwrap(), Vec::<String>::new());
        assert_eq!(
            parse_clusters("kind\nERROR: what is this\n"),
            Err("ERROR: what is this".to_owned())
        );
    }

    fn container(label: &str, mount: &str) -> Value {
        json!({
            "Config": { "Labels": { CLUSTER_LABEL: label } },
            "Mounts": [{ "Destination": mount }],
            "State": { "Running": true },
        })
    }

    #[test]
    fn containers_are_ours_by_label_and_marker_only() {
        let judge = |containers: Value| judge_containers(&containers, "butler-demo-12345678", ID);
        let mine = marker(ID);
        assert_eq!(judge(json!([])), Some(Standing::Absent));
        assert_eq!(judge(Value::Null), None);
        assert_eq!(judge(json!({"message": "no such container"})), None);
        let mut ours = container("butler-demo-12345678", &mine);
        assert_eq!(judge(json!([ours])), Some(Standing::Ours { running: true }));
        ours["State"]["Running"] = json!(false);
        assert_eq!(judge(json!([ours])), Some(Standing::Ours { running: false }));
        for foreign in [
            json!([container("butler-demo-12345678", "/var/lib")]),
            json!([container("other", &mine)]),
            json!([container("butler-demo-12345678", &marker(Uuid::nil()))]),
            json!([
                container("butler-demo-12345678", &mine),
                container("butler-demo-12345678", "/var/lib")
            ]),
            json!([{}]),
        ] {
            let judged = judge(foreign.clone());
            assert!(matches!(judged, Some(Standing::Foreign { .. })), "{foreign}");
        }
    }

    #[test]
    fn small_inotify_limits_come_with_the_command_that_raises_them() {
        let warning = judge_inotify(Some(8192), Some(128)).unwrap();
        assert_eq!(
            warning.hint,
            "sudo sysctl -w fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512"
        );
        let warning = judge_inotify(Some(600_000), Some(128)).unwrap();
        assert_eq!(warning.hint, "sudo sysctl -w fs.inotify.max_user_instances=512");
        assert_eq!(judge_inotify(Some(524_288), Some(512)), None);
        assert_eq!(judge_inotify(None, None), None, "no such limits on this system");
    }

    fn secret(pairs: &[(&str, &str)]) -> Vec<(String, SecretString)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).into()))
            .collect()
    }

    #[test]
    fn proxies_are_taken_in_either_case_and_loopback_is_named() {
        let (out, warning) = proxies(&secret(&[
            ("https_proxy", "http://user:pw@10.0.0.1:3128"),
            ("NO_PROXY", "a,b"),
        ]));
        let expected = [("HTTPS_PROXY", "http://user:pw@10.0.0.1:3128"), ("NO_PROXY", "a,b")];
        assert_eq!(out, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(warning, None);
        for proxy in ["http://127.0.0.1:3128", "localhost:3128", "http://u:p@[::1]:1/"] {
            let (_, warning) = proxies(&secret(&[("HTTP_PROXY", proxy)]));
            let summary = warning.unwrap().summary;
            assert!(summary.starts_with("HTTP_PROXY points at"), "{summary}");
        }
        assert_eq!(proxies(&secret(&[("HTTP_PROXY", "")])), (vec![], None));
    }

    #[test]
    fn logins_of_proxies_are_taken_out_of_lines() {
        let (env, _) = proxies(&secret(&[
            ("HTTP_PROXY", "http://user:p/w@proxy:3128"),
            ("HTTPS_PROXY", "proxy:3128"),
        ]));
        assert_eq!(
            scrub("-e HTTP_PROXY=http://user:p/w@proxy:3128 x", &env),
            "-e HTTP_PROXY=http://***@proxy:3128 x"
        );
        assert_eq!(scrub("proxy:3128", &env), "proxy:3128");
    }

    #[test]
    fn known_last_words_have_a_hint() {
        let hint = |line: &str| hint_for(&[line.to_owned()]);
        assert!(
            hint("Failed to create inotify object: Too many open files")
                .unwrap()
                .contains("sysctl")
        );
        assert!(
            hint("x509: certificate signed by unknown authority")
                .unwrap()
                .contains("BUTLER_CA_CERT_PATH")
        );
        assert_eq!(hint("something else"), None);
    }

    #[test]
    fn only_docker_and_podman_are_driven() {
        assert_eq!(runtime(None), Ok(None));
        assert_eq!(runtime(Some("podman")), Ok(Some(Runtime::Podman)));
        assert_eq!(runtime(Some("nerdctl")), Err("nerdctl".to_owned()));
    }
}
