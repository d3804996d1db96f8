//! The questions one by one: what whoever asks a single question at a time needs, and what a list of missing answers is made of.

use std::collections::BTreeSet;

use crate::{
    finding::Severity,
    question::{Origin, Question, Step},
    session::Session,
};

/// A way through the questions. It knows which are behind it; the answers are in the session.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    /// Questions that were asked, in order.
    behind: Vec<String>,
    /// Steps of which the questions that are usually left alone are asked too.
    thorough: BTreeSet<Step>,
}

impl Walk {
    /// The question that comes next; none where all are behind. An answer may bring or take away questions: those that come
    /// before what was asked are asked as well.
    pub fn next(&self, session: &Session) -> Option<Question> {
        let asked: BTreeSet<&str> = self.behind.iter().map(String::as_str).collect();
        questions(session).find(|question| self.is_asked(question) && !asked.contains(question.path.as_str()))
    }

    /// The question is behind.
    pub fn pass(&mut self, path: &str) {
        self.behind.retain(|other| other != path);
        self.behind.push(path.to_owned());
    }

    /// The question is to be asked once more.
    pub fn ask_again(&mut self, path: &str) {
        self.behind.retain(|other| other != path);
    }

    /// Takes the last question that still applies before the current one, so that it is the next again; none at the begin.
    pub fn back(&mut self, session: &Session) -> Option<Question> {
        while let Some(path) = self.behind.pop() {
            if let Some(question) = session.question(&path) {
                return Some(question);
            }
        }
        None
    }

    /// Asks for everything of a step, also what is usually left alone.
    pub fn be_thorough(&mut self, step: Step) {
        self.thorough.insert(step);
    }

    /// How many questions of a step are passed over because they are usually left alone.
    pub fn passed_over(&self, session: &Session, step: Step) -> usize {
        session
            .questions(step)
            .iter()
            .filter(|question| !self.is_asked(question))
            .count()
    }

    /// Rare questions are asked where they must be answered, have been, or are wrong.
    fn is_asked(&self, question: &Question) -> bool {
        let is_wrong = question
            .finding
            .as_ref()
            .is_some_and(|finding| finding.severity == Severity::Error);
        let is_open = question.required && question.usual.is_none();
        !question.rare || is_wrong || is_open || self.thorough.contains(&question.step)
    }

    /// Takes what somebody typed for a question: empty leaves it as it is.
    pub fn reply(&mut self, session: &mut Session, path: &str, text: &str, origin: Origin) {
        if !text.trim().is_empty() {
            session.answer(path, text, origin);
        }
        self.pass(path);
    }
}

/// Every question that applies, in order.
pub fn questions(session: &Session) -> impl Iterator<Item = Question> {
    Step::ALL.into_iter().flat_map(|step| session.questions(step))
}

/// A setting that keeps the file from being complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// The setting; empty for the whole file.
    pub path: String,
    /// What is so.
    pub message: String,
    /// What can be done about it.
    pub hint: Option<String>,
    /// The argument that would answer it, such as `--set network.vip=ADDRESS`; none where no single answer would.
    pub argument: Option<String>,
}

/// What keeps the file from being complete.
pub fn lacking(session: &Session) -> Vec<Lacking> {
    let errors = session.findings().into_iter();
    errors
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| {
            let question = session.question(&finding.path);
            Lacking {
                argument: question.map(|question| format!("--set {}={}", question.path, placeholder(&question))),
                path: finding.path,
                message: finding.message,
                hint: finding.hint,
            }
        })
        .collect()
}

/// What an answer looks like, in a word.
fn placeholder(question: &Question) -> String {
    use crate::question::Kind;
    match &question.kind {
        Kind::Text => "VALUE".to_owned(),
        Kind::Number { .. } => "NUMBER".to_owned(),
        Kind::Choice(words) => {
            let words: Vec<&str> = words.iter().map(|word| word.value.as_str()).collect();
            words.join("|")
        }
        Kind::Flag => "yes|no".to_owned(),
        Kind::Texts => "VALUE,VALUE".to_owned(),
        Kind::Secret => "env:NAME".to_owned(),
    }
}
