//! How long steps usually take: from earlier runs of this home on platforms of a kind, else what this program is shipped with.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    time::Duration,
};

use butler_api::{
    config::ProviderKind,
    event::{Body, Outcome, Usual},
};
use butler_files::{
    home::{self, HomeError},
    read,
};
use serde::{Deserialize, Serialize};

/// Runs that are kept per kind of platform.
const RUNS: usize = 50;

/// Steps of a kind that are kept of a run: hundreds of machines tell no more than these.
const SAMPLES: usize = 20;

/// The most that is read of a file: fifty runs are some hundred kilobytes.
const LARGEST: u64 = 8 << 20;

/// What a run took: seconds by kind of step.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Run {
    steps: BTreeMap<String, Vec<f64>>,
    /// From the first step to the last one, where one run did them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    whole: Option<f64>,
}

/// Collects how long the steps of a run take.
#[derive(Debug)]
pub(super) struct Timings {
    path: PathBuf,
    kinds: HashMap<String, String>,
    run: Run,
    seen: HashMap<String, usize>,
    /// Whether an earlier run did some of the work.
    resumed: bool,
}

impl Timings {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            kinds: HashMap::new(),
            run: Run::default(),
            seen: HashMap::new(),
            resumed: false,
        }
    }

    /// Takes an event. Only steps that this run did from their beginning to their end tell how long such a step takes.
    pub(super) fn take(&mut self, body: &Body) {
        match body {
            Body::RunStarted { resumed, .. } => self.resumed = *resumed,
            Body::RunFinished {
                outcome: Outcome::Done,
                seconds,
                ..
            } if !self.resumed => self.run.whole = Some(*seconds),
            Body::RunGraph { steps } => {
                self.kinds = steps.iter().map(|line| (line.id.clone(), line.kind.clone())).collect();
            }
            Body::StepProven {
                step,
                seconds,
                already: false,
                ..
            } => {
                if let Some(kind) = self.kinds.get(step) {
                    let seen = self.seen.entry(kind.clone()).or_insert(0);
                    let samples = self.run.steps.entry(kind.clone()).or_default();
                    keep_sample(samples, *seen, (seconds * 1000.0).round() / 1000.0);
                    *seen += 1;
                }
            }
            _ => {}
        }
    }

    /// Adds the run to those that are kept. Without it later runs know less, and nothing else is lost.
    pub(super) fn keep(self) {
        if self.run.steps.is_empty() {
            return;
        }
        let mut runs = runs(&self.path);
        runs.push(self.run);
        let surplus = runs.len().saturating_sub(RUNS);
        if let Err(error) = write(&self.path, &runs[surplus..]) {
            tracing::warn!(error = %butler_kubernetes::chain(&error), "the times of this run are not kept");
        }
    }
}

/// Keeps every n-th of many samples, so that they stay spread over the run.
fn keep_sample(samples: &mut Vec<f64>, seen: usize, seconds: f64) {
    if samples.len() < SAMPLES {
        samples.push(seconds);
    } else if (seen + 1).is_power_of_two() || seen.is_multiple_of(SAMPLES) {
        samples[seen % SAMPLES] = seconds;
    }
}

/// How long whole runs took, the median, and from how many; none where no run did everything by itself.
pub(crate) fn whole(path: &Path) -> Option<(Duration, usize)> {
    let runs = runs(path);
    let mut seconds: Vec<f64> = runs
        .iter()
        .filter_map(|run| run.whole)
        .filter(|took| *took > 0.0)
        .collect();
    seconds.sort_by(f64::total_cmp);
    let median = Duration::try_from_secs_f64(quantile(&seconds, 50)?).ok()?;
    Some((median, seconds.len()))
}

/// How long the steps usually take, by kind: what earlier runs took, and where there were none, what is shipped.
pub(crate) fn usual(path: &Path, platform: ProviderKind) -> BTreeMap<String, Usual> {
    let mut usual = shipped(platform);
    usual.extend(of_runs(&runs(path)));
    usual
}

