//! JSON documents as values of rules. Nothing is copied before a rule looks at it. A member that is null counts as absent,
//! declared names are escaped, and of `metadata` rules see only the names.

use std::fmt;
use std::sync::{Arc, OnceLock};

use cel::ExecutionError;
use cel::common::traits::{self, Adder, Container, Indexer, Iterable, Sizer};
use cel::common::types::{self, CelBool, CelDouble, CelInt, CelList, CelNull, CelString, CelUInt, Kind, Type};
use cel::common::value::{CowVal, Val};
use serde_json::Value;

use super::decl::unescape;
use super::meter;
use crate::schema::{self, Schema};
use crate::text::clip;

/// Members of `metadata` that rules may look at.
const NAMES: &[&str] = &["name", "generateName"];

/// The value of a place. `root` is an object with kind and metadata.
pub(crate) fn of<'v>(value: &'v Value, schema: &'v Schema, root: bool) -> Box<dyn Val + 'v> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(b) => Box::new(CelBool::from(*b)),
        Value::Number(n) => number(n, schema),
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Array(list) => Box::new(View::of(List {
            list,
            items: schema.items.as_deref().unwrap_or(schema::any()),
        })),
        Value::Object(map) => Box::new(View::of(Map {
            members: map,
            schema,
            root: root || schema.embedded,
            only: None,
        })),
    }
}

/// A number as its schema says; without a schema as it is written.
fn number<'v>(n: &serde_json::Number, schema: &Schema) -> Box<dyn Val + 'v> {
    let whole = schema.kind != schema::Type::Number;
    if let Some(int) = n.as_i64().filter(|_| whole) {
        return Box::new(CelInt::from(int));
    }
    if let Some(large) = n.as_u64().filter(|_| whole) {
        return Box::new(CelUInt::from(large));
    }
    // Every number of JSON that is read here has a nearest float.
    n.as_f64().map_or_else(
        || Box::new(CelNull) as Box<dyn Val + 'v>,
        |float| Box::new(CelDouble::from(float)),
    )
}

/// Part of a JSON document that holds others: a list or a map.
trait Shape<'v>: Copy {
    const KIND: Kind;
    /// Values of this shape may be added to each other.
    const ADDS: bool;

    fn cel_type() -> &'static Type;

    /// How many parts rules see.
    fn count(self) -> usize;

    /// What an iteration goes over: the items of a list, the keys of a map.
    fn iterated(self) -> Vec<Box<dyn Val + 'v>>;

    /// The part at an index or key.
    fn find(self, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>;

    /// Whether an iteration would meet a value.
    fn contains(view: &View<'v, Self>, value: &dyn Val) -> Result<bool, ExecutionError>;
}

/// A list of JSON. Its items become values when they are first asked for.
#[derive(Clone, Copy)]
struct List<'v> {
    list: &'v [Value],
    items: &'v Schema,
}

impl<'v> Shape<'v> for List<'v> {
    const KIND: Kind = Kind::List;
    const ADDS: bool = true;

    fn cel_type() -> &'static Type {
        &types::LIST_TYPE
    }

    fn count(self) -> usize {
        self.list.len()
    }

    fn iterated(self) -> Vec<Box<dyn Val + 'v>> {
        self.list.iter().map(|value| of(value, self.items, false)).collect()
    }

    fn find(self, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError> {
        let at = index.downcast_ref::<CelInt>().map(|n| *n.inner());
        let at = at.ok_or_else(|| overload("_[_]", &[&View::of(self), index]))?;
        match usize::try_from(at).ok().and_then(|at| self.list.get(at)) {
            Some(value) => Ok(of(value, self.items, false)),
            None => Err(ExecutionError::IndexOutOfBounds(at.into())),
        }
    }

    fn contains(view: &View<'v, Self>, value: &dyn Val) -> Result<bool, ExecutionError> {
        for item in view.iterated() {
            if meter::equal(item.as_ref(), value)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A map or object of JSON.
#[derive(Clone, Copy)]
struct Map<'v> {
    members: &'v serde_json::Map<String, Value>,
    schema: &'v Schema,
    /// It has kind and metadata.
    root: bool,
    /// The only members that rules see; all of them if absent.
    only: Option<&'static [&'static str]>,
}

impl<'v> Map<'v> {
    /// A null member is an absent one.
    fn sees(self, name: &str, value: &Value) -> bool {
        !value.is_null() && self.only.is_none_or(|names| names.contains(&name))
    }

    fn names(self) -> impl Iterator<Item = &'v str> {
        let seen = self.members.iter().filter(move |(name, value)| self.sees(name, value));
        seen.map(|(name, _)| name.as_str())
    }

    fn member(self, name: &str) -> Option<Box<dyn Val + 'v>> {
        let declared = unescape(name);
        let name = if self.schema.properties.contains_key(&declared) {
            declared.as_str()
        } else {
            name
        };
        let value = self.members.get(name).filter(|value| self.sees(name, value))?;
        if let (true, "metadata", Value::Object(map)) = (self.root, name, value) {
            return Some(Box::new(View::of(Map {
                members: map,
                schema: schema::any(),
                root: false,
                only: Some(NAMES),
            })));
        }
        let schema = self.schema.member(name).map_or(schema::any(), |s| &**s);
        Some(of(value, schema, false))
    }
}

