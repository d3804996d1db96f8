//! Credentials on the command line: never their values, but where they are.

use std::collections::BTreeMap;

use butler_account::tool::Account;
use butler_api::config::SecretSource;
use butler_api::names::credential_keys;
use butler_api::v1alpha1::shared::ProviderType;
use butler_files::{home, read};
use butler_lifecycle::setup::{self, SetupError, Sources};
use butler_tenancy::providers::credentials::Values;
use butler_terminal::prompt::{Prompt, Question};
use butler_terminal::{Exit, Failure, interrupt};
use secrecy::{SecretString, zeroize::Zeroizing};

use crate::failure;
use crate::keyring::SessionKeyring;

/// The largest credential that is read from standard input, in bytes.
const LARGEST: u64 = 1 << 20;

/// The key of what a person can be asked for.
const PASSWORD: &str = "password";

/// What names the parts of a source.
const FORMS: &str =
    "KEY=file:PATH, KEY=env:NAME, KEY=exec:COMMAND, KEY=keyring:SERVICE/USERNAME, or KEY=- for standard input";

/// Where credentials come from.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Credentials")]
pub struct CredentialArgs {
    /// User (name@realm), or token (user@realm!token); what is secret comes by --credential
    #[arg(long, value_name = "USER")]
    pub username: Option<String>,
    /// Credential and where it is: KEY=file:PATH, KEY=env:NAME, KEY=exec:COMMAND, KEY=keyring:SERVICE/USERNAME, or KEY=- for standard input
    #[arg(long = "credential", value_name = "KEY=SOURCE")]
    pub credentials: Vec<String>,
    /// File with the authorities of the platform's certificate (PEM)
    #[arg(long, value_name = "FILE", conflicts_with = "fingerprint")]
    pub ca_file: Option<String>,
    /// SHA-256 of the platform's certificate, in pairs of digits with colons
    #[arg(long, value_name = "DIGITS")]
    pub fingerprint: Option<String>,
}

impl CredentialArgs {
    /// The values, read from where they are.
    pub(super) fn read(&self, account: Account<'_>) -> Result<Values, Failure> {
        let sources = self.sources()?;
        if sources.is_empty() {
            return Ok(Values::new());
        }
        interrupt::run(account.ui, |stop| async move {
            tokio::select! {
                values = values(account, &sources) => values,
                () = stop.cancelled() => Err(failure::interrupted()),
            }
        })
    }

    /// Asks a person for a password that nothing gave. Whoever cannot be asked is told later what is missing.
    pub(super) fn ask_password(account: Account<'_>, provider: &str, values: &mut Values) -> Result<(), Failure> {
        let keys = credential_keys(&ProviderType::from(provider));
        let asks = keys.iter().any(|key| key.name == PASSWORD) && !values.contains_key(PASSWORD);
        if let Some(prompt) = Prompt::new(account.ui).filter(|_| asks) {
            let question = Question {
                words: &format!("Password, or secret of the token, for provider {provider}"),
                flag: "--credential password=SOURCE",
            };
            values.insert(PASSWORD.to_owned(), prompt.password(question)?);
        }
        Ok(())
    }

    fn sources(&self) -> Result<BTreeMap<String, SecretSource>, Failure> {
        let clear = |text: &String| SecretSource::Clear(SecretString::from(text.as_str()));
        let mut sources = BTreeMap::new();
        let plain = [("username", &self.username), ("fingerprint", &self.fingerprint)];
        for (key, text) in plain {
            sources.extend(text.as_ref().map(|text| (key.to_owned(), clear(text))));
        }
        if let Some(path) = &self.ca_file {
            sources.insert("ca.pem".to_owned(), SecretSource::File(expanded(path)?));
        }
        for given in &self.credentials {
            let (key, source) = source(given)?;
            if sources.insert(key.clone(), source).is_some() {
                return Err(Failure::new(Exit::Usage, format!("credential {key} is given twice")));
            }
        }
        Ok(sources)
    }
}

