//! The Common Expression Language as Kubernetes uses it: reading expressions, checking their types and cost, and evaluating
//! them within a budget.

mod check;
mod cost;
pub(crate) mod decl;
mod functions;
pub(crate) mod meter;
mod strings;
mod types;
pub(crate) mod value;

use std::sync::{Arc, LazyLock};

use cel::common::ast::{EntryExpr, Expr, IdedExpr, SourceInfo};
use cel::common::types::CelOptional;
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, Env, ExecutionError};

use self::decl::Decl;
use self::types::Ty;
use crate::text::clip;

/// Characters of the longest expression.
const CHARACTERS: usize = 100_000;
/// Words and signs of the longest expression. Most of them may be on one path of the tree.
const TOKENS: usize = 5_000;
/// Levels of the deepest expression.
const DEPTH: usize = 250;
/// Levels that an evaluation may go on the stack of whoever asks for it.
const SHALLOW: usize = 20;
/// Stack for the reading, the evaluation and the end of a deep expression.
const STACK: usize = 256 << 20;

/// An expression that was read.
pub(crate) struct Parsed {
    expr: IdedExpr,
    info: SourceInfo,
    depth: usize,
}

/// What the user of an expression demands of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Rule,
    Message,
}

/// The result of checking an expression that may be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Estimate {
    /// Cost in the worst case.
    pub(crate) cost: u64,
    pub(crate) uses_old_self: bool,
}

/// An expression that charges for its evaluation.
pub(crate) struct Program {
    expr: IdedExpr,
    depth: usize,
}

/// The outcome of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    Bool(bool),
    Text(String),
    /// A value of another type.
    Other,
    /// The expression calls a function that this server does not have.
    Unknown(String),
    Failed(String),
}

fn environment() -> Arc<Env> {
    static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
        let mut env = Env::stdlib();
        let added = env
            .add_extension(cel::extensions::strings)
            .and_then(|()| meter::extend(&mut env))
            .and_then(|()| strings::extend(&mut env));
        added.expect("these functions have names of their own");
        Arc::new(env)
    });
    Arc::clone(&ENVIRONMENT)
}

/// Runs a function on a stack that is deep enough for deeply nested expressions.
pub(crate) fn on_a_deep_stack<T: Send>(what: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("rules".to_owned()).stack_size(STACK);
        let spawned = thread.spawn_scoped(scope, what);
        let ended = spawned.expect("a thread for a deep expression").join();
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Reads an expression. To be called on a deep stack.
pub(crate) fn parse(source: &str) -> Result<Parsed, String> {
    if source.chars().count() > CHARACTERS {
        return Err(format!(
            "expression code point size exceeds limit: size: {}, limit {CHARACTERS}",
            source.len()
        ));
    }
    if tokens(source) > TOKENS {
        return Err(format!("expression has more than {TOKENS} words and signs"));
    }
    let parser = environment().parser();
    let (expr, info) = parser
        .parse_with_source_info(source)
        .map_err(|errors| clip(errors.to_string(), 2 << 10))?;
    let depth = depth(&expr);
    if depth > DEPTH {
        return Err(format!(
            "ERROR: <input>:1:1: expression recursion limit exceeded: {DEPTH}"
        ));
    }
    Ok(Parsed { expr, info, depth })
}

/// Checks an expression against the place whose value is `self`; the error says what is wrong with it.
pub(crate) fn check(
    parsed: &Parsed,
    place: &Arc<Decl>,
    wanted: Wanted,
    optional_old: bool,
) -> Result<Estimate, String> {
    let checked = check::check(&parsed.expr, place, optional_old);
    if !checked.errors.is_empty() {
        let errors = checked
            .errors
            .iter()
            .take(10)
            .map(|(id, text)| located(&parsed.info, *id, text));
        let prefix = if wanted == Wanted::Message {
            "messageExpression "
        } else {
            ""
        };
        let errors = errors.collect::<Vec<_>>().join("\n");
        return Err(clip(format!("{prefix}compilation failed: {errors}"), 4 << 10));
    }
    match (wanted, &checked.ty) {
        (Wanted::Rule, Ty::Bool | Ty::Open) | (Wanted::Message, Ty::String | Ty::Open) => Ok(Estimate {
            cost: checked.cost,
            uses_old_self: checked.uses_old_self,
        }),
        (Wanted::Rule, _) => Err("cel expression must evaluate to a bool".to_owned()),
        (Wanted::Message, _) => Err("messageExpression must evaluate to a string".to_owned()),
    }
}

/// Makes an expression ready for evaluation.
pub(crate) fn program(parsed: Parsed) -> Program {
    Program {
        depth: parsed.depth,
        expr: meter::metered(parsed.expr),
    }
}

/// A value that may be absent.
pub(crate) fn optional<'v>(value: Option<Box<dyn Val + 'v>>) -> Box<dyn Val + 'v> {
    Box::new(value.map_or_else(CelOptional::none, CelOptional::of))
}

