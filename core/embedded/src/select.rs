//! Label and field selectors.

use serde_json::Value;

/// A parsed label selector; all requirements must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Labels(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
    Greater(i64),
    Less(i64),
}

/// A parsed field selector; all requirements must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(pub(crate) Vec<Field>);

/// One requirement of a field selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) path: String,
    pub(crate) value: String,
    pub(crate) equal: bool,
}

impl Labels {
    /// Parses the text of `labelSelector`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut lexer = Lexer { rest: text };
        let mut list = Vec::new();
        if lexer.peek().is_none() {
            return Ok(Self(list));
        }
        loop {
            list.push(requirement(&mut lexer)?);
            match lexer.next() {
                None => break,
                Some(Token::Comma) => {}
                Some(other) => return Err(format!("found '{}', expected: ',' or 'end of string'", other.text())),
            }
        }
        Ok(Self(list))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object's labels fit.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.0
            .iter()
            .all(|r| r.holds(labels.get(&r.key).and_then(Value::as_str)))
    }
}

impl Requirement {
    fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|v| v.parse::<i64>().ok());
        match &self.test {
            Test::In(set) => value.is_some_and(|v| set.iter().any(|s| s == v)),
            Test::NotIn(set) => value.is_none_or(|v| !set.iter().any(|s| s == v)),
            Test::Exists => value.is_some(),
            Test::Absent => value.is_none(),
            Test::Greater(than) => number().is_some_and(|n| n > *than),
            Test::Less(than) => number().is_some_and(|n| n < *than),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Comma,
    Open,
    Close,
    Equal,
    NotEqual,
    Not,
    Greater,
    Less,
    Word(String),
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Comma => ",",
            Self::Open => "(",
            Self::Close => ")",
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Not => "!",
            Self::Greater => ">",
            Self::Less => "<",
            Self::Word(word) => word,
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<Token> {
        Lexer { rest: self.rest }.next()
    }

    fn next(&mut self) -> Option<Token> {
        self.rest = self.rest.trim_start();
        let fixed = [
            ("==", Token::Equal),
            ("!=", Token::NotEqual),
            ("=", Token::Equal),
            ("!", Token::Not),
            (",", Token::Comma),
            ("(", Token::Open),
            (")", Token::Close),
            (">", Token::Greater),
            ("<", Token::Less),
        ];
        for (text, token) in fixed {
            if let Some(rest) = self.rest.strip_prefix(text) {
                self.rest = rest;
                return Some(token);
            }
        }
        let end = self
            .rest
            .find(|c: char| c.is_whitespace() || "=!,()<>".contains(c))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then(|| Token::Word(word.to_owned()))
    }
}

fn requirement(lexer: &mut Lexer<'_>) -> Result<Requirement, String> {
    let negated = lexer.peek() == Some(Token::Not);
    if negated {
        lexer.next();
    }
    let key = match lexer.next() {
        Some(Token::Word(word)) => word,
        other => {
            let found = other.as_ref().map_or("", Token::text);
            return Err(format!("found '{found}', expected: !, identifier, or 'end of string'"));
        }
    };
    check_key(&key)?;
    if negated {
        return Ok(Requirement {
            key,
            test: Test::Absent,
        });
    }
    if matches!(lexer.peek(), None | Some(Token::Comma)) {
        return Ok(Requirement {
            key,
            test: Test::Exists,
        });
    }
    let test = match lexer.next() {
        Some(Token::Equal) => Test::In(vec![value(lexer)?]),
        Some(Token::NotEqual) => Test::NotIn(vec![value(lexer)?]),
        Some(Token::Greater) => Test::Greater(number(lexer)?),
        Some(Token::Less) => Test::Less(number(lexer)?),
        Some(Token::Word(word)) if word == "in" => Test::In(values(lexer)?),
        Some(Token::Word(word)) if word == "notin" => Test::NotIn(values(lexer)?),
        other => {
            let found = other.as_ref().map_or("", Token::text);
            return Err(format!("found '{found}', expected: in, notin, =, ==, !=, gt, lt"));
        }
    };
    Ok(Requirement { key, test })
}

fn value(lexer: &mut Lexer<'_>) -> Result<String, String> {
    match lexer.peek() {
        None | Some(Token::Comma) => Ok(String::new()),
        Some(Token::Word(word)) => {
            lexer.next();
            check_value(&word)?;
            Ok(word)
        }
        Some(other) => Err(format!("found '{}', expected: identifier", other.text())),
    }
}

fn number(lexer: &mut Lexer<'_>) -> Result<i64, String> {
    let text = value(lexer)?;
    text.parse().map_err(|_| {
        format!("values[0]: Invalid value: {text:?}: for 'Gt', 'Lt' operators, the value must be an integer")
    })
}

