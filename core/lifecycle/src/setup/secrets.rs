//! Secrets that the configuration refers to, read when a run needs them.

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use butler_addons::{
    ClusterFacts,
    process::{self, Finished, Invocation, ProcessError, Stdin},
};
use butler_api::config::{BootstrapConfig, NotText, Provider, SecretSource, utf8};
use butler_files::{
    Environment,
    read::{self, ReadError},
};
use butler_infra::{BoxError, Check, CheckStatus};
use futures::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString, zeroize::Zeroizing};

/// How long a command that prints a secret may take.
const EXEC_LIMIT: Duration = Duration::from_secs(30);
/// Largest file that holds a secret.
const SECRET_LIMIT: u64 = 1 << 20;
/// How many lines of a failed command an error shows.
const STDERR_LINES: usize = 5;
/// How many characters are shown of each of these lines.
const STDERR_WIDTH: usize = 200;

/// The keyring of whoever runs the program. Only the binaries know how it is asked; core is given this.
pub trait Keyring: Send + Sync {
    /// What an entry holds; none where there is no such entry. The error is a cause for people.
    fn secret<'a>(
        &'a self,
        service: &'a str,
        username: &'a str,
    ) -> BoxFuture<'a, Result<Option<SecretString>, BoxError>>;
}

/// What secrets are read from, beside files and commands.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The environment of the program.
    pub environment: &'a Environment,
    /// The keyring of whoever runs it.
    pub keyring: &'a dyn Keyring,
}

/// Why a secret that the configuration refers to cannot be had. No variant holds or quotes any of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Its file cannot be read.
    #[error("cannot read {} for {field}", path.display())]
    File {
        /// The file that was to be read.
        path: PathBuf,
        /// Where the configuration asks for it.
        field: String,
        /// Why it cannot be read.
        source: ReadError,
    },
    /// Its variable is not set.
    #[error("{field} names the environment variable {name}, which is not set")]
    Unset {
        /// Name of the variable.
        name: String,
        /// Where the configuration asks for it.
        field: String,
    },
    /// The keyring has no such entry.
    #[error("{field} names an entry that the keyring does not have: service {service}, username {username}")]
    NoEntry {
        /// The program or platform that the entry is for.
        service: String,
        /// Who logs in with it.
        username: String,
        /// Where the configuration asks for it.
        field: String,
    },
    /// The keyring cannot be asked.
    #[error("cannot read {field} from the keyring")]
    Keyring {
        /// Where the configuration asks for it.
        field: String,
        /// Why not.
        source: BoxError,
    },
    /// What was read is no text.
    #[error("{place} cannot be used for {field}: {flaw}")]
    NotText {
        /// Where it was read.
        place: String,
        /// Where the configuration asks for it.
        field: String,
        /// What is wrong with it.
        flaw: NotText,
    },
    /// The source was there and held nothing.
    #[error("{place} is empty, but {field} needs a value")]
    Empty {
        /// Where it was read.
        place: String,
        /// Where the configuration asks for it.
        field: String,
    },
    /// There is no command to run.
    #[error("{field} names an empty command")]
    NoCommand {
        /// Where the configuration names it.
        field: String,
    },
    /// The command that prints the secret failed.
    #[error("cannot run the command {program} of {field}")]
    Command {
        /// The program that was to run.
        program: String,
        /// Where the configuration names it.
        field: String,
        /// How the command ended, as a sentence.
        ending: String,
        /// The end of what it said on stderr.
        said: Vec<String>,
    },
    /// The command printed something that is no secret.
    #[error("the output of {program} is {flaw}, but {field} needs a text")]
    Output {
        /// The program that ran.
        program: String,
        /// Where the configuration names it.
        field: String,
        /// What is wrong with its output.
        flaw: &'static str,
    },
}

impl SecretError {
    /// The setting that asks for the secret.
    pub fn field(&self) -> &str {
        match self {
            Self::File { field, .. }
            | Self::Unset { field, .. }
            | Self::NoEntry { field, .. }
            | Self::Keyring { field, .. }
            | Self::NotText { field, .. }
            | Self::Empty { field, .. }
            | Self::NoCommand { field, .. }
            | Self::Command { field, .. }
            | Self::Output { field, .. } => field,
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotText { .. } => Some("a secret is UTF-8 text"),
            Self::NoEntry { .. } => {
                Some("put it there, such as with `secret-tool store --label=LABEL service S username U`")
            }
            Self::Keyring { .. } => Some("unlock it, or name a source that needs no desktop: file, env or exec"),
            _ => None,
        }
    }
}