/// Whether an expression uses `oldSelf`, the state before the change.
pub(crate) fn uses_old_self(parsed: &Parsed) -> bool {
    parsed.expr.references().has_variable("oldSelf")
}

/// The values of `self` and `oldSelf`.
struct Variables<'v> {
    this: &'v (dyn Val + 'v),
    before: Option<&'v (dyn Val + 'v)>,
}

impl VariableResolver for Variables<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        match name {
            "self" => Some(CowVal::Borrowed(self.this)),
            "oldSelf" => self.before.map(CowVal::Borrowed),
            _ => None,
        }
    }
}

/// Evaluates an expression; says what is left of the budget, and nothing if it was not enough.
pub(crate) fn evaluate<'v>(
    program: &Program,
    this: &'v (dyn Val + 'v),
    before: Option<&'v (dyn Val + 'v)>,
    units: u64,
) -> (Outcome, Option<u64>) {
    let evaluate = || meter::within(units, || evaluate_here(program, this, before));
    if program.depth > SHALLOW {
        on_a_deep_stack(evaluate)
    } else {
        evaluate()
    }
}

fn evaluate_here<'v>(program: &Program, this: &'v (dyn Val + 'v), before: Option<&'v (dyn Val + 'v)>) -> Outcome {
    let variables = Variables { this, before };
    let mut context = Context::with_env(environment());
    context.set_variable_resolver(&variables);
    match cel::Value::resolve_val(&program.expr, &context) {
        Ok(value) => match cel::Value::try_from(value.as_ref()) {
            Ok(cel::Value::Bool(b)) => Outcome::Bool(b),
            Ok(cel::Value::String(text)) => Outcome::Text(text.to_string()),
            _ => Outcome::Other,
        },
        Err(ExecutionError::UndeclaredReference(name)) => Outcome::Unknown(name.to_string()),
        Err(error @ ExecutionError::NoSuchKey(_)) => {
            let text = error.to_string();
            Outcome::Failed(text.replacen("No such key", "no such key", 1))
        }
        Err(error) => Outcome::Failed(clip(error.to_string(), 1 << 10)),
    }
}

/// About how many words and signs an expression has; texts and comments aside.
fn tokens(source: &str) -> usize {
    let mut count = 0;
    let mut rest = source.chars().peekable();
    let mut word = false;
    while let Some(c) = rest.next() {
        if c.is_alphanumeric() || c == '_' {
            count += usize::from(!std::mem::replace(&mut word, true));
            continue;
        }
        word = false;
        match c {
            '"' | '\'' => {
                count += 1;
                // A quote that ends early leaves words behind, which count: the bound stays one.
                while let Some(inside) = rest.next() {
                    match inside {
                        '\\' => {
                            rest.next();
                        }
                        _ if inside == c => break,
                        _ => {}
                    }
                }
            }
            _ if c.is_whitespace() => {}
            _ => count += 1,
        }
    }
    count
}

fn depth(expr: &IdedExpr) -> usize {
    let most = |list: &mut dyn Iterator<Item = &IdedExpr>| list.map(depth).max().unwrap_or(0);
    1 + match &expr.expr {
        Expr::Call(call) => most(&mut call.target.iter().map(|t| &**t).chain(&call.args)),
        Expr::List(list) => most(&mut list.elements.iter()),
        Expr::Map(map) => {
            let entry = |entry: &cel::common::ast::IdedEntryExpr| match &entry.expr {
                EntryExpr::MapEntry(entry) => depth(&entry.key).max(depth(&entry.value)),
                EntryExpr::StructField(field) => depth(&field.value),
            };
            map.entries.iter().map(entry).max().unwrap_or(0)
        }
        Expr::Struct(of) => of.entries.len(),
        Expr::Select(select) => depth(&select.operand),
        Expr::Comprehension(all) => most(
            &mut [
                &all.iter_range,
                &all.accu_init,
                &all.loop_cond,
                &all.loop_step,
                &all.result,
            ]
            .into_iter(),
        ),
        _ => 0,
    }
}

/// A fault in the words of the real server's compiler: the place, the line and a pointer.
fn located(info: &SourceInfo, id: u64, text: &str) -> String {
    let start = info.offset_for(id).map_or(0, |(start, _)| start as usize);
    let before = info.source.chars().take(start).collect::<String>();
    let line = before.matches('\n').count();
    let last = before.rsplit_once('\n').map_or(before.as_str(), |(_, last)| last);
    let column = last.chars().count();
    // A fault at the end of the source may stand on a line that has no text.
    let source = info.source.lines().nth(line).unwrap_or("");
    let source = clip(source.to_owned(), 512);
    let dots = ".".repeat(column.min(512));
    format!(
        "ERROR: <input>:{}:{}: {text}\n | {source}\n | {dots}^",
        line + 1,
        column + 1
    )
}

#[cfg(test)]
mod tests;
