//! What a team has beside its clusters and their addons: environments, members, images.

use butler_embedded::At;
use serde_json::{Value, json};

use crate::ctl::Ctl;
use crate::{run, whole};

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn at<'a>(resource: &'a str, namespace: &'a str) -> At<'a> {
    At {
        group: "butler.butlerlabs.dev",
        version: "v1alpha1",
        resource,
        namespace,
    }
}

/// Team alpha has environments and clusters in them.
fn ground() -> Ctl {
    let ctl = Ctl::new();
    let environments = json!([
        {"name": "dev", "description": "to try things", "limits": {"maxClusters": 3, "maxClustersPerMember": 1},
         "clusterDefaults": {"kubernetesVersion": "v1.33.4", "workerCount": 2}},
        {"name": "prod"},
    ]);
    let teams = at("teams", "");
    let local = &ctl.site.local;
    local
        .patched(teams, "alpha", false, json!({"spec": {"environments": environments}}))
        .unwrap();
    for team in ["alpha", "beta"] {
        let status = json!({"status": {"phase": "Ready", "namespace": team}});
        local.patched(teams, team, true, status).unwrap();
    }
    let of = |name: &str, environment: &str, owner: &str| {
        ctl.cluster("alpha", name, &json!({"teamRef": {"name": "alpha"}}), &Value::Null);
        let notes = json!({"butler.butlerlabs.dev/creator-email": owner});
        let labels = json!({"butler.butlerlabs.dev/environment": environment});
        let change = json!({"metadata": {"labels": labels, "annotations": notes}});
        local
            .patched(at("tenantclusters", "alpha"), name, false, change)
            .unwrap();
    };
    of("web", "dev", "alice@example.com");
    of("shop", "dev", "bob@example.com");
    for who in ["alice", "bob", "dave", "root"] {
        ctl.log_in(who);
    }
    ctl
}

