use butler_files::home::Home;
use butler_infra::{WorldAccess, call::SystemClock, inmemory::InMemory};
use uuid::Uuid;

use super::*;

/// A bootstrap that has done nothing yet, with a home of its own.
pub(crate) fn new_bootstrap(home: &Path) -> Bootstrap {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = crate::samples::demo();
    let files = Home::resolve(Some(home.as_os_str())).unwrap().cluster("demo");
    std::fs::create_dir_all(files.path()).unwrap();
    let nowhere = WorldAccess {
        control: "http://127.0.0.1:1".to_owned(),
        token: "none".to_owned().into(),
    };
    let id = Uuid::from_u128(1);
    Bootstrap::new(Parts {
        owner: Owner {
            cluster_id: id,
            cluster_name: "demo".to_owned(),
        },
        provider: Arc::new(InMemory::new(&nowhere, SystemClock::new()).unwrap()),
        cluster: bootstrap_clusters::Settings {
            choice: config.bootstrap_cluster.clone(),
            cluster: "demo".to_owned(),
            id,
            folder: files.clone(),
            tools: bootstrap_clusters::kind::Tools::default(),
            ca_files: Vec::new(),
        },
        journal: Journal::open(&files.journal(), id, 0, 0, Known::default(), None).unwrap(),
        config,
        files,
        addons: Vec::new(),
        before: Known::default(),
        unsure: false,
        view: watch::channel(View::default()).1,
        bundle: None,
        make_installer: Box::new(|_| Box::pin(async { Err(StepError::new(Class::Fatal, "there is no installer")) })),
    })
}

/// The journal tells the address of a machine, and that it has its configuration.
pub(crate) fn configured(bootstrap: &Bootstrap, name: &str, address: &str) {
    let mut known = bootstrap.known();
    known.proven.insert(steps::configure::id(name));
    known.memory.machines.entry(name.to_owned()).or_default().address = Some(address.to_owned());
}

/// The management cluster is the one behind this client.
pub(crate) async fn manages(bootstrap: &Bootstrap, client: Client) {
    configured(bootstrap, "demo-cp-0", "127.64.0.1");
    let kubeconfig = SecretString::from(
        "apiVersion: v1\nkind: Config\ncurrent-context: d\nclusters: [{name: d, cluster: {server: 'http://127.0.0.1:1'}}]\n\
         contexts: [{name: d, context: {cluster: d, user: d}}]\nusers: [{name: d, user: {}}]\n",
    );
    let servers = Servers::new(kubeconfig.clone(), "demo".to_owned(), bootstrap.servers().unwrap());
    let management = Management {
        access: ManagementAccess {
            client: client.clone(),
            kubeconfig,
            servers: servers.await.unwrap(),
            server_name: "demo".to_owned(),
        },
        nodes: Watched::start(Api::all(client), watcher::Config::default()),
    };
    assert!(bootstrap.links.management.set(Arc::new(management)).is_ok());
}

#[tokio::test]
async fn control_planes_are_asked_in_order_but_for_the_one_that_bootstraps_etcd() {
    let home = tempfile::tempdir().unwrap();
    let bootstrap = new_bootstrap(home.path());
    assert_eq!(bootstrap.control_planes(), ["demo-cp-0", "demo-cp-1", "demo-cp-2"]);
    assert_eq!(bootstrap.configured_control_planes(), Vec::<String>::new());
    for name in ["demo-cp-2", "demo-cp-0", "demo-worker-0"] {
        configured(&bootstrap, name, "127.64.0.9");
    }
    assert_eq!(bootstrap.configured_control_planes(), ["demo-cp-0", "demo-cp-2"]);
    bootstrap.known().memory.etcd_node = Some("demo-cp-2".to_owned());
    assert_eq!(bootstrap.configured_control_planes(), ["demo-cp-2", "demo-cp-0"]);
    // Chosen, and not configured in this run yet.
    bootstrap.known().memory.etcd_node = Some("demo-cp-1".to_owned());
    assert_eq!(bootstrap.configured_control_planes(), ["demo-cp-0", "demo-cp-2"]);
}

#[tokio::test]
async fn the_api_server_is_looked_for_at_the_endpoint_only_once_that_is_proven() {
    let home = tempfile::tempdir().unwrap();
    let bootstrap = new_bootstrap(home.path());
    let error = bootstrap.servers().unwrap_err();
    assert_eq!(error.class, Class::Retryable);
    configured(&bootstrap, "demo-cp-0", "127.64.0.1");
    configured(&bootstrap, "demo-cp-1", "fd00::2");
    // As on a cluster whose only endpoint is the address of a node.
    configured(&bootstrap, "demo-cp-2", "127.64.255.10");
    bootstrap.known().memory.etcd_node = Some("demo-cp-1".to_owned());
    let nodes = [
        "https://[fd00::2]:6443",
        "https://127.64.0.1:6443",
        "https://127.64.255.10:6443",
    ];
    assert_eq!(bootstrap.servers().unwrap(), nodes);
    bootstrap.known().proven.insert(steps::endpoint::ready_id());
    let endpoint_first = [
        "https://127.64.255.10:6443",
        "https://[fd00::2]:6443",
        "https://127.64.0.1:6443",
    ];
    assert_eq!(bootstrap.servers().unwrap(), endpoint_first);
}
