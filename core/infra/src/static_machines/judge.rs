//! What an observed machine means for the cluster that lists it. No sockets in here.

use std::collections::BTreeMap;

use butler_talos::client::{MaintenanceFacts, Mode};
use semver::Version;

use super::Listed;
use crate::{Check, CheckStatus, Class, hardware};

/// What to do about a machine that does not answer.
pub(super) const SILENT: &str = "boot it into Talos maintenance mode and open TCP port 50000 on the way";

/// One look at a listed machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Observation {
    /// Who answers.
    pub(super) mode: Mode,
    /// What it tells of itself while it waits for a configuration.
    pub(super) facts: MaintenanceFacts,
}

/// What was seen, in words.
pub(super) fn seen(look: &Observation) -> BTreeMap<&'static str, String> {
    let mut words = BTreeMap::new();
    let mut put = |key, value: String| drop(words.insert(key, value));
    match &look.mode {
        Mode::Maintenance { fingerprint } => {
            put("stage", "maintenance".to_owned());
            put("fingerprint", fingerprint.clone());
            put("links", look.facts.hardware.describe_links());
            put("disks", look.facts.hardware.describe_disks());
            if let Some(talos) = &look.facts.talos {
                put("talos", talos.clone());
            }
        }
        Mode::Configured => put("stage", "configured by this cluster".to_owned()),
        Mode::Foreign { detail } => {
            put("stage", "configured by another cluster".to_owned());
            put("cause", detail.clone());
        }
        Mode::Silent { cause } => {
            put("stage", "silent".to_owned());
            put("cause", cause.clone());
        }
    }
    words
}

/// What follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It waits for a configuration, and nothing speaks against giving it ours.
    Free {
        /// Fingerprint of its certificate.
        fingerprint: String,
        /// Whether the configuration names that fingerprint.
        pinned: bool,
    },
    /// It has our configuration already.
    Ours,
    /// Nothing answers, or not yet.
    Silent {
        /// Why.
        cause: String,
    },
    /// It must not be touched.
    Refused {
        /// As an error.
        class: Class,
        /// Why.
        message: String,
        /// What to do about it.
        hint: String,
    },
}

/// Judges one machine.
pub(super) fn judge(listed: &Listed, wanted: &Version, seen: &Observation) -> Verdict {
    match &seen.mode {
        Mode::Silent { cause } => Verdict::Silent { cause: cause.clone() },
        Mode::Configured => Verdict::Ours,
        Mode::Foreign { detail } => Verdict::Refused {
            class: Class::Foreign,
            message: format!("{} is configured, but not by this cluster: {detail}", listed.address),
            hint: "reset the machine with the talosconfig of its cluster (talosctl reset), or take it off the list"
                .to_owned(),
        },
        Mode::Maintenance { fingerprint } => judge_free(listed, wanted, fingerprint, &seen.facts),
    }
}

fn judge_free(listed: &Listed, wanted: &Version, fingerprint: &str, facts: &MaintenanceFacts) -> Verdict {
    if let Some(pin) = listed.fingerprint.as_deref().filter(|pin| *pin != fingerprint) {
        return Verdict::Refused {
            class: Class::Tls {
                fingerprint: Some(fingerprint.to_owned()),
            },
            message: format!(
                "{} shows the fingerprint {fingerprint}, the configuration names {pin}",
                listed.address
            ),
            hint: hardware::fingerprint_hint(listed.at),
        };
    }
    if let Some(runs) = facts.talos.as_deref().filter(|runs| !same_line(runs, wanted)) {
        return Verdict::Refused {
            class: Class::SpecDrift,
            message: format!(
                "{} runs Talos {runs}, the configuration names v{wanted}",
                listed.address
            ),
            hint: format!(
                "boot it from an image of Talos v{}.{}, or change talos.version while no machine is configured",
                wanted.major, wanted.minor
            ),
        };
    }
    if let Some(missing) = hardware::missing(&listed.named, &facts.hardware) {
        return Verdict::Refused {
            class: Class::SpecDrift,
            message: format!("{} {}", listed.address, missing.message),
            hint: missing.hint,
        };
    }
    Verdict::Free {
        fingerprint: fingerprint.to_owned(),
        pinned: listed.fingerprint.is_some(),
    }
}

/// Whether a node's release is of the wanted line. What cannot be read is not taken as proof of another one.
fn same_line(runs: &str, wanted: &Version) -> bool {
    let Ok(runs) = Version::parse(runs.strip_prefix('v').unwrap_or(runs)) else {
        return true;
    };
    (runs.major, runs.minor) == (wanted.major, wanted.minor)
}

/// Preflight: one finding per machine, and one about machines listed twice.
pub(super) fn checks(found: &[(&Listed, Verdict)]) -> Vec<Check> {
    let mut checks: Vec<_> = found.iter().map(|(listed, verdict)| check(listed, verdict)).collect();
    for (n, (listed, verdict)) in found.iter().enumerate() {
        let Verdict::Free { fingerprint, .. } = verdict else {
            continue;
        };
        let same = |(_, v): &&(&Listed, Verdict)| matches!(v, Verdict::Free { fingerprint: f, .. } if f == fingerprint);
        if let Some((twin, _)) = found[..n].iter().find(same) {
            checks.push(Check {
                id: "static/twice",
                status: CheckStatus::Fail,
                summary: format!(
                    "{} ({}) and {} ({}) are the same machine",
                    twin.name, twin.address, listed.name, listed.address
                ),
                hint: Some("list every machine once, by one of its addresses".to_owned()),
            });
        }
    }
    checks
}

