//! Twenty platforms, each of which goes wrong in a way of its own: the cluster comes to be, nothing is made twice, and it goes.

use serde_json::{Value, json};

use crate::{Ground, Told};

/// So often may a run end with an error before the same command gets through.
const RUNS: usize = 6;
/// Machines of a cluster: three control planes and a worker.
const MACHINES: u64 = 4;

/// What can go wrong; every seed has some of it, and no two the same calls.
fn faults(seed: u64) -> Vec<Value> {
    let all = [
        json!({"path": "/**", "probability": 6, "drop": "before"}),
        json!({"path": "/**", "probability": 5, "drop": "after"}),
        json!({"path": "/**", "probability": 6, "status": 503, "retryAfter": 1}),
        json!({"path": "/nodes/**", "probability": 6, "status": 596}),
        json!({"path": "/**", "probability": 4, "status": 429, "retryAfter": 1}),
        json!({"path": "/cluster/resources", "method": "GET", "probability": 30, "stale": true}),
        json!({"path": "/**", "probability": 4, "truncate": true}),
        json!({"path": "/**", "probability": 10, "delay": "200ms"}),
        json!({"path": "/nodes/*/qemu", "method": "POST", "count": 1, "task": {"fails": "the storage hangs"}}),
        json!({"path": "/nodes/*/storage/*/download-url", "method": "POST", "count": 1, "task": {"fails": "no route to host"}}),
    ];
    // An odd factor spreads neighbours over all sets of faults.
    let chosen = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
    let some = all.into_iter().enumerate().filter(|(i, _)| chosen >> i & 1 == 1);
    some.map(|(_, mut fault)| {
        fault["seed"] = seed.into();
        fault
    })
    .collect()
}

fn lives_through(seed: u64) {
    let ground = Ground::played(3, 1, Told::Nothing);
    let faults = faults(seed);
    assert!(!faults.is_empty(), "seed {seed} has no faults");
    ground.site.patch(&json!({"faults": {"proxmox": faults}}));
    let mut errors = Vec::new();
    while errors.len() < RUNS {
        let run = ground.bootstrap(&[]);
        if run.code == Some(0) {
            break;
        }
        assert_eq!(run.code, Some(1), "seed {seed}: {}", run.stderr);
        errors.push(run.stderr);
    }
    assert!(errors.len() < RUNS, "seed {seed} of {faults:?}: {errors:#?}");
    assert_eq!(
        ground.site.counter("machinesCreated"),
        MACHINES,
        "seed {seed}: {errors:#?}"
    );
    assert_eq!(ground.site.counter("bootstrapsTakenEffect"), 1, "seed {seed}");
    ground.site.struck("proxmoxFaults", 1);
    let mut kinds = ground.leaves_nothing(&[]);
    kinds.dedup();
    assert_eq!(kinds, ["file", "image", "machine"], "seed {seed}");
}

/// Most of the time is spent waiting for platforms that ask for patience, so several are waited for at once.
#[test]
fn twenty_platforms_that_go_wrong() {
    std::thread::scope(|scope| {
        for first in 1..=4 {
            scope.spawn(move || (first..=20).step_by(4).for_each(lives_through));
        }
    });
}
