//! What Helm is told about a chart, and what its complaints mean. Pure.

use std::path::{Path, PathBuf};

use butler_api::{config::ChartMirror, error::Class};
use semver::Version;

use crate::{ChartRef, Repository};

/// The oldest Helm that does what is asked of it.
const OLDEST_HELM: Version = Version::new(3, 14, 0);
/// The Helm whose records and ways of applying are known here. The next one applies on the server's side, under which some
/// of these charts are refused and objects change their owners.
const MAJOR_HELM: u64 = 3;

/// What to do about a Helm that cannot be worked with.
pub const HELM_HINT: &str = "install helm 3.14.0 or newer, but not helm 4, and have it first on PATH";

/// Whether this Helm can be worked with, by what `helm version` prints with `--short` or a template.
pub fn check_helm(output: &str) -> Result<(), String> {
    let needed = format!("helm {OLDEST_HELM} or newer is needed, before {}.0.0", MAJOR_HELM + 1);
    match parse_version(output) {
        Some(version) if version.major == MAJOR_HELM && version >= OLDEST_HELM => Ok(()),
        Some(version) => Err(format!("it is {version}; {needed}")),
        None => Err(format!("its version is not known; {needed}")),
    }
}

/// A chart as Helm's arguments name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located {
    /// The argument by which helm finds the chart.
    pub(super) chart: String,
    /// Flags that belong to it.
    pub(super) flags: Vec<String>,
    /// The packaged chart, when it has to be on this machine.
    pub(super) file: Option<PathBuf>,
}

/// Where a chart comes from: its own repository, or the mirror of all charts.
pub(super) fn locate(chart: &ChartRef, mirror: Option<&ChartMirror>, ca_file: Option<&Path>) -> Located {
    let version = ["--version".to_owned(), chart.version.clone()];
    let ca = ca_file.map(|path| ["--ca-file".to_owned(), path.display().to_string()]);
    let classic = |url: &str| {
        let repository = ["--repo".to_owned(), url.to_owned()];
        let flags = repository
            .into_iter()
            .chain(version.clone())
            .chain(ca.clone().into_iter().flatten())
            .collect();
        Located {
            chart: chart.name.clone(),
            flags,
            file: None,
        }
    };
    let registry = |prefix: &str| {
        let flags = version
            .clone()
            .into_iter()
            .chain(ca.clone().into_iter().flatten())
            .collect();
        Located {
            chart: format!("{}/{}", prefix.trim_end_matches('/'), chart.name),
            flags,
            file: None,
        }
    };
    match (mirror, &chart.repository) {
        (None, Repository::Https(url)) | (Some(ChartMirror::Repository(url)), _) => classic(url),
        (None, Repository::Oci(prefix)) | (Some(ChartMirror::Oci(prefix)), _) => registry(prefix),
        (Some(ChartMirror::Folder(folder)), _) => {
            let file = Path::new(folder).join(format!("{}-{}.tgz", chart.name, chart.version));
            Located {
                chart: file.display().to_string(),
                flags: Vec::new(),
                file: Some(file),
            }
        }
    }
}

/// Where a chart comes from, for people.
pub(super) fn place(chart: &ChartRef, mirror: Option<&ChartMirror>) -> String {
    match (mirror, &chart.repository) {
        (None, Repository::Https(url)) | (Some(ChartMirror::Repository(url)), _) => format!("{url} {}", chart.name),
        _ => locate(chart, mirror, None).chart,
    }
}

/// The message about a packaged chart that is missing.
pub(super) fn absent(file: &Path) -> String {
    format!("{} is not in the chart mirror", file.display())
}

/// The version in the output of `helm version`.
fn parse_version(output: &str) -> Option<Version> {
    Version::parse(output.trim().trim_start_matches('v')).ok()
}

/// What Helm's last lines mean, and what to try.
pub(super) fn classify(lines: &[String]) -> (Class, Option<&'static str>) {
    let text = lines.join("\n").to_lowercase();
    let says = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    // The API server and its webhooks come first: their texts also contain words of the network.
    if says(&[
        "failed calling webhook",
        "failed to call webhook",
        "no endpoints available for service",
    ]) {
        return (Class::Retryable, None);
    }
    if says(&["another operation (install/upgrade/rollback) is in progress"]) {
        return (
            Class::Retryable,
            Some("another helm changes this release; it is tried again"),
        );
    }
    if says(&[
        "cannot be imported into the current release",
        "invalid ownership metadata",
    ]) {
        return (
            Class::Foreign,
            Some("delete the object, or give it the annotations and label that Helm asks for"),
        );
    }
    if says(&["is forbidden", "unauthorized", "must be logged in"]) {
        return (Class::Permission, None);
    }
    if says(&[
        "values don't meet the specifications",
        "json schema",
        "error validating data",
    ]) {
        return (
            Class::Configuration,
            Some("the values do not fit this version of the chart"),
        );
    }
    let not_found = says(&[
        "not found",
        "404",
        "no chart version found",
        "no chart name found",
        "improper constraint",
    ]);
    if not_found && says(&["chart", "repo", "manifest"]) {
        return (
            Class::Configuration,
            Some("check the version, and the mirror in addons.chartMirror if there is one"),
        );
    }
    if says(&["certificate signed by unknown authority", "tls: failed to verify"]) {
        return (
            Class::Configuration,
            Some("name the CA of the repository or proxy: BUTLER_CA_CERT_PATH, a PEM file or a folder of them"),
        );
    }
    if says(&[
        "parse error",
        "execution error at",
        "error converting yaml",
        "template:",
        "no such file or directory",
    ]) {
        return (Class::Configuration, None);
    }
    (Class::Retryable, None)
}

