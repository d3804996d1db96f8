//! Evaluation within a budget. The library's evaluator cannot be interrupted, so expressions are rewritten: whatever takes
//! time or memory that grows with the data calls a function of ours first, which charges for it and fails when nothing is
//! left. What is written out costs as much as the expression is long, which is bounded when it is compiled.

use std::cell::Cell;

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, ListExpr, LiteralValue};
use cel::common::types::{CelBool, CelInt, CelList, CelMap, CelString, DYN_TYPE, INT_TYPE, Kind};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, Env, ExecutionError};

use super::functions;
use super::value::overload;
use crate::schema::pattern::Budget;

/// The message of an evaluation that came to the end of its budget.
pub(crate) const EXCEEDED: &str = "operation cancelled: actual cost limit exceeded";

/// Characters that are looked at for one unit.
const CHARACTERS: usize = 64;
/// Units for one value that is copied.
const COPY: usize = 8;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(0) };
    static EMPTY: Cell<bool> = const { Cell::new(false) };
}

/// Runs an evaluation with a budget on this thread; says what is left of it, and nothing if it was not enough.
pub(crate) fn within<T>(units: u64, evaluate: impl FnOnce() -> T) -> (T, Option<u64>) {
    LEFT.set(units);
    EMPTY.set(false);
    let result = evaluate();
    (result, (!EMPTY.get()).then(|| LEFT.get()))
}

pub(crate) fn charge(units: usize) -> Result<(), ExecutionError> {
    match LEFT.get().checked_sub(units as u64) {
        Some(left) if !EMPTY.get() => {
            LEFT.set(left);
            Ok(())
        }
        _ => {
            EMPTY.set(true);
            Err(ExecutionError::function_error("@", EXCEEDED))
        }
    }
}

/// Gives a function the budget of this thread to spend from.
pub(crate) fn lend<T, E>(spend: impl FnOnce(&mut Budget) -> Result<T, E>) -> Result<T, ExecutionError> {
    let mut budget = Budget::new(LEFT.get());
    let result = spend(&mut budget);
    LEFT.set(budget.left());
    result.map_err(|_| {
        EMPTY.set(true);
        ExecutionError::function_error("@", EXCEEDED)
    })
}

/// Adds the functions that charge.
pub(crate) fn extend(env: &mut Env) -> Result<(), DeclarationError> {
    env.add_overload("@look", "look", vec![DYN_TYPE], look)?;
    env.add_overload("@copy", "copy", vec![DYN_TYPE], copy)?;
    env.add_overload("@range", "range", vec![DYN_TYPE, INT_TYPE], range)?;
    env.add_overload("@add", "add", vec![DYN_TYPE, DYN_TYPE], add)?;
    env.add_overload("@equal", "equal", vec![DYN_TYPE, DYN_TYPE], equals)?;
    env.add_overload("@within", "within", vec![DYN_TYPE, DYN_TYPE], contains)
}

/// The arguments of one of these functions. The evaluator gives as many as were declared.
fn arguments<'b, 'v, const N: usize>(list: Vec<CowVal<'b, 'v>>) -> Result<[CowVal<'b, 'v>; N], ExecutionError> {
    let actual = list.len();
    list.try_into()
        .map_err(|_| ExecutionError::invalid_argument_count(N, actual))
}

/// A value that is looked at once.
fn look<'b, 'v>(list: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [value] = arguments(list)?;
    charge(1 + text_length(value.as_ref()) / CHARACTERS)?;
    Ok(value)
}

/// A value that is put into another one.
fn copy<'b, 'v>(list: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [value] = arguments(list)?;
    weigh(value.as_ref(), COPY)?;
    Ok(value)
}

/// A range that is walked: so many steps for every item.
fn range<'b, 'v>(list: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [range, steps] = arguments(list)?;
    let steps = steps
        .downcast_ref::<CelInt>()
        .map_or(1, |n| usize::try_from(*n.inner()).unwrap_or(1));
    charge(length(range.as_ref()).saturating_mul(steps))?;
    // The items of lists that are in memory already are copied one by one.
    if let Some(made) = range.downcast_ref::<CelList>() {
        made.inner().iter().try_for_each(|item| weigh(item.as_ref(), 1))?;
    }
    Ok(range)
}

fn add<'b, 'v>(list: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [left, right] = arguments(list)?;
    for side in [&left, &right] {
        match side.get_type().kind() {
            Kind::List => weigh_items(side.as_ref())?,
            _ => charge(1 + text_length(side.as_ref()) / 8)?,
        }
    }
    let adder = left
        .as_adder()
        .ok_or_else(|| overload("_+_", &[left.as_ref(), right.as_ref()]))?;
    Ok(CowVal::Owned(adder.add(right.as_ref())?.into_owned()))
}

