//! On which node etcd is bootstrapped, and whether it may be: decisions from what the control planes answer. Pure.
//!
//! Two calls on two nodes make two clusters, and no node objects. So every control plane is looked at before the call, and
//! a doubt that no look settles stops it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use butler_api::backoff::Backoff;

/// What a look at one control plane showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Its etcd lists these members, by id.
    Members(BTreeSet<u64>),
    /// Its etcd runs and lists nobody, or not yet.
    Running(String),
    /// It was asked to bootstrap, and its etcd does not run yet.
    Requested,
    /// Its etcd gave up, after it was asked to bootstrap or before.
    Failed {
        /// Whether it had been asked to bootstrap before it failed.
        requested: bool,
    },
    /// Its etcd waits to join or to be bootstrapped.
    Waiting,
    /// It has no configuration, and thus no etcd.
    Unconfigured,
    /// It could not be asked.
    Silent(String),
}

/// What is known before the call.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    /// The choice, once it was made.
    pub(crate) chosen: Option<&'a str>,
    /// Control planes that this run has proven to be configured, in order.
    pub(crate) configured: &'a [String],
    /// Control planes that an earlier run may have called.
    pub(crate) maybe_called: &'a BTreeSet<String>,
    /// What each of them showed.
    pub(crate) seen: &'a BTreeMap<String, Sight>,
}

/// What to do about the bootstrap of etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is bootstrapped already: this node has members.
    Adopt(String),
    /// This node is being bootstrapped.
    Await(String),
    /// Ask this node to bootstrap etcd.
    Call(String),
    /// Nobody may be called before this has changed.
    Hold(String),
    /// It was bootstrapped on both of these nodes.
    Split(String, String),
}

/// Which node bootstraps etcd, if any may.
pub(crate) fn decide(question: &Question<'_>) -> Decision {
    let Question {
        chosen,
        configured,
        maybe_called,
        seen,
    } = question;
    if let Some(split) = split(seen) {
        return split;
    }
    let members = |name: &str| matches!(seen.get(name), Some(Sight::Members(_)));
    // The node that was chosen first, so that a cluster of its own is the one that counts.
    let with_members = chosen.iter().copied().chain(seen.keys().map(String::as_str));
    if let Some(name) = with_members.into_iter().find(|name| members(name)) {
        return Decision::Adopt(name.to_owned());
    }
    let started = |sight: &Sight| {
        matches!(
            sight,
            Sight::Running(_) | Sight::Requested | Sight::Failed { requested: true }
        )
    };
    if let Some(chosen) = chosen {
        return match seen.get(*chosen) {
            Some(Sight::Running(_) | Sight::Requested) => Decision::Await((*chosen).to_owned()),
            _ => Decision::Call((*chosen).to_owned()),
        };
    }
    let mut busy = seen.iter().filter(|(_, sight)| started(sight));
    match (busy.next(), busy.next()) {
        (Some((one, _)), Some((two, _))) => {
            return Decision::Hold(format!(
                "etcd was started on {one} and on {two}, and neither lists members"
            ));
        }
        (Some((name, Sight::Failed { .. })), None) => return Decision::Call(name.clone()),
        (Some((name, _)), None) => return Decision::Await(name.clone()),
        (None, _) => {}
    }
    for name in *maybe_called {
        let cause = match seen.get(name) {
            Some(Sight::Silent(cause)) => cause.as_str(),
            None => "it has no address yet",
            Some(_) => continue,
        };
        return Decision::Hold(format!(
            "etcd may have been bootstrapped on {name}, which cannot be asked: {cause}"
        ));
    }
    // One whose etcd cannot start is a poor choice for ever, where there is another one.
    let sound = |name: &&String| !matches!(seen.get(*name), Some(Sight::Failed { .. }));
    match configured.iter().find(sound).or(configured.first()) {
        Some(first) => Decision::Call(first.clone()),
        None => Decision::Hold("no control plane is configured yet".to_owned()),
    }
}

/// Two nodes whose members have nobody in common are two clusters.
fn split(seen: &BTreeMap<String, Sight>) -> Option<Decision> {
    let mut lists = seen.iter().filter_map(|(name, sight)| match sight {
        Sight::Members(ids) => Some((name, ids)),
        _ => None,
    });
    let (first, ids) = lists.next()?;
    let other = lists.find(|(_, other)| other.is_disjoint(ids))?;
    Some(Decision::Split(first.clone(), other.0.clone()))
}

/// The calls on the chosen node: a node that lost power soon after the first one has forgotten it.
///
/// A call aborts what an earlier one has begun, so a node that remembers the call is left alone, and the pauses double: a
/// node of a release that notes it in other words still gets the time to fetch its image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calls {
    made: u32,
}

