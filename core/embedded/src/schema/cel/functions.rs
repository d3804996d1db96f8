//! The functions that rules may call: those of the standard library and of Kubernetes' own.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::types::{self, Ty};

/// One way to call a function.
#[derive(Debug)]
pub(crate) struct Overload {
    /// Called on a value, which is the first argument.
    pub(crate) member: bool,
    pub(crate) arguments: Vec<Ty>,
    pub(crate) result: Ty,
}

/// Signatures: `name: arguments -> result; …`, where a leading dot means that the function is called on its first argument.
const SIGNATURES: &[&str] = &[
    // Sizes and conversions.
    "size: string -> int; bytes -> int; list(A) -> int; map(A;B) -> int; .string -> int; .bytes -> int; .list(A) -> int; .map(A;B) -> int",
    "bool: bool -> bool; string -> bool",
    "bytes: bytes -> bytes; string -> bytes",
    "double: double -> double; int -> double; uint -> double; string -> double",
    "int: int -> int; uint -> int; double -> int; string -> int; timestamp -> int; duration -> int",
    "uint: uint -> uint; int -> uint; double -> uint; string -> uint",
    "string: string -> string; bool -> string; int -> string; uint -> string; double -> string; bytes -> string; timestamp -> string; duration -> string; IP -> string; CIDR -> string",
    "duration: duration -> duration; string -> duration; int -> duration",
    "timestamp: timestamp -> timestamp; string -> timestamp; int -> timestamp",
    "type: A -> type",
    "dyn: A -> dyn",
    // Strings.
    "contains: .string,string -> bool",
    "startsWith: .string,string -> bool",
    "endsWith: .string,string -> bool",
    "matches: string,string -> bool; .string,string -> bool",
    "charAt: .string,int -> string",
    "indexOf: .string,string -> int; .string,string,int -> int; .list(A),A -> int",
    "lastIndexOf: .string,string -> int; .string,string,int -> int; .list(A),A -> int",
    "lowerAscii: .string -> string",
    "upperAscii: .string -> string",
    "replace: .string,string,string -> string; .string,string,string,int -> string",
    "split: .string,string -> list(string); .string,string,int -> list(string)",
    "substring: .string,int -> string; .string,int,int -> string",
    "trim: .string -> string",
    "join: .list(string) -> string; .list(string),string -> string",
    "format: .string,list(dyn) -> string",
    "strings.quote: string -> string",
    "find: .string,string -> string",
    "findAll: .string,string -> list(string); .string,string,int -> list(string)",
    // Times.
    "getFullYear: .timestamp -> int; .timestamp,string -> int",
    "getMonth: .timestamp -> int; .timestamp,string -> int",
    "getDayOfYear: .timestamp -> int; .timestamp,string -> int",
    "getDayOfMonth: .timestamp -> int; .timestamp,string -> int",
    "getDate: .timestamp -> int; .timestamp,string -> int",
    "getDayOfWeek: .timestamp -> int; .timestamp,string -> int",
    "getHours: .timestamp -> int; .timestamp,string -> int; .duration -> int",
    "getMinutes: .timestamp -> int; .timestamp,string -> int; .duration -> int",
    "getSeconds: .timestamp -> int; .timestamp,string -> int; .duration -> int",
    "getMilliseconds: .timestamp -> int; .timestamp,string -> int; .duration -> int",
    // Lists.
    "isSorted: .list(A) -> bool",
    "sum: .list(A) -> A",
    "min: .list(A) -> A",
    "max: .list(A) -> A",
    "slice: .list(A),int,int -> list(A)",
    "flatten: .list(dyn) -> list(dyn); .list(dyn),int -> list(dyn)",
    "lists.range: int -> list(int)",
    "distinct: .list(A) -> list(A)",
    "reverse: .list(A) -> list(A)",
    "sort: .list(A) -> list(A)",
    "first: .list(A) -> optional(A)",
    "last: .list(A) -> optional(A)",
    "sets.contains: list(A),list(A) -> bool",
    "sets.equivalent: list(A),list(A) -> bool",
    "sets.intersects: list(A),list(A) -> bool",
    // Optional values.
    "optional.of: A -> optional(A)",
    "optional.ofNonZeroValue: A -> optional(A)",
    "optional.none: -> optional(A)",
    "optional.unwrap: list(optional(A)) -> list(A)",
    "unwrapOpt: .list(optional(A)) -> list(A)",
    "hasValue: .optional(A) -> bool",
    "value: .optional(A) -> A",
    "or: .optional(A),optional(A) -> optional(A)",
    "orValue: .optional(A),A -> A",
    // Addresses.
    "isIP: string -> bool",
    "ip: string -> IP; .CIDR -> IP",
    "ip.isCanonical: string -> bool",
    "family: .IP -> int",
    "isUnspecified: .IP -> bool",
    "isLoopback: .IP -> bool",
    "isLinkLocalMulticast: .IP -> bool",
    "isLinkLocalUnicast: .IP -> bool",
    "isGlobalUnicast: .IP -> bool",
    "isCIDR: string -> bool",
    "cidr: string -> CIDR",
    "containsIP: .CIDR,string -> bool; .CIDR,IP -> bool",
    "containsCIDR: .CIDR,string -> bool; .CIDR,CIDR -> bool",
    "masked: .CIDR -> CIDR",
    "prefixLength: .CIDR -> int",
    "isURL: string -> bool",
    "url: string -> URL",
    "getScheme: .URL -> string",
    "getHost: .URL -> string",
    "getHostname: .URL -> string",
    "getPort: .URL -> string",
    "getEscapedPath: .URL -> string",
    "getQuery: .URL -> map(string;list(string))",
    // Quantities, versions and formats.
    "isQuantity: string -> bool",
    "quantity: string -> Quantity",
    "sign: .Quantity -> int",
    "isInteger: .Quantity -> bool",
    "asInteger: .Quantity -> int",
    "asApproximateFloat: .Quantity -> double",
    "add: .Quantity,Quantity -> Quantity; .Quantity,int -> Quantity",
    "sub: .Quantity,Quantity -> Quantity; .Quantity,int -> Quantity",
    "isGreaterThan: .Quantity,Quantity -> bool; .Semver,Semver -> bool",
    "isLessThan: .Quantity,Quantity -> bool; .Semver,Semver -> bool",
    "compareTo: .Quantity,Quantity -> int; .Semver,Semver -> int",
    "isSemver: string -> bool; string,bool -> bool",
    "semver: string -> Semver; string,bool -> Semver",
    "major: .Semver -> int",
    "minor: .Semver -> int",
    "patch: .Semver -> int",
    "format.named: string -> optional(Format)",
    "format.dns1123Label: -> Format",
    "format.dns1123Subdomain: -> Format",
    "format.dns1035Label: -> Format",
    "format.qualifiedName: -> Format",
    "format.dns1123LabelPrefix: -> Format",
    "format.dns1123SubdomainPrefix: -> Format",
    "format.dns1035LabelPrefix: -> Format",
    "format.labelValue: -> Format",
    "format.uri: -> Format",
    "format.uuid: -> Format",
    "format.byte: -> Format",
    "format.date: -> Format",
    "format.datetime: -> Format",
    "validate: .Format,string -> optional(list(string))",
    // Operators.
    "_+_: int,int -> int; uint,uint -> uint; double,double -> double; string,string -> string; bytes,bytes -> bytes; list(A),list(A) -> list(A); timestamp,duration -> timestamp; duration,timestamp -> timestamp; duration,duration -> duration",
    "_-_: int,int -> int; uint,uint -> uint; double,double -> double; timestamp,timestamp -> duration; timestamp,duration -> timestamp; duration,duration -> duration",
    "_*_: int,int -> int; uint,uint -> uint; double,double -> double",
    "_/_: int,int -> int; uint,uint -> uint; double,double -> double",
    "_%_: int,int -> int; uint,uint -> uint",
    "-_: int -> int; double -> double",
    "!_: bool -> bool",
    "@not_strictly_false: bool -> bool",
    "_&&_: bool,bool -> bool",
    "_||_: bool,bool -> bool",
    "_?_:_: bool,A,A -> A",
    "_==_: A,A -> bool",
    "_!=_: A,A -> bool",
    "@in: A,list(A) -> bool; A,map(A;B) -> bool",
    "_[_]: list(A),int -> A; map(A;B),A -> B; optional(list(A)),int -> optional(A); optional(map(A;B)),A -> optional(B)",
    "_[?_]: list(A),int -> optional(A); map(A;B),A -> optional(B); optional(list(A)),int -> optional(A); optional(map(A;B)),A -> optional(B)",
];

