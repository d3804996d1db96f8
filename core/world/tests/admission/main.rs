//! The requests that the real controller's webhooks were asked about, sent to an API server that asks our rules: in its own
//! process, and as the real kube-apiserver over HTTPS. Status and message are compared with the recording.
//!
//! The real one is taken from `BUTLER_PEERS` or `target/peers`; without it that test is skipped, and says so.

#![expect(clippy::disallowed_macros, reason = "tests write objects as people read them")]

#[path = "../../../embedded/tests/suite/authority.rs"]
mod authority;
#[path = "../../../embedded/tests/suite/common.rs"]
#[expect(dead_code, reason = "the tests of the API server use more of it")]
mod common;
#[path = "../../../embedded/tests/suite/real.rs"]
mod real;
#[path = "../../../../tests/common/admission.rs"]
mod recorded;
#[path = "../../../../tests/common/reference.rs"]
mod reference;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use butler_api::v1alpha1::all_crds;
use butler_embedded::Server;
use butler_world::butler::admission;
use butler_world::butler::webhook::{ApiServer, Webhooks};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use self::authority::Authority;
use self::common::Api;
use self::recorded::Recorded;

const MASTERS: &str = "system:masters";
const PROVIDER_CONFIGS: &str = "/apis/butler.butlerlabs.dev/v1alpha1/namespaces/butler-system/providerconfigs";

/// What our definitions say otherwise, before any rule is asked: request, their words, ours, and why.
const OUR_DEFINITIONS: &[(u64, &str, &str, &str)] = &[
    (
        58,
        "credentialsRef with a non-empty name is required for all providers except local",
        "this provider needs a credentialsRef that names a Secret",
        "messages of rules are our own words, and two platforms of our own need no credentials either",
    ),
    (
        59,
        r#""azure", "aws", "gcp", "local""#,
        r#""gcp", "aws", "azure", "local", "inmemory", "static""#,
        "one list of platforms for all kinds, with the two that only the toolkit serves",
    ),
];

#[tokio::test]
async fn an_api_server_in_process_answers_as_recorded() {
    let Some(requests) = recorded::recorded() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new();
    let server = Server::open(butler_embedded::Options {
        data: folder.path().to_owned(),
        authority: butler_embedded::Authority::Given {
            ca_certificate_pem: authority.certificate.clone(),
            ca_key_pem: authority.issuer.key().serialize_pem().into(),
        },
        version: "v1.35.0".to_owned(),
    });
    let server = server.await.expect("the folder opens");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let serving = server.serve(listener, &["127.0.0.1".to_owned()]).expect("serving");
    let people = People {
        authority: &authority,
        url: &url,
    };

    let admin = people.admin();
    prepare(&admin).await;
    admission::install(&server);
    let wrong = replay(&people, &requests).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    admission::remove(&server);
    assert_eq!(admin.json("POST", PROVIDER_CONFIGS, &incomplete()).await.status, 201);
    serving.stop().await;
    server.close().await.expect("the folder closes");
}

#[tokio::test]
async fn the_real_api_server_with_our_webhooks_answers_as_recorded() {
    let Some(requests) = recorded::recorded() else { return };
    let Some(real) = real::start().await else {
        eprintln!("skipped: kube-apiserver and etcd are neither in BUTLER_PEERS nor in target/peers");
        return;
    };
    let admin = &real.api;
    prepare(admin).await;
    let api = ApiServer::new(admin.url(), admin.client().clone());
    let webhooks = Webhooks::serve(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0), api).expect("webhooks");
    let mut configuration = serde_json::to_value(webhooks.configuration()).expect("JSON");
    configuration["apiVersion"] = "admissionregistration.k8s.io/v1".into();
    configuration["kind"] = "ValidatingWebhookConfiguration".into();
    let configurations = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let created = admin.json("POST", configurations, &configuration).await;
    assert_eq!(created.status, 201, "{created:?}");
    asked(admin).await;

    let people = People {
        authority: &real.authority,
        url: admin.url(),
    };
    let wrong = replay(&people, &requests).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn webhooks_answer_whoever_asks_them_with_facts_of_the_api_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, serving, admin) = common::served(folder.path()).await;
    prepare(&admin).await;
    let api = ApiServer::new(admin.url(), admin.client().clone());
    let webhooks = Webhooks::serve(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0), api).expect("webhooks");
    let configured = webhooks.configuration().webhooks.expect("webhooks");
    let of = |name: &str| {
        let webhook = configured
            .iter()
            .find(|webhook| webhook.name == name)
            .expect("a webhook");
        let client = &webhook.client_config;
        (
            client.url.clone().expect("a URL"),
            client.ca_bundle.clone().expect("an authority").0,
        )
    };
    let (url, authority) = of("vtenantcluster.kb.io");
    let anyone = Api::with_token("", &authority, "none");
    let ask = async |url: &str, body: &Value| {
        let reply = anyone
            .client()
            .post(url)
            .body(body.to_string())
            .send()
            .await
            .expect("an answer");
        (reply.status().as_u16(), reply.text().await.expect("a text"))
    };
    let told = |text: &str| serde_json::from_str::<Value>(text).expect("JSON")["response"].clone();

    let object = json!({"metadata": {"name": "c", "namespace": "alpha"}, "spec": {
        "kubernetesVersion": "v1.32.2", "workers": {"replicas": 1}, "providerConfigRef": {"name": "zz"},
    }});
    let (_, text) = ask(&url, &review("CREATE", &object, "eve")).await;
    let answer = told(&text);
    assert_eq!((&answer["uid"], &answer["allowed"]), (&json!("u"), &json!(false)));
    assert_eq!(
        answer["status"]["message"],
        "spec.providerConfigRef.name: Not found: \"zz\""
    );
    let (_, text) = ask(&url, &review("DELETE", &object, "eve")).await;
    assert_eq!(told(&text), json!({"uid": "u", "allowed": true}));

    let (teams, _) = of("vteam.kb.io");
    let team = json!({"metadata": {"name": "t"}, "spec": {"resourceLimits": {"maxClusters": 1}}});
    let (_, text) = ask(&teams, &review("CREATE", &team, "eve")).await;
    let message = &told(&text)["status"]["message"];
    let expected = "spec.resourceLimits may only be set by platform admins; user \"eve\" is not a platform admin";
    assert_eq!(message, expected);

    let elsewhere = url.replace("tenantcluster", "nothing");
    assert_eq!(ask(&elsewhere, &json!({})).await.0, 404);
    assert_eq!(ask(&url, &json!({})).await.0, 400);
    let got = anyone.client().get(&url).send().await.expect("an answer");
    assert_eq!(got.status().as_u16(), 405);

    serving.stop().await;
    server.close().await.expect("the folder closes");
    let (_, text) = ask(&url, &review("CREATE", &object, "eve")).await;
    let answer = told(&text);
    assert_eq!(
        (&answer["allowed"], &answer["status"]["code"]),
        (&json!(false), &json!(500))
    );
    let message = answer["status"]["message"].as_str().expect("a message");
    assert!(message.starts_with("cannot read providerconfigs \"zz\": "), "{message}");
    drop(webhooks);
}