/// Seconds (p50, p95) on platforms whose machines are real: virtual machines that boot from a disk image, and images of
/// containers that are pulled. They are there so that a first run can tell late from usual.
const REAL: [(&str, f64, f64); 14] = [
    ("preflight", 2.0, 15.0),
    ("talos/secrets", 1.0, 5.0),
    ("bootstrap-cluster/start", 2.0, 60.0),
    ("machine/create", 40.0, 180.0),
    ("machine/boot", 60.0, 240.0),
    ("machine/configure", 5.0, 30.0),
    ("etcd/bootstrap", 15.0, 90.0),
    ("etcd/member", 30.0, 180.0),
    ("api-server", 45.0, 180.0),
    ("node/registered", 30.0, 180.0),
    ("node/ready", 60.0, 240.0),
    ("addon/cilium", 60.0, 240.0),
    ("addon/longhorn", 120.0, 480.0),
    ("addon/steward", 90.0, 420.0),
];

/// The same for the simulated world with the latencies that it has by default.
const SIMULATED: [(&str, f64, f64); 8] = [
    ("machine/create", 1.0, 1.5),
    ("machine/boot", 2.0, 2.5),
    ("etcd/bootstrap", 1.0, 1.5),
    ("etcd/member", 1.0, 3.0),
    ("api-server", 2.0, 3.0),
    ("node/registered", 1.0, 2.0),
    ("node/ready", 2.0, 3.0),
    ("addon/longhorn", 2.0, 4.0),
];

/// What is shipped, by kind.
pub(crate) fn shipped(platform: ProviderKind) -> BTreeMap<String, Usual> {
    let table: &[(&str, f64, f64)] = match platform {
        ProviderKind::InMemory => &SIMULATED,
        _ => &REAL,
    };
    let usual = |(kind, p50, p95): &(&str, f64, f64)| {
        let usual = Usual {
            p50: *p50,
            p95: *p95,
            runs: 0,
        };
        ((*kind).to_owned(), usual)
    };
    table.iter().map(usual).collect()
}

fn of_runs(runs: &[Run]) -> BTreeMap<String, Usual> {
    let mut kinds: BTreeMap<&str, (Vec<f64>, usize)> = BTreeMap::new();
    for (kind, samples) in runs.iter().flat_map(|run| &run.steps) {
        let (all, count) = kinds.entry(kind).or_default();
        all.extend(
            samples
                .iter()
                .copied()
                .filter(|seconds| seconds.is_finite() && *seconds >= 0.0),
        );
        *count += 1;
    }
    let usual = |(kind, (mut samples, runs)): (&str, (Vec<f64>, usize))| {
        samples.sort_by(f64::total_cmp);
        let (p50, p95) = (quantile(&samples, 50)?, quantile(&samples, 95)?);
        Some((kind.to_owned(), Usual { p50, p95, runs }))
    };
    kinds.into_iter().filter_map(usual).collect()
}

