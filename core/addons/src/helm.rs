//! The installer for real clusters: charts through the `helm` binary, everything else by server-side apply.
//!
//! A change of a release can be cut off at any point. Helm's own record tells what was left, and a locked file that the
//! child inherits tells whether a helm of ours still works on it, even when the run that started it is gone.

use std::{fmt::Debug, path::PathBuf, time::Duration};

use butler_api::{config::ChartMirror, descriptors, error::Class, helm::StoredRelease};
use butler_files::home;
use butler_kubernetes::{Unmet, servers::Servers, wait};
use futures::future::{BoxFuture, FutureExt as _};
use jiff::Timestamp;
use k8s_openapi::{
    NamespaceResourceScope,
    api::apps::v1::{DaemonSet, Deployment, StatefulSet},
};
use kube::{Api, Client, Resource};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    Addon, HelmUnusable, InstallError, Installed, Installer, Manifest, Objects, Release, ReleaseState, Source, catalog,
    chart::{self, HELM_HINT, Located},
    direct::{self, Direct},
    intent::Intent,
    manifest,
    process::{self, ChildEnvironment, Finished, Invocation, ProcessError, Stdin, Variables},
    release,
    world::{manifest_digest, objects_digest},
};

/// What helm needs of our own environment: where programs, certificates and registry logins are, and proxies. What goes
/// direct is told besides.
pub const ENVIRONMENT: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "TZ",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    // Logins of registries, in files; a helper that keeps them may talk over the session's bus.
    "HELM_REGISTRY_CONFIG",
    "DOCKER_CONFIG",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
];

/// How long the way back from an interrupted upgrade may take before its hooks are skipped.
const CLEAN_UP: Duration = Duration::from_mins(2);
/// What one call may take beyond the time it is told to wait.
const GRACE: Duration = Duration::from_secs(30);
/// After so long helm is held up by something.
const SLOW: Duration = Duration::from_secs(5);

/// How Helm is used.
#[derive(Debug, Clone)]
pub struct HelmSettings {
    /// The binary; a bare name is looked up on PATH.
    pub binary: PathBuf,
    /// Folder of our own for caches, kubeconfig and locks, for example `<state>/clusters/<cluster>/helm`.
    pub folder: PathBuf,
    /// How to reach the cluster. Certificates are always verified.
    pub kubeconfig: SecretString,
    /// Connect to these addresses instead of the kubeconfig's: each helm to the one in use then.
    pub servers: Option<Servers>,
    /// The name the server's certificate must carry, where it is not the host of its address.
    pub tls_server_name: Option<String>,
    /// Source of every chart and manifest instead of where they are published.
    pub mirror: Option<ChartMirror>,
    /// PEM files of certificate authorities of repositories and proxies, trusted besides those of the system.
    pub ca_files: Vec<PathBuf>,
    /// Helm's environment beside what we set: the variables of [`ENVIRONMENT`], as far as there are such.
    pub env: Variables,
    /// How long one change may take.
    pub timeout: Duration,
}

/// Installs into a real cluster.
pub struct HelmInstaller {
    settings: HelmSettings,
    /// Every trusted authority in one file, where the system's are not enough.
    ca_file: Option<PathBuf>,
    direct: Direct,
    now: fn() -> Timestamp,
}

impl HelmInstaller {
    /// Checks Helm's version and prepares the folder. `client` is for the same cluster as the kubeconfig.
    pub async fn open(settings: HelmSettings, client: Client, now: fn() -> Timestamp) -> Result<Self, HelmUnusable> {
        let mut installer = Self {
            settings,
            ca_file: None,
            direct: Direct::new(client),
            now,
        };
        let prepared = home::private_folder(&installer.settings.folder).and_then(|()| {
            let kubeconfig = installer.settings.kubeconfig.expose_secret();
            home::write_secret(&installer.kubeconfig(), kubeconfig.as_bytes())
        });
        prepared.map_err(|error| HelmUnusable {
            message: butler_kubernetes::chain(&error),
            class: Class::Fatal,
            hint: None,
        })?;
        installer.ca_file = installer.trusted()?;
        installer.check_version().await?;
        Ok(installer)
    }

