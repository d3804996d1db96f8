//! Text that comes as bytes.

/// Bytes that are no UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it {}{}", self.what(), at(*place))]
pub struct NotText {
    /// Line and column (in characters) of the first byte that does not fit, from 1.
    pub place: Option<(usize, usize)>,
    is_utf16: bool,
}

impl NotText {
    /// What is wrong, as the end of a sentence.
    pub fn what(&self) -> &'static str {
        if self.is_utf16 {
            "is UTF-16, not UTF-8"
        } else {
            "is not UTF-8"
        }
    }
}

/// Bytes as text, without a byte order mark.
pub fn utf8(bytes: &[u8]) -> Result<&str, NotText> {
    if is_utf16(bytes) {
        return Err(NotText {
            place: None,
            is_utf16: true,
        });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = good.matches('\n').count() + 1;
        let last = good.rsplit_once('\n').map_or(&*good, |(_, last)| last);
        let column = last.chars().count() + 1;
        NotText {
            place: Some((line, column)),
            is_utf16: false,
        }
    })
}

/// A byte order mark of UTF-16, or ASCII with a zero byte beside every character.
fn is_utf16(bytes: &[u8]) -> bool {
    let marked = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    let head = &bytes[..bytes.len().min(64) & !1];
    let wide =
        |zero: usize| head.len() >= 4 && head.iter().enumerate().all(|(i, byte)| (*byte == 0) == (i % 2 == zero));
    marked || wide(0) || wide(1)
}

fn at(place: Option<(usize, usize)>) -> String {
    place.map_or_else(String::new, |(line, column)| format!(" (line {line}, column {column})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_goes() {
        assert_eq!(utf8(b"\xef\xbb\xbfa: 1\n"), Ok("a: 1\n"));
    }

    #[test]
    fn the_place_counts_characters() {
        let bytes = ["a: 1\nb: ü".as_bytes(), b"\xff"].concat();
        let error = utf8(&bytes);
        assert_eq!(error.unwrap_err().to_string(), "it is not UTF-8 (line 2, column 5)");
        assert_eq!(utf8(b"\xc3").unwrap_err().place, Some((1, 1)));
    }

    #[test]
    fn utf_16_is_recognised_with_and_without_mark() {
        let wide: Vec<u8> = "provider: inmemory".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "provider: inmemory".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [wide.clone(), big, [b"\xff\xfe".to_vec(), wide].concat()] {
            assert_eq!(utf8(&bytes).unwrap_err().to_string(), "it is UTF-16, not UTF-8");
        }
        assert!(utf8(b"\0\0").is_ok());
    }
}
