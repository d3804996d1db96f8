//! Values of a chart on the command line.

use std::path::PathBuf;

use butler_tenancy::addons::values::{self, Given, SetKind, Values};
use butler_terminal::{Exit, Failure};

use crate::commands::input;

/// Values of a chart.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Values of the chart")]
pub(super) struct ValuesArgs {
    /// File with values (YAML or JSON; - is standard input; repeatable)
    #[arg(short = 'f', long, visible_alias = "filename", value_name = "FILE")]
    values: Vec<PathBuf>,
    /// Values as Helm writes them, such as replicas=3,service.type=NodePort (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The same, where all values are texts (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    set_string: Vec<String>,
}

impl ValuesArgs {
    /// What all of them come to.
    pub(super) fn read(&self) -> Result<Values, Failure> {
        let mut given = Vec::new();
        for file in &self.values {
            given.push(Given::File {
                name: file.display().to_string(),
                text: input::read(file)?,
            });
        }
        for (kind, texts) in [(SetKind::Typed, &self.set), (SetKind::Text, &self.set_string)] {
            let texts = texts.iter().cloned();
            given.extend(texts.map(|text| Given::Set { kind, text }));
        }
        values::merged(&given).map_err(|error| Failure::from_error(Exit::Usage, &error))
    }
}
