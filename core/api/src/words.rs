//! Words of peers: what an API server, a node, a platform or another program said, made fit for an error, a wait, an event
//! or the journal. Cleaned, each thing said once, cut.

/// The most characters that anybody's words take.
pub const LONGEST: usize = 600;

/// Of a list of what is not well, so many are named.
const NAMED: usize = 6;

/// What is looked at of a text: enough to find what tells, however long it is.
const LOOKED_AT: usize = 256 * 1024;

/// A repeated part shorter than this may be chance.
const REPEAT: usize = 12;

/// Words on one line: without control and escape sequences and markup, of a list of checks only what is not well, nothing
/// twice, at most [`LONGEST`] characters. Words that are fit already stay as they are.
pub fn peer(text: &str) -> String {
    cut(&once(&plain(text)))
}

/// Words from the subject down to the deepest cause, as one line: what a layer repeats of the one below is left out.
pub fn chain<'a>(layers: impl IntoIterator<Item = &'a str>) -> String {
    let mut all = String::new();
    for layer in layers {
        let layer = plain(layer);
        if layer.is_empty() || all.contains(&layer) {
            continue;
        }
        if !all.is_empty() {
            all.push_str(": ");
        }
        all.push_str(&layer);
    }
    cut(&once(&all))
}

/// One line that a terminal and a log can take.
fn plain(text: &str) -> String {
    let text = without_escapes(start(text, LOOKED_AT));
    let text = markup(&text).unwrap_or(text);
    let text = if text.contains("[+]") || text.contains("[-]") {
        // Wrapped as a quotation somewhere on its way.
        text.replace("\\n", "\n")
    } else {
        text
    };
    let lines: Vec<String> = text.lines().map(tidy).filter(|line| !line.is_empty()).collect();
    unwell(&lines).unwrap_or_else(|| join(&lines))
}

/// The beginning, cut between characters.
fn start(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Takes out escape sequences whole, and every other character that steers; line ends stay.
fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                Some('[') => skip_parameters(&mut chars),
                Some(']' | 'P' | 'X' | '^' | '_') => skip_string(&mut chars),
                _ => {}
            },
            '\u{9b}' => skip_parameters(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut chars),
            '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            c if c.is_control() => out.push(' '),
            // Marks that reorder or hide what is shown.
            '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => {}
            c => out.push(c),
        }
    }
    out
}

fn skip_parameters(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(c) = chars.next_if(|c| matches!(c, ' '..='~')) {
        if matches!(c, '@'..='~') {
            return;
        }
    }
}

fn skip_string(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    // One without an end takes its line at most.
    while let Some(c) = chars.next_if(|c| !matches!(c, '\n' | '\r')) {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                chars.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

/// The words of a page: of proxies and gateways that answer in a peer's place.
fn markup(text: &str) -> Option<String> {
    let start = text.trim_start();
    let head: String = start.chars().take(14).collect::<String>().to_ascii_lowercase();
    if !head.starts_with("<!doctype html") && !head.starts_with("<html") {
        return None;
    }
    // Lower case of ASCII only: offsets stay those of the text.
    let lower = start.to_ascii_lowercase();
    let title = lower.find("<title>").map(|at| at + "<title>".len());
    if let Some(from) = title
        && let Some(length) = lower[from..].find("</title>")
    {
        return Some(start[from..from + length].to_owned());
    }
    let mut out = String::new();
    let mut inside = false;
    for c in start.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                out.push(' ');
            }
            c if !inside => out.push(c),
            _ => {}
        }
    }
    Some(out)
}

/// Single spaces, no bullet.
fn tidy(line: &str) -> String {
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_start_matches("* ").to_owned()
}

/// Of the checks of `/readyz` and its like (`[+]name ok`, `[-]name failed: reason withheld`): those that are not well.
fn unwell(lines: &[String]) -> Option<String> {
    let of_list = |line: &&String| line.contains("[+]") || line.contains("[-]");
    let first = lines.iter().find(of_list)?;
    let before = first.find("[+]").into_iter().chain(first.find("[-]")).min()?;
    let mut failed: Vec<String> = Vec::new();
    for line in lines {
        let Some((_, check)) = line.split_once("[-]") else {
            continue;
        };
        let name = match check.split_once(" failed: ") {
            Some((name, reason)) if reason != "reason withheld" => format!("{name} ({reason})"),
            Some((name, _)) => name.to_owned(),
            None => check.trim_end_matches(" failed").to_owned(),
        };
        if !failed.contains(&name) {
            failed.push(name);
        }
    }
    let unnamed = failed.len().saturating_sub(NAMED);
    failed.truncate(NAMED);
    let mut list = failed.join(", ");
    if unnamed > 0 {
        list = format!("{list} and {unnamed} more");
    }
    let verdict = match failed.as_slice() {
        // A list in which all is well, and nothing beside it.
        [] => lines
            .iter()
            .rfind(|line| !of_list(line))
            .map_or("", |line| line)
            .to_owned(),
        _ => format!("not ok: {list}"),
    };
    Some(format!("{}{verdict}", &first[..before]))
}

/// Lines as one, none twice.
fn join(lines: &[String]) -> String {
    let mut out = String::new();
    for (n, line) in lines.iter().enumerate() {
        if lines[..n].contains(line) {
            continue;
        }
        if !out.is_empty() {
            let introduces = out.ends_with([':', ';', ',']);
            out.push_str(if introduces { " " } else { "; " });
        }
        out.push_str(line);
    }
    out
}

