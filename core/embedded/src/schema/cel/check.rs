//! Finding the type of an expression, what is wrong with it, and what it costs in the worst case; all in one walk.

use std::sync::Arc;

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, ListExpr, LiteralValue, MapExpr, SelectExpr,
};

use super::cost::{self, Argument, Size};
use super::decl::{Decl, ValueType};
use super::functions;
use super::types::Ty;
use crate::schema::pattern::Pattern;

/// The accumulator of the macros.
const ACCUMULATOR: &str = "@result";
/// Macros with two variables. The evaluation does not know them, so they stay calls.
const TWO_VARIABLES: &[&str] = &[
    "all",
    "exists",
    "existsOne",
    "exists_one",
    "transformList",
    "transformMap",
    "transformMapEntry",
];

/// What an expression is found to be.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) ty: Ty,
    /// Cost in the worst case.
    pub(crate) cost: u64,
    pub(crate) uses_old_self: bool,
    /// What is wrong, with the node it is wrong at.
    pub(crate) errors: Vec<(u64, String)>,
}

/// Checks an expression over `self` and, if it may compare with the state before, `oldSelf`.
pub(crate) fn check(expr: &IdedExpr, decl: &Arc<Decl>, optional_old: bool) -> Checked {
    let mut checker = Checker {
        root: Arc::clone(decl),
        optional_old,
        scopes: Vec::new(),
        errors: Vec::new(),
        uses_old_self: false,
    };
    let node = checker.visit(expr);
    Checked {
        ty: node.ty,
        cost: node.cost,
        uses_old_self: checker.uses_old_self,
        errors: checker.errors,
    }
}

/// What checking finds out about an expression.
#[derive(Debug, Clone)]
struct Node {
    ty: Ty,
    /// Its place in the schema, which knows its size.
    place: Option<Arc<Decl>>,
    /// Its size, where the expression itself tells it.
    size: Option<Size>,
    /// The size of its keys and values.
    entries: Option<(Size, Size)>,
    cost: u64,
    number: Option<u64>,
}

impl Node {
    fn new(ty: Ty, cost: u64) -> Self {
        Self {
            ty,
            place: None,
            size: None,
            entries: None,
            cost,
            number: None,
        }
    }

    /// The result of an expression in which something is wrong.
    fn open(cost: u64) -> Self {
        Self::new(Ty::Open, cost)
    }

    fn at(place: &Arc<Decl>, cost: u64) -> Self {
        Self {
            place: Some(Arc::clone(place)),
            ..Self::new(Ty::of(place), cost)
        }
    }

    fn known_size(&self) -> Option<Size> {
        self.size
            .or_else(|| self.place.as_ref().map(|place| Size::up_to(place.most)))
            .or_else(|| self.ty.is_scalar().then(|| Size::exactly(1)))
    }

    fn size(&self) -> Size {
        self.known_size().unwrap_or(Size::UNKNOWN)
    }

    /// The type of its items or values.
    fn inside(&self) -> Option<&Arc<Decl>> {
        match &self.place.as_ref()?.kind {
            ValueType::List(items) | ValueType::Map(items) => Some(items),
            _ => None,
        }
    }

    fn argument(&self) -> Argument {
        Argument {
            ty: self.ty.clone(),
            size: self.size(),
            // The real server knows the size of items from the schema only.
            items: self.inside().map(|place| Size::up_to(place.most)),
            number: self.number,
        }
    }
}

/// A variable that a macro declares.
struct Local {
    name: String,
    node: Node,
}

struct Checker {
    root: Arc<Decl>,
    optional_old: bool,
    scopes: Vec<Local>,
    errors: Vec<(u64, String)>,
    uses_old_self: bool,
}

impl Checker {
    fn wrong(&mut self, id: u64, text: String) {
        self.errors.push((id, text));
    }

    fn visit(&mut self, expr: &IdedExpr) -> Node {
        match &expr.expr {
            Expr::Unspecified => Node::open(0),
            Expr::Literal(literal) => literal_node(literal),
            Expr::Ident(name) => self.ident(expr.id, name),
            Expr::Select(select) => self.select(expr.id, select),
            Expr::Call(call) => self.call(expr.id, call),
            Expr::List(list) => self.list(expr.id, list),
            Expr::Map(map) => self.map(expr.id, map),
            Expr::Struct(of) => {
                self.wrong(
                    expr.id,
                    format!("undeclared reference to '{}' (in container '')", of.type_name),
                );
                Node::open(40)
            }
            Expr::Comprehension(comprehension) => self.comprehension(expr.id, comprehension),
        }
    }