    /// Helm's `--ca-file` takes the place of the system's authorities: they go into the file as well.
    fn trusted(&self) -> Result<Option<PathBuf>, HelmUnusable> {
        if self.settings.ca_files.is_empty() {
            return Ok(None);
        }
        let unusable = |message| HelmUnusable {
            message,
            class: Class::Configuration,
            hint: Some("BUTLER_CA_CERT_PATH names a PEM file, or a folder of them".to_owned()),
        };
        let bundle = manifest::bundle(&self.settings.ca_files).map_err(|e| unusable(butler_kubernetes::chain(&e)))?;
        let path = self.settings.folder.join("ca.pem");
        home::write_secret(&path, bundle.as_bytes()).map_err(|e| unusable(butler_kubernetes::chain(&e)))?;
        Ok(Some(path))
    }

    async fn check_version(&self) -> Result<(), HelmUnusable> {
        let args = ["version", "--template", "{{.Version}}"].map(str::to_owned).to_vec();
        let unusable = |message| HelmUnusable {
            message,
            class: Class::Configuration,
            hint: Some(HELM_HINT.to_owned()),
        };
        let output = self
            .helm("helm", args, Stdin::Null, Duration::from_mins(1), &|_| ())
            .await;
        let output = output.map_err(|failed| unusable(failed.error.message))?;
        let program = self.settings.binary.display();
        chart::check_helm(&output.stdout).map_err(|why| unusable(format!("{program}: {why}")))
    }

    fn kubeconfig(&self) -> PathBuf {
        self.settings.folder.join("kubeconfig")
    }

