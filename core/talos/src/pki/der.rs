//! The little DER that key containers need: write and read tag, length and contents.

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const SEQUENCE: u8 = 0x30;

/// One element with the joined parts as contents.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let mut out = vec![tag];
    if contents.len() < 0x80 {
        out.push(u8::try_from(contents.len()).expect("below 0x80"));
    } else {
        let length = contents.len().to_be_bytes();
        let length = &length[length.iter().take_while(|b| **b == 0).count()..];
        out.push(0x80 | u8::try_from(length.len()).expect("at most eight bytes"));
        out.extend_from_slice(length);
    }
    out.extend_from_slice(&contents);
    out
}

/// A non-negative INTEGER from big-endian bytes, shortened to its minimal form.
pub(super) fn unsigned(big_endian: &[u8]) -> Vec<u8> {
    let zeroes = big_endian.iter().take_while(|b| **b == 0).count();
    let digits = &big_endian[zeroes..];
    match digits.first() {
        None => element(INTEGER, &[&[0]]),
        Some(first) if *first >= 0x80 => element(INTEGER, &[&[0], digits]),
        Some(_) => element(INTEGER, &[digits]),
    }
}

/// Takes the next element off `input` and gives its contents, if it has this tag.
pub(super) fn take<'a>(input: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (&found, rest) = input.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 {
            return None;
        }
        let (digits, rest) = rest.split_at_checked(count)?;
        (
            digits.iter().fold(0_usize, |sum, digit| sum << 8 | usize::from(*digit)),
            rest,
        )
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    if found != tag {
        return None;
    }
    *input = rest;
    Some(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_reads_back() {
        for size in [0, 1, 0x7f, 0x80, 0xff, 0x100, 70_000] {
            let contents = vec![7; size];
            let written = element(OCTET_STRING, &[&contents]);
            let mut input = written.as_slice();
            assert_eq!(take(&mut input, OCTET_STRING), Some(contents.as_slice()));
            assert!(input.is_empty());
        }
    }

    #[test]
    fn integers_are_minimal_and_never_negative() {
        assert_eq!(unsigned(&[]), [2, 1, 0]);
        assert_eq!(unsigned(&[0, 0, 5]), [2, 1, 5]);
        assert_eq!(unsigned(&[0x80]), [2, 2, 0, 0x80]);
    }

    #[test]
    fn truncated_and_foreign_input_is_refused() {
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 2, 1],
            &[0x30, 0x80, 0],
            &[0x30, 0x85, 0, 0, 0, 0, 0],
            &[4, 0],
        ] {
            assert_eq!(take(&mut { bad }, SEQUENCE), None);
        }
    }
}
