//! Manifests that somebody publishes: where from, their variables, their objects. Only [`fetch`] touches the network.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    path::{Path, PathBuf},
    time::Duration,
};

use butler_api::config::ChartMirror;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{Manifest, Substitution, catalog};
use crate::failure::Class;

/// Largest manifest that is read.
const MANIFEST_BYTES: usize = 32 * 1024 * 1024;
/// How long a download may take.
const DOWNLOAD: Duration = Duration::from_mins(2);

/// Where a manifest is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// An address.
    Url(String),
    /// A file of a mirror folder.
    File(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Why a manifest could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("cannot read the manifest {}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot read the CA file {}", path.display())]
    CaFile { path: PathBuf, source: io::Error },
    #[error("the CA file {} holds no usable certificate", path.display())]
    Ca { path: PathBuf },
    #[error("cannot fetch {url}")]
    Http { url: String, source: reqwest::Error },
    #[error("{url} answers {status}")]
    Status { url: String, status: reqwest::StatusCode },
    #[error("{url} is larger than {} MiB", MANIFEST_BYTES / 1024 / 1024)]
    TooLarge { url: String },
    #[error("{place} is not text")]
    NotText { place: String },
}

impl FetchError {
    pub(super) fn class(&self) -> Class {
        match self {
            Self::Http { source, .. } if source.is_builder() => Class::Fatal,
            Self::Http { .. } => Class::Retryable,
            Self::Status { status, .. } if status.is_server_error() || status.as_u16() == 429 => Class::Retryable,
            _ => Class::Configuration,
        }
    }
}

/// A manifest that is not what it should be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ManifestError {
    #[error("no value for {}", names.join(", "))]
    Unresolved { names: Vec<String> },
    #[error("document {number} is not YAML: {message}")]
    Yaml { number: usize, message: String },
    #[error("document {number} is no Kubernetes object")]
    NoObject { number: usize },
}

/// Where to read a manifest: mirrors that hold files have it as `<addon>-<version>.yaml`; a registry of charts cannot.
pub(super) fn locate(addon: &str, manifest: &Manifest, mirror: Option<&ChartMirror>) -> Place {
    let file = format!("{addon}-{}.yaml", manifest.version);
    match mirror {
        Some(ChartMirror::Folder(folder)) => Place::File(Path::new(folder).join(file)),
        Some(ChartMirror::Repository(url)) => Place::Url(format!("{}/{file}", url.trim_end_matches('/'))),
        Some(ChartMirror::Oci(_)) | None => Place::Url(manifest.url.clone()),
    }
}

/// Reads a manifest.
pub(super) async fn fetch(place: &Place, ca_file: Option<&Path>) -> Result<String, FetchError> {
    let bytes = match place {
        Place::File(path) => tokio::fs::read(path).await.map_err(|source| FetchError::File {
            path: path.clone(),
            source,
        })?,
        Place::Url(url) => download(url, ca_file).await?,
    };
    String::from_utf8(bytes).map_err(|_| FetchError::NotText {
        place: place.to_string(),
    })
}

/// The system's certificate authorities and those of these files, as one PEM text.
pub(super) fn bundle(files: &[PathBuf]) -> Result<String, FetchError> {
    let mut certificates: Vec<Vec<u8>> = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(path).map_err(|source| FetchError::CaFile {
            path: path.clone(),
            source,
        })?;
        let own = pem::parse_many(text).unwrap_or_default().into_iter();
        let own: Vec<Vec<u8>> = own
            .filter(|p| p.tag() == "CERTIFICATE")
            .map(pem::Pem::into_contents)
            .collect();
        if own.is_empty() {
            return Err(FetchError::Ca { path: path.clone() });
        }
        certificates.extend(own);
    }
    // A system without a store has none to offer; then only the given ones are trusted.
    certificates.extend(
        rustls_native_certs::load_native_certs()
            .certs
            .into_iter()
            .map(|c| c.to_vec()),
    );
    let blocks: Vec<pem::Pem> = certificates
        .into_iter()
        .map(|der| pem::Pem::new("CERTIFICATE", der))
        .collect();
    Ok(pem::encode_many(&blocks))
}

