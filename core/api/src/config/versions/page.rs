//! The matrix as a page for people: `docs/releases.md`.

use std::fmt::Write as _;

use super::{COMPONENTS, Component, Outside, Range, ReleaseLine, TALOS_LINES, TalosLine, pin};

const HEAD: &str = "\
# Releases that go together

Written from the table that `butleradm` itself uses (`core/api/src/config/versions/`); a test keeps it fresh. What does not fit is
refused before anything is made, with what would fit; where nobody says anything, `butleradm` warns and goes on.

Versions that a configuration does not name are chosen by its Kubernetes release: the first line below that states support for it.

## Talos and Kubernetes

Source: Talos' support matrix. \"Images\" are pulled by every node without anybody naming them.

| Talos | Kubernetes | default | upgrade from | images of the newest release known |
|---|---|---|---|---|
";

const COMPONENTS_HEAD: &str = "
## Everything else

\"Installed\" is the release that is installed where the line is chosen; without one, the line is known and can be configured.

| component | line | installed | Kubernetes of the management cluster | with | source |
|---|---|---|---|---|---|
";

const DEFAULTS_HEAD: &str = "
## Defaults by Kubernetes release

| Kubernetes | Cluster API | cert-manager | Cilium |
|---|---|---|---|
";

/// The matrix as Markdown.
pub fn page() -> String {
    let mut out = HEAD.to_owned();
    for line in &TALOS_LINES {
        talos(&mut out, line);
    }
    out.push_str(COMPONENTS_HEAD);
    for release in COMPONENTS {
        component(&mut out, release);
    }
    out.push_str(DEFAULTS_HEAD);
    let (first, last) = (
        28,
        TALOS_LINES.iter().map(|line| line.kubernetes_max).max().unwrap_or(28),
    );
    for minor in first..=last {
        let kubernetes = semver::Version::new(1, minor, 0);
        let chosen = |component| pin(component, &kubernetes, None);
        let _ = writeln!(
            out,
            "| 1.{minor} | {} | {} | {} |",
            chosen(Component::ClusterApi),
            chosen(Component::CertManager),
            chosen(Component::Cilium)
        );
    }
    out
}

fn talos(out: &mut String, line: &TalosLine) {
    let newest = semver::Version::new(1, line.minor, u64::MAX);
    let images = super::talos_images(&newest).map_or_else(String::new, |images| {
        format!("`{}`, `{}`, `{}`", images.etcd, images.coredns, images.pause)
    });
    let _ = writeln!(
        out,
        "| 1.{} | 1.{} to 1.{} | {} | 1.{} | {images} |",
        line.minor,
        line.kubernetes_min,
        line.kubernetes_max,
        line.default_kubernetes(),
        line.upgrade_from
    );
}

fn component(out: &mut String, release: &ReleaseLine) {
    let range = |range: Range| {
        let end = match (range.below, range.above, range.max) {
            (Outside::Untold, ..) => "; others are not stated",
            (_, Outside::Untold, Some(_)) => "; newer ones are not stated yet",
            _ => "",
        };
        format!("{}{end}", range.words(1))
    };
    let mut kubernetes = release.kubernetes.map_or_else(|| "not stated".to_owned(), range);
    for (minor, patch) in release.patches {
        let _ = write!(kubernetes, "; 1.{minor} from {}.{patch} on", release.line);
    }
    let mut with = release
        .with
        .map_or_else(String::new, |(other, with)| format!("{other} {}", range(with)));
    match release.first {
        0 => {}
        u64::MAX => with.push_str("; cannot be applied"),
        first => {
            let _ = write!(with, "; can be applied from {}.{first} on", release.line);
        }
    }
    let _ = writeln!(
        out,
        "| {} | {} | {} | {kubernetes} | {with} | {} |",
        release.component,
        release.line,
        release.pin.unwrap_or("–"),
        release.source
    );
}
