//! Regular expressions of schemas and rules: read as the real server reads them, bounded in size, made on first use, and
//! matched step by step within a budget. The engine is a lazy automaton, because no other can be interrupted.

use std::sync::{Mutex, OnceLock, TryLockError};

use regex_automata::Input;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::syntax;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// States of the automaton that one expression may need.
const STATES: usize = 20_000;
/// Levels that groups may nest.
const NEST: u32 = 100;
/// Bytes of transitions that are kept per expression.
const CACHE: usize = 128 << 10;
/// Bytes of text between two looks at the budget.
const CHUNK: usize = 64;

/// There is no budget left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// Work that may still be done. A unit is about the time of looking at one small value.
#[derive(Debug)]
pub(crate) struct Budget(u64);

impl Budget {
    pub(crate) fn new(units: u64) -> Self {
        Self(units)
    }

    pub(crate) fn spend(&mut self, units: usize) -> Result<(), Exhausted> {
        let left = self.0.checked_sub(units as u64);
        self.0 = left.unwrap_or(0);
        left.map(drop).ok_or(Exhausted)
    }

    /// What is left of it.
    pub(crate) fn left(&self) -> u64 {
        self.0
    }
}

/// A regular expression that is matched within a budget.
pub(crate) struct Pattern {
    text: String,
    states: usize,
    engine: OnceLock<Option<Engine>>,
}

struct Engine {
    dfa: DFA,
    cache: Mutex<Cache>,
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pattern").field(&self.text).finish()
    }
}

impl Pattern {
    /// Reads an expression in the syntax of RE2; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let hir = ParserBuilder::new()
            .nest_limit(NEST)
            .utf8(false)
            .build()
            .parse(&translated(text)?)
            .map_err(|error| error.to_string())?;
        let states = states(&hir);
        if states > STATES {
            return Err("expression too large".to_owned());
        }
        Ok(Self {
            text: text.to_owned(),
            states,
            engine: OnceLock::new(),
        })
    }

    /// The expression as it was given.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// About how large its automaton is.
    pub(crate) fn states(&self) -> usize {
        self.states
    }

    /// Whether it matches anywhere in a text.
    pub(crate) fn is_match(&self, text: &str, budget: &mut Budget) -> Result<bool, Exhausted> {
        if self.engine.get().is_none() {
            budget.spend(self.states * 4)?;
        }
        let engine = self.engine.get_or_init(|| Engine::new(&self.text));
        let Some(engine) = engine else {
            // Not reached: what was read can be built.
            tracing::error!(pattern = self.text, "a regular expression cannot be built");
            return Ok(false);
        };
        match engine.cache.try_lock() {
            Ok(mut cache) => engine.run(&mut cache, text, self.states, budget),
            Err(TryLockError::Poisoned(cache)) => {
                let mut cache = cache.into_inner();
                engine.dfa.reset_cache(&mut cache);
                engine.run(&mut cache, text, self.states, budget)
            }
            Err(TryLockError::WouldBlock) => engine.run(&mut engine.dfa.create_cache(), text, self.states, budget),
        }
    }
}

impl Engine {
    fn new(text: &str) -> Option<Self> {
        let config = DFA::config()
            .cache_capacity(CACHE)
            .skip_cache_capacity_check(true)
            .prefilter(None);
        let dfa = DFA::builder()
            .configure(config)
            .syntax(syntax::Config::new().nest_limit(NEST).utf8(false))
            .thompson(thompson::Config::new().utf8(false).which_captures(WhichCaptures::None))
            .build(&translated(text).ok()?)
            .ok()?;
        let cache = Mutex::new(dfa.create_cache());
        Some(Self { dfa, cache })
    }

