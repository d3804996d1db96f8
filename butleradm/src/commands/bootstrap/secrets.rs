//! Secrets that the configuration refers to, read when a run needs them.

use std::{path::Path, time::Duration};

use butler_api::config::{BootstrapConfig, SecretSource};
use butler_bootstrap::{
    addons::ClusterFacts,
    process::{self, Environment, Invocation, Stdin},
};
use butler_talos::{client::Credentials, secrets::SecretsBundle};
use butler_terminal::{Env, Exit, Failure, env};
use secrecy::{ExposeSecret as _, SecretString};

/// How long a command that prints a secret may take.
const EXEC_LIMIT: Duration = Duration::from_secs(30);

/// What addons need of the configuration's secrets.
pub(super) async fn facts(config: &BootstrapConfig, env: &Env) -> Result<ClusterFacts, Failure> {
    let console = config.addons.console.as_ref();
    let password = console.and_then(|c| c.admin_password.as_ref());
    let jwt = console.and_then(|c| c.jwt_secret.as_ref());
    Ok(ClusterFacts {
        endpoint: config.network.vip.clone().unwrap_or_default(),
        console_password: read_if(password, "addons.console.auth.adminPassword", env).await?,
        console_jwt_secret: read_if(jwt, "addons.console.auth.jwtSecret", env).await?,
        ..ClusterFacts::default()
    })
}

/// Talos credentials of an earlier run, if there was one.
pub(super) fn talos_credentials(path: &Path) -> Result<Option<Credentials>, Failure> {
    let failed = |e: &(dyn std::error::Error + 'static)| {
        Failure::from_error(Exit::Failed, e).while_doing(format!("cannot use the Talos secrets {}", path.display()))
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => SecretString::from(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    let bundle = SecretsBundle::from_yaml(text.expose_secret()).map_err(|e| failed(&e))?;
    Credentials::issue(&bundle, jiff::Timestamp::now())
        .map(Some)
        .map_err(|e| failed(&e))
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
        SecretSource::Clear(value) => Ok(value.clone()),
        SecretSource::File(path) => {
            let path = expand(path, env);
            std::fs::read_to_string(&path).map(without_newline).map_err(|e| {
                Failure::from_error(Exit::Usage, &e).while_doing(format!("cannot read {path} for {field}"))
            })
        }
        SecretSource::Env(name) => env.text(name).map(SecretString::from).ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                format!("{field} names the environment variable {name}, which is not set"),
            )
        }),
        SecretSource::Exec(words) => exec(words, field).await,
    }
}

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
    let finished = process::run(invocation, &|_| {})
        .await
        .map_err(|e| Failure::from_error(Exit::Usage, &e).while_doing(format!("cannot run the command of {field}")))?;
    Ok(without_newline(finished.stdout))
}

fn without_newline(mut text: String) -> SecretString {
    if text.ends_with('\n') {
        text.pop();
    }
    SecretString::from(text)
}

fn expand(path: &str, env: &Env) -> String {
    match (path.strip_prefix("~/"), env.text(env::HOME)) {
        (Some(rest), Some(home)) => format!("{home}/{rest}"),
        _ => path.to_owned(),
    }
}
