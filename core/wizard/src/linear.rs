//! The questions as a conversation, one line at a time: for terminals that can do no more, and for whoever has a screen read
//! aloud. It says what to print and what to ask; whoever prints and reads is told nothing else.

use std::fmt::Write as _;

use jiff::Timestamp;
use secrecy::SecretString;

use crate::{
    codec,
    finding::{Finding, Severity},
    list::{About, Heard, State, Verdict, Want},
    question::{Kind, Origin, Question, Step},
    session::Session,
    walk::Walk,
};

/// Most things of a list that are printed; the others can be typed.
const MOST_SHOWN: usize = 20;

/// A conversation.
#[derive(Debug, Clone)]
pub struct Linear {
    session: Session,
    walk: Walk,
    step: Option<Step>,
    /// Steps whose rare questions were offered already.
    offered: Vec<Step>,
    /// Questions of which the options were printed already.
    shown: Option<String>,
    doing: Doing,
}

#[derive(Debug, Clone, PartialEq)]
enum Doing {
    /// Asks one question after the other.
    Asking,
    /// Asks whether what is usually left alone is gone through.
    Offering(Step),
    /// Asks whether what is wrong is gone through again.
    Mending,
    /// Somebody wants to type a secret.
    Hiding(String),
    Over,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Prints the lines, then asks.
    Ask(Line),
    /// Asks without showing what is typed; the answer goes to [`Linear::hidden`].
    Hidden {
        /// What is asked.
        words: String,
    },
    /// Asks the platform, and hands on what it says.
    Platform(Want),
    /// Everything was asked.
    Over,
}

/// A question for one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The setting that is asked for; none where something else is asked.
    pub path: Option<String>,
    /// What is printed before: headings, and what can be chosen.
    pub before: Vec<String>,
    /// The question.
    pub words: String,
    /// What an empty line stands for.
    pub usual: Option<String>,
}

impl Linear {
    /// A conversation about a session.
    pub fn new(session: Session) -> Self {
        Self {
            session,
            walk: Walk::default(),
            step: None,
            offered: Vec::new(),
            shown: None,
            doing: Doing::Asking,
        }
    }

    /// The session as it is now.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The session, when the conversation is over.
    pub fn into_session(self) -> Session {
        self.session
    }

    /// What comes next. Asked twice without a reply in between, it says the same, without what was printed before.
    pub fn upcoming(&mut self) -> Next {
        match &self.doing {
            Doing::Over => Next::Over,
            Doing::Hiding(path) => Next::Hidden {
                words: format!("{path}, which is not shown"),
            },
            Doing::Offering(step) => Next::Ask(self.offer(*step)),
            Doing::Mending => Next::Ask(Line {
                path: None,
                before: Vec::new(),
                words: "go through what is wrong again? yes or no".to_owned(),
                usual: Some("yes".to_owned()),
            }),
            Doing::Asking => self.ask(),
        }
    }

    fn ask(&mut self) -> Next {
        let next = self.walk.next(&self.session);
        if let Some(step) = self.left_alone(next.as_ref()) {
            self.offered.push(step);
            self.doing = Doing::Offering(step);
            return self.upcoming();
        }
        let Some(question) = next else { return self.end() };
        if let Some(want) = self.wanted(&question) {
            return Next::Platform(want);
        }
        let mut before = Vec::new();
        if self.step != Some(question.step) {
            if self.step == Some(Step::Machines) && question.step > Step::Machines {
                before.push(self.together());
            }
            self.step = Some(question.step);
            before.push(String::new());
            before.push(format!("{}.", question.step.title()));
        }
        if self.shown.as_ref() != Some(&question.path) {
            self.shown = Some(question.path.clone());
            before.extend(self.options(&question));
        }
        let given = question.answer.as_ref().map(|answer| answer.text.clone());
        Next::Ask(Line {
            path: Some(question.path.clone()),
            before,
            words: format!("{}: {}{}", question.group, question.label, unit(&question.kind)),
            usual: given.or(question.usual),
        })
    }

