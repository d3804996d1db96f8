//! A ProviderConfig that is wanted: from a file, from options, or from a file that options change.

use std::collections::BTreeMap;

use butler_api::labels;
use butler_api::names::{SYSTEM_NAMESPACE, credential_keys, provider_credentials};
use butler_api::v1alpha1::ProviderConfig;
use butler_api::v1alpha1::provider_config::{
    ProviderConfigSpec, ProviderNetwork, ProviderScope, ProviderScopeType, ProxmoxProvider, VmidRange,
};
use butler_api::v1alpha1::shared::{LocalRef, ProviderType, SecretRef};
use kube::ResourceExt as _;
use serde_json::Value;

use super::credentials::{self, CredentialsError, Values};

/// What is wanted. What is not named stays as the file or the object has it.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The name; without it the one of the file.
    pub name: Option<String>,
    /// The namespace; without it the one of the file, else the platform's.
    pub namespace: Option<String>,
    /// The text of a ProviderConfig.
    pub file: Option<String>,
    /// The platform.
    pub provider: Option<ProviderType>,
    /// Settings of Proxmox VE.
    pub proxmox: Proxmox,
    /// The only team that may use it.
    pub team: Option<String>,
    /// A Secret that holds the credentials already.
    pub secret: Option<String>,
    /// Credentials, which are written into the Secret.
    pub credentials: Values,
}

/// Settings of Proxmox VE that are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxmox {
    /// URL of the API.
    pub endpoint: Option<String>,
    /// Nodes that carry machines.
    pub nodes: Vec<String>,
    /// Storage of the disks.
    pub storage: Option<String>,
    /// Storage of images and first-boot data.
    pub image_storage: Option<String>,
    /// Bridge or SDN network.
    pub bridge: Option<String>,
    /// VLAN on the bridge.
    pub vlan: Option<u16>,
    /// Pool that machines are put into.
    pub pool: Option<String>,
    /// Template that machines are copied from.
    pub template: Option<u32>,
    /// First and last VMID of machines.
    pub vmids: Option<(u32, u32)>,
}

/// Why a wish cannot be fulfilled.
#[derive(Debug, thiserror::Error)]
pub enum WishError {
    /// Nothing names it.
    #[error("the ProviderConfig has no name")]
    NoName,
    /// The name is none that Kubernetes takes.
    #[error("{0:?} cannot be the name of a ProviderConfig: small letters, digits, dashes and dots only")]
    Name(String),
    /// The text is no ProviderConfig.
    #[error("the file is no ProviderConfig: {0}")]
    File(String),
    /// The file is of something else.
    #[error("the file is of {kind}, and a ProviderConfig is wanted")]
    Kind {
        /// What it says it is.
        kind: String,
    },
    /// File and option name different ones.
    #[error("the file is of {what} {file}, and {asked} was asked for")]
    Other {
        /// What differs.
        what: &'static str,
        /// What the file says.
        file: String,
        /// What was asked for.
        asked: String,
    },
    /// Nothing tells the platform.
    #[error("nothing tells the platform")]
    NoProvider,
    /// Settings of one platform for another.
    #[error("{option} is a setting of provider proxmox, and this is provider {provider}")]
    Settings {
        /// What was set.
        option: &'static str,
        /// The platform.
        provider: ProviderType,
    },
    /// Settings are missing.
    #[error("provider {provider} needs {}", missing.join(", "))]
    Missing {
        /// The platform.
        provider: ProviderType,
        /// The settings, as options.
        missing: Vec<&'static str>,
    },
    /// The platform's block is missing, and options cannot make it.
    #[error("provider {0} takes its settings from a file")]
    NoBlock(ProviderType),
    /// Credentials are not those of the platform.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

/// The longest name that Kubernetes takes.
const LONGEST: usize = 253;

impl Proxmox {
    /// The first setting that is named, as its option.
    fn first(&self) -> Option<&'static str> {
        let Self {
            endpoint,
            nodes,
            storage,
            image_storage,
            bridge,
            vlan,
            pool,
            template,
            vmids,
        } = self;
        let named = [
            ("--endpoint", endpoint.is_some()),
            ("--node", !nodes.is_empty()),
            ("--storage", storage.is_some()),
            ("--image-storage", image_storage.is_some()),
            ("--bridge", bridge.is_some()),
            ("--vlan", vlan.is_some()),
            ("--pool", pool.is_some()),
            ("--template-id", template.is_some()),
            ("--vmid-start", vmids.is_some()),
        ];
        named.into_iter().find_map(|(option, named)| named.then_some(option))
    }
}

