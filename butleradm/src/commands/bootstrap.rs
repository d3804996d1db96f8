//! `butleradm bootstrap`: makes a management cluster, or continues an interrupted run.

mod answer;
mod input;
mod proxies;
mod secrets;
mod sink;
mod world;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use butler_addons::{
    ClusterFacts, HelmInstaller, HelmSettings, Installer, WorldInstaller,
    process::{self, Environment, Invocation, Stdin},
};
use butler_api::{
    config::{self, Provider as ProviderConfig},
    duration,
};
use butler_files::home::{self, Home};
use butler_infra::{Access, Provider};
use butler_lifecycle::{
    bootstrap::{
        bundle::Bundle,
        context::{Files, MakeInstaller},
        machine_config, plan,
        run::{self, Request},
    },
    bootstrap_clusters::kind::{self, Tools},
};
use butler_terminal::{Env, Exit, Failure, Ui, args::OutputArgs, env, interrupt, output};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::{
    answer::{Made, Planned},
    sink::Renderer,
};
use crate::failure;

/// Options of `bootstrap`.
#[derive(Debug, clap::Args)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
pub struct BootstrapArgs {
    /// Print the JSON schema of the configuration instead.
    #[command(subcommand)]
    pub command: Option<BootstrapCommand>,
    /// Infrastructure provider; must be the one of the configuration
    #[arg(value_name = "PROVIDER")]
    pub provider: Option<String>,
    /// Bootstrap configuration
    #[arg(short, long, value_name = "FILE", required = true, env = env::BUTLER_CONFIG, hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// Print the plan and touch nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Write the event stream (NDJSON) to this file; - is stdout
    #[arg(long, value_name = "FILE", env = env::BUTLER_EVENTS, hide_env_values = true)]
    pub events: Option<PathBuf>,
    /// Stop waiting after this time (90s, 10m, 1h30m); the same command goes on later
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_positive, env = env::BUTLER_DEADLINE, hide_env_values = true)]
    pub deadline: Option<Duration>,
    /// Keep the bootstrap cluster after the pivot
    #[arg(long, visible_alias = "skip-cleanup")]
    pub keep_bootstrap_cluster: bool,
    /// Print lines instead of a live view
    #[arg(long, visible_alias = "no-tui", env = env::BUTLER_NO_PROGRESS, hide_env_values = true)]
    pub no_progress: bool,
}

/// Commands below `bootstrap`.
#[derive(Debug, clap::Subcommand)]
pub enum BootstrapCommand {
    /// Print the JSON schema of the bootstrap configuration, for editors
    Schema,
}

/// Runs the command.
pub(crate) fn run(ui: &Ui, env: &Env, args: &BootstrapArgs) -> Result<(), Failure> {
    // The time that is allowed counts from here, whatever it is spent on.
    let deadline = args.deadline.and_then(|limit| Instant::now().checked_add(limit));
    let (None, Some(file)) = (&args.command, &args.config) else {
        return ui.print(&output::json(&config::json_schema())?);
    };
    let file = &home::expand(file).map_err(|e| failure::home(&e))?;
    let loaded = input::load(file, args.provider.as_deref())?;
    for warning in &loaded.warnings {
        ui.warn(&warning.render(&file.display().to_string()), None);
    }
    world::check(&loaded.config.provider)?;
    let home = Home::resolve(env.get(env::BUTLER_HOME)).map_err(|e| failure::home(&e))?;
    let job = Job {
        ui,
        env,
        args,
        home,
        file,
        config: loaded.config,
        deadline,
    };
    interrupt::run_until(ui, deadline, |cancel| async move {
        if args.dry_run {
            let limits = job.limits(&cancel);
            limits.within(job.plan()).await
        } else {
            job.bootstrap(cancel).await
        }
    })
}

/// What ends work that keeps no journal: it is given up at once.
struct Limits {
    deadline: Option<Instant>,
    cancel: CancellationToken,
    cluster: String,
}

impl Limits {
    async fn within<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let late = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(failure::interrupted()),
            () = late => Err(failure::too_late(&self.cluster)),
            result = work => result,
        }
    }
}

