//! Answers as text, and the values that they are in the file.

use butler_api::config::Tree;

/// How a value of the file is written as an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Text as it is.
    Text,
    /// A whole number.
    Number,
    /// `yes` or `no`.
    Flag,
    /// A list of texts, with commas.
    Texts,
    /// A list of mappings with a name alone, with commas.
    Names,
    /// A list of disks, each as its size in GiB and perhaps its storage class.
    Disks,
    /// A list of networks, each perhaps with a description behind it.
    Reserved,
    /// Where a secret comes from: `env:NAME`, `file:PATH`, `exec:COMMAND`, `keyring:SERVICE/USERNAME`.
    Secret,
    /// A name: as it is, or where it comes from.
    Identity,
}

impl Codec {
    /// The value of an answer. What does not fit becomes text, about which the validator says what is wrong; none where it must not
    /// be written at all, for it may be a secret itself.
    pub(crate) fn write(self, text: &str) -> Option<Tree> {
        let text = text.trim();
        let as_text = || Tree::Text(text.to_owned());
        Some(match self {
            Self::Text => as_text(),
            Self::Number => text.parse().map_or_else(|_| as_text(), Tree::Int),
            Self::Flag => flag(text).map_or_else(as_text, Tree::Bool),
            Self::Texts => Tree::List(items(text).map(|item| Tree::Text(item.to_owned())).collect()),
            Self::Names => Tree::List(
                items(text)
                    .map(|name| map([("name", Tree::Text(name.to_owned()))]))
                    .collect(),
            ),
            Self::Disks => Tree::List(items(text).map(disk).collect()),
            Self::Reserved => Tree::List(items(text).map(reserved).collect()),
            Self::Secret => source(text)?,
            Self::Identity => source(text).unwrap_or_else(as_text),
        })
    }

    /// The answer that a value stands for; none where no answer does, so that the value is kept as it is.
    pub(crate) fn read(self, tree: &Tree) -> Option<String> {
        let text = match (self, tree) {
            (Self::Texts, Tree::List(list)) => joined(list, scalar)?,
            (Self::Names, Tree::List(list)) => joined(list, |item| scalar(only(item, ["name"])?.get("name")?))?,
            (Self::Disks, Tree::List(list)) => joined(list, disk_text)?,
            (Self::Reserved, Tree::List(list)) => joined(list, reserved_text)?,
            (Self::Secret | Self::Identity, Tree::Map(_)) => source_text(tree)?,
            (Self::Flag, Tree::Bool(true)) => "yes".to_owned(),
            (Self::Flag, Tree::Bool(false)) => "no".to_owned(),
            (Self::Secret | Self::Texts | Self::Names | Self::Disks | Self::Reserved, _) => return None,
            (Self::Text | Self::Number | Self::Flag | Self::Identity, _) => scalar(tree)?,
        };
        // Spaces around a text and what takes several lines are no answer; an empty one would be none.
        let fits = !text.is_empty() && text == text.trim() && !text.contains(['\n', '\r']);
        // A clear name that looks like a source would become one.
        let is_plain = self != Self::Identity || !matches!(tree, Tree::Text(_)) || source(&text).is_none();
        (fits && is_plain).then_some(text)
    }
}

/// Yes or no, as people write it.
pub(crate) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "y" | "true" | "on" => Some(true),
        "no" | "n" | "false" | "off" => Some(false),
        _ => None,
    }
}

/// Whether a text says where a secret comes from.
pub(crate) fn is_source(text: &str) -> bool {
    source(text).is_some()
}

/// The items of an answer with commas.
pub(crate) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn map<const N: usize>(entries: [(&str, Tree); N]) -> Tree {
    Tree::Map(
        entries
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

fn scalar(tree: &Tree) -> Option<String> {
    match tree {
        Tree::Text(text) | Tree::Number(text) => Some(text.clone()),
        Tree::Int(number) => Some(number.to_string()),
        Tree::Bool(value) => Some(value.to_string()),
        Tree::Null | Tree::List(_) | Tree::Map(_) => None,
    }
}

/// The items with commas between them; none where one of them has a comma itself, or is no item.
fn joined(list: &[Tree], text: impl Fn(&Tree) -> Option<String>) -> Option<String> {
    let mut all = Vec::new();
    for item in list {
        let item = text(item)?;
        if item.is_empty() || item.contains(',') || item != item.trim() {
            return None;
        }
        all.push(item);
    }
    Some(all.join(", "))
}

/// The mapping, where it has no other keys than these.
fn only<'a, const N: usize>(tree: &'a Tree, keys: [&str; N]) -> Option<&'a Tree> {
    let Tree::Map(entries) = tree else { return None };
    entries
        .iter()
        .all(|(key, _)| keys.contains(&key.as_str()))
        .then_some(tree)
}

fn disk(text: &str) -> Tree {
    let (size, class) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let mut entries = vec![("sizeGB".to_owned(), Codec::Number.write(size).unwrap_or(Tree::Null))];
    if !class.trim().is_empty() {
        entries.push(("storageClass".to_owned(), Tree::Text(class.trim().to_owned())));
    }
    Tree::Map(entries)
}

fn disk_text(tree: &Tree) -> Option<String> {
    two(tree, "sizeGB", "storageClass")
}

fn reserved(text: &str) -> Tree {
    let (cidr, description) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let mut entries = vec![("cidr".to_owned(), Tree::Text(cidr.to_owned()))];
    if !description.trim().is_empty() {
        entries.push(("description".to_owned(), Tree::Text(description.trim().to_owned())));
    }
    Tree::Map(entries)
}

fn reserved_text(tree: &Tree) -> Option<String> {
    two(tree, "cidr", "description")
}