impl Wish {
    /// Whether nothing is to change.
    pub fn is_empty(&self) -> bool {
        self.file.is_none()
            && self.provider.is_none()
            && self.proxmox.first().is_none()
            && self.team.is_none()
            && self.secret.is_none()
            && self.credentials.is_empty()
    }

    /// The whole ProviderConfig, with credentials that are enough for its platform.
    pub fn build(&self) -> Result<ProviderConfig, WishError> {
        let mut object = self.base()?;
        self.put_into(&mut object)?;
        complete(&object)?;
        let reference = object.spec.credentials_ref.is_some();
        let keys = credential_keys(&object.spec.provider);
        if !self.credentials.is_empty() || (!keys.is_empty() && !reference) {
            credentials::validate(&object.spec.provider, &self.credentials, true)?;
        }
        if !reference && !keys.is_empty() {
            object.spec.credentials_ref = Some(SecretRef {
                key: None,
                name: provider_credentials(&object.name_any()),
                namespace: None,
            });
        }
        Ok(object)
    }

    /// Puts what is wanted into a ProviderConfig that is there.
    pub fn change(&self, object: &mut ProviderConfig) -> Result<(), WishError> {
        if let Some(text) = &self.file {
            let file = self.read(text)?;
            object.spec = file.spec;
            let notes = object.metadata.annotations.get_or_insert_with(BTreeMap::new);
            notes.extend(file.metadata.annotations.into_iter().flatten());
        }
        self.put_into(object)?;
        complete(object)?;
        Ok(credentials::validate(&object.spec.provider, &self.credentials, false)?)
    }

    /// What the file says, or nothing but a name.
    fn base(&self) -> Result<ProviderConfig, WishError> {
        let mut object = if let Some(text) = &self.file {
            self.read(text)?
        } else {
            let provider = self.provider.clone().ok_or(WishError::NoProvider)?;
            let name = self.name.as_deref().ok_or(WishError::NoName)?;
            ProviderConfig::new(name, spec(provider))
        };
        let name = self.name.clone().or(object.metadata.name).ok_or(WishError::NoName)?;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        let ends = |c: char| c.is_ascii_alphanumeric();
        if name.len() > LONGEST || !name.chars().all(fits) || !name.starts_with(ends) || !name.ends_with(ends) {
            return Err(WishError::Name(name));
        }
        object.metadata.name = Some(name);
        let namespace = self.namespace.clone().or(object.metadata.namespace);
        object.metadata.namespace = Some(namespace.unwrap_or_else(|| SYSTEM_NAMESPACE.to_owned()));
        Ok(object)
    }

    /// The ProviderConfig of a file.
    fn read(&self, text: &str) -> Result<ProviderConfig, WishError> {
        let mut value: Value = serde_saphyr::from_str(text).map_err(|error| WishError::File(error.to_string()))?;
        let kind = value
            .get("kind")
            .and_then(Value::as_str)
            .filter(|kind| !kind.is_empty());
        if let Some(kind) = kind.filter(|kind| *kind != "ProviderConfig") {
            return Err(WishError::Kind { kind: kind.to_owned() });
        }
        if let Some(object) = value.as_object_mut() {
            object.insert("kind".to_owned(), "ProviderConfig".into());
            object
                .entry("apiVersion")
                .or_insert_with(|| "butler.butlerlabs.dev/v1alpha1".into());
            object
                .entry("metadata")
                .or_insert_with(|| Value::Object(serde_json::Map::new()));
            object.remove("status");
        }
        let object: ProviderConfig =
            serde_json::from_value(value).map_err(|error| WishError::File(error.to_string()))?;
        same("name", object.metadata.name.as_deref(), self.name.as_deref())?;
        same(
            "namespace",
            object.metadata.namespace.as_deref(),
            self.namespace.as_deref(),
        )?;
        let provider = object.spec.provider.as_str();
        same(
            "provider",
            Some(provider),
            self.provider.as_ref().map(ProviderType::as_str),
        )?;
        Ok(object)
    }

    fn put_into(&self, object: &mut ProviderConfig) -> Result<(), WishError> {
        let provider = object.spec.provider.clone();
        match (&provider, self.proxmox.first()) {
            (ProviderType::Proxmox, _) => self.put_proxmox_into(object),
            (_, Some(option)) => return Err(WishError::Settings { option, provider }),
            (_, None) => {}
        }
        if let Some(team) = &self.team {
            object.spec.scope = Some(ProviderScope {
                team_ref: Some(LocalRef { name: team.clone() }),
                r#type: Some(ProviderScopeType::Team),
            });
        }
        if let Some(name) = &self.secret {
            object.spec.credentials_ref = Some(SecretRef {
                key: None,
                name: name.clone(),
                namespace: None,
            });
        }
        Ok(())
    }

