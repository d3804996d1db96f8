//! System images, and their way from the image factory to a platform.

use std::collections::{BTreeMap, BTreeSet};

use butler_api::labels;
use butler_api::v1alpha1::ImageSync;
use butler_api::v1alpha1::image_sync::{Arch, FactoryRef, ImageSyncPhase, ImageSyncSpec, TransferMode};
use butler_api::v1alpha1::shared::ProviderRef;
use butler_client::logged_in::{LoggedIn, ServerError};
use http::Method;
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::Writer;
use crate::objects::{ObjectError, Objects};
use crate::pages;
use crate::reach::Reach;
use crate::transport::{Operation, Way};

/// What people call one of them.
const WORD: &str = "image";
/// Characters of a schematic that people tell it by.
const SHORT: usize = 8;

/// Which images.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Only those for this ProviderConfig.
    pub provider: Option<String>,
    /// Only those in this phase.
    pub status: Option<String>,
    /// Only those of schematics that begin so.
    pub schematic: Option<String>,
}

impl Query {
    fn fits(&self, row: &Row) -> bool {
        let is = |wanted: &Option<String>, own: &Option<String>| {
            let same = |wanted: &String| own.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(wanted));
            wanted.as_ref().is_none_or(same)
        };
        let begins = |wanted: &String| {
            row.schematic
                .as_ref()
                .is_some_and(|own| own.starts_with(wanted.as_str()))
        };
        is(&self.provider, &row.provider) && is(&self.status, &row.phase) && self.schematic.as_ref().is_none_or(begins)
    }
}

/// What is shown of an image. Objects of any Butler are shown, also those that this one cannot read as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The name.
    pub name: String,
    /// The ProviderConfig of the platform.
    pub provider: Option<String>,
    /// How far it is; nothing as long as no controller has said so.
    pub phase: Option<String>,
    /// The schematic.
    pub schematic: Option<String>,
    /// The version of the operating system.
    pub version: Option<String>,
    /// The processor.
    pub arch: Option<String>,
    /// The format of the file.
    pub format: Option<String>,
    /// How the platform calls it.
    pub image: Option<String>,
    /// Where it was taken from.
    pub url: Option<String>,
    /// The digest of the file.
    pub digest: Option<String>,
    /// Why it failed.
    pub failure: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
}

impl Row {
    /// What an object says.
    pub fn of(object: &DynamicObject) -> Self {
        let own = |path: &str| {
            let text = object.data.pointer(path).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let phase = match object.metadata.deletion_timestamp {
            Some(_) => Some("Deleting".to_owned()),
            None => own("/status/phase"),
        };
        let failure = match (own("/status/failureReason"), own("/status/failureMessage")) {
            (Some(reason), Some(message)) => Some(format!("{reason}: {message}")),
            (reason, message) => reason.or(message),
        };
        Self {
            name: object.name_any(),
            provider: own("/spec/providerConfigRef/name"),
            phase,
            schematic: own("/spec/factoryRef/schematicID"),
            version: own("/spec/factoryRef/version"),
            arch: own("/spec/factoryRef/arch"),
            format: own("/spec/format"),
            image: own("/status/providerImageRef"),
            url: own("/status/artifactURL"),
            digest: own("/status/artifactSHA256"),
            failure,
            created: object.metadata.creation_timestamp.as_ref().map(|time| time.0),
        }
    }

    /// As much of the schematic as people tell it by.
    pub fn short_schematic(&self) -> Option<String> {
        self.schematic.as_ref().map(|schematic| short(schematic))
    }
}

fn short(schematic: &str) -> String {
    schematic.chars().take(SHORT).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    image_syncs: Vec<DynamicObject>,
}

/// The images of a namespace. Members of a team may not look into that of the platform, and ask Butler's server.
pub async fn all(reach: &Reach, namespace: &str, query: &Query) -> Result<Vec<DynamicObject>, ObjectError> {
    let mut found = match by_server(reach).await {
        Some(server) => {
            let told = server.get::<Told>(&["api", "image-syncs"], &[]).await;
            let told = told.map_err(failed("list", "images"))?.image_syncs;
            let here = told
                .into_iter()
                .filter(|object| object.namespace().as_deref() == Some(namespace));
            here.map(pages::without_managed_fields).collect()
        }
        None => Objects::of::<ImageSync>(reach, namespace, WORD).all().await?,
    };
    found.retain(|object| query.fits(&Row::of(object)));
    Ok(found)
}

async fn by_server(reach: &Reach) -> Option<&LoggedIn> {
    let ways = Operation::Images.ways_of(reach).await;
    reach.server.as_ref().filter(|_| ways.first() == Some(&Way::Server))
}

fn failed(verb: &'static str, what: impl Into<String>) -> impl FnOnce(ServerError) -> ObjectError {
    let what = what.into();
    move |source| ObjectError::Server {
        verb,
        what,
        source: Box::new(source),
    }
}

/// The image of a name.
pub async fn get(reach: &Reach, namespace: &str, name: &str) -> Result<DynamicObject, ObjectError> {
    let Some(server) = by_server(reach).await else {
        return Objects::of::<ImageSync>(reach, namespace, WORD).get(name).await;
    };
    let told = server
        .get::<DynamicObject>(&["api", "image-syncs", namespace, name], &[])
        .await;
    match told {
        Ok(object) => Ok(pages::without_managed_fields(object)),
        Err(error) if error.status() == Some(404) => Err(ObjectError::Missing {
            what: format!("{WORD} {name}"),
            namespace: namespace.to_owned(),
        }),
        Err(source) => Err(failed("read", format!("{WORD} {name}"))(source)),
    }
}

/// An image that a platform is to get.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The name of the object; without one it is made of what the image is.
    pub name: Option<String>,
    /// The schematic of the factory.
    pub schematic: String,
    /// The version of the operating system.
    pub version: String,
    /// The ProviderConfig of the platform.
    pub provider: String,
    /// Its namespace.
    pub provider_namespace: String,
    /// The processor.
    pub arch: Arch,
    /// The format of the file.
    pub format: String,
    /// Who brings the file to the platform.
    pub transfer: TransferMode,
    /// The name for people.
    pub display_name: Option<String>,
}

