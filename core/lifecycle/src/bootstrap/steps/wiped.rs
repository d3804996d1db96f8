//! A machine that had its configuration and waits for one again: it was wiped, or replaced.

use butler_api::{
    config::Role,
    error::{Class, StepError},
    event::Body,
};
use butler_kubernetes::chain;
use butler_talos::client::Address;

use super::{below::State, configure, machine::role_of, member};
use crate::bootstrap::{Bootstrap, Report, steps};

/// A machine that loses its configuration so often in one run does not keep what is written to its disk.
const MOST: u32 = 3;

/// What can be done for a machine that lost its configuration.
#[derive(Debug, PartialEq, Eq)]
enum Remedy {
    /// It gets its configuration again.
    Push,
    /// That would do harm now, and may not later.
    Wait(&'static str),
    /// The cluster is lost.
    Lost,
}

/// What decides about a control plane.
#[derive(Debug, Clone, Copy)]
struct Etcd {
    /// Whether etcd was bootstrapped on the machine before.
    bootstrapped: bool,
    /// Another control plane lists its members: more than half of them are there.
    listed: bool,
    /// Another control plane was ever seen as a member.
    others: bool,
}

/// A worker holds nothing that a cluster needs. A control plane joins etcd as a new member: Talos takes the member of its name
/// out when it joins with an empty disk, which needs more than half of the others. Where nobody else has a member, its data
/// was all there was.
fn remedy(role: Role, etcd: Etcd) -> Remedy {
    match role {
        Role::Worker => Remedy::Push,
        Role::ControlPlane if etcd.listed || !etcd.bootstrapped => Remedy::Push,
        Role::ControlPlane if etcd.others => Remedy::Wait("no other control plane lists etcd's members now"),
        Role::ControlPlane => Remedy::Lost,
    }
}

/// What is said of a machine that has lost its configuration.
pub(super) fn found(address: &Address) -> String {
    format!("{address} is in maintenance mode: it was wiped or replaced, its configuration is gone")
}

/// Gives the machine its configuration again where that is safe; else says what is to be done.
pub(super) async fn configure_again(
    context: &Bootstrap,
    name: &str,
    again: &mut u32,
    report: &Report,
) -> Result<State, StepError> {
    let address = context.address(name)?;
    let found = found(&address);
    if *again >= MOST {
        let words = format!("{found}; it lost it {MOST} times in this run: look at its disk and its boot order");
        return Ok(State::says(name, words));
    }
    match remedy(role_of(context, name)?, etcd(context, name).await?) {
        Remedy::Push => {}
        Remedy::Wait(why) => {
            let words = format!("{found}; it gets it again when it can join etcd anew: {why}");
            return Ok(State::says(name, words));
        }
        Remedy::Lost => {
            let message = format!("{name} at {found}, and with it the only member of etcd");
            let hint = format!(
                "a cluster without its etcd cannot go on: `butleradm destroy {}` takes it away; then begin anew",
                context.settled.config.cluster.name
            );
            return Err(StepError::new(Class::Fatal, message).hint(hint));
        }
    }
    *again += 1;
    report.emit(Body::Warning {
        message: format!("{name} at {found}; it gets it again"),
        hint: None,
    });
    report
        .intent(format!("{name} gets its configuration again"), Vec::new())
        .await?;
    context.talos_nodes().remove(name);
    match configure::configure(context, name, report).await {
        Ok(()) => {}
        Err(error) if error.class == Class::Retryable => {
            return Ok(State::says(name, format!("{found}: {}", chain(&error))));
        }
        Err(error) => return Err(error),
    }
    context.unconfigured().remove(name);
    report
        .effect(format!("{name} got its configuration again"), Vec::new())
        .await?;
    let words = "it was in maintenance mode and got its configuration again a moment ago";
    Ok(State::says(name, words.to_owned()))
}

async fn etcd(context: &Bootstrap, name: &str) -> Result<Etcd, StepError> {
    let bootstrapped = context.is_proven(&steps::etcd::id());
    if role_of(context, name)? == Role::Worker {
        return Ok(Etcd {
            bootstrapped,
            listed: false,
            others: false,
        });
    }
    let members = context.machines_with(steps::member::id);
    let first = context.known().memory.etcd_node.clone();
    let others: Vec<String> = context
        .configured_control_planes()
        .into_iter()
        .filter(|other| other != name)
        .collect();
    let listed = member::listed(context, &others).await.is_ok_and(|(_, list)| {
        // A list with nobody but the machine itself would be that of another cluster.
        list.iter().any(|member| member.hostname != name)
    });
    Ok(Etcd {
        bootstrapped,
        listed,
        others: others
            .iter()
            .any(|other| members.contains(other) || first.as_ref() == Some(other)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn etcd(bootstrapped: bool, listed: bool, others: bool) -> Etcd {
        Etcd {
            bootstrapped,
            listed,
            others,
        }
    }

    #[test]
    fn a_worker_always_gets_its_configuration_again() {
        assert_eq!(remedy(Role::Worker, etcd(true, false, false)), Remedy::Push);
    }

    #[test]
    fn a_control_plane_joins_anew_where_others_have_a_quorum_or_nothing_was_there_yet() {
        assert_eq!(remedy(Role::ControlPlane, etcd(true, true, true)), Remedy::Push);
        assert_eq!(remedy(Role::ControlPlane, etcd(false, false, false)), Remedy::Push);
    }

    #[test]
    fn without_a_quorum_it_waits_and_the_only_member_is_not_replaced_by_an_empty_one() {
        let waits = remedy(Role::ControlPlane, etcd(true, false, true));
        assert!(matches!(waits, Remedy::Wait(_)), "{waits:?}");
        assert_eq!(remedy(Role::ControlPlane, etcd(true, false, false)), Remedy::Lost);
    }
}