#[test]
fn environments_are_listed_with_what_of_them_is_used() {
    let ctl = ground();
    let admin = |line: &str| whole(&ctl.admin(&words(line)));
    insta::assert_snapshot!(run(&ctl, "env list"), @r"
    exit 0
    --- stdout
    NAME  CLUSTERS  MAX CLUSTERS  YOURS  MAX PER MEMBER
    dev  2  3  1  1
    prod  0  -  0  -
    ");
    insta::assert_snapshot!(run(&ctl, "env list -o wide"), @r"
    exit 0
    --- stdout
    NAME  CLUSTERS  MAX CLUSTERS  YOURS  MAX PER MEMBER  DESCRIPTION
    dev  2  3  1  1  to try things
    prod  0  -  0  -  -
    ");
    insta::assert_snapshot!(run(&ctl, "env list -o name"), @r"
    exit 0
    --- stdout
    dev
    prod
    ");
    insta::assert_snapshot!(run(&ctl, "env list -o yaml"), @r"
    exit 0
    --- stdout
    - clusterDefaults:
        kubernetesVersion: v1.33.4
        workerCount: 2
      description: to try things
      limits:
        maxClusters: 3
        maxClustersPerMember: 1
      name: dev
      clusters: 2
      ownClusters: 1
    - name: prod
      clusters: 0
      ownClusters: 0
    ");
    insta::assert_snapshot!(run(&ctl, "env get dev"), @r"
    exit 0
    --- stdout
    name:  dev
    description:  to try things
    clusters:  2 of at most 3
    your clusters:  1 of at most 1
    usual version:  v1.33.4
    usual workers:  2
    ");
    insta::assert_snapshot!(run(&ctl, "env get qa"), @r"
    exit 1
    --- stderr
    error: team alpha has no environment qa
    hint: it has dev, prod
    ");
    insta::assert_snapshot!(admin("env list --team alpha"), @r"
    exit 0
    --- stdout
    NAME  CLUSTERS  MAX CLUSTERS  YOURS  MAX PER MEMBER
    dev  2  3  -  1
    prod  0  -  -  -
    ");
    insta::assert_snapshot!(admin("env list"), @r"
    exit 2
    --- stderr
    error: no team is named, and none is active
    hint: --team NAME
    ");
    insta::assert_snapshot!(whole(&ctl.run("dave", &["env", "list"])), @r"
    exit 0
    --- stderr
    team beta has no environments
    ");
    insta::assert_snapshot!(whole(&ctl.run("dave", &["env", "list", "-o", "json"])), @r"
    exit 0
    --- stdout
    []
    --- stderr
    team beta has no environments
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "most of them are what is printed")]
fn the_members_of_a_team_are_listed_and_changed() {
    let ctl = ground();
    let root = |line: &str| whole(&ctl.run("root", &words(line)));
    let admin = |line: &str| whole(&ctl.admin(&words(line)));
    insta::assert_snapshot!(run(&ctl, "access list"), @r"
    exit 0
    --- stdout
    WHO  KIND  ROLE  FROM
    alice@example.com  person  operator  direct
    bob@example.com  person  viewer  direct
    ");
    insta::assert_snapshot!(run(&ctl, "access list -o json"), @r#"
    exit 0
    --- stdout
    {
      "members": [
        {
          "email": "alice@example.com",
          "role": "operator",
          "source": "direct"
        },
        {
          "email": "bob@example.com",
          "role": "viewer",
          "source": "direct"
        }
      ],
      "groups": []
    }
    "#);
    insta::assert_snapshot!(admin("access list --team alpha -o name"), @r"
    exit 0
    --- stdout
    alice@example.com
    bob@example.com
    ");
    insta::assert_snapshot!(run(&ctl, "access grant carol@example.com --role operator"), @r"
    exit 1
    --- stderr
    error: cannot change the members of team alpha
    Caused by:
      [SERVER] answers 403: forbidden: admin role required
    hint: admins of the team and administrators of the platform may
    ");
    insta::assert_snapshot!(root("access grant carol@example.com --role operator --team alpha"), @r"
    exit 0
    --- stderr
    carol@example.com is in team alpha now, as operator
    ");
    insta::assert_snapshot!(root("access grant --user carol@example.com --team alpha"), @r"
    exit 0
    --- stderr
    carol@example.com is viewer in team alpha now
    ");
    insta::assert_snapshot!(admin("access grant --group ops --role admin --team alpha"), @r"
    exit 0
    --- stderr
    group ops is in team alpha now, as admin
    ");
    insta::assert_snapshot!(admin("access grant --group ops --role admin --team alpha"), @r"
    exit 0
    --- stderr
    group ops is admin in team alpha already
    ");
    insta::assert_snapshot!(run(&ctl, "access list"), @r"
    exit 0
    --- stdout
    WHO  KIND  ROLE  FROM
    alice@example.com  person  operator  direct
    bob@example.com  person  viewer  direct
    carol@example.com  person  viewer  direct
    ops  group  admin  any provider
    ");
    insta::assert_snapshot!(root("access revoke carol@example.com --team alpha"), @r"
    exit 0
    --- stderr
    carol@example.com is no longer in team alpha
    ");
    insta::assert_snapshot!(root("access revoke carol@example.com --team alpha"), @r"
    exit 1
    --- stderr
    error: cannot change the members of team alpha
    Caused by:
      [SERVER] answers 404: Member not found
    ");
    insta::assert_snapshot!(admin("access revoke --group ops --team alpha"), @r"
    exit 0
    --- stderr
    group ops is no longer in team alpha
    ");
    insta::assert_snapshot!(admin("access revoke dave@example.com --team alpha"), @r"
    exit 1
    --- stderr
    error: cannot change team alpha
    Caused by:
      dave@example.com is no member
    ");
    insta::assert_snapshot!(run(&ctl, "access grant carol"), @r#"
    exit 2
    --- stderr
    error: invalid value 'carol' for '[EMAIL]': "carol" is no e-mail address; one looks like ann@example.com

    For more information, try '--help'.
    "#);
}

const SCHEMATIC: &str = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba";

#[test]
#[expect(clippy::too_many_lines, reason = "most of them are what is printed")]
fn images_are_brought_to_platforms() {
    let ctl = ground();
    let root = |line: &str| whole(&ctl.run("root", &words(line)));
    let sync = format!("image sync --schematic-id {SCHEMATIC} --version v1.12.1 --provider hv --format raw");
    insta::assert_snapshot!(run(&ctl, "image list"), @r"
    exit 0
    --- stderr
    no images that fit in namespace butler-system
    ");
    insta::assert_snapshot!(run(&ctl, "image list -o json"), @r#"
    exit 0
    --- stdout
    {
      "apiVersion": "v1",
      "items": [],
      "kind": "List",
      "metadata": {
        "resourceVersion": ""
      }
    }
    --- stderr
    no images that fit in namespace butler-system
    "#);
    insta::assert_snapshot!(root(&format!("{sync} --dry-run")), @r"
    exit 0
    --- stdout
    apiVersion: butler.butlerlabs.dev/v1alpha1
    kind: ImageSync
    metadata:
      labels:
        app.kubernetes.io/managed-by: butler
      name: image-37656798-1-12-1-hv
      namespace: butler-system
    spec:
      factoryRef:
        arch: amd64
        schematicID: 376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba
        version: v1.12.1
      format: raw
      providerConfigRef:
        name: hv
        namespace: butler-system
      transferMode: direct
    --- stderr
    image image-37656798-1-12-1-hv would be made; a dry run, nothing was changed
    ");
    let name = "image-37656798-1-12-1-hv";
    insta::assert_snapshot!(root(&format!("{sync} --name {name}")), @r"
    exit 0
    --- stdout
    NAME  PROVIDER  PHASE  SCHEMATIC  VERSION  IMAGE REF  AGE
    image-37656798-1-12-1-hv  hv  -  37656798  v1.12.1  -  [AGE]
    --- stderr
    image image-37656798-1-12-1-hv is on its way to the platform
    ");
    insta::assert_snapshot!(root(&format!("{sync} --name {name}")), @r"
    exit 1
    --- stderr
    error: image image-37656798-1-12-1-hv is in namespace butler-system already
    hint: choose another name: --name NAME
    ");
    insta::assert_snapshot!(run(&ctl, &format!("{sync} --name {name}")), @r"
    exit 1
    --- stderr
    error: cannot create image image-37656798-1-12-1-hv in namespace butler-system
    Caused by:
      alice@example.com (system:serviceaccount:butler-system:butler-cli-ff8d9819fc0e) may not create imagesyncs.butler.butlerlabs.dev in namespace butler-system
    hint: administrators of the platform may
    ");
    let status = json!({"status": {
        "phase": "Failed", "failureReason": "ImageFactoryNotConfigured", "failureMessage": "no factory is configured",
    }});
    ctl.site
        .local
        .patched(at("imagesyncs", "butler-system"), name, true, status)
        .unwrap();
    insta::assert_snapshot!(run(&ctl, "image list"), @r"
    exit 0
    --- stdout
    NAME  PROVIDER  PHASE  SCHEMATIC  VERSION  IMAGE REF  AGE
    image-37656798-1-12-1-hv  hv  Failed  37656798  v1.12.1  -  [AGE]
    ");
    insta::assert_snapshot!(run(&ctl, "image ls --status ready"), @r"
    exit 0
    --- stderr
    no images that fit in namespace butler-system
    ");
    insta::assert_snapshot!(run(&ctl, "image list --schematic 3765 -o name"), @r"
    exit 0
    --- stdout
    imagesync.butler.butlerlabs.dev/image-37656798-1-12-1-hv
    ");
    insta::assert_snapshot!(run(&ctl, &format!("image status {name}")), @r"
    exit 0
    --- stdout
    name:  image-37656798-1-12-1-hv
    provider:  hv
    phase:  Failed
    failure:  ImageFactoryNotConfigured: no factory is configured
    schematic:  376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba
    version:  v1.12.1
    arch:  amd64
    format:  raw
    image:  -
    taken from:  -
    SHA-256:  -
    age:  [AGE]
    ");
    insta::assert_snapshot!(run(&ctl, "image status nope"), @r"
    exit 1
    --- stderr
    error: there is no image nope in namespace butler-system
    hint: see what there is: butlerctl image list --namespace butler-system
    ");
    insta::assert_snapshot!(run(&ctl, "image catalog"), @r"
    exit 0
    --- stdout
    SCHEMATIC  VERSIONS  FORMATS  READY  TOTAL
    376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba  v1.12.1  raw  0  1
    ");
    let of_server = ctl.run("alice", &["image", "list", "-o", "json"]).json();
    let of_objects = ctl.admin(&["image", "list", "-o", "json"]).json();
    assert_eq!(of_server, of_objects);
    insta::assert_snapshot!(root(&format!("image delete {name}")), @r"
    exit 2
    --- stderr
    error: --yes is needed: there is no terminal to ask on
    ");
    insta::assert_snapshot!(run(&ctl, &format!("image delete {name} --yes")), @r"
    exit 1
    --- stderr
    error: cannot delete image image-37656798-1-12-1-hv in namespace butler-system
    Caused by:
      alice@example.com (system:serviceaccount:butler-system:butler-cli-ff8d9819fc0e) may not delete imagesyncs.butler.butlerlabs.dev in namespace butler-system
    hint: administrators of the platform may
    ");
    insta::assert_snapshot!(root(&format!("image delete {name} --yes")), @r"
    exit 0
    --- stderr
    image image-37656798-1-12-1-hv is being deleted; what the platform has stays there
    ");
    // Whoever operates a team has the server do it, which gives a name of its own.
    insta::assert_snapshot!(run(&ctl, &sync), @r"
    exit 0
    --- stdout
    NAME  PROVIDER  PHASE  SCHEMATIC  VERSION  IMAGE REF  AGE
    37656798-v1-12-1-hv  hv  -  37656798  v1.12.1  -  [AGE]
    --- stderr
    image 37656798-v1-12-1-hv is on its way to the platform
    ");
    insta::assert_snapshot!(whole(&ctl.run("bob", &words(&sync))), @r"
    exit 1
    --- stderr
    error: cannot create image of schematic 37656798
    Caused by:
      [SERVER] answers 403: image sync creation requires admin role or team context
    ");
    insta::assert_snapshot!(run(&ctl, "image sync --schematic-id abc --version v1 --provider hv"), @r"
    exit 2
    --- stderr
    error: invalid value 'abc' for '--schematic-id <ID>': a schematic has at least 8 characters

    For more information, try '--help'.
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "most of them are what is printed")]
fn workspaces_are_made_opened_and_deleted() {
    let ctl = ground();
    let create = "workspace create ann --cluster web --image dev:1 --repo https://git.example.com/a#main --cpu 2";
    insta::assert_snapshot!(run(&ctl, "workspace list"), @r"
    exit 0
    --- stderr
    no workspaces in namespace alpha
    ");
    insta::assert_snapshot!(run(&ctl, "workspace list -o json"), @r#"
    exit 0
    --- stdout
    {
      "apiVersion": "v1",
      "items": [],
      "kind": "List",
      "metadata": {
        "resourceVersion": ""
      }
    }
    --- stderr
    no workspaces in namespace alpha
    "#);
    insta::assert_snapshot!(run(&ctl, &format!("{create} --dry-run")), @r#"
    exit 0
    --- stdout
    apiVersion: butler.butlerlabs.dev/v1alpha1
    kind: Workspace
    metadata:
      name: ann
      namespace: alpha
    spec:
      clusterRef:
        name: web
      image: dev:1
      owner: alice@example.com
      repositories:
      - branch: main
        url: https://git.example.com/a
      resources:
        cpu: "2"
    --- stderr
    workspace ann would be created; a dry run, nothing was changed
    "#);
    insta::assert_snapshot!(run(&ctl, create), @r"
    exit 0
    --- stdout
    NAME  CLUSTER  OWNER  PHASE  CONNECTED  AGE
    ann  web  alice@example.com  -  -  [AGE]
    --- stderr
    workspace ann is being created in cluster web
    ");
    insta::assert_snapshot!(run(&ctl, create), @r"
    exit 1
    --- stderr
    error: workspace ann is in namespace alpha already
    hint: choose another name: --name NAME
    ");
    insta::assert_snapshot!(whole(&ctl.run("bob", &words(create))), @r"
    exit 1
    --- stderr
    error: cannot create workspace ann in namespace alpha
    Caused by:
      bob@example.com (system:serviceaccount:butler-system:butler-cli-5ff860bf1190) may not create workspaces.butler.butlerlabs.dev in namespace alpha
    hint: the role operator in the team of namespace alpha allows it
    hint: administrators of the platform can give it: team alpha has no admin that this login may know
    ");
    insta::assert_snapshot!(run(&ctl, "workspace create ben --cluster web"), @r"
    exit 2
    --- stderr
    error: workspace ben needs an image, or a template that has one
    hint: --image IMAGE, or --template NAME
    ");
    insta::assert_snapshot!(run(&ctl, "workspace create ben --cluster nope --image dev:1"), @r"
    exit 1
    --- stderr
    error: there is no tenant cluster nope in namespace alpha
    hint: list those that are there: butlerctl cluster list --namespace alpha
    hint: or look elsewhere: --namespace NAME, --team NAME
    ");
    let status = json!({"status": {"phase": "Running", "connected": true, "sshEndpoint": "10.0.0.5:2222"}});
    insta::assert_snapshot!(run(&ctl, "workspace connect ann"), @r"
    exit 0
    --- stderr
    the way to workspace ann is being opened
    hint: see where it answers: butlerctl workspace get ann
    ");
    ctl.site
        .local
        .patched(at("workspaces", "alpha"), "ann", true, status)
        .unwrap();
    insta::assert_snapshot!(run(&ctl, "ws connect ann"), @r"
    exit 0
    --- stderr
    workspace ann answers by SSH at 10.0.0.5:2222
    ");
    insta::assert_snapshot!(run(&ctl, "workspace list web"), @r"
    exit 0
    --- stdout
    NAME  CLUSTER  OWNER  PHASE  CONNECTED  AGE
    ann  web  alice@example.com  Running  yes  [AGE]
    ");
    insta::assert_snapshot!(run(&ctl, "workspace list shop"), @r"
    exit 0
    --- stderr
    no workspaces of cluster shop in namespace alpha
    ");
    insta::assert_snapshot!(run(&ctl, "workspace get ann"), @r"
    exit 0
    --- stdout
    name:  ann
    cluster:  web
    owner:  alice@example.com
    phase:  Running
    cause:  -
    connected:  yes
    SSH:  10.0.0.5:2222
    image:  dev:1
    age:  [AGE]
    ");
    insta::assert_snapshot!(run(&ctl, "workspace disconnect ann"), @r"
    exit 0
    --- stderr
    the way to workspace ann is being closed
    ");
    insta::assert_snapshot!(run(&ctl, "workspace start ann"), @r"
    exit 1
    --- stderr
    error: cannot start workspace ann
    Caused by:
      [SERVER] answers 501: workspaces is not implemented in the simulated world
    ");
    insta::assert_snapshot!(whole(&ctl.admin(&words("workspace start ann -n alpha"))), @r"
    exit 4
    --- stderr
    error: this is done by Butler's server, and nobody is logged in on one
    hint: log in: butlerctl login --server URL
    ");
    insta::assert_snapshot!(run(&ctl, "workspace delete ann"), @r"
    exit 2
    --- stderr
    error: --yes is needed: there is no terminal to ask on
    ");
    insta::assert_snapshot!(run(&ctl, "workspace delete ann --yes"), @r"
    exit 0
    --- stderr
    workspace ann is being deleted
    ");
    insta::assert_snapshot!(run(&ctl, "workspace get ann"), @r"
    exit 1
    --- stderr
    error: there is no workspace ann in namespace alpha
    hint: see what there is: butlerctl workspace list
    ");
}

#[test]
fn templates_say_what_a_workspace_is() {
    let ctl = ground();
    for (name, namespace, image) in [
        ("go", "butler-system", "go:1"),
        ("go", "alpha", "go:2"),
        ("js", "butler-system", "js:1"),
    ] {
        let spec = json!({"displayName": name.to_uppercase(), "template": {"image": image, "storageSize": "20Gi"}});
        let object = json!({"metadata": {"name": name, "namespace": namespace}, "spec": spec});
        ctl.site.butler("WorkspaceTemplate", "workspacetemplates", object);
    }
    let admin = |line: &str| whole(&ctl.admin(&words(line)));
    insta::assert_snapshot!(admin("template list -n alpha -o wide"), @r"
    exit 0
    --- stdout
    NAME  DISPLAY NAME  CATEGORY  SCOPE  IMAGE  AGE  NAMESPACE  DESCRIPTION
    go  GO  custom  team  go:1  [AGE]  butler-system  -
    js  JS  custom  team  js:1  [AGE]  butler-system  -
    go  GO  custom  team  go:2  [AGE]  alpha  -
    ");
    insta::assert_snapshot!(admin("template list -n beta -o name"), @r"
    exit 0
    --- stdout
    workspacetemplate.butler.butlerlabs.dev/go
    workspacetemplate.butler.butlerlabs.dev/js
    ");
    insta::assert_snapshot!(admin("template get go -n alpha"), @r"
    exit 0
    --- stdout
    name:  go
    display name:  GO
    description:  -
    category:  custom
    scope:  team
    image:  go:2
    processor cores:  -
    memory:  -
    storage:  20Gi
    ");
    insta::assert_snapshot!(admin("template get rust -n alpha"), @r"
    exit 1
    --- stderr
    error: there is no workspace template rust in namespace alpha
    hint: see what there is: butlerctl template list --namespace alpha
    ");
    let create = "workspace create ann --cluster web -n alpha --template go --owner ann@example.com --dry-run";
    insta::assert_snapshot!(admin(create), @r"
    exit 0
    --- stdout
    apiVersion: butler.butlerlabs.dev/v1alpha1
    kind: Workspace
    metadata:
      name: ann
      namespace: alpha
    spec:
      clusterRef:
        name: web
      image: go:2
      owner: ann@example.com
      storageSize: 20Gi
    --- stderr
    workspace ann would be created; a dry run, nothing was changed
    ");
    insta::assert_snapshot!(admin(&create.replace(" --owner ann@example.com", "")), @r"
    exit 2
    --- stderr
    error: nobody is logged in whose workspace it is
    hint: --owner EMAIL
    ");
    // The world does not play this part of Butler's server.
    insta::assert_snapshot!(run(&ctl, "template list"), @r"
    exit 1
    --- stderr
    error: cannot list workspace templates
    Caused by:
      [SERVER] answers 501: workspaces is not implemented in the simulated world
    ");
}
