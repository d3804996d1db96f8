//! What jobs of CI systems show of a success, a failure and a deadline.

use butler_api::event::{Layer, Outcome, StepLine, Usual};

use super::*;
use crate::{
    Env, Exit, Failure, UiOptions,
    ci::Choice,
    progress::plain::tests::{at, machine, started, stream},
};

fn phase(name: &str) -> Body {
    Body::PhaseChanged { phase: name.to_owned() }
}

fn begin(step: &str, title: &str) -> Body {
    Body::StepStarted {
        step: step.to_owned(),
        title: title.to_owned(),
        deadline_seconds: 600,
    }
}

fn proven(step: &str, title: &str, seconds: f64) -> Body {
    Body::StepProven {
        step: step.to_owned(),
        title: title.to_owned(),
        evidence: "seen".to_owned(),
        seconds,
        already: false,
    }
}

fn finished(outcome: Outcome, seconds: f64, message: &str) -> Body {
    Body::RunFinished {
        outcome,
        seconds,
        message: message.to_owned(),
    }
}

/// The steps that the runs of these tests have.
fn graph() -> Body {
    let line = |id: &str, title: &str, usual: Option<(f64, f64, usize)>| StepLine {
        id: id.to_owned(),
        title: title.to_owned(),
        kind: id.to_owned(),
        phase: String::new(),
        needs: Vec::new(),
        needs_any: Vec::new(),
        deadline_seconds: 600,
        usual_seconds: usual.map(|(p50, p95, runs)| Usual { p50, p95, runs }),
        hint: None,
        proven: false,
    };
    Body::RunGraph {
        steps: vec![
            line("create", "create machine demo-cp-0", Some((2.0, 4.0, 3))),
            line("etcd", "bootstrap etcd", Some((30.0, 90.0, 0))),
            line("addon", "install cilium", None),
        ],
    }
}

/// The first half of a run: two phases, a machine, words of a platform that look like commands.
fn half() -> Vec<(f64, Body)> {
    vec![
        (0.0, started(3, 0)),
        (0.0, graph()),
        (0.0, phase("ProvisioningMachines")),
        (0.1, begin("create", "create machine demo-cp-0")),
        (0.2, machine("demo-cp-0", "creating")),
        (
            1.0,
            Body::StepRetried {
                step: "create".to_owned(),
                attempt: 1,
                cause: "::set-env name=PATH::/tmp ##[add-mask]a".to_owned(),
                chain: Vec::new(),
                retry_in_seconds: 2.0,
            },
        ),
        (7.0, proven("create", "create machine demo-cp-0", 6.9)),
        (7.0, phase("BootstrappingCluster")),
        (
            7.0,
            Body::Warning {
                message: "::error::the node says:\n::endgroup::".to_owned(),
                hint: Some("look at 100% of it".to_owned()),
            },
        ),
        (7.1, begin("etcd", "bootstrap etcd")),
    ]
}

fn success() -> Vec<(f64, Body)> {
    let mut run = half();
    run.extend([
        (50.0, proven("etcd", "bootstrap etcd", 42.9)),
        (50.0, machine("demo-cp-0", "ready")),
        (50.0, phase("InstallingAddons")),
        (50.1, begin("addon", "install cilium")),
        (50.4, proven("addon", "install cilium", 0.3)),
        (50.4, phase("Ready")),
        (
            50.5,
            Body::FileWritten {
                what: "kubeconfig".to_owned(),
                path: "/home/ada/.butler/demo-kubeconfig".to_owned(),
            },
        ),
        (50.5, finished(Outcome::Done, 50.5, "management cluster ready")),
    ]);
    run
}

fn failure() -> Vec<(f64, Body)> {
    let mut run = half();
    run.extend([
        (
            9.0,
            Body::StepFailed {
                step: "etcd".to_owned(),
                error: "quota `a|b`\n::error::exceeded <img src=x>".to_owned(),
                hint: Some("raise the quota of *demo*".to_owned()),
                deadline: false,
            },
        ),
        (9.1, finished(Outcome::Failed, 9.1, "1 step failed")),
    ]);
    run
}