/// What addons need of the configuration's secrets.
pub(super) async fn facts(config: &BootstrapConfig, sources: Sources<'_>) -> Result<ClusterFacts, SecretError> {
    let console = config.addons.console.as_ref();
    let password = console.and_then(|c| c.admin_password.as_ref());
    let jwt = console.and_then(|c| c.jwt_secret.as_ref());
    Ok(ClusterFacts {
        console_password: read_if(password, "addons.console.auth.adminPassword", sources).await?,
        console_jwt_secret: read_if(jwt, "addons.console.auth.jwtSecret", sources).await?,
        capi_variables: capi_variables(config, sources).await?,
        ..ClusterFacts::default()
    })
}

/// Variables of Cluster API's providers, in the order of the configuration's list.
async fn capi_variables(
    config: &BootstrapConfig,
    sources: Sources<'_>,
) -> Result<Vec<BTreeMap<String, SecretString>>, SecretError> {
    let mut all = Vec::new();
    let providers = config
        .addons
        .capi
        .iter()
        .flat_map(|capi| &capi.infrastructure_providers);
    for (i, provider) in providers.enumerate() {
        let mut values = BTreeMap::new();
        for (name, source) in &provider.variables {
            let field = format!("addons.capi.infrastructureProviders[{i}].variables.{name}");
            values.insert(name.clone(), read(source, &field, sources).await?);
        }
        all.push(values);
    }
    Ok(all)
}

/// Reads the secrets that machine configurations need, and puts the values in place of their sources.
pub(super) async fn of_machines(config: &mut BootstrapConfig, sources: Sources<'_>) -> Result<(), SecretError> {
    for (field, source) in config.secrets_mut() {
        if field.starts_with("talos.") {
            *source = SecretSource::Clear(read(source, &field, sources).await?);
        }
    }
    Ok(())
}

/// Reads the secrets of a platform, and puts the values in place of their sources.
pub(super) async fn of_platform(settings: &mut Provider, sources: Sources<'_>) -> Result<(), SecretError> {
    for (field, source) in settings.secrets_mut() {
        *source = SecretSource::Clear(read(source, &field, sources).await?);
    }
    Ok(())
}

/// The credentials of a platform whose secrets were read, by the keys under which the programs on the management cluster look
/// for them; none where this release connects to no such platform.
pub(super) fn credentials(settings: &Provider) -> Option<BTreeMap<String, SecretString>> {
    let Provider::Proxmox(proxmox) = settings else {
        return None;
    };
    let value = |source: &Option<SecretSource>| match source {
        Some(SecretSource::Clear(value)) => Some(value.clone()),
        _ => None,
    };
    let plain = |text: &Option<String>| text.clone().map(SecretString::from);
    let entries = [
        ("username", value(&proxmox.username)),
        ("password", value(&proxmox.password)),
        ("ca.pem", plain(&proxmox.ca)),
        ("fingerprint", plain(&proxmox.fingerprint)),
    ];
    let entries = entries.into_iter();
    Some(
        entries
            .filter_map(|(key, value)| Some((key.to_owned(), value?)))
            .collect(),
    )
}

/// Reads every secret that the configuration refers to, and says whether it can be read; no check tells a value.
pub(super) async fn checks(config: &mut BootstrapConfig, sources: Sources<'_>) -> Vec<Check> {
    let mut found = Vec::new();
    for (field, source) in config.secrets_mut() {
        let (status, summary, hint) = match read(source, &field, sources).await {
            Ok(_) => (
                CheckStatus::Ok,
                format!("{field} can be read from {}", place(source)),
                None,
            ),
            Err(error) => {
                let hint = error.hint().map(ToOwned::to_owned);
                (CheckStatus::Fail, butler_kubernetes::chain(&error), hint)
            }
        };
        found.push(Check {
            id: "secrets",
            status,
            summary,
            hint,
        });
    }
    found
}

/// Where a secret comes from.
fn place(source: &SecretSource) -> String {
    match source {
        SecretSource::Clear(_) => "the configuration itself".to_owned(),
        SecretSource::File(path) => format!("the file {path}"),
        SecretSource::Env(name) => format!("the environment variable {name}"),
        SecretSource::Keyring { service, username } => {
            format!("the keyring (service {service}, username {username})")
        }
        SecretSource::Exec(words) => format!("the command {}", words.first().map_or("", String::as_str)),
    }
}

async fn read_if(
    source: Option<&SecretSource>,
    field: &str,
    sources: Sources<'_>,
) -> Result<Option<SecretString>, SecretError> {
    match source {
        Some(source) => read(source, field, sources).await.map(Some),
        None => Ok(None),
    }
}

