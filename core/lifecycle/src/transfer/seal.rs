//! The encryption of an archive: age, with a passphrase or with the public keys of those who may open it.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    iter,
    str::FromStr,
};

use age::{
    DecryptError, Decryptor, Encryptor, scrypt,
    stream::{StreamReader, StreamWriter},
    x25519,
};
use secrecy::SecretString;

/// Work that a guess at a passphrase costs (2 to the power of it): 256 MiB of memory and about a second. The same on every
/// computer, and no archive may ask for more.
const WORK: u8 = 18;

/// The most that the header of an archive may have, in bytes: room for some hundred recipients.
const LARGEST_HEADER: usize = 64 << 10;

/// How the last line of a header begins.
const HEADER_END: &[u8] = b"\n--- ";

/// How an age file begins.
const BEGIN: &[u8] = b"age-encryption.org/";

/// What an archive is encrypted with.
pub enum EncryptionKey {
    /// Whoever knows it can open the archive.
    Passphrase(SecretString),
    /// Whoever has an identity to one of these can open it.
    Recipients(Vec<x25519::Recipient>),
}

/// What an archive is opened with.
pub enum DecryptionKey {
    /// The passphrase that it was encrypted with.
    Passphrase(SecretString),
    /// Private keys, of which one has to fit.
    Identities(Vec<x25519::Identity>),
}

/// Why keys cannot be used. Quotes nothing: a line of a wrong file may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A line is no key.
    #[error("line {line} is no {kind}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What it should be.
        kind: &'static str,
    },
    /// No key is among the lines.
    #[error("it holds no {0}")]
    Empty(&'static str),
}

/// Why an archive does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is none.
    #[error("it is no archive of an exported cluster")]
    Foreign,
    /// The passphrase is another one.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// It was encrypted for others.
    #[error("it was encrypted for others: no identity that was given fits")]
    WrongIdentity,
    /// It has a passphrase, and identities were given.
    #[error("it was encrypted with a passphrase")]
    NeedsPassphrase,
    /// It has recipients, and a passphrase was given.
    #[error("it was encrypted for recipients")]
    NeedsIdentity,
    /// A guess at its passphrase costs more than any archive of this release.
    #[error("its passphrase asks for more work than this release accepts")]
    Work,
    /// It was changed, or cut short.
    #[error("it is damaged or cut short: its header is not the one that was written")]
    Damaged,
    /// It cannot be read.
    #[error(transparent)]
    Io(io::Error),
}

impl EncryptionKey {
    /// The recipients in a text: one in a line, with blank lines and comments (`#`) between.
    pub fn recipients(text: &str) -> Result<Self, KeyError> {
        lines(text, "age recipient (age1…)").map(Self::Recipients)
    }

    /// Several keys as one; passphrases do not add up.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Recipients(mut all), Self::Recipients(more)) => {
                all.extend(more);
                Self::Recipients(all)
            }
            (_, other) => other,
        }
    }
}

impl DecryptionKey {
    /// The identities in a text, which is what `age-keygen` writes.
    pub fn identities(text: &str) -> Result<Self, KeyError> {
        lines(text, "age identity (AGE-SECRET-KEY-1…)").map(Self::Identities)
    }

    /// Several keys as one; passphrases do not add up.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Identities(mut all), Self::Identities(more)) => {
                all.extend(more);
                Self::Identities(all)
            }
            (_, other) => other,
        }
    }
}

fn lines<K: FromStr>(text: &str, kind: &'static str) -> Result<Vec<K>, KeyError> {
    let mut keys = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        keys.push(line.parse().map_err(|_| KeyError::Line { line: index + 1, kind })?);
    }
    if keys.is_empty() {
        return Err(KeyError::Empty(kind));
    }
    Ok(keys)
}

/// A writer whose content is encrypted into `output`. It has to be finished.
pub(super) fn encrypt<W: Write>(key: &EncryptionKey, output: W) -> io::Result<StreamWriter<W>> {
    let encryptor = match key {
        EncryptionKey::Passphrase(passphrase) => {
            let mut recipient = scrypt::Recipient::new(passphrase.clone());
            recipient.set_work_factor(WORK);
            Encryptor::with_recipients(iter::once(&recipient as &dyn age::Recipient))
        }
        EncryptionKey::Recipients(recipients) => {
            Encryptor::with_recipients(recipients.iter().map(|recipient| recipient as &dyn age::Recipient))
        }
    };
    encryptor.map_err(io::Error::other)?.wrap_output(output)
}

/// Whether a file begins as archives do: known before somebody is asked for a passphrase.
pub(super) fn check(input: impl Read) -> Result<(), OpenError> {
    let mut head = Vec::new();
    input
        .take(BEGIN.len() as u64)
        .read_to_end(&mut head)
        .map_err(OpenError::Io)?;
    if head == BEGIN { Ok(()) } else { Err(OpenError::Foreign) }
}

/// The content of an archive. What is read from it was written by somebody who had the key; its end is only known to be the
/// true one when it is reached.
pub(super) fn decrypt<R: Read>(key: &DecryptionKey, input: R) -> Result<StreamReader<BufReader<R>>, OpenError> {
    let mut input = BufReader::with_capacity(LARGEST_HEADER, input);
    // Looked for before the header is parsed, which takes as much memory as the header has.
    let head = input.fill_buf().map_err(OpenError::Io)?;
    if !head.starts_with(BEGIN) {
        return Err(OpenError::Foreign);
    }
    if !head.windows(HEADER_END.len()).any(|window| window == HEADER_END) {
        return Err(OpenError::Damaged);
    }
    let decryptor = Decryptor::new_buffered(input).map_err(|e| refused(e, false))?;
    match (key, decryptor.is_scrypt()) {
        (DecryptionKey::Passphrase(passphrase), true) => {
            let mut identity = scrypt::Identity::new(passphrase.clone());
            identity.set_max_work_factor(WORK);
            decryptor
                .decrypt(iter::once(&identity as &dyn age::Identity))
                .map_err(|e| refused(e, true))
        }
        (DecryptionKey::Identities(identities), false) => decryptor
            .decrypt(identities.iter().map(|identity| identity as &dyn age::Identity))
            .map_err(|e| refused(e, false)),
        (DecryptionKey::Passphrase(_), false) => Err(OpenError::NeedsIdentity),
        (DecryptionKey::Identities(_), true) => Err(OpenError::NeedsPassphrase),
    }
}

