//! The memory of device logins: codes that wait for a person, and tokens that renew a login. Pure, and in memory only, as in
//! the real server: a restart forgets all of it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::session::Person;

/// Who logged in, as far as a later renewal needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Renewal {
    /// The e-mail address of the person.
    pub(super) email: String,
    /// When the renewal is no longer possible.
    pub(super) expires: Timestamp,
}

/// A code that was given to a program.
#[derive(Debug)]
struct Code {
    /// What people type.
    typed: String,
    expires: Timestamp,
    verdict: Option<Verdict>,
}

/// What a person said to a code.
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    /// The program may act for this person.
    Approved(Box<Person>),
    /// It may not.
    Denied,
}

/// What a program that asks for its login gets.
#[derive(Debug)]
pub(super) enum Poll {
    /// Nobody has said anything yet.
    Pending,
    /// The code is unknown, spent or too old.
    Expired,
    /// A person said no.
    Denied,
    /// A person said yes. The code is spent.
    Approved(Box<Person>),
}

/// Why nothing can be said to a code.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// The code is unknown, spent or too old.
    NotFound,
    /// Somebody has said something already.
    Resolved,
}

/// All codes and renewals of one server.
#[derive(Debug, Default)]
pub(super) struct DeviceLogins {
    /// By device code.
    codes: BTreeMap<String, Code>,
    /// By refresh token.
    renewals: BTreeMap<String, Renewal>,
}

impl DeviceLogins {
    /// Begins a login.
    pub(super) fn begin(&mut self, device_code: String, user_code: String, expires: Timestamp, now: Timestamp) {
        self.tidy(now);
        let code = Code {
            typed: user_code,
            expires,
            verdict: None,
        };
        self.codes.insert(device_code, code);
    }

    /// Whether somebody has this user code now.
    pub(super) fn knows(&self, user_code: &str) -> bool {
        self.codes.values().any(|code| code.typed == user_code)
    }

    /// The device code of a user code, and how long it is good.
    pub(super) fn find(&self, user_code: &str, now: Timestamp) -> Option<(String, Duration)> {
        let (device, code) = self.codes.iter().find(|(_, code)| code.typed == user_code)?;
        Some((device.clone(), remaining(code.expires, now)?))
    }

    /// Whether something can be said to a code.
    pub(super) fn waits(&self, device_code: &str, now: Timestamp) -> Result<(), Unresolved> {
        let code = self.codes.get(device_code);
        let code = code.filter(|code| now < code.expires).ok_or(Unresolved::NotFound)?;
        match code.verdict {
            None => Ok(()),
            Some(_) => Err(Unresolved::Resolved),
        }
    }

    /// Says something to a code, once.
    pub(super) fn resolve(&mut self, device_code: &str, verdict: Verdict, now: Timestamp) -> Result<(), Unresolved> {
        self.waits(device_code, now)?;
        if let Some(code) = self.codes.get_mut(device_code) {
            code.verdict = Some(verdict);
        }
        Ok(())
    }

    /// What has been said to a code. An approval can be had once.
    pub(super) fn poll(&mut self, device_code: &str, now: Timestamp) -> Poll {
        let Some(code) = self.codes.get(device_code).filter(|code| now < code.expires) else {
            return Poll::Expired;
        };
        match code.verdict.clone() {
            None => Poll::Pending,
            Some(Verdict::Denied) => Poll::Denied,
            Some(Verdict::Approved(person)) => {
                self.codes.remove(device_code);
                Poll::Approved(person)
            }
        }
    }

    /// Lets a login be renewed with this token.
    pub(super) fn allow_renewal(&mut self, token: String, renewal: Renewal, now: Timestamp) {
        self.tidy(now);
        self.renewals.insert(token, renewal);
    }

    /// Takes a token for renewal: it is spent whatever comes of it.
    pub(super) fn renew(&mut self, token: &str, now: Timestamp) -> Option<Renewal> {
        self.renewals.remove(token).filter(|renewal| now < renewal.expires)
    }

    /// Forgets everything, as at a restart.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Drops what is too old.
    fn tidy(&mut self, now: Timestamp) {
        self.codes.retain(|_, code| now < code.expires);
        self.renewals.retain(|_, renewal| now < renewal.expires);
    }
}

/// How long until an expiry that is not past, in whole seconds of which the last one has begun: the real server answers a little
/// after it took the time, so that ten minutes are 599 seconds.
pub(super) fn remaining(expires: Timestamp, now: Timestamp) -> Option<Duration> {
    let left = expires.duration_since(now).checked_sub(SignedDuration::from_nanos(1))?;
    let left = Duration::try_from(left).ok()?;
    Some(Duration::from_secs(left.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn logins() -> DeviceLogins {
        let mut logins = DeviceLogins::default();
        logins.begin("device".to_owned(), "ABCD-EFGH".to_owned(), at(600), at(0));
        logins
    }

    fn alice() -> Verdict {
        Verdict::Approved(Box::new(Person::named("alice@example.com")))
    }

    #[test]
    fn a_code_waits_until_somebody_approves_and_is_then_spent() {
        let mut logins = logins();
        assert!(matches!(logins.poll("device", at(1)), Poll::Pending));
        assert_eq!(
            logins.find("ABCD-EFGH", at(0)),
            Some(("device".to_owned(), Duration::from_secs(599)))
        );
        assert_eq!(logins.find("abcd-efgh", at(0)), None);
        logins.resolve("device", alice(), at(2)).unwrap();
        assert_eq!(
            logins.resolve("device", Verdict::Denied, at(3)),
            Err(Unresolved::Resolved)
        );
        let Poll::Approved(person) = logins.poll("device", at(4)) else {
            panic!("it was approved");
        };
        assert_eq!(person.email, "alice@example.com");
        assert!(matches!(logins.poll("device", at(5)), Poll::Expired));
        assert_eq!(logins.resolve("device", alice(), at(5)), Err(Unresolved::NotFound));
    }

    #[test]
    fn a_denied_code_stays_denied_and_an_old_one_is_gone() {
        let mut logins = logins();
        logins.resolve("device", Verdict::Denied, at(1)).unwrap();
        assert!(matches!(logins.poll("device", at(2)), Poll::Denied));
        assert!(matches!(logins.poll("device", at(599)), Poll::Denied));
        assert!(matches!(logins.poll("device", at(600)), Poll::Expired));
        assert_eq!(logins.find("ABCD-EFGH", at(600)), None);
    }

    #[test]
    fn an_approval_that_nobody_fetches_in_time_is_lost() {
        let mut logins = logins();
        logins.resolve("device", alice(), at(599)).unwrap();
        assert!(matches!(logins.poll("device", at(600)), Poll::Expired));
    }

    #[test]
    fn a_renewal_works_once_in_its_time_and_not_after_a_restart() {
        let mut logins = logins();
        let renewal = Renewal {
            email: "alice@example.com".to_owned(),
            expires: at(100),
        };
        for token in ["one", "two", "three"] {
            logins.allow_renewal(token.to_owned(), renewal.clone(), at(0));
        }
        assert_eq!(logins.renew("one", at(99)), Some(renewal));
        assert_eq!(logins.renew("one", at(99)), None);
        assert_eq!(logins.renew("two", at(100)), None);
        logins.forget();
        assert_eq!(logins.renew("three", at(1)), None);
        assert!(matches!(logins.poll("device", at(1)), Poll::Expired));
    }
}
