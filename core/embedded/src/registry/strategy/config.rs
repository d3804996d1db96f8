//! The strategies of ConfigMaps and Secrets.

use base64::Engine as _;
use serde_json::{Value, json};

use super::{Strategy, Validation};
use crate::admit::names;
use crate::kinds::Resource;
use crate::limits::Excess;
use crate::status::{CAUSES, Cause};

/// Bytes that a ConfigMap or Secret may hold.
const DATA: usize = 1 << 20;
const FROZEN: &str = "field is immutable when `immutable` is set";

pub(super) struct ConfigMap;

impl Strategy for ConfigMap {
    fn validate(&self, write: &Validation<'_>, causes: &mut Vec<Cause>) {
        causes.extend(config_map(write.old, write.object));
    }
}

pub(super) struct Secret;

impl Strategy for Secret {
    fn set_defaults(&self, _: &Resource, object: &mut Value) -> Result<(), Excess> {
        fold_string_data(object);
        Ok(())
    }

    fn validate(&self, write: &Validation<'_>, causes: &mut Vec<Cause>) {
        causes.extend(secret(write.old, write.object));
    }

    fn selectable_fields(&self, _: &Resource) -> &'static [&'static str] {
        &["type"]
    }
}

/// `stringData` is a way to write `data`, and never read.
fn fold_string_data(object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    if let Some(Value::Object(texts)) = map.remove("stringData") {
        let data = map.entry("data").or_insert_with(|| json!({}));
        for (key, text) in texts {
            let encoded = base64::engine::general_purpose::STANDARD.encode(crate::text::text(&text));
            data[key] = encoded.into();
        }
    }
    map.entry("type").or_insert_with(|| "Opaque".into());
}

fn keys(object: &Value, member: &str, causes: &mut Vec<Cause>) -> usize {
    let mut size = 0;
    for (key, value) in object[member].as_object().into_iter().flatten() {
        size += value.as_str().map_or(0, str::len);
        if causes.len() >= CAUSES {
            continue;
        }
        let text = Value::from(key.as_str());
        let field = format!("{member}[{key}]");
        causes.extend(names::config_key(key).iter().map(|p| Cause::invalid(&field, &text, p)));
    }
    size
}

fn frozen(old: Option<&Value>, object: &Value, members: &[&str], causes: &mut Vec<Cause>) {
    let Some(old) = old.filter(|o| o["immutable"] == true) else {
        return;
    };
    if object["immutable"] != true {
        causes.push(Cause::forbidden("immutable", FROZEN));
    }
    for member in members {
        if old[*member] != object[*member] {
            causes.push(Cause::forbidden(*member, FROZEN));
        }
    }
}

fn config_map(old: Option<&Value>, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let size = keys(object, "data", &mut causes) + keys(object, "binaryData", &mut causes) * 3 / 4;
    for key in object["data"].as_object().into_iter().flatten().map(|(k, _)| k) {
        if causes.len() < CAUSES && object["binaryData"].get(key).is_some() {
            let text = Value::from(key.as_str());
            causes.push(Cause::invalid(
                format!("data[{key}]"),
                &text,
                "duplicate of key present in binaryData",
            ));
        }
    }
    if size > DATA {
        causes.push(Cause::too_long("[]", DATA));
    }
    frozen(old, object, &["data", "binaryData"], &mut causes);
    causes
}

fn secret(old: Option<&Value>, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if keys(object, "data", &mut causes) * 3 / 4 > DATA {
        causes.push(Cause::too_long("data", DATA));
    }
    let required: &[&str] = match crate::text::text(&object["type"]) {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/basic-auth"
            if object["data"]
                .get("username")
                .or(object["data"].get("password"))
                .is_none() =>
        {
            &["username", "password"]
        }
        "kubernetes.io/service-account-token" => {
            let name = object["metadata"]["annotations"]["kubernetes.io/service-account.name"].as_str();
            if name.is_none_or(str::is_empty) {
                let field = "metadata.annotations[kubernetes.io/service-account.name]";
                causes.push(Cause::required(field, ""));
            }
            &[]
        }
        _ => &[],
    };
    for key in required.iter().filter(|k| object["data"].get(**k).is_none()) {
        causes.push(Cause::required(format!("data[{key}]"), ""));
    }
    if old.is_some_and(|old| old["type"] != object["type"]) {
        causes.push(Cause::invalid("type", &object["type"], "field is immutable"));
    }
    frozen(old, object, &["data"], &mut causes);
    causes
}
