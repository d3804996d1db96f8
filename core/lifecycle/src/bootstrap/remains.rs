//! What earlier runs left in the state folder, judged before anything is done.
//!
//! Journal and secrets belong together: with one of them gone the machines cannot be told from those of a new cluster, and
//! going on would make a second one.

use std::{fmt, path::Path};

use butler_api::config::{BootstrapConfig, Machine};
use butler_engine::journal::{Found, JournalError, JournalProblem, Unusable, find};
use butler_files::ClusterFolder;
use butler_kubernetes::chain;
use butler_talos::{pki, secrets::SecretsBundle};
use sha2::{Digest as _, Sha256};

use crate::bootstrap::{Known, Learned, promised, steps};

/// What can be continued, or begun.
#[derive(Debug)]
pub struct Remains {
    /// The journal that the run goes on with.
    pub journal: Found<Learned>,
    /// What the journal tells of earlier runs.
    pub known: Known,
}

/// What earlier runs left cannot be continued as it is.
#[derive(Debug)]
pub struct Lost {
    cluster: String,
    machines: Vec<String>,
    problem: LostPart,
    hints: Vec<String>,
}

#[derive(Debug)]
enum LostPart {
    Journal(JournalProblem),
    Secrets(String),
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, machines, .. } = self;
        write!(f, "the bootstrap of {cluster} cannot go on: ")?;
        match &self.problem {
            LostPart::Journal(problem) => f.write_str(&chain(problem))?,
            LostPart::Secrets(problem) => f.write_str(problem)?,
        }
        write!(f, "\nits machines: {}", machines.join(", "))
    }
}

impl std::error::Error for Lost {}

impl Lost {
    /// What can be done about it, one sentence each.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The file system's own reason, if nothing is lost and the journal could not be read.
    fn of_journal(unusable: Unusable<Learned>, config: &BootstrapConfig, files: &ClusterFolder) -> Self {
        let Unusable {
            path,
            problem,
            backup,
            told,
        } = unusable;
        let mut hints = Vec::new();
        match (&problem, &backup) {
            (JournalProblem::Journal(JournalError::Newer { .. }), _) => {
                hints.push("use the release that wrote it, or a later one".to_owned());
            }
            (JournalProblem::Differs { .. }, Some(backup)) => hints.push(format!(
                "keep the one that tells the truth: mv {0} {1}, or rm {0}",
                backup.path.display(),
                path.display()
            )),
            (_, Some(backup)) => hints.push(format!(
                "its backup holds {} records, the last of {}: cp {} {}, then run the same command again",
                backup.records,
                backup.until,
                backup.path.display(),
                path.display()
            )),
            (_, None) => hints.push(format!(
                "put {} back from a backup of yours, then run the same command again",
                path.display()
            )),
        }
        hints.push(begin_anew(files));
        Self {
            cluster: config.cluster.name.clone(),
            machines: machines(config, &told),
            problem: LostPart::Journal(problem),
            hints,
        }
    }

    fn of_secrets(problem: String, config: &BootstrapConfig, files: &ClusterFolder, known: &Known) -> Self {
        let secrets = files.secrets();
        let node = config
            .machine_names()
            .into_iter()
            .find_map(|(name, _)| known.memory.machines.get(&name)?.address.clone())
            .unwrap_or_else(|| "ADDRESS".to_owned());
        let from_node = format!(
            "a configured control plane still has them: talosctl --talosconfig {} -n {node} get machineconfig v1alpha1 \
             -o jsonpath='{{.spec}}' > controlplane.yaml && talosctl gen secrets --from-controlplane-config \
             controlplane.yaml -o {}",
            files.talosconfig().display(),
            secrets.display(),
        );
        let hints = vec![
            format!(
                "put {} back from a backup, then run the same command again",
                secrets.display()
            ),
            from_node,
            begin_anew(files),
        ];
        Self {
            cluster: config.cluster.name.clone(),
            machines: machines(config, known),
            problem: LostPart::Secrets(problem),
            hints,
        }
    }
}

