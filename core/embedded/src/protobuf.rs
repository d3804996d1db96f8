//! Reading the protobuf form of the kinds that typed clients create: `kubectl create …`, `kubectl auth can-i`, and helm's
//! release records. Other kinds are refused by name. Answers are always JSON, which those clients accept.

use base64::Engine as _;
use serde_json::{Map, Value};

/// The type of a field.
#[derive(Debug, Clone, Copy)]
enum FieldType {
    Text,
    Int,
    Bool,
    Time,
    MicroTime,
    /// A repeated text field.
    Texts,
    /// A map from text to text.
    TextMap,
    /// A map from text to bytes.
    BytesMap,
    Message(&'static str),
    Messages(&'static str),
}

use FieldType::{Bool, BytesMap, Int, Message, Messages, MicroTime, Text, TextMap, Texts, Time};

/// Number, name and type of a field.
type Field = (u64, &'static str, FieldType);

/// The field that every kind has.
const META: Field = (1, "metadata", Message("ObjectMeta"));

/// The fields of a message.
fn fields(message: &str) -> Option<&'static [Field]> {
    core_fields(message)
        .or_else(|| group_fields(message))
        .or_else(|| request_fields(message))
}

/// The fields of messages in the core group.
fn core_fields(message: &str) -> Option<&'static [Field]> {
    Some(match message {
        "ObjectMeta" => &[
            (1, "name", Text),
            (2, "generateName", Text),
            (3, "namespace", Text),
            (5, "uid", Text),
            (6, "resourceVersion", Text),
            (7, "generation", Int),
            (8, "creationTimestamp", Time),
            (9, "deletionTimestamp", Time),
            (10, "deletionGracePeriodSeconds", Int),
            (11, "labels", TextMap),
            (12, "annotations", TextMap),
            (13, "ownerReferences", Messages("OwnerReference")),
            (14, "finalizers", Texts),
            (17, "managedFields", Messages("ManagedFieldsEntry")),
        ],
        "ManagedFieldsEntry" => &[
            (1, "manager", Text),
            (2, "operation", Text),
            (3, "apiVersion", Text),
            (4, "time", Time),
            (6, "fieldsType", Text),
            (7, "fieldsV1", Message("FieldsV1")),
            (8, "subresource", Text),
        ],
        "OwnerReference" => &[
            (1, "kind", Text),
            (3, "name", Text),
            (4, "uid", Text),
            (5, "apiVersion", Text),
            (6, "controller", Bool),
            (7, "blockOwnerDeletion", Bool),
        ],
        "ObjectReference" => &[
            (1, "kind", Text),
            (2, "namespace", Text),
            (3, "name", Text),
            (4, "uid", Text),
            (5, "apiVersion", Text),
            (6, "resourceVersion", Text),
            (7, "fieldPath", Text),
        ],
        "LocalObjectReference" => &[(1, "name", Text)],
        "Namespace" => &[
            META,
            (2, "spec", Message("NamespaceSpec")),
            (3, "status", Message("NamespaceStatus")),
        ],
        "NamespaceSpec" => &[(1, "finalizers", Texts)],
        "NamespaceStatus" => &[(1, "phase", Text)],
        "ConfigMap" => &[
            META,
            (2, "data", TextMap),
            (3, "binaryData", BytesMap),
            (4, "immutable", Bool),
        ],
        "Secret" => &[
            META,
            (2, "data", BytesMap),
            (3, "type", Text),
            (4, "stringData", TextMap),
            (5, "immutable", Bool),
        ],
        "ServiceAccount" => &[
            META,
            (2, "secrets", Messages("ObjectReference")),
            (3, "imagePullSecrets", Messages("LocalObjectReference")),
            (4, "automountServiceAccountToken", Bool),
        ],
        _ => return None,
    })
}

/// The fields of events, leases, roles and bindings.
fn group_fields(message: &str) -> Option<&'static [Field]> {
    Some(match message {
        "Event" => &[
            META,
            (2, "involvedObject", Message("ObjectReference")),
            (3, "reason", Text),
            (4, "message", Text),
            (5, "source", Message("EventSource")),
            (6, "firstTimestamp", Time),
            (7, "lastTimestamp", Time),
            (8, "count", Int),
            (9, "type", Text),
            (10, "eventTime", MicroTime),
            (12, "action", Text),
            (13, "related", Message("ObjectReference")),
            (14, "reportingComponent", Text),
            (15, "reportingInstance", Text),
        ],
        "EventSource" => &[(1, "component", Text), (2, "host", Text)],
        "Lease" => &[META, (2, "spec", Message("LeaseSpec"))],
        "LeaseSpec" => &[
            (1, "holderIdentity", Text),
            (2, "leaseDurationSeconds", Int),
            (3, "acquireTime", MicroTime),
            (4, "renewTime", MicroTime),
            (5, "leaseTransitions", Int),
            (6, "strategy", Text),
            (7, "preferredHolder", Text),
        ],
        "Role" | "ClusterRole" => &[META, (2, "rules", Messages("PolicyRule"))],
        "PolicyRule" => &[
            (1, "verbs", Texts),
            (2, "apiGroups", Texts),
            (3, "resources", Texts),
            (4, "resourceNames", Texts),
            (5, "nonResourceURLs", Texts),
        ],
        "RoleBinding" | "ClusterRoleBinding" => &[
            META,
            (2, "subjects", Messages("Subject")),
            (3, "roleRef", Message("RoleRef")),
        ],
        "Subject" => &[
            (1, "kind", Text),
            (2, "apiGroup", Text),
            (3, "name", Text),
            (4, "namespace", Text),
        ],
        "RoleRef" => &[(1, "apiGroup", Text), (2, "kind", Text), (3, "name", Text)],
        _ => return None,
    })
}

