//! Diagnostics on stderr: only when asked for with `-v` or `BUTLER_LOG`.

use tracing_subscriber::EnvFilter;

use crate::{Env, Exit, Failure, Ui, env};

/// Starts diagnostics for this process, if any are wanted.
pub fn start(ui: &Ui, environment: &Env) -> Result<(), Failure> {
    let Some(directives) = directives(ui.options().verbose, environment.text(env::BUTLER_LOG)) else {
        return Ok(());
    };
    let filter = EnvFilter::try_new(&directives).map_err(|e| {
        Failure::from_error(Exit::Usage, &e)
            .while_doing(format!("{} is not a log filter: {directives:?}", env::BUTLER_LOG))
            .hint(format!(
                "for example {}=debug or {}=butler_talos=trace",
                env::BUTLER_LOG,
                env::BUTLER_LOG
            ))
    })?;
    let ui = ui.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(move || ui.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing("cannot start diagnostics"))
}

/// What to log. Libraries that could log headers or keys stay at `info` unless named in `BUTLER_LOG`.
fn directives(verbose: u8, chosen: Option<&str>) -> Option<String> {
    match (chosen, verbose) {
        (Some(chosen), _) => Some(chosen.to_owned()),
        (None, 0) => None,
        (None, 1) => Some("warn,butler=debug".to_owned()),
        (None, _) => Some("info,butler=trace".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_logged_unless_asked_for() {
        assert_eq!(directives(0, None), None);
    }

    #[test]
    fn the_variable_wins_over_the_flag() {
        assert_eq!(directives(2, Some("off")).as_deref(), Some("off"));
        assert_eq!(directives(1, None).as_deref(), Some("warn,butler=debug"));
    }

    #[test]
    fn a_wrong_filter_is_a_usage_error() {
        let environment: Env = [("BUTLER_LOG", "butler=loud")].into_iter().collect();
        let (ui, _) = Ui::captured(crate::UiOptions::default(), &environment, None);
        assert_eq!(start(&ui, &environment).unwrap_err().exit(), Exit::Usage);
    }
}
