//! A kind cluster of our own on docker or podman: made, found again and deleted by its marker, never by name alone.
//!
//! Nothing of the user's is touched: the kubeconfig goes into the state folder, and only there.

mod error;
mod plan;
#[cfg(test)]
#[cfg(unix)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use butler_files::home;
use secrecy::SecretString;
use semver::Version;
use serde_json::Value;
use uuid::Uuid;

pub use self::{
    error::KindError,
    plan::{OLDEST, Warning, cluster_name},
};
use butler_addons::process::{self, ChildEnvironment, Finished, Invocation, ProcessError, Stdin, Variables};

/// What kind, docker and podman need of our own environment: where programs, sockets and settings are. Proxies and the
/// choice of the runtime are given besides.
pub const ENVIRONMENT: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSH_AUTH_SOCK",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_CACHE_HOME",
    "DBUS_SESSION_BUS_ADDRESS",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "DOCKER_API_VERSION",
    "CONTAINER_HOST",
    "CONTAINER_CONNECTION",
    "CONTAINER_SSHKEY",
    "CONTAINERS_CONF",
    "CONTAINERS_STORAGE_CONF",
    "CONTAINERS_REGISTRIES_CONF",
    "REGISTRY_AUTH_FILE",
    "KIND_EXPERIMENTAL_DOCKER_NETWORK",
    "KIND_EXPERIMENTAL_PODMAN_NETWORK",
    "KIND_EXPERIMENTAL_CONTAINERD_SNAPSHOTTER",
];

/// What the cluster is made from.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Name of the management cluster.
    pub cluster: String,
    /// UUID of the cluster that is built from it.
    pub id: Uuid,
    /// Overrides the pinned node image.
    pub node_image: Option<String>,
    /// PEM files of certificate authorities that the node shall trust.
    pub ca_files: Vec<PathBuf>,
    /// Private folder for kubeconfig and marker; absolute.
    pub folder: PathBuf,
}

/// The programs and the surroundings.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The program `kind`.
    pub kind: PathBuf,
    /// The program `docker`.
    pub docker: PathBuf,
    /// The program `podman`.
    pub podman: PathBuf,
    /// Value of the variable `KIND_EXPERIMENTAL_PROVIDER`, which chooses the runtime.
    pub runtime_variable: Option<String>,
    /// Proxy variables of the environment, in either case. They may hold logins.
    pub proxies: Vec<(String, SecretString)>,
    /// The environment of the programs beside that: the variables of [`ENVIRONMENT`], as far as there are such.
    pub env: Variables,
    /// Where the kernel shows its limits on file watching.
    pub inotify: PathBuf,
    /// Limit for making the cluster.
    pub create_timeout: Duration,
    /// Limit for every other call.
    pub call_timeout: Duration,
}

impl Default for Tools {
    fn default() -> Self {
        Self {
            kind: "kind".into(),
            docker: "docker".into(),
            podman: "podman".into(),
            runtime_variable: None,
            proxies: Vec::new(),
            env: Variables::new(),
            inotify: "/proc/sys/fs/inotify".into(),
            create_timeout: Duration::from_mins(10),
            call_timeout: Duration::from_mins(1),
        }
    }
}

/// What runs the containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// Containers are run by Docker.
    Docker,
    /// Containers are run by Podman.
    Podman,
}

impl Runtime {
    fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

/// Whose the containers of our name are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// There are no containers of that name.
    Absent,
    /// They carry our marker.
    Ours {
        /// Whether they run; after a restart of the machine they may not.
        running: bool,
    },
    /// The containers are somebody else's.
    Foreign {
        /// What of them shows that they are not ours.
        why: String,
    },
}

/// What the checks found; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindChecks {
    /// Version of the program `kind`.
    pub version: Version,
    /// What will run the node.
    pub runtime: Runtime,
    /// What works but should be known.
    pub warnings: Vec<Warning>,
}

/// What kind says while it works.
pub type OnLine<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// The kind cluster of one bootstrap.
#[derive(Debug)]
pub struct KindCluster {
    spec: Spec,
    tools: Tools,
    name: String,
}

impl KindCluster {
    /// The cluster of the given bootstrap. Nothing is run yet.
    pub fn new(spec: Spec, tools: Tools) -> Self {
        let name = cluster_name(&spec.cluster, spec.id);
        Self { spec, tools, name }
    }

