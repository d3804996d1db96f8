//! Runs as their events tell them, made up for tests and benchmarks.

use butler_api::event::{Body, CauseLine, Event, Layer, Level, MachineLine, Outcome, SCHEMA_VERSION, StepLine, Usual};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// The events of a run, as they come.
pub(crate) struct Recording {
    pub(crate) events: Vec<Event>,
    run: Uuid,
    /// The number of the next event.
    seq: u64,
}

/// A moment of a run, in seconds from its beginning.
pub(crate) fn at(seconds: f64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_700_000_000) + SignedDuration::from_secs_f64(seconds)
}

/// A quarter of a second for each.
fn quarters(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX)) / 4.0
}

const ADDONS: [(&str, &[&str]); 8] = [
    ("cilium", &[]),
    ("kube-vip", &[]),
    ("metallb", &[]),
    ("cert-manager", &["cilium"]),
    ("longhorn", &["cilium"]),
    ("metallb-pool", &["metallb"]),
    ("capi", &["cert-manager"]),
    ("steward", &["cert-manager", "capi"]),
];

fn line(id: &str, title: &str, phase: &str, needs: &[String], usual: (f64, f64)) -> StepLine {
    StepLine {
        id: id.to_owned(),
        title: title.to_owned(),
        kind: id.split('/').next().unwrap_or(id).to_owned(),
        phase: phase.to_owned(),
        needs: needs.to_vec(),
        needs_any: Vec::new(),
        deadline_seconds: 900,
        usual_seconds: Some(Usual {
            p50: usual.0,
            p95: usual.1,
            runs: 12,
        }),
        hint: Some("look at the console of the machine".to_owned()),
        proven: false,
    }
}

/// The steps of a run with these machines.
fn graph(names: &[String]) -> Vec<StepLine> {
    let (making, configuring) = ("ProvisioningMachines", "ConfiguringTalos");
    let mut steps = vec![line("preflight", "check the platform", making, &[], (1.0, 3.0))];
    let mut configured = Vec::new();
    for name in names {
        let [create, boot, configure] = ["create", "boot", "configure"].map(|verb| format!("machine/{name}/{verb}"));
        let titles = ["create machine", "wait for Talos on", "configure"].map(|words| format!("{words} {name}"));
        let preflight = ["preflight".to_owned()];
        let (created, booted) = ([create.clone()], [boot.clone()]);
        steps.push(line(&create, &titles[0], making, &preflight, (18.0, 30.0)));
        steps.push(line(&boot, &titles[1], making, &created, (45.0, 80.0)));
        steps.push(line(&configure, &titles[2], configuring, &booted, (5.0, 20.0)));
        configured.push(configure);
    }
    let title = "wait for the API server";
    let mut api = line(
        "api-server",
        title,
        "BootstrappingCluster",
        &configured[..1],
        (22.0, 60.0),
    );
    api.needs_any = configured;
    steps.push(api);
    for (addon, needs) in ADDONS {
        let mut needs: Vec<String> = needs.iter().map(|need| format!("addon/{need}")).collect();
        needs.push("api-server".to_owned());
        let (id, title) = (format!("addon/{addon}"), format!("install {addon}"));
        steps.push(line(&id, &title, "InstallingAddons", &needs, (60.0, 110.0)));
    }
    let all: Vec<String> = steps.iter().map(|step| step.id.clone()).collect();
    steps.push(line("pivot", "hand the record over", "Pivoting", &all, (5.0, 10.0)));
    let pivot = ["pivot".to_owned()];
    steps.push(line("ready", "confirm that it is ready", "Ready", &pivot, (1.0, 3.0)));
    steps
}

pub(crate) fn machine(name: &str, state: &str, number: usize) -> MachineLine {
    MachineLine {
        name: name.to_owned(),
        role: if name.contains("-cp-") {
            "control-plane"
        } else {
            "worker"
        }
        .to_owned(),
        state: state.to_owned(),
        address: (state != "pending" && state != "creating")
            .then(|| format!("10.40.{}.{}", number / 200, 31 + number % 200)),
        provider_id: (state != "pending").then(|| format!("inmemory://{number}")),
    }
}

impl Recording {
    pub(crate) fn new() -> Self {
        Self {
            events: Vec::new(),
            run: Uuid::from_u128(7),
            seq: 1,
        }
    }