    /// A step that is left for the next question, with questions that were passed over and not offered yet. Of a step that has no
    /// others nothing was asked so far.
    fn left_alone(&self, next: Option<&Question>) -> Option<Step> {
        let from = self.step?;
        Step::ALL.into_iter().find(|step| {
            *step >= from
                && next.is_none_or(|question| *step < question.step)
                && !self.offered.contains(step)
                && self.walk.passed_over(&self.session, *step) > 0
        })
    }

    /// What the machines take, and what there is for them where that is known.
    fn together(&self) -> String {
        let (totals, room) = (self.session.totals(), self.session.room());
        let of = |room: Option<u64>| room.map_or_else(String::new, |room| format!(" of {room}"));
        format!(
            "  together: {} machines, {}{} CPUs, {}{} MiB of memory, {}{} GiB of disks",
            totals.machines,
            totals.cpu,
            of(room.cpu),
            totals.memory_mb,
            of(room.free_memory_mb),
            totals.disk_gb,
            of(room.free_disk_gb),
        )
    }

    fn offer(&self, step: Step) -> Line {
        let count = self.walk.passed_over(&self.session, step);
        let settings = if count == 1 {
            "1 setting is"
        } else {
            &format!("{count} settings are")
        };
        let is_new = self.step.is_none_or(|at| at < step);
        let heading = is_new.then(|| [String::new(), format!("{}.", step.title())]);
        Line {
            path: None,
            before: heading.into_iter().flatten().collect(),
            words: format!("{settings} usually left alone. Go through them? yes or no"),
            usual: Some("no".to_owned()),
        }
    }

    fn end(&mut self) -> Next {
        if self.session.is_complete() {
            self.doing = Doing::Over;
            return Next::Over;
        }
        self.doing = Doing::Mending;
        let Next::Ask(mut line) = self.upcoming() else {
            return Next::Over;
        };
        line.before.push(String::new());
        line.before.push("The configuration is not complete:".to_owned());
        line.before.extend(self.errors().iter().map(said));
        Next::Ask(line)
    }

    fn errors(&self) -> Vec<Finding> {
        let findings = self.session.findings().into_iter();
        findings.filter(|finding| finding.severity == Severity::Error).collect()
    }

    /// What the platform has to say before a question is asked.
    fn wanted(&self, question: &Question) -> Option<Want> {
        let wants = self.session.wants();
        let access = wants.iter().find(|want| want.about == About::Access);
        // As soon as the platform is described.
        if question.step > Step::Access
            && let Some(access) = access
        {
            return Some(access.clone());
        }
        wants.into_iter().find(|want| question.list.as_ref() == Some(want))
    }

