//! Environments: the stages of a team, such as `dev` and `prod`, each with limits and defaults of its own.

pub mod change;
pub mod defaults;
pub mod entry;
pub mod list;
pub mod migrate;
pub mod used;

use kube::api::DynamicObject;
use serde_json::Value;

/// The environments of a team, as objects of any Butler.
fn of_team(team: &DynamicObject) -> Vec<Value> {
    let list = team.data.pointer("/spec/environments").and_then(Value::as_array);
    list.cloned().unwrap_or_else(Vec::new)
}

/// The name of an environment.
fn name(environment: &Value) -> &str {
    environment.get("name").and_then(Value::as_str).unwrap_or("")
}
