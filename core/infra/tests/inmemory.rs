//! Provider `inmemory` against a small fake of the world's control API, with the faults that a real one shows.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod fake;

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use butler_api::config::Role;
use butler_infra::{
    CheckStatus, Class, InfraPlan, Lifecycle, MachineRef, MachineSpec, Owner, Provider, Retry, Step, World, call::Pace,
    inmemory::InMemory,
};
use fake::{FakeWorld, Fault};
use uuid::Uuid;

/// A clock that moves only when somebody sleeps.
#[derive(Default)]
struct FakePace(Mutex<Vec<Duration>>);

impl FakePace {
    fn slept(&self) -> Vec<Duration> {
        self.0.lock().unwrap().clone()
    }
}

impl Pace for FakePace {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.lock().unwrap().push(duration);
        Box::pin(std::future::ready(()))
    }

    fn elapsed(&self) -> Duration {
        self.slept().iter().sum()
    }

    fn chance(&self) -> f64 {
        1.0
    }
}

struct Setup {
    world: FakeWorld,
    provider: InMemory,
    pace: Arc<FakePace>,
}

async fn setup(faults: &[(&'static str, Fault)]) -> Setup {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let world = FakeWorld::start(faults).await;
    let pace = Arc::new(FakePace::default());
    let access = World {
        control: world.control(),
        token: "s3cret".into(),
    };
    Setup {
        provider: InMemory::new(&access, pace.clone()).unwrap(),
        world,
        pace,
    }
}

fn owner(n: u128) -> Owner {
    Owner {
        cluster_id: Uuid::from_u128(n),
        cluster_name: format!("cluster-{n}"),
    }
}

fn spec(owner: &Owner) -> MachineSpec {
    MachineSpec {
        owner: owner.clone(),
        name: "demo-cp-0".into(),
        role: Role::ControlPlane,
        generation: 1,
        cpu: 2,
        memory_mb: 4096,
        disk_gb: 40,
        extra_disks: vec![],
        labels: BTreeMap::new(),
    }
}

async fn create(setup: &Setup, spec: &MachineSpec) -> MachineRef {
    match setup.provider.machine_ensure(spec, None).await.unwrap() {
        Step::Done(machine) => machine,
        pending @ Step::Pending { .. } => panic!("{pending:?}"),
    }
}

#[tokio::test]
async fn ensuring_twice_makes_one_machine() {
    let s = setup(&[]).await;
    let first = create(&s, &spec(&owner(1))).await;
    let second = create(&s, &spec(&owner(1))).await;
    assert_eq!(first, second);
    assert_eq!(s.world.made(), 1);
}

#[tokio::test]
async fn a_throttle_is_waited_out_as_long_as_the_world_asks() {
    let s = setup(&[("POST", Fault::Throttle(3)), ("POST", Fault::Throttle(1))]).await;
    create(&s, &spec(&owner(1))).await;
    assert_eq!(s.pace.slept(), [Duration::from_secs(3), Duration::from_secs(1)]);
    assert_eq!(s.world.made(), 1);
}

#[tokio::test]
async fn a_reply_lost_after_the_machine_was_made_is_looked_up_and_not_repeated() {
    let s = setup(&[("POST", Fault::ResetAfterApply)]).await;
    let machine = create(&s, &spec(&owner(1))).await;
    assert_eq!(s.world.requests("POST"), 1, "the request must not be sent again");
    assert_eq!(s.world.made(), 1);
    assert_eq!(machine.id, s.world.ids()[0]);
}

#[tokio::test]
async fn a_connection_closed_before_anything_happened_is_repeated_after_a_look() {
    let s = setup(&[("POST", Fault::ResetBefore), ("GET", Fault::ResetBefore)]).await;
    // The look is a call of its own with its own repetition.
    create(&s, &spec(&owner(1))).await;
    assert_eq!((s.world.requests("POST"), s.world.made()), (2, 1));
    assert_eq!(s.world.requests("GET"), 2);
}

#[tokio::test]
async fn a_lost_reply_does_not_adopt_a_machine_of_another_generation() {
    let s = setup(&[]).await;
    create(&s, &spec(&owner(1))).await;
    s.world.fault("POST", Fault::ResetBefore);
    let next = MachineSpec {
        generation: 2,
        ..spec(&owner(1))
    };
    let error = s.provider.machine_ensure(&next, None).await.unwrap_err();
    assert_eq!(error.class, Class::AlreadyExists);
}

#[tokio::test]
async fn an_internal_error_is_the_engines_to_repeat() {
    let s = setup(&[("POST", Fault::Internal)]).await;
    let error = s.provider.machine_ensure(&spec(&owner(1)), None).await.unwrap_err();
    assert_eq!((&error.class, error.http), (&Class::Server, Some(500)));
    assert!(matches!(error.retry(), Retry::After(_)));
    create(&s, &spec(&owner(1))).await;
}

#[tokio::test]
async fn other_settings_under_the_same_key_are_drift() {
    let s = setup(&[]).await;
    create(&s, &spec(&owner(1))).await;
    let bigger = MachineSpec {
        cpu: 16,
        ..spec(&owner(1))
    };
    let error = s.provider.machine_ensure(&bigger, None).await.unwrap_err();
    assert_eq!(error.class, Class::SpecDrift);
    assert_eq!(error.retry(), Retry::Never);
    assert_eq!(
        error.to_string(),
        "inmemory: create machine demo-cp-0: demo-cp-0 was made with another specification (IdempotencyMismatch, HTTP 409)"
    );
}

#[tokio::test]
async fn a_machine_of_another_cluster_is_neither_adopted_nor_deleted() {
    let s = setup(&[]).await;
    let theirs = create(&s, &spec(&owner(2))).await;
    let error = s.provider.machine_ensure(&spec(&owner(1)), None).await.unwrap_err();
    assert_eq!(error.class, Class::Foreign);
    let error = s.provider.machine_delete(&owner(1), &theirs).await.unwrap_err();
    assert_eq!(error.class, Class::Foreign);
    assert_eq!(s.world.requests("DELETE"), 0);
    assert!(s.provider.inventory(&owner(1)).await.unwrap().is_empty());
    assert_eq!(s.provider.inventory(&owner(2)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_machine_is_observed_from_creation_to_deletion() {
    let s = setup(&[]).await;
    let machine = create(&s, &spec(&owner(1))).await;
    let state = s.provider.machine_observe(&machine).await.unwrap();
    assert_eq!((state.lifecycle, state.addresses), (Lifecycle::Creating, vec![]));

    s.world.advance(&machine.id, "maintenance", "127.64.0.7");
    let state = s.provider.machine_observe(&machine).await.unwrap();
    assert_eq!(state.lifecycle, Lifecycle::Running);
    assert_eq!(state.address().unwrap().to_string(), "127.64.0.7");
    assert_eq!(state.fingerprint.as_deref(), Some("print"));
    assert_eq!(s.provider.console(&machine).await.unwrap(), "booted\n");

    // Accepted is not gone.
    let step = s.provider.machine_delete(&owner(1), &machine).await.unwrap();
    assert!(matches!(step, Step::Pending { .. }), "{step:?}");
    s.world.remove(&machine.id);
    assert_eq!(
        s.provider.machine_delete(&owner(1), &machine).await.unwrap(),
        Step::Done(())
    );
    assert_eq!(
        s.provider.machine_observe(&machine).await.unwrap().lifecycle,
        Lifecycle::Absent
    );
}

#[tokio::test]
async fn a_reset_while_deleting_is_repeated() {
    let s = setup(&[("DELETE", Fault::ResetAfterApply)]).await;
    let machine = create(&s, &spec(&owner(1))).await;
    s.world.delete_at_once();
    assert_eq!(
        s.provider.machine_delete(&owner(1), &machine).await.unwrap(),
        Step::Done(())
    );
    assert_eq!(
        s.provider.machine_delete(&owner(1), &machine).await.unwrap(),
        Step::Done(())
    );
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_final_and_names_the_call() {
    let s = setup(&[("GET", Fault::Rubbish)]).await;
    let error = s.provider.inventory(&owner(1)).await.unwrap_err();
    assert_eq!(error.class, Class::Protocol);
    assert_eq!(
        error.to_string(),
        "inmemory: list machines cluster-1: the world's answer cannot be understood"
    );
    assert!(s.pace.slept().is_empty());
}

#[tokio::test]
async fn a_world_that_is_gone_is_unreachable_after_all_tries() {
    let s = setup(&[]).await;
    s.world.stop().await;
    let error = s.provider.inventory(&owner(1)).await.unwrap_err();
    assert_eq!(error.class, Class::Unreachable);
    assert_eq!(s.pace.slept().len(), 5);
    assert_eq!(error.hint.as_deref(), Some("butleradm inmemory status"));
}

#[tokio::test]
async fn the_token_is_sent_and_never_shown() {
    let s = setup(&[]).await;
    let access = World {
        control: s.world.control(),
        token: "wrong-token".into(),
    };
    let stranger = InMemory::new(&access, s.pace.clone()).unwrap();
    let error = stranger.inventory(&owner(1)).await.unwrap_err();
    assert_eq!(error.class, Class::Unauthenticated);
    assert!(!format!("{error:?} {access:?}").contains("wrong-token"));
}

#[tokio::test]
async fn preflight_names_a_name_that_is_taken() {
    let s = setup(&[]).await;
    let plan = |owner: &Owner| InfraPlan {
        owner: owner.clone(),
        machines: vec![spec(owner)],
        talos_version: semver::Version::new(1, 12, 1),
    };
    create(&s, &spec(&owner(2))).await;
    let checks = s.provider.preflight(&plan(&owner(1))).await.unwrap();
    let names = checks.iter().find(|c| c.id == "inmemory/names").unwrap();
    assert_eq!(names.status, CheckStatus::Fail);
    assert_eq!(names.summary, "machine name demo-cp-0 is taken by cluster cluster-2");
    let checks = s.provider.preflight(&plan(&owner(2))).await.unwrap();
    assert!(checks.iter().all(|c| c.status == CheckStatus::Ok), "{checks:?}");

    s.world.stop().await;
    let error = s.provider.preflight(&plan(&owner(1))).await.unwrap_err();
    assert!(
        !matches!(error.retry(), butler_infra::Retry::Never),
        "a world that is gone may come back: {error}"
    );
}

#[tokio::test]
async fn what_the_provider_lacks_is_said_so() {
    let s = setup(&[]).await;
    let query = butler_infra::DiscoverQuery {
        kind: butler_infra::DiscoverKind::Network,
        parent: None,
    };
    let error = s.provider.discover(&query).await.unwrap_err();
    assert_eq!(error.class, Class::Unsupported);
    assert_eq!(
        error.to_string(),
        "inmemory: discover: not available with this provider"
    );
}
