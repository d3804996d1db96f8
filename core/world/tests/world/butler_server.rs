//! Butler's server in a whole world: it comes and goes with its Deployment, and fails as the world was told.

use std::time::{Duration, Instant};

use butler_world::process;
use butler_world::world::butler_server::ButlerServerView;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::cluster::{cluster, namespace, network, workload};
use crate::support::{FAST, Plan, World, until};

/// A cluster with Butler's kinds and namespaces, and the pod network.
async fn butler(world: &World, plan: &Plan) -> Client {
    let (_, client) = cluster(world, plan).await;
    network(&client).await;
    let kinds: Api<CustomResourceDefinition> = Api::all(client.clone());
    for kind in butler_api::v1alpha1::all_crds() {
        kinds.create(&PostParams::default(), kind).await.unwrap();
    }
    // The last one is that of the team, which its controller would make.
    for name in ["butler-system", "butler-tenants", "demo"] {
        namespace(&client, name).await;
    }
    client
}

fn deployments(client: &Client) -> Api<Deployment> {
    Api::namespaced(client.clone(), "butler-system")
}

/// Installs the server, and waits until it answers.
async fn install(world: &World, client: &Client) -> ButlerServerView {
    let server = workload("butler-console-server", json!({}), json!({"replicas": 1}));
    deployments(client)
        .create(&PostParams::default(), &server)
        .await
        .unwrap();
    view(world).await
}

async fn view(world: &World) -> ButlerServerView {
    until("Butler's server answers", || async {
        world.status().await.butler_servers.into_iter().next()
    })
    .await
}

/// A client that trusts the cluster's authority, and nothing else.
fn trusting(view: &ButlerServerView) -> reqwest::Client {
    let pem = std::fs::read(&view.ca_file).unwrap();
    reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()])
        .pool_max_idle_per_host(0)
        .build()
        .unwrap()
}

async fn post(client: &reqwest::Client, view: &ButlerServerView, path: &str, body: &Value) -> (u16, Value) {
    let reply = client
        .post(format!("{}{path}", view.url))
        .json(body)
        .send()
        .await
        .unwrap();
    (reply.status().as_u16(), reply.json().await.unwrap())
}

async fn device(client: &reqwest::Client, view: &ButlerServerView) -> (Value, String) {
    let (_, device) = post(client, view, "/api/auth/cli/device", &json!({})).await;
    let code = device["user_code"].as_str().unwrap().to_owned();
    (json!({"device_code": device["device_code"]}), code)
}