    fn run(&self, cache: &mut Cache, text: &str, states: usize, budget: &mut Budget) -> Result<bool, Exhausted> {
        let dfa = &self.dfa;
        let failed = |_| Exhausted;
        let start = dfa
            .start_state_forward(cache, &Input::new(text))
            .map_err(|_| Exhausted)?;
        let mut state = start;
        for chunk in text.as_bytes().chunks(CHUNK) {
            let known = (cache.memory_usage(), cache.clear_count());
            for byte in chunk {
                state = dfa.next_state(cache, state, *byte).map_err(failed)?;
                if state.is_tagged() {
                    if state.is_match() {
                        return Ok(true);
                    }
                    if state.is_dead() {
                        return Ok(false);
                    }
                }
            }
            // A state that was not known costs as much as the automaton is large.
            let fresh = known != (cache.memory_usage(), cache.clear_count());
            budget.spend(4 + if fresh { states } else { 0 })?;
        }
        let end = dfa.next_eoi_state(cache, state).map_err(failed)?;
        Ok(end.is_match())
    }
}

/// About how many states an expression needs; never too few by much.
fn states(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(Class::Bytes(_)) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Unicode(class)) if class.is_ascii() => 1,
        // Ranges beyond ASCII become sequences of bytes.
        HirKind::Class(Class::Unicode(class)) => 2 + 6 * class.ranges().len(),
        HirKind::Capture(capture) => states(&capture.sub),
        HirKind::Concat(list) | HirKind::Alternation(list) => list.iter().map(states).fold(1, usize::saturating_add),
        HirKind::Repetition(repetition) => {
            let times = repetition
                .max
                .map_or(repetition.min.saturating_add(1), |max| max.max(1));
            states(&repetition.sub).saturating_add(1).saturating_mul(times as usize)
        }
    }
}

/// An expression of RE2 in the syntax of this library: classes such as `\w` are ASCII, a `{` that begins no repetition and
/// everything in brackets but ranges is meant literally, and no repetition is repeated.
fn translated(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    // What came right before was a repetition.
    let mut repeated = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let before = std::mem::take(&mut repeated);
        rest = match c {
            '\\' => escape(after, false, &mut out),
            '[' => class(after, &mut out),
            '*' | '+' | '?' | '{' => {
                let Some(operator) = repetition(rest)? else {
                    out.push_str("\\{");
                    rest = after;
                    continue;
                };
                if before {
                    return Err(format!(
                        "error parsing regexp: invalid nested repetition operator: `{operator}`"
                    ));
                }
                repeated = true;
                out.push_str(operator);
                let after = &rest[operator.len()..];
                match after.strip_prefix('?') {
                    Some(after) => {
                        out.push('?');
                        after
                    }
                    None => after,
                }
            }
            // The question mark of `(?i)` repeats nothing.
            '(' if after.starts_with('?') => {
                out.push_str("(?");
                &after[1..]
            }
            other => {
                out.push(other);
                after
            }
        };
    }
    Ok(out)
}

/// Translates what stands in brackets; gives what is left.
fn class<'a>(after: &'a str, out: &mut String) -> &'a str {
    out.push('[');
    let mut rest = after;
    if let Some(negated) = rest.strip_prefix('^') {
        out.push('^');
        rest = negated;
    }
    let mut first = true;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = after;
        match c {
            '\\' => rest = escape(after, true, out),
            '[' => match after.strip_prefix(':').and_then(|named| named.find(":]")) {
                Some(end) => {
                    out.push('[');
                    out.push_str(&after[..end + 3]);
                    rest = &after[end + 3..];
                }
                None => out.push_str("\\["),
            },
            ']' if !first => {
                out.push(']');
                return rest;
            }
            ']' | '&' | '~' => {
                out.push('\\');
                out.push(c);
            }
            '-' if after.starts_with('-') => out.push_str("\\-"),
            other => out.push(other),
        }
        first = false;
    }
    rest
}

/// The repetition that an expression begins with; nothing if it is a brace that stands for itself.
fn repetition(text: &str) -> Result<Option<&str>, String> {
    let Some(after) = text.strip_prefix('{') else {
        return Ok(Some(&text[..1]));
    };
    let Some((inside, _)) = after.split_once('}') else {
        return Ok(None);
    };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if least.is_empty() || !number(least) || !number(most) {
        return Ok(None);
    }
    let operator = &text[..inside.len() + 2];
    let many = |text: &str| !text.is_empty() && text.parse::<u32>().is_ok_and(|n| n > 1000) || text.len() > 9;
    if many(least) || many(most) {
        return Err(format!("error parsing regexp: invalid repeat count: `{operator}`"));
    }
    Ok(Some(operator))
}

