//! Sections of a job's log in GitLab CI: marks that the system folds lines by. Pure.
//!
//! A mark needs an escape character, which no text of others keeps, so nobody else can begin a section.

use jiff::Timestamp;

use crate::text;

/// Whether a section is shown folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Only its title, until somebody opens it.
    Folded,
    /// All of it.
    Open,
}

/// A section of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    name: String,
}

impl Section {
    /// The section of this number in a run on this cluster. Its name is the only one of its kind in a job.
    pub(crate) fn new(cluster: &str, number: usize) -> Self {
        let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let cluster: String = cluster.chars().map(allowed).collect();
        Self {
            name: format!("butler_{cluster}_{number}"),
        }
    }

    /// The mark of its begin, with its title.
    pub(crate) fn begin(&self, time: Timestamp, title: &str, shown: Shown) -> String {
        let folded = match shown {
            Shown::Folded => "[collapsed=true]",
            Shown::Open => "",
        };
        let title = text::sanitise_line(title);
        format!(
            "\x1b[0Ksection_start:{}:{}{folded}\r\x1b[0K{title}",
            time.as_second(),
            self.name
        )
    }

    /// The mark of its end.
    pub(crate) fn end(&self, time: Timestamp) -> String {
        format!("\x1b[0Ksection_end:{}:{}\r\x1b[0K", time.as_second(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_have_time_name_and_title() {
        let time = Timestamp::from_second(1_560_896_352).unwrap();
        let section = Section::new("mgmt.a-b", 2);
        assert_eq!(
            section.begin(time, "provisioning\x1b[0K machines", Shown::Folded),
            "\x1b[0Ksection_start:1560896352:butler_mgmt_a_b_2[collapsed=true]\r\x1b[0Kprovisioning\u{fffd}[0K machines"
        );
        assert_eq!(
            section.begin(time, "summary", Shown::Open),
            "\x1b[0Ksection_start:1560896352:butler_mgmt_a_b_2\r\x1b[0Ksummary"
        );
        assert_eq!(
            section.end(time),
            "\x1b[0Ksection_end:1560896352:butler_mgmt_a_b_2\r\x1b[0K"
        );
    }
}