#[tokio::test]
async fn a_login_reaches_the_cluster_of_its_server() {
    let world = World::start(FAST, 2).await;
    let plan = Plan::new();
    let client = butler(&world, &plan).await;
    let server = install(&world, &client).await;
    assert_eq!(server.cluster, "demo");
    assert!(server.url.starts_with("https://127.64."), "{}", server.url);
    let http = trusting(&server);

    // Whoever does not know the authority does not trust the server.
    let strange = reqwest::Client::new()
        .get(format!("{}/healthz", server.url))
        .send()
        .await;
    assert!(strange.is_err());

    let alice = world
        .status()
        .await
        .people
        .into_iter()
        .find(|person| person.user == "alice")
        .unwrap();
    let login = json!({"email": alice.email, "password": alice.password});
    let (status, user) = post(&http, &server, "/api/auth/login", &login).await;
    assert_eq!((status, &user["user"]["teams"][0]["role"]), (200, &json!("operator")));

    let (form, code) = device(&http, &server).await;
    assert_eq!(
        post(&http, &server, "/api/auth/cli/token", &form).await.1["error"],
        "authorization_pending"
    );
    process::approve_login(world.state(), &code.to_lowercase(), "alice")
        .await
        .unwrap();
    let (status, tokens) = post(&http, &server, "/api/auth/cli/token", &form).await;
    assert_eq!(status, 200, "{tokens}");

    // The account can do what its person may: in its team, and nowhere else.
    let kubeconfig = tokens["kubeconfig"].as_str().unwrap();
    let kubeconfig = String::from_utf8(base64(kubeconfig)).unwrap();
    let control_plane = world.address_of("static-1").await;
    let control_plane = control_plane.split(':').next().unwrap();
    let own = crate::cluster::client(&kubeconfig, Some(&format!("https://{control_plane}:6443"))).await;
    let list = |namespace: &str| {
        let api: Api<butler_api::v1alpha1::TenantCluster> = Api::namespaced(own.clone(), namespace);
        async move { api.list(&ListParams::default()).await }
    };
    assert!(list("demo").await.unwrap().items.is_empty());
    assert!(list("butler-tenants").await.is_err());

    let (form, code) = device(&http, &server).await;
    process::deny_login(world.state(), &code).await.unwrap();
    assert_eq!(
        post(&http, &server, "/api/auth/cli/token", &form).await.1["error"],
        "access_denied"
    );
    let again = process::approve_login(world.state(), &code, "alice").await.unwrap_err();
    assert!(again.to_string().contains("already"), "{again}");
    let unknown = process::deny_login(world.state(), "AAAA-AAAA").await.unwrap_err();
    assert!(unknown.to_string().contains("no login waits"), "{unknown}");
    world.end().await;
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

#[tokio::test]
async fn a_server_comes_and_goes_with_its_pods_and_keeps_its_address() {
    let world = World::start(FAST, 2).await;
    let plan = Plan::new();
    let client = butler(&world, &plan).await;
    assert!(world.status().await.butler_servers.is_empty());
    let first = install(&world, &client).await;
    let (form, _) = device(&trusting(&first), &first).await;

    let none = Patch::Merge(json!({"spec": {"replicas": 0}}));
    let deployments = deployments(&client);
    deployments
        .patch("butler-console-server", &PatchParams::default(), &none)
        .await
        .unwrap();
    let gone = || async { world.status().await.butler_servers.is_empty().then_some(()) };
    until("it has gone with its pod", gone).await;
    assert!(
        trusting(&first)
            .get(format!("{}/healthz", first.url))
            .send()
            .await
            .is_err()
    );

    let one = Patch::Merge(json!({"spec": {"replicas": 1}}));
    deployments
        .patch("butler-console-server", &PatchParams::default(), &one)
        .await
        .unwrap();
    let second = view(&world).await;
    assert_eq!(second, first);
    let (_, answer) = post(&trusting(&second), &second, "/api/auth/cli/token", &form).await;
    assert_eq!(
        answer["error"], "expired_token",
        "another pod knows no code of the first"
    );

    deployments
        .delete("butler-console-server", &DeleteParams::default())
        .await
        .unwrap();
    until("it has gone for good", gone).await;
    world.end().await;
}

#[tokio::test]
async fn a_server_fails_as_it_is_told() {
    let world = World::start(FAST, 2).await;
    let plan = Plan::new();
    let client = butler(&world, &plan).await;
    let server = install(&world, &client).await;
    let http = trusting(&server);
    let (form, _) = device(&http, &server).await;
    let faults = |faults: Value| {
        let world = &world;
        async move { world.patch(&json!({"faults": {"butlerServer": faults}})).await }
    };

    faults(json!({"restart": "0s"})).await;
    until("it has forgotten the code", || async {
        // In the middle of a restart nobody answers.
        let reply = http
            .post(format!("{}/api/auth/cli/token", server.url))
            .json(&form)
            .send()
            .await
            .ok()?;
        (reply.json::<Value>().await.ok()?["error"] == "expired_token").then_some(())
    })
    .await;

    faults(json!({"restart": null, "down": "forever"})).await;
    let health = || http.get(format!("{}/healthz", server.url)).send();
    until("it is down", || async { health().await.is_err().then_some(()) }).await;
    faults(json!({"down": null})).await;
    until("it is up again", || async { health().await.ok() }).await;

    faults(json!({"slow": "300ms"})).await;
    let began = Instant::now();
    health().await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(300));
    faults(json!({"slow": null, "refreshLosesTeams": true})).await;
    let (form, code) = device(&http, &server).await;
    process::approve_login(world.state(), &code, "bob").await.unwrap();
    let (_, tokens) = post(&http, &server, "/api/auth/cli/token", &form).await;
    assert_eq!(tokens["user"]["teams"][0]["name"], "demo");
    let refresh = json!({"refresh_token": tokens["refresh_token"]});
    let (_, tokens) = post(&http, &server, "/api/auth/cli/refresh", &refresh).await;
    assert_eq!(tokens["user"]["teams"], json!([]));
    world.end().await;
}
