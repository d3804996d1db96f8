//! A secret in pieces: keyrings limit what one item may hold. Pure.
//!
//! The first piece begins with a line that says how many there are and what their sum must be, so that a secret that is not
//! whole is never taken for one.

use std::fmt::Write as _;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// Bytes of a piece. The smallest limit of a platform is that of Windows: 2,560.
const LARGEST: usize = 2048;
/// More pieces than any login has: a number beyond it is damage.
pub(super) const MOST: usize = 4096;
/// What the first line begins with: what this is, and the number of the format.
const MAGIC: &str = "butler-login 1";

/// What the first line of the first piece says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// How many pieces there are.
    pub(super) count: usize,
    sum: String,
}

/// Why pieces are no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PiecesError {
    /// Nothing is there.
    #[error("it is not there")]
    Absent,
    /// Some are there and one is not.
    #[error("piece {piece} of {count} is missing")]
    Missing {
        /// Which one, counted from one.
        piece: usize,
        /// How many there must be.
        count: usize,
    },
    /// They are not what was put there.
    #[error("it is damaged")]
    Damaged,
}

/// Cuts a secret. Pieces are text, because some keyrings keep nothing else.
pub(super) fn split(secret: &SecretString) -> Vec<SecretString> {
    let text = secret.expose_secret();
    // The line itself is much shorter than what is left free for it.
    let room = LARGEST - 128;
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (part, later) = rest.split_at(rest.floor_char_boundary(room));
        parts.push(part);
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    let line = format!("{MAGIC} {} {}\n", parts.len(), sum(text));
    let with_line = |(n, part): (usize, &&str)| {
        let line = if n == 0 { line.as_str() } else { "" };
        SecretString::from(format!("{line}{part}"))
    };
    parts.iter().enumerate().map(with_line).collect()
}

/// Pieces that take as much room as this many bytes, and are no secret.
pub(super) fn filler(bytes: usize) -> Vec<SecretString> {
    let count = bytes.div_ceil(LARGEST - 128) + 1;
    (0..count).map(|_| SecretString::from(" ".repeat(LARGEST))).collect()
}

/// What the first piece says; nothing: it is no first piece.
pub(super) fn header(first: &str) -> Option<Header> {
    let (line, _) = first.split_once('\n')?;
    let (count, sum) = line.strip_prefix(MAGIC)?.strip_prefix(' ')?.split_once(' ')?;
    let count = count.parse().ok().filter(|count| (1..=MOST).contains(count))?;
    let sum = sum.to_owned();
    Some(Header { count, sum })
}

/// Joins pieces again: as many as the first one says.
pub(super) fn join(pieces: &[Option<SecretString>]) -> Result<SecretString, PiecesError> {
    let Some(first) = pieces.first() else {
        return Err(PiecesError::Absent);
    };
    let first = first.as_ref().ok_or(PiecesError::Absent)?.expose_secret();
    let header = header(first).ok_or(PiecesError::Damaged)?;
    let (_, begin) = first.split_once('\n').ok_or(PiecesError::Damaged)?;
    let mut text = begin.to_owned();
    for n in 1..header.count {
        let piece = pieces.get(n).and_then(Option::as_ref);
        let piece = piece.ok_or(PiecesError::Missing {
            piece: n + 1,
            count: header.count,
        })?;
        text.push_str(piece.expose_secret());
    }
    if sum(&text) == header.sum {
        Ok(SecretString::from(text))
    } else {
        Err(PiecesError::Damaged)
    }
}

fn sum(text: &str) -> String {
    let mut sum = String::new();
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(sum, "{byte:02x}");
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(length: usize) -> SecretString {
        // Letters of two bytes: a cut in the middle of one would be seen. Numbers: no two pieces are the same.
        let mut text = String::new();
        for n in 0.. {
            if text.len() >= length {
                break;
            }
            let _ = write!(text, "{n}é");
        }
        SecretString::from(text)
    }

    fn pieces(secret: &SecretString) -> Vec<Option<SecretString>> {
        split(secret).into_iter().map(Some).collect()
    }

    #[test]
    fn every_secret_comes_back_and_no_piece_is_too_large() {
        for length in [0, 3, 1917, 1920, 1923, 10_000] {
            let secret = secret(length);
            let pieces = pieces(&secret);
            for piece in pieces.iter().flatten() {
                assert!(piece.expose_secret().len() <= LARGEST);
            }
            assert_eq!(
                header(pieces[0].as_ref().unwrap().expose_secret()).unwrap().count,
                pieces.len()
            );
            let joined = join(&pieces).unwrap();
            assert_eq!(joined.expose_secret(), secret.expose_secret());
        }
    }

    #[test]
    fn a_secret_that_is_not_whole_is_none() {
        let whole = pieces(&secret(10_000));
        assert_eq!(join(&[]).unwrap_err(), PiecesError::Absent);
        let mut headless = whole.clone();
        headless[0] = None;
        assert_eq!(join(&headless).unwrap_err(), PiecesError::Absent);
        let mut torn = whole.clone();
        torn[2] = None;
        let missing = PiecesError::Missing {
            piece: 3,
            count: whole.len(),
        };
        assert_eq!(join(&torn).unwrap_err(), missing);
        let mut mixed = whole.clone();
        mixed.swap(1, 2);
        assert_eq!(join(&mixed).unwrap_err(), PiecesError::Damaged);
        let mut other = whole;
        other[0] = pieces(&secret(9_000)).remove(0);
        assert!(join(&other).is_err());
    }

    #[test]
    fn what_only_holds_room_is_no_secret() {
        let filler = filler(5000);
        assert!(filler.len() >= pieces(&secret(5000)).len());
        assert_eq!(header(filler[0].expose_secret()), None);
        assert_eq!(header("butler-login 1 99999 x\n"), None);
        assert_eq!(header("butler-login 2 1 x\n"), None);
    }
}
