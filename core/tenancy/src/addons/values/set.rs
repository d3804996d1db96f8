//! `--set KEY=VALUE,…` as Helm reads it: dots go into mappings, brackets into lists, braces make a list, and a backslash takes
//! the meaning from the character behind it.

use serde_json::{Map, Value};

/// How deep a key may go, as in Helm.
const DEEPEST: usize = 30;
/// The last index of a list, as in Helm: a larger one is a slip, and would take all memory.
const LAST_INDEX: usize = 65_536;

/// What the values of a text are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetKind {
    /// Whole numbers, `true`, `false` and `null` are what they look like (`--set`).
    Typed,
    /// All are texts (`--set-string`).
    Text,
}

/// A text that cannot be read as values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// A key stands alone.
    #[error("key {0:?} has no value")]
    NoValue(String),
    /// A list is not closed.
    #[error("a list has to end with }}")]
    OpenList,
    /// A bracket holds no index.
    #[error("{0:?} is no index of a list: write a number up to {LAST_INDEX}")]
    NoIndex(String),
    /// Something stands between an index and what has to follow it.
    #[error("{0:?} cannot follow an index: write [, . or =")]
    AfterIndex(String),
    /// The key goes into something that has no keys.
    #[error("{0:?} is {1} by now, and has no values below it")]
    OtherKind(String, &'static str),
    /// The key goes deeper than Helm does.
    #[error("a key may be {DEEPEST} names deep")]
    TooDeep,
}

/// Puts the values of a text into others.
pub(super) fn into(values: &mut Map<String, Value>, kind: SetKind, text: &str) -> Result<(), SetError> {
    let mut reader = Reader { rest: text, kind };
    while reader.key(values, 0)? == Go::On {}
    Ok(())
}

/// Whether anything may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Go {
    On,
    End,
}

struct Reader<'a> {
    rest: &'a str,
    kind: SetKind,
}

impl Reader<'_> {
    /// Reads a key and its value into a mapping.
    fn key(&mut self, values: &mut Map<String, Value>, depth: usize) -> Result<Go, SetError> {
        let (name, stop) = self.until(&['=', '[', ',', '.']);
        match stop {
            None if name.is_empty() => Ok(Go::End),
            None | Some(',') => Err(SetError::NoValue(name)),
            Some('[') => {
                let index = self.index()?;
                let there = values.remove(&name);
                let mut list = as_list(there, &name)?;
                let went = self.item(&mut list, index, depth, &name);
                put(values, name, Value::Array(list));
                went
            }
            Some('.') => {
                if depth == DEEPEST {
                    return Err(SetError::TooDeep);
                }
                let there = values.remove(&name);
                let mut inner = as_mapping(there, &name)?;
                let went = self.key(&mut inner, depth + 1)?;
                if inner.is_empty() {
                    return Err(SetError::NoValue(name));
                }
                put(values, name, Value::Object(inner));
                Ok(went)
            }
            Some(_) => {
                let (value, went) = self.value()?;
                put(values, name, value);
                Ok(went)
            }
        }
    }

    /// Reads what follows an index into a list.
    fn item(&mut self, list: &mut Vec<Value>, index: usize, depth: usize, name: &str) -> Result<Go, SetError> {
        let (between, stop) = self.until(&['[', '.', '=']);
        if !between.is_empty() {
            return Err(SetError::AfterIndex(between));
        }
        let name = format!("{name}[{index}]");
        let there = list.get_mut(index).map(Value::take);
        let (value, went) = match stop {
            None => return Err(SetError::NoValue(name)),
            Some('[') => {
                let next = self.index()?;
                let mut inner = as_list(there.filter(|value| !value.is_null()), &name)?;
                let went = self.item(&mut inner, next, depth, &name)?;
                (Value::Array(inner), went)
            }
            Some('.') => {
                // As in Helm, what is no mapping makes room for one.
                let mut inner = match there {
                    Some(Value::Object(inner)) => inner,
                    _ => Map::new(),
                };
                let went = self.key(&mut inner, depth)?;
                (Value::Object(inner), went)
            }
            Some(_) => self.value()?,
        };
        if list.len() <= index {
            list.resize(index + 1, Value::Null);
        }
        if let Some(place) = list.get_mut(index) {
            *place = value;
        }
        Ok(went)
    }

    fn index(&mut self) -> Result<usize, SetError> {
        let (text, stop) = self.until(&[']']);
        let number = text.parse().ok().filter(|index| *index <= LAST_INDEX);
        number.filter(|_| stop.is_some()).ok_or(SetError::NoIndex(text))
    }

    fn value(&mut self) -> Result<(Value, Go), SetError> {
        if let Some(rest) = self.rest.strip_prefix('{') {
            self.rest = rest;
            return Ok((Value::Array(self.list()?), Go::On));
        }
        let (text, stop) = self.until(&[',']);
        let went = if stop.is_some() { Go::On } else { Go::End };
        Ok((self.typed(text), went))
    }

    fn list(&mut self) -> Result<Vec<Value>, SetError> {
        let mut list = Vec::new();
        loop {
            let (text, stop) = self.until(&[',', '}']);
            let is_last = match stop {
                None => return Err(SetError::OpenList),
                Some(stop) => stop == '}',
            };
            list.push(self.typed(text));
            if is_last {
                self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
                return Ok(list);
            }
        }
    }

    /// A value as Helm types it: numbers with a fraction and with zeros in front stay texts.
    fn typed(&self, text: String) -> Value {
        if self.kind == SetKind::Text {
            return Value::String(text);
        }
        match text.to_lowercase().as_str() {
            "true" => return Value::Bool(true),
            "false" => return Value::Bool(false),
            "null" => return Value::Null,
            _ => {}
        }
        let number = text
            .parse::<i64>()
            .ok()
            .filter(|_| text == "0" || !text.starts_with('0'));
        number.map_or(Value::String(text), Value::from)
    }

    /// The text up to one of these characters, which is taken as well; none: the text has ended.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        let mut rest = self.rest.chars();
        let stop = loop {
            match rest.next() {
                None => break None,
                Some(stop) if stops.contains(&stop) => break Some(stop),
                Some('\\') => text.extend(rest.next()),
                Some(other) => text.push(other),
            }
        };
        self.rest = rest.as_str();
        (text, stop)
    }
}