/// Leaves out parts (between colons) that were said before.
fn once(text: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for part in text.split(": ") {
        let repeats = kept.last() == Some(&part) || (part.len() >= REPEAT && kept.contains(&part));
        if !repeats {
            kept.push(part);
        }
    }
    kept.join(": ")
}

/// Cuts the middle out: the beginning has the subject, the end the deepest cause.
fn cut(text: &str) -> String {
    const GAP: &str = " … ";
    let count = text.chars().count();
    if count <= LONGEST {
        return text.to_owned();
    }
    let head = LONGEST * 2 / 3;
    let tail = LONGEST - head - GAP.chars().count();
    let beginning: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    format!("{}{GAP}{}", beginning.trim_end(), end.trim_start())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As a starting API server of Kubernetes 1.35 answers.
    const READYZ: &str = "[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n[+]informer-sync ok\n[-]poststarthook/rbac/bootstrap-roles failed: reason withheld\n[+]poststarthook/start-apiextensions-informers ok\nreadyz check failed\n";

    #[test]
    fn of_the_checks_of_an_api_server_only_what_is_not_well_is_told() {
        assert_eq!(peer(READYZ), "not ok: etcd, poststarthook/rbac/bootstrap-roles");
        let quoted = format!("ApiError: {READYZ:?}: Failed");
        assert!(
            peer(&quoted).starts_with("ApiError: \"not ok: etcd, "),
            "{}",
            peer(&quoted)
        );
        assert_eq!(peer("[-]etcd failed: no leader\n[+]log ok"), "not ok: etcd (no leader)");
        assert_eq!(peer("[+]ping ok\nlivez check failed"), "livez check failed");
        let many: Vec<String> = (0..30)
            .map(|n| format!("[-]hook-{n} failed: reason withheld"))
            .collect();
        assert_eq!(
            peer(&many.join("\n")),
            "not ok: hook-0, hook-1, hook-2, hook-3, hook-4, hook-5 and 24 more"
        );
    }

    #[test]
    fn lists_of_a_node_become_one_line() {
        let text = "configuration validation failed: 1 error occurred:\n\t* v1alpha1.Config: 2 errors occurred:\n\t* issuing CA is required\n\t* no machine type\n\n\n\n";
        assert_eq!(
            peer(text),
            "configuration validation failed: 1 error occurred: v1alpha1.Config: 2 errors occurred: issuing CA is required; no machine type"
        );
        let image = "Failed to run pre stage: failed to pull image \"a/b:v1\": 1 error(s) occurred:\n\tfailed to pull image \"a/b:v1\": failed to resolve reference \"a/b:v1\": not found";
        assert_eq!(
            peer(image),
            "Failed to run pre stage: failed to pull image \"a/b:v1\": 1 error(s) occurred: failed to resolve reference \"a/b:v1\": not found"
        );
    }

    #[test]
    fn sequences_that_steer_a_terminal_leave_nothing_behind() {
        assert_eq!(
            peer("\u{1b}[1;31mno\u{1b}[0m\u{1b}]0;title\u{7} way\u{9b}2J\r\nhere\u{202e}"),
            "no way; here"
        );
        assert_eq!(peer("a\u{1b}]never ended\nb"), "a; b");
    }

    #[test]
    fn a_page_of_a_gateway_is_told_by_its_title() {
        let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502</h1></body></html>";
        assert_eq!(peer(page), "502 Bad Gateway");
        assert_eq!(peer("<!DOCTYPE html><body><p>no <b>entry</b></p>"), "no entry");
    }

    #[test]
    fn a_chain_says_what_its_layers_repeat_once() {
        let layers = [
            "ServiceError: connect to x: refused",
            "connect to x: refused",
            "refused",
        ];
        assert_eq!(chain(layers), "ServiceError: connect to x: refused");
        let framed = format!("ApiError: {READYZ}: Failed to parse error data");
        assert_eq!(
            chain(["read the record", framed.as_str(), READYZ])
                .matches("etcd")
                .count(),
            1
        );
    }

    #[test]
    fn what_is_long_keeps_its_beginning_and_its_end() {
        let text = format!("install demo: {} timed out", "x ".repeat(5000));
        let cut = peer(&text);
        assert!(cut.chars().count() <= LONGEST, "{}", cut.chars().count());
        assert!(
            cut.starts_with("install demo: x") && cut.ends_with("timed out"),
            "{cut}"
        );
    }

    proptest! {
        #[test]
        fn any_words_become_one_bounded_line_that_steers_nothing(text in any::<String>(), long in 0usize..40) {
            let fit = peer(&text.repeat(long));
            prop_assert!(fit.chars().count() <= LONGEST);
            prop_assert!(!fit.chars().any(char::is_control));
            prop_assert_eq!(peer(&fit), fit);
        }

        #[test]
        fn pieces_of_what_peers_say_become_fit_at_once(pieces in proptest::collection::vec(
            prop::sample::select(vec!["[+]a ok", "[-]b failed: reason withheld", "\n", ": ", "\u{1b}[", "\u{1b}]", "* ", "<html>", "<title>", "</title>", "word", "; ", "\\n", "failed to pull image", " … "]), 0..60)) {
            let fit = peer(&pieces.concat());
            prop_assert!(fit.chars().count() <= LONGEST);
            prop_assert!(!fit.chars().any(char::is_control));
        }
    }
}