impl Calls {
    const PAUSES: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_mins(1));

    /// After the first call.
    pub(crate) fn new() -> Self {
        Self { made: 1 }
    }

    /// Whether the node is to be called again, so long after the last call.
    pub(crate) fn again(&mut self, sight: &Sight, since: Duration) -> bool {
        let forgotten = matches!(sight, Sight::Waiting | Sight::Failed { .. });
        if !forgotten || since < Self::PAUSES.pause(self.made) {
            return false;
        }
        self.made += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(ids: &[u64]) -> Sight {
        Sight::Members(ids.iter().copied().collect())
    }

    fn silent() -> Sight {
        Sight::Silent("connection refused".to_owned())
    }

    struct Case {
        chosen: Option<&'static str>,
        maybe_called: &'static [&'static str],
        seen: Vec<(&'static str, Sight)>,
    }

    fn decided(case: Case) -> Decision {
        let configured: Vec<String> = case
            .seen
            .iter()
            .filter(|(_, sight)| !matches!(sight, Sight::Unconfigured | Sight::Silent(_)))
            .map(|(name, _)| (*name).to_owned())
            .collect();
        let seen = case.seen.into_iter().map(|(name, sight)| (name.to_owned(), sight));
        decide(&Question {
            chosen: case.chosen,
            configured: &configured,
            maybe_called: &case.maybe_called.iter().map(|name| (*name).to_owned()).collect(),
            seen: &seen.collect(),
        })
    }

    #[test]
    fn a_new_cluster_is_bootstrapped_on_its_first_configured_control_plane() {
        let seen = vec![("a", Sight::Unconfigured), ("b", Sight::Waiting), ("c", silent())];
        let decision = decided(Case {
            chosen: None,
            maybe_called: &[],
            seen,
        });
        assert_eq!(decision, Decision::Call("b".to_owned()));
    }

    /// The journal had lost the choice, and etcd was bootstrapped a second time on the first node of the list.
    #[test]
    fn members_anywhere_are_adopted_and_nobody_is_called() {
        for chosen in [None, Some("a")] {
            let seen = vec![("a", Sight::Waiting), ("b", members(&[7])), ("c", silent())];
            let decision = decided(Case {
                chosen,
                maybe_called: &["a", "b", "c"],
                seen,
            });
            assert_eq!(decision, Decision::Adopt("b".to_owned()), "{chosen:?}");
        }
    }

    #[test]
    fn a_node_that_may_have_been_called_and_is_silent_stops_the_call() {
        for (maybe_called, stopped) in [(&["c"][..], true), (&["a"], false), (&["d"], true)] {
            let seen = vec![("a", Sight::Waiting), ("b", Sight::Waiting), ("c", silent())];
            let decision = decided(Case {
                chosen: None,
                maybe_called,
                seen,
            });
            assert_eq!(matches!(decision, Decision::Hold(_)), stopped, "{decision:?}");
        }
    }

    #[test]
    fn a_node_that_was_asked_already_is_the_one() {
        for (sight, wanted) in [
            (Sight::Requested, Decision::Await("b".to_owned())),
            (Sight::Running("no leader".to_owned()), Decision::Await("b".to_owned())),
            (Sight::Failed { requested: true }, Decision::Call("b".to_owned())),
            (Sight::Failed { requested: false }, Decision::Call("a".to_owned())),
        ] {
            let seen = vec![("a", Sight::Waiting), ("b", sight)];
            let decision = decided(Case {
                chosen: None,
                maybe_called: &["a", "b"],
                seen,
            });
            assert_eq!(decision, wanted);
        }
    }

    #[test]
    fn the_choice_stands_whoever_is_silent() {
        let seen = vec![("a", Sight::Waiting), ("b", silent()), ("c", silent())];
        let decision = decided(Case {
            chosen: Some("b"),
            maybe_called: &["a", "b", "c"],
            seen,
        });
        assert_eq!(decision, Decision::Call("b".to_owned()));
    }

    #[test]
    fn two_clusters_are_told_whatever_else_is_known() {
        let seen = vec![("a", members(&[1])), ("b", members(&[1, 2])), ("c", members(&[3]))];
        let decision = decided(Case {
            chosen: Some("a"),
            maybe_called: &[],
            seen,
        });
        assert_eq!(decision, Decision::Split("a".to_owned(), "c".to_owned()));
    }

    #[test]
    fn a_forgotten_call_is_repeated_ever_more_slowly_and_a_remembered_one_is_not() {
        let mut calls = Calls::new();
        let seconds = Duration::from_secs;
        assert!(!calls.again(&Sight::Waiting, seconds(1)));
        assert!(calls.again(&Sight::Waiting, seconds(2)));
        assert!(!calls.again(&Sight::Waiting, seconds(3)));
        assert!(calls.again(&Sight::Failed { requested: true }, seconds(4)));
        for sight in [Sight::Requested, Sight::Running(String::new()), silent(), members(&[1])] {
            assert!(!calls.again(&sight, seconds(600)), "{sight:?}");
        }
        for _ in 0..10 {
            calls.again(&Sight::Waiting, seconds(600));
        }
        assert!(!calls.again(&Sight::Waiting, seconds(59)));
        assert!(calls.again(&Sight::Waiting, seconds(60)));
    }
}