/// A question of an API server.
fn review(operation: &str, object: &Value, user: &str) -> Value {
    let (new, old) = if operation == "DELETE" {
        (&Value::Null, object)
    } else {
        (object, &Value::Null)
    };
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "operation": operation, "userInfo": {"username": user}, "object": new, "oldObject": old,
    }})
}

/// Who may send requests.
struct People<'a> {
    authority: &'a Authority,
    url: &'a str,
}

impl People<'_> {
    fn admin(&self) -> Api {
        self.authority.client(self.url, "admin", Some(MASTERS))
    }

    fn of(&self, request: &Recorded) -> Api {
        match &request.user {
            None => self.admin(),
            Some(name) => {
                let group = request.groups.first().map(String::as_str);
                self.authority.client(self.url, name, group)
            }
        }
    }
}

/// Our definitions, and what was there before the first request.
async fn prepare(admin: &Api) {
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    for definition in all_crds() {
        let mut definition = serde_json::to_value(definition).expect("JSON");
        definition["apiVersion"] = "apiextensions.k8s.io/v1".into();
        definition["kind"] = "CustomResourceDefinition".into();
        let created = admin.json("POST", definitions, &definition).await;
        assert_eq!(created.status, 201, "{created:?}");
    }
    for definition in all_crds() {
        let path = format!("/apis/butler.butlerlabs.dev/v1alpha1/{}", definition.spec.names.plural);
        until(&format!("{path} is served"), async || {
            if admin.answers(&path).await {
                Ok(())
            } else {
                Err("it is not".to_owned())
            }
        })
        .await;
    }
    for (collection, object) in recorded::there_before() {
        let created = admin.json("POST", collection, &object).await;
        assert_eq!(created.status, 201, "{object} {created:?}");
    }
}

/// A ProviderConfig that the schema takes and the rules do not.
fn incomplete() -> Value {
    json!({
        "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "ProviderConfig", "metadata": {"name": "cloud"},
        "spec": {"provider": "aws", "credentialsRef": {"name": "c"}},
    })
}

/// Waits until the API server asks the webhooks it has been told of: it takes its time.
async fn asked(admin: &Api) {
    let path = format!("{PROVIDER_CONFIGS}?dryRun=All");
    until("the webhooks are asked", async || {
        let answer = admin.json("POST", &path, &incomplete()).await;
        if answer.status == 403 {
            Ok(())
        } else {
            Err(answer.body.to_string())
        }
    })
    .await;
}

async fn until(what: &str, holds: impl AsyncFn() -> Result<(), String>) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while let Err(found) = holds().await {
        assert!(Instant::now() < deadline, "in vain: {what}: {found}");
        tokio::task::yield_now().await;
    }
}

/// The requests whose answer differs from the recorded one, in words.
async fn replay(people: &People<'_>, requests: &[Recorded]) -> Vec<String> {
    let mut wrong = Vec::new();
    for request in requests {
        let body = &request.body;
        let kind = if request.method == "PATCH" {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let answer = people
            .of(request)
            .send(&request.method, &request.path, kind, body)
            .await;
        let message = match &answer.body["message"] {
            Value::String(message) if answer.status >= 400 => message.as_str(),
            _ => "",
        };
        let mut expected = request.message.clone();
        for (_, theirs, ours, _) in OUR_DEFINITIONS.iter().filter(|(seq, ..)| *seq == request.seq) {
            assert!(expected.contains(theirs), "{}: {expected}", request.title());
            expected = expected.replace(theirs, ours);
        }
        if (answer.status, message) != (request.status, &expected) {
            let (title, status) = (request.title(), answer.status);
            wrong.push(format!(
                "{title}\n  ours   {status} {message}\n  theirs {} {expected}",
                request.status
            ));
        }
    }
    wrong
}
