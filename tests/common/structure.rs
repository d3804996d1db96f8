//! Looks at the structure of a crate: which of its top-level modules use which, and whether they do so in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The circles in which the top-level modules (folders and files) below a `src` folder use each other. A circle is the list of
/// its uses, each with a file that shows it: `rest uses server (rest/read.rs)`. Code for tests does not count.
pub(crate) fn cycles(root: &Path) -> Vec<Vec<String>> {
    let uses = uses(root);
    let below: BTreeMap<&str, BTreeSet<&str>> = uses.keys().map(|(from, _)| (&**from, reach(&uses, from))).collect();
    let mutual = |a: &str, b: &str| {
        let reaches = |from: &str, to: &str| below.get(from).is_some_and(|all| all.contains(to));
        reaches(a, b) && reaches(b, a)
    };
    let mut circles: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((from, to), file) in &uses {
        if mutual(from, to) {
            // All modules of a circle reach each other, so that its first one names it.
            let first = below.keys().find(|module| mutual(module, from));
            let circle = circles.entry(first.map_or(&**from, |first| first)).or_default();
            circle.push(format!("{from} uses {to} ({file})"));
        }
    }
    circles.into_values().collect()
}

/// Pairs of modules of which the first uses the second, with a file that shows it.
type Uses = BTreeMap<(String, String), String>;

fn uses(root: &Path) -> Uses {
    let mut files = Vec::new();
    rust_files(root, &mut files);
    let modules: BTreeSet<String> = files
        .iter()
        .filter_map(|file| module_path(root, file).into_iter().next())
        .collect();
    let mut uses = Uses::new();
    for file in &files {
        let own = module_path(root, file);
        let Some(from) = own.first() else { continue };
        let text =
            std::fs::read_to_string(file).unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
        for to in named_from_root(&product_code(&text), own.len()) {
            if to != *from && modules.contains(&to) {
                let shown = file.strip_prefix(root).unwrap_or(file).display().to_string();
                uses.entry((from.clone(), to)).or_insert(shown);
            }
        }
    }
    uses
}

fn reach<'a>(uses: &'a Uses, from: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        for ((_, to), _) in uses.iter().filter(|((user, _), _)| user == module) {
            if reached.insert(&**to) {
                open.push(to);
            }
        }
    }
    reached
}

/// All Rust files below a folder, but for those that hold nothing but tests.
fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") && path.file_stem().is_some_and(|stem| stem != "tests") {
            files.push(path);
        }
    }
}

/// The module of a file, from the root of the crate: nothing for `lib.rs` and `main.rs`, which name every module.
fn module_path(root: &Path, file: &Path) -> Vec<String> {
    let relative = file.strip_prefix(root).unwrap_or(file).with_extension("");
    let mut path: Vec<String> = relative
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if path.last().is_some_and(|last| last == "mod") || matches!(&*path, [only] if only == "lib" || only == "main") {
        path.pop();
    }
    path
}

/// A text without comments, strings and modules for tests.
fn product_code(text: &str) -> String {
    let mut code = without_comments_and_strings(text);
    while let Some(start) = code.find("#[cfg(test)]") {
        let brace = code[start..].find('{').map(|at| start + at);
        let semicolon = code[start..].find(';').map(|at| start + at);
        let end = match (brace, semicolon) {
            (Some(brace), semicolon) if semicolon.is_none_or(|at| brace < at) => end_of_block(&code, brace),
            (_, Some(semicolon)) => semicolon + 1,
            _ => code.len(),
        };
        code.replace_range(start..end, "");
    }
    code
}

/// The place after the brace that closes the one at `open`.
fn end_of_block(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

fn without_comments_and_strings(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let raw = rest.starts_with("r\"") || rest.starts_with("r#");
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '"' {
            length_of_string(rest)
        } else if rest.starts_with("'\"'") || rest.starts_with("'{'") || rest.starts_with("'}'") {
            3
        } else if raw && !code.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            length_of_raw_string(rest)
        } else {
            0
        };
        if skipped == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            rest = &rest[skipped..];
        }
    }
    code
}

fn length_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a raw string; nothing if the text begins with a raw identifier.
fn length_of_raw_string(text: &str) -> usize {
    let hashes = text[1..].bytes().take_while(|b| *b == b'#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let body = 2 + hashes;
    text[body..]
        .find(&close)
        .map_or(text.len(), |end| body + end + close.len())
}

/// The names that stand directly below the root of the crate in the paths of a file, which is `depth` modules below the root.
fn named_from_root(code: &str, depth: usize) -> Vec<String> {
    let from_root = "super::".repeat(depth);
    let mut names = Vec::new();
    for start in ["crate::", from_root.as_str()] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            // A part of a longer path or name.
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
                continue;
            }
            names.extend(first_names(&code[at + start.len()..]));
        }
    }
    names
}

/// The first name of a path, or the first names of all paths of a group.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        let text = text.trim_start();
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = path.strip_prefix('{') else {
        return vec![name(path)];
    };
    let mut names = vec![name(group)];
    let mut depth = 0_usize;
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => break,
            b'}' => depth -= 1,
            b',' if depth == 0 => names.push(name(&group[at + 1..])),
            _ => {}
        }
    }
    names
}