    fn ident(&mut self, id: u64, name: &str) -> Node {
        if let Some(local) = self.scopes.iter().rev().find(|local| local.name == name) {
            return Node {
                cost: 1,
                ..local.node.clone()
            };
        }
        match name.trim_start_matches('.') {
            "self" => Node::at(&self.root, 1),
            "oldSelf" => {
                self.uses_old_self = true;
                let node = Node::at(&self.root, 1);
                if self.optional_old {
                    // The real server looks sizes up by name, whether optional or not.
                    return Node {
                        ty: Ty::optional(node.ty.clone()),
                        ..node
                    };
                }
                node
            }
            "int" | "uint" | "double" | "bool" | "string" | "bytes" | "list" | "map" | "null_type" | "type" => {
                Node {
                    ty: Ty::Type,
                    // The real server looks sizes up by name, and any name but a variable's leads to the root.
                    ..Node::at(&self.root, 1)
                }
            }
            _ => {
                self.wrong(id, format!("undeclared reference to '{name}' (in container '')"));
                Node::open(1)
            }
        }
    }

    fn select(&mut self, id: u64, select: &SelectExpr) -> Node {
        if let Some(name) = qualified(&select.operand, &select.field)
            && is_type_name(&name)
            && !self.is_variable(&select.operand)
        {
            return Node::new(Ty::Type, 1);
        }
        let operand = self.visit(&select.operand);
        let mut node = self.field(id, &operand, &select.field);
        if select.test {
            return Node::new(Ty::Bool, operand.cost);
        }
        let counted = matches!(operand.ty, Ty::Map(..) | Ty::Object(_) | Ty::Open);
        node.cost = operand.cost.saturating_add(u64::from(counted));
        node
    }

    /// Whether an expression begins with a variable.
    fn is_variable(&self, expr: &IdedExpr) -> bool {
        let mut at = expr;
        while let Expr::Select(select) = &at.expr {
            at = &select.operand;
        }
        match &at.expr {
            Expr::Ident(name) => {
                matches!(name.as_str(), "self" | "oldSelf") || self.scopes.iter().any(|local| local.name == *name)
            }
            _ => true,
        }
    }

    /// A member of a value.
    fn field(&mut self, id: u64, operand: &Node, field: &str) -> Node {
        match &operand.ty {
            Ty::Object(of) => {
                let ValueType::Object(fields) = &of.kind else {
                    return Node::open(0);
                };
                if let Some(place) = fields.get(field) {
                    return Node::at(place, 0);
                }
                self.wrong(id, format!("undefined field '{field}'"));
                Node::open(0)
            }
            Ty::Map(_, values) => match operand.inside() {
                Some(place) => Node::at(place, 0),
                None => Node::new((**values).clone(), 0),
            },
            Ty::Dyn | Ty::Open => Node::new(operand.ty.clone(), 0),
            Ty::Optional(value) => {
                let inner = Node {
                    ty: (**value).clone(),
                    ..operand.clone()
                };
                let found = self.field(id, &inner, field);
                Node {
                    ty: Ty::optional(found.ty.clone()),
                    ..found
                }
            }
            other => {
                self.wrong(id, format!("type '{other}' does not support field selection"));
                Node::open(0)
            }
        }
    }

    fn list(&mut self, id: u64, list: &ListExpr) -> Node {
        let mut items = Ty::Open;
        let mut size: Option<Size> = None;
        let mut cost = 10u64;
        for element in &list.elements {
            let node = self.visit(element);
            cost = cost.saturating_add(node.cost);
            size = Some(size.map_or(node.size(), |s| s.or(node.size())));
            items = self.one_type(id, &items, &node.ty);
        }
        Node {
            size: Some(Size::exactly(list.elements.len() as u64)),
            entries: Some((Size::exactly(1), size.unwrap_or(Size::exactly(0)))),
            ..Node::new(Ty::list(items), cost)
        }
    }

    /// The items of a list that is written out are of one type.
    fn one_type(&mut self, id: u64, before: &Ty, next: &Ty) -> Ty {
        if let Some(joined) = before.join(next) {
            return joined;
        }
        self.wrong(id, format!("expected type '{before}' but found '{next}'"));
        before.clone()
    }

