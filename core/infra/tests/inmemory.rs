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
    CheckStatus, ErrorKind, InfraError, InfraPlan, Lifecycle, MachineRef, MachineSpec, OwnedObject, Owner, Progress,
    Provider, Retry, Scope, WorldAccess, call::Clock, inmemory::InMemory,
};
use fake::{FakeWorld, Fault};
use uuid::Uuid;

/// A clock that moves only when somebody sleeps.
#[derive(Default)]
struct FakeClock(Mutex<Vec<Duration>>);

impl FakeClock {
    fn slept(&self) -> Vec<Duration> {
        self.0.lock().unwrap().clone()
    }
}

impl Clock for FakeClock {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.lock().unwrap().push(duration);
        Box::pin(std::future::ready(()))
    }

    fn elapsed(&self) -> Duration {
        self.slept().iter().sum()
    }

    fn jitter(&self) -> f64 {
        1.0
    }
}

struct Setup {
    world: FakeWorld,
    provider: InMemory,
    clock: Arc<FakeClock>,
}

async fn setup(faults: &[(&'static str, Fault)]) -> Setup {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let world = FakeWorld::start(faults).await;
    let clock = Arc::new(FakeClock::default());
    let access = WorldAccess {
        control: world.control(),
        token: "s3cret".into(),
    };
    Setup {
        provider: InMemory::new(&access, clock.clone()).unwrap(),
        world,
        clock,
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
        claim: None,
        image: None,
        addressing: butler_infra::Addressing::Dhcp,
        user_data: None,
    }
}

async fn create(setup: &Setup, spec: &MachineSpec) -> MachineRef {
    match setup.provider.machine_ensure(spec, None).await.unwrap() {
        Progress::Done(machine) => machine,
        pending @ Progress::Pending(_) => panic!("{pending:?}"),
    }
}

async fn inventory(setup: &Setup, owner: &Owner) -> Result<Vec<OwnedObject>, InfraError> {
    let found = setup.provider.inventory(Scope::Cluster(owner)).await?;
    assert_eq!(found.unknown, []);
    Ok(found.objects)
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
    assert_eq!(s.world.struck(), 2);
    assert_eq!(s.clock.slept(), [Duration::from_secs(3), Duration::from_secs(1)]);
    assert_eq!(s.world.made(), 1);
}

#[tokio::test]
async fn a_reply_lost_after_the_machine_was_made_is_looked_up_and_not_repeated() {
    let s = setup(&[("POST", Fault::ResetAfterApply)]).await;
    let machine = create(&s, &spec(&owner(1))).await;
    assert_eq!(s.world.struck(), 1);
    assert_eq!(s.world.requests("POST"), 1, "the request must not be sent again");
    assert_eq!(s.world.made(), 1);
    assert_eq!(machine.id, s.world.ids()[0]);
}

#[tokio::test]
async fn a_connection_closed_before_anything_happened_is_repeated_after_a_look() {
    let s = setup(&[("POST", Fault::ResetBefore), ("GET", Fault::ResetBefore)]).await;
    // The look is a call of its own with its own repetition.
    create(&s, &spec(&owner(1))).await;
    assert_eq!(s.world.struck(), 2);
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
    assert_eq!(s.world.struck(), 1);
    assert_eq!(error.kind, ErrorKind::AlreadyExists);
}

#[tokio::test]
async fn an_internal_error_is_the_engines_to_repeat() {
    let s = setup(&[("POST", Fault::Internal)]).await;
    let error = s.provider.machine_ensure(&spec(&owner(1)), None).await.unwrap_err();
    assert_eq!((&error.kind, error.http), (&ErrorKind::Server, Some(500)));
    assert_eq!(s.world.struck(), 1);
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
    assert_eq!(error.kind, ErrorKind::SpecDrift);
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
    assert_eq!(error.kind, ErrorKind::Foreign);
    let error = s.provider.machine_delete(&owner(1), &theirs, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Foreign);
    assert_eq!(s.world.requests("DELETE"), 0);
    assert!(inventory(&s, &owner(1)).await.unwrap().is_empty());
    assert_eq!(inventory(&s, &owner(2)).await.unwrap().len(), 1);
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

    // Accepted is not gone.
    let step = s.provider.machine_delete(&owner(1), &machine, None).await.unwrap();
    assert!(matches!(step, Progress::Pending(_)), "{step:?}");
    s.world.remove(&machine.id);
    assert_eq!(
        s.provider.machine_delete(&owner(1), &machine, None).await.unwrap(),
        Progress::Done(())
    );
    assert_eq!(
        s.provider.machine_observe(&machine).await.unwrap().lifecycle,
        Lifecycle::Absent
    );
}

/// The handle of a deletion under way.
async fn deleting(s: &Setup, machine: &MachineRef) -> butler_infra::Pending {
    match s.provider.machine_delete(&owner(1), machine, None).await.unwrap() {
        Progress::Pending(pending) => pending,
        Progress::Done(()) => panic!("deleted at once"),
    }
}

#[tokio::test]
async fn a_deletion_that_was_accepted_is_followed_and_not_asked_for_again() {
    let s = setup(&[]).await;
    let machine = create(&s, &spec(&owner(1))).await;
    let first = deleting(&s, &machine).await;
    let state = s.provider.machine_observe(&machine).await.unwrap();
    assert_eq!(state.lifecycle, Lifecycle::Deleting);
    assert_eq!(inventory(&s, &owner(1)).await.unwrap()[0].raw_status, "deleting");

    let handle = Some(first.handle.clone());
    let again = s.provider.machine_delete(&owner(1), &machine, handle).await.unwrap();
    assert_eq!(again, Progress::Pending(first));
    assert_eq!(s.world.requests("DELETE"), 1);
    s.world.remove(&machine.id);
    let end = s.provider.machine_delete(&owner(1), &machine, None).await.unwrap();
    assert_eq!(end, Progress::Done(()));
    assert_eq!(s.world.requests("DELETE"), 1);
}

#[tokio::test]
async fn a_reply_lost_after_the_deletion_was_accepted_is_looked_up_and_not_repeated() {
    let s = setup(&[("DELETE", Fault::ResetAfterApply)]).await;
    let machine = create(&s, &spec(&owner(1))).await;
    deleting(&s, &machine).await;
    assert_eq!(s.world.struck(), 1);
    assert_eq!(s.world.requests("DELETE"), 1, "the request must not be sent again");
}

#[tokio::test]
async fn a_deletion_that_did_not_arrive_is_repeated_after_a_look() {
    let s = setup(&[("DELETE", Fault::ResetBefore)]).await;
    let machine = create(&s, &spec(&owner(1))).await;
    deleting(&s, &machine).await;
    assert_eq!((s.world.struck(), s.world.requests("DELETE")), (1, 2));
}

#[tokio::test]
async fn a_reply_lost_by_a_machine_that_is_gone_is_a_proof_of_absence() {
    let s = setup(&[("DELETE", Fault::ResetAfterApply)]).await;
    let machine = create(&s, &spec(&owner(1))).await;
    s.world.delete_at_once();
    let end = s.provider.machine_delete(&owner(1), &machine, None).await.unwrap();
    assert_eq!(end, Progress::Done(()));
    assert_eq!(s.world.struck(), 1);
}

#[tokio::test]
async fn an_internal_error_while_deleting_is_the_engines_to_repeat() {
    let s = setup(&[("DELETE", Fault::Internal)]).await;
    let machine = create(&s, &spec(&owner(1))).await;
    let error = s.provider.machine_delete(&owner(1), &machine, None).await.unwrap_err();
    assert_eq!((s.world.struck(), &error.kind), (1, &ErrorKind::Server));
    assert!(matches!(error.retry(), Retry::After(_)));
    deleting(&s, &machine).await;
}

#[tokio::test]
async fn a_later_machine_under_the_id_of_ours_is_neither_ours_nor_deleted() {
    let s = setup(&[]).await;
    let machine = create(&s, &spec(&owner(1))).await;
    assert!(machine.created.is_some());
    s.world.made_at(&machine.id, "2027-01-01T00:00:00Z");
    let state = s.provider.machine_observe(&machine).await.unwrap();
    assert_eq!(state.lifecycle, Lifecycle::Absent);
    let error = s.provider.machine_delete(&owner(1), &machine, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Foreign);
    assert_eq!(
        error.to_string(),
        "inmemory: delete machine demo-cp-0: its id belongs to a machine that was made later"
    );
    assert_eq!(s.world.requests("DELETE"), 0);
}

/// The marker may change between our look and our request: the world compares once more.
#[tokio::test]
async fn the_owner_goes_with_the_request_to_delete() {
    let s = setup(&[]).await;
    let machine = create(&s, &spec(&owner(1))).await;
    s.world
        .change_owner_after_read(&machine.id, &owner(2).cluster_id.to_string());
    let error = s.provider.machine_delete(&owner(1), &machine, None).await.unwrap_err();
    assert_eq!((s.world.requests("DELETE"), &error.kind), (1, &ErrorKind::Foreign));
    assert_eq!(inventory(&s, &owner(2)).await.unwrap()[0].raw_status, "creating");
}

async fn names(s: &Setup, scope: Scope<'_>) -> String {
    let found = s.provider.inventory(scope).await.unwrap();
    let mut names: Vec<String> = found.objects.into_iter().map(|object| object.name).collect();
    names.sort();
    names.join("")
}

#[tokio::test]
async fn an_inventory_answers_for_one_cluster_for_a_name_and_for_everything() {
    let s = setup(&[]).await;
    let same_name = Owner {
        cluster_name: "cluster-1".into(),
        ..owner(3)
    };
    for (name, owner) in [("a", owner(1)), ("b", owner(2)), ("c", same_name.clone())] {
        let spec = MachineSpec {
            name: name.into(),
            ..spec(&owner)
        };
        create(&s, &spec).await;
    }
    s.world.add_unowned("d");
    assert_eq!(names(&s, Scope::Cluster(&owner(1))).await, "a");
    assert_eq!(names(&s, Scope::Named("cluster-1")).await, "ac");
    assert_eq!(names(&s, Scope::Everything).await, "abc");

    let found = inventory(&s, &same_name).await.unwrap().remove(0);
    assert_eq!(found.owner, same_name);
    assert_eq!((found.generation, found.created.is_some()), (1, true));
    let end = s
        .provider
        .machine_delete(&same_name, &found.machine().unwrap(), None)
        .await;
    assert!(matches!(end, Ok(Progress::Pending(_))), "{end:?}");
}

/// The platform keeps the memory of what it deleted.
#[tokio::test]
async fn tombstones_are_absent() {
    let s = setup(&[]).await;
    let machine = create(&s, &spec(&owner(1))).await;
    s.world.advance(&machine.id, "deleted", "");
    let state = s.provider.machine_observe(&machine).await.unwrap();
    assert_eq!(state.lifecycle, Lifecycle::Absent);
    assert!(inventory(&s, &owner(1)).await.unwrap().is_empty());
    let end = s.provider.machine_delete(&owner(1), &machine, None).await.unwrap();
    assert_eq!((end, s.world.requests("DELETE")), (Progress::Done(()), 0));
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_final_and_names_the_call() {
    let s = setup(&[("GET", Fault::Rubbish)]).await;
    let error = inventory(&s, &owner(1)).await.unwrap_err();
    assert_eq!((s.world.struck(), &error.kind), (1, &ErrorKind::Protocol));
    assert_eq!(
        error.to_string(),
        "inmemory: list machines cluster-1: the answer cannot be understood"
    );
    assert!(s.clock.slept().is_empty());
}

#[tokio::test]
async fn a_world_that_is_gone_is_unreachable_after_all_tries() {
    let s = setup(&[]).await;
    s.world.stop().await;
    let error = inventory(&s, &owner(1)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert_eq!(s.clock.slept().len(), 5);
    assert_eq!(error.hint.as_deref(), Some("butleradm inmemory status"));
}

#[tokio::test]
async fn the_token_is_sent_and_never_shown() {
    let s = setup(&[]).await;
    let access = WorldAccess {
        control: s.world.control(),
        token: "wrong-token".into(),
    };
    let stranger = InMemory::new(&access, s.clock.clone()).unwrap();
    let error = stranger.inventory(Scope::Cluster(&owner(1))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthenticated);
    assert!(!format!("{error:?} {access:?}").contains("wrong-token"));
}

#[tokio::test]
async fn preflight_names_a_name_that_is_taken() {
    let s = setup(&[]).await;
    let plan = |owner: &Owner| InfraPlan {
        owner: owner.clone(),
        machines: vec![spec(owner)],
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