/// The smallest sample that so many per cent do not exceed.
fn quantile(sorted: &[f64], per_cent: usize) -> Option<f64> {
    let place = (sorted.len() * per_cent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied()
}

/// The runs in a file; what cannot be read tells nothing.
fn runs(path: &Path) -> Vec<Run> {
    let text = match read::file(path, LARGEST) {
        Ok(text) => text,
        Err(error) => {
            if !error.is_missing() {
                tracing::warn!(path = %path.display(), %error, "times of earlier runs cannot be read");
            }
            return Vec::new();
        }
    };
    let lines = text.split(|byte| *byte == b'\n');
    lines.filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

fn write(path: &Path, runs: &[Run]) -> Result<(), HomeError> {
    let mut text = Vec::new();
    for run in runs {
        // Numbers and texts can always be written.
        serde_json::to_writer(&mut text, run).expect("plain data serialises");
        text.push(b'\n');
    }
    if let Some(folder) = path.parent() {
        home::private_folder(folder)?;
    }
    home::write_secret(path, &text)
}

#[cfg(test)]
mod tests {
    use butler_api::event::StepLine;

    use super::*;

    fn graph(ids: &[(&str, &str)]) -> Body {
        let line = |(id, kind): &(&str, &str)| StepLine {
            id: (*id).to_owned(),
            title: String::new(),
            kind: (*kind).to_owned(),
            phase: String::new(),
            needs: Vec::new(),
            needs_any: Vec::new(),
            deadline_seconds: 1,
            usual_seconds: None,
            hint: None,
            proven: false,
        };
        Body::RunGraph {
            steps: ids.iter().map(line).collect(),
        }
    }

    fn proven(step: &str, seconds: f64, already: bool) -> Body {
        Body::StepProven {
            step: step.to_owned(),
            title: String::new(),
            evidence: String::new(),
            seconds,
            already,
        }
    }

    fn run(path: &Path, seconds: f64) {
        let mut timings = Timings::new(path.to_owned());
        timings.take(&graph(&[
            ("machine/a/create", "machine/create"),
            ("machine/b/create", "machine/create"),
        ]));
        timings.take(&proven("machine/a/create", seconds, false));
        timings.take(&proven("machine/b/create", 0.0, true));
        timings.take(&proven("machine/c/create", 1e9, false));
        timings.keep();
    }

    #[test]
    fn later_runs_know_what_earlier_ones_took() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("timings/inmemory-bootstrap.ndjson");
        let read = |path: &Path| of_runs(&runs(path));
        assert!(read(&path).is_empty());
        for seconds in [3.0, 1.0, 2.0] {
            run(&path, seconds);
        }
        let usual = read(&path);
        assert_eq!(usual.keys().collect::<Vec<_>>(), ["machine/create"]);
        let expected = Usual {
            p50: 2.0,
            p95: 3.0,
            runs: 3,
        };
        assert_eq!(usual["machine/create"], expected);
    }

    #[test]
    fn the_last_runs_count_and_damaged_lines_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("times");
        let many: Vec<Run> = (0..60)
            .map(|n| Run {
                steps: [("a".to_owned(), vec![f64::from(n)])].into(),
                whole: None,
            })
            .collect();
        write(&path, &many).unwrap();
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("{\"steps\": \n");
        std::fs::write(&path, text).unwrap();
        run(&path, 1.0);
        let usual = usual(&path, ProviderKind::InMemory);
        assert_eq!(usual["a"].runs, RUNS - 1);
        assert_eq!(usual["machine/create"].runs, 1);
        assert_eq!(usual["machine/boot"].runs, 0, "nobody has seen one yet");
    }

    #[test]
    fn only_runs_that_did_everything_tell_how_long_one_takes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("times");
        let run = |resumed, outcome, seconds| {
            let mut timings = Timings::new(path.clone());
            timings.take(&Body::RunStarted {
                resumed,
                steps: 1,
                proven: 0,
                machines: Vec::new(),
                addons: Vec::new(),
            });
            timings.take(&graph(&[("a", "a")]));
            timings.take(&proven("a", 1.0, false));
            timings.take(&Body::RunFinished {
                outcome,
                seconds,
                message: String::new(),
            });
            timings.keep();
        };
        run(true, Outcome::Done, 1.0);
        run(false, Outcome::Failed, 2.0);
        assert_eq!(whole(&path), None);
        for seconds in [30.0, 10.0, 20.0] {
            run(false, Outcome::Done, seconds);
        }
        assert_eq!(whole(&path), Some((Duration::from_secs(20), 3)));
    }

    #[test]
    fn of_hundreds_of_machines_a_few_are_kept() {
        let mut samples = Vec::new();
        for seen in 0..1000 {
            keep_sample(&mut samples, seen, 1.0);
        }
        assert_eq!(samples.len(), SAMPLES);
    }
}