    /// Runs helm. It gets nothing from the caller's environment that could lead it to another cluster.
    async fn helm(
        &self,
        addon: &str,
        args: Vec<String>,
        stdin: Stdin,
        timeout: Duration,
        on_line: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Finished, HelmFailed> {
        let folder = |name: &str| self.settings.folder.join(name).display().to_string();
        let ours = [
            ("HELM_CACHE_HOME", folder("cache")),
            ("HELM_CONFIG_HOME", folder("config")),
            ("HELM_DATA_HOME", folder("data")),
            ("HELM_DRIVER", "secret".to_owned()),
            // Else it goes below HOME, or below the working directory where there is none.
            ("KUBECACHEDIR", folder("kube")),
        ];
        let mut env = self.settings.env.clone();
        env.extend(ours.map(|(name, value)| (name.into(), value.into())));
        if let Some(servers) = &self.settings.servers {
            go_direct(&mut env, &servers.current());
        }
        let invocation = Invocation {
            program: self.settings.binary.clone(),
            args,
            env: ChildEnvironment::Only(env),
            stdin,
            timeout,
        };
        process::run(invocation, on_line)
            .await
            .map_err(|error| HelmFailed::new(addon, &error))
    }

    /// Flags that lead to the cluster.
    fn cluster_flags(&self, release: &Release) -> Vec<String> {
        let mut flags = vec![
            "--kubeconfig".to_owned(),
            self.kubeconfig().display().to_string(),
            "--namespace".to_owned(),
            release.namespace.clone(),
        ];
        if let Some(servers) = &self.settings.servers {
            flags.extend(["--kube-apiserver".to_owned(), servers.current()]);
        }
        if let Some(name) = &self.settings.tls_server_name {
            flags.extend(["--kube-tls-server-name".to_owned(), name.clone()]);
        }
        flags
    }

    async fn history(&self, addon: &Addon, release: &Release) -> Result<Vec<StoredRelease>, InstallError> {
        release::history(&self.direct.client, &release.namespace, &release.release)
            .await
            .map_err(|error| InstallError::kube(&addon.name, "cannot read its release", &error))
    }

    async fn install_chart(
        &self,
        addon: &Addon,
        release: &Release,
        on_line: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Installed, InstallError> {
        let located = chart::locate(&release.chart, self.settings.mirror.as_ref(), self.ca_file.as_deref());
        if let Some(file) = located.file.as_deref().filter(|file| !file.is_file()) {
            return Err(InstallError::new(
                &addon.name,
                Class::Configuration,
                chart::absent(file),
            ));
        }
        let io = |error: std::io::Error| of_system(&addon.name, &error);
        let path = self
            .settings
            .folder
            .join(format!("{}.{}.values", release.namespace, release.release));
        let mut intent = Intent::take(&path, || on_line("waiting for the helm of an earlier run"))
            .await
            .map_err(io)?;
        let values = values(release);
        let history = self.history(addon, release).await?;
        let deployed = history
            .last()
            .filter(|last| last.status == "deployed" && release::is(last, &release.chart, &values));
        if let Some(last) = deployed
            && self.is_whole(addon, last).await?
        {
            intent.clear().map_err(io)?;
            let detail = "the release was there already".to_owned();
            return Ok(Installed {
                revision: last.revision,
                detail,
            });
        }
        if catalog::is_ours(&release.namespace) {
            self.direct
                .plain(addon, &[catalog::namespace(&release.namespace)])
                .await?;
        }
        self.clean_up(addon, release, &history, intent.was_ours(), on_line)
            .await?;

        let stdin = Stdin::File(intent.write(values.to_string().as_bytes()).map_err(io)?);
        let args = self.upgrade(release, &located);
        let helm = self.helm(&addon.name, args, stdin, self.settings.timeout + GRACE, on_line);
        let output = self.watched(addon, helm, on_line).await;
        // A helm that ended by itself has written down how; only a killed one leaves the intent standing.
        if output.as_ref().err().is_none_or(|failed| failed.ended) {
            intent.clear().map_err(io)?;
        }
        let output = output.map_err(|failed| failed.error)?;
        let revision = printed_revision(&output.stdout).ok_or_else(|| {
            let message = "helm says that it has installed the release, but not as which revision";
            InstallError::new(&addon.name, Class::Retryable, message)
        })?;
        Ok(Installed {
            revision,
            detail: format!("revision {revision} of {}", release.chart.version),
        })
    }

    /// Whether the workloads that a revision created are still there. Helm does not look for itself.
    async fn is_whole(&self, addon: &Addon, last: &StoredRelease) -> Result<bool, InstallError> {
        let Ok(objects) = manifest::parse(&last.manifest) else {
            // A manifest that helm could apply and we cannot read is no reason to change anything.
            return Ok(true);
        };
        for object in objects {
            let gone = match object["kind"].as_str() {
                Some("Deployment") => self.is_gone::<Deployment>(&object, last).await,
                Some("DaemonSet") => self.is_gone::<DaemonSet>(&object, last).await,
                Some("StatefulSet") => self.is_gone::<StatefulSet>(&object, last).await,
                _ => Ok(false),
            };
            if gone.map_err(|error| InstallError::kube(&addon.name, "cannot read its workloads", &error))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn is_gone<K>(&self, object: &Value, last: &StoredRelease) -> Result<bool, kube::Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    {
        let metadata = &object["metadata"];
        let namespace = metadata["namespace"].as_str().unwrap_or(&last.namespace);
        let api: Api<K> = Api::namespaced(self.direct.client.clone(), namespace);
        let name = metadata["name"].as_str().expect("a parsed manifest names its objects");
        Ok(api.get_metadata_opt(name).await?.is_none())
    }

    /// The arguments of an install or upgrade that reads its values from stdin.
    fn upgrade(&self, release: &Release, located: &Located) -> Vec<String> {
        let mut args = ["upgrade", "--install", &release.release, &located.chart]
            .map(str::to_owned)
            .to_vec();
        args.extend(located.flags.iter().cloned());
        args.extend(["--values", "-", "--output", "json", "--history-max", "10", "--timeout"].map(str::to_owned));
        args.push(format!("{}s", self.settings.timeout.as_secs()));
        args.extend(self.cluster_flags(release));
        args
    }

    /// Waits for helm. When it takes its time, hooks of the chart hold it up: then the lines tell what they wait for.
    async fn watched<T>(
        &self,
        addon: &Addon,
        helm: impl Future<Output = T>,
        on_line: &(dyn Fn(&str) + Send + Sync),
    ) -> T {
        let report = |unmet: Unmet| {
            if let Some(cause) = unmet.cause {
                on_line(&format!("{}: {cause}", unmet.what));
            }
        };
        let watch = async {
            tokio::time::sleep(SLOW).await;
            // What cannot be watched now is found out when the addon is proven.
            let _ = wait(&self.direct.client, &addon.ready, &report).await;
            std::future::pending().await
        };
        tokio::select! {
            done = helm => done,
            never = watch => never,
        }
    }

    /// Brings a release that was cut off into a state from which Helm can upgrade it.
    async fn clean_up(
        &self,
        addon: &Addon,
        release: &Release,
        history: &[StoredRelease],
        ours: bool,
        on_line: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<(), InstallError> {
        match repair(release, history, ours, (self.now)(), self.settings.timeout) {
            Repair::Nothing => Ok(()),
            Repair::Foreign { since } => {
                let message = format!(
                    "another helm has been changing release {} since {since}",
                    release.release
                );
                let hint = "wait for it, or roll the release back with helm if that helm is gone";
                Err(InstallError::new(&addon.name, Class::Retryable, message).hint(hint))
            }
            Repair::RollBack { revision } => {
                on_line(&format!(
                    "rolling release {} back to revision {revision}",
                    release.release
                ));
                let args = ["rollback".to_owned(), release.release.clone(), revision.to_string()];
                self.tidy(addon, release, &args, on_line).await
            }
            Repair::InstallAgain => {
                on_line(&format!(
                    "installing {} again, over what an earlier install left",
                    release.release
                ));
                release::forget(&self.direct.client, history)
                    .await
                    .map_err(|error| InstallError::kube(&addon.name, "cannot remove the record of its release", &error))
            }
        }
    }

    /// Runs a clean-up with the chart's hooks, and without them when they do not get through.
    async fn tidy(
        &self,
        addon: &Addon,
        release: &Release,
        command: &[String],
        on_line: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<(), InstallError> {
        let args = |more: &[&str], limit: Duration| {
            let mut args = command.to_vec();
            args.extend(self.cluster_flags(release));
            args.extend(["--timeout".to_owned(), format!("{}s", limit.as_secs())]);
            args.extend(more.iter().map(|&flag| flag.to_owned()));
            args
        };
        let with_hooks = self
            .helm(&addon.name, args(&[], CLEAN_UP), Stdin::Null, CLEAN_UP + GRACE, on_line)
            .await;
        let Err(failed) = with_hooks else { return Ok(()) };
        on_line(&format!("{}; trying again without hooks", failed.error.message));
        let bare = args(&["--no-hooks"], CLEAN_UP);
        let bare = self
            .helm(&addon.name, bare, Stdin::Null, CLEAN_UP + GRACE, on_line)
            .await;
        bare.map(drop).map_err(|failed| failed.error)
    }

    async fn install_manifest(
        &self,
        addon: &Addon,
        source: &Manifest,
        on_line: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Installed, InstallError> {
        let from = manifest::locate(&addon.name, source, self.settings.mirror.as_ref());
        on_line(&format!("fetching {from}"));
        let text = manifest::fetch(&from, self.ca_file.as_deref()).await;
        let text =
            text.map_err(|error| InstallError::new(&addon.name, error.class(), butler_kubernetes::chain(&error)))?;
        let objects = manifest::objects(&text, source)
            .map_err(|error| InstallError::new(&addon.name, Class::Configuration, format!("{from}: {error}")))?;
        self.direct.apply(addon, &objects, &manifest_digest(source)).await
    }

    async fn install_objects(&self, addon: &Addon, objects: &Objects) -> Result<Installed, InstallError> {
        let all = direct::complete(addon, objects)?;
        self.direct.apply(addon, &all, &objects_digest(objects)).await
    }
}

impl Installer for HelmInstaller {
    fn observe<'a>(&'a self, addon: &'a Addon) -> BoxFuture<'a, Result<ReleaseState, InstallError>> {
        async move {
            match &addon.source {
                Source::Chart(release) => {
                    let history = self.history(addon, release).await?;
                    let Some(last) = history.last() else {
                        return Ok(ReleaseState::Absent);
                    };
                    Ok(match release::state(last, &release.chart, &values(release)) {
                        ReleaseState::Deployed { same: true, revision } => ReleaseState::Deployed {
                            same: self.is_whole(addon, last).await?,
                            revision,
                        },
                        state => state,
                    })
                }
                Source::Manifest(source) => {
                    let secret = |value| matches!(value, &crate::Substitution::Secret(_));
                    let secrets = source.variables.iter().flat_map(|values| values.values()).any(secret);
                    self.direct.observe(addon, &manifest_digest(source), secrets).await
                }
                Source::Objects(objects) => {
                    self.direct
                        .observe(addon, &objects_digest(objects), !objects.secrets.is_empty())
                        .await
                }
                Source::ProviderIds(ids) => self.direct.observe_ids(addon, ids).await,
            }
        }
        .boxed()
    }

    fn install<'a>(
        &'a self,
        addon: &'a Addon,
        on_line: &'a (dyn Fn(&str) + Send + Sync),
    ) -> BoxFuture<'a, Result<Installed, InstallError>> {
        async move {
            match &addon.source {
                Source::Chart(release) => self.install_chart(addon, release, on_line).await,
                Source::Manifest(source) => self.install_manifest(addon, source, on_line).await,
                Source::Objects(objects) => self.install_objects(addon, objects).await,
                Source::ProviderIds(ids) => self.direct.provider_ids(addon, ids).await,
            }
        }
        .boxed()
    }
}

/// Why helm gave no answer.
struct HelmFailed {
    error: InstallError,
    /// Whether it ended by itself rather than being killed.
    ended: bool,
}

impl HelmFailed {
    fn new(addon: &str, error: &ProcessError) -> Self {
        let lines = error.last_lines();
        let install = |class, message| InstallError::new(addon, class, message);
        match error {
            ProcessError::NotFound { .. } => Self {
                error: install(Class::Configuration, error.to_string()).hint(HELM_HINT),
                ended: true,
            },
            ProcessError::Io { .. } => Self {
                error: of_system(addon, error),
                ended: true,
            },
            ProcessError::Timeout { .. } => Self {
                error: install(Class::Retryable, error.to_string()),
                ended: false,
            },
            ProcessError::Failed { code, .. } => {
                let (class, hint) = chart::classify(lines);
                let mut error = install(class, format!("helm: {}", chart::complaint(lines)));
                error.hint = hint.map(str::to_owned);
                Self {
                    error,
                    ended: code.is_some(),
                }
            }
        }
    }
}

/// A proxy is for charts and images, never for the new cluster itself: its address is added to what goes direct.
fn go_direct(env: &mut Variables, server: &str) {
    let host = server.trim_start_matches("https://");
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let host = host.trim_matches(['[', ']']);
    for name in ["NO_PROXY", "no_proxy"] {
        match env.iter_mut().find(|(known, _)| known == name) {
            Some((_, value)) if !value.is_empty() => {
                value.push(",");
                value.push(host);
            }
            Some((_, value)) => *value = host.into(),
            None => env.push((name.into(), host.into())),
        }
    }
}

/// What the system refuses is final, but for a lack of descriptors, which passes.
fn of_system(addon: &str, error: &(dyn std::error::Error + 'static)) -> InstallError {
    let message = butler_kubernetes::chain(error);
    if descriptors::exhausted(error).is_some() {
        InstallError::new(addon, Class::Retryable, message).hint(descriptors::HINT)
    } else {
        InstallError::new(addon, Class::Fatal, message)
    }
}

/// The values with the secret ones in their places.
fn values(release: &Release) -> Value {
    let mut values = release.values.clone();
    for (pointer, secret) in &release.secret_values {
        let mut place = &mut values;
        for part in pointer.split('/').skip(1) {
            place = &mut place[part];
        }
        *place = Value::String(secret.expose_secret().to_owned());
    }
    values
}

/// What has to happen before a release can be installed or upgraded.
#[derive(Debug, PartialEq, Eq)]
enum Repair {
    Nothing,
    /// Somebody else is at it.
    Foreign {
        since: Timestamp,
    },
    /// A change was cut off, and this revision worked.
    RollBack {
        revision: u32,
    },
    /// No revision ever worked, and Helm would not go on from its record: the record is forgotten, and the next install
    /// takes over the objects that are there. Nothing is deleted: objects may carry finalizers that only the pods of the
    /// chart take away, and Helm's own removal without hooks would leave their definitions half deleted for ever.
    InstallAgain,
}

/// Decides by Helm's records. `ours` says that the last change was begun by us and that its helm is gone.
/// The revision that `helm upgrade --output json` prints.
fn printed_revision(stdout: &str) -> Option<u32> {
    let answer: Value = serde_json::from_str(stdout).ok()?;
    u32::try_from(answer.get("version")?.as_u64()?).ok()
}

fn repair(release: &Release, history: &[StoredRelease], ours: bool, now: Timestamp, limit: Duration) -> Repair {
    let Some(last) = history.last() else {
        return Repair::Nothing;
    };
    let worked = history
        .iter()
        .rev()
        .find(|past| matches!(past.status.as_str(), "deployed" | "superseded"));
    let pending = last.status.starts_with("pending-") || last.status == "uninstalling";
    if pending
        && !ours
        && let Some(since) = last.last_deployed
    {
        // Whoever it is had the time that any change may take. A begin in the future is that of a clock ahead of ours.
        let age = Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO);
        if age < limit {
            return Repair::Foreign { since };
        }
    }
    // An upgrade over it would run the hooks of an upgrade, and never those of an install.
    let trapped = release.install_hooks && last.status == "failed" && worked.is_none();
    match (pending, worked) {
        (true, Some(worked)) if last.status != "uninstalling" => Repair::RollBack {
            revision: worked.revision,
        },
        (true, _) => Repair::InstallAgain,
        (false, _) if trapped => Repair::InstallAgain,
        (false, _) => Repair::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{ChartContents, ChartRef, Images, Repository};

    #[test]
    fn the_revision_is_what_helm_prints_or_unknown() {
        assert_eq!(printed_revision(r#"{"name": "demo", "version": 3}"#), Some(3));
        for odd in [
            "",
            "Release demo has been upgraded",
            "{}",
            r#"{"version": "3"}"#,
            r#"{"version": -1}"#,
        ] {
            assert_eq!(printed_revision(odd), None, "{odd}");
        }
    }

    const LIMIT: Duration = Duration::from_mins(15);

    fn release(install_hooks: bool) -> Release {
        Release {
            release: "demo".to_owned(),
            namespace: "demo".to_owned(),
            chart: ChartRef {
                repository: Repository::Https(String::new()),
                name: "demo".to_owned(),
                version: "1".to_owned(),
                app_version: String::new(),
            },
            values: json!({"a": {"b": 1}}),
            secret_values: vec![("/a/c".to_owned(), "HIDDEN".into()), ("/d/e".to_owned(), "y".into())],
            images: Images::default(),
            install_hooks,
            contents: ChartContents::default(),
        }
    }

    fn now() -> Timestamp {
        "2026-01-02T03:00:00Z".parse().unwrap()
    }

    fn history(statuses: &[&str]) -> Vec<StoredRelease> {
        let revision = |(i, status): (usize, &&str)| StoredRelease {
            name: "demo".to_owned(),
            namespace: "demo".to_owned(),
            revision: u32::try_from(i).unwrap() + 1,
            status: (*status).to_owned(),
            description: String::new(),
            first_deployed: None,
            last_deployed: "2026-01-02T02:50:00Z".parse().ok(),
            chart: "demo".to_owned(),
            chart_version: "1".to_owned(),
            app_version: String::new(),
            config: Value::Null,
            manifest: String::new(),
        };
        statuses.iter().enumerate().map(revision).collect()
    }

    fn repaired(statuses: &[&str], ours: bool, hooks: bool) -> Repair {
        repair(&release(hooks), &history(statuses), ours, now(), LIMIT)
    }

    #[test]
    fn what_helm_can_upgrade_is_left_as_it_is() {
        for statuses in [
            &[][..],
            &["deployed"],
            &["failed"],
            &["superseded", "failed"],
            &["uninstalled"],
        ] {
            assert_eq!(repaired(statuses, true, false), Repair::Nothing, "{statuses:?}");
        }
        assert_eq!(repaired(&["superseded", "failed"], true, true), Repair::Nothing);
    }

    #[test]
    fn a_cut_off_upgrade_goes_back_to_what_worked() {
        let statuses = ["superseded", "deployed", "failed", "pending-upgrade"];
        assert_eq!(repaired(&statuses, true, false), Repair::RollBack { revision: 2 });
        assert_eq!(
            repaired(&["deployed", "pending-rollback"], true, false),
            Repair::RollBack { revision: 1 }
        );
    }

    #[test]
    fn a_cut_off_install_or_removal_is_installed_again() {
        assert_eq!(repaired(&["pending-install"], true, false), Repair::InstallAgain);
        assert_eq!(
            repaired(&["failed", "pending-upgrade"], true, false),
            Repair::InstallAgain
        );
        assert_eq!(
            repaired(&["deployed", "uninstalling"], true, false),
            Repair::InstallAgain
        );
    }

    #[test]
    fn a_failed_first_install_is_installed_again_only_where_its_hooks_run_once() {
        assert_eq!(repaired(&["failed"], false, true), Repair::InstallAgain);
        assert_eq!(repaired(&["failed"], false, false), Repair::Nothing);
    }

    #[test]
    fn the_change_of_somebody_else_gets_the_time_that_any_change_may_take() {
        let since = "2026-01-02T02:50:00Z".parse().unwrap();
        assert_eq!(repaired(&["pending-install"], false, false), Repair::Foreign { since });
        let late: Timestamp = "2026-01-02T03:05:00Z".parse().unwrap();
        let repair = repair(&release(false), &history(&["pending-install"]), false, late, LIMIT);
        assert_eq!(repair, Repair::InstallAgain);
    }

    #[test]
    fn the_new_cluster_is_never_reached_through_a_proxy() {
        let with = |value: &str, server: &str| {
            let mut env: Variables = vec![("NO_PROXY".into(), value.into())];
            go_direct(&mut env, server);
            env.into_iter()
                .map(|(name, value)| format!("{}={}", name.display(), value.display()))
                .collect::<Vec<_>>()
        };
        let both = |first: &str, second: &str| vec![format!("NO_PROXY={first}"), format!("no_proxy={second}")];
        assert_eq!(with("", "https://192.0.2.11:6443"), both("192.0.2.11", "192.0.2.11"));
        assert_eq!(
            with(".corp", "https://192.0.2.11:6443"),
            both(".corp,192.0.2.11", "192.0.2.11")
        );
        assert_eq!(
            with("a", "https://[2001:db8::1]:6443"),
            both("a,2001:db8::1", "2001:db8::1")
        );
    }

    #[test]
    fn secret_values_take_their_places() {
        assert_eq!(
            values(&release(false)),
            json!({"a": {"b": 1, "c": "HIDDEN"}, "d": {"e": "y"}})
        );
        assert!(!format!("{:?}", release(false)).contains("HIDDEN"));
    }
}