fn refused(error: DecryptError, passphrase: bool) -> OpenError {
    match error {
        DecryptError::DecryptionFailed if passphrase => OpenError::WrongPassphrase,
        DecryptError::NoMatchingKeys => OpenError::WrongIdentity,
        DecryptError::ExcessiveWork { .. } => OpenError::Work,
        DecryptError::UnknownFormat => OpenError::Foreign,
        DecryptError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => OpenError::Io(error),
        _ => OpenError::Damaged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(key: &EncryptionKey) -> Vec<u8> {
        let mut writer = encrypt(key, Vec::new()).unwrap();
        writer.write_all(b"hunter2").unwrap();
        writer.finish().unwrap()
    }

    fn opened(key: &DecryptionKey, bytes: &[u8]) -> Result<String, OpenError> {
        let mut text = String::new();
        decrypt(key, bytes)?.read_to_string(&mut text).map_err(OpenError::Io)?;
        Ok(text)
    }

    fn passphrase(text: &str) -> DecryptionKey {
        DecryptionKey::Passphrase(SecretString::from(text))
    }

    #[test]
    fn a_passphrase_opens_what_it_closed_and_no_other_does() {
        let bytes = sealed(&EncryptionKey::Passphrase(SecretString::from("right")));
        assert!(!bytes.windows(7).any(|window| window == b"hunter2"));
        assert_eq!(opened(&passphrase("right"), &bytes).unwrap(), "hunter2");
        let wrong = opened(&passphrase("wrong"), &bytes);
        assert!(matches!(wrong, Err(OpenError::WrongPassphrase)), "{wrong:?}");
        let key = DecryptionKey::Identities(vec![x25519::Identity::generate()]);
        let other = opened(&key, &bytes);
        assert!(matches!(other, Err(OpenError::NeedsPassphrase)), "{other:?}");
    }

    #[test]
    fn recipients_open_it_and_others_do_not() {
        use secrecy::ExposeSecret as _;
        let (one, two) = (x25519::Identity::generate(), x25519::Identity::generate());
        let text = format!("# keys\n\n{}\n", one.to_public());
        let bytes = sealed(&EncryptionKey::recipients(&text).unwrap());
        let key = |identity: &x25519::Identity| {
            let text = format!("# created: today\n{}\n", identity.to_string().expose_secret());
            DecryptionKey::identities(&text).unwrap()
        };
        assert_eq!(opened(&key(&one), &bytes).unwrap(), "hunter2");
        assert_eq!(opened(&key(&two).and(key(&one)), &bytes).unwrap(), "hunter2");
        let other = opened(&key(&two), &bytes);
        assert!(matches!(other, Err(OpenError::WrongIdentity)), "{other:?}");
        let other = opened(&passphrase("right"), &bytes);
        assert!(matches!(other, Err(OpenError::NeedsIdentity)), "{other:?}");
    }

    #[test]
    fn keys_that_are_none_are_told_by_their_line_and_never_quoted() {
        let error = DecryptionKey::identities("# a\nhunter2\n").err().unwrap();
        assert_eq!(error.to_string(), "line 2 is no age identity (AGE-SECRET-KEY-1…)");
        let error = EncryptionKey::recipients("# a\n").err().unwrap();
        assert_eq!(error.to_string(), "it holds no age recipient (age1…)");
    }

    #[test]
    fn any_change_and_any_cut_is_noticed() {
        let identity = x25519::Identity::generate();
        let bytes = sealed(&EncryptionKey::Recipients(vec![identity.to_public()]));
        let key = DecryptionKey::Identities(vec![identity]);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(opened(&key, &changed).is_err(), "a change at {at}");
            assert!(opened(&key, &bytes[..at]).is_err(), "a cut at {at}");
        }
        assert!(matches!(opened(&key, b"PK\x03\x04"), Err(OpenError::Foreign)));
        let endless = [BEGIN, b"v1\n", &b"-> a\n\n".repeat(LARGEST_HEADER)].concat();
        assert!(matches!(opened(&key, &endless), Err(OpenError::Damaged)));
    }

    #[test]
    fn a_passphrase_that_costs_more_work_than_any_of_ours_is_refused() {
        let mut recipient = scrypt::Recipient::new(SecretString::from("right"));
        recipient.set_work_factor(1);
        let encryptor = Encryptor::with_recipients(iter::once(&recipient as &dyn age::Recipient)).unwrap();
        let mut writer = encryptor.wrap_output(Vec::new()).unwrap();
        writer.write_all(b"hunter2").unwrap();
        let bytes = writer.finish().unwrap();
        assert_eq!(opened(&passphrase("right"), &bytes).unwrap(), "hunter2");
        let end = bytes.windows(3).position(|w| w == b" 1\n").unwrap();
        let greedy = [&bytes[..end], b" 30\n", &bytes[end + 3..]].concat();
        let refused = opened(&passphrase("right"), &greedy);
        assert!(matches!(refused, Err(OpenError::Work)), "{refused:?}");
    }
}
