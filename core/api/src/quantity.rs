//! Amounts of resources: what a Kubernetes quantity such as `500m` or `16Gi` is worth, how amounts add up, and how a sum is
//! written.
//!
//! An amount is a whole number of billionths, like in Kubernetes itself. It goes as far as Kubernetes takes binary amounts
//! (2^63 - 1); what is more counts as that.

use std::{cmp::Ordering, fmt};

use crate::v1alpha1::wire::Quantity;

/// Billionths of one.
const NANO: i128 = 1_000_000_000;
/// The largest amount, in billionths.
const MAX: i128 = i64::MAX as i128 * NANO;

/// How an amount is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notation {
    /// `12e6`
    Exponent,
    /// `12M`
    Decimal,
    /// `12Mi`
    Binary,
}

/// The worth of a quantity. It is compared by that, and written in the notation that it was read in.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    nano: i128,
    notation: Notation,
}

/// A text that is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$', and {text:?} does not"
)]
pub struct NoQuantity {
    /// The text.
    pub text: String,
}

impl Amount {
    /// Nothing; it takes the notation of what is added to it.
    pub const ZERO: Self = Self {
        nano: 0,
        notation: Notation::Decimal,
    };

    /// A whole number, such as of processor cores.
    pub fn whole(number: i64) -> Self {
        Self {
            nano: i128::from(number) * NANO,
            notation: Notation::Decimal,
        }
    }

    /// How many whole units it is, such as bytes; what is more of one does not count.
    pub fn units(self) -> i64 {
        i64::try_from(self.nano / NANO).unwrap_or(i64::MAX)
    }

    /// Reads a quantity.
    pub fn parse(text: &str) -> Result<Self, NoQuantity> {
        read(text.trim()).ok_or_else(|| NoQuantity { text: text.to_owned() })
    }

    /// Whether it is nothing.
    pub fn is_zero(self) -> bool {
        self.nano == 0
    }

    /// The sum, in the notation of the first of the two that is not nothing.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            nano: (self.nano + other.nano).clamp(-MAX, MAX),
            notation: if self.is_zero() { other.notation } else { self.notation },
        }
    }

    /// How many percent of another amount it is, rounded down. Of nothing it is all.
    pub fn percent_of(self, whole: Self) -> i128 {
        self.nano.saturating_mul(100).checked_div(whole.nano).unwrap_or(100)
    }

    /// So many of it together.
    #[must_use]
    pub fn times(self, count: i32) -> Self {
        Self {
            nano: self.nano.saturating_mul(i128::from(count)).clamp(-MAX, MAX),
            ..self
        }
    }
}

impl TryFrom<&Quantity> for Amount {
    type Error = NoQuantity;

    fn try_from(quantity: &Quantity) -> Result<Self, NoQuantity> {
        Self::parse(&quantity.0)
    }
}

impl PartialEq for Amount {
    fn eq(&self, other: &Self) -> bool {
        self.nano == other.nano
    }
}

impl Eq for Amount {}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Amount {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nano.cmp(&other.nano)
    }
}

/// The canonical text: no fraction, and the largest suffix that leaves a whole number.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.nano / NANO;
        // Small amounts and fractions are never written in powers of 1024.
        if self.notation == Notation::Binary && self.nano % NANO == 0 && whole.abs() >= 1024 {
            let (number, power) = without_factors(whole, 1024, 6);
            return write!(f, "{number}{}", BINARY[power]);
        }
        let (number, power) = without_factors(self.nano, 1000, 9);
        if self.notation == Notation::Exponent {
            // Powers of a thousand are counted from billionths on, so the third of them is one.
            let exponent = match self.nano {
                0 => 0,
                _ => 3 * i32::try_from(power).map_err(|_| fmt::Error)? - 9,
            };
            return match exponent {
                0 => write!(f, "{number}"),
                exponent => write!(f, "{number}e{exponent}"),
            };
        }
        let suffix = if self.nano == 0 { "" } else { DECIMAL[power] };
        write!(f, "{number}{suffix}")
    }
}

/// Suffixes of the powers of 1024.
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
/// Suffixes of the powers of 1000, from billionths on.
const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];

/// Takes factors out of a number as long as it stays whole; tells how many.
fn without_factors(mut number: i128, factor: i128, most: usize) -> (i128, usize) {
    let mut taken = 0;
    while taken < most && number != 0 && number % factor == 0 {
        number /= factor;
        taken += 1;
    }
    (number, taken)
}

fn read(text: &str) -> Option<Amount> {
    let (negative, text) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, suffix) = text.split_at(end.unwrap_or(text.len()));
    let (before, after) = number.split_once('.').unwrap_or((number, ""));
    if before.len() + after.len() == 0 || after.contains('.') {
        return None;
    }
    let (scale, notation) = scale(suffix)?;
    let nano = in_nano(before, after, scale);
    Some(Amount {
        nano: if negative { -nano } else { nano },
        notation,
    })
}

/// What a suffix multiplies by.
#[derive(Clone, Copy)]
enum Scale {
    /// A power of 10.
    Ten(i32),
    /// A power of 1024.
    Kibi(u32),
}