/// One invocation.
struct Job<'a> {
    ui: &'a Ui,
    env: &'a Env,
    args: &'a BootstrapArgs,
    home: Home,
    file: &'a Path,
    config: config::BootstrapConfig,
    deadline: Option<Instant>,
}

impl Job<'_> {
    fn limits(&self, cancel: &CancellationToken) -> Limits {
        Limits {
            deadline: self.deadline,
            cancel: cancel.clone(),
            cluster: self.config.cluster.name.clone(),
        }
    }

    /// Prints what would be made. Looks at the platform, changes nothing: a world that is not up stays down.
    async fn plan(mut self) -> Result<(), Failure> {
        // Read and thrown away: what is missing is known before the run.
        secrets::facts(&self.config, self.env).await?;
        let unreadable = secrets::unreadable(&mut self.config, self.env).await;
        self.machines_can_be_configured().await?;
        self.proxies_are_usable()?;
        let facts = ClusterFacts::default();
        let addons = butler_addons::plan(&self.config, &facts).map_err(|e| failure::plan(&e))?;
        let id = self.begun()?;
        let provider = self.provider(false).await;
        let infra = plan::infra(&self.config, id.unwrap_or_default());
        let provider = provider.as_deref().map_err(Failure::message);
        let (found, mut warnings) = plan::look(provider, &self.config, &infra, &self.files()).await;
        warnings.extend(unreadable);
        warnings.extend(butler_addons::warnings(&self.config));
        if !self.is_simulated() {
            let found = butler_addons::check_mirror(&addons, self.config.addons.chart_mirror.as_ref(), false);
            warnings.extend(found.iter().map(|error| format!("a bootstrap is refused: {error}")));
        }
        let planned = Planned(plan::plan(&self.config, &addons, &found, warnings));
        self.ui.answer(&planned, self.args.output.output)
    }

    async fn bootstrap(mut self, cancel: CancellationToken) -> Result<(), Failure> {
        let bundle = Bundle::begin(&self.files());
        let ca_files = self.ca_files()?;
        let limits = self.limits(&cancel);
        let groundwork = async {
            let facts = secrets::facts(&self.config, self.env).await?;
            self.machines_can_be_configured().await?;
            self.proxies_are_usable()?;
            self.helm_is_there().await?;
            self.mirror_is_whole(&facts)?;
            self.begun()?;
            Ok((facts, self.provider(true).await?))
        };
        let (facts, provider) = limits.within(groundwork).await?;
        let cluster = self.config.cluster.name.clone();
        let files = self.files();
        let make_installer = self.installer(ca_files.clone());
        let request = Request {
            files: files.clone(),
            provider,
            make_installer,
            facts,
            tools: self.tools(),
            ca_files,
            bundle,
            deadline: self.deadline.map(|at| at.saturating_duration_since(Instant::now())),
            keep_bootstrap_cluster: self.args.keep_bootstrap_cluster,
            fuse: fuse(self.env),
            config: self.config,
        };
        let events = self.args.events.as_deref().map(home::expand).transpose();
        let events = events.map_err(|e| failure::home(&e))?;
        let mut renderer = Renderer::start(self.ui, !self.args.no_progress, events.as_deref())?;
        let ended = run::run(request, &mut renderer, cancel).await;
        let streamed = renderer.finish();
        let ended = ended.map_err(|e| failure::run(&e, &files))?;
        failure::ended(&ended, &cluster, self.file)?;
        if self.args.events.as_deref().is_none_or(|p| p.as_os_str() != "-") {
            self.ui
                .answer(&Made::of(&cluster, &files, &ended), self.args.output.output)?;
            self.ui.hint(&format!(
                "kubectl --kubeconfig {} get nodes",
                files.kubeconfig.display()
            ));
        }
        streamed
    }

    /// The identity of the cluster if its bootstrap has begun; an error if what earlier runs left cannot be continued.
    fn begun(&self) -> Result<Option<Uuid>, Failure> {
        let files = self.files();
        run::cluster_id(&self.config, &files).map_err(|e| failure::run(&e, &files))
    }

    fn files(&self) -> Files {
        let name = &self.config.cluster.name;
        Files {
            folder: self.home.cluster_state(name),
            kubeconfig: self.home.kubeconfig_path(name),
            talosconfig: self.home.talosconfig_path(name),
        }
    }

    /// The platform; with `start` a simulated world that is not up is started.
    async fn provider(&self, start: bool) -> Result<Arc<dyn Provider>, Failure> {
        let mut access = Access::default();
        if let ProviderConfig::InMemory(settings) = &self.config.provider {
            access.world = world::find(self.env, &self.home, settings, start).await?;
        }
        let secrets = self.home.cluster_state(&self.config.cluster.name).join("secrets.yaml");
        access.credentials = secrets::talos_credentials(&secrets)?;
        butler_infra::connect(&self.config.provider, &access).map_err(|e| failure::infra(&e))
    }

    /// Reads what machine configurations need, and makes them for a look: what cannot work is told before the first effect.
    async fn machines_can_be_configured(&mut self) -> Result<(), Failure> {
        secrets::of_machines(&mut self.config, self.env).await?;
        machine_config::check(&self.config)
            .map_err(|e| Failure::from_error(Exit::Usage, &e).while_doing("the machine configurations cannot be made"))
    }

    /// Charts and manifests are fetched through proxies; the simulated world fetches none.
    fn proxies_are_usable(&self) -> Result<(), Failure> {
        match self.config.provider {
            ProviderConfig::InMemory(_) => Ok(()),
            _ => proxies::check(self.env),
        }
    }

    /// Charts need the helm binary, and not any: better to know before the first machine is made.
    async fn helm_is_there(&self) -> Result<(), Failure> {
        if self.is_simulated() {
            return Ok(());
        }
        let ask = Invocation {
            program: "helm".into(),
            args: vec!["version".to_owned(), "--short".to_owned()],
            env: Environment::Only(self.env.only(butler_addons::HELM_ENVIRONMENT)),
            stdin: Stdin::Null,
            timeout: Duration::from_mins(1),
        };
        let asked = process::run(ask, &|_| {}).await.map_err(|e| {
            Failure::from_error(Exit::Usage, &e)
                .while_doing("cannot run helm, which installs the addons")
                .hint(butler_addons::HELM_HINT)
        })?;
        butler_addons::check_helm(&asked.stdout).map_err(|why| {
            Failure::new(Exit::Usage, format!("this helm cannot install the addons: {why}"))
                .hint(butler_addons::HELM_HINT)
        })
    }

    /// What a folder of charts lacks is better known before the first machine is made. A run that goes on may not need it.
    fn mirror_is_whole(&self, facts: &ClusterFacts) -> Result<(), Failure> {
        let begun = self.begun().is_ok_and(|id| id.is_some());
        if self.is_simulated() || begun {
            return Ok(());
        }
        let addons = butler_addons::plan(&self.config, facts).map_err(|e| failure::plan(&e))?;
        let found = butler_addons::check_mirror(&addons, self.config.addons.chart_mirror.as_ref(), true);
        let Some(first) = found.first() else { return Ok(()) };
        let more = match found.len() - 1 {
            0 => String::new(),
            n => format!(" (and {n} more)"),
        };
        Err(Failure::new(Exit::Usage, format!("{first}{more}"))
            .hint("`--dry-run` lists everything that addons.chartMirror has to hold"))
    }

    fn is_simulated(&self) -> bool {
        matches!(self.config.provider, ProviderConfig::InMemory(_))
    }

    /// The simulated world has its own; everything else is installed by the helm binary.
    fn installer(&self, ca_files: Vec<PathBuf>) -> MakeInstaller {
        if self.is_simulated() {
            return Box::new(|access| {
                let installer: Arc<dyn Installer> = Arc::new(WorldInstaller::new(access.client, Timestamp::now));
                Box::pin(async move { Ok(installer) })
            });
        }
        let folder = self.home.cluster_state(&self.config.cluster.name).join("helm");
        let mirror = self.config.addons.chart_mirror.clone();
        let timeout = self.config.deadlines.addon;
        let own = self.env.only(butler_addons::HELM_ENVIRONMENT);
        let no_proxy = ["NO_PROXY", "no_proxy"].map(|name| self.env.text(name).unwrap_or_default().to_owned());
        Box::new(move |access| {
            let mut env = own.clone();
            env.extend(unproxied(&no_proxy).map(|(name, value)| (name.into(), value.into())));
            let settings = HelmSettings {
                binary: "helm".into(),
                folder: folder.clone(),
                kubeconfig: access.kubeconfig,
                servers: Some(access.servers),
                tls_server_name: Some(access.server_name),
                mirror: mirror.clone(),
                ca_files: ca_files.clone(),
                env,
                timeout,
            };
            Box::pin(async move {
                let installer = HelmInstaller::open(settings, access.client, Timestamp::now).await?;
                Ok(Arc::new(installer) as Arc<dyn Installer>)
            })
        })
    }

    fn tools(&self) -> Tools {
        let text = |name: &str| self.env.text(name).map(ToOwned::to_owned);
        let proxies = [
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "NO_PROXY",
            "http_proxy",
            "https_proxy",
            "no_proxy",
        ];
        Tools {
            runtime_variable: text(env::KIND_EXPERIMENTAL_PROVIDER),
            proxies: proxies
                .iter()
                .filter_map(|n| Some(((*n).to_owned(), text(n)?.into())))
                .collect(),
            env: self.env.only(kind::ENVIRONMENT),
            ..Tools::default()
        }
    }

    /// Further certificate authorities, for the kind node and for chart repositories: a file or a folder of PEM files. One
    /// without a certificate is refused here, before anything is made.
    fn ca_files(&self) -> Result<Vec<PathBuf>, Failure> {
        let Some(path) = self.env.get(env::BUTLER_CA_CERT_PATH) else {
            return Ok(Vec::new());
        };
        let path = home::expand(Path::new(path)).map_err(|e| failure::home(&e))?;
        let files = authorities_at(&path)?;
        for file in &files {
            let text = std::fs::read(file).map_err(|e| unreadable(file, &e))?;
            if !String::from_utf8_lossy(&text).contains("-----BEGIN CERTIFICATE-----") {
                let name = env::BUTLER_CA_CERT_PATH;
                let message = format!("{name}: {} holds no certificate", file.display());
                return Err(Failure::new(Exit::Usage, message).hint(CA_HINT));
            }
        }
        Ok(files)
    }
}

