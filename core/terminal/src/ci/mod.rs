//! Jobs of CI systems: in which one this process runs, and what is said to it beside the log.
//!
//! Only what each system understands: GitHub Actions has groups, annotations and a step summary; GitLab CI has sections.

pub(crate) mod github;
pub(crate) mod gitlab;
pub(crate) mod step_summary;

use std::path::{Path, PathBuf};

use self::github::Severity;
use crate::{
    Env, Failure, Ui,
    env::{GITHUB_ACTIONS, GITHUB_STEP_SUMMARY, GITHUB_WORKSPACE, GITLAB_CI},
    failure::Remark,
};

/// What the user chose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// What the environment tells.
    #[default]
    Auto,
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
    /// No CI system.
    None,
}

/// A CI system that is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// GitHub Actions.
    GitHub,
    /// GitLab CI.
    GitLab,
}

/// The job that this process runs in; by default none.
#[derive(Debug, Clone, Default)]
pub struct Job {
    system: Option<System>,
    /// Folder that the paths of annotations are relative to.
    workspace: Option<PathBuf>,
    /// File that the summary is appended to.
    summary: Option<PathBuf>,
}

impl Job {
    /// The job that was chosen, or that the environment tells.
    pub fn of(choice: Choice, env: &Env) -> Self {
        let system = match choice {
            Choice::Auto if env.is_on(GITHUB_ACTIONS) => Some(System::GitHub),
            Choice::Auto if env.is_on(GITLAB_CI) => Some(System::GitLab),
            Choice::Auto | Choice::None => None,
            Choice::Github => Some(System::GitHub),
            Choice::Gitlab => Some(System::GitLab),
        };
        let path = |name| env.get(name).map(PathBuf::from);
        Self {
            system,
            workspace: path(GITHUB_WORKSPACE),
            summary: path(GITHUB_STEP_SUMMARY),
        }
    }

    /// The system that is written for.
    pub fn system(&self) -> Option<System> {
        self.system
    }

    /// The file for a summary in Markdown, where the system has one.
    pub(crate) fn summary(&self) -> Option<&Path> {
        self.summary.as_deref().filter(|_| self.system == Some(System::GitHub))
    }

    /// Does the work of a command; how it fails is said to the system too.
    pub fn with<T>(&self, ui: &Ui, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        if self.system == Some(System::GitHub) {
            ui.disarm();
        }
        let result = work();
        if let Err(failure) = &result {
            ui.close_section();
            self.annotate(ui, Severity::Error, &failure.remarks());
        }
        result
    }

    /// Says to the system what people should know although nothing failed. People are told elsewhere.
    pub fn warn(&self, ui: &Ui, remarks: &[Remark]) {
        self.annotate(ui, Severity::Warning, remarks);
    }

    fn annotate(&self, ui: &Ui, severity: Severity, remarks: &[Remark]) {
        if self.system == Some(System::GitHub) {
            for annotation in github::annotations(severity, remarks, |file| self.shown(file)) {
                ui.command(&annotation);
            }
        }
    }

    /// A file as the system finds it: relative to the workspace where it is below that.
    fn shown(&self, file: &Path) -> PathBuf {
        let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let below = self.workspace.as_deref().and_then(|root| {
            let direct = absolute.strip_prefix(root).map(Path::to_owned);
            // The working directory is known by its real name, the workspace perhaps by another one.
            direct.ok().or_else(|| {
                let (root, real) = (root.canonicalize().ok()?, absolute.canonicalize().ok()?);
                real.strip_prefix(root).map(Path::to_owned).ok()
            })
        });
        below.unwrap_or(absolute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exit, UiOptions, failure::Place};

    #[test]
    fn the_environment_tells_unless_the_user_does() {
        let of = |choice, env: &[(&str, &str)]| Job::of(choice, &env.iter().copied().collect()).system();
        let (github, gitlab) = (("GITHUB_ACTIONS", "true"), ("GITLAB_CI", "true"));
        assert_eq!(of(Choice::Auto, &[]), None);
        assert_eq!(of(Choice::Auto, &[("CI", "true")]), None);
        assert_eq!(of(Choice::Auto, &[github]), Some(System::GitHub));
        assert_eq!(of(Choice::Auto, &[gitlab]), Some(System::GitLab));
        assert_eq!(of(Choice::Gitlab, &[github]), Some(System::GitLab));
        assert_eq!(of(Choice::Github, &[]), Some(System::GitHub));
        assert_eq!(of(Choice::None, &[github, gitlab]), None);
    }

    #[test]
    fn a_file_below_the_workspace_is_named_from_there() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("work");
        std::fs::create_dir(&workspace).unwrap();
        let env: Env = [("GITHUB_WORKSPACE", &workspace)].into_iter().collect();
        let job = Job::of(Choice::Github, &env);
        assert_eq!(
            job.shown(&workspace.join("clusters/demo.yaml")),
            Path::new("clusters/demo.yaml")
        );
        let elsewhere = folder.path().join("demo.yaml");
        assert_eq!(job.shown(&elsewhere), elsewhere);
        #[cfg(unix)]
        {
            std::fs::write(workspace.join("demo.yaml"), "").unwrap();
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(&workspace, &link).unwrap();
            assert_eq!(job.shown(&link.join("demo.yaml")), Path::new("demo.yaml"));
        }
    }

    #[test]
    fn a_failure_is_annotated_as_a_whole_or_part_by_part() {
        let said = |choice, failure: Failure| {
            let (ui, captured) = Ui::captured(UiOptions::default(), &Env::default(), None);
            let job = Job::of(choice, &Env::default());
            let result: Result<(), Failure> = job.with(&ui, || {
                ui.open_section("begin", "end");
                Err(failure)
            });
            assert!(result.is_err());
            captured.stderr()
        };
        let whole = || Failure::new(Exit::Deadline, "too late").cause("no answer").hint("wait");
        assert_eq!(
            said(Choice::Github, whole()),
            "begin\nend\n::error::too late%0Ano answer%0Ahint: wait\n"
        );
        let part = |line| Remark {
            message: format!("wrong {line}"),
            place: Some(Place {
                file: "/etc/demo.yaml".into(),
                line,
                column: 3,
            }),
            ..Remark::default()
        };
        assert_eq!(
            said(Choice::Github, whole().remark(part(4)).remark(part(7))),
            "begin\nend\n::error file=/etc/demo.yaml,line=4,col=3::wrong 4\n::error file=/etc/demo.yaml,line=7,col=3::wrong 7\n"
        );
        assert_eq!(said(Choice::Gitlab, whole()), "begin\nend\n");
    }
}
