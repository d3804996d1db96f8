//! Variables in published manifests, in the forms that `clusterctl` takes: those of a shell, without running one.
//!
//! | form | value |
//! |---|---|
//! | `${V}` | the variable; it has to have a value |
//! | `${V-W}` `${V=W}` `${V:-W}` `${V:=W}` | the variable, else the word (with a colon also when it is empty) |
//! | `${V+W}` `${V:+W}` | the word when there is a value, else nothing |
//! | `${V?W}` `${V:?W}` | the variable; without one it is missing, and the word says why |
//! | `${#V}` | its length |
//! | `${V^}` `${V^^}` `${V,}` `${V,,}` | in upper or lower case, the first character or all |
//! | `${V:N}` `${V:N:M}` | from character N on, at most M of them |
//! | `${V#P}` `${V##P}` `${V%P}` `${V%%P}` | without the shortest or longest start or end that matches a pattern |
//! | `${V/P/W}` `${V//P/W}` `${V/#P/W}` `${V/%P/W}` | the first, every, a leading or a trailing P replaced |
//! | `$$` | one dollar sign |
//!
//! Words may hold variables themselves. A dollar sign before anything else is an ordinary character; a `${` that is none of
//! these forms is an error, for what a shell would have made of it is not known here.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::ExposeSecret as _;

use crate::Substitution;

/// Words may be nested so deep.
const DEPTH: usize = 8;
/// So much of a form that is not known is shown.
const SHOWN: usize = 60;

/// A text that cannot be filled in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SubstituteError {
    #[error("line {line}: `{text}` is no form of a variable that is known")]
    Unknown { line: usize, text: String },
    #[error("no value for {}", names.join(", "))]
    Missing { names: Vec<String> },
}

/// A text with variables, parsed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable { name: String, form: Form },
}

