//! The cases. Each gets a fresh platform.

use std::{collections::BTreeSet, sync::Arc};

use butler_infra::{
    Choice, ChoiceKind, ErrorKind, Lifecycle, MachineRef, MachineSpec, OwnedObject, Owner, Progress, Provider, Query,
    Scope,
};
use futures::TryStreamExt as _;

use crate::support::{delete, ensure, names, owner, whole};

/// A platform to judge a provider on.
pub(crate) trait Ground {
    /// A provider as a process has it: another one knows nothing of the first.
    fn provider(&self) -> Arc<dyn Provider>;

    /// A machine as this platform can make it.
    fn spec(&self, owner: &Owner, name: &str) -> MachineSpec;

    /// How many machines are on the platform, whoever's they are.
    async fn machines(&self) -> usize;

    /// Makes a machine of somebody else with this name.
    async fn foreign(&self, name: &str);

    /// Puts a later machine under the id of this one, which is gone; false where ids are never used again.
    async fn reuse(&self, machine: &MachineRef) -> bool;

    /// Loses the answer to the next request that makes a machine, after it was carried out.
    async fn lose_next_answer(&self);

    /// What the credentials are, to look for where they must not be.
    fn secret(&self) -> String;

    /// Ends the platform.
    async fn end(self);
}

pub(crate) async fn a_machine_comes_and_goes(ground: &impl Ground) {
    let (provider, ours) = (ground.provider(), owner(1));
    let wanted = ground.spec(&ours, "demo-cp-0");
    let made = ensure(&*provider, &wanted, None).await.unwrap();
    assert_eq!((made.name.as_str(), made.generation), ("demo-cp-0", 1));
    assert_ne!(
        provider.machine_observe(&made).await.unwrap().lifecycle,
        Lifecycle::Absent
    );
    assert_eq!(names(&*provider, &ours).await, ["demo-cp-0"]);

    delete(&*provider, &ours, &made).await.unwrap();
    assert_eq!(
        provider.machine_observe(&made).await.unwrap().lifecycle,
        Lifecycle::Absent
    );
    assert_eq!(names(&*provider, &ours).await, Vec::<String>::new());
    assert_eq!(ground.machines().await, 0);
    // What is gone is deleted already, also for a process that never saw it.
    delete(&*ground.provider(), &ours, &made).await.unwrap();
}

pub(crate) async fn made_twice_is_made_once(ground: &impl Ground) {
    let wanted = ground.spec(&owner(1), "demo-cp-0");
    let first = ensure(&*ground.provider(), &wanted, None).await.unwrap();
    let again = ensure(&*ground.provider(), &wanted, None).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(ground.machines().await, 1);
}

/// Between the request and the journal: the next process has no handle.
pub(crate) async fn a_run_that_died_after_its_request_is_continued(ground: &impl Ground) {
    let wanted = ground.spec(&owner(1), "demo-cp-0");
    let died = ground.provider();
    let _ = died.machine_ensure(&wanted, None).await.unwrap();
    drop(died);
    ensure(&*ground.provider(), &wanted, None).await.unwrap();
    assert_eq!(ground.machines().await, 1);
}

pub(crate) async fn a_lost_answer_makes_no_second_machine(ground: &impl Ground) {
    let wanted = ground.spec(&owner(1), "demo-cp-0");
    let provider = ground.provider();
    ground.lose_next_answer().await;
    let made = match ensure(&*provider, &wanted, None).await {
        Ok(made) => made,
        // The provider may leave it to the engine to look again.
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::Timeout { maybe_applied: true }, "{error}");
            ensure(&*provider, &wanted, None).await.unwrap()
        }
    };
    assert_eq!(ground.machines().await, 1);
    assert_eq!(ensure(&*ground.provider(), &wanted, None).await.unwrap(), made);
}

pub(crate) async fn a_machine_of_somebody_else_with_our_name_is_not_touched(ground: &impl Ground) {
    ground.foreign("demo-cp-0").await;
    let provider = ground.provider();
    let refused = ensure(&*provider, &ground.spec(&owner(1), "demo-cp-0"), None)
        .await
        .unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Foreign, "{refused}");
    assert!(
        refused.hint.is_some() && refused.to_string().contains("demo-cp-0"),
        "{refused}"
    );
    assert!(!whole(&refused).contains(&ground.secret()));
    assert_eq!(ground.machines().await, 1);
    assert_eq!(names(&*provider, &owner(1)).await, Vec::<String>::new());
}

pub(crate) async fn a_machine_of_another_cluster_is_not_deleted(ground: &impl Ground) {
    let provider = ground.provider();
    let made = ensure(&*provider, &ground.spec(&owner(1), "demo-cp-0"), None)
        .await
        .unwrap();
    let refused = delete(&*provider, &owner(2), &made).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Foreign, "{refused}");
    assert_eq!(ground.machines().await, 1);
}