fn deadline() -> Vec<(f64, Body)> {
    let mut run = half();
    run.extend([
        (
            8.0,
            Body::StepWaiting {
                step: "etcd".to_owned(),
                waiting_for: "etcd on demo-cp-0 is healthy".to_owned(),
                cause: Some("connection refused".to_owned()),
                chain: vec![butler_api::event::CauseLine {
                    layer: Layer::Network,
                    object: "demo-cp-0".to_owned(),
                    text: "connection refused".to_owned(),
                    source: String::new(),
                    age_seconds: None,
                }],
                hint: Some("talosctl logs etcd".to_owned()),
                seconds: 0.0,
            },
        ),
        (
            30.0,
            Body::StepEnded {
                step: "etcd".to_owned(),
                seconds: 22.9,
            },
        ),
        (
            30.0,
            finished(Outcome::Deadline, 30.0, "not everything was done in time"),
        ),
    ]);
    run
}

/// What the command says when its run did not get to its end.
fn failed(run: &[(f64, Body)]) -> Result<(), Failure> {
    match run.last() {
        Some((
            _,
            Body::RunFinished {
                outcome: Outcome::Failed,
                ..
            },
        )) => {
            let failure = Failure::new(Exit::Failed, "the bootstrap of demo stopped").cause("bootstrap etcd: quota");
            Err(failure.remark(Remark {
                title: Some("bootstrap etcd".to_owned()),
                message: "quota `a|b`\n::error::exceeded (step etcd)".to_owned(),
                hint: Some("raise the quota".to_owned()),
                place: None,
            }))
        }
        Some((
            _,
            Body::RunFinished {
                outcome: Outcome::Deadline,
                ..
            },
        )) => {
            let failure = Failure::new(Exit::Deadline, "the bootstrap of demo did not end within --deadline");
            Err(failure
                .cause("etcd on demo-cp-0 is healthy: connection refused")
                .hint("wait"))
        }
        _ => Ok(()),
    }
}

/// What is printed, and what is in the step summary.
fn shown(choice: Choice, options: UiOptions, run: Vec<(f64, Body)>) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("summary.md");
    let env: Env = [("GITHUB_STEP_SUMMARY", &file)].into_iter().collect();
    let (ui, captured) = Ui::captured(options, &env, None);
    let job = Job::of(choice, &env);
    let work = || {
        let ending = failed(&run);
        let mut progress = super::super::renderer_in(&job, &ui, true);
        for event in stream(run) {
            progress.event(&event);
        }
        progress.finish();
        ending
    };
    if let Err(failure) = job.with(&ui, work) {
        ui.failure(&failure);
    }
    let visible = captured.stderr().replace('\x1b', "ESC").replace('\r', "CR");
    (visible, std::fs::read_to_string(file).unwrap_or_else(|_| String::new()))
}

fn github(run: Vec<(f64, Body)>) -> String {
    let (log, summary) = shown(Choice::Github, UiOptions::default(), run);
    format!("{log}--- summary{summary}")
}

fn gitlab(run: Vec<(f64, Body)>) -> String {
    let (log, summary) = shown(Choice::Gitlab, UiOptions::default(), run);
    assert_eq!(summary, "");
    log
}

