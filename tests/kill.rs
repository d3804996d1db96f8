//! `kill -9` all along the journal: the same command goes on, nothing is made twice.
//!
//! Debug builds can be told to die right after the n-th record of a run is on disk, which is what `kill -9` at that
//! moment looks like to the next run: no destructor runs, no buffer is flushed.

use crate::world::{SHORT, Site};

/// More than a run of this size writes.
const PLENTY: usize = 200;

/// One cluster whose first run dies after its second record, the next one after its third, and so on until it is ready.
#[test]
fn killed_again_and_again_a_bootstrap_still_completes() {
    let site = Site::new(SHORT, 3, 3, "");
    let mut kills = 0;
    let done = loop {
        let records = (kills + 2).to_string();
        let run = site
            .command(&[])
            .env("BUTLER_TEST_DIE_AFTER_RECORDS", records)
            .output()
            .expect("the binary starts");
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

/// Kills at every record of the journal: the first cluster after records 1, 49, 97 and so on, the next one after 2, 50, 98,
/// each until it is ready, so that every length a journal can have is one that a run died at.
///
/// The stride leaves room for what a resumed run writes before it gets further: its own beginning, and the intents of
/// everything that was in flight.
#[test]
fn killed_at_every_record_a_bootstrap_completes() {
    const STRIDE: usize = 48;
    const LANES: usize = 2;
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            scope.spawn(move || {
                for offset in (0..STRIDE).skip(lane).step_by(LANES) {
                    killed_along(offset + 1, STRIDE);
                }
            });
        }
    });
}

/// Kills the bootstrap whenever its journal has `first`, `first + stride`, `first + 2 * stride` ... records.
fn killed_along(first: usize, stride: usize) {
    let site = Site::new(SHORT, 3, 3, "");
    for kills in 0..PLENTY {
        let written = site.journal().len();
        let next = first + written.saturating_sub(first).next_multiple_of(stride);
        let next = if next > written { next } else { next + stride };
        let records = (next - written).to_string();
        let run = site
            .command(&[])
            .env("BUTLER_TEST_DIE_AFTER_RECORDS", records)
            .output()
            .expect("the binary starts");
        if run.status.success() {
            assert!(kills > 2, "only {kills} kills");
            return nothing_twice(&site);
        }
        let stderr = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), None, "first {first}, at record {next}: {stderr}");
        assert_eq!(site.journal().len(), next, "it died somewhere else");
    }
    panic!("no progress: {:?}", site.journal().last());
}

pub(crate) fn nothing_twice(site: &Site) {
    let status = site.status();
    assert_eq!(status["counters"]["machinesCreated"], 6);
    assert_eq!(status["counters"]["bootstrapsTakenEffect"], 1);
    let machines = status["machines"].as_array().expect("machines");
    assert_eq!(machines.len(), 6);
    let owner = &machines[0]["owner"];
    assert!(
        machines.iter().all(|m| m["owner"] == *owner && !owner.is_null()),
        "{machines:?}"
    );
}