fn scale(suffix: &str) -> Option<(Scale, Notation)> {
    if let Some(power) = DECIMAL.iter().position(|s| *s == suffix) {
        return Some((Scale::Ten(3 * i32::try_from(power).ok()? - 9), Notation::Decimal));
    }
    if let Some(power) = BINARY.iter().position(|s| *s == suffix) {
        return Some((Scale::Kibi(u32::try_from(power).ok()?), Notation::Binary));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    Some((Scale::Ten(exponent.parse().ok()?), Notation::Exponent))
}

/// A decimal number in billionths: rounded up, because who asks for a little must not get nothing.
fn in_nano(before: &str, after: &str, scale: Scale) -> i128 {
    let (shift, factor) = match scale {
        Scale::Ten(exponent) => (exponent.saturating_add(9), 1),
        Scale::Kibi(power) => (9, 1024_i128.pow(power)),
    };
    let digits = before
        .bytes()
        .chain(after.bytes())
        .map(|digit| i128::from(digit - b'0'));
    // The place of the last digit, as a power of ten of billionths.
    let last = i64::from(shift) - i64::try_from(after.len()).unwrap_or(i64::MAX);
    let mut value: i128 = 0;
    for digit in digits {
        value = value.saturating_mul(10).saturating_add(digit);
    }
    value = value.saturating_mul(factor);
    if value == 0 {
        return 0;
    }
    let power = u32::try_from(last.unsigned_abs())
        .ok()
        .and_then(|by| 10_i128.checked_pow(by));
    let scaled = match (last >= 0, power) {
        (true, Some(power)) => value.saturating_mul(power),
        (true, None) => MAX,
        (false, Some(power)) => value / power + i128::from(value % power != 0),
        (false, None) => 1,
    };
    scaled.min(MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back_as_the_same_worth(text in r"[+-]?[0-9]{0,25}\.?[0-9]{0,12}([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?") {
            if let Ok(amount) = Amount::parse(&text) {
                let written = amount.to_string();
                prop_assert_eq!(Amount::parse(&written), Ok(amount), "{}", written);
                prop_assert_eq!(Amount::parse(&written).map(|a| a.to_string()), Ok(written));
            }
        }

        #[test]
        fn no_text_is_too_much(text in any::<String>(), count in any::<i32>()) {
            if let Ok(amount) = Amount::parse(&text) {
                let _ = amount.times(count).plus(amount).to_string();
            }
        }
    }

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    #[test]
    fn amounts_are_written_as_kubernetes_writes_them() {
        let written = [
            ("0", "0"),
            ("0Gi", "0"),
            ("20", "20"),
            ("20000m", "20"),
            ("0.5", "500m"),
            (".5", "500m"),
            ("1.", "1"),
            ("1000", "1k"),
            ("1500", "1500"),
            ("+3k", "3k"),
            ("-2000m", "-2"),
            ("1024Mi", "1Gi"),
            ("0.5Gi", "512Mi"),
            ("1000Gi", "1000Gi"),
            ("1023", "1023"),
            ("0.5Ki", "512"),
            ("1Ki", "1Ki"),
            ("1e3", "1e3"),
            ("1500e3", "1500e3"),
            ("12E0", "12"),
            ("1e-3", "1e-3"),
            ("0.1n", "1n"),
            ("9E", "9E"),
            ("100E", "9223372036854775807"),
            ("1e999999999", "9223372036854775807"),
            ("1e-999999999", "1e-9"),
        ];
        for (text, expected) in written {
            assert_eq!(amount(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn parts_are_told_in_percent() {
        assert_eq!(amount("1536Mi").percent_of(amount("2Gi")), 75);
        assert_eq!(amount("3").percent_of(amount("2")), 150);
        assert_eq!(amount("3").percent_of(Amount::ZERO), 100);
    }

    #[test]
    fn amounts_are_compared_by_worth() {
        assert_eq!(amount("1Gi"), amount("1024Mi"));
        assert_eq!(amount("1"), amount("1000m"));
        assert!(amount("1G") < amount("1Gi"));
        assert!(amount("64Gi") < amount("65Gi"));
        assert!(amount("-1") < Amount::ZERO);
        assert!(amount("0Ki").is_zero());
    }

    #[test]
    fn units_are_whole_ones() {
        let units = |text| Amount::parse(text).unwrap().units();
        assert_eq!((units("16Gi"), units("1.5Ki"), units("1500m")), (16 << 30, 1536, 1));
        assert_eq!(units("9e30"), i64::MAX);
    }

    #[test]
    fn a_sum_keeps_the_notation_of_what_came_first() {
        let sum = Amount::ZERO.plus(amount("16Gi").times(5));
        assert_eq!(sum.to_string(), "80Gi");
        assert_eq!(amount("512Mi").plus(amount("0.5Gi")).to_string(), "1Gi");
        assert_eq!(amount("1k").plus(amount("24Ki")).to_string(), "25576");
        assert_eq!(Amount::whole(4).times(5).to_string(), "20");
        assert_eq!(amount("9E").times(2), amount("1e30"));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in [
            "", "-", ".", "Gi", "1.2.3", "1 Gi", "1gi", "1KiB", "1e", "1e1.5", "--1", "1-", "ü",
        ] {
            let error = Amount::parse(text).unwrap_err();
            assert_eq!(error.text, text);
        }
    }
}
