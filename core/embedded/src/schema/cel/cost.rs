//! Sizes and costs of expressions in the worst case, counted as the real server counts them.

use super::functions::Overload;
use super::types::Ty;

/// Cost of looking at one character.
const CHARACTER: f64 = 0.1;
/// Cost of one character of a regular expression, per character that it is applied to.
const EXPRESSION: f64 = 0.25;

/// A range of sizes: characters, items or members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) least: u64,
    pub(crate) most: u64,
}

impl Size {
    pub(crate) const UNKNOWN: Self = Self {
        least: 0,
        most: u64::MAX,
    };

    pub(crate) fn exactly(size: u64) -> Self {
        Self {
            least: size,
            most: size,
        }
    }

    pub(crate) fn up_to(most: u64) -> Self {
        Self { least: 0, most }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            least: self.least.min(other.least),
            most: self.most.max(other.most),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            least: self.least.saturating_add(other.least),
            most: self.most.saturating_add(other.most),
        }
    }

    fn times(self, other: Self) -> Self {
        Self {
            least: self.least.saturating_mul(other.least),
            most: self.most.saturating_mul(other.most),
        }
    }
}

/// What is known of an argument.
#[derive(Debug, Clone)]
pub(crate) struct Argument {
    pub(crate) ty: Ty,
    pub(crate) size: Size,
    /// The size of the items of a list, where it is known.
    pub(crate) items: Option<Size>,
    /// A number that is written out.
    pub(crate) number: Option<u64>,
}

/// What a call costs beside its arguments, and how large its result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) cost: u64,
    pub(crate) size: Option<Size>,
}

impl Call {
    fn costing(cost: u64) -> Self {
        Self { cost, size: None }
    }

    fn making(cost: u64, size: Size) -> Self {
        Self { cost, size: Some(size) }
    }
}

/// A size times a factor, rounded up.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate, never negative"
)]
fn scaled(size: u64, factor: f64) -> u64 {
    (size as f64 * factor).ceil() as u64
}

/// What one way to call a function costs. The first argument of a member function is what it is called on.
pub(crate) fn call(name: &str, overload: &Overload, arguments: &[Argument]) -> Call {
    let size = |n: usize| arguments.get(n).map_or(Size::exactly(0), |a| a.size);
    let of_list = overload.arguments.first().is_some_and(|a| matches!(a, Ty::List(_)));
    let of_text = |n: usize| matches!(overload.arguments.get(n), Some(Ty::String | Ty::Bytes));
    let first = size(0);
    match name {
        "_==_" | "_!=_" => Call::costing(scaled(first.most.min(size(1).most), CHARACTER)),
        "_<_" | "_<=_" | "_>_" | "_>=_" if of_text(0) => Call::costing(scaled(first.most.min(size(1).most), CHARACTER)),
        "_+_" if of_list => Call::making(1, first.plus(size(1))),
        "_+_" if of_text(0) => {
            let sum = first.plus(size(1));
            Call::making(scaled(sum.most, CHARACTER), sum)
        }
        "@in" if matches!(overload.arguments.get(1), Some(Ty::List(_))) => Call::costing(size(1).most),
        "startsWith" | "endsWith" => Call::costing(scaled(size(1).most, CHARACTER)),
        "contains" => Call::costing(scaled(first.most, CHARACTER).saturating_mul(scaled(size(1).most, CHARACTER))),
        "matches" | "find" | "findAll" => {
            let text = scaled(first.most.saturating_add(1), CHARACTER);
            let cost = text.saturating_mul(scaled(size(1).most, EXPRESSION));
            if name == "matches" {
                Call::costing(cost)
            } else {
                Call::making(cost, Size::up_to(first.most))
            }
        }
        "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => Call::costing(traversed(arguments)),
        "lowerAscii" | "upperAscii" | "substring" | "trim" | "url" => {
            Call::making(scaled(first.most, CHARACTER), first)
        }
        "replace" => Call::making(scaled(first.most, 2.0 * CHARACTER), replaced(first, size(1), size(2))),
        "split" => {
            let most = arguments.get(2).and_then(|a| a.number).unwrap_or(first.most);
            Call::making(scaled(first.most, 2.0 * CHARACTER), Size::up_to(most))
        }
        "join" => {
            let joined = joined(arguments);
            Call::making(scaled(joined.most, CHARACTER), joined)
        }
        "format" => Call::costing(scaled(first.most, CHARACTER)),
        "bytes" if of_text(0) => Call::making(
            scaled(first.most, CHARACTER),
            Size {
                least: first.least,
                most: first.most.saturating_mul(4),
            },
        ),
        "string" if matches!(overload.arguments.first(), Some(Ty::Bytes)) => Call::making(
            scaled(first.most, CHARACTER),
            Size {
                least: first.least / 4,
                most: first.most,
            },
        ),
        "strings.quote" => Call::making(
            scaled(first.most, CHARACTER),
            Size::exactly(2).plus(first.times(Size { least: 1, most: 2 })),
        ),
        "cidr" | "isIP" | "isCIDR" | "quantity" | "isQuantity" | "semver" | "isSemver" => {
            Call::costing(scaled(first.most, CHARACTER))
        }
        "ip" if of_text(0) => Call::costing(scaled(first.most, CHARACTER)),
        "ip.isCanonical" => Call::costing(scaled(first.most, 2.0 * CHARACTER)),
        "containsIP" => Call::costing(4 + if of_text(1) { scaled(size(1).most, CHARACTER) } else { 0 }),
        "containsCIDR" => Call::costing(7 + if of_text(1) { scaled(size(1).most, CHARACTER) } else { 0 }),
        "validate" => Call::costing(scaled(scaled(size(1).most, CHARACTER), 128.0 * EXPRESSION)),
        _ => Call::costing(1),
    }
}