    /// Takes what the platform said; what of it should be printed comes back.
    pub fn hear(&mut self, want: &Want, heard: Heard, now: Timestamp) -> Vec<String> {
        self.session.hear(want, heard, now);
        match (self.session.list(want), &want.about) {
            (State::Failed { error, hint, .. }, _) => {
                let mut lines = vec![format!("  could not be asked: {error}")];
                lines.extend(hint.iter().map(|hint| format!("  {hint}")));
                lines
            }
            (State::Here { .. }, About::Access) => {
                let checks = self.session.checks().iter();
                checks
                    .map(|check| {
                        let word = match check.verdict {
                            Verdict::Pass => "ok",
                            Verdict::Warn => "note",
                            Verdict::Fail => "failed",
                        };
                        let hint = check.hint.as_deref().filter(|_| check.verdict != Verdict::Pass);
                        let hint = hint.map_or_else(String::new, |hint| format!(" ({hint})"));
                        format!("  {word}: {}{hint}", check.summary)
                    })
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// Takes a line that was typed; what should be printed comes back.
    pub fn reply(&mut self, typed: &str) -> Vec<String> {
        let typed = typed.trim();
        match self.doing.clone() {
            Doing::Over | Doing::Hiding(_) => Vec::new(),
            Doing::Offering(step) => self.reply_to_offer(step, typed),
            Doing::Mending => match codec::flag(if typed.is_empty() { "yes" } else { typed }) {
                Some(true) => {
                    self.doing = Doing::Asking;
                    for finding in self.errors() {
                        self.walk.ask_again(&finding.path);
                    }
                    // What stands against the file as a whole cannot be asked for.
                    if self.walk.next(&self.session).is_none() {
                        self.doing = Doing::Over;
                    }
                    Vec::new()
                }
                Some(false) => {
                    self.doing = Doing::Over;
                    Vec::new()
                }
                None => vec!["  yes or no?".to_owned()],
            },
            Doing::Asking => match self.walk.next(&self.session) {
                Some(question) => self.reply_to(&question, typed),
                None => Vec::new(),
            },
        }
    }

    fn reply_to_offer(&mut self, step: Step, typed: &str) -> Vec<String> {
        match codec::flag(if typed.is_empty() { "no" } else { typed }) {
            Some(wanted) => {
                self.doing = Doing::Asking;
                if wanted {
                    self.walk.be_thorough(step);
                }
                Vec::new()
            }
            None if typed == "<" => {
                self.doing = Doing::Asking;
                self.offered.retain(|offered| *offered != step);
                self.back()
            }
            None => vec!["  yes or no?".to_owned()],
        }
    }

    fn reply_to(&mut self, question: &Question, typed: &str) -> Vec<String> {
        let path = question.path.as_str();
        match typed {
            "?" => return help(question),
            "<" => return self.back(),
            "-" => {
                self.session.answer(path, "", Origin::Typed);
                return Vec::new();
            }
            "" if question.required && question.answer.is_none() && question.usual.is_none() => {
                return vec!["  an answer is needed; ? tells more, ! leaves it open".to_owned()];
            }
            "" | "!" => {
                self.walk.pass(path);
                return Vec::new();
            }
            "type" if question.kind == Kind::Secret => {
                self.doing = Doing::Hiding(path.to_owned());
                return Vec::new();
            }
            _ => {}
        }
        if question.kind == Kind::Secret && !codec::is_source(typed) {
            return vec![
                "  say env:NAME, file:PATH, exec:COMMAND or keyring:SERVICE/USERNAME, or type to write it where it is not shown".to_owned(),
            ];
        }
        let (text, origin) = self.meant(question, typed);
        self.session.answer(path, &text, origin);
        self.judged(path)
    }

    /// What is wrong with the answer that was just given; a good one is behind.
    fn judged(&mut self, path: &str) -> Vec<String> {
        let finding = self.session.question(path).and_then(|question| question.finding);
        let Some(finding) = finding else {
            self.walk.pass(path);
            return Vec::new();
        };
        let mut lines = vec![said(&finding)];
        if finding.severity == Severity::Error {
            lines.push("  answer again; ! leaves it so".to_owned());
        } else {
            self.walk.pass(path);
        }
        lines
    }

    fn back(&mut self) -> Vec<String> {
        self.shown = None;
        match self.walk.back(&self.session) {
            Some(question) => {
                self.step = Some(question.step);
                self.offered.retain(|offered| *offered < question.step);
                Vec::new()
            }
            None => vec!["  this is the first question".to_owned()],
        }
    }

    /// Takes a secret that was typed where nobody sees it.
    pub fn hidden(&mut self, secret: SecretString) -> Vec<String> {
        let Doing::Hiding(path) = self.doing.clone() else {
            return Vec::new();
        };
        self.doing = Doing::Asking;
        let name = self.session.type_secret(&path, secret);
        let mut lines = vec![format!("  the file names the environment variable {name} for it")];
        lines.extend(self.judged(&path));
        lines
    }

    /// What can be chosen for a question, numbered where numbers are no answers themselves.
    fn choices(&self, question: &Question) -> Vec<(String, String)> {
        if let Kind::Choice(words) = &question.kind {
            return words
                .iter()
                .map(|word| (word.value.clone(), word.about.clone()))
                .collect();
        }
        let offers = self.session.offers(&question.path).into_iter();
        let offers = offers.map(|offer| {
            let mut facts: Vec<String> = offer
                .facts
                .iter()
                .map(|(key, value)| format!("{key} {value}"))
                .collect();
            if offer.name != offer.id {
                facts.insert(0, offer.name);
            }
            facts.extend(offer.unusable.map(|reason| format!("cannot be used: {reason}")));
            (offer.id, facts.join(", "))
        });
        offers.collect()
    }

    fn options(&self, question: &Question) -> Vec<String> {
        let choices = self.choices(question);
        let numbered = is_numbered(&choices);
        let mut lines: Vec<String> = choices
            .iter()
            .take(MOST_SHOWN)
            .enumerate()
            .map(|(i, (value, about))| {
                let mut line = if numbered {
                    format!("  {}) {value}", i + 1)
                } else {
                    format!("  {value}")
                };
                if !about.is_empty() {
                    let _ = write!(line, ": {about}");
                }
                line
            })
            .collect();
        if choices.len() > MOST_SHOWN {
            lines.push(format!("  and {} more, which can be typed", choices.len() - MOST_SHOWN));
        }
        if question.kind == Kind::Secret {
            lines.push("  env:NAME, file:PATH, exec:COMMAND or keyring:SERVICE/USERNAME say where it comes from; type asks for it".to_owned());
        }
        lines
    }

    /// A number stands for what is listed.
    fn meant(&self, question: &Question, typed: &str) -> (String, Origin) {
        let choices = self.choices(question);
        let numbered = is_numbered(&choices);
        let one = |text: &str| -> (String, bool) {
            let number = text.parse::<usize>().ok().filter(|_| numbered);
            let by_number = number.and_then(|number| choices.get(number.checked_sub(1)?));
            let listed = by_number.or_else(|| choices.iter().find(|(value, _)| value == text));
            match listed {
                Some((value, _)) => (value.clone(), true),
                None => (text.to_owned(), false),
            }
        };
        let (text, listed) = match question.kind {
            Kind::Texts => {
                let all: Vec<(String, bool)> = codec::items(typed).map(one).collect();
                let texts: Vec<&str> = all.iter().map(|(text, _)| text.as_str()).collect();
                (
                    texts.join(", "),
                    !all.is_empty() && all.iter().all(|(_, listed)| *listed),
                )
            }
            _ => one(typed),
        };
        (text, if listed { Origin::Chosen } else { Origin::Typed })
    }
}

/// Whether choices can be told by their numbers: none of them is a number itself.
fn is_numbered(choices: &[(String, String)]) -> bool {
    !choices.is_empty() && choices.iter().all(|(value, _)| value.parse::<u64>().is_err())
}

fn unit(kind: &Kind) -> String {
    match kind {
        Kind::Number { unit, .. } if !unit.is_empty() => format!(", in {unit}"),
        Kind::Flag => ", yes or no".to_owned(),
        Kind::Texts => ", with commas".to_owned(),
        _ => String::new(),
    }
}

fn help(question: &Question) -> Vec<String> {
    let mut lines = vec![format!("  {}", question.help)];
    if let Kind::Number { min, max, .. } = question.kind {
        lines.push(format!("  {min} to {max}"));
    }
    lines.push(format!("  in the file: {}", question.path));
    if let Some(answer) = &question.answer {
        lines.push(format!("  now: {} ({})", answer.text, answer.origin.as_str()));
    } else if let Some(usual) = &question.usual {
        lines.push(format!("  usual: {usual}"));
    }
    lines.push("  an empty line keeps it, - takes an answer back, < goes back, ! leaves it so".to_owned());
    lines
}

fn said(finding: &Finding) -> String {
    let word = match finding.severity {
        Severity::Error => "wrong",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let hint = finding
        .hint
        .as_deref()
        .map_or_else(String::new, |hint| format!(" ({hint})"));
    format!("  {word}: {}{hint}", finding.message)
}