/// The object of an image.
pub fn build(wanted: &Wanted, namespace: &str) -> ImageSync {
    let usual = || {
        let version = wanted.version.trim_start_matches('v').replace('.', "-");
        format!("image-{}-{version}-{}", short(&wanted.schematic), wanted.provider)
    };
    let mut sync = ImageSync::new(
        &wanted.name.clone().unwrap_or_else(usual),
        ImageSyncSpec {
            display_name: wanted.display_name.clone(),
            factory_ref: FactoryRef {
                arch: Some(wanted.arch.clone()),
                platform: None,
                schematic_id: wanted.schematic.clone(),
                version: wanted.version.clone(),
            },
            format: Some(wanted.format.clone()),
            provider_config_ref: ProviderRef {
                name: wanted.provider.clone(),
                namespace: Some(wanted.provider_namespace.clone()),
            },
            transfer_mode: Some(wanted.transfer.clone()),
        },
    );
    sync.metadata.namespace = Some(namespace.to_owned());
    sync.metadata.labels = Some(BTreeMap::from([(
        labels::MANAGED_BY.to_owned(),
        labels::BUTLER.to_owned(),
    )]));
    sync
}

#[derive(Debug, Serialize)]
struct Form<'a> {
    #[serde(rename = "schematicID")]
    schematic_id: &'a str,
    version: &'a str,
    arch: &'a str,
    #[serde(rename = "providerConfig")]
    provider_config: String,
    format: &'a str,
    #[serde(rename = "transferMode")]
    transfer_mode: &'a str,
    #[serde(rename = "displayName", skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
}

