//! What is decided before an operation begins.

use std::sync::Mutex;

use butler_api::config::{ChartMirror, HttpUrl, InMemory};
use butler_infra::{BoxError, CheckStatus, ChoiceKind, ErrorKind, Query, WorldAccess};
use futures::future::{BoxFuture, FutureExt as _};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::samples::shipped;

/// A door behind which no world runs; it keeps what it was asked.
#[derive(Default)]
struct NoWorld {
    refuses: bool,
    asked: Mutex<Vec<&'static str>>,
}

/// A session without a keyring.
struct NoKeyring;

impl Keyring for NoKeyring {
    fn secret<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<Option<SecretString>, BoxError>> {
        Box::pin(async { Err(BoxError::from("there is none")) })
    }
}

impl NoWorld {
    fn note(&self, what: &'static str) {
        self.asked.lock().unwrap().push(what);
    }
}

impl WorldDoor for NoWorld {
    fn check(&self, _: &InMemory) -> Result<(), BoxError> {
        self.note("check");
        if self.refuses {
            return Err("the world file is no good".into());
        }
        Ok(())
    }

    fn find<'a>(&'a self, _: &'a InMemory, start: bool) -> BoxFuture<'a, Result<Option<WorldAccess>, BoxError>> {
        self.note(if start { "start" } else { "find" });
        async { Ok(None) }.boxed()
    }

    fn offers(&self, _: &InMemory, kind: &str, parent: Option<&str>) -> Result<Vec<u8>, BoxError> {
        self.note("offers");
        match (kind, parent) {
            ("nodes", None) => Ok(br#"{"items": [{"id": "b"}, {"id": "a"}]}"#.to_vec()),
            _ => Err("the world file has no such thing".into()),
        }
    }

    fn plays<'a>(&'a self, _: &'a HttpUrl) -> BoxFuture<'a, bool> {
        async { false }.boxed()
    }
}

fn no_limits() -> Limits {
    Limits {
        deadline: None,
        cancel: CancellationToken::new(),
    }
}

/// A home of its own, an environment, and no world.
struct Site {
    root: tempfile::TempDir,
    home: Home,
    environment: Environment,
    world: NoWorld,
}

impl Site {
    fn new(environment: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        Self {
            home: Home::below(&root.path().join("home")),
            environment: environment.iter().copied().collect(),
            world: NoWorld::default(),
            root,
        }
    }

    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            home: &self.home,
            environment: &self.environment,
            world: &self.world,
            keyring: &NoKeyring,
        }
    }

    fn asked(&self) -> Vec<&'static str> {
        self.world.asked.lock().unwrap().clone()
    }

    async fn refused(&self, config: BootstrapConfig) -> SetupError {
        let request = bootstrap(config, self.surroundings(), false, &no_limits()).await;
        request.err().expect("the bootstrap is refused")
    }
}

#[tokio::test]
async fn a_plan_starts_no_world_writes_nothing_and_says_what_it_could_not_see() {
    let site = Site::new(&[]);
    let config = shipped("inmemory-single.yaml");
    let plan = plan(config, site.surroundings(), &no_limits()).await.unwrap();
    assert_eq!(site.asked(), ["check", "find"]);
    assert!(!site.home.state.exists() && !site.home.people.exists());
    let unseen = plan
        .warnings
        .iter()
        .any(|w| w.contains("the simulated world is not running"));
    assert!(unseen, "{:?}", plan.warnings);
}

/// What is asked before there is a run starts none of its world.
#[tokio::test]
async fn a_world_that_is_not_up_is_told_by_its_file() {
    let mut site = Site::new(&[]);
    let settings = shipped("inmemory-single.yaml").provider;
    let listed = offers(&settings, Query::all(ChoiceKind::Node), site.surroundings())
        .await
        .unwrap();
    let ids: Vec<&str> = listed.choices.iter().map(|choice| choice.id.as_str()).collect();
    assert_eq!((ids, listed.failed.is_none()), (vec!["a", "b"], true));
    let pools = offers(&settings, Query::all(ChoiceKind::Pool), site.surroundings())
        .await
        .unwrap();
    assert_eq!(pools.failed.unwrap().kind, ErrorKind::Unsupported);
    let checks = validate_platform(&settings, site.surroundings()).await.unwrap();
    assert_eq!(checks[0].status, CheckStatus::Ok, "{checks:?}");
    assert_eq!(site.asked(), ["find", "offers", "find", "find", "check"]);
    site.world.refuses = true;
    let checks = validate_platform(&settings, site.surroundings()).await.unwrap();
    assert_eq!(
        (checks[0].status, checks[0].summary.as_str()),
        (CheckStatus::Fail, "the world file is no good")
    );
}

#[tokio::test]
async fn a_bootstrap_starts_the_world_once_everything_else_is_right() {
    let mut site = Site::new(&[]);
    let error = site.refused(shipped("inmemory-single.yaml")).await;
    assert_eq!(site.asked(), ["check", "start"]);
    assert!(matches!(error, SetupError::Platform(_)), "{error}");
    site.world = NoWorld {
        refuses: true,
        ..NoWorld::default()
    };
    let error = site.refused(shipped("inmemory-single.yaml")).await;
    assert_eq!(
        (site.asked(), error.to_string().as_str()),
        (vec!["check"], "the world file is no good")
    );
}

#[tokio::test]
async fn proxies_matter_where_something_is_fetched_through_them() {
    let site = Site::new(&[("HTTPS_PROXY", "http://user:hunter2 @:::")]);
    let error = site.refused(shipped("static.yaml")).await;
    assert!(
        matches!(
            error,
            SetupError::Proxy {
                variable: "HTTPS_PROXY"
            }
        ),
        "{error}"
    );
    let error = site.refused(shipped("inmemory-single.yaml")).await;
    assert!(matches!(error, SetupError::Platform(_)), "{error}");
}

#[tokio::test]
async fn a_missing_helm_is_found_before_the_platform_is_asked() {
    let site = Site::new(&[("PATH", "/nonexistent")]);
    let error = site.refused(shipped("static.yaml")).await;
    assert!(matches!(error, SetupError::NoHelm(_)), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn what_a_folder_of_charts_lacks_is_told_with_the_first_and_a_count() {
    let site = Site::new(&[]);
    let mut config = shipped("static.yaml");
    config.addons.chart_mirror = Some(ChartMirror::Folder(site.root.path().display().to_string()));
    let error = mirror_is_whole(&config, false, &ClusterFacts::default()).unwrap_err();
    let told = error.to_string();
    assert!(told.contains(" more)") && told.contains(".tgz"), "{told}");
    assert!(error.hint().is_some_and(|hint| hint.contains("--dry-run")));
}

#[test]
fn the_time_that_is_left_is_what_a_run_gets() {
    let mut limits = no_limits();
    assert_eq!(limits.left(), None);
    limits.deadline = Some(std::time::Instant::now());
    assert_eq!(limits.left(), Some(std::time::Duration::ZERO));
}