/// A mapping of a word and what may stand behind it.
fn two(tree: &Tree, first: &str, second: &str) -> Option<String> {
    let tree = only(tree, [first, second])?;
    let word = scalar(tree.get(first)?)?;
    if word.is_empty() || word.contains(char::is_whitespace) {
        return None;
    }
    match tree.get(second) {
        None => Some(word),
        Some(rest) => scalar(rest)
            .filter(|rest| !rest.trim().is_empty() && rest == rest.trim())
            .map(|rest| format!("{word} {rest}")),
    }
}

/// Where a secret comes from; none where the text does not say so.
fn source(text: &str) -> Option<Tree> {
    let (kind, rest) = text.split_once(':')?;
    let rest = rest.trim();
    if rest.is_empty() {
        return None;
    }
    let value = match kind {
        "env" | "file" => Tree::Text(rest.to_owned()),
        "exec" => Tree::List(shlex::split(rest)?.into_iter().map(Tree::Text).collect()),
        "keyring" => entry(rest)?,
        _ => return None,
    };
    Some(map([(kind, value)]))
}

/// An entry of the keyring: its service and its username. A service may have slashes, as addresses do.
fn entry(text: &str) -> Option<Tree> {
    let (service, username) = text.rsplit_once('/')?;
    let (service, username) = (service.trim(), username.trim());
    let is_whole = !service.is_empty() && !username.is_empty();
    let text = |text: &str| Tree::Text(text.to_owned());
    is_whole.then(|| map([("service", text(service)), ("username", text(username))]))
}

fn entry_text(tree: &Tree) -> Option<String> {
    let tree = only(tree, ["service", "username"])?;
    let (service, username) = (scalar(tree.get("service")?)?, scalar(tree.get("username")?)?);
    let text = format!("{service}/{username}");
    // What would be read as another entry is no answer.
    (entry(&text).as_ref()
        == Some(&map([
            ("service", Tree::Text(service)),
            ("username", Tree::Text(username)),
        ])))
    .then_some(text)
}

fn source_text(tree: &Tree) -> Option<String> {
    let Tree::Map(entries) = tree else { return None };
    let [(kind, value)] = &entries[..] else { return None };
    let text = match (kind.as_str(), value) {
        ("env" | "file", Tree::Text(text)) => text.clone(),
        ("keyring", entry) => entry_text(entry)?,
        ("exec", Tree::List(words)) => {
            let words: Option<Vec<&str>> = words
                .iter()
                .map(|word| match word {
                    Tree::Text(word) => Some(word.as_str()),
                    _ => None,
                })
                .collect();
            shlex::try_join(words?).ok()?
        }
        _ => return None,
    };
    let text = format!("{kind}:{text}");
    // What would not be read back the same is kept as it is.
    (source(&text).as_ref() == Some(tree)).then_some(text)
}

#[cfg(test)]
mod tests {
    use butler_api::config::read_tree;
    use proptest::prelude::*;

    use super::*;

    const ALL: [Codec; 9] = [
        Codec::Text,
        Codec::Number,
        Codec::Flag,
        Codec::Texts,
        Codec::Names,
        Codec::Disks,
        Codec::Reserved,
        Codec::Secret,
        Codec::Identity,
    ];

    fn value(yaml: &str) -> Tree {
        read_tree(yaml, "x").unwrap().get("x").unwrap().clone()
    }

    #[test]
    fn answers_are_values_of_the_file() {
        for (codec, answer, yaml) in [
            (Codec::Number, "3", "x: 3"),
            (Codec::Number, "three", "x: three"),
            (Codec::Flag, "yes", "x: true"),
            (Codec::Texts, "a, b", "x: [a, b]"),
            (Codec::Names, "tenants", "x: [{name: tenants}]"),
            (
                Codec::Disks,
                "200, 100 fast",
                "x: [{sizeGB: 200}, {sizeGB: 100, storageClass: fast}]",
            ),
            (
                Codec::Reserved,
                "10.0.0.0/28 gateway and switches",
                "x: [{cidr: 10.0.0.0/28, description: gateway and switches}]",
            ),
            (Codec::Secret, "env:NAME", "x: {env: NAME}"),
            (Codec::Secret, "exec:pass show 'a b'", "x: {exec: [pass, show, a b]}"),
            (
                Codec::Secret,
                "keyring:pve/root@pam",
                "x: {keyring: {service: pve, username: root@pam}}",
            ),
            (Codec::Identity, "butler@pve!x", "x: butler@pve!x"),
            (Codec::Identity, "file:~/name", "x: {file: ~/name}"),
        ] {
            assert!(codec.write(answer).unwrap() == value(yaml), "{answer}");
            assert_eq!(codec.read(&value(yaml)).as_deref(), Some(answer), "{yaml}");
        }
    }

    #[test]
    fn a_secret_itself_is_never_written_and_odd_values_are_kept() {
        assert!(Codec::Secret.write("hunter2").is_none());
        assert!(Codec::Secret.write("env:").is_none());
        for (codec, yaml) in [
            (Codec::Secret, "x: hunter2"),
            (Codec::Texts, "x: ['a, b']"),
            (Codec::Names, "x: [{name: a, priority: 2}]"),
            (Codec::Text, "x: {a: 1}"),
            (Codec::Text, "x: ''"),
            (Codec::Identity, "x: env:NAME"),
        ] {
            assert_eq!(codec.read(&value(yaml)), None, "{yaml}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_the_same(text in "[ -~äß]{0,24}", at in 0..ALL.len()) {
            let codec = ALL[at];
            if let Some(tree) = codec.write(&text)
                && let Some(read) = codec.read(&tree) {
                prop_assert!(codec.write(&read) == Some(tree));
            }
        }
    }
}
