//! What a login is proven with when no browser is: standard input, the environment, or a question at the terminal.

use butler_files::read;
use butler_terminal::prompt::{Prompt, Question};
use butler_terminal::{Exit, Failure};
use secrecy::SecretString;

use super::login::LoginArgs;
use crate::tool::Account;

/// The variable with the password of `--user`.
pub(super) const BUTLER_PASSWORD: &str = "BUTLER_PASSWORD";
/// The variable with a session token of the server.
pub(super) const BUTLER_TOKEN: &str = "BUTLER_TOKEN";

/// The longest password or token that is read, in bytes.
const LONGEST: u64 = 64 << 10;

/// What proves who somebody is, without a browser.
pub(super) enum Secret {
    /// The password of a user.
    Password(String, SecretString),
    /// A session of the server.
    Token(SecretString),
}

/// What was given, read before anything else happens; nothing where a code is to be approved in a browser.
pub(super) fn given(account: Account<'_>, args: &LoginArgs) -> Result<Option<Secret>, Failure> {
    let variable = |name: &str| account.env.text(name).map(|value| SecretString::from(value.to_owned()));
    if let Some(user) = &args.user {
        let password = if args.password_stdin {
            line()?
        } else {
            match variable(BUTLER_PASSWORD) {
                Some(password) => password,
                None => asked(account, user)?,
            }
        };
        return Ok(Some(Secret::Password(user.clone(), password)));
    }
    if args.token_stdin {
        return Ok(Some(Secret::Token(line()?)));
    }
    // A login that was asked for at an issuer, or for another purpose, does not take it.
    let token = if args.issuer.issuer.is_none() {
        variable(BUTLER_TOKEN)
    } else {
        None
    };
    Ok(token.map(Secret::Token))
}

fn asked(account: Account<'_>, user: &str) -> Result<SecretString, Failure> {
    let Some(prompt) = Prompt::new(account.ui) else {
        return Err(
            Failure::new(Exit::Usage, format!("the password of {user} is missing")).hint(format!(
                "--password-stdin reads it from standard input; {BUTLER_PASSWORD} does as well"
            )),
        );
    };
    prompt.password(Question {
        words: &format!("Password of {user}"),
        flag: "--password-stdin",
    })
}

/// The line that comes over standard input.
fn line() -> Result<SecretString, Failure> {
    let failed = |failure: Failure| failure.while_doing("cannot read the secret from standard input");
    let bytes = read::standard_input(LONGEST).map_err(|error| failed(Failure::from_error(Exit::Usage, &error)))?;
    let text = String::from_utf8(bytes).map_err(|_| failed(Failure::new(Exit::Usage, "it is no text")))?;
    let line = text.trim_end_matches(['\n', '\r']);
    if line.is_empty() {
        return Err(failed(Failure::new(Exit::Usage, "it is empty")));
    }
    Ok(SecretString::from(line.to_owned()))
}
