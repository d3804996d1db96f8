//! The formats an answer can have.

use serde::Serialize;

use crate::{Exit, Failure, Table};

/// Format of the answer on stdout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A table for people.
    #[default]
    Table,
    /// A table with more columns.
    Wide,
    /// Indented JSON, for programs.
    Json,
    /// YAML, for programs and for people who edit it.
    Yaml,
    /// Names only, one per line.
    Name,
}

/// What a command answers with.
pub trait Answer: Serialize {
    /// The answer as people read it.
    fn table(&self) -> Table;

    /// The names in it.
    fn names(&self) -> Vec<String>;
}

/// The text of an answer in a format for programs; none for the tables.
pub(crate) fn encode(answer: &impl Answer, format: Format) -> Result<Option<String>, Failure> {
    match format {
        Format::Table | Format::Wide => Ok(None),
        Format::Json => json(answer).map(Some),
        Format::Yaml => yaml(answer).map(Some),
        Format::Name => Ok(Some(answer.names().into_iter().map(|name| name + "\n").collect())),
    }
}

/// Indented JSON with a line end.
pub fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing("cannot write the answer as JSON"))
}

/// JSON in one line.
pub fn json_line(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value)
        .map(|text| text + "\n")
        .map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing("cannot write the answer as JSON"))
}

/// YAML with a line end.
pub fn yaml(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_saphyr::to_string(value)
        .map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing("cannot write the answer as YAML"))?;
    Ok(if text.ends_with('\n') { text } else { text + "\n" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    #[serde(transparent)]
    struct List(Vec<&'static str>);

    impl Answer for List {
        fn table(&self) -> Table {
            let mut table = Table::new(&["NAME"], &[]);
            for name in &self.0 {
                table.row([(*name).into()]);
            }
            table
        }

        fn names(&self) -> Vec<String> {
            self.0.iter().map(ToString::to_string).collect()
        }
    }

    #[test]
    fn an_empty_list_is_an_empty_list() {
        let encode = |format| encode(&List(Vec::new()), format).unwrap();
        assert_eq!(encode(Format::Json).as_deref(), Some("[]\n"));
        assert_eq!(encode(Format::Yaml).as_deref(), Some("[]\n"));
        assert_eq!(encode(Format::Name).as_deref(), Some(""));
        assert_eq!(encode(Format::Table), None);
    }

    #[test]
    fn yaml_quotes_what_would_change_its_type() {
        let text = encode(&List(vec!["no", "1.10", "plain"]), Format::Yaml)
            .unwrap()
            .unwrap();
        let back: Vec<String> = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(back, ["no", "1.10", "plain"]);
        assert!(!text.contains("- no\n"), "{text}");
    }
}