fn equals<'b, 'v>(list: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [left, right] = arguments(list)?;
    let equal = equal(left.as_ref(), right.as_ref())?;
    Ok(CowVal::owned(CelBool::from(equal)))
}

fn contains<'b, 'v>(list: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [item, all] = arguments(list)?;
    let wrong = || overload("@in", &[item.as_ref(), all.as_ref()]);
    if all.get_type().kind() != Kind::List {
        charge(1 + text_length(item.as_ref()) / CHARACTERS)?;
        let found = all.as_container().ok_or_else(wrong)?.contains(item.as_ref())?;
        return Ok(CowVal::owned(CelBool::from(found)));
    }
    let mut items = all.as_iterable().ok_or_else(wrong)?.iter();
    let mut found = false;
    while let (false, Some(other)) = (found, items.next()) {
        found = equal(other, item.as_ref())?;
    }
    Ok(CowVal::owned(CelBool::from(found)))
}

/// Whether two values are equal; lists and maps of all kinds are compared by what is in them.
pub(crate) fn equal(left: &dyn Val, right: &dyn Val) -> Result<bool, ExecutionError> {
    charge(1 + text_length(left).min(text_length(right)) / CHARACTERS)?;
    match (left.get_type().kind(), right.get_type().kind()) {
        (Kind::List, Kind::List) => {
            if length(left) != length(right) {
                return Ok(false);
            }
            let (Some(left), Some(right)) = (left.as_iterable(), right.as_iterable()) else {
                return Ok(false);
            };
            let (mut left, mut right) = (left.iter(), right.iter());
            while let (Some(a), Some(b)) = (left.next(), right.next()) {
                if !equal(a, b)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Kind::Map, Kind::Map) => {
            if length(left) != length(right) {
                return Ok(false);
            }
            let (Some(keys), Some(left), Some(right)) = (left.as_iterable(), left.as_indexer(), right.as_indexer())
            else {
                return Ok(false);
            };
            let mut keys = keys.iter();
            while let Some(key) = keys.next() {
                let (Ok(a), Ok(b)) = (left.get(key), right.get(key)) else {
                    return Ok(false);
                };
                if !equal(a.as_ref(), b.as_ref())? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(left.equals(right)),
    }
}

/// Charges for every value within a value.
fn weigh(value: &dyn Val, units: usize) -> Result<(), ExecutionError> {
    charge(units * (1 + text_length(value) / CHARACTERS))?;
    if let Some(list) = value.downcast_ref::<CelList>() {
        return list.inner().iter().try_for_each(|item| weigh(item.as_ref(), units));
    }
    if let Some(map) = value.downcast_ref::<CelMap>() {
        return map
            .inner()
            .values()
            .try_for_each(|item| weigh(item.as_ref(), 2 * units));
    }
    // Values of the object itself are not copied, only pointed at.
    Ok(())
}

/// Charges for a list whose items are copied into another one.
pub(crate) fn weigh_items(list: &dyn Val) -> Result<(), ExecutionError> {
    charge(length(list).saturating_mul(COPY))?;
    weigh(list, COPY)
}

fn length(value: &dyn Val) -> usize {
    value
        .as_sizer()
        .map_or(0, |s| usize::try_from(*s.size().inner()).unwrap_or(0))
}

fn text_length(value: &dyn Val) -> usize {
    value.downcast_ref::<CelString>().map_or(0, |text| text.inner().len())
}

/// An expression that charges for what it does.
pub(crate) fn metered(expr: IdedExpr) -> IdedExpr {
    let id = expr.id;
    let expr = match expr.expr {
        Expr::Call(call) => metered_call(call),
        Expr::List(list) => Expr::List(ListExpr {
            elements: list
                .elements
                .into_iter()
                .map(|e| charged("@copy", metered(e)))
                .collect(),
            optional_indices: list.optional_indices,
        }),
        Expr::Map(mut map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    entry.key = charged("@copy", metered(std::mem::take(&mut entry.key)));
                    entry.value = charged("@copy", metered(std::mem::take(&mut entry.value)));
                }
            }
            Expr::Map(map)
        }
        Expr::Select(mut select) => {
            select.operand = Box::new(metered(*select.operand));
            Expr::Select(select)
        }
        Expr::Comprehension(all) => Expr::Comprehension(Box::new(metered_comprehension(*all))),
        other => other,
    };
    IdedExpr { id, expr }
}

fn metered_comprehension(all: ComprehensionExpr) -> ComprehensionExpr {
    let steps = steps(&all.loop_cond) + steps(&all.loop_step);
    let steps = literal(LiteralValue::Int(i64::try_from(steps).unwrap_or(i64::MAX).into()));
    let empty = matches!(&all.iter_range.expr, Expr::List(list) if list.elements.is_empty());
    let range = metered(all.iter_range);
    ComprehensionExpr {
        iter_range: if empty {
            range
        } else {
            function("@range", vec![range, steps])
        },
        accu_init: charged("@copy", metered(all.accu_init)),
        loop_cond: metered(all.loop_cond),
        loop_step: metered(all.loop_step),
        result: metered(all.result),
        ..all
    }
}

fn metered_call(call: CallExpr) -> Expr {
    let CallExpr {
        func_name,
        target,
        args,
    } = call;
    let scalar = args.iter().any(|a| matches!(a.expr, Expr::Literal(_)));
    let appends = matches!(args.first(), Some(IdedExpr { expr: Expr::Ident(name), .. }) if name == "@result");
    let name = match func_name.as_str() {
        "_==_" | "_!=_" if !scalar => "@equal",
        "_+_" if !appends && !args.iter().any(is_number) => "@add",
        "@in" if !args.get(1).is_some_and(is_short) => "@within",
        "_&&_"
        | "_||_"
        | "_?_:_"
        | "!_"
        | "@not_strictly_false"
        | "-_"
        | "_-_"
        | "_*_"
        | "_/_"
        | "_%_"
        | "_?._"
        | "_==_"
        | "_!=_"
        | "_+_"
        | "@in" => {
            return Expr::Call(CallExpr {
                func_name,
                target,
                args: args.into_iter().map(metered).collect(),
            });
        }
        _ => return metered_function(func_name, target, args),
    };
    let negated = func_name == "_!=_";
    let call = function(name, args.into_iter().map(metered).collect());
    if negated {
        function("!_", vec![call]).expr
    } else {
        call.expr
    }
}

/// Functions of the library that ours replace.
const OURS: &[&str] = &["matches", "replace", "join", "indexOf", "lastIndexOf"];
/// Functions that put their arguments into something.
const KEEPING: &[&str] = &["of", "ofNonZeroValue", "or", "orValue", "value"];

fn metered_function(name: String, target: Option<Box<IdedExpr>>, args: Vec<IdedExpr>) -> Expr {
    let keeps = KEEPING.contains(&name.as_str());
    let argument = |a: IdedExpr| charged(if keeps { "@copy" } else { "@look" }, metered(a));
    if OURS.contains(&name.as_str()) {
        let all = target.map(|t| *t).into_iter().chain(args).map(argument).collect();
        return function(&format!("@{name}"), all).expr;
    }
    // In `optional.of(x)` the target is part of the name.
    let namespace = target.as_ref().is_some_and(|t| match &t.expr {
        Expr::Ident(space) => functions::overloads(&format!("{space}.{name}")).is_some(),
        _ => false,
    });
    Expr::Call(CallExpr {
        target: target.map(|t| if namespace { t } else { Box::new(argument(*t)) }),
        args: args.into_iter().map(argument).collect(),
        func_name: name,
    })
}

/// How many steps an expression takes, loops within it aside: they charge for themselves.
fn steps(expr: &IdedExpr) -> usize {
    1 + match &expr.expr {
        Expr::Call(call) => call.target.iter().map(|t| &**t).chain(&call.args).map(steps).sum(),
        Expr::List(list) => list.elements.iter().map(steps).sum(),
        Expr::Map(map) => map
            .entries
            .iter()
            .map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => steps(&entry.key) + steps(&entry.value),
                EntryExpr::StructField(field) => steps(&field.value),
            })
            .sum(),
        Expr::Select(select) => steps(&select.operand),
        Expr::Comprehension(all) => steps(&all.iter_range) + steps(&all.accu_init) + steps(&all.result),
        _ => 0,
    }
}

fn is_number(expr: &IdedExpr) -> bool {
    use LiteralValue::{Double, Int, UInt};
    matches!(expr.expr, Expr::Literal(Int(_) | UInt(_) | Double(_)))
}

/// A list of a few literals.
fn is_short(expr: &IdedExpr) -> bool {
    matches!(&expr.expr, Expr::List(list) if list.elements.iter().all(|e| matches!(e.expr, Expr::Literal(_))))
}

fn charged(function_name: &str, expr: IdedExpr) -> IdedExpr {
    if matches!(expr.expr, Expr::Literal(_)) {
        return expr;
    }
    function(function_name, vec![expr])
}

fn function(name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    IdedExpr {
        id: 0,
        expr: Expr::Call(CallExpr {
            func_name: name.to_owned(),
            target: None,
            args,
        }),
    }
}

fn literal(value: LiteralValue) -> IdedExpr {
    IdedExpr {
        id: 0,
        expr: Expr::Literal(value),
    }
}