/// The value of a secret that `field` asks for. No error quotes it.
pub async fn read(source: &SecretSource, field: &str, sources: Sources<'_>) -> Result<SecretString, SecretError> {
    match source {
        SecretSource::Clear(value) => tidy(value.expose_secret().as_bytes(), field, "the configuration"),
        SecretSource::File(path) => {
            let path = Path::new(path);
            let bytes = read::file(path, SECRET_LIMIT).map(Zeroizing::new);
            let bytes = bytes.map_err(|source| SecretError::File {
                path: path.to_owned(),
                field: field.to_owned(),
                source,
            })?;
            tidy(&bytes, field, &path.display().to_string())
        }
        SecretSource::Env(name) => match sources.environment.get(name) {
            Some(value) => tidy(
                value.as_encoded_bytes(),
                field,
                &format!("the environment variable {name}"),
            ),
            None => Err(SecretError::Unset {
                name: name.clone(),
                field: field.to_owned(),
            }),
        },
        SecretSource::Exec(words) => exec(words, field).await,
        SecretSource::Keyring { service, username } => {
            let found = sources.keyring.secret(service, username).await;
            let found = found.map_err(|source| SecretError::Keyring {
                field: field.to_owned(),
                source,
            })?;
            let value = found.ok_or_else(|| SecretError::NoEntry {
                service: service.clone(),
                username: username.clone(),
                field: field.to_owned(),
            })?;
            tidy(value.expose_secret().as_bytes(), field, &place(source))
        }
    }
}

/// The one rule for what files, variables and commands hold: a byte order mark and line ends at the end go, and something
/// must be left.
fn tidy(bytes: &[u8], field: &str, place: &str) -> Result<SecretString, SecretError> {
    let text = utf8(bytes).map_err(|flaw| SecretError::NotText {
        place: place.to_owned(),
        field: field.to_owned(),
        flaw,
    })?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.trim().is_empty() {
        return Err(SecretError::Empty {
            place: place.to_owned(),
            field: field.to_owned(),
        });
    }
    Ok(SecretString::from(text))
}

/// A passphrase that was found at a place, by the same rule.
pub fn passphrase(bytes: &[u8], place: &str) -> Result<SecretString, SecretError> {
    tidy(bytes, "the passphrase", place)
}

/// What a command prints.
async fn exec(words: &[String], field: &str) -> Result<SecretString, SecretError> {
    let Some((program, args)) = words.split_first() else {
        return Err(SecretError::NoCommand {
            field: field.to_owned(),
        });
    };
    let finished = run(program, args, field).await?;
    let flaw = match &finished {
        Finished { truncated: true, .. } => Some("too long"),
        Finished { stdout, .. } if stdout.contains(char::REPLACEMENT_CHARACTER) => Some("not UTF-8"),
        Finished { .. } => None,
    };
    match flaw {
        None => tidy(finished.stdout.as_bytes(), field, &format!("the output of {program}")),
        Some(flaw) => Err(SecretError::Output {
            program: program.clone(),
            field: field.to_owned(),
            flaw,
        }),
    }
}

/// Runs the command of a secret. What it says when it fails may be on stdout, which is the secret: only stderr is shown.
async fn run(program: &str, args: &[String], field: &str) -> Result<Finished, SecretError> {
    let invocation = Invocation {
        program: program.into(),
        args: args.to_vec(),
        // The user's own command: it may need anything that the user has.
        env: process::ChildEnvironment::Inherited,
        stdin: Stdin::Null,
        timeout: EXEC_LIMIT,
    };
    let said = Mutex::new(VecDeque::new());
    let on_line = |line: &str| {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() == STDERR_LINES {
            said.pop_front();
        }
        said.push_back(line.chars().take(STDERR_WIDTH).collect::<String>());
    };
    let finished = process::run(invocation, &on_line).await;
    let said = said.into_inner().unwrap_or_else(PoisonError::into_inner);
    finished.map_err(|error| SecretError::Command {
        program: program.to_owned(),
        field: field.to_owned(),
        ending: ending(&error),
        said: said.into(),
    })
}