/// The cost of looking at every item of a list, or at every character of a text.
fn traversed(arguments: &[Argument]) -> u64 {
    let Some(target) = arguments.first() else { return 1 };
    let Ty::List(items) = &target.ty else {
        return scaled(target.size.most, CHARACTER);
    };
    let each = match **items {
        Ty::String | Ty::Bytes => 1 + scaled(target.items.unwrap_or(Size::UNKNOWN).most, CHARACTER),
        _ => 1,
    };
    target.size.most.saturating_mul(each)
}

/// The size of a text in which every `from` has become a `to`.
fn replaced(text: Size, from: Size, to: Size) -> Size {
    let most = if from.least == 0 {
        text.most
            .saturating_add(1)
            .saturating_mul(to.most)
            .saturating_add(text.most)
    } else if to.most <= from.least {
        text.most
    } else {
        text.most.div_ceil(from.least).saturating_mul(to.most)
    };
    let least = if from.most == 0 {
        text.least
            .saturating_add(1)
            .saturating_mul(to.least)
            .saturating_add(text.least)
    } else if from.most <= to.least {
        text.least
    } else {
        text.least.div_ceil(from.most).saturating_mul(to.least)
    };
    Size { least, most }
}

fn joined(arguments: &[Argument]) -> Size {
    let Some(list) = arguments.first() else {
        return Size::UNKNOWN;
    };
    let texts = list.size.times(list.items.unwrap_or(Size::UNKNOWN));
    let gaps = Size {
        least: list.size.least.saturating_sub(1),
        most: list.size.most.saturating_sub(1),
    };
    let between = arguments.get(1).map_or(Size::exactly(0), |a| a.size.times(gaps));
    texts.plus(between)
}

#[cfg(test)]
mod tests {
    use super::super::functions::overloads;
    use super::*;

    fn text(most: u64) -> Argument {
        Argument {
            ty: Ty::String,
            size: Size::up_to(most),
            items: None,
            number: None,
        }
    }

    fn cost(name: &str, arguments: &[Argument]) -> Call {
        let overload = overloads(name)
            .unwrap()
            .iter()
            .find(|o| o.arguments.len() == arguments.len());
        call(name, overload.unwrap(), arguments)
    }

    #[test]
    fn costs_are_those_of_the_real_server() {
        // Found by hand from its rules: a tenth per character, a quarter per character of an expression.
        assert_eq!(cost("startsWith", &[text(1000), text(10)]).cost, 1);
        assert_eq!(cost("contains", &[text(1000), text(100)]).cost, 1000);
        assert_eq!(cost("matches", &[text(999), text(40)]).cost, 1000);
        assert_eq!(cost("lowerAscii", &[text(1000)]), Call::making(100, Size::up_to(1000)));
        assert_eq!(
            cost("replace", &[text(10), text(2), text(3)]).size,
            Some(Size::up_to(43))
        );
        assert_eq!(cost("isIP", &[text(u64::MAX)]).cost, scaled(u64::MAX, CHARACTER));
        assert_eq!(cost("_-_", &[text(0), text(0)]).cost, 1);
    }
}
