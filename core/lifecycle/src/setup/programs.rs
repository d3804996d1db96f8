//! The programs of others that a bootstrap runs, and what they find in their environment: helm, kind and its runtimes.

use std::{path::PathBuf, sync::Arc, time::Duration};

use butler_addons::{
    HelmInstaller, HelmSettings, Installer, WorldInstaller,
    process::{self, Invocation, ProcessError, Stdin, Variables},
};
use butler_api::{
    config::{BootstrapCluster, BootstrapConfig},
    words,
};
use butler_files::{ClusterFolder, Environment, environment::KIND_EXPERIMENTAL_PROVIDER};
use butler_infra::{Check, CheckStatus};
use jiff::Timestamp;

use crate::{
    bootstrap::context::MakeInstaller,
    bootstrap_clusters::kind::{self, Tools},
    setup::{SetupError, proxies},
};

/// The program that installs charts; looked up on PATH.
const HELM: &str = "helm";

/// Variables with proxies that kind hands on to its node.
const NODE_PROXIES: [&str; 6] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// Charts need the helm binary, and not any: better to know before the first machine is made.
pub(super) async fn helm_is_there(simulated: bool, environment: &Environment) -> Result<(), SetupError> {
    if simulated {
        return Ok(());
    }
    let env = environment.only(butler_addons::HELM_ENVIRONMENT);
    let said = version(HELM, &["version", "--short"], env)
        .await
        .map_err(SetupError::NoHelm)?;
    butler_addons::check_helm(&said).map_err(|why| SetupError::UnfitHelm { why })
}

/// The programs that a bootstrap of this configuration runs: whether they are there, in which version.
pub(super) async fn checks(config: &BootstrapConfig, simulated: bool, environment: &Environment) -> Vec<Check> {
    let mut checks = Vec::new();
    if simulated {
        let summary = "the simulated world installs addons by itself";
        checks.push(check("programs/helm", CheckStatus::Skipped, summary, None));
    } else {
        checks.push(helm_check(environment).await);
    }
    if matches!(config.bootstrap_cluster, BootstrapCluster::Kind { .. }) {
        checks.push(kind_check(environment).await);
    }
    checks
}

async fn helm_check(environment: &Environment) -> Check {
    const ID: &str = "programs/helm";
    let hint = || Some("install helm, or put it on PATH".to_owned());
    let env = environment.only(butler_addons::HELM_ENVIRONMENT);
    match version(HELM, &["version", "--short"], env).await {
        Err(error) => check(ID, CheckStatus::Fail, &butler_kubernetes::chain(&error), hint()),
        Ok(said) => match butler_addons::check_helm(&said) {
            Ok(()) => check(ID, CheckStatus::Ok, &format!("helm is {}", said.trim()), None),
            Err(why) => check(ID, CheckStatus::Fail, &why, hint()),
        },
    }
}

async fn kind_check(environment: &Environment) -> Check {
    const ID: &str = "programs/kind";
    match version("kind", &["version"], environment.only(kind::ENVIRONMENT)).await {
        Ok(said) => check(ID, CheckStatus::Ok, said.trim(), None),
        Err(error) => check(
            ID,
            CheckStatus::Fail,
            &butler_kubernetes::chain(&error),
            Some("install kind, or choose `bootstrapCluster: {type: embedded}`, which needs no program".to_owned()),
        ),
    }
}

fn check(id: &'static str, status: CheckStatus, summary: &str, hint: Option<String>) -> Check {
    Check {
        id,
        status,
        summary: words::peer(summary),
        hint,
    }
}

/// What a program says of its version.
async fn version(program: &str, args: &[&str], env: Variables) -> Result<String, ProcessError> {
    let ask = Invocation {
        program: program.into(),
        args: args.iter().map(|word| (*word).to_owned()).collect(),
        env: process::ChildEnvironment::Only(env),
        stdin: Stdin::Null,
        timeout: Duration::from_mins(1),
    };
    Ok(process::run(ask, &|_| {}).await?.stdout)
}

