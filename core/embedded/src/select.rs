//! Label and field selectors. Requirements are kept by key, so that an object costs as much as it has labels, however long
//! the selector is.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

/// A parsed label selector; all requirements must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Labels {
    keys: HashMap<String, Demand>,
    /// Keys that must be there.
    present: usize,
}

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

/// All requirements on the value of one label.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Demand {
    present: bool,
    absent: bool,
    within: Option<HashSet<String>>,
    without: HashSet<String>,
    greater: Option<i64>,
    less: Option<i64>,
}

/// A parsed field selector; all requirements must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(BTreeMap<String, Wanted>);

/// All requirements on the text of one field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Wanted {
    equal: Option<String>,
    unequal: HashSet<String>,
    /// Two different texts are asked for, so that no object fits.
    never: bool,
}

impl Labels {
    /// Parses the text of `labelSelector`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut lexer = Lexer { rest: text };
        let mut labels = Self::default();
        if lexer.peek().is_none() {
            return Ok(labels);
        }
        loop {
            if let Some(found) = lexer
                .peek()
                .filter(|token| !matches!(token, Token::Word(_) | Token::Not))
            {
                let found = found.text();
                return Err(format!("found '{found}', expected: !, identifier, or 'end of string'"));
            }
            let Requirement { key, test } =
                requirement(&mut lexer).map_err(|why| format!("unable to parse requirement: {why}"))?;
            labels.keys.entry(key).or_default().add(test);
            match lexer.next() {
                None => break,
                Some(Token::Comma) => {
                    let next = lexer.peek();
                    if !matches!(next, Some(Token::Word(_) | Token::Not)) {
                        let found = next.as_ref().map_or("", Token::text);
                        return Err(format!("found '{found}', expected: identifier after ','"));
                    }
                }
                Some(other) => return Err(format!("found '{}', expected: ',' or 'end of string'", other.text())),
            }
        }
        labels.present = labels.keys.values().filter(|demand| demand.present).count();
        Ok(labels)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether an object's labels fit.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        let mut present = 0;
        for (key, value) in object["metadata"]["labels"].as_object().into_iter().flatten() {
            let (Some(demand), Some(value)) = (self.keys.get(key), value.as_str()) else {
                continue;
            };
            if !demand.holds(value) {
                return false;
            }
            present += usize::from(demand.present);
        }
        present == self.present
    }
}

impl Demand {
    fn add(&mut self, test: Test) {
        self.present |= !matches!(test, Test::NotIn(_) | Test::Absent);
        match test {
            Test::In(list) => {
                let mut within = list.into_iter().collect::<HashSet<_>>();
                if let Some(before) = &self.within {
                    within.retain(|value| before.contains(value));
                }
                self.within = Some(within);
            }
            Test::NotIn(list) => self.without.extend(list),
            Test::Exists => {}
            Test::Absent => self.absent = true,
            Test::Greater(than) => self.greater = Some(self.greater.map_or(than, |before| before.max(than))),
            Test::Less(than) => self.less = Some(self.less.map_or(than, |before| before.min(than))),
        }
    }

    /// Whether a value that is there fits.
    fn holds(&self, value: &str) -> bool {
        let number = || value.parse::<i64>().ok();
        !self.absent
            && self.within.as_ref().is_none_or(|set| set.contains(value))
            && !self.without.contains(value)
            && self.greater.is_none_or(|than| number().is_some_and(|n| n > than))
            && self.less.is_none_or(|than| number().is_some_and(|n| n < than))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Comma,
    Open,
    Close,
    Equal(&'static str),
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
            Self::Equal(text) => text,
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
            ("==", Token::Equal("==")),
            ("!=", Token::NotEqual),
            ("=", Token::Equal("=")),
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
            return Err(format!("found '{found}', expected: identifier"));
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
        Some(Token::Equal(_)) => Test::In(vec![value(lexer)?]),
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
        let mut fields = Self::default();
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
            if equal {
                fields.require(path, &value);
            } else {
                fields.0.entry(path.to_owned()).or_default().unequal.insert(value);
            }
        }
        Ok(fields)
    }

    /// Adds that a field has a text.
    pub(crate) fn require(&mut self, path: &str, text: &str) {
        let wanted = self.0.entry(path.to_owned()).or_default();
        match &wanted.equal {
            None => wanted.equal = Some(text.to_owned()),
            Some(before) => wanted.never |= before != text,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields that are asked for.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether an object has the fields that are asked for.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(path, wanted)| {
            let text = field_text(object, path);
            !wanted.never && wanted.equal.as_ref().is_none_or(|equal| *equal == text) && !wanted.unequal.contains(&text)
        })
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
            "n in (1,2),n in (1,3),n!=5,n!=6",
            "n>0,n<9,n<2",
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
            "n in (1,2),n in (2,3)",
            "n,!n",
            "n>0,n>1",
            "m=1",
        ] {
            assert!(!holds(no, &labels), "{no}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["=x", "n in", "a b", "n===1", "n=bad value!", "n in (1", "n>x", "a in"] {
            assert!(Labels::parse(bad).is_err(), "{bad}");
        }
        let said = |bad: &str| Labels::parse(bad).unwrap_err();
        assert_eq!(said("===="), "found '==', expected: !, identifier, or 'end of string'");
        assert_eq!(said("a=b,"), "found '', expected: identifier after ','");
        assert_eq!(said("!="), "found '!=', expected: !, identifier, or 'end of string'");
        assert_eq!(
            said("a===b"),
            "unable to parse requirement: found '=', expected: identifier"
        );
    }

    #[test]
    fn field_selectors_compare_texts() {
        let object = json!({"metadata": {"name": "a"}, "status": {"phase": "Running"}});
        let holds = |s: &str| Fields::parse(s).unwrap().matches(&object);
        assert!(holds("metadata.name=a,status.phase!=Pending"));
        assert!(!holds("metadata.name==b"));
        assert!(holds("spec.nodeName="));
        assert!(!holds("metadata.name=a,metadata.name=b"));
        assert!(!holds("metadata.name!=b,metadata.name!=a"));
        assert!(Fields::parse("spec").is_err());
    }

    #[test]
    fn a_long_selector_costs_an_object_no_more_than_its_labels() {
        let many = |from: &str| (0..20_000).map(|n| format!("{from}{n}")).collect::<Vec<_>>().join(",");
        let absent = Labels::parse(&many("!k")).unwrap();
        let among = Labels::parse(&format!("n notin ({})", many("v"))).unwrap();
        let objects = (0..5_000).map(|n| json!({"metadata": {"labels": {"n": format!("x{n}"), "a": "b"}}}));
        let begun = std::time::Instant::now();
        // One by one, a hundred million tests each.
        assert!(objects.into_iter().all(|o| absent.matches(&o) && among.matches(&o)));
        assert!(begun.elapsed().as_secs() < 10);
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "[a-z=!,()<> ü\\\\.]{0,20}") {
            let _ = Labels::parse(&text);
            let _ = Fields::parse(&text);
        }
    }
}