impl<'v> Shape<'v> for Map<'v> {
    const KIND: Kind = Kind::Map;
    const ADDS: bool = false;

    fn cel_type() -> &'static Type {
        &types::MAP_TYPE
    }

    fn count(self) -> usize {
        self.names().count()
    }

    fn iterated(self) -> Vec<Box<dyn Val + 'v>> {
        let key = |name: &'v str| Box::new(CelString::from(name)) as Box<dyn Val + 'v>;
        self.names().map(key).collect()
    }

    fn find(self, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError> {
        let name = key.downcast_ref::<CelString>();
        let name = name.ok_or_else(|| overload("_[_]", &[&View::of(self), key]))?.inner();
        let missing = || ExecutionError::NoSuchKey(Arc::new(clip(name.to_owned(), 1 << 10)));
        self.member(name).ok_or_else(missing)
    }

    fn contains(view: &View<'v, Self>, key: &dyn Val) -> Result<bool, ExecutionError> {
        let name = key.downcast_ref::<CelString>();
        Ok(name.is_some_and(|name| view.shape.member(name.inner()).is_some()))
    }
}

/// A list or map of JSON as a value.
struct View<'v, S> {
    shape: S,
    /// What an iteration goes over, made by the first one.
    iterated: OnceLock<Vec<Box<dyn Val + 'v>>>,
}

impl<'v, S: Shape<'v>> View<'v, S> {
    fn of(shape: S) -> Self {
        let iterated = OnceLock::new();
        Self { shape, iterated }
    }

    fn iterated(&self) -> &[Box<dyn Val + 'v>] {
        self.iterated.get_or_init(|| self.shape.iterated())
    }
}

impl<'v, S: Shape<'v>> fmt::Debug for View<'v, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {}", S::KIND, self.shape.count())
    }
}

impl<'v, S: Shape<'v> + Send + Sync> Val for View<'v, S> {
    fn get_type(&self) -> &Type {
        S::cel_type()
    }

    fn cel_type() -> &'static Type {
        S::cel_type()
    }

    fn as_adder<'b, 'w>(&'b self) -> Option<&'b (dyn Adder + 'w)>
    where
        Self: 'w,
    {
        S::ADDS.then_some(self as &(dyn Adder + 'w))
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'w>(&'b self) -> Option<&'b (dyn Indexer + 'w)>
    where
        Self: 'w,
    {
        Some(self)
    }

    fn into_indexer<'w>(self: Box<Self>) -> Option<Box<dyn Indexer + 'w>>
    where
        Self: 'w,
    {
        Some(self)
    }

    fn as_iterable<'b, 'w>(&'b self) -> Option<&'b (dyn Iterable + 'w)>
    where
        Self: 'w,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        other.get_type().kind() == S::KIND && meter::equal(self, other).unwrap_or(false)
    }

    fn clone_as_boxed<'w>(&self) -> Box<dyn Val + 'w>
    where
        Self: 'w,
    {
        Box::new(View::of(self.shape))
    }
}

impl<'v, S: Shape<'v> + Send + Sync> Adder for View<'v, S> {
    fn add<'b, 'w>(&'b self, other: &(dyn Val + 'w)) -> Result<CowVal<'b, 'w>, ExecutionError>
    where
        Self: 'w,
    {
        let added = other.as_iterable();
        let added = added.ok_or_else(|| overload("_+_", &[self, other]))?;
        let mut all: Vec<Box<dyn Val + 'w>> = self.iterated().iter().map(|item| item.clone_as_boxed()).collect();
        let mut added = added.iter();
        while let Some(item) = added.next() {
            all.push(item.clone_as_boxed());
        }
        Ok(CowVal::owned(CelList::from(all)))
    }
}

impl<'v, S: Shape<'v> + Send + Sync> Container for View<'v, S> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        S::contains(self, value)
    }
}

impl<'v, S: Shape<'v> + Send + Sync> Indexer for View<'v, S> {
    fn get<'b, 'w>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'w>, ExecutionError>
    where
        Self: 'w,
    {
        self.shape.find(index).map(CowVal::Owned)
    }

    fn steal<'w>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'w>, ExecutionError>
    where
        Self: 'w,
    {
        self.shape.find(index).map(|found| found as Box<dyn Val + 'w>)
    }
}

impl<'v, S: Shape<'v> + Send + Sync> Iterable for View<'v, S> {
    fn iter<'b, 'w>(&'b self) -> Box<dyn traits::Iterator<'b, 'w> + 'b>
    where
        Self: 'w,
    {
        Box::new(Items { rest: self.iterated() })
    }
}

impl<'v, S: Shape<'v> + Send + Sync> Sizer for View<'v, S> {
    fn size(&self) -> CelInt {
        length(self.shape.count())
    }
}

/// Goes over values that are made already.
struct Items<'b, 'v> {
    rest: &'b [Box<dyn Val + 'v>],
}

impl<'b, 'v: 'w, 'w> traits::Iterator<'b, 'w> for Items<'b, 'v> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'w)> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first.as_ref())
    }
}

fn length(count: usize) -> CelInt {
    i64::try_from(count).unwrap_or(i64::MAX).into()
}

/// The error of an operation that does not exist for the types of its arguments.
pub(crate) fn overload(name: &str, arguments: &[&dyn Val]) -> ExecutionError {
    let types = arguments.iter().map(|a| a.get_type().name().to_owned()).collect();
    ExecutionError::no_such_overload(name, types)
}
