//! The runner against stand-in programs that keep their state in a folder.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Mutex,
    time::{Duration, Instant},
};

use butler_addons::process::ProcessError;
use uuid::Uuid;

use super::{KindCluster, KindError, OnLine, Runtime, Spec, Tools};

const NAME: &str = "butler-demo-00000000";

/// kind: `create` makes a container with the marker of its configuration, unless a file says what goes wrong.
const KIND: &str = r#"
echo "$@" >> calls
case "$1 $2" in
"version ") cat version ;;
"get clusters") ls containers ;;
"get kubeconfig") cat kubeconfig.real ;;
"create cluster")
    echo "$KIND_EXPERIMENTAL_PROVIDER $HTTPS_PROXY" > create.env
    cp "$6" create.config
    marker=$(sed 's/.*\(\/etc\/butler\/cluster-[^"]*\)".*/\1/' "$6")
    printf '[{"Config":{"Labels":{"io.x-k8s.kind.cluster":"%s"}},"Mounts":[{"Destination":"%s"}],"State":{"Running":true}}]' "$4" "$marker" > "containers/$4"
    echo "Creating cluster" >&2
    if [ -e fail ]; then rm fail; cat fail.text >&2; exit 1; fi
    if [ -e hang ]; then echo $$ > hang; sleep 600; fi
    ;;
"delete cluster") [ -e stuck ] || rm "containers/$4" ;;
esac
"#;