    /// What the same run says afterwards.
    pub(crate) fn after(&self) -> Self {
        Self {
            events: Vec::new(),
            run: self.run,
            seq: self.events.last().map_or(1, |event| event.seq + 1),
        }
    }

    pub(crate) fn push(&mut self, seconds: f64, body: Body) -> &mut Self {
        self.events.push(Event {
            v: SCHEMA_VERSION,
            seq: self.seq,
            time: at(seconds),
            run: self.run,
            cluster: "demo".to_owned(),
            body,
        });
        self.seq += 1;
        self
    }

    /// A run of so many workers and three control planes begins.
    pub(crate) fn begin(&mut self, workers: usize, resumed: bool) -> Vec<String> {
        let names: Vec<String> = (0..3)
            .map(|n| format!("demo-cp-{n}"))
            .chain((0..workers).map(|n| format!("demo-worker-{n}")))
            .collect();
        let mut steps = graph(&names);
        if resumed {
            for step in steps.iter_mut().filter(|step| step.id.contains("/create")) {
                step.proven = true;
            }
        }
        let proven = steps.iter().filter(|step| step.proven).count();
        let machines = names.iter().enumerate();
        let begun = Body::RunStarted {
            resumed,
            steps: steps.len(),
            proven,
            machines: machines
                .map(|(number, name)| machine(name, "pending", number))
                .collect(),
            addons: ADDONS.iter().map(|(addon, _)| (*addon).to_owned()).collect(),
        };
        self.push(0.0, begun);
        self.push(0.0, Body::RunGraph { steps });
        self.phase(0.0, "ProvisioningMachines");
        self.step(0.1, 1.0, "preflight", "check the platform");
        names
    }

    pub(crate) fn phase(&mut self, seconds: f64, phase: &str) -> &mut Self {
        self.push(
            seconds,
            Body::PhaseChanged {
                phase: phase.to_owned(),
            },
        )
    }

    pub(crate) fn start(&mut self, seconds: f64, step: &str, title: &str) -> &mut Self {
        self.push(
            seconds,
            Body::StepStarted {
                step: step.to_owned(),
                title: title.to_owned(),
                deadline_seconds: 900,
            },
        )
    }

    pub(crate) fn prove(&mut self, seconds: f64, step: &str, title: &str) -> &mut Self {
        self.push(
            seconds,
            Body::StepProven {
                step: step.to_owned(),
                title: title.to_owned(),
                evidence: "it is so".to_owned(),
                seconds: 1.0,
                already: false,
            },
        )
    }

    /// A step from its beginning to its end.
    pub(crate) fn step(&mut self, from: f64, to: f64, step: &str, title: &str) -> &mut Self {
        self.start(from, step, title).prove(to, step, title)
    }

    pub(crate) fn machine(&mut self, seconds: f64, name: &str, state: &str, number: usize) -> &mut Self {
        let machine = machine(name, state, number);
        self.push(seconds, Body::MachineChanged { machine })
    }

    pub(crate) fn addon(&mut self, seconds: f64, addon: &str, state: &str) -> &mut Self {
        self.push(
            seconds,
            Body::AddonChanged {
                addon: addon.to_owned(),
                state: state.to_owned(),
                detail: None,
            },
        )
    }

    pub(crate) fn wait(&mut self, seconds: f64, step: &str, what: &str, chain: &[(Layer, &str, &str)]) -> &mut Self {
        let chain: Vec<CauseLine> = chain
            .iter()
            .map(|(layer, object, text)| CauseLine {
                layer: *layer,
                object: (*object).to_owned(),
                text: (*text).to_owned(),
                source: String::new(),
                age_seconds: Some(4.0),
            })
            .collect();
        self.push(
            seconds,
            Body::StepWaiting {
                step: step.to_owned(),
                waiting_for: what.to_owned(),
                cause: chain.last().map(|cause| cause.text.clone()),
                chain,
                hint: None,
                seconds: 0.0,
            },
        )
    }

    pub(crate) fn log(&mut self, seconds: f64, level: Level, source: &str, text: &str) -> &mut Self {
        let (source, text) = (source.to_owned(), text.to_owned());
        self.push(seconds, Body::Log { level, source, text })
    }