/// Types that have an order, so that `<` and its like compare them. Numbers compare with each other.
const ORDERED: &[&str] = &[
    "bool,bool",
    "int,int",
    "int,uint",
    "int,double",
    "uint,int",
    "uint,uint",
    "uint,double",
    "double,int",
    "double,uint",
    "double,double",
    "string,string",
    "bytes,bytes",
    "timestamp,timestamp",
    "duration,duration",
];

/// All ways to call a function.
pub(crate) fn overloads(name: &str) -> Option<&'static [Overload]> {
    static TABLE: LazyLock<HashMap<&str, Vec<Overload>>> = LazyLock::new(table);
    TABLE.get(name).map(Vec::as_slice)
}

fn table() -> HashMap<&'static str, Vec<Overload>> {
    let mut table = HashMap::new();
    for line in SIGNATURES {
        // Operators have colons of their own.
        let (name, ways) = line.rsplit_once(": ").unwrap_or((line, ""));
        let ways = ways.split("; ").map(|way| {
            let (arguments, result) = way.split_once("-> ").unwrap_or((way, "dyn"));
            overload(arguments.trim(), types::parse(result))
        });
        table.insert(name, ways.collect());
    }
    for operator in ["_<_", "_<=_", "_>_", "_>=_"] {
        table.insert(operator, ORDERED.iter().map(|a| overload(a, Ty::Bool)).collect());
    }
    table
}

