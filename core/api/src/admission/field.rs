//! What is wrong with a field of an object, in the words that every Kubernetes API uses.

use std::{collections::BTreeSet, fmt};

/// A field of an object that cannot stay as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Path of the field, such as `spec.workers.replicas`.
    pub field: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It must be set.
    Required(String),
    /// Its value is none of those there are.
    NotSupported {
        /// The value.
        value: String,
        /// The values there are.
        supported: Vec<String>,
    },
    /// It names something that is not there.
    NotFound(String),
    /// Its value cannot be right.
    Invalid {
        /// The value as JSON.
        value: String,
        /// Why it cannot be right.
        detail: String,
    },
    /// It is well-formed, but not allowed here and now.
    Forbidden(String),
}

impl FieldError {
    pub(super) fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(field, Fault::Required(detail.into()))
    }

    pub(super) fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(field, Fault::Forbidden(detail.into()))
    }

    pub(super) fn not_found(field: impl Into<String>, value: &str) -> Self {
        Self::new(field, Fault::NotFound(value.to_owned()))
    }

    pub(super) fn not_supported<'a>(
        field: impl Into<String>,
        value: &str,
        supported: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let supported = supported.into_iter().map(str::to_owned).collect();
        let value = value.to_owned();
        Self::new(field, Fault::NotSupported { value, supported })
    }

    pub(super) fn invalid(field: impl Into<String>, value: &serde_json::Value, detail: impl Into<String>) -> Self {
        let (value, detail) = (value.to_string(), detail.into());
        Self::new(field, Fault::Invalid { value, detail })
    }

    fn new(field: impl Into<String>, fault: Fault) -> Self {
        let field = field.into();
        Self { field, fault }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.field)?;
        match &self.fault {
            Fault::Required(detail) => write!(f, "Required value: {detail}"),
            Fault::NotSupported { value, supported } => {
                write!(f, "Unsupported value: {value:?}: supported values: ")?;
                for (at, one) in supported.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    write!(f, "{comma}{one:?}")?;
                }
                Ok(())
            }
            Fault::NotFound(value) => write!(f, "Not found: {value:?}"),
            Fault::Invalid { value, detail } => write!(f, "Invalid value: {value}: {detail}"),
            Fault::Forbidden(detail) => write!(f, "Forbidden: {detail}"),
        }
    }
}

/// Several errors as one text: `[a, b]`, each of them once.
pub(super) fn aggregate(errors: &[FieldError]) -> String {
    let mut told = BTreeSet::new();
    let texts = errors.iter().map(ToString::to_string);
    let texts: Vec<String> = texts.filter(|text| told.insert(text.clone())).collect();
    match texts.as_slice() {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_read_as_those_of_kubernetes() {
        let errors = [
            (
                FieldError::required("spec.a", "a is needed"),
                "spec.a: Required value: a is needed",
            ),
            (FieldError::forbidden("spec", "no"), "spec: Forbidden: no"),
            (FieldError::not_found("spec.b", "zz"), r#"spec.b: Not found: "zz""#),
            (
                FieldError::not_supported("metadata.labels[e]", "qa", ["dev", "prod"]),
                r#"metadata.labels[e]: Unsupported value: "qa": supported values: "dev", "prod""#,
            ),
            (
                FieldError::invalid("spec.c", &json!(["x", "y"]), "one is enough"),
                r#"spec.c: Invalid value: ["x","y"]: one is enough"#,
            ),
            (
                FieldError::invalid("spec.d", &json!("x"), "bad"),
                r#"spec.d: Invalid value: "x": bad"#,
            ),
        ];
        for (error, text) in errors {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn several_errors_stand_in_brackets_and_each_once() {
        let (a, b) = (FieldError::forbidden("a", "1"), FieldError::forbidden("b", "2"));
        assert_eq!(aggregate(std::slice::from_ref(&a)), "a: Forbidden: 1");
        assert_eq!(aggregate(&[a.clone(), a.clone()]), "a: Forbidden: 1");
        assert_eq!(aggregate(&[a.clone(), b, a]), "[a: Forbidden: 1, b: Forbidden: 2]");
    }
}
