//! What a look at a machine means for the planned one that claims it. No sockets in here.

use std::collections::BTreeMap;

use butler_talos::client::{MaintenanceFacts, Mode};
use semver::Version;

use super::Listed;
use crate::{Check, CheckStatus, Claim, ErrorKind, hardware};

/// What to do about a machine that does not answer.
pub(super) const SILENT: &str = "boot it into Talos maintenance mode and open TCP port 50000 on the way";

/// A planned machine, and the listed one that it claims.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    /// Name of the planned machine.
    pub(super) name: &'a str,
    /// The machine as the configuration lists it.
    pub(super) listed: &'a Listed,
    /// What the listed machine must be.
    pub(super) claim: &'a Claim,
}

/// What one look at a listed machine shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sighting {
    /// Who answers at its address.
    pub(super) mode: Mode,
    /// What it tells of itself while it waits for a configuration.
    pub(super) facts: MaintenanceFacts,
}

/// What was seen, in words.
pub(super) fn facts(sighting: &Sighting) -> BTreeMap<&'static str, String> {
    let mut words = BTreeMap::new();
    let mut put = |key, value: String| drop(words.insert(key, value));
    match &sighting.mode {
        Mode::Maintenance { fingerprint } => {
            put("stage", "maintenance".to_owned());
            put("fingerprint", fingerprint.clone());
            put("links", sighting.facts.hardware.describe_links());
            put("disks", sighting.facts.hardware.describe_disks());
            if let Some(talos) = &sighting.facts.talos {
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
        /// What the attempt to connect failed on.
        cause: String,
    },
    /// It must not be touched.
    Refused {
        /// What kind of error that is.
        kind: ErrorKind,
        /// Why it must not be touched.
        message: String,
        /// What to do about it.
        hint: String,
    },
}

/// Whether a listed machine can be taken, by who answers at its address.
pub(super) fn judge(candidate: Candidate<'_>, sighting: &Sighting) -> Verdict {
    match &sighting.mode {
        Mode::Silent { cause } => Verdict::Silent { cause: cause.clone() },
        Mode::Configured => Verdict::Ours,
        Mode::Foreign { detail } => Verdict::Refused {
            kind: ErrorKind::Foreign,
            message: format!(
                "{} is configured, but not by this cluster: {detail}",
                candidate.listed.address
            ),
            hint: "reset the machine with the talosconfig of its cluster (talosctl reset), or take it off the list"
                .to_owned(),
        },
        Mode::Maintenance { fingerprint } => judge_free(candidate, fingerprint, &sighting.facts),
    }
}

fn judge_free(candidate: Candidate<'_>, fingerprint: &str, facts: &MaintenanceFacts) -> Verdict {
    let Candidate { listed, claim, .. } = candidate;
    if let Some(pin) = listed.fingerprint.as_deref().filter(|pin| *pin != fingerprint) {
        return Verdict::Refused {
            kind: ErrorKind::Tls {
                fingerprint: Some(fingerprint.to_owned()),
            },
            message: format!(
                "{} shows the fingerprint {fingerprint}, the configuration names {pin}",
                listed.address
            ),
            hint: hardware::fingerprint_hint(listed.at),
        };
    }
    let wanted = &claim.talos;
    if let Some(runs) = facts.talos.as_deref().filter(|runs| !same_line(runs, wanted)) {
        return Verdict::Refused {
            kind: ErrorKind::SpecDrift,
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
    if let Some(missing) = hardware::missing(&claim.hardware, &facts.hardware) {
        return Verdict::Refused {
            kind: ErrorKind::SpecDrift,
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

/// Preflight: one finding about every machine, and one about machines listed twice.
pub(super) fn checks(found: &[(Candidate<'_>, Verdict)]) -> Vec<Check> {
    let mut checks: Vec<_> = found
        .iter()
        .map(|(candidate, verdict)| check(*candidate, verdict))
        .collect();
    for (n, (candidate, verdict)) in found.iter().enumerate() {
        let Verdict::Free { fingerprint, .. } = verdict else {
            continue;
        };
        let same =
            |(_, v): &&(Candidate<'_>, Verdict)| matches!(v, Verdict::Free { fingerprint: f, .. } if f == fingerprint);
        if let Some((twin, _)) = found[..n].iter().find(same) {
            checks.push(Check {
                id: "static/twice",
                status: CheckStatus::Fail,
                summary: format!(
                    "{} ({}) and {} ({}) are the same machine",
                    twin.name, twin.listed.address, candidate.name, candidate.listed.address
                ),
                hint: Some("list every machine once, by one of its addresses".to_owned()),
            });
        }
    }
    checks
}

fn check(candidate: Candidate<'_>, verdict: &Verdict) -> Check {
    let (name, address) = (candidate.name, &candidate.listed.address);
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
    use butler_api::config::NodeAddress;

    use super::*;

    fn listed(address: &str, fingerprint: Option<&str>) -> Listed {
        Listed {
            written: NodeAddress::parse(address).unwrap(),
            address: address.parse().unwrap(),
            role: butler_api::config::Role::ControlPlane,
            name: None,
            index: 0,
            fingerprint: fingerprint.map(Into::into),
            at: 2,
        }
    }

    fn claim() -> Claim {
        Claim {
            address: NodeAddress::parse("10.0.0.5").unwrap(),
            talos: Version::new(1, 12, 1),
            hardware: hardware::Named::default(),
        }
    }

    fn verdict(fingerprint: Option<&str>, mode: Mode, talos: Option<&str>) -> Verdict {
        let sighting = Sighting {
            mode,
            facts: MaintenanceFacts {
                talos: talos.map(Into::into),
                hardware: butler_talos::client::Hardware::default(),
            },
        };
        let candidate = Candidate {
            name: "demo-cp-0",
            listed: &listed("10.0.0.5", fingerprint),
            claim: &claim(),
        };
        judge(candidate, &sighting)
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
        let Verdict::Refused { kind, message, hint } = verdict(Some("BBB="), maintenance(), Some("v1.12.1")) else {
            panic!("not refused")
        };
        assert_eq!(
            kind,
            ErrorKind::Tls {
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
            let Verdict::Refused { kind, message, hint } = verdict(None, maintenance(), Some(runs)) else {
                panic!("{runs} not refused")
            };
            assert_eq!(kind, ErrorKind::SpecDrift);
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
                kind: ErrorKind::Foreign,
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
        let (first, second, claim) = (listed("10.0.0.5", None), listed("10.0.0.6", None), claim());
        let candidate = |name, listed| Candidate {
            name,
            listed,
            claim: &claim,
        };
        let one = candidate("demo-cp-0", &first);
        let two = candidate("demo-cp-1", &second);
        let free = Verdict::Free {
            fingerprint: "AAA=".into(),
            pinned: false,
        };
        let silent = Verdict::Silent {
            cause: "no route to host".into(),
        };
        let found = checks(&[(one, free.clone()), (two, silent)]);
        assert_eq!(found.len(), 2);
        assert_eq!(
            found[1].summary,
            "demo-cp-1 (10.0.0.6:50000) does not answer: no route to host"
        );
        let found = checks(&[(one, free.clone()), (two, free)]);
        assert_eq!((found[2].id, found[2].status), ("static/twice", CheckStatus::Fail));
    }
}