fn values(lexer: &mut Lexer<'_>) -> Result<Vec<String>, String> {
    match lexer.next() {
        Some(Token::Open) => {}
        other => {
            return Err(format!(
                "found '{}' expected: '('",
                other.as_ref().map_or("", Token::text)
            ));
        }
    }
    let mut list = Vec::new();
    loop {
        match lexer.next() {
            Some(Token::Word(word)) => {
                check_value(&word)?;
                list.push(word);
                match lexer.next() {
                    Some(Token::Comma) => {
                        if lexer.peek() == Some(Token::Close) {
                            list.push(String::new());
                        }
                    }
                    Some(Token::Close) => return Ok(list),
                    other => {
                        return Err(format!(
                            "found '{}', expected: ',' or ')'",
                            other.as_ref().map_or("", Token::text)
                        ));
                    }
                }
            }
            Some(Token::Comma) => list.push(String::new()),
            Some(Token::Close) => {
                if list.is_empty() {
                    list.push(String::new());
                }
                return Ok(list);
            }
            other => {
                return Err(format!(
                    "found '{}', expected: ',', ')' or identifier",
                    other.as_ref().map_or("", Token::text)
                ));
            }
        }
    }
}

fn check_key(key: &str) -> Result<(), String> {
    match crate::admit::names::qualified_name(key).first() {
        None => Ok(()),
        Some(problem) => Err(format!("key: Invalid value: {key:?}: {problem}")),
    }
}

fn check_value(value: &str) -> Result<(), String> {
    match crate::admit::names::label_value(value).first() {
        None => Ok(()),
        Some(problem) => Err(format!("values[0][]: Invalid value: {value:?}: {problem}")),
    }
}

impl Fields {
    /// Parses the text of `fieldSelector`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut list = Vec::new();
        for part in split_unescaped(text).into_iter().filter(|p| !p.is_empty()) {
            let invalid = || format!("invalid field selector {part:?}; can't understand {part:?}");
            let at = part.find("!=").or_else(|| part.find('=')).ok_or_else(invalid)?;
            let (path, rest) = part.split_at(at);
            let equal = !rest.starts_with('!');
            let value = rest
                .trim_start_matches("!=")
                .trim_start_matches("==")
                .trim_start_matches('=');
            let value = value.replace("\\,", ",").replace("\\=", "=").replace("\\\\", "\\");
            list.push(Field {
                path: path.to_owned(),
                value,
                equal,
            });
        }
        Ok(Self(list))
    }

    /// Whether an object fits.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.0
            .iter()
            .all(|field| (field_text(object, &field.path) == field.value) == field.equal)
    }
}

/// The text of a field by its dotted path.
fn field_text(object: &Value, path: &str) -> String {
    let mut at = object;
    for part in path.split('.') {
        match at.get(part) {
            Some(next) => at = next,
            None => return default_text(path),
        }
    }
    match at {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The text of fields whose zero value is not empty.
fn default_text(path: &str) -> String {
    if path == "spec.unschedulable" {
        "false".to_owned()
    } else {
        String::new()
    }
}

fn split_unescaped(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        if c == ',' && !escaped {
            parts.push(String::new());
            continue;
        }
        escaped = c == '\\' && !escaped;
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn holds(selector: &str, labels: &Value) -> bool {
        Labels::parse(selector)
            .unwrap()
            .matches(&json!({"metadata": {"labels": labels}}))
    }

    #[test]
    fn every_operator_selects_what_it_says() {
        let labels = json!({"n": "1", "parity": "odd"});
        for yes in [
            "n=1",
            "n==1",
            "n!=2",
            "n in (1,2)",
            "n notin (2)",
            "n",
            "!m",
            "n>0",
            "n<2",
            "n=1,parity=odd",
            "",
            "m!=x",
        ] {
            assert!(holds(yes, &labels), "{yes}");
        }
        for no in [
            "n=2",
            "n!=1",
            "n in (2)",
            "n notin (1)",
            "!n",
            "m",
            "n>1",
            "n=1,parity=even",
            "n=",
            "n in ()",
        ] {
            assert!(!holds(no, &labels), "{no}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["=x", "n in", "a b", "n===1", "n=bad value!", "n in (1", "n>x", "a in"] {
            assert!(Labels::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn field_selectors_compare_texts() {
        let object = json!({"metadata": {"name": "a"}, "status": {"phase": "Running"}});
        let holds = |s: &str| Fields::parse(s).unwrap().matches(&object);
        assert!(holds("metadata.name=a,status.phase!=Pending"));
        assert!(!holds("metadata.name==b"));
        assert!(holds("spec.nodeName="));
        assert!(Fields::parse("spec").is_err());
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "[a-z=!,()<> ü\\\\.]{0,20}") {
            let _ = Labels::parse(&text);
            let _ = Fields::parse(&text);
        }
    }
}