/// The fields of messages that are answered, not stored.
fn request_fields(message: &str) -> Option<&'static [Field]> {
    Some(match message {
        "SelfSubjectReview" => &[META],
        "TokenRequest" => &[META, (2, "spec", Message("TokenRequestSpec"))],
        "TokenRequestSpec" => &[(1, "audiences", Texts), (4, "expirationSeconds", Int)],
        "SelfSubjectAccessReview" => &[META, (2, "spec", Message("SelfSubjectAccessReviewSpec"))],
        "SelfSubjectAccessReviewSpec" => &[
            (1, "resourceAttributes", Message("ResourceAttributes")),
            (2, "nonResourceAttributes", Message("NonResourceAttributes")),
        ],
        "ResourceAttributes" => &[
            (1, "namespace", Text),
            (2, "verb", Text),
            (3, "group", Text),
            (4, "version", Text),
            (5, "resource", Text),
            (6, "subresource", Text),
            (7, "name", Text),
        ],
        "NonResourceAttributes" => &[(1, "path", Text), (2, "verb", Text)],
        "SelfSubjectRulesReview" => &[META, (2, "spec", Message("SelfSubjectRulesReviewSpec"))],
        "SelfSubjectRulesReviewSpec" => &[(1, "namespace", Text)],
        "DeleteOptions" => &[
            (1, "gracePeriodSeconds", Int),
            (2, "preconditions", Message("Preconditions")),
            (3, "orphanDependents", Bool),
            (4, "propagationPolicy", Text),
            (5, "dryRun", Texts),
        ],
        "Preconditions" => &[(1, "uid", Text), (2, "resourceVersion", Text)],
        _ => return None,
    })
}

