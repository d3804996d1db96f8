//! Shows the progress renderers with a made-up run, in real time: `cargo run -p butler-terminal --example progress`.
//!
//! The first argument is the number of workers; piped, or with `CI=1`, it shows the lines instead of the live view.

use std::time::Duration;

use butler_api::event::{Body, Event, MachineLine, Outcome, SCHEMA_VERSION};
use butler_terminal::{Env, Ui, UiOptions, progress};
use jiff::{SignedDuration, Timestamp};

const ADDONS: [&str; 8] = [
    "kube-vip",
    "cilium",
    "cert-manager",
    "longhorn",
    "metallb",
    "traefik",
    "steward",
    "butler-controller",
];

fn main() {
    let workers = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(3);
    let ui = Ui::from_process(UiOptions::default(), &Env::from_process());
    let mut renderer = progress::renderer(&ui, true);
    let start = Timestamp::now();
    let mut script = script(workers);
    script.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    for ((seconds, body), seq) in script.into_iter().zip(1..) {
        let due = start + SignedDuration::from_secs_f64(seconds);
        while Timestamp::now() < due {
            std::thread::sleep(Duration::from_millis(100));
            renderer.tick(Timestamp::now());
        }
        let run = uuid::Uuid::nil();
        renderer.event(&Event {
            v: SCHEMA_VERSION,
            seq,
            time: due,
            run,
            cluster: "demo".to_owned(),
            body,
        });
    }
    renderer.finish();
    ui.hint("export KUBECONFIG=~/.butler/demo-kubeconfig");
}

fn script(workers: u32) -> Vec<(f64, Body)> {
    let names: Vec<String> = (0..3)
        .map(|i| format!("demo-cp-{i}"))
        .chain((0..workers).map(|i| format!("demo-worker-{i}")))
        .collect();
    let mut events = vec![(
        0.0,
        Body::RunStarted {
            resumed: false,
            steps: names.len() + ADDONS.len(),
            proven: 0,
            machines: names.iter().map(|name| machine(name, "pending")).collect(),
            addons: ADDONS.map(str::to_owned).to_vec(),
        },
    )];
    for (at, phase) in [
        (0.0, "ProvisioningMachines"),
        (5.0, "ConfiguringTalos"),
        (8.0, "InstallingAddons"),
        (16.0, "Ready"),
    ] {
        events.push((
            at,
            Body::PhaseChanged {
                phase: phase.to_owned(),
            },
        ));
    }
    for (name, i) in names.iter().zip(0_u32..) {
        events.extend(machine_story(name, f64::from(i % 17) * 0.2));
    }
    for (addon, i) in ADDONS.iter().zip(0_u32..) {
        events.extend(addon_story(addon, 8.0 + f64::from(i)));
    }
    let warning = Body::Warning {
        message: "the clock of demo-cp-1 is 4 s behind".to_owned(),
        hint: Some("check talos.timeServers".to_owned()),
    };
    events.push((6.0, warning));
    let path = "~/.butler/demo-kubeconfig".to_owned();
    events.push((
        16.5,
        Body::FileWritten {
            what: "kubeconfig".to_owned(),
            path,
        },
    ));
    events.push((
        17.0,
        Body::RunFinished {
            outcome: Outcome::Done,
            seconds: 17.0,
            message: "management cluster ready".to_owned(),
        },
    ));
    events
}

fn machine_story(name: &str, delay: f64) -> Vec<(f64, Body)> {
    let step = format!("machine/{name}/boot");
    let change = |state: &str| Body::MachineChanged {
        machine: machine(name, state),
    };
    let waiting = |what: &str, cause: &str, seconds: f64| Body::StepWaiting {
        step: step.clone(),
        waiting_for: what.to_owned(),
        cause: Some(cause.to_owned()),
        chain: Vec::new(),
        hint: None,
        seconds,
    };
    let talos = format!("Talos on {name} answers");
    vec![
        (
            delay,
            Body::StepStarted {
                step: step.clone(),
                title: format!("boot {name}"),
                deadline_seconds: 20,
            },
        ),
        (delay, change("creating")),
        (1.0 + delay, change("booting")),
        (
            1.0 + delay,
            waiting(&talos, "127.64.0.2:50000: connection refused", 0.0),
        ),
        (3.0 + delay, change("maintenance")),
        (4.0 + delay, change("configured")),
        (
            4.0 + delay,
            waiting(
                "every node is ready",
                "container runtime network not ready: cni plugin not initialized",
                0.0,
            ),
        ),
        (9.0 + delay, change("ready")),
        (9.0 + delay, proven(&step)),
    ]
}

fn addon_story(addon: &str, at: f64) -> Vec<(f64, Body)> {
    let step = format!("addon/{addon}");
    let change = |state: &str| Body::AddonChanged {
        addon: addon.to_owned(),
        state: state.to_owned(),
        detail: None,
    };
    vec![
        (
            at,
            Body::StepStarted {
                step: step.clone(),
                title: format!("install {addon}"),
                deadline_seconds: 900,
            },
        ),
        (at, change("installing")),
        (at + 1.2, change("ready")),
        (at + 1.2, proven(&step)),
    ]
}

fn proven(step: &str) -> Body {
    Body::StepProven {
        step: step.to_owned(),
        title: step.to_owned(),
        evidence: "seen".to_owned(),
        seconds: 1.0,
        already: false,
    }
}

fn machine(name: &str, state: &str) -> MachineLine {
    let role = if name.contains("-cp-") {
        "control-plane"
    } else {
        "worker"
    };
    let address = !matches!(state, "pending" | "creating");
    MachineLine {
        name: name.to_owned(),
        role: role.to_owned(),
        state: state.to_owned(),
        address: address.then(|| "127.64.0.2".to_owned()),
        provider_id: None,
    }
}
