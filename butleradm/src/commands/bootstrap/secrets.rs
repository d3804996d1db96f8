//! Secrets that the configuration refers to, read when a run needs them.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use butler_addons::{
    ClusterFacts,
    process::{self, Environment, Invocation, ProcessError, Stdin},
};
use butler_api::config::{BootstrapConfig, SecretSource, utf8};
use butler_files::read;
use butler_talos::{client::Credentials, secrets::SecretsBundle};
use butler_terminal::{Env, Exit, Failure};
use secrecy::{ExposeSecret as _, SecretString, zeroize::Zeroizing};

/// How long a command that prints a secret may take.
const EXEC_LIMIT: Duration = Duration::from_secs(30);
/// Largest file that holds a secret.
const SECRET_LIMIT: u64 = 1 << 20;
/// Lines of a failed command that are told.
const STDERR_LINES: usize = 5;
/// Characters of each.
const STDERR_WIDTH: usize = 200;

/// What addons need of the configuration's secrets.
pub(super) async fn facts(config: &BootstrapConfig, env: &Env) -> Result<ClusterFacts, Failure> {
    let console = config.addons.console.as_ref();
    let password = console.and_then(|c| c.admin_password.as_ref());
    let jwt = console.and_then(|c| c.jwt_secret.as_ref());
    Ok(ClusterFacts {
        console_password: read_if(password, "addons.console.auth.adminPassword", env).await?,
        console_jwt_secret: read_if(jwt, "addons.console.auth.jwtSecret", env).await?,
        capi_variables: capi_variables(config, env).await?,
        ..ClusterFacts::default()
    })
}

/// Variables of Cluster API's providers, in the order of the configuration's list.
async fn capi_variables(config: &BootstrapConfig, env: &Env) -> Result<Vec<BTreeMap<String, SecretString>>, Failure> {
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
            values.insert(name.clone(), read(source, &field, env).await?);
        }
        all.push(values);
    }
    Ok(all)
}

/// Talos credentials of an earlier run, if there was one.
pub(super) fn talos_credentials(path: &Path) -> Result<Option<Credentials>, Failure> {
    let failed = |e: &(dyn std::error::Error + 'static)| {
        Failure::from_error(Exit::Failed, e).while_doing(format!("cannot use the Talos secrets {}", path.display()))
    };
    let text = match std::fs::read_to_string(path) {
        // A lost file; what that means is told where it is known what it was used for.
        Ok(text) if text.trim_matches(['\0', ' ', '\n']).is_empty() => return Ok(None),
        Ok(text) => SecretString::from(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    let bundle = SecretsBundle::from_yaml(text.expose_secret()).map_err(|e| failed(&e))?;
    Credentials::issue(&bundle, jiff::Timestamp::now())
        .map(Some)
        .map_err(|e| failed(&e))
}

/// Reads the secrets that machine configurations need, and puts the values in place of their sources.
pub(super) async fn of_machines(config: &mut BootstrapConfig, env: &Env) -> Result<(), Failure> {
    for (field, source) in config.secrets_mut() {
        if field.starts_with("talos.") {
            *source = SecretSource::Clear(read(source, &field, env).await?);
        }
    }
    Ok(())
}

/// What is wrong with secrets that no run of this version reads: those of platforms that are not implemented yet.
pub(super) async fn unreadable(config: &mut BootstrapConfig, env: &Env) -> Vec<String> {
    let mut found = Vec::new();
    for (field, source) in config.secrets_mut() {
        if field.starts_with("providerConfig.")
            && let Err(failure) = read(source, &field, env).await
        {
            found.push(failure.message().to_owned());
        }
    }
    found
}

async fn read_if(source: Option<&SecretSource>, field: &str, env: &Env) -> Result<Option<SecretString>, Failure> {
    match source {
        Some(source) => read(source, field, env).await.map(Some),
        None => Ok(None),
    }
}

/// The value of a secret. No error quotes it.
async fn read(source: &SecretSource, field: &str, env: &Env) -> Result<SecretString, Failure> {
    match source {
        SecretSource::Clear(value) => tidy(value.expose_secret().as_bytes(), field, "the configuration"),
        SecretSource::File(path) => {
            let path = Path::new(path);
            let bytes = read::file(path, SECRET_LIMIT).map(Zeroizing::new).map_err(|e| {
                Failure::from_error(Exit::Usage, &e).while_doing(format!("cannot read {} for {field}", path.display()))
            })?;
            tidy(&bytes, field, &path.display().to_string())
        }
        SecretSource::Env(name) => {
            let place = format!("the environment variable {name}");
            match env.get(name) {
                Some(value) => tidy(value.as_encoded_bytes(), field, &place),
                None => Err(Failure::new(
                    Exit::Usage,
                    format!("{field} names {place}, which is not set"),
                )),
            }
        }
        SecretSource::Exec(words) => exec(words, field).await,
    }
}

/// The one rule for what files, variables and commands hold: a byte order mark and line ends at the end go, and something
/// must be left.
fn tidy(bytes: &[u8], field: &str, place: &str) -> Result<SecretString, Failure> {
    let text = utf8(bytes).map_err(|e| {
        Failure::new(Exit::Usage, format!("{place} cannot be used for {field}: {e}")).hint("a secret is UTF-8 text")
    })?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.trim().is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            format!("{place} is empty, but {field} needs a value"),
        ));
    }
    Ok(SecretString::from(text))
}