    fn put_proxmox_into(&self, object: &mut ProviderConfig) {
        let wanted = &self.proxmox;
        let block = object.spec.proxmox.get_or_insert_with(|| ProxmoxProvider {
            endpoint: String::new(),
            insecure: None,
            nodes: Vec::new(),
            storage: String::new(),
            template_id: None,
            vmid_range: None,
        });
        put(&mut block.endpoint, wanted.endpoint.as_ref());
        put(&mut block.storage, wanted.storage.as_ref());
        if !wanted.nodes.is_empty() {
            block.nodes.clone_from(&wanted.nodes);
        }
        let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        block.template_id = wanted.template.map(number).or(block.template_id);
        if let Some((start, end)) = wanted.vmids {
            block.vmid_range = Some(VmidRange {
                end: number(end),
                start: number(start),
            });
        }
        if let Some(bridge) = &wanted.bridge {
            let network = object.spec.network.get_or_insert_with(ProviderNetwork::default);
            network.subnet = Some(bridge.clone());
        }
        let notes = [
            (labels::PROXMOX_IMAGE_STORAGE, wanted.image_storage.clone()),
            (labels::PROXMOX_VLAN, wanted.vlan.map(|vlan| vlan.to_string())),
            (labels::PROXMOX_POOL, wanted.pool.clone()),
        ];
        for (key, value) in notes {
            if let Some(value) = value {
                object.annotations_mut().insert(key.to_owned(), value);
            }
        }
    }
}

fn put(place: &mut String, value: Option<&String>) {
    if let Some(value) = value {
        place.clone_from(value);
    }
}

