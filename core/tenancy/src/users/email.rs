//! E-mail addresses, as Butler knows people by them.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// The longest address that is taken: what SMTP can carry.
const LONGEST: usize = 254;
/// The most characters of a name that come from the address.
const READABLE: usize = 40;
/// How many bytes of the fingerprint are in a name.
const FINGERPRINT: usize = 4;

/// An address in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Email(String);

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// There is not one `@` with something on both sides.
    #[error("{0:?} is no e-mail address; one looks like ann@example.com")]
    Shape(String),
    /// It is too long.
    #[error("an e-mail address has at most {LONGEST} characters, this one has {0}")]
    Long(usize),
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        let address = text.trim();
        let shape = || EmailError::Shape(text.chars().take(LONGEST).collect());
        if address.len() > LONGEST {
            return Err(EmailError::Long(address.len()));
        }
        let (local, domain) = address.split_once('@').ok_or_else(shape)?;
        let odd = |c: char| c.is_whitespace() || c.is_control() || "@<>()[]\\,;:\"".contains(c);
        let is_whole = |part: &str| !part.is_empty() && !part.contains(odd) && !part.contains("..");
        let at_its_ends = |part: &str| part.starts_with('.') || part.ends_with('.');
        if ![local, domain]
            .into_iter()
            .all(|part| is_whole(part) && !at_its_ends(part))
        {
            return Err(shape());
        }
        Ok(Self(address.to_lowercase()))
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Email {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a text of an object is this address.
    pub fn is(&self, text: &str) -> bool {
        text.trim().to_lowercase() == self.0
    }

    /// The name of a new object of this person: readable, and different for different addresses.
    pub fn object_name(&self) -> String {
        let local = self.0.split('@').next().unwrap_or("");
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let readable: String = local.chars().map(plain).take(READABLE).collect();
        let readable = match readable.trim_matches('-') {
            "" => "user",
            readable => readable,
        };
        let mut name = format!("{readable}-");
        for byte in Sha256::digest(self.0.as_bytes()).iter().take(FINGERPRINT) {
            // Writing to a string cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> Email {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "", "ann", "@x", "ann@", "a@b@c", "a b@c", "a@b c", "<a@b>", ".a@b", "a@b.", "a..b@c", "a\n@b",
        ] {
            assert!(text.parse::<Email>().is_err(), "{text:?}");
        }
        assert!(format!("{}@example.com", "x".repeat(300)).parse::<Email>().is_err());
    }

    #[test]
    fn addresses_are_the_same_whatever_their_case() {
        assert_eq!(email(" Ann@Example.COM "), email("ann@example.com"));
        assert!(email("ann@example.com").is("ANN@example.com "));
    }

    #[test]
    fn two_people_of_one_local_part_have_two_names() {
        let names = ["ann@a.org", "ann@b.org", "a.nn@a.org", "a-nn@a.org"].map(|text| email(text).object_name());
        assert!(
            names[0].starts_with("ann-") && names[2].starts_with("a-nn-"),
            "{names:?}"
        );
        let different: std::collections::BTreeSet<&String> = names.iter().collect();
        assert_eq!(different.len(), 4, "{names:?}");
        assert_eq!(email("ANN@a.org").object_name(), names[0]);
    }

    #[test]
    fn a_name_is_one_that_kubernetes_takes() {
        for text in [
            "_@a",
            "ünï@a",
            "--x--@a",
            "1@a",
            &format!("{}@a", "x.".repeat(60).trim_end_matches('.')),
        ] {
            let name = email(text).object_name();
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(name.len() <= 63 && name.chars().all(fits), "{name}");
            assert!(!name.starts_with('-') && !name.ends_with('-'), "{name}");
        }
    }
}
