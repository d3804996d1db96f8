//! QR codes for terminals: a telephone reads an address that nobody wants to type.

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

/// A text as a QR code, if it fits into so many columns and rows. The light squares are drawn, because most terminals are dark;
/// readers take both.
pub fn lines(text: &str, columns: usize, rows: usize) -> Option<Vec<String>> {
    let code = QrCode::new(text).ok()?;
    let drawn = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .build();
    let lines: Vec<String> = drawn.lines().map(str::to_owned).collect();
    let width = lines.first()?.chars().count();
    (width <= columns && lines.len() < rows).then_some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_shown_where_it_fits_and_every_line_is_as_wide() {
        let text = "https://console.example.com/auth/device";
        let lines = lines(text, 80, 40).unwrap();
        let width = lines[0].chars().count();
        assert!(lines.iter().all(|line| line.chars().count() == width));
        assert_eq!(super::lines(text, width - 1, 40), None);
        assert_eq!(super::lines(text, width, lines.len()), None);
    }
}
