//! Where a setting stands in the text of a configuration.

use super::yaml::{self, Node, Span, Value};

/// Line and column, both from 1, of a setting such as `cluster.workers.replicas` or `providerConfig.static.nodes[0].address`.
/// Of one that is not written, those of the deepest mapping or list that it would be in; `None` where the text holds nothing
/// of it, or cannot be read.
pub fn place(text: &str, setting: &str) -> Option<(usize, usize)> {
    let root = yaml::parse(text).ok()?;
    let mut node = &root;
    let mut found: Option<Span> = None;
    for part in parts(setting) {
        let Some((span, next)) = step(node, part) else {
            break;
        };
        found = Some(span);
        node = next;
    }
    found.map(|span| (span.line, span.column))
}

/// `a.b[0]` as `a`, `b`, `0`.
fn parts(setting: &str) -> impl Iterator<Item = &str> {
    setting.split(['.', '[', ']']).filter(|part| !part.is_empty())
}

fn step<'a>(node: &'a Node, part: &str) -> Option<(Span, &'a Node)> {
    match &node.value {
        // Of keys that are written twice the last one counts.
        Value::Map(entries) => {
            let (key, value) = entries.iter().rfind(|(key, _)| key.name == part)?;
            Some((key.span, value))
        }
        Value::List(items) => {
            let item = items.get(part.parse::<usize>().ok()?)?;
            Some((item.span, item))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "provider: static\ncluster:\n  workers:\n    replicas: 3\nproviderConfig:\n  static:\n    nodes:\n      - name: a\n        address: 10.0.0.1\n";

    #[test]
    fn a_setting_is_found_by_its_name_and_its_place_in_lists() {
        assert_eq!(place(TEXT, "cluster.workers.replicas"), Some((4, 5)));
        assert_eq!(place(TEXT, "providerConfig.static.nodes[0].address"), Some((9, 9)));
    }

    #[test]
    fn what_is_not_written_is_shown_where_it_would_be() {
        assert_eq!(place(TEXT, "cluster.workers.cpu"), Some((3, 3)));
        assert_eq!(place(TEXT, "providerConfig.static.nodes[4].address"), Some((7, 5)));
        assert_eq!(place(TEXT, "network.vip"), None);
        assert_eq!(place("a: [", "a"), None);
    }
}