#[derive(Debug, PartialEq, Eq)]
enum Form {
    Value,
    Length,
    /// Another value where there is none.
    Default {
        empty_too: bool,
        word: Vec<Part>,
    },
    /// Another value where there is one.
    Alternative {
        empty_too: bool,
        word: Vec<Part>,
    },
    Required {
        empty_too: bool,
        word: Vec<Part>,
    },
    Case {
        upper: bool,
        all: bool,
    },
    Slice {
        from: Vec<Part>,
        length: Option<Vec<Part>>,
    },
    Trim {
        end: bool,
        longest: bool,
        pattern: Vec<Part>,
    },
    Replace {
        what: Replaced,
        pattern: Vec<Part>,
        word: Vec<Part>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Replaced {
    First,
    Every,
    Start,
    End,
}

impl Template {
    /// Finds every variable. What is wrong is an error before anything is filled in.
    pub(super) fn parse(text: &str) -> Result<Self, SubstituteError> {
        let mut parser = Parser { text, at: 0 };
        parser.parts(0, &[]).map(Self).map_err(|at| {
            let unknown: String = text[at..].chars().take_while(|c| *c != '\n').collect();
            let end = unknown.find('}').map_or(unknown.len(), |end| end + 1);
            SubstituteError::Unknown {
                line: text[..at].matches('\n').count() + 1,
                text: unknown[..end].chars().take(SHOWN).collect(),
            }
        })
    }

    /// Fills in the values; every variable that needs one and has none is named.
    pub(super) fn fill(&self, values: &BTreeMap<String, Substitution>) -> Result<String, SubstituteError> {
        let mut missing = BTreeSet::new();
        let filled = evaluate(&self.0, values, &mut missing);
        if missing.is_empty() {
            return Ok(filled);
        }
        Err(SubstituteError::Missing {
            names: missing.into_iter().collect(),
        })
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

/// The place of a form that is not known.
type Unknown = usize;

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    /// Parts up to one of these characters, or to the end of the text at depth 0. Inside of a word, a backslash before a
    /// slash or another backslash makes it an ordinary character.
    fn parts(&mut self, depth: usize, until: &[char]) -> Result<Vec<Part>, Unknown> {
        let mut parts = Vec::new();
        let mut text = String::new();
        while let Some(next) = self.peek() {
            if until.contains(&next) {
                break;
            }
            let begin = self.at;
            if self.take("$$") {
                text.push('$');
            } else if self.take("${") {
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(self.variable(depth + 1, begin)?);
            } else if depth > 0 && (self.take("\\/") || self.take("\\\\")) {
                text.push_str(&self.text[self.at - 1..self.at]);
            } else {
                text.push(next);
                self.at += next.len_utf8();
            }
        }
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(parts)
    }

    fn word(&mut self, depth: usize) -> Result<Vec<Part>, Unknown> {
        self.parts(depth, &['}'])
    }

    /// What follows `${`, with its closing brace.
    fn variable(&mut self, depth: usize, begin: usize) -> Result<Part, Unknown> {
        if depth > DEPTH {
            return Err(begin);
        }
        let length = self.take("#");
        // Old manifests have blanks around the name.
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
        let name = self.name().ok_or(begin)?;
        let tail = self.rest().trim_start_matches([' ', '\t']);
        if tail.starts_with('}') {
            self.at += self.rest().len() - tail.len();
        }
        let form = if length {
            Form::Length
        } else {
            self.form(depth).map_err(|at| at.unwrap_or(begin))?
        };
        if !self.take("}") {
            return Err(begin);
        }
        Ok(Part::Variable { name, form })
    }

    fn name(&mut self) -> Option<String> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let name = &rest[..end];
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.at += end;
        Some(name.to_owned())
    }

    /// The form after a name. No place means that the variable itself is the unknown thing.
    fn form(&mut self, depth: usize) -> Result<Form, Option<Unknown>> {
        for (sign, empty_too) in [(":", true), ("", false)] {
            for kind in ['-', '=', '+', '?'] {
                if self.take(&format!("{sign}{kind}")) {
                    let word = self.word(depth).map_err(Some)?;
                    return Ok(match kind {
                        '+' => Form::Alternative { empty_too, word },
                        '?' => Form::Required { empty_too, word },
                        _ => Form::Default { empty_too, word },
                    });
                }
            }
        }
        for (sign, upper, all) in [
            ("^^", true, true),
            ("^", true, false),
            (",,", false, true),
            (",", false, false),
        ] {
            if self.take(sign) {
                return Ok(Form::Case { upper, all });
            }
        }
        for (sign, end, longest) in [
            ("##", false, true),
            ("#", false, false),
            ("%%", true, true),
            ("%", true, false),
        ] {
            if self.take(sign) {
                let pattern = self.word(depth).map_err(Some)?;
                return Ok(Form::Trim { end, longest, pattern });
            }
        }
        let kinds = [
            ("//", Replaced::Every),
            ("/#", Replaced::Start),
            ("/%", Replaced::End),
            ("/", Replaced::First),
        ];
        for (sign, what) in kinds {
            if self.take(sign) {
                let pattern = self.parts(depth, &['/', '}']).map_err(Some)?;
                let word = if self.take("/") {
                    self.word(depth).map_err(Some)?
                } else {
                    Vec::new()
                };
                return Ok(Form::Replace { what, pattern, word });
            }
        }
        if self.take(":") {
            let from = self.parts(depth, &[':', '}']).map_err(Some)?;
            let length = self.take(":").then(|| self.word(depth)).transpose().map_err(Some)?;
            let numbers = [Some(&from), length.as_ref()];
            // Only a number, or a variable that may be one.
            let is_number = |parts: &[Part]| match parts {
                [Part::Text(text)] => text.trim().parse::<i64>().is_ok(),
                parts => !parts.is_empty(),
            };
            return if numbers.into_iter().flatten().all(|parts| is_number(parts)) {
                Ok(Form::Slice { from, length })
            } else {
                Err(None)
            };
        }
        if self.peek() == Some('}') {
            return Ok(Form::Value);
        }
        Err(None)
    }
}

fn evaluate(parts: &[Part], values: &BTreeMap<String, Substitution>, missing: &mut BTreeSet<String>) -> String {
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Variable { name, form } => {
                let value = values.get(name).map(|value| match value {
                    Substitution::Plain(text) => text.as_str(),
                    Substitution::Secret(text) => text.expose_secret(),
                });
                out.push_str(&form.value(name, value, values, missing));
            }
        }
    }
    out
}

