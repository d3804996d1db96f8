//! Types of expressions.

use std::fmt;
use std::sync::Arc;

use super::decl::{Decl, ValueType};

/// The type of an expression.
#[derive(Debug, Clone)]
pub(crate) enum Ty {
    /// Anything; checked when it is evaluated.
    Dyn,
    /// Not known yet, such as that of the items of an empty list, or wrong already.
    Open,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Duration,
    Timestamp,
    Type,
    List(Arc<Ty>),
    Map(Arc<Ty>, Arc<Ty>),
    Object(Arc<Decl>),
    Optional(Arc<Ty>),
    /// A type of a library, such as `IP`.
    Named(&'static str),
    /// A parameter of a signature.
    Param(char),
}

impl Ty {
    pub(crate) fn list(items: Self) -> Self {
        Self::List(Arc::new(items))
    }

    pub(crate) fn optional(value: Self) -> Self {
        match value {
            Self::Optional(_) => value,
            value => Self::Optional(Arc::new(value)),
        }
    }

    /// The type of the values at a place of a schema.
    pub(crate) fn of(decl: &Arc<Decl>) -> Self {
        match &decl.kind {
            ValueType::Dyn => Self::Dyn,
            ValueType::Bool => Self::Bool,
            ValueType::Int => Self::Int,
            ValueType::Double => Self::Double,
            ValueType::String => Self::String,
            ValueType::Bytes => Self::Bytes,
            ValueType::Duration => Self::Duration,
            ValueType::Timestamp => Self::Timestamp,
            ValueType::List(items) => Self::list(Self::of(items)),
            ValueType::Map(values) => Self::Map(Arc::new(Self::String), Arc::new(Self::of(values))),
            ValueType::Object(_) => Self::Object(Arc::clone(decl)),
        }
    }

    /// Whether all its values have the same size.
    pub(crate) fn is_scalar(&self) -> bool {
        match self {
            Self::Bool | Self::Int | Self::Uint | Self::Double | Self::Duration | Self::Timestamp => true,
            Self::Optional(value) => value.is_scalar(),
            _ => false,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Dyn | Self::Open)
    }

    /// Whether values of both types may stand in one place; the more precise of both.
    pub(crate) fn join(&self, other: &Self) -> Option<Self> {
        Some(match (self, other) {
            (Self::Dyn, _) | (_, Self::Dyn) => Self::Dyn,
            (Self::Open, known) | (known, Self::Open) => known.clone(),
            (Self::Null, Self::Null) => Self::Null,
            (Self::Null, known) | (known, Self::Null) if known.may_be_null() => known.clone(),
            (Self::Bool, Self::Bool)
            | (Self::Int, Self::Int)
            | (Self::Uint, Self::Uint)
            | (Self::Double, Self::Double)
            | (Self::String, Self::String)
            | (Self::Bytes, Self::Bytes)
            | (Self::Duration, Self::Duration)
            | (Self::Timestamp, Self::Timestamp)
            | (Self::Type, Self::Type) => self.clone(),
            (Self::List(a), Self::List(b)) => Self::list(a.join(b)?),
            (Self::Optional(a), Self::Optional(b)) => Self::optional(a.join(b)?),
            (Self::Map(ka, va), Self::Map(kb, vb)) => Self::Map(Arc::new(ka.join(kb)?), Arc::new(va.join(vb)?)),
            (Self::Object(a), Self::Object(b)) if Arc::ptr_eq(a, b) => self.clone(),
            (Self::Named(a), Self::Named(b)) if a == b => self.clone(),
            _ => return None,
        })
    }

    fn may_be_null(&self) -> bool {
        matches!(
            self,
            Self::Object(_) | Self::Named(_) | Self::Duration | Self::Timestamp | Self::Optional(_)
        )
    }
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dyn => f.write_str("dyn"),
            Self::Open => f.write_str("_"),
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Uint => f.write_str("uint"),
            Self::Double => f.write_str("double"),
            Self::String => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Duration => f.write_str("duration"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Type => f.write_str("type"),
            Self::List(items) => write!(f, "list({items})"),
            Self::Map(keys, values) => write!(f, "map({keys}, {values})"),
            Self::Object(_) => f.write_str("object"),
            Self::Optional(value) => write!(f, "optional_type({value})"),
            Self::Named(name) => f.write_str(name),
            Self::Param(letter) => write!(f, "{letter}"),
        }
    }
}

/// Reads a type of a signature, such as `list(A)`.
pub(crate) fn parse(text: &'static str) -> Ty {
    let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    match text {
        "dyn" => Ty::Dyn,
        "bool" => Ty::Bool,
        "int" => Ty::Int,
        "uint" => Ty::Uint,
        "double" => Ty::Double,
        "string" => Ty::String,
        "bytes" => Ty::Bytes,
        "duration" => Ty::Duration,
        "timestamp" => Ty::Timestamp,
        "type" => Ty::Type,
        "A" => Ty::Param('A'),
        "B" => Ty::Param('B'),
        _ => {
            if let Some(items) = inside("list") {
                Ty::list(parse(items))
            } else if let Some(value) = inside("optional") {
                Ty::Optional(Arc::new(parse(value)))
            } else if let Some((key, value)) = inside("map").and_then(|kv| kv.split_once(';')) {
                Ty::Map(Arc::new(parse(key)), Arc::new(parse(value)))
            } else {
                Ty::Named(text)
            }
        }
    }
}