/// Has Butler's server make the object, which gives it a name of its own: who operates a team may have it brought to the
/// platform, and may not write there. Nothing, where nobody is logged in.
pub async fn sync_by_server(
    reach: &Reach,
    team: Option<&str>,
    wanted: &Wanted,
) -> Option<Result<DynamicObject, ObjectError>> {
    let ways = Operation::ImageSync.ways_of(reach).await;
    let server = reach.server.as_ref().filter(|_| ways.first() == Some(&Way::Server))?;
    let form = Form {
        schematic_id: &wanted.schematic,
        version: &wanted.version,
        arch: wanted.arch.as_str(),
        provider_config: format!("{}/{}", wanted.provider_namespace, wanted.provider),
        format: &wanted.format,
        transfer_mode: wanted.transfer.as_str(),
        display_name: wanted.display_name.as_deref(),
    };
    let headers: Vec<(&'static str, &str)> = team.map(|team| ("X-Butler-Team", team)).into_iter().collect();
    let path = ["api", "image-syncs"];
    let made = server.send_with(Method::POST, &path, &headers, &form).await;
    Some(made.map(pages::without_managed_fields).map_err(failed(
        "create",
        format!("{WORD} of schematic {}", short(&wanted.schematic)),
    )))
}

/// Makes the object.
pub async fn sync(
    reach: &Reach,
    writer: &Writer,
    namespace: &str,
    object: &ImageSync,
) -> Result<DynamicObject, ObjectError> {
    let images = Objects::of::<ImageSync>(reach, namespace, WORD);
    images.create(writer, object, &object.name_any()).await
}

/// Deletes the object that was read. What the platform has by now stays there.
pub async fn delete(
    reach: &Reach,
    writer: &Writer,
    namespace: &str,
    object: &DynamicObject,
) -> Result<(), ObjectError> {
    Objects::of::<ImageSync>(reach, namespace, WORD)
        .delete(writer, object)
        .await
}

/// What there is of a schematic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Schematic {
    /// The schematic.
    pub schematic: String,
    /// Its versions.
    pub versions: BTreeSet<String>,
    /// Its formats.
    pub formats: BTreeSet<String>,
    /// How many of its images are on their platform.
    pub ready: usize,
    /// How many there are.
    pub total: usize,
}

/// The images, by schematic.
pub fn by_schematic(objects: &[DynamicObject]) -> Vec<Schematic> {
    let mut all: BTreeMap<String, Schematic> = BTreeMap::new();
    for row in objects.iter().map(Row::of) {
        let Some(schematic) = row.schematic.clone() else {
            continue;
        };
        let entry = all.entry(schematic.clone()).or_insert_with(|| Schematic {
            schematic,
            versions: BTreeSet::new(),
            formats: BTreeSet::new(),
            ready: 0,
            total: 0,
        });
        entry.versions.extend(row.version);
        entry.formats.extend(row.format);
        entry.ready += usize::from(row.phase.as_deref() == Some(ImageSyncPhase::Ready.as_str()));
        entry.total += 1;
    }
    all.into_values().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image(schematic: &str, version: &str, phase: &str) -> DynamicObject {
        serde_json::from_value(json!({
            "metadata": {"name": "x"},
            "spec": {
                "factoryRef": {"schematicID": schematic, "version": version}, "format": "raw",
                "providerConfigRef": {"name": "hv"},
            },
            "status": {"phase": phase, "failureReason": "NoDisk", "failureMessage": "it is full"},
        }))
        .unwrap()
    }

    #[test]
    fn images_are_gathered_by_schematic() {
        let all = [
            image("aaaaaaaa1", "v1.9.0", "Ready"),
            image("bbbbbbbb1", "v1.9.0", "Failed"),
            image("aaaaaaaa1", "v1.10.0", "Uploading"),
        ];
        let gathered = by_schematic(&all);
        let shown: Vec<String> = gathered
            .iter()
            .map(|one| format!("{} {:?} {}/{}", one.schematic, one.versions, one.ready, one.total))
            .collect();
        assert_eq!(
            shown,
            [r#"aaaaaaaa1 {"v1.10.0", "v1.9.0"} 1/2"#, r#"bbbbbbbb1 {"v1.9.0"} 0/1"#]
        );
    }

    #[test]
    fn queries_take_a_beginning_of_the_schematic_and_the_whole_of_the_rest() {
        let row = Row::of(&image("aaaaaaaa1", "v1.9.0", "Ready"));
        assert_eq!(row.failure.as_deref(), Some("NoDisk: it is full"));
        let query = |schematic: &str, status: &str| Query {
            provider: Some("hv".to_owned()),
            schematic: Some(schematic.to_owned()),
            status: Some(status.to_owned()),
        };
        assert!(query("aaa", "ready").fits(&row));
        assert!(!query("aab", "ready").fits(&row));
        assert!(!query("aaa", "read").fits(&row));
    }

    #[test]
    fn an_image_without_a_name_is_called_by_what_it_is() {
        let wanted = Wanted {
            name: None,
            schematic: "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba".to_owned(),
            version: "v1.12.1".to_owned(),
            provider: "hv".to_owned(),
            provider_namespace: "butler-system".to_owned(),
            arch: Arch::Amd64,
            format: "qcow2".to_owned(),
            transfer: TransferMode::Direct,
            display_name: None,
        };
        assert_eq!(build(&wanted, "butler-system").name_any(), "image-37656798-1-12-1-hv");
    }
}