/// Helm's complaint without its noise: from the first line that says `Error`, without that word.
pub(super) fn complaint(lines: &[String]) -> String {
    let start = lines.iter().position(|line| line.starts_with("Error:")).unwrap_or(0);
    let text = lines[start..].join(" ");
    text.strip_prefix("Error:").unwrap_or(&text).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(repository: Repository) -> ChartRef {
        ChartRef {
            repository,
            name: "demo".into(),
            version: "v1.2.3".into(),
            app_version: String::new(),
        }
    }

    fn https() -> ChartRef {
        chart(Repository::Https("https://charts.example.org".into()))
    }

    fn line(located: &Located) -> String {
        format!("{} {}", located.chart, located.flags.join(" "))
    }

    #[test]
    fn a_chart_comes_from_its_own_repository_unless_there_is_a_mirror() {
        let ca = Some(Path::new("/ca.pem"));
        let oci = chart(Repository::Oci("oci://registry.example.org/charts".into()));
        let own = line(&locate(&https(), None, ca));
        assert_eq!(
            own,
            "demo --repo https://charts.example.org --version v1.2.3 --ca-file /ca.pem"
        );
        assert_eq!(
            line(&locate(&oci, None, None)),
            "oci://registry.example.org/charts/demo --version v1.2.3"
        );

        let mirror = ChartMirror::Repository("https://mirror".into());
        assert_eq!(
            line(&locate(&oci, Some(&mirror), None)),
            "demo --repo https://mirror --version v1.2.3"
        );
        let mirror = ChartMirror::Oci("oci://mirror/all/".into());
        assert_eq!(
            line(&locate(&https(), Some(&mirror), None)),
            "oci://mirror/all/demo --version v1.2.3"
        );
        let mirror = ChartMirror::Folder("/charts".into());
        let located = locate(&https(), Some(&mirror), ca);
        assert_eq!(line(&located), "/charts/demo-v1.2.3.tgz ");
        assert_eq!(located.file, Some(PathBuf::from("/charts/demo-v1.2.3.tgz")));
    }

    #[test]
    fn versions_of_helm_are_read_with_and_without_the_letter() {
        assert_eq!(parse_version("v3.22.0\n"), Some(Version::new(3, 22, 0)));
        assert_eq!(parse_version("3.14.4"), Some(Version::new(3, 14, 4)));
        assert_eq!(parse_version("none"), None);
    }

    #[test]
    fn only_the_helm_that_applies_as_its_records_say_is_taken() {
        for good in ["v3.14.0", "v3.20.0+gb2e4314\n", "3.99.1"] {
            assert_eq!(check_helm(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("v3.13.9", "it is 3.13.9; helm 3.14.0 or newer is needed, before 4.0.0"),
            (
                "v3.14.0-rc.1",
                "it is 3.14.0-rc.1; helm 3.14.0 or newer is needed, before 4.0.0",
            ),
            (
                "v4.0.0-rc.1",
                "it is 4.0.0-rc.1; helm 3.14.0 or newer is needed, before 4.0.0",
            ),
            (
                "v4.1.3+gabc",
                "it is 4.1.3+gabc; helm 3.14.0 or newer is needed, before 4.0.0",
            ),
            ("v2.17.0", "it is 2.17.0; helm 3.14.0 or newer is needed, before 4.0.0"),
            (
                "dev",
                "its version is not known; helm 3.14.0 or newer is needed, before 4.0.0",
            ),
        ] {
            assert_eq!(check_helm(bad), Err(why.to_owned()), "{bad}");
        }
    }

    #[test]
    fn complaints_have_the_class_that_decides_what_happens_next() {
        let cases = [
            (
                "Error: chart \"demo\" version \"9.9.9\" not found in https://x repository",
                Class::Configuration,
            ),
            (
                "Error: failed to fetch https://x/index.yaml : 404 Not Found (repo)",
                Class::Configuration,
            ),
            (
                "Error: Get \"https://x/index.yaml\": dial tcp: lookup x: no such host",
                Class::Retryable,
            ),
            (
                "Error: values don't meet the specifications of the schema(s) in the following chart(s)",
                Class::Configuration,
            ),
            (
                "Error: UPGRADE FAILED: failed calling webhook \"x\": tls: failed to verify certificate",
                Class::Retryable,
            ),
            (
                "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
                Class::Retryable,
            ),
            (
                "Error: deployments.apps is forbidden: User \"x\" cannot list",
                Class::Permission,
            ),
            (
                "Error: tls: failed to verify certificate: x509: certificate signed by unknown authority",
                Class::Configuration,
            ),
            (
                "Error: Unable to continue with install: invalid ownership metadata",
                Class::Foreign,
            ),
            (
                "Error: INSTALLATION FAILED: failed pre-install: timed out waiting for the condition",
                Class::Retryable,
            ),
            ("Error: UPGRADE FAILED: the object has been modified", Class::Retryable),
        ];
        for (text, class) in cases {
            assert_eq!(classify(&[text.to_owned()]).0, class, "{text}");
        }
    }

    #[test]
    fn the_complaint_starts_at_the_error() {
        let lines = [
            "W1121 warning: old field".to_owned(),
            "Error: no such".to_owned(),
            "thing".to_owned(),
        ];
        assert_eq!(complaint(&lines), "no such thing");
        assert_eq!(complaint(&["killed".to_owned()]), "killed");
    }
}
