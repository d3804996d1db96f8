//! What the environment says of the terminal.

use butler_terminal::env::{self, BUTLER_ASCII, BUTLER_NO_COLOR, NO_COLOR, TERM};

use crate::look::{Look, Palette};

impl Look {
    /// How things look on the terminal that the environment describes. Colour that is asked for `always` is there whatever the
    /// environment says of it.
    pub fn detect<'a>(variable: impl Fn(&str) -> Option<&'a str>, always: bool) -> Self {
        let is_on = |name: &str| variable(name).is_some_and(|value| env::switch(value) != Some(false));
        let is_plain = variable(NO_COLOR).is_some() || is_on(BUTLER_NO_COLOR) || variable(TERM) == Some("dumb");
        Self {
            palette: if is_plain && !always {
                Palette::Mono
            } else {
                Palette::Default
            },
            ascii: is_ascii(&variable),
        }
    }
}

/// Whether only ASCII characters are sure to be shown, each in one column.
fn is_ascii<'a>(variable: &impl Fn(&str) -> Option<&'a str>) -> bool {
    if let Some(chosen) = variable(BUTLER_ASCII).and_then(env::switch) {
        return chosen;
    }
    // The console of Linux has 512 glyphs at most, terminals of the VT series fewer.
    let is_old = variable(TERM).is_some_and(|term| term == "linux" || term.starts_with("vt"));
    is_old || has_ascii_locale(variable)
}

/// Whether the locale has another character set, or a language whose terminals may draw lines and marks two columns wide.
fn has_ascii_locale<'a>(variable: &impl Fn(&str) -> Option<&'a str>) -> bool {
    let Some(locale) = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable) else {
        // Terminals of Windows have no locale; the one that shows everything says so.
        return variable("WT_SESSION").is_none();
    };
    let locale = locale.to_lowercase();
    let charset = locale.split(['.', '@']).nth(1).unwrap_or("");
    let language = locale.split(['_', '.', '@']).next().unwrap_or("");
    !matches!(charset, "utf-8" | "utf8") || matches!(language, "ja" | "zh" | "ko")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(variables: &[(&str, &'static str)], always: bool) -> Look {
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| *value)
        };
        Look::detect(variable, always)
    }

    #[test]
    fn marks_beyond_ascii_need_a_terminal_that_shows_them() {
        let utf8 = ("LANG", "en_GB.UTF-8");
        let cases: &[(&[(&str, &'static str)], bool)] = &[
            (&[utf8], false),
            (&[("LANG", "C.utf8")], false),
            (&[utf8, ("TERM", "xterm-256color")], false),
            (&[], true),
            (&[("WT_SESSION", "1")], false),
            (&[("LANG", "C")], true),
            (&[("LANG", "de_DE.ISO-8859-1@euro")], true),
            (&[utf8, ("LC_CTYPE", "POSIX")], true),
            (&[utf8, ("LC_ALL", "ja_JP.UTF-8")], true),
            (&[("LANG", "zh_CN.UTF-8")], true),
            (&[("LANG", "ko_KR.UTF-8")], true),
            (&[utf8, ("TERM", "linux")], true),
            (&[utf8, ("TERM", "vt220")], true),
            (&[utf8, ("BUTLER_ASCII", "1")], true),
            (&[("LANG", "C"), ("TERM", "linux"), ("BUTLER_ASCII", "0")], false),
        ];
        for (variables, expected) in cases {
            assert_eq!(detected(variables, false).ascii, *expected, "{variables:?}");
        }
    }

    #[test]
    fn no_colour_is_wished_in_several_ways() {
        let palette = |variables: &[(&str, &'static str)]| detected(variables, false).palette;
        assert_eq!(palette(&[]), Palette::Default);
        for plain in [("NO_COLOR", "0"), ("BUTLER_NO_COLOR", "yes"), ("TERM", "dumb")] {
            assert_eq!(palette(&[plain]), Palette::Mono, "{plain:?}");
            assert_eq!(detected(&[plain], true).palette, Palette::Default, "{plain:?}");
        }
        assert_eq!(palette(&[("BUTLER_NO_COLOR", "0")]), Palette::Default);
    }
}
