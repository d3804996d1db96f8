//! JSON as rules see it: nothing is copied before it is looked at, nulls of members are absent, declared names are escaped,
//! and of `metadata` only the names are seen.

use std::fmt;
use std::sync::{Arc, OnceLock};

use cel::ExecutionError;
use cel::common::traits::{self, Adder, Container, Indexer, Iterable, Sizer};
use cel::common::types::{self, CelBool, CelDouble, CelInt, CelList, CelNull, CelString, CelUInt, Kind, Type};
use cel::common::value::{CowVal, Val};
use serde_json::{Map, Value};

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
        Value::Number(n) => match (schema.kind, n.as_i64()) {
            (schema::Type::Number, _) => Box::new(CelDouble::from(n.as_f64().unwrap_or_default())),
            (_, Some(int)) => Box::new(CelInt::from(int)),
            (_, None) => match n.as_u64() {
                Some(large) => Box::new(CelUInt::from(large)),
                None => Box::new(CelDouble::from(n.as_f64().unwrap_or_default())),
            },
        },
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Array(list) => Box::new(JsonList {
            list,
            items: schema.items.as_deref().unwrap_or(schema::any()),
            made: OnceLock::new(),
        }),
        Value::Object(map) => Box::new(JsonMap {
            map,
            schema,
            root: root || schema.embedded,
            only: None,
            keys: OnceLock::new(),
        }),
    }
}

/// A list, whose items become values when they are first asked for.
struct JsonList<'v> {
    list: &'v [Value],
    items: &'v Schema,
    made: OnceLock<Vec<Box<dyn Val + 'v>>>,
}

impl<'v> JsonList<'v> {
    fn items(&self) -> &[Box<dyn Val + 'v>] {
        self.made.get_or_init(|| {
            let item = |value| of(value, self.items, false);
            self.list.iter().map(item).collect()
        })
    }
}

impl fmt::Debug for JsonList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} items]", self.list.len())
    }
}

impl Val for JsonList<'_> {
    fn get_type(&self) -> &Type {
        <Self as Val>::cel_type()
    }

    fn cel_type() -> &'static Type {
        &types::LIST_TYPE
    }

    fn as_adder<'b, 'w>(&'b self) -> Option<&'b (dyn Adder + 'w)>
    where
        Self: 'w,
    {
        Some(self)
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
        other.get_type().kind() == Kind::List && meter::equal(self, other).unwrap_or(false)
    }

    fn clone_as_boxed<'w>(&self) -> Box<dyn Val + 'w>
    where
        Self: 'w,
    {
        Box::new(JsonList {
            list: self.list,
            items: self.items,
            made: OnceLock::new(),
        })
    }
}

impl Adder for JsonList<'_> {
    fn add<'b, 'w>(&'b self, other: &(dyn Val + 'w)) -> Result<CowVal<'b, 'w>, ExecutionError>
    where
        Self: 'w,
    {
        let mut all: Vec<Box<dyn Val + 'w>> = self.items().iter().map(|item| item.clone_as_boxed()).collect();
        let more = other.as_iterable();
        let more = more.ok_or_else(|| overload("_+_", &[self, other]))?;
        let mut more = more.iter();
        while let Some(item) = more.next() {
            all.push(item.clone_as_boxed());
        }
        Ok(CowVal::owned(CelList::from(all)))
    }
}

impl Container for JsonList<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        for item in self.items() {
            if meter::equal(item.as_ref(), value)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl<'v> Indexer for JsonList<'v> {
    fn get<'b, 'w>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'w>, ExecutionError>
    where
        Self: 'w,
    {
        let at = index.downcast_ref::<CelInt>().map(|n| *n.inner());
        let at = at.ok_or_else(|| overload("_[_]", &[self, index]))?;
        let found: Option<&'v Value> = usize::try_from(at).ok().and_then(|at| self.list.get(at));
        match found {
            Some(value) => Ok(CowVal::Owned(of(value, self.items, false))),
            None => Err(ExecutionError::IndexOutOfBounds(at.into())),
        }
    }

    fn steal<'w>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'w>, ExecutionError>
    where
        Self: 'w,
    {
        self.get(index).map(CowVal::into_owned)
    }
}

impl Iterable for JsonList<'_> {
    fn iter<'b, 'w>(&'b self) -> Box<dyn traits::Iterator<'b, 'w> + 'b>
    where
        Self: 'w,
    {
        Box::new(Items { rest: self.items() })
    }
}

impl Sizer for JsonList<'_> {
    fn size(&self) -> CelInt {
        length(self.list.len())
    }
}

