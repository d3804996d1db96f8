//! Giving a claimed machine back: a reset through the Talos API, followed until it answers in maintenance mode.

use std::time::Duration;

use butler_talos::client::{Address, Credentials, Mode, Node, Stage, TalosError, probe};
use jiff::Timestamp;

use super::{KIND, LOOK, POLL};
use crate::{ErrorKind, InfraError, MachineRef, OpHandle, OpKind, Pending, Progress};

const RESET: &str = "reset machine";
/// How long a node may take to begin a reset that it accepted; after that it is asked again.
const BEGINS_WITHIN: Duration = Duration::from_secs(30);
const BY_HAND: &str = "switch the machine on and run the same command again, or wipe its disk by hand";

/// What to do with a machine that is to be given back.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    /// It has no configuration any more.
    Nothing,
    /// Ask it to reset itself.
    Reset,
    /// It is at it, and this is what it does.
    Wait(String),
    /// It cannot or must not be reset.
    Refuse {
        /// What kind of error that is.
        kind: ErrorKind,
        /// Why it is not reset.
        message: String,
        /// What to do about it.
        hint: &'static str,
    },
}

/// What is known of a machine that is to be given back.
#[derive(Debug, Clone, Copy)]
struct Known<'a> {
    /// Who answers at its address.
    mode: &'a Mode,
    /// What a configured node is doing, where it tells.
    stage: Option<Stage>,
    /// How long ago it was asked to reset itself.
    asked: Option<Duration>,
    /// Whether the credentials of the cluster are known, without which nobody can tell whose the machine is.
    has_credentials: bool,
}

fn decide(known: &Known<'_>) -> Action {
    match known.mode {
        Mode::Maintenance { .. } => Action::Nothing,
        Mode::Configured => decide_configured(known),
        Mode::Silent { cause } if known.asked.is_some() => {
            Action::Wait(format!("was reset and does not answer yet: {cause}"))
        }
        Mode::Silent { cause } => Action::Refuse {
            kind: ErrorKind::Unreachable,
            message: format!("it does not answer: {cause}"),
            hint: BY_HAND,
        },
        Mode::Foreign { detail } if known.has_credentials => Action::Refuse {
            kind: ErrorKind::Foreign,
            message: format!("it was not reset, {detail}"),
            hint: "reset it with the talosconfig of its cluster (talosctl reset), if it is yours",
        },
        Mode::Foreign { detail } => Action::Refuse {
            kind: ErrorKind::Unauthenticated,
            message: format!("it was not reset, {detail}, and the cluster's Talos credentials are not known"),
            hint: "reset it with the talosconfig of its cluster: talosctl reset --graceful=false --reboot",
        },
    }
}

/// A restart looks like the begin of a reset, so only who asked for one may take it for that.
fn decide_configured(known: &Known<'_>) -> Action {
    match known.stage {
        Some(Stage::Resetting) => Action::Wait("wipes its disk".to_owned()),
        Some(Stage::Rebooting | Stage::ShuttingDown) if known.asked.is_some() => Action::Wait("restarts".to_owned()),
        Some(Stage::Rebooting | Stage::ShuttingDown) => Action::Refuse {
            kind: ErrorKind::NotReady,
            message: "it is about to restart, and can be reset after that".to_owned(),
            hint: BY_HAND,
        },
        _ if known.asked.is_some_and(|ago| ago < BEGINS_WITHIN) => Action::Wait("was asked to reset itself".to_owned()),
        _ => Action::Reset,
    }
}

/// One step of giving a machine back.
pub(super) async fn reset(
    machine: &MachineRef,
    address: &Address,
    credentials: Option<&Credentials>,
    previous: Option<OpHandle>,
) -> Result<Progress<()>, InfraError> {
    // Whoever waited for the machine to come has not asked it to reset itself.
    let previous = previous.filter(|handle| handle.kind == OpKind::MachineDelete);
    let mode = probe(address, credentials, LOOK).await;
    let node = match (&mode, credentials) {
        (Mode::Configured, Some(credentials)) => {
            let node = Node::connect(address, credentials).await;
            Some(node.map_err(|e| failed(machine, &e))?)
        }
        _ => None,
    };
    let known = Known {
        mode: &mode,
        stage: match &node {
            Some(node) => stage(node).await,
            None => None,
        },
        asked: previous.as_ref().map(|handle| handle.age(Timestamp::now())),
        has_credentials: credentials.is_some(),
    };
    match (decide(&known), node) {
        (Action::Nothing, _) => Ok(Progress::Done(())),
        (Action::Wait(why), _) => {
            let started = previous.map_or_else(Timestamp::now, |handle| handle.started);
            Ok(pending(machine, address, started, &why))
        }
        (Action::Reset, Some(node)) => ask(machine, &node).await,
        (Action::Reset, None) => Err(refused(
            machine,
            ErrorKind::Unauthenticated,
            "the cluster's Talos credentials are not known",
        )),
        (Action::Refuse { kind, message, hint }, _) => Err(refused(machine, kind, message).hint(hint)),
    }
}