/// A value without a name goes nowhere, as in Helm.
fn put(values: &mut Map<String, Value>, name: String, value: Value) {
    if !name.is_empty() {
        values.insert(name, value);
    }
}

fn as_list(there: Option<Value>, name: &str) -> Result<Vec<Value>, SetError> {
    match there {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => Ok(list),
        Some(other) => Err(SetError::OtherKind(name.to_owned(), kind_of(&other))),
    }
}

fn as_mapping(there: Option<Value>, name: &str) -> Result<Map<String, Value>, SetError> {
    match there {
        None => Ok(Map::new()),
        Some(Value::Object(values)) => Ok(values),
        Some(other) => Err(SetError::OtherKind(name.to_owned(), kind_of(&other))),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(kind: SetKind, text: &str) -> Result<Value, SetError> {
        let mut values = Map::new();
        into(&mut values, kind, text).map(|()| Value::Object(values))
    }

    /// What Helm 3.22 makes of these texts, tried with `helm template --set`.
    #[test]
    fn texts_are_read_as_helm_reads_them() {
        for (text, expected) in [
            ("", json!({})),
            ("a=b,c=d,", json!({"a": "b", "c": "d"})),
            ("a=,b=x", json!({"a": "", "b": "x"})),
            ("a.b.c=1,a.b.d=2", json!({"a": {"b": {"c": 1, "d": 2}}})),
            (
                r"a=one\,two,b\.c=x,d=e\=f",
                json!({"a": "one,two", "b.c": "x", "d": "e=f"}),
            ),
            ("a=one=two", json!({"a": "one=two"})),
            (
                r"nodeSelector.kubernetes\.io/role=web",
                json!({"nodeSelector": {"kubernetes.io/role": "web"}}),
            ),
            ("a={x,y},b={1,true}", json!({"a": ["x", "y"], "b": [1, true]})),
            ("a={}", json!({"a": [""]})),
            (r"a={x\,y,z}", json!({"a": ["x,y", "z"]})),
            ("l[0]=x,l[2]=y", json!({"l": ["x", null, "y"]})),
            (
                "l[0].p=80,l[0].h=x,l[1].p=81",
                json!({"l": [{"p": 80, "h": "x"}, {"p": 81}]}),
            ),
            ("l[1][1]=1", json!({"l": [null, [null, 1]]})),
            (
                "a=true,b=FALSE,c=null,d=0,e=-3,f=007,g=1.5,h=1e3,i=99999999999999999999",
                json!({
                    "a": true, "b": false, "c": null, "d": 0, "e": -3, "f": "007", "g": "1.5", "h": "1e3",
                    "i": "99999999999999999999",
                }),
            ),
            ("a=x,a=y", json!({"a": "y"})),
            ("a=one two , b=c", json!({"a": "one two ", " b": "c"})),
        ] {
            assert_eq!(read(SetKind::Typed, text).as_ref(), Ok(&expected), "{text}");
        }
    }

    #[test]
    fn texts_stay_texts_where_that_is_asked_for() {
        let read = read(SetKind::Text, "a=1,b=true,c={0,null}");
        assert_eq!(read, Ok(json!({"a": "1", "b": "true", "c": ["0", "null"]})));
    }

    #[test]
    fn what_means_nothing_is_refused_with_its_reason() {
        let deep = "a.".repeat(31) + "b=1";
        for (text, expected) in [
            ("a", r#"key "a" has no value"#),
            ("a,b=1", r#"key "a" has no value"#),
            ("a=1,,b=2", r#"key "" has no value"#),
            ("a.b", r#"key "b" has no value"#),
            ("a.=b", r#"key "a" has no value"#),
            ("l[0]", r#"key "l[0]" has no value"#),
            ("l[x]=1", r#""x" is no index of a list: write a number up to 65536"#),
            ("l[-1]=1", r#""-1" is no index of a list: write a number up to 65536"#),
            (
                "l[65537]=1",
                r#""65537" is no index of a list: write a number up to 65536"#,
            ),
            ("l[0", r#""0" is no index of a list: write a number up to 65536"#),
            ("l[0]x=1", r#""x" cannot follow an index: write [, . or ="#),
            ("a={1,2", "a list has to end with }"),
            ("a=1,a.b=2", r#""a" is a number by now, and has no values below it"#),
            ("a=x,a[0]=2", r#""a" is a text by now, and has no values below it"#),
            (deep.as_str(), "a key may be 30 names deep"),
        ] {
            let told = read(SetKind::Typed, text).map_err(|error| error.to_string());
            assert_eq!(told, Err(expected.to_owned()), "{text}");
        }
    }
}