/// A map or object.
struct JsonMap<'v> {
    map: &'v Map<String, Value>,
    schema: &'v Schema,
    /// It has kind and metadata.
    root: bool,
    /// Other members are not seen.
    only: Option<&'static [&'static str]>,
    keys: OnceLock<Vec<Box<dyn Val + 'v>>>,
}

impl<'v> JsonMap<'v> {
    fn sees(&self, name: &str) -> bool {
        self.only.is_none_or(|names| names.contains(&name))
    }

    fn find(&self, name: &str) -> Option<Box<dyn Val + 'v>> {
        let declared = unescape(name);
        let name = if self.schema.properties.contains_key(&declared) {
            declared.as_str()
        } else {
            name
        };
        let (map, schema): (&'v Map<_, _>, &'v Schema) = (self.map, self.schema);
        let value = map.get(name).filter(|value| !value.is_null() && self.sees(name))?;
        if let (true, "metadata", Value::Object(map)) = (self.root, name, value) {
            return Some(Box::new(JsonMap {
                map,
                schema: schema::any(),
                root: false,
                only: Some(NAMES),
                keys: OnceLock::new(),
            }));
        }
        Some(of(value, schema.member(name).map_or(schema::any(), |s| &**s), false))
    }

    fn names(&self) -> impl Iterator<Item = &'v str> {
        let map: &'v Map<_, _> = self.map;
        let seen = map.iter().filter(|(name, value)| !value.is_null() && self.sees(name));
        seen.map(|(name, _)| name.as_str())
    }

    fn keys(&self) -> &[Box<dyn Val + 'v>] {
        self.keys.get_or_init(|| {
            let key = |name: &'v str| Box::new(CelString::from(name)) as Box<dyn Val + 'v>;
            self.names().map(key).collect()
        })
    }
}

impl fmt::Debug for JsonMap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{} members}}", self.map.len())
    }
}

impl Val for JsonMap<'_> {
    fn get_type(&self) -> &Type {
        <Self as Val>::cel_type()
    }

    fn cel_type() -> &'static Type {
        &types::MAP_TYPE
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
        other.get_type().kind() == Kind::Map && meter::equal(self, other).unwrap_or(false)
    }

    fn clone_as_boxed<'w>(&self) -> Box<dyn Val + 'w>
    where
        Self: 'w,
    {
        Box::new(JsonMap {
            map: self.map,
            schema: self.schema,
            root: self.root,
            only: self.only,
            keys: OnceLock::new(),
        })
    }
}

impl Container for JsonMap<'_> {
    fn contains(&self, key: &dyn Val) -> Result<bool, ExecutionError> {
        let name = key.downcast_ref::<CelString>();
        Ok(name.is_some_and(|name| self.find(name.inner()).is_some()))
    }
}

impl Indexer for JsonMap<'_> {
    fn get<'b, 'w>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'w>, ExecutionError>
    where
        Self: 'w,
    {
        let name = key.downcast_ref::<CelString>();
        let name = name.ok_or_else(|| overload("_[_]", &[self, key]))?.inner();
        let missing = || ExecutionError::NoSuchKey(Arc::new(clip(name.to_owned(), 1 << 10)));
        self.find(name).map(CowVal::Owned).ok_or_else(missing)
    }

    fn steal<'w>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'w>, ExecutionError>
    where
        Self: 'w,
    {
        self.get(key).map(CowVal::into_owned)
    }
}

impl Iterable for JsonMap<'_> {
    fn iter<'b, 'w>(&'b self) -> Box<dyn traits::Iterator<'b, 'w> + 'b>
    where
        Self: 'w,
    {
        Box::new(Items { rest: self.keys() })
    }
}

impl Sizer for JsonMap<'_> {
    fn size(&self) -> CelInt {
        length(self.names().count())
    }
}

/// Items that are there already.
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

/// The error of an operation that is not there for these types.
pub(crate) fn overload(name: &str, arguments: &[&dyn Val]) -> ExecutionError {
    let types = arguments.iter().map(|a| a.get_type().name().to_owned()).collect();
    ExecutionError::no_such_overload(name, types)
}