impl Form {
    /// Only the plain forms ask for a value; the others make do with nothing, as in a shell.
    fn value(
        &self,
        name: &str,
        value: Option<&str>,
        values: &BTreeMap<String, Substitution>,
        missing: &mut BTreeSet<String>,
    ) -> String {
        let given = |empty_too: &bool| value.filter(|text| !(*empty_too && text.is_empty()));
        let text = value.unwrap_or("");
        let mut word = |parts: &[Part]| evaluate(parts, values, missing);
        match self {
            Self::Default { empty_too, word: other } => given(empty_too).map_or_else(|| word(other), str::to_owned),
            Self::Alternative { empty_too, word: other } => given(empty_too).map_or_else(String::new, |_| word(other)),
            Self::Case { upper, all } => case(text, *upper, *all),
            Self::Slice { from, length } => {
                let from = word(from);
                let length = length.as_ref().map(|length| word(length));
                slice(text, &from, length.as_deref())
            }
            Self::Trim { end, longest, pattern } => trim(text, &word(pattern), *end, *longest),
            Self::Replace {
                what,
                pattern,
                word: other,
            } => replace(text, *what, &word(pattern), &word(other)),
            Self::Value | Self::Length if value.is_none() => {
                missing.insert(name.to_owned());
                String::new()
            }
            Self::Value => text.to_owned(),
            Self::Length => text.chars().count().to_string(),
            Self::Required { empty_too, word: why } => {
                let found = given(empty_too);
                if found.is_none() {
                    let why = word(why);
                    let named = if why.is_empty() {
                        name.to_owned()
                    } else {
                        format!("{name} ({why})")
                    };
                    missing.insert(named);
                }
                found.unwrap_or("").to_owned()
            }
        }
    }
}

fn case(text: &str, upper: bool, all: bool) -> String {
    let turn = |part: &str| {
        if upper {
            part.to_uppercase()
        } else {
            part.to_lowercase()
        }
    };
    if all {
        return turn(text);
    }
    let first = text.chars().next().map_or(0, char::len_utf8);
    turn(&text[..first]) + &text[first..]
}

/// Characters from a place on; a negative place or length counts from the end.
fn slice(text: &str, from: &str, length: Option<&str>) -> String {
    let characters: Vec<char> = text.chars().collect();
    let total = i64::try_from(characters.len()).unwrap_or(i64::MAX);
    let number = |text: &str| text.trim().parse::<i64>().unwrap_or(0);
    let counted = |n: i64| if n < 0 { total.saturating_add(n) } else { n }.clamp(0, total);
    let start = counted(number(from));
    let end = match length.map(number) {
        None => total,
        Some(length) if length < 0 => counted(length).max(start),
        Some(length) => start.saturating_add(length).min(total),
    };
    let index = |n: i64| usize::try_from(n).unwrap_or(0);
    characters[index(start)..index(end)].iter().collect()
}

/// Without the start or end that matches a pattern of `*` and `?`.
fn trim(text: &str, pattern: &str, end: bool, longest: bool) -> String {
    let mut places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    // Shortest first: an end is short when it begins late.
    if end != longest {
        places.reverse();
    }
    let found = places.into_iter().find(|&at| {
        let part = if end { &text[at..] } else { &text[..at] };
        glob(pattern, part)
    });
    match (found, end) {
        (Some(at), true) => text[..at].to_owned(),
        (Some(at), false) => text[at..].to_owned(),
        (None, _) => text.to_owned(),
    }
}

/// Whether a whole text matches a pattern. `*` never needs to be looked at again once a later one has matched.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                p = at + 1;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

