//! Manifests that somebody publishes: where from, their variables, their objects. Only [`fetch`] touches the network.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    time::Duration,
};

use butler_api::{config::ChartMirror, error::Class};
use serde_json::Value;

use crate::{
    Manifest, catalog,
    substitute::{SubstituteError, Template},
};

/// Largest manifest that is read.
const MANIFEST_BYTES: usize = 32 * 1024 * 1024;
/// How long a download may take.
const DOWNLOAD: Duration = Duration::from_mins(2);

/// Where a manifest is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// An address that it is fetched from.
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
    #[error(transparent)]
    Variables(#[from] SubstituteError),
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

/// The text of a manifest, from its address or its file.
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
        let own = pem::parse_many(text).map_err(|_| FetchError::Ca { path: path.clone() })?;
        let own: Vec<Vec<u8>> = own
            .into_iter()
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
        let certificates = reqwest::Certificate::from_pem_bundle(&pem).ok();
        let certificates = certificates.filter(|certificates| !certificates.is_empty());
        let certificates = certificates.ok_or_else(|| FetchError::Ca { path: path.to_owned() })?;
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
pub(super) fn objects(text: &str, manifest: &Manifest) -> Result<Vec<Value>, ManifestError> {
    let mut objects = match &manifest.variables {
        Some(values) => parse(&Template::parse(text)?.fill(values)?)?,
        None => parse(text)?,
    };
    for name in &manifest.privileged_namespaces {
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
        let found = match value {
            Value::Null => Vec::new(),
            // A list is the objects in it.
            Value::Object(mut list) if list.get("kind").is_some_and(|kind| kind == "List") => {
                match list.remove("items") {
                    Some(Value::Array(items)) => items,
                    _ => return Err(ManifestError::NoObject { number }),
                }
            }
            value => vec![value],
        };
        let is_object = |value: &Value| value["kind"].is_string() && value["metadata"]["name"].is_string();
        if !found.iter().all(is_object) {
            return Err(ManifestError::NoObject { number });
        }
        objects.extend(found);
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
        own["metadata"]["labels"] = Value::Object(serde_json::Map::new());
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::ChartContents;

    fn manifest(variables: bool, privileged: &[&str]) -> Manifest {
        Manifest {
            url: "https://example.org/x.yaml".into(),
            version: "v1".into(),
            variables: variables.then(BTreeMap::new),
            privileged_namespaces: privileged.iter().map(|&name| name.to_owned()).collect(),
            images: crate::Images::default(),
            contents: ChartContents::default(),
        }
    }

    #[test]
    fn only_templates_have_variables_and_a_wrong_one_is_an_error_before_anything_else() {
        let text = "kind: A\nmetadata: {name: a}\npattern: '^a${1,3}$$'\n";
        let plain = objects(text, &manifest(false, &[])).unwrap();
        assert_eq!(plain[0]["pattern"], "^a${1,3}$$");
        let error = objects(text, &manifest(true, &[])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 3: `${1,3}` is no form of a variable that is known"
        );
        let filled = objects("kind: A\nmetadata: {name: '${NAME:=a}'}\n", &manifest(true, &[])).unwrap();
        assert_eq!(filled[0]["metadata"]["name"], "a");
    }

    #[test]
    fn objects_are_split_and_lists_are_opened() {
        let text = "# notice\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {mode: 0644, on: \"yes\"}\n\
                    ---\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: b}}\n";
        let objects = objects(text, &manifest(true, &[])).unwrap();
        let names: Vec<&str> = objects
            .iter()
            .filter_map(|object| object["metadata"]["name"].as_str())
            .collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(objects[0]["data"]["mode"], json!(420));
    }

    #[test]
    fn what_is_no_object_is_named_by_its_place() {
        let error = objects("kind: A\nmetadata: {name: a}\n---\n- 1\n", &manifest(true, &[])).unwrap_err();
        assert_eq!(error, ManifestError::NoObject { number: 2 });
        // Nor is a list with something else in it.
        for list in ["kind: List\nitems: [{kind: A}]\n", "kind: List\nitems: {}\n"] {
            let error = objects(list, &manifest(false, &[])).unwrap_err();
            assert_eq!(error, ManifestError::NoObject { number: 1 }, "{list}");
        }
        let error = objects("a: [\n", &manifest(true, &[])).unwrap_err();
        assert!(matches!(error, ManifestError::Yaml { number: 1, .. }), "{error}");
    }

    #[test]
    fn namespaces_get_their_privileges_once() {
        let text = "kind: Namespace\napiVersion: v1\nmetadata: {name: capi-system, labels: {own: kept}}\n";
        let objects = objects(text, &manifest(true, &["capi-system", "other"])).unwrap();
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
        let manifest = manifest(true, &[]);
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