fn begin_anew(files: &ClusterFolder) -> String {
    format!(
        "nothing was changed; only if the machines may be lost: delete or reset them, then remove {} and begin anew",
        files.path().display()
    )
}

/// The machines as far as they are known: by the journal, else by the configuration.
fn machines(config: &BootstrapConfig, known: &Known) -> Vec<String> {
    let machines = config.machines().into_iter();
    machines
        .map(|Machine { name, listed, .. }| {
            let facts = known.memory.machines.get(&name);
            let listed = listed.map(|(_, machine)| machine.address.to_string());
            let id = facts.and_then(|f| f.provider_id.clone());
            let address = facts.and_then(|f| f.address.clone()).or(listed);
            let mut told: Vec<String> = address.into_iter().collect();
            told.extend(id.filter(|id| told.first() != Some(id)));
            match told.as_slice() {
                [] => name,
                told => format!("{name} ({})", told.join(", ")),
            }
        })
        .collect()
}

/// Looks at what earlier runs left; changes nothing.
pub fn look(config: &BootstrapConfig, files: &ClusterFolder) -> Result<Remains, Box<Lost>> {
    let journal =
        find(&files.journal(), &ClusterFolder::TRACES).map_err(|e| Box::new(Lost::of_journal(*e, config, files)))?;
    let known = Known::of(&journal.records);
    if let Some((name, _)) = known.cluster.as_ref().filter(|(name, _)| *name != config.cluster.name) {
        let path = files.journal();
        let other = JournalProblem::Other {
            path: path.clone(),
            cluster: name.clone(),
        };
        let unusable = Unusable::new(path, other);
        return Err(Box::new(Lost::of_journal(unusable, config, files)));
    }
    match secrets_problem(&files.secrets(), &known) {
        None => Ok(Remains { journal, known }),
        Some(problem) => Err(Box::new(Lost::of_secrets(problem, config, files, &known))),
    }
}

/// Why the secrets are not those that machines were configured with. A finished cluster gives lost ones back.
fn secrets_problem(path: &Path, known: &Known) -> Option<String> {
    if !in_use(known) {
        return None;
    }
    let shown = path.display();
    let text = match promised::read(path) {
        Ok(text) => text,
        Err(flaw) if [promised::MISSING, promised::EMPTY].contains(&flaw.as_str()) => {
            let lost = format!("the Talos secrets {shown} are lost ({flaw}), but machines were configured with them");
            return (!finished(known)).then_some(lost);
        }
        Err(flaw) => return Some(format!("the Talos secrets {shown} cannot be read: {flaw}")),
    };
    match SecretsBundle::from_yaml(&text) {
        Err(error) => Some(format!("the Talos secrets {shown} are damaged: {}", chain(&error))),
        Ok(bundle) => {
            let other = known
                .memory
                .authority
                .as_ref()
                .is_some_and(|known| *known != authority(&bundle));
            other.then(|| format!("the Talos secrets {shown} are those of another cluster"))
        }
    }
}

/// Whether the text of a file says nothing.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c == '\0')
}

/// Whether a machine may have been configured with the secrets.
pub(crate) fn in_use(known: &Known) -> bool {
    let configured = |id: &butler_engine::StepId| {
        let parts: Vec<&str> = id.as_str().split('/').collect();
        matches!(parts.as_slice(), ["machine", _, "configure"])
    };
    known.touched.iter().chain(&known.proven).any(configured)
}

/// Whether the management cluster owns its record.
pub(crate) fn finished(known: &Known) -> bool {
    known.proven.contains(&steps::pivot::commit_id())
}

/// What tells one bundle from another: SHA-256 (hex) over the certificate of the Talos API's authority.
pub(crate) fn authority(bundle: &SecretsBundle) -> String {
    let der = pki::certificate_der(&bundle.os_ca().crt).expect("a bundle is checked when it is made or read");
    format!("{:x}", Sha256::digest(der))
}

#[cfg(test)]
mod tests;