#[test]
fn a_success_on_github() {
    insta::assert_snapshot!(github(success()), @r"
       0:00  demo: starting, 3 steps, 2 machines, 2 addons
    ::group::provisioning machines
       0:00  machine demo-cp-0: creating
       0:01  retry: create machine demo-cp-0: attempt 1 failed: ::set-env name=PATH::/tmp ## [add-mask]a; next in 2s
       0:07  done: create machine demo-cp-0 (seen)
    ::endgroup::
    ::group::bootstrapping cluster
    warning: ::error::the node says:
    : :endgroup::
    hint: look at 100% of it
       0:50  done: bootstrap etcd (seen)
       0:50  machine demo-cp-0: ready at 127.64.0.2
    ::endgroup::
    ::group::installing addons
       0:50  done: install cilium (seen)
    ::endgroup::
       0:50  kubeconfig: /home/ada/.butler/demo-kubeconfig
       0:50  done: management cluster ready
    ::warning title=demo::: :error::the node says:%0A: :endgroup::%0Ahint: look at 100%25 of it
    --- summary
    ## demo: done

    | | |
    |---|---|
    | result | management cluster ready |
    | time | 0:50 |
    | steps | 3 of 3 proven |
    | machines | 1 pending, 1 ready |
    | addons | 2 ready |
    | files | kubeconfig /home/ada/.butler/demo-kubeconfig |

    ### Warnings

    - `::error::the node says: ::endgroup::`
      - hint: look at 100% of it

    ### Machines

    | machine | role | state | address |
    |---|---|---|---|
    | demo-worker-0 | worker | pending |  |
    | demo-cp-0 | control-plane | ready | 127.64.0.2 |

    ### Slowest steps

    | step | took | usually |
    |---|---|---|
    | bootstrap etcd | 42s | 30s, at most 1m30s (shipped figures) |
    | create machine demo-cp-0 | 6.9s | 2.0s, at most 4.0s (3 runs); slower than usual |
    | install cilium | 0.3s |  |
    ");
}

#[test]
fn a_failure_on_github() {
    insta::assert_snapshot!(github(failure()), @r"
       0:00  demo: starting, 3 steps, 2 machines, 2 addons
    ::group::provisioning machines
       0:00  machine demo-cp-0: creating
       0:01  retry: create machine demo-cp-0: attempt 1 failed: ::set-env name=PATH::/tmp ## [add-mask]a; next in 2s
       0:07  done: create machine demo-cp-0 (seen)
    ::endgroup::
    ::group::bootstrapping cluster
    warning: ::error::the node says:
    : :endgroup::
    hint: look at 100% of it
       0:09  failed: bootstrap etcd: quota `a|b` ::error::exceeded <img src=x>
       0:09  hint: raise the quota of *demo*
    ::endgroup::
       0:09  failed: 1 step failed
    ::warning title=demo::: :error::the node says:%0A: :endgroup::%0Ahint: look at 100%25 of it
    ::error title=bootstrap etcd::quota `a|b`%0A: :error::exceeded (step etcd)%0Ahint: raise the quota
    error: the bootstrap of demo stopped
    Caused by:
      bootstrap etcd: quota
    --- summary
    ## demo: failed

    | | |
    |---|---|
    | result | 1 step failed |
    | time | 0:09 |
    | steps | 1 of 3 proven |
    | machines | 1 creating, 1 pending |
    | addons | 2 pending |

    ### Failures

    - **bootstrap etcd** (`etcd`) ``quota `a|b` ::error::exceeded <img src=x>``
      - hint: raise the quota of \*demo\*

    ### Warnings

    - `::error::the node says: ::endgroup::`
      - hint: look at 100% of it

    ### Machines

    | machine | role | state | address |
    |---|---|---|---|
    | demo-cp-0 | control-plane | creating |  |
    | demo-worker-0 | worker | pending |  |

    ### Addons that are not ready

    | addon | state | detail |
    |---|---|---|
    | cilium | pending |  |
    | longhorn | pending |  |

    ### Slowest steps

    | step | took | usually |
    |---|---|---|
    | create machine demo-cp-0 | 6.9s | 2.0s, at most 4.0s (3 runs); slower than usual |
    | bootstrap etcd | 1.9s | 30s, at most 1m30s (shipped figures) |
    ");
}

#[test]
fn a_deadline_on_github() {
    insta::assert_snapshot!(github(deadline()), @r"
       0:00  demo: starting, 3 steps, 2 machines, 2 addons
    ::group::provisioning machines
       0:00  machine demo-cp-0: creating
       0:01  retry: create machine demo-cp-0: attempt 1 failed: ::set-env name=PATH::/tmp ## [add-mask]a; next in 2s
       0:07  done: create machine demo-cp-0 (seen)
    ::endgroup::
    ::group::bootstrapping cluster
    warning: ::error::the node says:
    : :endgroup::
    hint: look at 100% of it
    ::endgroup::
       0:30  deadline passed: not everything was done in time
    ::warning title=demo::: :error::the node says:%0A: :endgroup::%0Ahint: look at 100%25 of it
    ::error::the bootstrap of demo did not end within --deadline%0Aetcd on demo-cp-0 is healthy: connection refused%0Ahint: wait
    error: the bootstrap of demo did not end within --deadline
    Caused by:
      etcd on demo-cp-0 is healthy: connection refused
    hint: wait
    --- summary
    ## demo: deadline passed

    | | |
    |---|---|
    | result | not everything was done in time |
    | time | 0:30 |
    | steps | 1 of 3 proven |
    | machines | 1 creating, 1 pending |
    | addons | 2 pending |

    ### Not done at the end

    - **etcd on demo-cp-0 is healthy, for 22s** (`etcd`) `connection refused`
      - hint: talosctl logs etcd

    ### Warnings

    - `::error::the node says: ::endgroup::`
      - hint: look at 100% of it

    ### Machines

    | machine | role | state | address |
    |---|---|---|---|
    | demo-cp-0 | control-plane | creating |  |
    | demo-worker-0 | worker | pending |  |

    ### Addons that are not ready

    | addon | state | detail |
    |---|---|---|
    | cilium | pending |  |
    | longhorn | pending |  |

    ### Slowest steps

    | step | took | usually |
    |---|---|---|
    | bootstrap etcd | 22s | 30s, at most 1m30s (shipped figures) |
    | create machine demo-cp-0 | 6.9s | 2.0s, at most 4.0s (3 runs); slower than usual |
    ");
}

#[test]
fn a_success_on_gitlab() {
    insta::assert_snapshot!(gitlab(success()), @r"
       0:00  demo: starting, 3 steps, 2 machines, 2 addons
    ESC[0Ksection_start:1000000:butler_demo_1[collapsed=true]CRESC[0Kprovisioning machines
       0:00  machine demo-cp-0: creating
       0:01  retry: create machine demo-cp-0: attempt 1 failed: ::set-env name=PATH::/tmp ##[add-mask]a; next in 2s
       0:07  done: create machine demo-cp-0 (seen)
    ESC[0Ksection_end:1000007:butler_demo_1CRESC[0K
    ESC[0Ksection_start:1000007:butler_demo_2[collapsed=true]CRESC[0Kbootstrapping cluster
    warning: ::error::the node says:
    ::endgroup::
    hint: look at 100% of it
       0:50  done: bootstrap etcd (seen)
       0:50  machine demo-cp-0: ready at 127.64.0.2
    ESC[0Ksection_end:1000050:butler_demo_2CRESC[0K
    ESC[0Ksection_start:1000050:butler_demo_3[collapsed=true]CRESC[0Kinstalling addons
       0:50  done: install cilium (seen)
    ESC[0Ksection_end:1000050:butler_demo_3CRESC[0K
       0:50  kubeconfig: /home/ada/.butler/demo-kubeconfig
       0:50  done: management cluster ready
    ESC[0Ksection_start:1000050:butler_demo_4CRESC[0Ksummary
    demo: done
    result:    management cluster ready
    time:      0:50
    steps:     3 of 3 proven
    machines:  1 pending, 1 ready
    addons:    2 ready
    files:     kubeconfig /home/ada/.butler/demo-kubeconfig

    Warnings
    ::error::the node says: ::endgroup::
      hint: look at 100% of it

    Machines
    MACHINE        ROLE           STATE    ADDRESS
    demo-worker-0  worker         pending  -
    demo-cp-0      control-plane  ready    127.64.0.2

    Slowest steps
    STEP                      TOOK  USUALLY
    bootstrap etcd            42s   30s, at most 1m30s (shipped figures)
    create machine demo-cp-0  6.9s  2.0s, at most 4.0s (3 runs); slower than usual
    install cilium            0.3s  -
    ESC[0Ksection_end:1000050:butler_demo_4CRESC[0K
    ");
}

#[test]
fn a_failure_on_gitlab() {
    insta::assert_snapshot!(gitlab(failure()), @r"
       0:00  demo: starting, 3 steps, 2 machines, 2 addons
    ESC[0Ksection_start:1000000:butler_demo_1[collapsed=true]CRESC[0Kprovisioning machines
       0:00  machine demo-cp-0: creating
       0:01  retry: create machine demo-cp-0: attempt 1 failed: ::set-env name=PATH::/tmp ##[add-mask]a; next in 2s
       0:07  done: create machine demo-cp-0 (seen)
    ESC[0Ksection_end:1000007:butler_demo_1CRESC[0K
    ESC[0Ksection_start:1000007:butler_demo_2[collapsed=true]CRESC[0Kbootstrapping cluster
    warning: ::error::the node says:
    ::endgroup::
    hint: look at 100% of it
       0:09  failed: bootstrap etcd: quota `a|b` ::error::exceeded <img src=x>
       0:09  hint: raise the quota of *demo*
    ESC[0Ksection_end:1000009:butler_demo_2CRESC[0K
       0:09  failed: 1 step failed
    ESC[0Ksection_start:1000009:butler_demo_3CRESC[0Ksummary
    demo: failed
    result:    1 step failed
    time:      0:09
    steps:     1 of 3 proven
    machines:  1 creating, 1 pending
    addons:    2 pending

    Failures
    bootstrap etcd (etcd): quota `a|b` ::error::exceeded <img src=x>
      hint: raise the quota of *demo*

    Warnings
    ::error::the node says: ::endgroup::
      hint: look at 100% of it

    Machines
    MACHINE        ROLE           STATE     ADDRESS
    demo-cp-0      control-plane  creating  -
    demo-worker-0  worker         pending   -

    Addons that are not ready
    ADDON     STATE    DETAIL
    cilium    pending  -
    longhorn  pending  -

    Slowest steps
    STEP                      TOOK  USUALLY
    create machine demo-cp-0  6.9s  2.0s, at most 4.0s (3 runs); slower than usual
    bootstrap etcd            1.9s  30s, at most 1m30s (shipped figures)
    ESC[0Ksection_end:1000009:butler_demo_3CRESC[0K
    error: the bootstrap of demo stopped
    Caused by:
      bootstrap etcd: quota
    ");
}

#[test]
fn a_deadline_on_gitlab() {
    insta::assert_snapshot!(gitlab(deadline()), @r"
       0:00  demo: starting, 3 steps, 2 machines, 2 addons
    ESC[0Ksection_start:1000000:butler_demo_1[collapsed=true]CRESC[0Kprovisioning machines
       0:00  machine demo-cp-0: creating
       0:01  retry: create machine demo-cp-0: attempt 1 failed: ::set-env name=PATH::/tmp ##[add-mask]a; next in 2s
       0:07  done: create machine demo-cp-0 (seen)
    ESC[0Ksection_end:1000007:butler_demo_1CRESC[0K
    ESC[0Ksection_start:1000007:butler_demo_2[collapsed=true]CRESC[0Kbootstrapping cluster
    warning: ::error::the node says:
    ::endgroup::
    hint: look at 100% of it
    ESC[0Ksection_end:1000030:butler_demo_2CRESC[0K
       0:30  deadline passed: not everything was done in time
    ESC[0Ksection_start:1000030:butler_demo_3CRESC[0Ksummary
    demo: deadline passed
    result:    not everything was done in time
    time:      0:30
    steps:     1 of 3 proven
    machines:  1 creating, 1 pending
    addons:    2 pending

    Not done at the end
    etcd on demo-cp-0 is healthy, for 22s (etcd): connection refused
      hint: talosctl logs etcd

    Warnings
    ::error::the node says: ::endgroup::
      hint: look at 100% of it

    Machines
    MACHINE        ROLE           STATE     ADDRESS
    demo-cp-0      control-plane  creating  -
    demo-worker-0  worker         pending   -

    Addons that are not ready
    ADDON     STATE    DETAIL
    cilium    pending  -
    longhorn  pending  -

    Slowest steps
    STEP                      TOOK  USUALLY
    bootstrap etcd            22s   30s, at most 1m30s (shipped figures)
    create machine demo-cp-0  6.9s  2.0s, at most 4.0s (3 runs); slower than usual
    ESC[0Ksection_end:1000030:butler_demo_3CRESC[0K
    error: the bootstrap of demo did not end within --deadline
    Caused by:
      etcd on demo-cp-0 is healthy: connection refused
    hint: wait
    ");
}

/// An interrupted run may say no more, and a run that cannot write its journal ends without an end.
#[test]
fn sections_end_however_the_run_does() {
    for choice in [Choice::Github, Choice::Gitlab] {
        let mut interrupted = half();
        interrupted.push((8.0, finished(Outcome::Interrupted, 8.0, "interrupted")));
        for run in [half(), interrupted] {
            let (log, _) = shown(choice, UiOptions::default(), run);
            let count = |begin: &str| log.lines().filter(|line| line.starts_with(begin)).count();
            match choice {
                Choice::Github => assert_eq!(count("::group::"), count("::endgroup::"), "{log}"),
                _ => assert_eq!(count("ESC[0Ksection_start:"), count("ESC[0Ksection_end:"), "{log}"),
            }
        }
    }
}

#[test]
fn the_end_of_a_section_is_at_the_time_of_the_last_tick() {
    let (ui, captured) = Ui::captured(UiOptions::default(), &Env::default(), None);
    let job = Job::of(Choice::Gitlab, &Env::default());
    let mut progress = super::super::renderer_in(&job, &ui, true);
    for event in stream(half()) {
        progress.event(&event);
    }
    progress.tick(at(25.0));
    ui.failure(&Failure::new(Exit::Deadline, "cut off"));
    let end = format!("section_end:{}:butler_demo_2", at(25.0).as_second());
    assert!(captured.stderr().contains(&end), "{}", captured.stderr());
}

#[test]
fn quiet_leaves_warnings_annotations_and_the_summary() {
    let quiet = UiOptions {
        quiet: true,
        ..UiOptions::default()
    };
    let (log, summary) = shown(Choice::Github, quiet, success());
    insta::assert_snapshot!(log, @r"
    warning: ::error::the node says:
    : :endgroup::
    hint: look at 100% of it
    ::warning title=demo::: :error::the node says:%0A: :endgroup::%0Ahint: look at 100%25 of it
    ");
    assert!(summary.contains("## demo: done"), "{summary}");
    let (log, _) = shown(Choice::Gitlab, quiet, success());
    assert!(!log.contains("section_"), "{log}");
}

#[test]
fn a_summary_that_cannot_be_written_is_a_warning() {
    let env: Env = [("GITHUB_STEP_SUMMARY", "/dev/null/summary")].into_iter().collect();
    let (ui, captured) = Ui::captured(UiOptions::default(), &env, None);
    let mut progress = InJob::new(ui, Job::of(Choice::Github, &env), System::GitHub);
    for event in stream(success()) {
        progress.event(&event);
    }
    progress.finish();
    let words = "warning: cannot write the step summary /dev/null/summary: ";
    assert!(captured.stderr().contains(words), "{}", captured.stderr());
}

#[test]
fn thousands_of_machines_and_failures_fit_into_the_step_summary() {
    let mut run = vec![(0.0, started(10_000, 0))];
    for i in 0..5000 {
        let step = format!("machine/{i}/create");
        run.push((1.0, machine(&format!("demo-worker-{i}"), "failed")));
        run.push((1.0, begin(&step, &format!("create machine demo-worker-{i}"))));
        run.push((
            2.0,
            Body::StepFailed {
                step,
                error: "refused ".repeat(2000),
                hint: Some("ask ".repeat(2000)),
                deadline: false,
            },
        ));
    }
    let (_, summary) = shown(Choice::Github, UiOptions::default(), run);
    assert!((10_000..500_000).contains(&summary.len()), "{}", summary.len());
    assert!(summary.contains("4980 more"), "{summary}");
}