/// Asks a node to reset itself. Nothing is left to leave gracefully: the whole cluster goes.
async fn ask(machine: &MachineRef, node: &Node) -> Result<Progress<()>, InfraError> {
    let asked = Timestamp::now();
    let why = match node.reset(false).await {
        Ok(()) => "was asked to reset itself".to_owned(),
        // The node may have taken it: what it does next tells, and it is not asked again before that.
        Err(error @ (TalosError::Unreachable(_) | TalosError::Deadline { .. })) => {
            format!("was asked to reset itself and did not reply: {}", error.failure().cause)
        }
        Err(error) => return Err(failed(machine, &error)),
    };
    Ok(pending(machine, node.address(), asked, &why))
}

fn pending(machine: &MachineRef, address: &Address, started: Timestamp, why: &str) -> Progress<()> {
    Progress::Pending(Pending {
        handle: OpHandle {
            kind: OpKind::MachineDelete,
            provider: KIND,
            id: machine.id.clone(),
            started,
        },
        poll_after: POLL,
        note: format!("{} ({address}) {why}", machine.name),
        hint: None,
    })
}

/// What the node is doing. One that does not tell is taken for one that does nothing about a reset.
async fn stage(node: &Node) -> Option<Stage> {
    match node.machine_status().await {
        Ok(status) => Some(status.stage),
        Err(error) => {
            tracing::debug!(address = %node.address(), %error, "the node does not tell what it is doing");
            None
        }
    }
}

fn refused(machine: &MachineRef, kind: ErrorKind, message: impl Into<String>) -> InfraError {
    InfraError::new(KIND, RESET, kind, message).about(&machine.name)
}

/// A failed call to the node, as an error of the platform.
fn failed(machine: &MachineRef, error: &TalosError) -> InfraError {
    let kind = match error {
        TalosError::Unreachable(_) | TalosError::Exhausted(_) => ErrorKind::Unreachable,
        TalosError::WrongSide { .. } | TalosError::NotReady(_) => ErrorKind::NotReady,
        TalosError::Tls { .. } => ErrorKind::Tls { fingerprint: None },
        TalosError::AlreadyExists(_) => ErrorKind::Conflict,
        TalosError::PermissionDenied(_) => ErrorKind::Forbidden { missing: vec![] },
        TalosError::Invalid(_) => ErrorKind::Invalid { fields: vec![] },
        TalosError::Unimplemented(_) => ErrorKind::Unsupported,
        TalosError::NotFound(_) => ErrorKind::NotFound,
        TalosError::Deadline { .. } => ErrorKind::Timeout { maybe_applied: true },
        TalosError::Other { .. } => ErrorKind::Server,
    };
    let refused = refused(machine, kind, error.failure().cause.clone());
    match error.hint() {
        Some(hint) => refused.hint(hint),
        None => refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(mode: &Mode, stage: Option<Stage>, asked: Option<u64>) -> Known<'_> {
        Known {
            mode,
            stage,
            asked: asked.map(Duration::from_secs),
            has_credentials: true,
        }
    }

    fn silent() -> Mode {
        Mode::Silent {
            cause: "connection refused".into(),
        }
    }

    fn kind(action: Action) -> ErrorKind {
        match action {
            Action::Refuse { kind, .. } => kind,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_machine_in_maintenance_mode_is_given_back() {
        let mode = Mode::Maintenance {
            fingerprint: "AAA=".into(),
        };
        assert_eq!(decide(&known(&mode, None, None)), Action::Nothing);
        assert_eq!(decide(&known(&mode, None, Some(1))), Action::Nothing);
    }

    #[test]
    fn a_configured_machine_is_asked_once_and_again_only_if_it_does_not_begin() {
        let running = |asked| decide(&known(&Mode::Configured, Some(Stage::Running), asked));
        assert_eq!(running(None), Action::Reset);
        assert!(matches!(running(Some(29)), Action::Wait(_)));
        assert_eq!(running(Some(30)), Action::Reset);
        let unknown = decide(&known(&Mode::Configured, None, None));
        assert_eq!(unknown, Action::Reset);
    }

    #[test]
    fn a_reset_under_way_is_followed_also_by_another_process() {
        let resetting = |asked| decide(&known(&Mode::Configured, Some(Stage::Resetting), asked));
        assert!(matches!(resetting(None), Action::Wait(_)));
        assert!(matches!(resetting(Some(300)), Action::Wait(_)));
    }

    #[test]
    fn a_restart_is_taken_for_a_reset_only_by_who_asked_for_one() {
        for stage in [Stage::Rebooting, Stage::ShuttingDown] {
            let restarts = |asked| decide(&known(&Mode::Configured, Some(stage), asked));
            assert!(matches!(restarts(Some(300)), Action::Wait(_)));
            assert_eq!(kind(restarts(None)), ErrorKind::NotReady);
        }
    }

    #[test]
    fn silence_is_waited_for_after_a_reset_and_an_error_before() {
        assert!(matches!(decide(&known(&silent(), None, Some(300))), Action::Wait(_)));
        assert_eq!(kind(decide(&known(&silent(), None, None))), ErrorKind::Unreachable);
    }

    #[test]
    fn a_machine_of_another_cluster_is_never_reset() {
        let mode = Mode::Foreign {
            detail: "it has a certificate of another cluster".into(),
        };
        assert_eq!(kind(decide(&known(&mode, None, None))), ErrorKind::Foreign);
        assert_eq!(kind(decide(&known(&mode, None, Some(1)))), ErrorKind::Foreign);
        let stranger = Known {
            has_credentials: false,
            ..known(&mode, None, None)
        };
        assert_eq!(kind(decide(&stranger)), ErrorKind::Unauthenticated);
    }
}
