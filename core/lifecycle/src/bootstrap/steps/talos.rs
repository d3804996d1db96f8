//! Connections to configured nodes, and what is asked of them.

use std::time::Duration;

use butler_api::{
    config::Role,
    error::{Class, StepError},
};
use butler_kubernetes::chain;
use butler_talos::client::{EtcdMember, Node, TalosError};

use super::machine::role_of;
use crate::bootstrap::Bootstrap;

/// How long one look at a node may take.
pub(super) const LOOK: Duration = Duration::from_secs(3);

/// A connection to a configured node; the one of the last call, if that is a control plane and the call went well.
pub(super) async fn node(context: &Bootstrap, name: &str, what: &str) -> Result<Node, StepError> {
    connection(context, name)
        .await?
        .map_err(|e| talos_failed(what.to_owned(), e))
}

/// The same with the node's own error.
pub(super) async fn connection(context: &Bootstrap, name: &str) -> Result<Result<Node, TalosError>, StepError> {
    let kept = context.talos_nodes().get(name).cloned();
    if let Some(node) = kept {
        return Ok(Ok(node));
    }
    let address = context.address(name)?;
    let talos = context.talos().await?;
    let node = match Node::connect(&address, &talos.credentials).await {
        Ok(node) => node,
        Err(error) => return Ok(Err(error)),
    };
    if role_of(context, name)? == Role::ControlPlane {
        context.talos_nodes().insert(name.to_owned(), node.clone());
    }
    Ok(Ok(node))
}

/// A call that failed; the next one makes a new connection.
pub(super) fn call_failed(context: &Bootstrap, name: &str, what: String, error: TalosError) -> StepError {
    context.talos_nodes().remove(name);
    talos_failed(what, error)
}

/// The members as this node lists them, if it does so within this time.
pub(super) async fn members(context: &Bootstrap, name: &str, limit: Duration) -> Result<Vec<EtcdMember>, StepError> {
    let what = format!("list etcd members on {name} at {}", context.address(name)?);
    let node = node(context, name, &what).await?;
    match node.etcd_members_within(limit).await {
        Ok(members) => Ok(members),
        // Nothing is wrong with the connection: etcd is not up.
        Err(error @ TalosError::Deadline { .. }) if limit < LOOK => Err(talos_failed(what, error)),
        Err(error) => Err(call_failed(context, name, what, error)),
    }
}

/// The cause of a failed call alone: what it was about is said elsewhere.
pub(super) fn in_short(error: &StepError) -> String {
    let source = error
        .source
        .as_ref()
        .and_then(|source| source.downcast_ref::<TalosError>());
    source.map_or_else(|| chain(error), TalosError::in_short)
}

pub(super) fn talos_failed(what: String, error: TalosError) -> StepError {
    let class = match &error {
        e if e.is_retryable() => Class::Retryable,
        TalosError::PermissionDenied(_) => Class::Permission,
        TalosError::Invalid(_) => Class::Configuration,
        _ => Class::Fatal,
    };
    let hint = error.hint().map(ToOwned::to_owned);
    StepError {
        class,
        hint,
        ..StepError::retryable(what, error)
    }
}

#[cfg(test)]
mod tests;
