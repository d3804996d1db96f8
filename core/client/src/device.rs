//! How a device login goes on: what is done after each answer, and when. Pure; time comes in.

use std::time::Duration;

/// Pauses between two questions are no shorter, whatever a server says.
const SHORTEST: Duration = Duration::from_secs(1);
/// What is used where the server names no pause.
const USUAL: Duration = Duration::from_secs(5);
/// What a server that asks to slow down adds (RFC 8628 section 3.5), and what a failing one does.
const SLOWER: Duration = Duration::from_secs(5);
/// No pause is longer: a person waits.
const LONGEST: Duration = Duration::from_secs(30);

/// What came of a question for the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// Nobody has decided yet.
    Pending,
    /// The server is asked too often.
    SlowDown,
    /// The code is not known any more.
    Expired,
    /// Somebody has said no.
    Denied,
    /// The server could not be reached, or failed for a moment: its words.
    Trouble(String),
    /// The server failed after it had taken the code: no further question can succeed. Its words.
    Spent(String),
    /// It refuses what nothing will change. Its words.
    Refused(String),
}

/// Why a device login ended without a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// Nobody typed the code in time.
    #[error("the code has expired: nobody approved it within {}", minutes(*.0))]
    Expired(Duration),
    /// The server does not know the code before its time is over.
    #[error("the server does not know the code any more")]
    Forgotten,
    /// Somebody has said no.
    #[error("the login was denied")]
    Denied,
    /// The code was approved, and the login failed all the same.
    #[error("the login was approved, and the server could not complete it: {0}")]
    Spent(String),
    /// The server refuses.
    #[error("the server refuses the login: {0}")]
    Refused(String),
}

/// A device login that waits for a person.
#[derive(Debug, Clone)]
pub struct Waiting {
    life: Duration,
    pause: Duration,
    /// The last trouble, while there is one.
    trouble: Option<String>,
}

/// What is next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Ask again after this pause.
    Ask(Duration),
    /// It is over.
    End(DeviceError),
}

impl Waiting {
    /// A login whose code lives for so long, with the pause that the server names.
    pub fn new(life: Duration, interval: Duration) -> Self {
        let pause = if interval.is_zero() { USUAL } else { interval };
        Self {
            life,
            pause: pause.clamp(SHORTEST, LONGEST),
            trouble: None,
        }
    }

    /// The pause before the first question.
    pub fn pause(&self) -> Duration {
        self.pause
    }

    /// Why the server does not answer, while it does not.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// What follows from an answer that came so long after the beginning.
    pub fn after(&mut self, answer: Answered, elapsed: Duration) -> Next {
        self.trouble = None;
        match answer {
            Answered::Pending => {}
            Answered::SlowDown => self.pause = (self.pause + SLOWER).min(LONGEST),
            Answered::Trouble(words) => {
                self.pause = (self.pause + SLOWER).min(LONGEST);
                self.trouble = Some(words);
            }
            Answered::Denied => return Next::End(DeviceError::Denied),
            Answered::Spent(words) => return Next::End(DeviceError::Spent(words)),
            Answered::Refused(words) => return Next::End(DeviceError::Refused(words)),
            // It truncates its seconds, so that it may be right a second before we know.
            Answered::Expired if elapsed + Duration::from_secs(2) < self.life => {
                return Next::End(DeviceError::Forgotten);
            }
            Answered::Expired => return Next::End(DeviceError::Expired(self.life)),
        }
        if elapsed + self.pause >= self.life {
            // One more question shortly before the end, if there is time for one.
            let last = self
                .life
                .checked_sub(elapsed + SHORTEST)
                .filter(|pause| !pause.is_zero());
            return last.map_or_else(|| Next::End(DeviceError::Expired(self.life)), Next::Ask);
        }
        Next::Ask(self.pause)
    }
}

fn minutes(life: Duration) -> String {
    match life.as_secs() {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

/// Reads what a server says to the question for the token when it does not give one.
pub fn answered(status: u16, words: &str) -> Answered {
    match (status, words) {
        (_, "authorization_pending") => Answered::Pending,
        (_, "slow_down") | (429, _) => Answered::SlowDown,
        (_, "expired_token") => Answered::Expired,
        (_, "access_denied") => Answered::Denied,
        // By then it has taken the code.
        (500, words) if words.starts_with("Failed to provision") => Answered::Spent(words.to_owned()),
        (500.., words) => Answered::Trouble(format!("it answers {status} {words}").trim().to_owned()),
        (_, words) => Answered::Refused(format!("{status} {words}").trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_asks_at_the_servers_pace_and_slower_when_told_so() {
        let mut waiting = Waiting::new(600 * SECOND, 5 * SECOND);
        assert_eq!(waiting.after(Answered::Pending, 5 * SECOND), Next::Ask(5 * SECOND));
        assert_eq!(waiting.after(Answered::SlowDown, 10 * SECOND), Next::Ask(10 * SECOND));
        assert_eq!(waiting.after(Answered::Pending, 20 * SECOND), Next::Ask(10 * SECOND));
        assert_eq!(Waiting::new(SECOND, Duration::ZERO).pause(), USUAL);
    }

    #[test]
    fn trouble_on_the_way_is_no_end_and_is_told_while_it_lasts() {
        let mut waiting = Waiting::new(600 * SECOND, 5 * SECOND);
        let next = waiting.after(Answered::Trouble("refused".to_owned()), 5 * SECOND);
        assert_eq!(next, Next::Ask(10 * SECOND));
        assert_eq!(waiting.trouble(), Some("refused"));
        waiting.after(Answered::Pending, 15 * SECOND);
        assert_eq!(waiting.trouble(), None);
    }

    #[test]
    fn a_code_ends_with_its_time_and_one_that_a_server_forgot_before() {
        let mut waiting = Waiting::new(600 * SECOND, 5 * SECOND);
        assert_eq!(
            waiting.after(Answered::Expired, 30 * SECOND),
            Next::End(DeviceError::Forgotten)
        );
        let end = Next::End(DeviceError::Expired(600 * SECOND));
        assert_eq!(waiting.after(Answered::Expired, 599 * SECOND), end);
        assert_eq!(waiting.after(Answered::Pending, 597 * SECOND), Next::Ask(2 * SECOND));
        assert_eq!(waiting.after(Answered::Pending, 600 * SECOND), end);
    }

    #[test]
    fn every_answer_of_the_server_is_known() {
        assert_eq!(answered(400, "authorization_pending"), Answered::Pending);
        assert_eq!(answered(400, "expired_token"), Answered::Expired);
        assert_eq!(answered(400, "access_denied"), Answered::Denied);
        let words = "Failed to provision CLI access";
        assert_eq!(answered(500, words), Answered::Spent(words.to_owned()));
        assert!(matches!(answered(502, "bad gateway"), Answered::Trouble(_)));
        assert!(matches!(answered(404, "404 page not found"), Answered::Refused(_)));
        assert_eq!(answered(429, ""), Answered::SlowDown);
    }
}
