//! Who may do what with clusters and teams.

use serde_json::json;

use crate::support::{Site, people, sessions};

fn cluster(site: &Site, namespace: &str, name: &str, team: &str) {
    let object = json!({
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"kubernetesVersion": "v1.32.2", "workers": {"replicas": 1}, "teamRef": {"name": team}},
    });
    site.butler("TenantCluster", "tenantclusters", object);
}

#[tokio::test]
async fn people_see_and_change_what_is_their_teams() {
    let site = people().await;
    cluster(&site, "alpha", "web", "alpha");
    cluster(&site, "beta", "db", "beta");
    let of = sessions(&site, ["alice", "bob", "dave", "root"]).await;
    for (who, expected) in [
        ("alice", &["web"][..]),
        ("bob", &["web"]),
        // Administrators of a team see no other one's, unlike in the real server.
        ("dave", &["db"]),
        ("root", &["web", "db"]),
    ] {
        let list = site.ask_as(&of[who], "GET", "/api/clusters", "").await.json();
        let names: Vec<&str> = list["clusters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|cluster| cluster["metadata"]["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, expected, "{who}");
    }
    let scale = |who: &'static str, replicas: i32| {
        let (site, session) = (&site, &of[who]);
        async move {
            let form = json!({"replicas": replicas}).to_string();
            site.ask_as(session, "PATCH", "/api/clusters/alpha/web/scale", &form)
                .await
        }
    };
    assert_eq!(scale("alice", 3).await.json()["spec"]["workers"]["replicas"], 3);
    let viewer = "you don't have permission to scale clusters for team 'alpha'";
    assert_eq!(scale("bob", 4).await.error(), (403, viewer.to_owned()));
    let foreign = "forbidden: you don't have access to team 'alpha'";
    assert_eq!(scale("dave", 4).await.error(), (403, foreign.to_owned()));
    assert_eq!(scale("root", 0).await.status, 400);
}

#[tokio::test]
async fn a_cluster_is_made_in_the_name_of_its_creator() {
    let site = people().await;
    let of = sessions(&site, ["alice", "bob"]).await;
    let form =
        json!({"name": "c", "namespace": "alpha", "teamRef": "alpha", "providerConfigRef": "p", "workerReplicas": 0});
    let refused = site
        .ask_as(&of["bob"], "POST", "/api/clusters", &form.to_string())
        .await;
    assert_eq!(refused.status, 403);
    let made = site
        .ask_as(&of["alice"], "POST", "/api/clusters", &form.to_string())
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    let creator = &made["metadata"]["annotations"]["butler.butlerlabs.dev/creator-email"];
    assert_eq!(creator, "alice@example.com");
    assert_eq!(made["spec"]["workers"]["replicas"], 1, "zero means the default");
    let again = site
        .ask_as(&of["alice"], "POST", "/api/clusters", &form.to_string())
        .await;
    assert_eq!(again.status, 500, "the real server has no 409 for it");
}

#[tokio::test]
async fn teams_are_changed_by_their_own_administrators() {
    let site = people().await;
    let of = sessions(&site, ["alice", "dave", "root"]).await;
    let add = json!({"email": "x@example.com"}).to_string();
    for (who, team, status) in [
        ("alice", "alpha", 403),
        ("dave", "alpha", 403),
        ("dave", "beta", 201),
        ("root", "alpha", 201),
    ] {
        let path = format!("/api/admin/teams/{team}/members");
        let answer = site.ask_as(&of[who], "POST", &path, &add).await;
        assert_eq!(answer.status, status, "{who} {team}: {}", answer.text);
    }
    let made = site
        .ask_as(&of["alice"], "POST", "/api/teams", r#"{"name":"mine"}"#)
        .await;
    assert_eq!(made.status, 403);
}

#[tokio::test]
async fn environments_come_and_go() {
    let site = people().await;
    let of = sessions(&site, ["alice", "bob"]).await;
    let path = "/api/teams/alpha/environments";
    let form = json!({"name": "dev", "limits": {"maxClusters": 2}}).to_string();
    assert_eq!(site.ask_as(&of["bob"], "POST", path, &form).await.status, 403);
    let added = site.ask_as(&of["alice"], "POST", path, &form).await;
    assert_eq!(
        (added.status, added.json()),
        (201, json!({"name": "dev", "limits": {"maxClusters": 2}}))
    );
    let twice = site.ask_as(&of["alice"], "POST", path, &form).await;
    assert_eq!(twice.error(), (409, "Environment \"dev\" already exists".to_owned()));
    let one = format!("{path}/dev");
    let renamed = site.ask_as(&of["alice"], "PUT", &one, r#"{"name":"prod"}"#).await;
    assert_eq!(renamed.status, 400);
    assert_eq!(
        site.ask_as(&of["alice"], "PUT", &one, r#"{"limits":{}}"#).await.json(),
        json!({"name": "dev"})
    );
    assert_eq!(site.ask_as(&of["alice"], "DELETE", &one, "").await.status, 200);
    assert_eq!(site.ask_as(&of["alice"], "DELETE", &one, "").await.status, 404);
}

#[tokio::test]
async fn what_is_not_played_says_so_to_those_who_may_ask() {
    let site = people().await;
    assert_eq!(site.ask("GET", "/api/gitops/config", &[], "").await.status, 401);
    assert_eq!(
        site.ask("GET", "/ws/terminal/management", &[], "").await.status,
        401,
        "no shell for strangers"
    );
    let alice = site.log_in("alice").await;
    let answer = site.ask_as(&alice, "GET", "/api/gitops/config", "").await;
    assert_eq!(
        answer.error(),
        (501, "GitOps is not implemented in the simulated world".to_owned())
    );
}