    fn map(&mut self, id: u64, map: &MapExpr) -> Node {
        let (mut keys, mut values) = (Ty::Open, Ty::Open);
        let mut sizes: Option<(Size, Size)> = None;
        let mut cost = 30u64;
        for entry in &map.entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else {
                continue;
            };
            let (key, value) = (self.visit(&entry.key), self.visit(&entry.value));
            cost = cost.saturating_add(key.cost).saturating_add(value.cost);
            sizes = Some(match sizes {
                None => (key.size(), value.size()),
                Some((k, v)) => (k.or(key.size()), v.or(value.size())),
            });
            keys = self.one_type(id, &keys, &key.ty);
            values = self.one_type(id, &values, &value.ty);
        }
        let ty = Ty::Map(Arc::new(keys), Arc::new(values));
        Node {
            size: Some(Size::exactly(map.entries.len() as u64)),
            entries: Some(sizes.unwrap_or((Size::exactly(0), Size::exactly(0)))),
            ..Node::new(ty, cost)
        }
    }

    fn call(&mut self, id: u64, call: &CallExpr) -> Node {
        if call.func_name == "dyn" && call.target.is_none() && call.args.len() == 1 {
            let node = self.visit(&call.args[0]);
            return Node {
                ty: Ty::Dyn,
                cost: node.cost.saturating_add(1),
                ..node
            };
        }
        if call.func_name == "_?._" && call.args.len() == 2 {
            return self.optional_select(id, call);
        }
        if let Some(target) = &call.target {
            let qualified = qualified(target, &call.func_name);
            let qualified = qualified.filter(|name| functions::overloads(name).is_some() && !self.is_variable(target));
            if let Some(name) = qualified {
                let arguments = call.args.iter().map(|a| self.visit(a)).collect::<Vec<_>>();
                return self.function(id, &name, false, &arguments, &call.args);
            }
            if TWO_VARIABLES.contains(&call.func_name.as_str()) && call.args.len() >= 3 {
                return self.two_variables(id, call, target);
            }
            if call.func_name == "sortBy" && call.args.len() == 2 {
                return self.sort_by(call, target);
            }
        }
        let all = call.target.iter().map(|t| &**t).chain(&call.args).collect::<Vec<_>>();
        let arguments = all.iter().map(|a| self.visit(a)).collect::<Vec<_>>();
        self.function(id, &call.func_name, call.target.is_some(), &arguments, &call.args)
    }

    /// Checks an optional member, as in `a.?b`.
    fn optional_select(&mut self, id: u64, call: &CallExpr) -> Node {
        let operand = self.visit(&call.args[0]);
        let Expr::Literal(LiteralValue::String(name)) = &call.args[1].expr else {
            return Node::open(operand.cost.saturating_add(1));
        };
        let found = self.field(id, &operand, name.inner());
        Node::new(Ty::optional(found.ty), operand.cost.saturating_add(1))
    }

    fn two_variables(&mut self, id: u64, call: &CallExpr, target: &IdedExpr) -> Node {
        let range = self.visit(target);
        let (key, value) = self.variables(id, &range, true);
        let mut pushed = 0;
        for (argument, node) in call.args.iter().zip([key, value.unwrap_or_else(|| Node::open(1))]) {
            match &argument.expr {
                Expr::Ident(name) => {
                    self.scopes.push(Local {
                        name: name.clone(),
                        node,
                    });
                    pushed += 1;
                }
                _ => self.wrong(argument.id, "argument must be a simple name".to_owned()),
            }
        }
        let body = call.args[2..].iter().map(|a| self.visit(a)).collect::<Vec<_>>();
        self.scopes.truncate(self.scopes.len() - pushed);
        let step = body.iter().fold(3u64, |sum, node| sum.saturating_add(node.cost));
        let cost = range.cost.saturating_add(range.size().most.saturating_mul(step));
        let last = body.last().map_or(Ty::Open, |node| node.ty.clone());
        let ty = match call.func_name.as_str() {
            "transformList" => Ty::list(last),
            "transformMap" => Ty::Map(Arc::new(Ty::Open), Arc::new(last)),
            "transformMapEntry" => last,
            _ => Ty::Bool,
        };
        Node {
            size: Some(range.size()),
            ..Node::new(ty, cost)
        }
    }

    fn sort_by(&mut self, call: &CallExpr, target: &IdedExpr) -> Node {
        let range = self.visit(target);
        let (item, _) = self.variables(target.id, &range, false);
        let name = match &call.args[0].expr {
            Expr::Ident(name) => name.clone(),
            _ => String::new(),
        };
        self.scopes.push(Local { name, node: item });
        let key = self.visit(&call.args[1]);
        self.scopes.pop();
        let cost = range.size().most.saturating_mul(key.cost.saturating_add(2));
        Node {
            cost: range.cost.saturating_add(cost),
            ..range
        }
    }

    /// A call of a function that is found by its name and the types of its arguments.
    fn function(&mut self, id: u64, name: &str, member: bool, arguments: &[Node], written: &[IdedExpr]) -> Node {
        let known = functions::overloads(name).map(|all| all.iter().filter(|o| o.member == member).collect::<Vec<_>>());
        let spent = argument_cost(name, arguments);
        let Some(overloads) = known.filter(|all| !all.is_empty()) else {
            self.wrong(id, format!("undeclared reference to '{name}' (in container '')"));
            return Node::open(spent);
        };
        let types = arguments.iter().map(|a| &a.ty).collect::<Vec<_>>();
        let fitting = overloads
            .into_iter()
            .filter_map(|overload| Some((overload, functions::result(overload, &types)?)))
            .collect::<Vec<_>>();
        if fitting.is_empty() {
            self.no_overload(id, name, member, arguments);
            return Node::open(spent);
        }
        self.literals(name, written);
        let mut node = Node::open(0);
        node.ty = functions::one_result(&fitting);
        let given = arguments.iter().map(Node::argument).collect::<Vec<_>>();
        let (mut own, mut size) = (0, None::<Size>);
        for (overload, _) in &fitting {
            let call = cost::call(name, overload, &given);
            own = call.cost.max(own);
            size = match (size, call.size) {
                (Some(a), Some(b)) => Some(a.or(b)),
                (a, b) => a.or(b),
            };
        }
        node.size = size;
        match name {
            "_[_]" => {
                node.place = arguments[0].inside().cloned();
                node.size = arguments[0].entries.map(|(_, values)| values);
            }
            "_?_:_" => {
                node.size = Some(arguments[1].size().or(arguments[2].size()));
                node.entries = both(arguments[1].entries, arguments[2].entries);
                own = 0;
            }
            "_+_" => node.entries = both(arguments[0].entries, arguments[1].entries),
            "_&&_" | "_||_" => own = 0,
            _ => {}
        }
        node.cost = spent.saturating_add(own);
        node
    }

    fn no_overload(&mut self, id: u64, name: &str, member: bool, arguments: &[Node]) {
        let types = arguments.iter().map(|a| a.ty.to_string()).collect::<Vec<_>>();
        let shown = match types.split_first() {
            Some((target, rest)) if member => format!("{target}.({})", rest.join(", ")),
            _ => format!("({})", types.join(", ")),
        };
        self.wrong(
            id,
            format!("found no matching overload for '{name}' applied to '{shown}'"),
        );
    }

    /// Looks at arguments that are written out.
    fn literals(&mut self, name: &str, written: &[IdedExpr]) {
        if name == "matches"
            && let Some(last) = written.last()
            && let Expr::Literal(LiteralValue::String(text)) = &last.expr
            && Pattern::parse(text.inner()).is_err()
        {
            self.wrong(last.id, "invalid matches argument".to_owned());
        }
    }

    /// The variables that a macro walks a range with: the item of a list or the key of a map, and the value if there are two.
    fn variables(&mut self, id: u64, range: &Node, two: bool) -> (Node, Option<Node>) {
        let place = range.inside();
        let item = |ty: &Ty| match place {
            Some(place) => Node::at(place, 1),
            None => Node {
                size: range.entries.map(|(_, values)| values),
                ..Node::new(ty.clone(), 1)
            },
        };
        match &range.ty {
            Ty::List(items) if two => (Node::new(Ty::Int, 1), Some(item(items))),
            Ty::List(items) => (item(items), None),
            Ty::Map(keys, values) => {
                let key = Node {
                    // The real server takes the keys of a map for short.
                    size: if place.is_some() {
                        Some(Size::exactly(0))
                    } else {
                        range.entries.map(|(keys, _)| keys)
                    },
                    ..Node::new((**keys).clone(), 1)
                };
                (key, two.then(|| item(values)))
            }
            Ty::Dyn | Ty::Open => (Node::new(range.ty.clone(), 1), Some(Node::new(range.ty.clone(), 1))),
            other => {
                self.wrong(
                    id,
                    format!("expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"),
                );
                (Node::open(1), Some(Node::open(1)))
            }
        }
    }

    fn comprehension(&mut self, id: u64, all: &ComprehensionExpr) -> Node {
        let range = self.visit(&all.iter_range);
        let start = self.visit(&all.accu_init);
        let before = range.cost.saturating_add(start.cost);
        if is_binding(all) {
            self.scopes.push(Local {
                name: all.accu_var.clone(),
                node: start,
            });
            let mut result = self.visit(&all.result);
            self.scopes.pop();
            result.cost = result.cost.saturating_add(before);
            return result;
        }
        let (item, _) = self.variables(id, &range, false);
        self.scopes.push(Local {
            name: all.accu_var.clone(),
            node: start.clone(),
        });
        self.scopes.push(Local {
            name: all.iter_var.clone(),
            node: item,
        });
        let condition = self.visit(&all.loop_cond);
        let step = self.visit(&all.loop_step);
        self.scopes.pop();
        if let Some(accumulator) = self.scopes.last_mut() {
            accumulator.node.ty = start.ty.join(&step.ty).unwrap_or(Ty::Open);
        }
        let result = self.visit(&all.result);
        self.scopes.pop();
        let rounds = range
            .size()
            .most
            .saturating_mul(condition.cost.saturating_add(step.cost));
        let mut node = Node::new(result.ty, before.saturating_add(result.cost).saturating_add(rounds));
        match &all.accu_init.expr {
            Expr::Literal(_) => node.size = start.known_size(),
            Expr::List(_) | Expr::Map(_) => {
                node.size = Some(range.size());
                node.entries = step.entries;
            }
            _ => {}
        }
        node
    }
}