pub(crate) async fn an_id_that_somebody_else_has_now_is_not_touched(ground: &impl Ground) {
    let provider = ground.provider();
    let made = ensure(&*provider, &ground.spec(&owner(1), "demo-cp-0"), None)
        .await
        .unwrap();
    delete(&*provider, &owner(1), &made).await.unwrap();
    if !ground.reuse(&made).await {
        return;
    }
    for provider in [provider, ground.provider()] {
        let refused = delete(&*provider, &owner(1), &made).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Foreign, "{refused}");
        assert_eq!(
            provider.machine_observe(&made).await.unwrap().lifecycle,
            Lifecycle::Absent
        );
    }
    assert_eq!(ground.machines().await, 1);
}

/// Accepted is not gone: as long as the machine is there the step is not done.
pub(crate) async fn a_deletion_is_followed_to_its_end(ground: &impl Ground) {
    let (provider, ours) = (ground.provider(), owner(1));
    let made = ensure(&*provider, &ground.spec(&ours, "demo-cp-0"), None)
        .await
        .unwrap();
    let first = provider.machine_delete(&ours, &made, None).await.unwrap();
    let Progress::Pending(pending) = first else {
        panic!("a platform that takes its time was not waited for")
    };
    assert!(pending.note.contains("demo-cp-0"), "{}", pending.note);
    // Whoever lost the handle follows the same deletion.
    delete(&*ground.provider(), &ours, &made).await.unwrap();
    assert_eq!(ground.machines().await, 0);
}

pub(crate) async fn a_list_of_many_is_whole(ground: &impl Ground) {
    const MANY: usize = 24;
    let (provider, ours) = (ground.provider(), owner(1));
    let wanted: Vec<MachineSpec> = (0..MANY)
        .map(|n| ground.spec(&ours, &format!("demo-worker-{n:02}")))
        .collect();
    let made = wanted.iter().map(|spec| ensure(&*provider, spec, None));
    futures::future::try_join_all(made).await.unwrap();
    ensure(&*provider, &ground.spec(&owner(2), "other-cp-0"), None)
        .await
        .unwrap();
    ground.foreign("pet").await;

    let expected: Vec<&str> = wanted.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names(&*ground.provider(), &ours).await, expected);
    let named = provider.inventory(Scope::Named(&ours.cluster_name)).await.unwrap();
    let machines: Vec<MachineRef> = named.objects.iter().filter_map(OwnedObject::machine).collect();
    assert_eq!(machines.len(), MANY);
    let ids: BTreeSet<&str> = machines.iter().map(|machine| machine.id.as_str()).collect();
    assert_eq!(ids.len(), MANY, "two machines have one id");
}

pub(crate) async fn other_settings_are_told_and_change_nothing(ground: &impl Ground) {
    let provider = ground.provider();
    let wanted = ground.spec(&owner(1), "demo-cp-0");
    let made = ensure(&*provider, &wanted, None).await.unwrap();
    let other = MachineSpec {
        cpu: wanted.cpu + 1,
        ..wanted.clone()
    };
    let refused = ensure(&*provider, &other, None).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::SpecDrift, "{refused}");
    assert_eq!(ensure(&*provider, &wanted, None).await.unwrap(), made);
    assert_eq!(ground.machines().await, 1);
}

pub(crate) async fn a_replacement_is_another_machine(ground: &impl Ground) {
    let (provider, ours) = (ground.provider(), owner(1));
    let wanted = ground.spec(&ours, "demo-cp-0");
    let first = ensure(&*provider, &wanted, None).await.unwrap();
    delete(&*provider, &ours, &first).await.unwrap();
    let next = MachineSpec {
        generation: 2,
        ..wanted
    };
    let second = ensure(&*provider, &next, None).await.unwrap();
    assert_eq!(second.generation, 2);
    // The old reference does not lead to the new machine.
    assert_eq!(
        provider.machine_observe(&first).await.unwrap().lifecycle,
        Lifecycle::Absent
    );
    let _ = delete(&*provider, &ours, &first).await;
    assert_eq!(ground.machines().await, 1);
}

/// What a wizard asks for, by settings and credentials alone.
pub(crate) async fn what_there_is_is_told_before_any_plan(ground: &impl Ground) {
    let provider = ground.provider();
    let discovery = provider.discovery().unwrap();
    let list = async |query: Query| -> Vec<Choice> { discovery.discover(query).try_collect().await.unwrap() };
    for kind in [ChoiceKind::Node, ChoiceKind::Storage, ChoiceKind::Network] {
        let all = list(Query::all(kind)).await;
        assert!(!all.is_empty() && all.iter().all(|one| one.kind == kind), "{all:?}");
        let names: BTreeSet<_> = all.iter().map(|one| (&one.parent, &one.id)).collect();
        assert_eq!(names.len(), all.len(), "{all:?}");
        if let Some(parent) = all.iter().find_map(|one| one.parent.clone()) {
            let some = list(Query {
                kind,
                parent: Some(parent.clone()),
            })
            .await;
            let belongs = |one: &Choice| one.parent.as_ref() == Some(&parent);
            assert!(!some.is_empty() && some.iter().all(belongs), "{some:?}");
        }
    }
    for node in list(Query::all(ChoiceKind::Node)).await {
        for fact in ["cpus", "memory", "free"] {
            assert!(node.facts.contains_key(fact), "{node:?} has no {fact}");
        }
    }
}