    /// Name of the kind cluster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where [`ensure`](Self::ensure) keeps the kubeconfig.
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.spec.folder.join("kubeconfig")
    }

    /// Checks versions, runtime, limits, certificates and the name. Changes nothing.
    pub async fn check(&self) -> Result<KindChecks, KindError> {
        let version = self.version().await?;
        let runtime = self.runtime().await?;
        read_certificates(&self.spec.ca_files)?;
        if let Standing::Foreign { why } = self.standing(runtime).await? {
            return Err(KindError::Foreign {
                name: self.name.clone(),
                why,
            });
        }
        let limit = |name: &str| {
            std::fs::read_to_string(self.tools.inotify.join(name))
                .ok()?
                .trim()
                .parse()
                .ok()
        };
        let inotify = plan::judge_inotify(limit("max_user_watches"), limit("max_user_instances"));
        let (_, proxies) = plan::proxies(&self.tools.proxies);
        Ok(KindChecks {
            version,
            runtime,
            warnings: inotify.into_iter().chain(proxies).collect(),
        })
    }

    /// Makes the cluster, or finds it, and returns the path of its kubeconfig.
    ///
    /// A cluster whose making was interrupted holds nothing yet and is made anew.
    pub async fn ensure(&self, on_line: OnLine<'_>) -> Result<PathBuf, KindError> {
        let KindChecks {
            version,
            runtime,
            warnings: _,
        } = self.check().await?;
        home::private_folder(&self.spec.folder)?;
        if let Standing::Ours { running } = self.standing(runtime).await? {
            if self.is_complete() {
                if !running {
                    self.start(runtime, on_line).await?;
                }
                return self.keep_kubeconfig(runtime).await;
            }
            on_line(&format!(
                "kind cluster {} was left half made; making it anew",
                self.name
            ));
            self.remove(runtime, on_line).await?;
        }
        self.forget()?;
        self.create(runtime, &version, on_line).await?;
        self.trust(runtime, on_line).await?;
        let kubeconfig = self.keep_kubeconfig(runtime).await?;
        home::write_secret(&self.spec.folder.join(COMPLETE), self.name.as_bytes())?;
        Ok(kubeconfig)
    }

    /// Deletes the cluster if it carries our marker, and proves that it is gone. Says whether there was one.
    pub async fn delete(&self, on_line: OnLine<'_>) -> Result<bool, KindError> {
        let runtime = self.runtime().await?;
        let existed = match self.standing(runtime).await? {
            Standing::Absent => false,
            Standing::Foreign { why } => {
                return Err(KindError::Foreign {
                    name: self.name.clone(),
                    why,
                });
            }
            Standing::Ours { .. } => {
                self.remove(runtime, on_line).await?;
                true
            }
        };
        self.forget()?;
        Ok(existed)
    }

    /// The names of all kind clusters that were made for management clusters, ours and others'.
    pub async fn leftovers(&self) -> Result<Vec<String>, KindError> {
        let runtime = self.runtime().await?;
        let mut names = self.clusters(runtime).await?;
        names.retain(|name| name.starts_with("butler-"));
        Ok(names)
    }

    async fn version(&self) -> Result<Version, KindError> {
        let doing = "read the version of kind";
        let done = self.call(doing, &self.tools.kind, &["version"]).await?;
        let found =
            plan::parse_version(&done.stdout).ok_or_else(|| unreadable(doing, &self.tools.kind, &done.stdout))?;
        if found < OLDEST {
            Err(KindError::TooOld { found })
        } else {
            Ok(found)
        }
    }

    async fn runtime(&self) -> Result<Runtime, KindError> {
        let named =
            plan::runtime(self.tools.runtime_variable.as_deref()).map_err(|name| KindError::UnknownRuntime { name })?;
        let candidates = match named {
            Some(runtime) => vec![runtime],
            None => vec![Runtime::Docker, Runtime::Podman],
        };
        let mut refusal = None;
        for runtime in candidates {
            let invocation = self.invocation(self.program(runtime), &["ps", "--quiet"]);
            match process::run(invocation, &|_| ()).await {
                Ok(_) => return Ok(runtime),
                // What an installed runtime said tells more than that another one is missing.
                Err(ProcessError::NotFound { .. }) if refusal.is_some() => {}
                Err(source) => refusal = Some(source),
            }
        }
        let program = PathBuf::from("docker");
        Err(KindError::NoRuntime {
            source: refusal.unwrap_or(ProcessError::NotFound { program }),
        })
    }

    async fn clusters(&self, runtime: Runtime) -> Result<Vec<String>, KindError> {
        let doing = "list kind clusters";
        let done = self
            .kind(doing, runtime, &["get", "clusters"], self.tools.call_timeout, &|_| ())
            .await?;
        plan::parse_clusters(&done.stdout).map_err(|line| unreadable(doing, &self.tools.kind, &line))
    }

    async fn standing(&self, runtime: Runtime) -> Result<Standing, KindError> {
        let doing = format!("look for containers of kind cluster {}", self.name);
        let program = self.program(runtime);
        let filter = format!("label={}={}", plan::CLUSTER_LABEL, self.name);
        let found = self
            .call(&doing, program, &["ps", "--all", "--quiet", "--filter", &filter])
            .await?;
        let ids: Vec<&str> = found.stdout.split_whitespace().collect();
        if ids.is_empty() {
            return Ok(Standing::Absent);
        }
        if let Some(odd) = ids.iter().find(|id| !id.chars().all(|c| c.is_ascii_hexdigit())) {
            return Err(unreadable(&doing, program, odd));
        }
        let args: Vec<&str> = ["inspect", "--type", "container"].into_iter().chain(ids).collect();
        let inspect = self.call(&doing, program, &args).await?;
        let containers: Option<Value> = serde_json::from_str(&inspect.stdout).ok();
        let standing = containers.and_then(|containers| plan::judge_containers(&containers, &self.name, self.spec.id));
        standing.ok_or_else(|| unreadable(&doing, program, &inspect.stdout))
    }

    async fn create(&self, runtime: Runtime, version: &Version, on_line: OnLine<'_>) -> Result<(), KindError> {
        let marker = plan::marker_mount(&self.spec.folder, self.spec.id);
        home::write_secret(&marker.host, self.spec.id.to_string().as_bytes())?;
        let mut mounts = vec![marker];
        mounts.extend(plan::ca_mounts(&self.spec.ca_files));
        let config = self.spec.folder.join("config.yaml");
        home::write_secret(
            &config,
            plan::config(&self.name, self.spec.id, &mounts).to_string().as_bytes(),
        )?;

        let (config, scratch) = (config.to_string_lossy(), self.scratch());
        let mut args = vec![
            "create",
            "cluster",
            "--name",
            &self.name,
            "--config",
            &config,
            "--kubeconfig",
            &scratch,
        ];
        let image = plan::node_image(self.spec.node_image.as_deref(), version);
        if let Some(image) = &image {
            args.extend(["--image", image]);
        }
        args.extend(["--wait", "2m"]);
        let doing = format!("create kind cluster {}", self.name);
        self.kind(&doing, runtime, &args, self.tools.create_timeout, on_line)
            .await?;
        Ok(())
    }

    /// Starts a node that stopped with its machine.
    async fn start(&self, runtime: Runtime, on_line: OnLine<'_>) -> Result<(), KindError> {
        on_line(&format!("kind cluster {} is stopped; starting it", self.name));
        let doing = format!("start kind cluster {}", self.name);
        self.call(&doing, self.program(runtime), &["start", &self.node()])
            .await?;
        Ok(())
    }

    /// Makes the node trust the mounted authorities; its container runtime reads them at its start only.
    async fn trust(&self, runtime: Runtime, on_line: OnLine<'_>) -> Result<(), KindError> {
        if self.spec.ca_files.is_empty() {
            return Ok(());
        }
        on_line("importing certificate authorities into the kind node");
        let node = self.node();
        let doing = format!("import certificate authorities into {node}");
        let program = self.program(runtime);
        self.call(&doing, program, &["exec", &node, "update-ca-certificates"])
            .await?;
        self.call(&doing, program, &["exec", &node, "systemctl", "restart", "containerd"])
            .await?;
        Ok(())
    }

    async fn keep_kubeconfig(&self, runtime: Runtime) -> Result<PathBuf, KindError> {
        let doing = format!("read the kubeconfig of kind cluster {}", self.name);
        let args = ["get", "kubeconfig", "--name", &self.name];
        let done = self
            .kind(&doing, runtime, &args, self.tools.call_timeout, &|_| ())
            .await?;
        // Nothing of it is quoted in an error: it holds a key.
        if !done.stdout.contains("client-key-data") {
            return Err(unreadable(&doing, &self.tools.kind, "no kubeconfig"));
        }
        let path = self.kubeconfig_path();
        home::write_secret(&path, done.stdout.as_bytes())?;
        Ok(path)
    }

    async fn remove(&self, runtime: Runtime, on_line: OnLine<'_>) -> Result<(), KindError> {
        let doing = format!("delete kind cluster {}", self.name);
        let scratch = self.scratch();
        let args = ["delete", "cluster", "--name", &self.name, "--kubeconfig", &scratch];
        self.kind(&doing, runtime, &args, self.tools.call_timeout, on_line)
            .await?;
        match self.standing(runtime).await? {
            Standing::Absent => Ok(()),
            Standing::Ours { .. } | Standing::Foreign { .. } => Err(KindError::StillThere {
                name: self.name.clone(),
            }),
        }
    }

    fn is_complete(&self) -> bool {
        std::fs::read(self.spec.folder.join(COMPLETE)).is_ok_and(|content| content == self.name.as_bytes())
    }

    /// Removes what describes a cluster that is not there.
    fn forget(&self) -> Result<(), KindError> {
        for name in [COMPLETE, "kubeconfig", SCRATCH] {
            let path = self.spec.folder.join(name);
            match std::fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(KindError::File {
                        action: "remove",
                        path,
                        source,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The container that is the cluster's only node.
    fn node(&self) -> String {
        format!("{}-control-plane", self.name)
    }

    /// The kubeconfig that kind itself writes, so that it leaves the user's alone.
    fn scratch(&self) -> String {
        self.spec.folder.join(SCRATCH).to_string_lossy().into_owned()
    }

    fn program(&self, runtime: Runtime) -> &Path {
        match runtime {
            Runtime::Docker => &self.tools.docker,
            Runtime::Podman => &self.tools.podman,
        }
    }

    fn invocation(&self, program: &Path, args: &[&str]) -> Invocation {
        Invocation {
            program: program.to_owned(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: ChildEnvironment::Only(self.tools.env.clone()),
            stdin: Stdin::Null,
            timeout: self.tools.call_timeout,
        }
    }

    async fn call(&self, doing: &str, program: &Path, args: &[&str]) -> Result<Finished, KindError> {
        process::run(self.invocation(program, args), &|_| ())
            .await
            .map_err(|source| KindError::Process {
                doing: doing.to_owned(),
                source,
            })
    }

    async fn kind(
        &self,
        doing: &str,
        runtime: Runtime,
        args: &[&str],
        timeout: Duration,
        on_line: OnLine<'_>,
    ) -> Result<Finished, KindError> {
        let (proxies, _) = plan::proxies(&self.tools.proxies);
        let clean = |line: &str| plan::scrub(line, &proxies);
        let mut env = self.tools.env.clone();
        env.extend(proxies.iter().map(|(name, value)| (name.into(), value.into())));
        env.push(("KIND_EXPERIMENTAL_PROVIDER".into(), runtime.as_str().into()));
        let invocation = Invocation {
            env: ChildEnvironment::Only(env),
            timeout,
            ..self.invocation(&self.tools.kind, args)
        };
        process::run(invocation, &|line| on_line(&clean(line)))
            .await
            .map_err(|mut source| {
                if let ProcessError::Timeout { last_lines, .. } | ProcessError::Failed { last_lines, .. } = &mut source
                {
                    for line in last_lines {
                        *line = clean(line);
                    }
                }
                KindError::Process {
                    doing: doing.to_owned(),
                    source,
                }
            })
    }
}

/// Says that the cluster was made to the end; without it, it is made anew.
const COMPLETE: &str = "complete";
const SCRATCH: &str = "kubeconfig.kind";

fn unreadable(doing: &str, program: &Path, output: &str) -> KindError {
    KindError::Output {
        doing: doing.to_owned(),
        program: program.display().to_string(),
        output: output.chars().take(200).collect(),
    }
}

fn read_certificates(files: &[PathBuf]) -> Result<(), KindError> {
    for path in files {
        let text = std::fs::read(path).map_err(|source| KindError::File {
            action: "read",
            path: path.clone(),
            source,
        })?;
        if !String::from_utf8_lossy(&text).contains("-----BEGIN CERTIFICATE-----") {
            return Err(KindError::NoCertificate { path: path.clone() });
        }
    }
    Ok(())
}
