//! String functions whose library form may take more time or memory than their arguments are large.
#![expect(
    clippy::needless_pass_by_value,
    reason = "the library hands arguments to functions by value"
)]

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cel::common::types::{CelBool, CelInt, CelString, DYN_TYPE, INT_TYPE, LIST_TYPE, STRING_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, Env, ExecutionError};

use super::meter::{self, charge, equal};
use super::value::overload;
use crate::schema::pattern::Pattern;

/// Expressions that are kept ready.
const EXPRESSIONS: usize = 1_000;
/// Characters that are written for one unit.
const CHARACTERS: usize = 8;

/// Adds these functions to an environment.
pub(crate) fn extend(env: &mut Env) -> Result<(), DeclarationError> {
    let (text, list, int) = (|| STRING_TYPE, || LIST_TYPE, || INT_TYPE);
    env.add_overload("@matches", "matches", vec![text(), text()], matches)?;
    env.add_overload("@replace", "replace", vec![text(), text(), text()], replace)?;
    env.add_overload("@replace", "replace_n", vec![text(), text(), text(), int()], replace)?;
    env.add_overload("@join", "join", vec![list()], join)?;
    env.add_overload("@join", "join_with", vec![list(), text()], join)?;
    env.add_overload("@indexOf", "index", vec![text(), text()], index_of)?;
    env.add_overload("@indexOf", "index_from", vec![text(), text(), int()], index_of)?;
    env.add_overload("@indexOf", "index_in", vec![list(), DYN_TYPE], index_in)?;
    env.add_overload("@lastIndexOf", "last", vec![text(), text()], last_index_of)?;
    env.add_overload("@lastIndexOf", "last_from", vec![text(), text(), int()], last_index_of)?;
    env.add_overload("@lastIndexOf", "last_in", vec![list(), DYN_TYPE], last_index_in)
}

fn text<'a>(name: &str, list: &'a [CowVal<'_, '_>], at: usize) -> Result<&'a str, ExecutionError> {
    let wrong = || overload(name, &list.iter().map(|v| &**v).collect::<Vec<_>>());
    let value: &dyn Val = &**list.get(at).ok_or_else(wrong)?;
    value
        .downcast_ref::<CelString>()
        .map(CelString::inner)
        .ok_or_else(wrong)
}

fn number(list: &[CowVal<'_, '_>], at: usize) -> Option<i64> {
    list.get(at)?.downcast_ref::<CelInt>().map(|n| *n.inner())
}

fn int<'b, 'v>(value: usize) -> CowVal<'b, 'v> {
    CowVal::owned(CelInt::from(i64::try_from(value).unwrap_or(i64::MAX)))
}

fn found<'b, 'v>(at: Option<usize>) -> CowVal<'b, 'v> {
    at.map_or_else(|| CowVal::owned(CelInt::from(-1)), int)
}

fn failed(function: &str, why: impl ToString) -> ExecutionError {
    ExecutionError::function_error(function, why)
}

fn matches<'b, 'v>(list: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (subject, pattern) = (text("matches", &list, 0)?, text("matches", &list, 1)?);
    let pattern = expression(pattern).map_err(|error| failed("matches", error))?;
    let matched = meter::lend(|budget| pattern.is_match(subject, budget))?;
    Ok(CowVal::owned(CelBool::from(matched)))
}

/// An expression that is ready, or is made so.
fn expression(source: &str) -> Result<Arc<Pattern>, String> {
    static READY: LazyLock<Mutex<HashMap<String, Arc<Pattern>>>> = LazyLock::new(Mutex::default);
    let mut ready = READY.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pattern) = ready.get(source) {
        return Ok(Arc::clone(pattern));
    }
    let pattern = Arc::new(Pattern::parse(source)?);
    if ready.len() >= EXPRESSIONS {
        ready.clear();
    }
    ready.insert(source.to_owned(), Arc::clone(&pattern));
    Ok(pattern)
}

fn replace<'b, 'v>(list: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (subject, from) = (text("replace", &list, 0)?, text("replace", &list, 1)?);
    let to = text("replace", &list, 2)?;
    let most = number(&list, 3).map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let times = subject.matches(from).take(most).count();
    charge((subject.len().saturating_add(times.saturating_mul(to.len()))) / CHARACTERS)?;
    Ok(CowVal::owned(CelString::from(subject.replacen(from, to, times))))
}

fn join<'b, 'v>(list: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let wrong = || failed("join", "no such overload");
    let between = if list.len() > 1 { text("join", &list, 1)? } else { "" };
    let mut items = list.first().and_then(|l| l.as_iterable()).ok_or_else(wrong)?.iter();
    let mut out = String::new();
    let mut first = true;
    while let Some(item) = items.next() {
        let item = item.downcast_ref::<CelString>().ok_or_else(wrong)?.inner();
        charge(1 + (item.len() + between.len()) / CHARACTERS)?;
        if !std::mem::take(&mut first) {
            out.push_str(between);
        }
        out.push_str(item);
    }
    Ok(CowVal::owned(CelString::from(out)))
}

/// The byte at which a character begins; the end of the text is one, too.
fn byte_of(text: &str, character: usize) -> Option<usize> {
    text.char_indices()
        .map(|(at, _)| at)
        .chain(std::iter::once(text.len()))
        .nth(character)
}

fn index_of<'b, 'v>(list: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (subject, wanted) = (text("indexOf", &list, 0)?, text("indexOf", &list, 1)?);
    let from = number(&list, 2).unwrap_or(0);
    let outside = || failed("indexOf", format!("index out of range: {from}"));
    let from = usize::try_from(from).map_err(|_| outside())?;
    let start = byte_of(subject, from).ok_or_else(outside)?;
    let at = subject[start..]
        .find(wanted)
        .map(|at| subject[..start + at].chars().count());
    Ok(found(at))
}

fn last_index_of<'b, 'v>(list: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (subject, wanted) = (text("lastIndexOf", &list, 0)?, text("lastIndexOf", &list, 1)?);
    let end = match number(&list, 2) {
        None => subject.len(),
        Some(from) => {
            let outside = || failed("lastIndexOf", format!("index out of range: {from}"));
            let from = usize::try_from(from).map_err(|_| outside())?;
            let start = byte_of(subject, from).ok_or_else(outside)?;
            // It may begin there, and end behind.
            (start.saturating_add(wanted.len())).min(subject.len())
        }
    };
    let end = subject.ceil_char_boundary(end);
    let at = subject[..end].rfind(wanted).map(|at| subject[..at].chars().count());
    Ok(found(at))
}

fn positions(list: &[CowVal<'_, '_>]) -> Result<Vec<usize>, ExecutionError> {
    let wrong = || failed("indexOf", "no such overload");
    let [all, wanted] = list else { return Err(wrong()) };
    let mut items = all.as_iterable().ok_or_else(wrong)?.iter();
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(item) = items.next() {
        if equal(item, wanted.as_ref())? {
            found.push(at);
        }
        at += 1;
    }
    Ok(found)
}

fn index_in<'b, 'v>(list: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    Ok(found(positions(&list)?.first().copied()))
}

fn last_index_in<'b, 'v>(list: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    Ok(found(positions(&list)?.last().copied()))
}