/// Whether this only gives a value a name.
fn is_binding(all: &ComprehensionExpr) -> bool {
    let nothing = matches!(&all.iter_range.expr, Expr::List(list) if list.elements.is_empty());
    let never = matches!(&all.loop_cond.expr, Expr::Literal(LiteralValue::Boolean(b)) if !*b.inner());
    nothing && never && all.accu_var != ACCUMULATOR
}

fn literal_node(literal: &LiteralValue) -> Node {
    let (ty, size, number) = match literal {
        LiteralValue::Boolean(_) => (Ty::Bool, 1, None),
        LiteralValue::Bytes(bytes) => (Ty::Bytes, bytes.inner().len(), None),
        LiteralValue::Double(_) => (Ty::Double, 1, None),
        LiteralValue::Int(n) => (Ty::Int, 1, u64::try_from(*n.inner()).ok()),
        LiteralValue::Null => (Ty::Null, 1, None),
        LiteralValue::String(text) => (Ty::String, text.inner().chars().count(), None),
        LiteralValue::UInt(_) => (Ty::Uint, 1, None),
    };
    Node {
        size: Some(Size::exactly(size as u64)),
        number,
        ..Node::new(ty, 0)
    }
}

/// What the arguments of a call cost; only one branch of a conditional is taken.
fn argument_cost(name: &str, arguments: &[Node]) -> u64 {
    match (name, arguments) {
        ("_?_:_", [condition, yes, no]) => condition.cost.saturating_add(yes.cost.max(no.cost)),
        _ => arguments.iter().fold(0, |sum, node| sum.saturating_add(node.cost)),
    }
}

fn both(a: Option<(Size, Size)>, b: Option<(Size, Size)>) -> Option<(Size, Size)> {
    let ((ka, va), (kb, vb)) = (a?, b?);
    Some((ka.or(kb), va.or(vb)))
}

/// The dotted name that an expression and a member spell.
fn qualified(operand: &IdedExpr, last: &str) -> Option<String> {
    match &operand.expr {
        Expr::Ident(name) => Some(format!("{name}.{last}")),
        Expr::Select(select) if !select.test => Some(format!("{}.{last}", qualified(&select.operand, &select.field)?)),
        _ => None,
    }
}

fn is_type_name(name: &str) -> bool {
    matches!(
        name,
        "google.protobuf.Timestamp"
            | "google.protobuf.Duration"
            | "net.IP"
            | "net.CIDR"
            | "kubernetes.URL"
            | "kubernetes.Quantity"
            | "kubernetes.Semver"
            | "kubernetes.NamedFormat"
    )
}
