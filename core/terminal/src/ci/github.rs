//! Commands of GitHub Actions: lines of the log that the system obeys. Pure.

use std::path::{Path, PathBuf};

use crate::{
    failure::{Place, Remark},
    text,
};

/// The system shows so many annotations of a kind for each step.
const ANNOTATIONS: usize = 10;

/// Longest text of an annotation, in columns.
const MESSAGE: usize = 4000;

/// Longest title of an annotation, in columns.
const TITLE: usize = 200;

/// Ends a group.
pub(crate) const END_GROUP: &str = "::endgroup::";

/// What an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Something failed.
    Error,
    /// Nothing failed, but it should be known.
    Warning,
}

/// Begins a group of lines.
pub(crate) fn group(title: &str) -> String {
    format!("::group::{}", data(&words(title)))
}

/// One annotation for each remark; the last one counts those that the system would not show. `shown` gives the name by which
/// the system knows a file.
pub(crate) fn annotations(severity: Severity, remarks: &[Remark], shown: impl Fn(&Path) -> PathBuf) -> Vec<String> {
    let room = if remarks.len() > ANNOTATIONS {
        ANNOTATIONS - 1
    } else {
        ANNOTATIONS
    };
    let mut annotations: Vec<String> = remarks
        .iter()
        .take(room)
        .map(|remark| annotation(severity, remark, &shown))
        .collect();
    let more = remarks.len().saturating_sub(room);
    if more > 0 {
        let rest = Remark {
            message: format!("and {more} more, in the log"),
            ..Remark::default()
        };
        annotations.push(annotation(severity, &rest, &shown));
    }
    annotations
}

fn annotation(severity: Severity, remark: &Remark, shown: &impl Fn(&Path) -> PathBuf) -> String {
    let command = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut properties = Vec::new();
    if let Some(Place { file, line, column }) = &remark.place {
        let file = shown(file).display().to_string();
        properties.push(format!("file={}", property(&words(&file))));
        if *line > 0 {
            properties.push(format!("line={line},col={column}"));
        }
    }
    if let Some(title) = &remark.title {
        let title = text::cut(&words(title), TITLE);
        properties.push(format!("title={}", property(&title)));
    }
    let separator = if properties.is_empty() { "" } else { " " };
    let hints = remark.hint.iter().flat_map(|hint| hint.lines());
    let message = hints.fold(remark.message.trim_end().to_owned(), |message, hint| {
        format!("{message}\nhint: {hint}")
    });
    let message = text::cut(&text::disarm(&text::sanitise(&message)), MESSAGE);
    format!("::{command}{separator}{}::{}", properties.join(","), data(&message))
}

/// Text of others on one line, which holds no command of its own.
fn words(text: &str) -> String {
    text::disarm(&text::sanitise_line(text))
}

/// Text behind a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(remark: &Remark) -> String {
        annotation(Severity::Error, remark, &|file: &Path| file.to_owned())
    }

    #[test]
    fn what_has_a_meaning_in_a_command_is_escaped() {
        let remark = Remark {
            title: Some("a: b, c\n::d".to_owned()),
            message: "100% of\r\n::error::x\x1b[2J ##[debug]y".to_owned(),
            hint: Some("one\ntwo".to_owned()),
            place: Some(Place {
                file: "a,b:c.yaml".into(),
                line: 3,
                column: 5,
            }),
        };
        assert_eq!(
            shown(&remark),
            "::error file=a%2Cb%3Ac.yaml,line=3,col=5,title=a%3A b%2C c %3A%3Ad::100%25 of%0A: :error::x\u{fffd}[2J ## [debug]y%0Ahint: one%0Ahint: two"
        );
        assert_eq!(group("50%\nx"), "::group::50%25 x");
    }

    #[test]
    fn a_place_without_a_line_names_the_file() {
        let place = Place {
            file: "demo.yaml".into(),
            line: 0,
            column: 0,
        };
        let remark = Remark {
            message: "changed".to_owned(),
            place: Some(place),
            ..Remark::default()
        };
        assert_eq!(shown(&remark), "::error file=demo.yaml::changed");
    }

    #[test]
    fn more_than_the_system_shows_are_counted() {
        let remarks = |count| -> Vec<Remark> {
            let remark = |i| Remark {
                message: format!("no. {i}"),
                ..Remark::default()
            };
            (1..=count).map(remark).collect()
        };
        let shown = |count| annotations(Severity::Warning, &remarks(count), Path::to_owned);
        assert_eq!(shown(10).last().unwrap(), "::warning::no. 10");
        let many = shown(12);
        assert_eq!(many.len(), 10);
        assert_eq!(many[8..], ["::warning::no. 9", "::warning::and 3 more, in the log"]);
    }

    #[test]
    fn an_endless_message_is_cut() {
        let remark = Remark {
            message: "x".repeat(1 << 20),
            ..Remark::default()
        };
        assert!(shown(&remark).len() < 2 * MESSAGE);
    }
}