    /// Events in the order of their times, as a run tells them.
    fn sorted(mut self) -> Self {
        self.events.sort_by_key(|event| event.time);
        for (event, seq) in self.events.iter_mut().zip(1..) {
            event.seq = seq;
        }
        self
    }

    pub(crate) fn finish(&mut self, seconds: f64, outcome: Outcome, message: &str) -> &mut Self {
        let message = message.to_owned();
        self.push(
            seconds,
            Body::RunFinished {
                outcome,
                seconds,
                message,
            },
        )
    }

    fn boots(&mut self, names: &[String]) {
        for (number, name) in names.iter().enumerate() {
            let late = quarters(number);
            let create = format!("machine/{name}/create");
            self.start(1.0 + late, &create, &format!("create machine {name}"));
            self.machine(1.0 + late, name, "creating", number);
        }
        for (number, name) in names.iter().enumerate() {
            let late = quarters(number);
            let create = format!("machine/{name}/create");
            self.prove(19.0 + late, &create, &format!("create machine {name}"));
            self.start(
                19.0 + late,
                &format!("machine/{name}/boot"),
                &format!("wait for Talos on {name}"),
            );
            self.machine(19.0 + late, name, "booting", number);
        }
    }

    fn come_up(&mut self, names: &[String]) {
        for (number, name) in names.iter().enumerate() {
            let late = quarters(number);
            self.prove(60.0 + late, &format!("machine/{name}/boot"), "boot");
            self.step(
                60.0 + late,
                66.0 + late,
                &format!("machine/{name}/configure"),
                &format!("configure {name}"),
            );
            self.machine(66.0 + late, name, "joined", number);
        }
    }

    fn addons_begin(&mut self) {
        self.phase(68.0, "BootstrappingCluster");
        self.step(68.0, 90.0, "api-server", "wait for the API server");
        self.phase(90.0, "InstallingAddons");
        for addon in ["cilium", "kube-vip", "metallb"] {
            self.start(90.0, &format!("addon/{addon}"), &format!("install {addon}"));
            self.addon(90.0, addon, "installing");
        }
        for (to, addon) in [(112.0, "cilium"), (114.0, "kube-vip"), (118.0, "metallb")] {
            self.prove(to, &format!("addon/{addon}"), &format!("install {addon}"));
            self.addon(to, addon, "ready");
        }
        for addon in ["cert-manager", "longhorn", "metallb-pool"] {
            self.start(118.0, &format!("addon/{addon}"), &format!("install {addon}"));
            self.addon(118.0, addon, "installing");
        }
        self.step_ready("metallb-pool", 125.0).step_ready("cert-manager", 180.0);
        self.start(180.0, "addon/capi", "install capi");
        self.addon(180.0, "capi", "installing");
    }

    fn step_ready(&mut self, addon: &str, seconds: f64) -> &mut Self {
        self.prove(seconds, &format!("addon/{addon}"), &format!("install {addon}"));
        self.addon(seconds, addon, "ready")
    }

    /// Machines of a run are made.
    pub(crate) fn starting() -> Self {
        let mut run = Self::new();
        let names = run.begin(3, false);
        run.boots(&names);
        run.events.retain(|event| event.time < at(19.3));
        run.wait(
            19.2,
            "machine/demo-cp-2/create",
            "the platform to create demo-cp-2",
            &[],
        );
        run
    }

