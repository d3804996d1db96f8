//! How things look: roles of text, and the marks for them. One place, so that colour is never the only signal.

use ratatui::style::{Color, Modifier, Style};

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Ordinary text, in the terminal's own colour.
    Plain,
    /// Headings and names that matter.
    Strong,
    /// What may be overlooked.
    Faint,
    /// As it should be.
    Good,
    /// Work that goes on.
    Busy,
    /// Work that takes longer than usual.
    Late,
    /// What has failed.
    Bad,
    /// Advice: a key, a command, a flag to try.
    Hint,
    /// Where the keys go.
    Focus,
}

/// Which colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Palette {
    /// The sixteen colours of the terminal.
    #[default]
    Default,
    /// Without the difference of red and green.
    ColourBlind,
    /// None.
    Mono,
}

/// How things look on this terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Which colours are used.
    pub palette: Palette,
    /// Whether only ASCII characters are drawn.
    pub ascii: bool,
}

impl Look {
    /// The style of a role.
    pub fn style(self, role: Role) -> Style {
        let plain = Style::new();
        let coloured = |default: Color, blind: Color| match self.palette {
            Palette::Default => plain.fg(default),
            Palette::ColourBlind => plain.fg(blind),
            Palette::Mono => plain,
        };
        match role {
            Role::Plain => plain,
            Role::Strong | Role::Focus => plain.add_modifier(Modifier::BOLD),
            Role::Faint => plain.add_modifier(Modifier::DIM),
            Role::Good => coloured(Color::Green, Color::LightBlue),
            Role::Busy => coloured(Color::Yellow, Color::Yellow),
            Role::Late => coloured(Color::Yellow, Color::Yellow).add_modifier(Modifier::BOLD),
            Role::Bad => match self.palette {
                Palette::Default => plain.fg(Color::Red).add_modifier(Modifier::BOLD),
                Palette::ColourBlind | Palette::Mono => plain.add_modifier(Modifier::REVERSED),
            },
            Role::Hint => coloured(Color::Cyan, Color::Cyan),
        }
    }

    /// The mark before something of a role, in one column.
    pub fn mark(self, role: Role) -> &'static str {
        match (role, self.ascii) {
            (Role::Good, false) => "✓",
            (Role::Good, true) => "+",
            (Role::Busy, false) => "…",
            (Role::Busy, true) => "~",
            (Role::Late, _) => "!",
            (Role::Bad, false) => "✗",
            (Role::Bad, true) => "x",
            (Role::Focus, false) => "▸",
            (Role::Focus, true) => ">",
            (Role::Plain | Role::Strong | Role::Faint | Role::Hint, false) => "·",
            (Role::Plain | Role::Strong | Role::Faint | Role::Hint, true) => ".",
        }
    }

    /// What stands at the end of a text that was cut.
    pub fn more(self) -> &'static str {
        if self.ascii { "..." } else { "…" }
    }
}