async fn download(url: &str, ca_file: Option<&Path>) -> Result<Vec<u8>, FetchError> {
    let failed = |source| FetchError::Http {
        url: url.to_owned(),
        source,
    };
    let mut builder = reqwest::Client::builder()
        .https_only(true)
        .timeout(DOWNLOAD)
        .connect_timeout(DOWNLOAD / 4);
    if let Some(path) = ca_file {
        let pem = tokio::fs::read(path).await.map_err(|source| FetchError::CaFile {
            path: path.to_owned(),
            source,
        })?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem).unwrap_or_default();
        if certificates.is_empty() {
            return Err(FetchError::Ca { path: path.to_owned() });
        }
        builder = builder.tls_certs_merge(certificates);
    }
    let mut answer = builder.build().map_err(failed)?.get(url).send().await.map_err(failed)?;
    if !answer.status().is_success() {
        return Err(FetchError::Status {
            url: url.to_owned(),
            status: answer.status(),
        });
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if bytes.len() + chunk.len() > MANIFEST_BYTES {
            return Err(FetchError::TooLarge { url: url.to_owned() });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The objects of a manifest: variables filled in, namespaces made privileged where their pods need it.
pub(super) fn objects(
    text: &str,
    values: &BTreeMap<String, Substitution>,
    privileged: &[String],
) -> Result<Vec<Value>, ManifestError> {
    let mut objects = parse(&substitute(text, values)?)?;
    for name in privileged {
        grant(&mut objects, name);
    }
    Ok(objects)
}

/// The objects of a YAML stream.
pub(super) fn parse(text: &str) -> Result<Vec<Value>, ManifestError> {
    let mut objects = Vec::new();
    for (i, document) in documents(text).into_iter().enumerate() {
        let number = i + 1;
        let options = serde_saphyr::options! { legacy_octal_numbers: true, with_snippet: false };
        let value: Value =
            serde_saphyr::from_str_with_options(&document, options).map_err(|error| ManifestError::Yaml {
                number,
                message: error.to_string(),
            })?;
        match value {
            Value::Null => {}
            // A list is the objects in it.
            mut value if value["kind"] == "List" && value["items"].is_array() => {
                objects.extend(value["items"].as_array_mut().map(std::mem::take).unwrap_or_default());
            }
            value if value["kind"].is_string() && value["metadata"]["name"].is_string() => objects.push(value),
            _ => return Err(ManifestError::NoObject { number }),
        }
    }
    Ok(objects)
}

/// The pod-security labels of a privileged namespace, on the manifest's own object or on one of ours.
fn grant(objects: &mut Vec<Value>, name: &str) {
    let ours = catalog::namespace_object(name, true);
    let own = objects
        .iter_mut()
        .find(|object| object["kind"] == "Namespace" && object["metadata"]["name"] == name);
    let Some(own) = own else {
        objects.insert(0, ours);
        return;
    };
    if !own["metadata"]["labels"].is_object() {
        own["metadata"]["labels"] = json!({});
    }
    for (key, value) in ours["metadata"]["labels"].as_object().into_iter().flatten() {
        own["metadata"]["labels"][key] = value.clone();
    }
}

fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.lines() {
        if line == "---" || line.starts_with("--- ") {
            documents.push(String::new());
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    let empty = |document: &String| {
        document
            .lines()
            .all(|line| line.trim().is_empty() || line.trim().starts_with('#'))
    };
    documents.retain(|document| !empty(document));
    documents
}

/// Fills in `${NAME}`, `${NAME:=default}`, `${NAME:-default}` and `${NAME=default}`. `$${` is a literal `${`.
///
/// Everything else that starts with a dollar sign is left alone: scripts in manifests use it too.
fn substitute(text: &str, values: &BTreeMap<String, Substitution>) -> Result<String, ManifestError> {
    let mut out = String::with_capacity(text.len());
    let mut missing = BTreeSet::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(literal) = before.strip_suffix('$') {
            out.push_str(literal);
            out.push_str("${");
            rest = &from[2..];
            continue;
        }
        out.push_str(before);
        let Some((name, default, length)) = variable(from) else {
            out.push_str("${");
            rest = &from[2..];
            continue;
        };
        match (values.get(name), default) {
            (Some(Substitution::Plain(value)), _) => out.push_str(value),
            (Some(Substitution::Secret(value)), _) => out.push_str(value.expose_secret()),
            (None, Some(default)) => out.push_str(default),
            (None, None) => {
                missing.insert(name.to_owned());
            }
        }
        rest = &from[length..];
    }
    out.push_str(rest);
    if missing.is_empty() {
        Ok(out)
    } else {
        Err(ManifestError::Unresolved {
            names: missing.into_iter().collect(),
        })
    }
}

/// Name, default and length of the variable that a text starts with.
fn variable(text: &str) -> Option<(&str, Option<&str>, usize)> {
    let end = text.find('}')?;
    let inner = &text[2..end];
    let name_end = inner
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(inner.len());
    let (name, tail) = inner.split_at(name_end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let default = match tail {
        "" => None,
        tail => Some([":=", ":-", "=", "-"].iter().find_map(|sign| tail.strip_prefix(sign))?),
    };
    Some((name, default, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(entries: &[(&str, &str)]) -> BTreeMap<String, Substitution> {
        entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Substitution::Plain((*value).to_owned())))
            .collect()
    }

    #[test]
    fn variables_take_the_value_else_the_default() {
        let given = values(&[("A", "1")]);
        let text = "${A} ${A:=9} ${B:=2} ${C:-3} ${D=4} ${E:=} $A $(x) $${F} ${g h}";
        assert_eq!(substitute(text, &given).unwrap(), "1 1 2 3 4  $A $(x) ${F} ${g h}");
    }

    #[test]
    fn variables_without_value_are_all_named() {
        let error = substitute("${B} ${A} ${B} ${C:=x}", &BTreeMap::new()).unwrap_err();
        assert_eq!(error.to_string(), "no value for A, B");
    }

    #[test]
    fn objects_are_split_and_lists_are_opened() {
        let text = "# notice\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {mode: 0644, on: \"yes\"}\n\
                    ---\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: b}}\n";
        let objects = objects(text, &BTreeMap::new(), &[]).unwrap();
        let names: Vec<&str> = objects
            .iter()
            .filter_map(|object| object["metadata"]["name"].as_str())
            .collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(objects[0]["data"]["mode"], json!(420));
    }

    #[test]
    fn what_is_no_object_is_named_by_its_place() {
        let error = objects("kind: A\nmetadata: {name: a}\n---\n- 1\n", &BTreeMap::new(), &[]).unwrap_err();
        assert_eq!(error, ManifestError::NoObject { number: 2 });
        let error = objects("a: [\n", &BTreeMap::new(), &[]).unwrap_err();
        assert!(matches!(error, ManifestError::Yaml { number: 1, .. }), "{error}");
    }

    #[test]
    fn namespaces_get_their_privileges_once() {
        let text = "kind: Namespace\napiVersion: v1\nmetadata: {name: capi-system, labels: {own: kept}}\n";
        let privileged = ["capi-system".to_owned(), "other".to_owned()];
        let objects = objects(text, &BTreeMap::new(), &privileged).unwrap();
        assert_eq!(objects.len(), 2);
        assert_eq!(objects[0]["metadata"]["name"], "other");
        assert_eq!(objects[1]["metadata"]["labels"]["own"], "kept");
        assert_eq!(
            objects[1]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"],
            "privileged"
        );
    }

    #[test]
    fn mirrors_of_files_hold_the_manifest_under_the_name_of_the_addon() {
        let manifest = Manifest {
            url: "https://example.org/x.yaml".into(),
            version: "v1".into(),
            substitutions: BTreeMap::new(),
            privileged_namespaces: Vec::new(),
            stand_in: super::super::StandIn::default(),
        };
        let place = |mirror: Option<ChartMirror>| locate("capi", &manifest, mirror.as_ref()).to_string();
        assert_eq!(place(None), "https://example.org/x.yaml");
        assert_eq!(place(Some(ChartMirror::Folder("/m".into()))), "/m/capi-v1.yaml");
        assert_eq!(
            place(Some(ChartMirror::Repository("https://m/".into()))),
            "https://m/capi-v1.yaml"
        );
        assert_eq!(
            place(Some(ChartMirror::Oci("oci://m".into()))),
            "https://example.org/x.yaml"
        );
    }
}