/// How a command ended that gave no secret.
fn ending(error: &ProcessError) -> String {
    match error {
        ProcessError::Failed { code: Some(code), .. } => format!("it failed with code {code}"),
        ProcessError::Failed { code: None, .. } => "it was ended by a signal".to_owned(),
        ProcessError::Timeout { timeout, .. } => format!("it did not end within {} s", timeout.as_secs()),
        ProcessError::NotFound { .. } => "it was not found".to_owned(),
        ProcessError::Io { source, .. } => source.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD: &str = "addons.console.auth.adminPassword";

    fn told(error: &SecretError) -> String {
        format!("{error}\n{error:?}")
    }

    async fn value(source: SecretSource, env: &[(&str, &str)]) -> Result<String, SecretError> {
        let environment = env.iter().copied().collect();
        let sources = Sources {
            environment: &environment,
            keyring: &OneEntry,
        };
        read(&source, FIELD, sources)
            .await
            .map(|secret| secret.expose_secret().to_owned())
    }

    /// A keyring with one entry.
    struct OneEntry;

    impl Keyring for OneEntry {
        fn secret<'a>(
            &'a self,
            service: &'a str,
            username: &'a str,
        ) -> BoxFuture<'a, Result<Option<SecretString>, BoxError>> {
            let found = match (service, username) {
                ("pve", "root") => Ok(Some("hunter2\n".into())),
                ("locked", _) => Err(BoxError::from("it is locked")),
                _ => Ok(None),
            };
            Box::pin(async { found })
        }
    }

    fn entry(service: &str) -> SecretSource {
        SecretSource::Keyring {
            service: service.to_owned(),
            username: "root".to_owned(),
        }
    }

    #[tokio::test]
    async fn an_entry_of_the_keyring_is_read_or_it_is_said_why_not() {
        assert_eq!(value(entry("pve"), &[]).await.unwrap(), "hunter2");
        let none = value(entry("pwe"), &[]).await.unwrap_err();
        assert_eq!(
            none.to_string(),
            format!("{FIELD} names an entry that the keyring does not have: service pwe, username root")
        );
        let locked = value(entry("locked"), &[]).await.unwrap_err();
        assert_eq!(
            butler_kubernetes::chain(&locked),
            format!("cannot read {FIELD} from the keyring: it is locked")
        );
        assert!(locked.hint().unwrap().contains("unlock it"));
    }

    fn shell(script: &str) -> SecretSource {
        SecretSource::Exec(["/bin/sh", "-c", script].map(str::to_owned).to_vec())
    }

    /// The same text from every kind of source.
    async fn everywhere(text: &str) -> Vec<Result<String, SecretError>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, text).unwrap();
        vec![
            value(SecretSource::File(file.display().to_string()), &[]).await,
            value(SecretSource::Env("S".to_owned()), &[("S", text)]).await,
            value(shell(&format!("cat {}", file.display())), &[]).await,
            value(SecretSource::Clear(text.into()), &[]).await,
        ]
    }

    #[tokio::test]
    async fn one_rule_for_files_variables_commands_and_clear_text() {
        for text in [
            "hunter2",
            "hunter2\n",
            "hunter2\r\n",
            "hunter2\n\n\r\n",
            "\u{feff}hunter2\r",
        ] {
            for found in everywhere(text).await {
                assert_eq!(found.unwrap(), "hunter2", "{text:?}");
            }
        }
        for found in everywhere(" two\nlines \n").await {
            assert_eq!(found.unwrap(), " two\nlines ");
        }
    }

    #[tokio::test]
    async fn nothing_is_no_secret() {
        for text in ["", "\n", "\r\n\r\n", "\u{feff}", "  \n"] {
            for found in everywhere(text).await {
                let shown = told(&found.unwrap_err());
                assert!(shown.contains(FIELD), "{shown}");
            }
        }
    }

    #[tokio::test]
    async fn a_failing_command_shows_what_it_says_and_not_the_secret() {
        let error = value(shell("echo hunter2; exit 3"), &[]).await.unwrap_err();
        let shown = told(&error);
        assert!(!shown.contains("hunter2") && shown.contains("code 3"), "{shown}");
        let script = "i=0; while [ $i -lt 50 ]; do echo hunter2; echo no key for you $i >&2; i=$((i+1)); done; exit 1";
        let shown = told(&value(shell(script), &[]).await.unwrap_err());
        assert!(
            !shown.contains("hunter2") && shown.contains("no key for you 49"),
            "{shown}"
        );
        assert!(!shown.contains("no key for you 40"), "{shown}");
    }

    #[tokio::test]
    async fn what_is_no_text_is_told_without_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, b"hunter2\xff").unwrap();
        let shown = told(
            &value(SecretSource::File(file.display().to_string()), &[])
                .await
                .unwrap_err(),
        );
        assert!(shown.contains("not UTF-8") && !shown.contains("hunter2"), "{shown}");
        let shown = told(&value(shell(r"printf 'hunter2\377'"), &[]).await.unwrap_err());
        assert!(shown.contains("not UTF-8") && !shown.contains("hunter2"), "{shown}");
    }
}