/// Reads an object with its `kind` and `apiVersion`.
pub(crate) fn object(bytes: &[u8]) -> Result<Value, String> {
    let body = bytes
        .strip_prefix(b"k8s\0")
        .ok_or("the body is not in the protobuf form of Kubernetes")?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for field in Fields(body) {
        match field? {
            (1, Wire::Bytes(meta)) => {
                for part in Fields(meta) {
                    match part? {
                        (1, Wire::Bytes(text)) => api_version = utf8(text)?,
                        (2, Wire::Bytes(text)) => kind = utf8(text)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(object)) => raw = object,
            _ => {}
        }
    }
    let mut object = message(raw, &kind, 0)?;
    object.insert("apiVersion".to_owned(), api_version.into());
    object.insert("kind".to_owned(), kind.into());
    Ok(Value::Object(object))
}

fn message(bytes: &[u8], name: &str, depth: usize) -> Result<Map<String, Value>, String> {
    if depth > 8 {
        return Err("the object is nested too deeply".to_owned());
    }
    let known = fields(name).ok_or_else(|| format!("{name} is not read as protobuf here, only as JSON or YAML"))?;
    let mut out = Map::new();
    for field in Fields(bytes) {
        let (number, wire) = field?;
        let Some((_, member, kind)) = known.iter().find(|(n, ..)| *n == number) else {
            continue;
        };
        let value = match (kind, wire) {
            (Text, Wire::Bytes(b)) => utf8(b)?.into(),
            (Int, Wire::Number(n)) => Value::from(n.cast_signed()),
            (Bool, Wire::Number(n)) => Value::from(n != 0),
            (Time, Wire::Bytes(b)) => time(b, "%Y-%m-%dT%H:%M:%SZ")?,
            (MicroTime, Wire::Bytes(b)) => time(b, "%Y-%m-%dT%H:%M:%S.%6fZ")?,
            (Message("FieldsV1"), Wire::Bytes(b)) => fields_v1(b)?,
            (Message(name), Wire::Bytes(b)) => Value::Object(message(b, name, depth + 1)?),
            (Texts, Wire::Bytes(b)) => {
                push(&mut out, member, utf8(b)?.into());
                continue;
            }
            (Messages(name), Wire::Bytes(b)) => {
                let item = Value::Object(message(b, name, depth + 1)?);
                push(&mut out, member, item);
                continue;
            }
            (TextMap | BytesMap, Wire::Bytes(b)) => {
                let (key, value) = entry(b)?;
                let value = if matches!(kind, BytesMap) {
                    base64(value)
                } else {
                    utf8(value)?.into()
                };
                let map = out.entry(*member).or_insert_with(|| Value::Object(Map::new()));
                map[key] = value;
                continue;
            }
            _ => return Err(format!("field {member} of {name} has the wrong type")),
        };
        // Go writes texts that are empty, and means that they are absent.
        if value != "" && !value.is_null() {
            out.insert((*member).to_owned(), value);
        }
    }
    Ok(out)
}

fn push(out: &mut Map<String, Value>, member: &str, item: Value) {
    let list = out.entry(member).or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(list) = list {
        list.push(item);
    }
}

fn utf8(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "a text is not UTF-8".to_owned())
}

fn base64(bytes: &[u8]) -> Value {
    base64::engine::general_purpose::STANDARD.encode(bytes).into()
}

fn entry(bytes: &[u8]) -> Result<(String, &[u8]), String> {
    let (mut key, mut value) = (String::new(), &[][..]);
    for field in Fields(bytes) {
        match field? {
            (1, Wire::Bytes(b)) => key = utf8(b)?,
            (2, Wire::Bytes(b)) => value = b,
            _ => {}
        }
    }
    Ok((key, value))
}

fn time(bytes: &[u8], form: &str) -> Result<Value, String> {
    let (mut seconds, mut nanos) = (0, 0);
    for field in Fields(bytes) {
        match field? {
            (1, Wire::Number(n)) => seconds = n.cast_signed(),
            (2, Wire::Number(n)) => {
                nanos = i32::try_from(n.cast_signed()).map_err(|_| format!("{n} is no number of nanoseconds"))?;
            }
            _ => {}
        }
    }
    // The zero time of Go.
    if seconds <= -62_135_596_800 || bytes.is_empty() {
        return Ok(Value::Null);
    }
    let time = jiff::Timestamp::new(seconds, nanos).map_err(|error| error.to_string())?;
    Ok(time.strftime(form).to_string().into())
}

fn fields_v1(bytes: &[u8]) -> Result<Value, String> {
    for field in Fields(bytes) {
        if let (1, Wire::Bytes(raw)) = field? {
            return serde_json::from_slice(raw).map_err(|error| error.to_string());
        }
    }
    Ok(Value::Null)
}

#[derive(Debug, Clone, Copy)]
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Wire<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or_else(|| "the protobuf is damaged".to_owned()))
    }
}

impl<'a> Fields<'a> {
    fn read(&mut self) -> Option<(u64, Wire<'a>)> {
        let tag = self.number()?;
        let wire = match tag & 7 {
            0 => Wire::Number(self.number()?),
            1 => Wire::Bytes(self.take(8)?),
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Bytes(self.take(4)?),
            _ => return None,
        };
        Some((tag >> 3, wire))
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        out.extend_from_slice(content);
        out
    }

    fn envelope(kind: &str, raw: &[u8]) -> Vec<u8> {
        let meta = [bytes(1, b"v1"), bytes(2, kind.as_bytes())].concat();
        [b"k8s\0".to_vec(), bytes(1, &meta), bytes(2, raw)].concat()
    }

    #[test]
    fn a_secret_reads_with_maps_lists_and_numbers() {
        let labels = bytes(11, &[bytes(1, b"owner"), bytes(2, b"helm")].concat());
        let metadata = [
            bytes(1, b"a"),
            bytes(2, b""),
            labels,
            bytes(14, b"x/y"),
            vec![7 << 3, 3],
        ]
        .concat();
        let data = bytes(2, &[bytes(1, b"k"), bytes(2, &[0, 1])].concat());
        let raw = [bytes(1, &metadata), data, bytes(3, b"Opaque"), vec![5 << 3, 1]].concat();
        assert_eq!(
            object(&envelope("Secret", &raw)).unwrap(),
            json!({
                "apiVersion": "v1", "kind": "Secret", "data": {"k": "AAE="}, "type": "Opaque", "immutable": true,
                "metadata": {"name": "a", "labels": {"owner": "helm"}, "finalizers": ["x/y"], "generation": 3},
            })
        );
    }

    #[test]
    fn a_kind_that_is_not_known_is_refused_by_name() {
        assert!(object(&envelope("Deployment", b"")).unwrap_err().contains("Deployment"));
        assert!(object(b"nonsense").is_err());
    }

    proptest! {
        #[test]
        fn damage_is_survived(raw in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = object(&envelope("Event", &raw));
            let _ = object(&raw);
        }
    }
}