    /// Addons are installed; two things are waited for, one of them too long.
    pub(crate) fn middle() -> Self {
        let mut run = Self::new();
        let names = run.begin(3, false);
        run.boots(&names);
        run.come_up(&names[..5]);
        run.addons_begin();
        for (number, name) in names.iter().enumerate().take(4) {
            run.machine(150.0 + 4.0 * quarters(number), name, "ready", number);
        }
        run.log(181.0, Level::Info, "helm capi", "creating 41 resources");
        let warning = Body::Warning {
            message: "the clock of demo-cp-1 is 4 s behind".to_owned(),
            hint: Some("set network.timeServers".to_owned()),
        };
        run.push(190.0, warning);
        let no_lease: [(Layer, &str, &str); 2] = [
            (Layer::Platform, "machine demo-worker-2", "it has no address"),
            (
                Layer::Console,
                "console of demo-worker-2",
                "waiting for DHCP lease on enp1s0",
            ),
        ];
        run.wait(
            100.0,
            "machine/demo-worker-2/boot",
            "Talos on demo-worker-2 to answer",
            &no_lease,
        );
        let pods: [(Layer, &str, &str); 3] = [
            (
                Layer::Object,
                "daemonset longhorn-system/longhorn-manager",
                "2 of 3 pods are ready",
            ),
            (
                Layer::Pod,
                "pod longhorn-manager-x7k2p",
                "Pending: no such node: demo-worker-2",
            ),
            (Layer::Node, "node demo-worker-2", "it is not registered"),
        ];
        run.wait(130.0, "addon/longhorn", "longhorn-manager on 3 nodes", &pods);
        for seconds in 0..25 {
            run.push(f64::from(seconds) * 10.0, Body::RunHeartbeat {});
        }
        run.sorted()
    }

    /// A run whose last step but a few failed.
    pub(crate) fn failed() -> Self {
        let mut run = Self::middle();
        run.push(
            300.0,
            Body::StepFailed {
                step: "addon/longhorn".to_owned(),
                error: "longhorn-manager is not ready: no such node: demo-worker-2".to_owned(),
                hint: Some("look whether VLAN 40 has a DHCP server".to_owned()),
                deadline: false,
            },
        );
        run.addon(300.0, "longhorn", "failed");
        for step in ["addon/capi", "machine/demo-worker-2/boot"] {
            let step = step.to_owned();
            run.push(300.5, Body::StepEnded { step, seconds: 1.0 });
        }
        run.finish(301.0, Outcome::Failed, "stopped at: install longhorn");
        run
    }

    /// A run that reached its end.
    pub(crate) fn done() -> Self {
        let mut run = Self::new();
        let names = run.begin(3, false);
        run.boots(&names);
        run.come_up(&names);
        run.addons_begin();
        for (number, name) in names.iter().enumerate() {
            run.machine(150.0 + 4.0 * quarters(number), name, "ready", number);
        }
        run.step_ready("longhorn", 190.0).step_ready("capi", 200.0);
        run.start(200.0, "addon/steward", "install steward")
            .step_ready("steward", 220.0);
        run.phase(220.0, "Pivoting")
            .step(220.0, 224.0, "pivot", "hand the record over");
        run.phase(224.0, "Ready")
            .step(224.0, 225.0, "ready", "confirm that it is ready");
        for what in ["talosconfig", "kubeconfig"] {
            let path = format!("/home/anna/.butler/demo-{what}");
            run.push(
                225.0,
                Body::FileWritten {
                    what: what.to_owned(),
                    path,
                },
            );
        }
        run.finish(225.0, Outcome::Done, "management cluster ready");
        run.sorted()
    }

    /// A run that continues another one.
    pub(crate) fn resumed() -> Self {
        let mut run = Self::new();
        let names = run.begin(3, true);
        for (number, name) in names.iter().enumerate() {
            run.machine(1.0, name, "booting", number);
            run.start(
                1.0,
                &format!("machine/{name}/boot"),
                &format!("wait for Talos on {name}"),
            );
        }
        run
    }

    /// Half-way through a run of so many machines, some of which are late or failed.
    pub(crate) fn many(machines: usize) -> Self {
        let mut run = Self::new();
        let names = run.begin(machines - 3, false);
        run.boots(&names);
        run.come_up(&names[..machines / 2]);
        for (number, name) in names.iter().enumerate() {
            let step = format!("machine/{name}/boot");
            match number % 50 {
                7 if number > machines / 2 => {
                    let error = "the platform has no room".to_owned();
                    let failed = Body::StepFailed {
                        step,
                        error,
                        hint: None,
                        deadline: false,
                    };
                    run.push(190.0, failed).machine(190.0, name, "failed", number);
                }
                _ if number > machines / 2 => {
                    let what = format!("Talos on {name} to answer");
                    let object = format!("Talos API of {name}");
                    let chain = [(Layer::Network, object.as_str(), "Connection refused (os error 111)")];
                    run.wait(190.0, &step, &what, &chain);
                }
                _ => {
                    run.machine(190.0, name, "ready", number);
                }
            }
        }
        run.sorted()
    }
}