fn check(listed: &Listed, verdict: &Verdict) -> Check {
    let Listed { name, address, .. } = listed;
    let (status, summary, hint) = match verdict {
        Verdict::Ours => (
            CheckStatus::Ok,
            format!("{name} ({address}) has this cluster's configuration"),
            None,
        ),
        Verdict::Free {
            fingerprint,
            pinned: true,
        } => (
            CheckStatus::Ok,
            format!("{name} ({address}) is in maintenance mode, fingerprint {fingerprint}"),
            None,
        ),
        Verdict::Free {
            fingerprint,
            pinned: false,
        } => (
            CheckStatus::Warn,
            format!("{name} ({address}) is in maintenance mode, fingerprint {fingerprint} taken on trust"),
            Some("compare with the machine's console and name it: providerConfig.static.machines[].fingerprint".into()),
        ),
        Verdict::Silent { cause } => (
            CheckStatus::Warn,
            format!("{name} ({address}) does not answer: {cause}"),
            Some(SILENT.to_owned()),
        ),
        Verdict::Refused { message, hint, .. } => (CheckStatus::Fail, format!("{name}: {message}"), Some(hint.clone())),
    };
    Check {
        id: "static/machine",
        status,
        summary,
        hint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(fingerprint: Option<&str>) -> Listed {
        Listed {
            name: "demo-cp-0".into(),
            address: "10.0.0.5".parse().unwrap(),
            fingerprint: fingerprint.map(Into::into),
            at: 2,
            named: hardware::Named::default(),
        }
    }

    fn verdict(fingerprint: Option<&str>, mode: Mode, talos: Option<&str>) -> Verdict {
        let seen = Observation {
            mode,
            facts: MaintenanceFacts {
                talos: talos.map(Into::into),
                hardware: butler_talos::client::Hardware::default(),
            },
        };
        judge(&listed(fingerprint), &Version::new(1, 12, 1), &seen)
    }

    fn maintenance() -> Mode {
        Mode::Maintenance {
            fingerprint: "AAA=".into(),
        }
    }

    #[test]
    fn a_machine_in_maintenance_mode_is_free() {
        let free = |pinned| Verdict::Free {
            fingerprint: "AAA=".into(),
            pinned,
        };
        assert_eq!(verdict(None, maintenance(), Some("v1.12.4")), free(false));
        assert_eq!(verdict(Some("AAA="), maintenance(), Some("v1.12.4")), free(true));
    }

    #[test]
    fn a_version_that_is_not_told_or_not_understood_is_no_reason_to_refuse() {
        assert!(matches!(verdict(None, maintenance(), None), Verdict::Free { .. }));
        assert!(matches!(
            verdict(None, maintenance(), Some("main")),
            Verdict::Free { .. }
        ));
    }

    #[test]
    fn another_fingerprint_than_the_pinned_one_is_refused() {
        let Verdict::Refused { class, message, hint } = verdict(Some("BBB="), maintenance(), Some("v1.12.1")) else {
            panic!("not refused")
        };
        assert_eq!(
            class,
            Class::Tls {
                fingerprint: Some("AAA=".into())
            }
        );
        assert_eq!(
            message,
            "10.0.0.5:50000 shows the fingerprint AAA=, the configuration names BBB="
        );
        assert!(hint.contains("providerConfig.static.machines[2].fingerprint"), "{hint}");
    }

    #[test]
    fn another_talos_line_is_refused() {
        for runs in ["v1.11.9", "v1.13.0", "2.12.0"] {
            let Verdict::Refused { class, message, hint } = verdict(None, maintenance(), Some(runs)) else {
                panic!("{runs} not refused")
            };
            assert_eq!(class, Class::SpecDrift);
            assert_eq!(
                message,
                format!("10.0.0.5:50000 runs Talos {runs}, the configuration names v1.12.1")
            );
            assert_eq!(
                hint,
                "boot it from an image of Talos v1.12, or change talos.version while no machine is configured"
            );
        }
    }

    #[test]
    fn a_machine_of_another_cluster_is_refused() {
        let mode = Mode::Foreign {
            detail: "it has a certificate of another cluster".into(),
        };
        assert!(matches!(
            verdict(None, mode, None),
            Verdict::Refused {
                class: Class::Foreign,
                ..
            }
        ));
    }

    #[test]
    fn a_configured_machine_of_ours_is_recognised() {
        assert_eq!(verdict(Some("AAA="), Mode::Configured, None), Verdict::Ours);
    }

    #[test]
    fn silence_is_waited_for_and_says_why() {
        let mode = Mode::Silent {
            cause: "connection refused".into(),
        };
        assert_eq!(
            verdict(None, mode, None),
            Verdict::Silent {
                cause: "connection refused".into()
            }
        );
    }

    #[test]
    fn preflight_reports_every_machine_and_those_listed_twice() {
        let one = listed(None);
        let two = Listed {
            name: "demo-cp-1".into(),
            address: "10.0.0.6".parse().unwrap(),
            ..listed(None)
        };
        let free = Verdict::Free {
            fingerprint: "AAA=".into(),
            pinned: false,
        };
        let silent = Verdict::Silent {
            cause: "no route to host".into(),
        };
        let found = checks(&[(&one, free.clone()), (&two, silent)]);
        assert_eq!(found.len(), 2);
        assert_eq!(
            found[1].summary,
            "demo-cp-1 (10.0.0.6:50000) does not answer: no route to host"
        );
        let found = checks(&[(&one, free.clone()), (&two, free)]);
        assert_eq!((found[2].id, found[2].status), ("static/twice", CheckStatus::Fail));
    }
}