/// The source of one credential. No failure quotes more than its key: somebody may have typed the secret itself.
fn source(given: &str) -> Result<(String, SecretSource), Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message).hint(format!("--credential {FORMS}"));
    let Some((key, place)) = given.split_once('=') else {
        return Err(usage("a credential has a key and a source".to_owned()));
    };
    let source = match place.split_once(':') {
        _ if place == "-" => SecretSource::Clear(standard_input(key)?),
        Some(("file", path)) => SecretSource::File(expanded(path)?),
        Some(("env", name)) => SecretSource::Env(name.to_owned()),
        Some(("keyring", entry)) => {
            let Some((service, username)) = entry.split_once('/').filter(|(s, u)| !s.is_empty() && !u.is_empty())
            else {
                return Err(usage(format!("credential {key} names no entry of a keyring")));
            };
            SecretSource::Keyring {
                service: service.to_owned(),
                username: username.to_owned(),
            }
        }
        Some(("exec", command)) => {
            // Words, no shell: as in the configuration, but written in one.
            SecretSource::Exec(command.split_whitespace().map(str::to_owned).collect())
        }
        _ => {
            let message = format!("a secret does not belong on a command line: credential {key} needs a source");
            return Err(usage(message));
        }
    };
    Ok((key.to_owned(), source))
}

fn expanded(path: &str) -> Result<String, Failure> {
    let whole = home::expand(path.as_ref()).map_err(|error| failure::home(&error))?;
    let whole = std::path::absolute(&whole).map_err(|error| {
        Failure::from_error(Exit::Usage, &error).while_doing(format!("cannot find the folder of {path}"))
    })?;
    let text = whole.into_os_string().into_string();
    text.map_err(|_| Failure::new(Exit::Usage, "the path of a credential is not UTF-8"))
}

fn standard_input(key: &str) -> Result<SecretString, Failure> {
    let doing = || format!("cannot read credential {key} from standard input");
    let bytes = read::standard_input(LARGEST).map(Zeroizing::new);
    let bytes = bytes.map_err(|error| Failure::from_error(Exit::Usage, &error).while_doing(doing()))?;
    let text = butler_api::config::utf8(&bytes);
    let text = text.map_err(|flaw| Failure::new(Exit::Usage, flaw.to_string()).while_doing(doing()))?;
    Ok(SecretString::from(text))
}

async fn values(account: Account<'_>, sources: &BTreeMap<String, SecretSource>) -> Result<Values, Failure> {
    let mut values = Values::new();
    let keyring = SessionKeyring(account.env.variables());
    let sources_of = Sources {
        environment: account.env.variables(),
        keyring: &keyring,
    };
    for (key, source) in sources {
        let field = format!("credential {key}");
        let value = setup::read_secret(source, &field, sources_of).await;
        let value = value.map_err(|error| failure::setup(&SetupError::Secret(error)))?;
        values.insert(key.clone(), value);
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(credentials: &[&str]) -> CredentialArgs {
        CredentialArgs {
            credentials: credentials.iter().map(|text| (*text).to_owned()).collect(),
            ..CredentialArgs::default()
        }
    }

    #[test]
    fn sources_are_files_variables_and_commands() {
        let mut given = args(&["password=env:PVE", "a=file:/x", "b=exec:/bin/cat /y"]);
        given.username = Some("butler@pve".into());
        let sources = given.sources().unwrap();
        let words: Vec<String> = sources
            .iter()
            .map(|(key, source)| format!("{key} {source:?}"))
            .collect();
        assert_eq!(words[0], r#"a File("/x")"#);
        assert_eq!(words[1], r#"b Exec(["/bin/cat", "/y"])"#);
        assert_eq!(words[2], r#"password Env("PVE")"#);
        assert!(words[3].starts_with("username Clear("));
    }

    #[test]
    fn a_secret_that_was_typed_is_refused_and_not_quoted() {
        for given in ["password=hunter2", "hunter2", "password=other:hunter2"] {
            let failure = args(&[given]).sources().unwrap_err();
            let told = format!("{failure:?}");
            assert!(!told.contains("hunter2"), "{told}");
        }
        assert!(args(&["a=env:X", "a=env:Y"]).sources().is_err());
    }
}