/// Translates what follows a backslash; gives what is left.
fn escape<'a>(after: &'a str, class: bool, out: &mut String) -> &'a str {
    let Some(c) = after.chars().next() else {
        out.push('\\');
        return after;
    };
    let rest = &after[c.len_utf8()..];
    let set = match c {
        'd' | 'D' => "0-9",
        'w' | 'W' => "0-9A-Za-z_",
        's' | 'S' => "\\t\\n\\x0C\\r\\x20",
        'b' | 'B' if !class => {
            out.push_str(if c == 'b' { "(?-u:\\b)" } else { "(?-u:\\B)" });
            return rest;
        }
        'Q' if !class => {
            let (literal, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
            out.push_str(&regex_syntax::escape(literal));
            return rest;
        }
        _ => {
            out.push('\\');
            out.push(c);
            return rest;
        }
    };
    match (c.is_ascii_uppercase(), class) {
        (true, _) => out.extend(["[^", set, "]"]),
        (false, true) => out.push_str(set),
        (false, false) => out.extend(["[", set, "]"]),
    }
    rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        let pattern = Pattern::parse(pattern).unwrap();
        pattern.is_match(text, &mut Budget::new(1_000_000)).unwrap()
    }

    #[test]
    fn expressions_mean_what_they_mean_to_the_real_server() {
        for (pattern, yes, no) in [
            ("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "a-b", "a-"),
            (r"^\w+$", "abc_1", "ä"),
            (r"^[\w.-]+$", "a.b-c", "a b"),
            (r"^\d{1,3}$", "123", "١٢٣"),
            (r"^[^\s]+$", "ab", "a b"),
            (r"^\S+\W$", "ab-", "a b"),
            ("^[[:alpha:]]+$", "abc", "a1"),
            ("^[[]$", "[", "]"),
            ("^[]a]+$", "]a", "b"),
            ("^[a&&b]+$", "a&b", "c"),
            ("^{{.+}}$", "{{ x }}", "x"),
            (r"^\Qa.b\E$", "a.b", "axb"),
            (r"\bfoo\b", "a foo b", "afoo"),
            ("b", "abc", "ac"),
            ("^$", "", "x"),
            ("^(?:a*?b+)?$", "aab", "a"),
            ("^(?i)ab{2}$", "aBb", "ab"),
            ("^a{,2}$", "a{,2}", "aa"),
            ("^ü.$", "üx", "ux"),
        ] {
            assert!(matches(pattern, yes), "{pattern} on {yes}");
            assert!(!matches(pattern, no), "{pattern} on {no}");
        }
    }

    #[test]
    fn expressions_that_are_wrong_or_too_large_are_refused() {
        for pattern in [
            "[",
            "(",
            "b)",
            "(a{1000}){1000}",
            "x{5,3}",
            "a**",
            "a*+",
            "a{2}{3}",
            "a+?*",
            "a{1001}",
            "*a",
            "(?!x)",
        ] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
        assert!(Pattern::parse(&"(".repeat(5_000)).is_err());
        assert!(Pattern::parse("^[a-z0-9]([-a-z0-9]{0,253}[a-z0-9])?$").is_ok());
    }

    #[test]
    fn matching_ends_with_its_budget() {
        let pattern = Pattern::parse("(a|b)*a(a|b){60}c").unwrap();
        let mut random = 1u32;
        let mut text = String::new();
        for _ in 0..100_000 {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            text.push(if random & 1 == 0 { 'a' } else { 'b' });
        }
        assert_eq!(pattern.is_match(&text, &mut Budget::new(20_000)), Err(Exhausted));
        // It is still good for the next one.
        assert_eq!(pattern.is_match("b", &mut Budget::new(20_000)), Ok(false));
    }

    proptest! {
        #[test]
        fn any_expression_is_survived_and_what_is_read_can_be_built(
            pattern in r"[a-c\[\](){}|*+?^$.\\dwsbQE:,0-3&~-]{0,24}", text in "[a-c0-9 -]{0,12}",
        ) {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                prop_assert!(pattern.is_match(&text, &mut Budget::new(1_000_000)).is_ok());
                prop_assert!(matches!(pattern.engine.get(), Some(Some(_))), "{pattern:?}");
            }
        }
    }
}
