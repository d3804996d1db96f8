//! The editor that somebody likes.

use crate::{Env, Exit, Failure};

/// The editor that somebody likes best.
const VISUAL: &str = "VISUAL";
/// The editor for terminals.
const EDITOR: &str = "EDITOR";
/// The editor that is there.
const VI: &str = "vi";

/// The command line of the editor, the program first: of `VISUAL`, else of `EDITOR`, else vi.
pub fn command(env: &Env) -> Result<(String, Vec<String>), Failure> {
    let chosen = [VISUAL, EDITOR].into_iter().find_map(|name| env.text(name));
    let mut words = shlex::split(chosen.unwrap_or(VI)).ok_or_else(no_editor)?.into_iter();
    let program = words.next().ok_or_else(no_editor)?;
    Ok((program, words.collect()))
}

fn no_editor() -> Failure {
    Failure::new(
        Exit::Usage,
        "VISUAL or EDITOR is no command line: a quote is not closed",
    )
    .hint("write for example EDITOR='code --wait'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Vec<String> {
        let (program, rest) = command(&variables.iter().copied().collect::<Env>()).unwrap();
        std::iter::once(program).chain(rest).collect()
    }

    #[test]
    fn the_editor_is_a_command_line_and_visual_comes_first() {
        assert_eq!(of(&[]), ["vi"]);
        assert_eq!(of(&[("EDITOR", "nano")]), ["nano"]);
        assert_eq!(
            of(&[("EDITOR", "nano"), ("VISUAL", "'/opt/my editor/bin' --wait -n")]),
            ["/opt/my editor/bin", "--wait", "-n"]
        );
        assert!(command(&[("EDITOR", "a 'b")].into_iter().collect()).is_err());
    }
}
