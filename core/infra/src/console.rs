//! What machines print, cut to what is worth showing.

/// The most lines that are kept.
pub(crate) const LINES: usize = 60;
/// The most bytes that are looked at.
pub(crate) const BYTES: usize = 16 << 10;

/// The last lines of what a machine printed; a line that never ends is cut.
pub(crate) fn last_lines(text: &[u8]) -> Vec<String> {
    let tail = &text[text.len().saturating_sub(BYTES)..];
    let text = String::from_utf8_lossy(tail);
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    last.iter().map(|line| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_console_only_the_end_is_kept() {
        let long = format!("{}\nsecond\nlast\n", "x".repeat(2 * BYTES));
        let lines = last_lines(long.as_bytes());
        assert_eq!(lines.len(), 3);
        assert!(lines[0].len() < BYTES && lines[2] == "last");
        let many = (0..200).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
        assert_eq!(last_lines(many.as_bytes()).len(), LINES);
        assert!(last_lines(b"").is_empty());
    }
}
