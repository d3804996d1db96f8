//! Objects that are watched, as answers: a table that grows by a row with every change, as `kubectl get --watch` prints it, or
//! one JSON document in each line.

use std::ops::ControlFlow;

use butler_tenancy::follow::Step;
use butler_terminal::{Failure, Format, Table, Ui};
use kube::api::DynamicObject;
use serde::Serialize;

use crate::objects::full_name;

/// Prints what is watched.
pub struct Watched<'a, R> {
    ui: &'a Ui,
    format: Format,
    /// The table of objects; the second value says that they are gone.
    table: R,
    above: Option<Table>,
}

/// A line of the stream, as the API server writes it.
#[derive(Serialize)]
struct Line<'a> {
    r#type: &'static str,
    object: &'a DynamicObject,
}

impl<'a, R: FnMut(&[DynamicObject], bool) -> Table> Watched<'a, R> {
    /// Nothing is printed yet.
    pub fn new(ui: &'a Ui, format: Format, table: R) -> Self {
        Self {
            ui,
            format,
            table,
            above: None,
        }
    }

    /// Prints a step. It breaks where nobody reads any more, or nothing can be printed.
    pub fn show(&mut self, step: Step) -> ControlFlow<Result<(), Failure>> {
        let printed = match step {
            Step::First(objects) => self.print("ADDED", &objects),
            Step::Changed(object) => self.print("MODIFIED", &[object]),
            Step::Gone(object) => self.print("DELETED", &[object]),
            Step::Trouble(words) => {
                self.ui
                    .warn(&format!("the watch is interrupted and begins again: {words}"), None);
                Ok(())
            }
        };
        match printed {
            Ok(()) if self.ui.is_unread() => ControlFlow::Break(Ok(())),
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => ControlFlow::Break(Err(failure)),
        }
    }

    fn print(&mut self, kind: &'static str, objects: &[DynamicObject]) -> Result<(), Failure> {
        match self.format {
            Format::Table | Format::Wide => self.rows(kind == "DELETED", objects),
            Format::Json => objects.iter().try_for_each(|object| {
                let line = butler_terminal::output::json_line(&Line { r#type: kind, object })?;
                self.ui.print_json(&line)
            }),
            Format::Yaml => objects.iter().try_for_each(|object| {
                let document = butler_terminal::output::yaml(&Line { r#type: kind, object })?;
                self.ui.print(&format!("---\n{document}"))
            }),
            Format::Name => objects
                .iter()
                .try_for_each(|object| self.ui.print(&(full_name(object) + "\n"))),
        }
    }

    fn rows(&mut self, gone: bool, objects: &[DynamicObject]) -> Result<(), Failure> {
        let table = (self.table)(objects, gone);
        if table.is_empty() {
            return Ok(());
        }
        let wide = self.format == Format::Wide;
        let lines = match &self.above {
            Some(above) => table.lines_below(above, wide),
            None => table.lines(wide, None),
        };
        self.above.get_or_insert_with(|| table.widest());
        self.ui.print_lines(&lines)
    }
}