/// docker: containers are files.
const DOCKER: &str = r#"
echo "docker $@" >> calls
case "$1" in
ps) for c in $(ls containers); do case "$*" in *"=$c") echo abc123 ;; esac; done ;;
inspect) cat containers/* ;;
start) sed -i.old s/false/true/ containers/* && rm containers/*.old ;;
esac
"#;

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(bench.path("containers")).unwrap();
        bench.write("version", "kind v0.33.0 go1.26.8 linux/amd64\n");
        bench.write("kubeconfig.real", "users:\n- user:\n    client-key-data: c2VjcmV0\n");
        bench.write("calls", "");
        bench.program("kind", KIND);
        bench.program("docker", DOCKER);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn program(&self, name: &str, script: &str) {
        let home = self.folder.path().display();
        let path = self.path(name);
        // Written elsewhere and moved: another test's child may hold a fresh file open for writing.
        let fresh = self.path("fresh");
        fs::write(&fresh, format!("#!/bin/sh\ncd '{home}' || exit 99\n{script}")).unwrap();
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(fresh, path).unwrap();
    }

    fn tools(&self) -> Tools {
        Tools {
            kind: self.path("kind"),
            docker: self.path("docker"),
            podman: self.path("podman"),
            proxies: vec![("https_proxy".to_owned(), "http://user:hush@10.0.0.1:3128".into())],
            inotify: self.path("inotify"),
            ..Tools::default()
        }
    }

    fn spec(&self) -> Spec {
        Spec {
            cluster: "demo".to_owned(),
            id: Uuid::nil(),
            node_image: None,
            ca_files: Vec::new(),
            folder: self.path("state"),
        }
    }

    fn kind(&self) -> KindCluster {
        KindCluster::new(self.spec(), self.tools())
    }

    /// How often kind was called with these words.
    fn calls(&self, words: &str) -> usize {
        self.read("calls")
            .lines()
            .filter(|line| line.starts_with(words))
            .count()
    }
}

const QUIET: OnLine<'static> = &|_| ();

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_cluster_is_made_once_and_found_again() {
    let bench = Bench::new();
    let lines = Mutex::new(Vec::new());
    let path = bench
        .kind()
        .ensure(&|line| lines.lock().unwrap().push(line.to_owned()))
        .await
        .unwrap();
    assert_eq!(lines.into_inner().unwrap(), ["Creating cluster"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), bench.read("kubeconfig.real"));
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    assert_eq!(bench.read("create.env"), "docker http://user:hush@10.0.0.1:3128\n");
    let create = bench
        .read("calls")
        .lines()
        .find(|l| l.starts_with("create"))
        .unwrap()
        .to_owned();
    assert!(create.contains(&format!("--name {NAME} ")), "{create}");
    assert!(create.contains("--image kindest/node:v1.37.0@sha256:"), "{create}");
    assert!(
        create.contains("state/kubeconfig.kind"),
        "the user's kubeconfig is left alone: {create}"
    );

    fs::remove_file(&path).unwrap();
    assert_eq!(bench.kind().ensure(QUIET).await.unwrap(), path);
    assert!(path.exists());
    assert_eq!(bench.calls("create"), 1);
}

#[tokio::test]
async fn a_cluster_that_stopped_with_its_machine_is_started_again() {
    let bench = Bench::new();
    bench.kind().ensure(QUIET).await.unwrap();
    let container = format!("containers/{NAME}");
    bench.write(&container, &bench.read(&container).replace("true", "false"));
    bench.kind().ensure(QUIET).await.unwrap();
    assert_eq!(bench.calls(&format!("docker start {NAME}-control-plane")), 1);
    bench.kind().ensure(QUIET).await.unwrap();
    assert_eq!((bench.calls("docker start"), bench.calls("create")), (1, 1));
}

#[tokio::test]
async fn a_failed_creation_shows_the_last_lines_and_is_made_anew_by_the_next_run() {
    let bench = Bench::new();
    bench.write("fail", "");
    bench.write(
        "fail.text",
        "run -e HTTPS_PROXY=http://user:hush@10.0.0.1:3128\ntoo many open files\n",
    );
    let error = bench
        .kind()
        .ensure(&|line| assert!(!line.contains("hush"), "{line}"))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), format!("cannot create kind cluster {NAME}"));
    assert!(!format!("{error:?} {:?}", bench.kind()).contains("hush"));
    assert!(error.hint().unwrap().contains("sysctl"));
    let KindError::Process { source, .. } = error else {
        panic!("{error}")
    };
    let scrubbed = "run -e HTTPS_PROXY=http://***@10.0.0.1:3128";
    assert_eq!(
        source.last_lines(),
        ["Creating cluster", scrubbed, "too many open files"]
    );
    assert_eq!(bench.calls("delete"), 0, "nothing is deleted because something failed");

    bench.kind().ensure(QUIET).await.unwrap();
    assert_eq!((bench.calls("delete"), bench.calls("create")), (1, 2));
}

#[tokio::test]
async fn a_creation_that_hangs_is_killed_and_made_anew_by_the_next_run() {
    let bench = Bench::new();
    bench.write("hang", "");
    let tools = Tools {
        create_timeout: Duration::from_millis(500),
        ..bench.tools()
    };
    let error = KindCluster::new(bench.spec(), tools).ensure(QUIET).await.unwrap_err();
    let KindError::Process {
        source: ProcessError::Timeout { last_lines, .. },
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!(last_lines, ["Creating cluster"]);
    let group = rustix::process::Pid::from_raw(bench.read("hang").trim().parse().unwrap()).unwrap();
    let start = Instant::now();
    while rustix::process::test_kill_process_group(group).is_ok() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "its process group is still there"
        );
        tokio::task::yield_now().await;
    }

    fs::remove_file(bench.path("hang")).unwrap();
    bench.kind().ensure(QUIET).await.unwrap();
    assert_eq!(bench.calls("delete"), 1);
}

#[tokio::test]
async fn a_cluster_of_our_name_without_our_marker_is_refused_and_left_alone() {
    let bench = Bench::new();
    let foreign = format!(r#"[{{"Config":{{"Labels":{{"io.x-k8s.kind.cluster":"{NAME}"}}}},"Mounts":[]}}]"#);
    bench.write(&format!("containers/{NAME}"), &foreign);
    for error in [
        bench.kind().ensure(QUIET).await.unwrap_err(),
        bench.kind().delete(QUIET).await.unwrap_err(),
        bench.kind().check().await.unwrap_err(),
    ] {
        assert!(matches!(error, KindError::Foreign { .. }), "{error}");
    }
    assert_eq!((bench.calls("create"), bench.calls("delete")), (0, 0));
}

#[tokio::test]
async fn deleting_proves_that_the_cluster_is_gone() {
    let bench = Bench::new();
    let kind = bench.kind();
    assert!(!kind.delete(QUIET).await.unwrap(), "there was none");
    let path = kind.ensure(QUIET).await.unwrap();
    bench.write("stuck", "");
    assert!(matches!(kind.delete(QUIET).await, Err(KindError::StillThere { .. })));
    assert!(path.exists(), "the kubeconfig of a cluster that is there is kept");
    fs::remove_file(bench.path("stuck")).unwrap();
    assert!(kind.delete(QUIET).await.unwrap());
    assert!(!path.exists());
    assert!(!kind.delete(QUIET).await.unwrap());
}

#[tokio::test]
async fn other_clusters_are_not_touched() {
    let bench = Bench::new();
    bench.write("containers/kind", "[]");
    bench.write("containers/butler-other-11111111", "[]");
    assert_eq!(bench.kind().leftovers().await.unwrap(), ["butler-other-11111111"]);
    assert!(!bench.kind().delete(QUIET).await.unwrap());
    assert!(bench.path("containers/kind").exists());
}

#[tokio::test]
async fn kind_itself_is_checked_before_it_is_used() {
    let bench = Bench::new();
    bench.write("version", "kind v0.20.0 go1.20 linux/amd64\n");
    let error = bench.kind().check().await.unwrap_err();
    assert_eq!(error.to_string(), "kind 0.20.0 is too old, 0.27.0 or newer is needed");

    bench.write("version", "<html>gateway timeout</html>\n");
    let error = bench.kind().check().await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with(r#"printed "<html>gateway timeout</html>\n""#),
        "{error}"
    );

    fs::remove_file(bench.path("kind")).unwrap();
    let error = bench.kind().check().await.unwrap_err();
    let hint = error.hint().unwrap();
    assert!(hint.starts_with("install ") && hint.contains("embedded"), "{hint}");
    assert_eq!(bench.calls("create"), 0);
}

#[tokio::test]
async fn podman_is_used_where_docker_does_not_answer() {
    let bench = Bench::new();
    bench.program("podman", DOCKER);
    bench.program("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1");
    assert_eq!(bench.kind().check().await.unwrap().runtime, Runtime::Podman);

    fs::remove_file(bench.path("podman")).unwrap();
    let error = bench.kind().check().await.unwrap_err();
    let KindError::NoRuntime { source } = &error else {
        panic!("{error}")
    };
    assert_eq!(source.last_lines(), ["Cannot connect to the Docker daemon"]);

    let named = Tools {
        runtime_variable: Some("nerdctl".to_owned()),
        ..bench.tools()
    };
    let error = KindCluster::new(bench.spec(), named).check().await.unwrap_err();
    assert!(matches!(error, KindError::UnknownRuntime { .. }), "{error}");
}

#[tokio::test]
async fn authorities_are_mounted_and_imported() {
    let bench = Bench::new();
    let pem = bench.path("corp.pem");
    let with = |path: PathBuf| {
        KindCluster::new(
            Spec {
                ca_files: vec![path],
                ..bench.spec()
            },
            bench.tools(),
        )
    };
    assert!(matches!(with(pem.clone()).check().await, Err(KindError::File { .. })));
    bench.write("corp.pem", "not a certificate");
    assert!(matches!(
        with(pem.clone()).check().await,
        Err(KindError::NoCertificate { .. })
    ));
    bench.write("corp.pem", "-----BEGIN CERTIFICATE-----\n");
    with(pem).ensure(QUIET).await.unwrap();
    assert!(
        bench
            .read("create.config")
            .contains("/usr/local/share/ca-certificates/butler-custom-0.crt")
    );
    let node = format!("{NAME}-control-plane");
    assert_eq!(bench.calls(&format!("docker exec {node} update-ca-certificates")), 1);
    assert_eq!(
        bench.calls(&format!("docker exec {node} systemctl restart containerd")),
        1
    );
}

#[tokio::test]
async fn a_kubeconfig_that_is_none_is_refused_without_quoting_it() {
    let bench = Bench::new();
    bench.write("kubeconfig.real", "hush hush\n");
    let error = bench.kind().ensure(QUIET).await.unwrap_err();
    assert!(matches!(error, KindError::Output { .. }), "{error}");
    assert!(!format!("{error:?}").contains("hush"));
}

#[tokio::test]
async fn small_inotify_limits_are_reported() {
    let bench = Bench::new();
    assert_eq!(bench.kind().check().await.unwrap().warnings, [], "no such limits here");
    fs::create_dir(bench.path("inotify")).unwrap();
    bench.write("inotify/max_user_watches", "8192\n");
    bench.write("inotify/max_user_instances", "128\n");
    let warnings = bench.kind().check().await.unwrap().warnings;
    assert_eq!(
        warnings[0].summary,
        "fs.inotify.max_user_watches is 8192, kind asks for 524288; fs.inotify.max_user_instances is 128, kind asks for 512"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by the environment where real programs are"
)]
fn peers() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers");
    std::env::var_os("BUTLER_PEERS").map_or(built, PathBuf::from)
}

/// docker as far as the real kind gets with it: up to starting the node.
const DOCKER_FOR_KIND: &str = r#"
case "$1" in
ps) ;;
info) echo '{"CgroupDriver":"systemd","CgroupVersion":"2","Driver":"overlay2"}' ;;
network) echo 172.18.0.0/16 ;;
run) echo "$@" > run; echo "no node today" >&2; exit 125 ;;
esac
"#;

#[tokio::test]
async fn the_real_kind_understands_the_configuration() {
    let real = peers().join("kind");
    if !real.exists() {
        eprintln!("skipped: {} is not there; `.ci/peers kind` builds it", real.display());
        return;
    }
    let bench = Bench::new();
    bench.program("docker", DOCKER_FOR_KIND);
    let path = format!("{}:/usr/bin:/bin", bench.folder.path().display());
    bench.program("kind", &format!("PATH='{path}' exec '{}' \"$@\"", real.display()));
    bench.write("corp.pem", "-----BEGIN CERTIFICATE-----\n");
    let spec = Spec {
        ca_files: vec![bench.path("corp.pem")],
        ..bench.spec()
    };

    let error = KindCluster::new(spec, bench.tools()).ensure(QUIET).await.unwrap_err();
    let KindError::Process { source, .. } = &error else {
        panic!("{error}")
    };
    assert!(
        source.last_lines().iter().any(|line| line.contains("no node today")),
        "{source}"
    );
    assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    let run = bench.read("run");
    for part in [
        &format!("--label io.x-k8s.kind.cluster={NAME} "),
        &format!("/state/owner:/etc/butler/cluster-{}:ro ", Uuid::nil()),
        "/corp.pem:/usr/local/share/ca-certificates/butler-custom-0.crt:ro ",
        "-e HTTPS_PROXY=http://user:hush@10.0.0.1:3128 ",
        " kindest/node:v1.37.0@sha256:",
    ] {
        assert!(run.contains(part), "{part:?} is missing in {run}");
    }
}