fn overload(arguments: &'static str, result: Ty) -> Overload {
    let plain = arguments.strip_prefix('.');
    let list = plain.unwrap_or(arguments).split(',').filter(|a| !a.is_empty());
    Overload {
        member: plain.is_some(),
        arguments: list.map(types::parse).collect(),
        result,
    }
}

/// The result of an overload for these arguments; nothing if it does not take them.
pub(crate) fn result(overload: &Overload, arguments: &[&Ty]) -> Option<Ty> {
    if overload.arguments.len() != arguments.len() {
        return None;
    }
    let mut bound = HashMap::new();
    for (wanted, given) in overload.arguments.iter().zip(arguments) {
        unify(wanted, given, &mut bound)?;
    }
    Some(substitute(&overload.result, &bound))
}

/// Whether a type fits a parameter; notes what the letters in it stand for.
fn unify(wanted: &Ty, given: &Ty, bound: &mut HashMap<char, Ty>) -> Option<()> {
    match (wanted, given) {
        (Ty::Param(letter), given) => {
            let joined = match bound.get(letter) {
                Some(before) => before.join(given)?,
                None => given.clone(),
            };
            bound.insert(*letter, joined);
            Some(())
        }
        (_, given) if given.is_open() => Some(()),
        (Ty::List(a), Ty::List(b)) | (Ty::Optional(a), Ty::Optional(b)) => unify(a, b, bound),
        (Ty::Map(ka, va), Ty::Map(kb, vb)) => {
            unify(ka, kb, bound)?;
            unify(va, vb, bound)
        }
        (Ty::List(_) | Ty::Map(..) | Ty::Optional(_), _) => None,
        (wanted, given) => wanted.join(given).map(drop),
    }
}

fn substitute(ty: &Ty, bound: &HashMap<char, Ty>) -> Ty {
    match ty {
        Ty::Param(letter) => bound.get(letter).cloned().unwrap_or(Ty::Open),
        Ty::List(items) => Ty::list(substitute(items, bound)),
        Ty::Optional(value) => Ty::optional(substitute(value, bound)),
        Ty::Map(keys, values) => Ty::Map(Arc::new(substitute(keys, bound)), Arc::new(substitute(values, bound))),
        other => other.clone(),
    }
}

/// The result where several overloads fit: theirs if it is one, else it shows when the call is evaluated.
pub(crate) fn one_result(fitting: &[(&Overload, Ty)]) -> Ty {
    let mut all = fitting.iter().map(|(_, ty)| ty);
    let Some(first) = all.next() else { return Ty::Open };
    let same = all.all(|ty| first.to_string() == ty.to_string());
    if same { first.clone() } else { Ty::Dyn }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signature_is_read() {
        assert_eq!(table().len(), SIGNATURES.len() + 4);
        let conditional = &overloads("_?_:_").unwrap()[0];
        assert_eq!(conditional.arguments.len(), 3);
        let or_value = &overloads("orValue").unwrap()[0];
        assert!(or_value.member);
        assert_eq!(or_value.arguments[0].to_string(), "optional_type(A)");
        assert_eq!(
            overloads("getQuery").unwrap()[0].result.to_string(),
            "map(string, list(string))"
        );
    }
}