fn replace(text: &str, what: Replaced, pattern: &str, word: &str) -> String {
    if pattern.is_empty() {
        return text.to_owned();
    }
    match what {
        Replaced::First => text.replacen(pattern, word, 1),
        Replaced::Every => text.replace(pattern, word),
        Replaced::Start => text
            .strip_prefix(pattern)
            .map_or_else(|| text.to_owned(), |rest| format!("{word}{rest}")),
        Replaced::End => text
            .strip_suffix(pattern)
            .map_or_else(|| text.to_owned(), |rest| format!("{rest}{word}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(entries: &[(&str, &str)]) -> BTreeMap<String, Substitution> {
        entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Substitution::Plain((*value).to_owned())))
            .collect()
    }

    fn filled(text: &str, given: &[(&str, &str)]) -> String {
        Template::parse(text).unwrap().fill(&values(given)).unwrap()
    }

    #[test]
    fn every_form_that_clusterctl_takes_gives_what_a_shell_gives() {
        let given = [
            ("A", "1"),
            ("EMPTY", ""),
            ("V", "abcdEFGH28ij"),
            ("F", "/path/to.some/file.tar.gz"),
            ("Z", "abcABC123ABCabc"),
            ("N", "4"),
        ];
        let cases = [
            ("${A} ${ A } ${A }", "1 1 1"),
            ("${A:=9} ${B:=2} ${C:-3} ${D=4} ${E-5} ${G:=}|", "1 2 3 4 5 |"),
            ("${EMPTY:=x} ${EMPTY=x}| ${EMPTY:-x} ${EMPTY-x}|", "x | x |"),
            ("${A:+x}${B:+y}${EMPTY:+z}${EMPTY+w}", "xw"),
            ("${A:?must be set}", "1"),
            ("${#V} ${#EMPTY}", "12 0"),
            (
                "${V^} ${V^^} ${Z,} ${V,,}",
                "AbcdEFGH28ij ABCDEFGH28IJ abcABC123ABCabc abcdefgh28ij",
            ),
            (
                "${V:4} ${V:4:3} ${V: -2} ${V:2:-2} ${V:99}|${V:${N}:1}",
                "EFGH28ij EFG ij cdEFGH28 |E",
            ),
            ("${F#*/} ${F##*/}", "path/to.some/file.tar.gz file.tar.gz"),
            (
                "${F%.*} ${F%%.*} ${F%nothing}",
                "/path/to.some/file.tar /path/to /path/to.some/file.tar.gz",
            ),
            (
                "${Z/abc/x} ${Z//abc/x} ${Z/#abc/x} ${Z/%abc/x}",
                "xABC123ABCabc xABC123ABCx xABC123ABCabc abcABC123ABCx",
            ),
            (
                "${Z/abc} ${Z//ABC/} ${Z/#ABC/x}",
                "ABC123ABCabc abc123abc abcABC123ABCabc",
            ),
            (
                r"${F/\//-} ${F//\//-}",
                "-path/to.some/file.tar.gz -path-to.some-file.tar.gz",
            ),
            ("${B:=${V^^}} ${B=pre-${A}-post}", "ABCDEFGH28IJ pre-1-post"),
            ("$A $(A) $ 5$ $$ $${A} $$${A} $$$$", "$A $(A) $ 5$ $ ${A} $1 $$"),
            ("${PROXMOX_URL=\"\"} ${P:=:8443} ${Q:= }|", "\"\" :8443  |"),
        ];
        for (text, expected) in cases {
            assert_eq!(filled(text, &given), expected, "{text}");
        }
    }

    /// The AWS provider's ServiceAccount has an annotation that is there only where a role is given.
    #[test]
    fn a_leading_part_is_replaced_and_an_unset_variable_leaves_nothing() {
        let text = "  annotations:\n    ${AWS_CONTROLLER_IAM_ROLE/#arn/eks.amazonaws.com/role-arn: arn}\n";
        assert_eq!(filled(text, &[]), "  annotations:\n    \n");
        let role = [("AWS_CONTROLLER_IAM_ROLE", "arn:aws:iam::1:role/capa")];
        assert_eq!(
            filled(text, &role),
            "  annotations:\n    eks.amazonaws.com/role-arn: arn:aws:iam::1:role/capa\n"
        );
    }

    #[test]
    fn a_form_that_is_not_known_is_named_by_its_line_before_anything_is_filled_in() {
        for form in [
            "${}",
            "${A",
            "${g h}",
            "${1A}",
            "${A!x}",
            "${A@Q}",
            "${A:x}",
            "${A:}",
            "${!A}",
            "${A^x}",
            "${#A:=x}",
            "${A.b}",
            "${-A}",
            "${A:=${B!}}",
        ] {
            let error = Template::parse(&format!("one\ntwo: {form}\n${{B}}")).unwrap_err();
            assert!(
                matches!(&error, SubstituteError::Unknown { line: 2, .. }),
                "{form}: {error}"
            );
        }
        let error = Template::parse("a: ${A!x} b").unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 1: `${A!x}` is no form of a variable that is known"
        );
        let deep = "${A:=".repeat(20) + &"}".repeat(20);
        assert!(Template::parse(&deep).is_err());
    }

    #[test]
    fn variables_without_value_are_all_named() {
        let template = Template::parse("${B} ${A} ${B} ${C:=x} ${D:?give one} ${X/#a/b} ${#L}").unwrap();
        let error = template.fill(&BTreeMap::new()).unwrap_err();
        assert_eq!(error.to_string(), "no value for A, B, D (give one), L");
    }

    #[test]
    fn a_default_that_is_not_taken_needs_no_values() {
        assert_eq!(filled("${A:=${B}}", &[("A", "1")]), "1");
        assert_eq!(filled("${A:+${B}}", &[]), "");
    }

    proptest::proptest! {
        #[test]
        fn any_text_ends_in_a_value_or_an_error(text in r"[a-c${}:=/#%^,\\*?+ \n-]{0,60}") {
            if let Ok(template) = Template::parse(&text) {
                let _ = template.fill(&values(&[("a", "x"), ("b", "")]));
            }
        }
    }
}