/// What installs addons. The simulated world has its own; everything else is installed by the helm binary.
pub(super) fn installer(
    config: &BootstrapConfig,
    simulated: bool,
    folder: &ClusterFolder,
    environment: &Environment,
    ca_files: Vec<PathBuf>,
) -> MakeInstaller {
    if simulated {
        return Box::new(|access| {
            let installer: Arc<dyn Installer> = Arc::new(WorldInstaller::new(access.client, Timestamp::now));
            Box::pin(async move { Ok(installer) })
        });
    }
    let folder = folder.helm();
    let mirror = config.addons.chart_mirror.clone();
    let timeout = config.deadlines.addon;
    let env = helm_variables(environment);
    Box::new(move |access| {
        let settings = HelmSettings {
            binary: HELM.into(),
            folder: folder.clone(),
            kubeconfig: access.kubeconfig,
            servers: Some(access.servers),
            tls_server_name: Some(access.server_name),
            mirror: mirror.clone(),
            ca_files: ca_files.clone(),
            env: env.clone(),
            timeout,
        };
        Box::pin(async move {
            let installer = HelmInstaller::open(settings, access.client, Timestamp::now).await?;
            Ok(Arc::new(installer) as Arc<dyn Installer>)
        })
    })
}

/// What helm finds in its environment: what it needs, and what goes direct.
fn helm_variables(environment: &Environment) -> Variables {
    let direct = proxies::direct(environment).map(|(name, value)| (name.into(), value.into()));
    let mut variables = environment.only(butler_addons::HELM_ENVIRONMENT);
    variables.extend(direct);
    variables
}

/// kind and the runtimes below it, with their environment.
pub(super) fn kind_tools(environment: &Environment) -> Tools {
    let text = |name: &str| environment.text(name).map(ToOwned::to_owned);
    let proxy = |name: &str| Some((name.to_owned(), text(name)?.into()));
    Tools {
        runtime_variable: text(KIND_EXPERIMENTAL_PROVIDER),
        proxies: NODE_PROXIES.into_iter().filter_map(proxy).collect(),
        env: environment.only(kind::ENVIRONMENT),
        ..Tools::default()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn environment() -> Environment {
        [
            ("PATH", "/bin"),
            ("HTTPS_PROXY", "http://proxy:3128"),
            ("no_proxy", "10.0.0.0/8"),
            ("DOCKER_HOST", "unix:///run/docker.sock"),
            ("KIND_EXPERIMENTAL_PROVIDER", "podman"),
            ("KUBECONFIG", "/home/me/.kube/config"),
            ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ]
        .into_iter()
        .collect()
    }

    fn names(variables: &Variables) -> Vec<&str> {
        variables.iter().filter_map(|(name, _)| name.to_str()).collect()
    }

    #[test]
    fn helm_gets_its_own_variables_and_what_goes_direct() {
        let variables = helm_variables(&environment());
        assert_eq!(names(&variables), ["PATH", "HTTPS_PROXY", "NO_PROXY", "no_proxy"]);
        assert!(variables.contains(&("NO_PROXY".into(), "10.0.0.0/8".into())));
        // Empty ones are given as well: helm does not fall back to anything else then.
        assert_eq!(
            names(&helm_variables(&Environment::default())),
            ["NO_PROXY", "no_proxy"]
        );
    }

    #[test]
    fn kind_gets_the_runtime_and_the_proxies_beside_its_environment() {
        let tools = kind_tools(&environment());
        assert_eq!(tools.runtime_variable.as_deref(), Some("podman"));
        assert_eq!(names(&tools.env), ["PATH", "DOCKER_HOST"]);
        let proxies: Vec<_> = tools
            .proxies
            .iter()
            .map(|(name, value)| (&**name, value.expose_secret()))
            .collect();
        assert_eq!(
            proxies,
            [("HTTPS_PROXY", "http://proxy:3128"), ("no_proxy", "10.0.0.0/8")]
        );
    }
}
