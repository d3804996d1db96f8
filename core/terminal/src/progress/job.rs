//! Progress in a job of a CI system: lines below a section for each phase, and at the end a summary.

use butler_api::{
    event::{Body, Event},
    view::View,
};
use jiff::Timestamp;

use super::{Plain, Progress, Quiet, frame::phase_words, summary::Summary};
use crate::{
    Ui,
    ci::{
        Job, System, github,
        gitlab::{Section, Shown},
        step_summary,
    },
    failure::Remark,
};

/// Prints lines, sections and a summary.
pub(super) struct InJob {
    ui: Ui,
    job: Job,
    system: System,
    lines: Box<dyn Progress>,
    view: View,
    /// Sections so far; their number is part of their name.
    sections: usize,
    ended: bool,
}

impl InJob {
    /// A renderer for a job of this system.
    pub(super) fn new(ui: Ui, job: Job, system: System) -> Self {
        let lines: Box<dyn Progress> = if ui.options().quiet {
            Box::new(Quiet { ui: ui.clone() })
        } else {
            Box::new(Plain::below_headings(ui.clone()))
        };
        Self {
            ui,
            job,
            system,
            lines,
            view: View::default(),
            sections: 0,
            ended: false,
        }
    }

    /// A phase that has only an end has no lines of its own.
    fn enter(&mut self, phase: &str) {
        self.ui.close_section();
        if !matches!(phase, "Ready" | "Failed") {
            self.open(&phase_words(phase), Shown::Folded);
        }
    }

    fn open(&mut self, title: &str, shown: Shown) {
        let Some(now) = self.view.now().filter(|_| !self.ui.options().quiet) else {
            return;
        };
        self.sections += 1;
        match self.system {
            System::GitHub => self.ui.open_section(&github::group(title), github::END_GROUP),
            System::GitLab => {
                let section = self.section();
                self.ui
                    .open_section(&section.begin(now, title, shown), &section.end(now));
            }
        }
    }

    fn section(&self) -> Section {
        Section::new(&self.view.cluster, self.sections)
    }

    /// The end of a section holds its time, which is not known before.
    fn time_passes(&self) {
        if let (System::GitLab, Some(now)) = (self.system, self.view.now()) {
            self.ui.renew_section_end(&self.section().end(now));
        }
    }

    fn summarise(&mut self) {
        let summary = Summary::of(&self.view);
        match self.system {
            System::GitHub => {
                let remark = |(message, hint): &(String, Option<String>)| Remark {
                    title: Some(self.view.cluster.clone()),
                    message: message.clone(),
                    hint: hint.clone(),
                    place: None,
                };
                let remarks: Vec<Remark> = self.view.warnings.iter().map(remark).collect();
                self.job.warn(&self.ui, &remarks);
                if let Some(path) = self.job.summary()
                    && let Err(error) = step_summary::append(path, &summary.markdown())
                {
                    self.ui.warn(&error.to_string(), None);
                }
            }
            System::GitLab if self.ui.options().quiet => {}
            System::GitLab => {
                self.open("summary", Shown::Open);
                self.ui.lines(&summary.lines());
                self.ui.close_section();
            }
        }
    }
}

impl Progress for InJob {
    fn event(&mut self, event: &Event) {
        let before = self.view.phase.clone();
        self.view.apply(event);
        self.time_passes();
        match &event.body {
            Body::PhaseChanged { phase } if *phase != before => self.enter(phase),
            Body::RunFinished { .. } => self.ui.close_section(),
            _ => {}
        }
        self.lines.event(event);
    }

    fn tick(&mut self, now: Timestamp) {
        self.view.tick(now);
        self.time_passes();
        self.lines.tick(now);
    }

    fn finish(&mut self) {
        self.lines.finish();
        self.ui.close_section();
        if self.view.started.is_some() && !self.ended {
            self.ended = true;
            self.summarise();
        }
    }
}

#[cfg(test)]
mod tests;