fn same(what: &'static str, file: Option<&str>, asked: Option<&str>) -> Result<(), WishError> {
    match (file.filter(|text| !text.is_empty()), asked) {
        (Some(file), Some(asked)) if file != asked => Err(WishError::Other {
            what,
            file: file.to_owned(),
            asked: asked.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Refuses what the schema lets through and no operator can use: a platform without its block.
fn complete(object: &ProviderConfig) -> Result<(), WishError> {
    let spec = &object.spec;
    let has_block = match &spec.provider {
        ProviderType::Proxmox => return complete_proxmox(spec),
        ProviderType::Harvester => spec.harvester.is_some(),
        ProviderType::Nutanix => spec.nutanix.is_some(),
        ProviderType::Aws => spec.aws.is_some(),
        ProviderType::Azure => spec.azure.is_some(),
        ProviderType::Gcp => spec.gcp.is_some(),
        ProviderType::Local | ProviderType::InMemory | ProviderType::Static | ProviderType::Other(_) => true,
    };
    if has_block {
        return Ok(());
    }
    Err(WishError::NoBlock(spec.provider.clone()))
}

fn complete_proxmox(spec: &ProviderConfigSpec) -> Result<(), WishError> {
    let block = spec.proxmox.as_ref();
    let lacks = |is_there: fn(&ProxmoxProvider) -> bool| !block.is_some_and(is_there);
    let missing: Vec<&str> = [
        ("--endpoint", lacks(|block| !block.endpoint.is_empty())),
        ("--node", lacks(|block| !block.nodes.is_empty())),
        ("--storage", lacks(|block| !block.storage.is_empty())),
    ]
    .into_iter()
    .filter_map(|(option, lacks)| lacks.then_some(option))
    .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(WishError::Missing {
        provider: spec.provider.clone(),
        missing,
    })
}

/// Nothing but the platform.
fn spec(provider: ProviderType) -> ProviderConfigSpec {
    ProviderConfigSpec {
        aws: None,
        azure: None,
        credentials_ref: None,
        gcp: None,
        harvester: None,
        limits: None,
        local: None,
        network: None,
        nutanix: None,
        provider,
        proxmox: None,
        scope: None,
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use serde_json::json;

    use super::*;

    fn values(keys: &[&str]) -> Values {
        keys.iter()
            .map(|key| ((*key).to_owned(), SecretString::from("x")))
            .collect()
    }

    fn proxmox() -> Wish {
        Wish {
            name: Some("lab".into()),
            provider: Some(ProviderType::Proxmox),
            proxmox: Proxmox {
                endpoint: Some("https://pve:8006".into()),
                nodes: vec!["pve1".into()],
                storage: Some("local-lvm".into()),
                ..Proxmox::default()
            },
            credentials: values(&["username", "password"]),
            ..Wish::default()
        }
    }

    fn refused(wish: &Wish) -> String {
        wish.build().unwrap_err().to_string()
    }

    #[test]
    fn options_make_a_whole_object() {
        let mut wish = proxmox();
        wish.proxmox.bridge = Some("vmbr1".into());
        wish.proxmox.vlan = Some(20);
        wish.proxmox.vmids = Some((200, 299));
        wish.team = Some("alpha".into());
        let object = serde_json::to_value(wish.build().unwrap()).unwrap();
        assert_eq!(
            object,
            json!({
                "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "ProviderConfig",
                "metadata": {
                    "name": "lab", "namespace": "butler-system",
                    "annotations": {"butler.butlerlabs.dev/proxmox-vlan": "20"},
                },
                "spec": {
                    "provider": "proxmox", "credentialsRef": {"name": "lab-credentials"},
                    "proxmox": {
                        "endpoint": "https://pve:8006", "nodes": ["pve1"], "storage": "local-lvm",
                        "vmidRange": {"start": 200, "end": 299},
                    },
                    "network": {"subnet": "vmbr1"},
                    "scope": {"type": "team", "teamRef": {"name": "alpha"}},
                },
            })
        );
    }

    #[test]
    fn a_file_is_changed_by_options_and_keeps_its_namespace() {
        let text = "kind: ProviderConfig\nmetadata: {name: lab, namespace: mine}\nspec:\n  provider: proxmox\n  \
                    credentialsRef: {name: own}\n  proxmox: {endpoint: 'https://a', nodes: [a], storage: s, insecure: true}\n";
        let wish = Wish {
            file: Some(text.into()),
            proxmox: Proxmox {
                storage: Some("t".into()),
                ..Proxmox::default()
            },
            ..Wish::default()
        };
        let object = wish.build().unwrap();
        let block = object.spec.proxmox.as_ref().unwrap();
        assert_eq!(
            (
                object.namespace().as_deref(),
                block.storage.as_str(),
                block.endpoint.as_str()
            ),
            (Some("mine"), "t", "https://a")
        );
        assert_eq!(object.spec.credentials_ref.unwrap().name, "own");
    }

    #[test]
    fn what_no_operator_could_use_is_refused() {
        let with = |change: fn(&mut Wish)| {
            let mut wish = proxmox();
            change(&mut wish);
            refused(&wish)
        };
        assert_eq!(with(|wish| wish.proxmox.nodes.clear()), "provider proxmox needs --node");
        assert_eq!(
            with(|wish| wish.name = Some("Lab".into())),
            r#""Lab" cannot be the name of a ProviderConfig: small letters, digits, dashes and dots only"#
        );
        assert_eq!(
            with(|wish| wish.credentials = values(&["username"])),
            "provider proxmox needs the credentials password"
        );
        assert_eq!(with(|wish| wish.provider = None), "nothing tells the platform");
        assert_eq!(
            with(|wish| wish.provider = Some(ProviderType::Nutanix)),
            "--endpoint is a setting of provider proxmox, and this is provider nutanix"
        );
        let nutanix = |wish: &mut Wish| {
            wish.provider = Some(ProviderType::Nutanix);
            wish.proxmox = Proxmox::default();
        };
        assert_eq!(with(nutanix), "provider nutanix takes its settings from a file");
        assert_eq!(
            with(|wish| wish.file = Some("kind: Team".into())),
            "the file is of Team, and a ProviderConfig is wanted"
        );
        let other = with(|wish| {
            wish.file = Some("metadata: {name: b}\nspec: {provider: local}".into());
        });
        assert_eq!(other, "the file is of name b, and lab was asked for");
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let mut object = proxmox().build().unwrap();
        let wish = Wish {
            proxmox: Proxmox {
                nodes: vec!["pve2".into(), "pve3".into()],
                ..Proxmox::default()
            },
            ..Wish::default()
        };
        assert!(!wish.is_empty() && Wish::default().is_empty());
        wish.change(&mut object).unwrap();
        let block = object.spec.proxmox.unwrap();
        assert_eq!(
            (block.nodes, block.storage.as_str()),
            (vec!["pve2".to_owned(), "pve3".to_owned()], "local-lvm")
        );
    }
}
