//! What the simulated world offers to a configuration: many, none, late, and with a failure in the middle.

use butler_infra::{
    Choice, ChoiceKind, ErrorKind, InfraError, Provider as _, Query, call::SystemClock, inmemory::InMemory,
};
use futures::StreamExt as _;

use crate::world::Running;

/// Everything that a world with these settings says of a kind.
async fn told(network: u8, settings: &str, query: Query) -> Vec<Result<Choice, InfraError>> {
    let world = Running::start(&format!("127.{network}.0.0/16"), settings, 0).await;
    let provider = InMemory::new(&world.access(), SystemClock::new()).unwrap();
    let all = provider.discovery().unwrap().discover(query).collect().await;
    world.end().await;
    all
}

fn ids(list: &[Result<Choice, InfraError>]) -> Vec<&str> {
    list.iter()
        .map(|one| one.as_ref().map_or("-", |choice| choice.id.as_str()))
        .collect()
}

#[tokio::test]
async fn five_thousand_are_told_in_pages() {
    let settings = "offers: {networks: {}, more: {networks: 5000}}";
    let all = told(180, settings, Query::all(ChoiceKind::Network)).await;
    let ids = ids(&all);
    assert_eq!((ids.len(), ids[0], ids[4999]), (5000, "network-00001", "network-05000"));
}

#[tokio::test]
async fn nothing_is_a_list_as_well() {
    let all = told(181, "offers: {nodes: {}}", Query::all(ChoiceKind::Node)).await;
    assert_eq!(ids(&all), Vec::<&str>::new());
}

#[tokio::test]
async fn what_came_before_a_failure_stays() {
    let settings = "offers: {more: {images: 5}, perPage: 2}\n\
        faults: {offers: [{path: /images, nth: 3, status: 403, message: you may not list images}]}";
    let all = told(182, settings, Query::all(ChoiceKind::Image)).await;
    assert_eq!(
        ids(&all),
        ["image-00001", "image-00002", "image-00003", "image-00004", "-"]
    );
    let error = all[4].as_ref().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden { missing: vec![] });
    assert!(error.to_string().contains("you may not list images"), "{error}");
}

#[tokio::test]
async fn what_has_come_is_there_while_the_rest_is_late() {
    let settings = "offers: {more: {images: 5}, perPage: 2}\nfaults: {offers: [{path: /images, nth: 2, delay: 1h}]}";
    let world = Running::start("127.183.0.0/16", settings, 0).await;
    let provider = InMemory::new(&world.access(), SystemClock::new()).unwrap();
    let query = Query::all(ChoiceKind::Image);
    let first: Vec<_> = provider.discovery().unwrap().discover(query).take(2).collect().await;
    assert_eq!(ids(&first), ["image-00001", "image-00002"]);
    world.end().await;
}

#[tokio::test]
async fn what_cannot_be_used_and_what_it_does_not_have_are_told() {
    let all = told(
        184,
        "offers: {nodes: {a: {unusable: it is off}}}",
        Query::all(ChoiceKind::Node),
    )
    .await;
    assert_eq!(all[0].as_ref().unwrap().unusable.as_deref(), Some("it is off"));
    let all = told(185, "", Query::all(ChoiceKind::Pool)).await;
    assert_eq!(all[0].as_ref().unwrap_err().kind, ErrorKind::Unsupported);
}