const CA_HINT: &str = "BUTLER_CA_CERT_PATH names a PEM file, or a folder of .crt and .pem files";

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::from_error(Exit::Usage, error)
        .while_doing(format!("cannot read {}", path.display()))
        .hint(CA_HINT)
}

/// The file, or the `.crt` and `.pem` files of the folder.
fn authorities_at(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|e| unreadable(path, &e))? {
        let file = entry.map_err(|e| unreadable(path, &e))?.path();
        if file.extension().is_some_and(|e| e == "crt" || e == "pem") {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        let message = format!("{} holds no .crt or .pem file", path.display());
        return Err(Failure::new(Exit::Usage, message).hint(CA_HINT));
    }
    Ok(files)
}

/// What goes direct, in both spellings: programs disagree about which one wins.
fn unproxied(no_proxy: &[String; 2]) -> [(String, String); 2] {
    let [upper, lower] = no_proxy;
    let value = if upper.is_empty() { lower } else { upper };
    ["NO_PROXY", "no_proxy"].map(|name| (name.to_owned(), value.clone()))
}

/// In debug builds a test can make the run die after so many journal records, as `kill -9` would.
fn fuse(env: &Env) -> Option<u64> {
    if cfg!(debug_assertions) {
        env.text("BUTLER_TEST_DIE_AFTER_RECORDS")?.parse().ok()
    } else {
        None
    }
}
