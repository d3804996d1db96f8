//! Where new logins are kept: what the environment says about it. Pure.

use butler_files::Environment;

/// The variable that chooses: `keyring` or `file`.
pub const BUTLER_CREDENTIALS: &str = "BUTLER_CREDENTIALS";
/// The address of the bus that a keyring answers on.
const BUS: &str = "DBUS_SESSION_BUS_ADDRESS";

/// What was asked for, and what the environment says of keyrings.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// What was asked for; nothing: the keyring where there is one.
    pub asked: Option<Asked>,
    /// Programs of this session can be reached.
    pub has_bus: bool,
    /// A person would see a window that asks for the password of the keyring.
    pub has_display: bool,
}

/// A place that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The keyring, and nothing else.
    Keyring,
    /// The file.
    File,
}

/// A text that chooses nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{BUTLER_CREDENTIALS} is {0:?}, which is neither `keyring` nor `file`")]
pub struct ChoiceError(String);

impl Choice {
    /// What this environment says.
    pub fn of(environment: &Environment) -> Result<Self, ChoiceError> {
        let asked = match environment.get(BUTLER_CREDENTIALS) {
            None => None,
            Some(text) if text == "keyring" => Some(Asked::Keyring),
            Some(text) if text == "file" => Some(Asked::File),
            Some(text) => return Err(ChoiceError(text.to_string_lossy().into_owned())),
        };
        Ok(Self {
            asked,
            ..Self::of_session(environment)
        })
    }

    /// What this environment says of keyrings, whatever is asked for.
    pub fn of_session(environment: &Environment) -> Self {
        let is_set = |name: &str| environment.get(name).is_some();
        let is_remote = is_set("SSH_CONNECTION") || is_set("SSH_TTY");
        let is_graphical = is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") || cfg!(any(target_os = "macos", windows));
        Self {
            asked: None,
            has_bus: is_set(BUS),
            has_display: is_graphical && !is_remote,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(variables: &[(&str, &str)]) -> Result<Choice, ChoiceError> {
        Choice::of(&variables.iter().copied().collect())
    }

    #[test]
    fn the_variable_chooses_and_empty_is_unset() {
        let asked = |text: &str| choice(&[(BUTLER_CREDENTIALS, text)]).unwrap().asked;
        assert_eq!(asked("keyring"), Some(Asked::Keyring));
        assert_eq!(asked("file"), Some(Asked::File));
        assert_eq!(asked(""), None);
        let error = choice(&[(BUTLER_CREDENTIALS, "File")]).unwrap_err().to_string();
        assert_eq!(
            error,
            "BUTLER_CREDENTIALS is \"File\", which is neither `keyring` nor `file`"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_window_would_be_seen_on_a_display_and_not_over_ssh() {
        assert!(!choice(&[]).unwrap().has_display);
        assert!(choice(&[("DISPLAY", ":0")]).unwrap().has_display);
        let remote = [("WAYLAND_DISPLAY", "wayland-0"), ("SSH_TTY", "/dev/pts/1")];
        assert!(!choice(&remote).unwrap().has_display);
        assert!(choice(&[(BUS, "unix:path=/run/user/1/bus")]).unwrap().has_bus);
    }
}