/// What a command prints. What it says when it fails may be on stdout, which is the secret: only stderr is told.
async fn exec(words: &[String], field: &str) -> Result<SecretString, Failure> {
    let Some((program, args)) = words.split_first() else {
        return Err(Failure::new(Exit::Usage, format!("{field} names an empty command")));
    };
    let invocation = Invocation {
        program: program.into(),
        args: args.to_vec(),
        // The user's own command: it may need anything that the user has.
        env: Environment::Inherited,
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
    let said: Vec<String> = said.into_inner().unwrap_or_else(PoisonError::into_inner).into();
    let finished = finished.map_err(|error| {
        let cause = match error {
            ProcessError::Failed { code: Some(code), .. } => format!("it failed with code {code}"),
            ProcessError::Failed { code: None, .. } => "it was ended by a signal".to_owned(),
            ProcessError::Timeout { timeout, .. } => format!("it did not end within {} s", timeout.as_secs()),
            ProcessError::NotFound { .. } => "it was not found".to_owned(),
            ProcessError::Io { source, .. } => source.to_string(),
        };
        let failure = Failure::new(Exit::Usage, format!("cannot run the command {program} of {field}")).cause(cause);
        said.iter().fold(failure, |failure, line| failure.cause(line.clone()))
    })?;
    let place = format!("the output of {program}");
    if finished.truncated || finished.stdout.contains(char::REPLACEMENT_CHARACTER) {
        let what = if finished.truncated { "too long" } else { "not UTF-8" };
        return Err(Failure::new(
            Exit::Usage,
            format!("{place} is {what}, but {field} needs a text"),
        ));
    }
    tidy(finished.stdout.as_bytes(), field, &place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD: &str = "addons.console.auth.adminPassword";

    fn told(failure: &Failure) -> String {
        format!("{failure:?}")
    }

    async fn value(source: SecretSource, env: &[(&str, &str)]) -> Result<String, Failure> {
        let env: Env = env.iter().copied().collect();
        read(&source, FIELD, &env)
            .await
            .map(|secret| secret.expose_secret().to_owned())
    }

    fn shell(script: &str) -> SecretSource {
        SecretSource::Exec(["/bin/sh", "-c", script].map(str::to_owned).to_vec())
    }

    /// The same text from every kind of source.
    async fn everywhere(text: &str) -> Vec<Result<String, Failure>> {
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
        let failure = value(shell("echo hunter2; exit 3"), &[]).await.unwrap_err();
        let shown = told(&failure);
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
