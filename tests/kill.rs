//! `kill -9` at every journal record: the same command goes on, nothing is made twice.
//!
//! Debug builds can be told to die right after the n-th record of a run is on disk, which is what `kill -9` at that
//! moment looks like to the next run: no destructor runs, no buffer is flushed.

mod world;

use world::{SHORT, Site};

/// More than a run of this size writes.
const PLENTY: usize = 1_000;

/// One cluster whose first run dies after its second record, the next one after its third, and so on until it is ready.
#[test]
fn killed_again_and_again_a_bootstrap_still_completes() {
    let site = Site::new(SHORT, 3, 3, "");
    let mut kills = 0;
    let done = loop {
        let records = (kills + 2).to_string();
        let run = site.command(&[]).env("BUTLER_TEST_DIE_AFTER_RECORDS", records).output().unwrap();
        if run.status.success() {
            break run;
        }
        assert_eq!(run.status.code(), None, "{}", String::from_utf8_lossy(&run.stderr));
        kills += 1;
        assert!(kills < PLENTY, "no progress: {:?}", site.journal().last());
    };
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(stderr.contains("management cluster ready"), "{stderr}");
    assert!(kills > 10, "only {kills} kills");
    nothing_twice(&site);
}

/// A fresh cluster for each record: killed once there, then left alone.
#[test]
fn killed_once_at_every_record_a_bootstrap_completes() {
    let records = {
        let site = Site::new(SHORT, 3, 3, "");
        site.bootstrap(&[]).is_ready();
        site.journal().len()
    };
    let points: Vec<usize> = (1..=records).collect();
    let lanes = 3;
    std::thread::scope(|scope| {
        for lane in 0..lanes {
            let points = points.iter().skip(lane).step_by(lanes).copied().collect::<Vec<_>>();
            scope.spawn(move || points.into_iter().for_each(killed_once));
        }
    });
}

fn killed_once(record: usize) {
    let site = Site::new(SHORT, 3, 3, "");
    let first = site.command(&[]).env("BUTLER_TEST_DIE_AFTER_RECORDS", record.to_string()).output().unwrap();
    if first.status.code() == Some(0) {
        return; // this run wrote fewer records
    }
    let again = site.bootstrap(&[]);
    assert_eq!(again.code, Some(0), "killed after record {record}: {}", again.stderr);
    nothing_twice(&site);
}

fn nothing_twice(site: &Site) {
    let status = site.status();
    assert_eq!(status["counters"]["machinesCreated"], 6);
    assert_eq!(status["counters"]["bootstrapsTakenEffect"], 1);
    let machines = status["machines"].as_array().unwrap();
    assert_eq!(machines.len(), 6);
    let owner = &machines[0]["owner"];
    assert!(machines.iter().all(|m| m["owner"] == *owner && !owner.is_null()), "{machines:?}");
}
