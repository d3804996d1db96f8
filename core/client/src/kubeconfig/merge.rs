//! Which of kubectl's files gets an entry, and what it looks like afterwards. Pure.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::entry::{Entry, named};

/// A file that kubectl reads, in its order.
#[derive(Debug, Clone)]
pub struct Present {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds; nothing where it does not exist.
    pub content: Option<Map<String, Value>>,
}

/// A file that has to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds then.
    pub content: Map<String, Value>,
}

/// A list in the file is something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{list} is no list in {}", path.display())]
pub struct Misshapen {
    /// The file.
    pub path: PathBuf,
    /// The list.
    pub list: &'static str,
}

/// What has to be written so that kubectl finds an entry. Each part goes where one of its name is already, because the first
/// file that has a name is right; what is new goes where kubectl would put it. The context in use is changed only when asked.
pub fn plan(mut files: Vec<Present>, entry: &Entry, use_it: bool) -> Result<Vec<Change>, Misshapen> {
    let mut changed = vec![false; files.len()];
    let new = place_of_new(&files);
    let parts = [
        ("clusters", entry.cluster.as_str(), entry.cluster_item()),
        ("contexts", entry.context.as_str(), entry.context_item()),
        ("users", entry.user.as_str(), entry.user_item()),
    ];
    for (list, name, item) in parts {
        let holder = files.iter().position(|file| {
            file.content
                .as_ref()
                .is_some_and(|content| named(content, list, name).is_some())
        });
        let at = holder.unwrap_or(new);
        put(&mut files[at], list, name, item)?;
        changed[at] = true;
    }
    if use_it {
        let holder = files.iter().position(|file| current(file).is_some());
        let at = holder.unwrap_or(new);
        content(&mut files[at]).insert("current-context".to_owned(), entry.context.clone().into());
        changed[at] = true;
    }
    let written = files.into_iter().zip(changed).filter(|(_, changed)| *changed);
    let written = written.filter_map(|(file, _)| {
        let Present { path, content } = file;
        content.map(|content| Change { path, content })
    });
    Ok(written.collect())
}

/// kubectl puts what is new into the first file that exists, else into the last one.
fn place_of_new(files: &[Present]) -> usize {
    let first = files.iter().position(|file| file.content.is_some());
    first.unwrap_or(files.len().saturating_sub(1))
}

fn current(file: &Present) -> Option<&str> {
    let current = file.content.as_ref()?.get("current-context")?.as_str()?;
    Some(current).filter(|name| !name.is_empty())
}

fn content(file: &mut Present) -> &mut Map<String, Value> {
    file.content.get_or_insert_with(|| {
        let mut content = Map::new();
        content.insert("apiVersion".to_owned(), "v1".into());
        content.insert("kind".to_owned(), "Config".into());
        content
    })
}

fn put(file: &mut Present, list: &'static str, name: &str, item: Value) -> Result<(), Misshapen> {
    let path = file.path.clone();
    let items = content(file).entry(list).or_insert(Value::Null);
    if items.is_null() {
        *items = Value::Array(Vec::new());
    }
    let Some(items) = items.as_array_mut() else {
        return Err(Misshapen { path, list });
    };
    match items
        .iter_mut()
        .find(|known| known.get("name").and_then(Value::as_str) == Some(name))
    {
        Some(known) => *known = item,
        None => items.push(item),
    }
    Ok(())
}

/// Whether kubectl's files already use this context.
pub fn is_current(files: &[Present], context: &str) -> bool {
    files.iter().find_map(current) == Some(context)
}

/// The files of `KUBECONFIG` in their order, else kubectl's own file.
pub fn files(variable: Option<&std::ffi::OsStr>, home: Option<&Path>) -> Vec<PathBuf> {
    let named = variable.into_iter().flat_map(std::env::split_paths);
    let named: Vec<PathBuf> = named.filter(|path| !path.as_os_str().is_empty()).collect();
    if !named.is_empty() {
        return named;
    }
    home.map(|home| home.join(".kube").join("config")).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::entry::{read, tests::kubeconfig};
    use super::*;

    fn entry() -> Entry {
        Entry::of(&kubeconfig(), "mine").unwrap()
    }

    fn file(path: &str, text: Option<&str>) -> Present {
        Present {
            path: path.into(),
            content: text.map(|text| read(text).unwrap()),
        }
    }

    #[test]
    fn the_context_in_use_stays_unless_asked_and_unknown_content_does_too() {
        let text = "current-context: other\nclusters: null\nextensions: [{name: x, extension: {a: 1}}]\ncontexts: [{name: other, context: {cluster: c, user: u, extra: 7}}]\n";
        let changes = plan(vec![file("a", Some(text))], &entry(), false).unwrap();
        let content = &changes[0].content;
        assert_eq!(content["current-context"], "other");
        assert_eq!(content["extensions"][0]["extension"]["a"], 1);
        assert_eq!(content["contexts"][0]["context"]["extra"], 7);
        assert_eq!(content["contexts"][1]["name"], "mine");
        let changes = plan(vec![file("a", Some(text))], &entry(), true).unwrap();
        assert_eq!(changes[0].content["current-context"], "mine");
    }

    #[test]
    fn what_is_new_goes_to_the_first_file_that_exists_and_the_rest_to_where_it_is() {
        let users = "users: [{name: mine, user: {token: old}}]\n";
        let files = vec![file("a", None), file("b", Some("")), file("c", Some(users))];
        let changes = plan(files, &entry(), false).unwrap();
        let paths: Vec<&str> = changes.iter().map(|change| change.path.to_str().unwrap()).collect();
        assert_eq!(paths, ["b", "c"]);
        assert!(changes[0].content.get("users").is_none());
        assert_eq!(changes[1].content["users"][0]["user"]["token"], "hunter2");
        let changes = plan(vec![file("a", None), file("b", None)], &entry(), true).unwrap();
        assert_eq!(changes[0].path, Path::new("b"));
        assert_eq!(changes[0].content["current-context"], "mine");
    }

    #[test]
    fn the_context_in_use_is_changed_where_it_is_set() {
        let files = vec![
            file("a", Some("clusters: []")),
            file("b", Some("current-context: other")),
        ];
        let changes = plan(files, &entry(), true).unwrap();
        assert_eq!(changes[1].content["current-context"], "mine");
        assert!(!changes[0].content.contains_key("current-context"));
    }

    #[test]
    fn merging_again_changes_nothing() {
        let once = plan(vec![file("a", Some(""))], &entry(), true).unwrap();
        let again = Present {
            path: "a".into(),
            content: Some(once[0].content.clone()),
        };
        assert_eq!(plan(vec![again], &entry(), true).unwrap(), once);
    }

    #[test]
    fn a_list_that_is_none_is_refused() {
        let error = plan(vec![file("a", Some("users: 7"))], &entry(), false).unwrap_err();
        assert_eq!(error.to_string(), "users is no list in a");
    }

    #[test]
    fn kubectls_own_file_is_used_where_none_is_named() {
        let home = Some(Path::new("/home/me"));
        assert_eq!(files(None, home), [PathBuf::from("/home/me/.kube/config")]);
        assert_eq!(files(Some("".as_ref()), home), [PathBuf::from("/home/me/.kube/config")]);
        assert_eq!(
            files(Some("/a::/b".as_ref()), home),
            [PathBuf::from("/a"), PathBuf::from("/b")]
        );
        assert!(files(None, None).is_empty());
    }
}
