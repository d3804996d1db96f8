//! From a ProviderConfig and the Secret with its credentials back to the settings of a platform: the reverse of what a
//! bootstrap records.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::{
    config::{self, ConfigDelivery, HttpUrl, SecretSource},
    labels,
    names::{CredentialKey, credential_keys},
    v1alpha1::{
        ProviderConfig,
        provider_config::{
            AwsProvider, AzureProvider, GcpProvider, HarvesterProvider, NutanixProvider, ProxmoxProvider,
        },
        shared::ProviderType,
    },
};

pub use crate::config::USUAL_BRIDGE as DEFAULT_BRIDGE;

/// Why a ProviderConfig does not say what its platform needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The block of its platform is not there.
    #[error("spec.{0} is missing")]
    Block(String),
    /// A setting is not what it has to be.
    #[error("{field} is {value:?}: {reason}")]
    Value {
        /// The setting.
        field: String,
        /// What it says.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The Secret lacks what the platform asks for.
    #[error("the credentials have no {}", keys.join(", and no "))]
    Credentials {
        /// The keys that are not there.
        keys: Vec<&'static str>,
    },
    /// A value of the Secret is no text.
    #[error("{key} of the credentials is no UTF-8 text")]
    NotText {
        /// The key of the value.
        key: &'static str,
    },
    /// A ProviderConfig does not hold what this platform needs.
    #[error("a ProviderConfig does not hold the machines of provider static")]
    NoMachines,
    /// This version does not know the platform.
    #[error("provider {0} is not known to this version")]
    Unknown(String),
}

/// The values of a Secret with credentials, by their key.
struct Credentials<'a, V>(&'a ProviderType, &'a BTreeMap<String, V>);

impl<V: AsRef<[u8]>> Credentials<'_, V> {
    fn key(&self, name: &str) -> Option<&'static CredentialKey> {
        credential_keys(self.0).iter().find(|key| key.name == name)
    }

    /// A value, under whichever spelling it is there.
    fn text(&self, name: &str) -> Result<Option<String>, SettingsError> {
        let Some(key) = self.key(name) else { return Ok(None) };
        let Some(value) = key.find(self.1) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(value.as_ref()).map_err(|_| SettingsError::NotText { key: key.name })?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn optional(&self, name: &str) -> Result<Option<SecretSource>, SettingsError> {
        let text = self.text(name)?;
        Ok(text.map(|text| SecretSource::Clear(SecretString::from(text))))
    }

    /// A value whose absence was refused before.
    fn needed(&self, name: &'static str) -> Result<SecretSource, SettingsError> {
        let found = self.optional(name)?;
        found.ok_or(SettingsError::Credentials { keys: vec![name] })
    }

    fn refuse_missing(&self) -> Result<(), SettingsError> {
        let needed = credential_keys(self.0).iter().filter(|key| key.required);
        let keys: Vec<&str> = needed
            .filter(|key| key.find(self.1).is_none())
            .map(|key| key.name)
            .collect();
        if keys.is_empty() {
            return Ok(());
        }
        Err(SettingsError::Credentials { keys })
    }
}

/// The settings of a ProviderConfig's platform. `credentials` is the data of its Secret; every key is read under all the
/// names that programs write it under.
pub fn provider_settings<V: AsRef<[u8]>>(
    object: &ProviderConfig,
    credentials: &BTreeMap<String, V>,
) -> Result<config::Provider, SettingsError> {
    let spec = &object.spec;
    let block = || SettingsError::Block(spec.provider.as_str().to_owned());
    let credentials = Credentials(&spec.provider, credentials);
    credentials.refuse_missing()?;
    Ok(match &spec.provider {
        ProviderType::Proxmox => {
            let settings = spec.proxmox.as_ref().ok_or_else(block)?;
            config::Provider::Proxmox(proxmox(object, settings, &credentials)?)
        }
        ProviderType::Harvester => {
            let settings = spec.harvester.as_ref().ok_or_else(block)?;
            config::Provider::Harvester(harvester(settings, &credentials)?)
        }
        ProviderType::Nutanix => {
            let settings = spec.nutanix.as_ref().ok_or_else(block)?;
            config::Provider::Nutanix(nutanix(settings, &credentials)?)
        }
        ProviderType::Gcp => {
            let settings = spec.gcp.as_ref().ok_or_else(block)?;
            config::Provider::Gcp(gcp(settings, &credentials)?)
        }
        ProviderType::Aws => {
            let settings = spec.aws.as_ref().ok_or_else(block)?;
            config::Provider::Aws(aws(settings, &credentials)?)
        }
        ProviderType::Azure => {
            let settings = spec.azure.as_ref().ok_or_else(block)?;
            config::Provider::Azure(azure(settings, &credentials)?)
        }
        ProviderType::Local => config::Provider::Local,
        ProviderType::InMemory => config::Provider::InMemory(config::InMemory::default()),
        ProviderType::Static => return Err(SettingsError::NoMachines),
        ProviderType::Other(word) => return Err(SettingsError::Unknown(word.clone())),
    })
}

/// What settings of Proxmox VE that a ProviderConfig has no field for are written as: annotations on it.
pub fn annotations(settings: &config::Proxmox) -> BTreeMap<String, String> {
    let delivery = Some("cidata".to_owned()).filter(|_| settings.config_delivery == ConfigDelivery::Cidata);
    let entries = [
        (labels::PROXMOX_IMAGE_STORAGE, settings.image_storage.clone()),
        (labels::PROXMOX_VLAN, settings.vlan.map(|vlan| vlan.to_string())),
        (labels::PROXMOX_POOL, settings.pool.clone()),
        (labels::PROXMOX_CONFIG_DELIVERY, delivery),
    ];
    let entries = entries.into_iter();
    entries
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}

fn proxmox<V: AsRef<[u8]>>(
    object: &ProviderConfig,
    settings: &ProxmoxProvider,
    credentials: &Credentials<'_, V>,
) -> Result<config::Proxmox, SettingsError> {
    let note = |key: &str| {
        object
            .metadata
            .annotations
            .as_ref()?
            .get(key)
            .filter(|text| !text.is_empty())
    };
    let network = object.spec.network.as_ref();
    let bridge = network
        .and_then(|network| network.subnet.clone())
        .filter(|name| !name.is_empty());
    let vlan = note(labels::PROXMOX_VLAN);
    let vlan = vlan.map(|text| {
        let number = text.parse().ok().filter(|number| (1..=4094).contains(number));
        number.ok_or_else(|| value(labels::PROXMOX_VLAN, text, "a VLAN is a number from 1 to 4094"))
    });
    let range = settings.vmid_range.as_ref().map(|range| {
        Ok(config::VmidRange {
            start: number("spec.proxmox.vmidRange.start", range.start)?,
            end: number("spec.proxmox.vmidRange.end", range.end)?,
        })
    });
    let range = range.transpose()?;
    if let Some(range) = range.filter(|range| range.start > range.end) {
        let start = range.start.to_string();
        return Err(value(
            "spec.proxmox.vmidRange.start",
            &start,
            "it is behind the end of the range",
        ));
    }
    let template = settings.template_id.map(|id| number("spec.proxmox.templateID", id));
    Ok(config::Proxmox {
        endpoint: url("spec.proxmox.endpoint", &settings.endpoint)?,
        nodes: settings.nodes.clone(),
        insecure: settings.insecure == Some(true),
        username: Some(credentials.needed("username")?),
        password: Some(credentials.needed("password")?),
        ca: credentials.text("ca.pem")?,
        fingerprint: credentials.text("fingerprint")?,
        storage: settings.storage.clone(),
        image_storage: note(labels::PROXMOX_IMAGE_STORAGE).cloned(),
        bridge: bridge.unwrap_or_else(|| DEFAULT_BRIDGE.to_owned()),
        vlan: vlan.transpose()?,
        pool: note(labels::PROXMOX_POOL).cloned(),
        config_delivery: match note(labels::PROXMOX_CONFIG_DELIVERY).map(String::as_str) {
            Some("cidata") => ConfigDelivery::Cidata,
            _ => ConfigDelivery::Maintenance,
        },
        template_id: template.transpose()?,
        vmid_range: range,
        host_aliases: Vec::new(),
    })
}

fn harvester<V: AsRef<[u8]>>(
    settings: &HarvesterProvider,
    credentials: &Credentials<'_, V>,
) -> Result<config::Harvester, SettingsError> {
    Ok(config::Harvester {
        kubeconfig: credentials.needed("kubeconfig")?,
        namespace: settings.namespace.clone().unwrap_or_else(|| "default".to_owned()),
        network_name: settings.network_name.clone(),
        image_name: settings.image_name.clone(),
    })
}

fn nutanix<V: AsRef<[u8]>>(
    settings: &NutanixProvider,
    credentials: &Credentials<'_, V>,
) -> Result<config::Nutanix, SettingsError> {
    let port = settings.port.unwrap_or(9440);
    let port = u16::try_from(port).map_err(|_| value("spec.nutanix.port", &port.to_string(), "it is no port"))?;
    Ok(config::Nutanix {
        endpoint: url("spec.nutanix.endpoint", &settings.endpoint)?,
        port,
        insecure: settings.insecure == Some(true),
        username: credentials.needed("username")?,
        password: credentials.needed("password")?,
        cluster_uuid: settings.cluster_uuid.clone(),
        subnet_uuid: settings.subnet_uuid.clone(),
        image_uuid: settings.image_uuid.clone(),
        storage_container_uuid: settings.storage_container_uuid.clone(),
        host_aliases: Vec::new(),
    })
}

fn gcp<V: AsRef<[u8]>>(settings: &GcpProvider, credentials: &Credentials<'_, V>) -> Result<config::Gcp, SettingsError> {
    Ok(config::Gcp {
        service_account_key: credentials.needed("serviceAccountKey")?,
        project_id: settings.project_id.clone(),
        region: settings.region.clone(),
        network: settings.network.clone().unwrap_or_else(|| "default".to_owned()),
        zone: settings
            .zone
            .clone()
            .unwrap_or_else(|| format!("{}-a", settings.region)),
        subnetwork: settings.subnetwork.clone(),
        machine_type: settings.machine_type.clone(),
        image_project: settings.image_project.clone(),
        image_family: settings.image_family.clone(),
        image: settings.image.clone(),
    })
}

fn aws<V: AsRef<[u8]>>(settings: &AwsProvider, credentials: &Credentials<'_, V>) -> Result<config::Aws, SettingsError> {
    Ok(config::Aws {
        access_key_id: credentials.needed("accessKeyID")?,
        secret_access_key: credentials.needed("secretAccessKey")?,
        region: settings.region.clone(),
        vpc_id: settings.vpc_id.clone(),
        subnet_id: settings.subnet_ids.first().cloned(),
        security_group_id: settings.security_group_ids.first().cloned(),
        instance_type: None,
        ami: None,
    })
}

fn azure<V: AsRef<[u8]>>(
    settings: &AzureProvider,
    credentials: &Credentials<'_, V>,
) -> Result<config::Azure, SettingsError> {
    Ok(config::Azure {
        client_id: credentials.needed("clientID")?,
        client_secret: credentials.needed("clientSecret")?,
        tenant_id: credentials.needed("tenantID")?,
        subscription_id: settings.subscription_id.clone(),
        resource_group: settings.resource_group.clone(),
        location: settings
            .location
            .clone()
            .ok_or_else(|| value("spec.azure.location", "", "every machine needs one"))?,
        vnet_name: settings.vnet_name.clone(),
        subnet_name: settings.subnet_name.clone(),
        security_group_name: credentials.text("securityGroupName")?,
        vm_size: settings.vm_size.clone(),
        image_urn: settings.image_urn.clone(),
    })
}

fn url(field: &str, text: &str) -> Result<HttpUrl, SettingsError> {
    HttpUrl::parse(text).ok_or_else(|| value(field, text, "it is no URL such as https://HOST:PORT"))
}

fn number(field: &str, number: i32) -> Result<u32, SettingsError> {
    u32::try_from(number).map_err(|_| value(field, &number.to_string(), "it is below zero"))
}

fn value(field: &str, value: &str, reason: &'static str) -> SettingsError {
    SettingsError::Value {
        field: field.to_owned(),
        value: value.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use serde_json::{Value, json};

    use super::*;
    use crate::v1alpha1::provider_config::ProviderConfigSpec;

    fn object(spec: Value) -> ProviderConfig {
        ProviderConfig::new("lab", serde_json::from_value(spec).unwrap())
    }

    fn credentials(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        let entries = entries.iter();
        entries
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn secret(source: Option<&SecretSource>) -> &str {
        match source {
            Some(SecretSource::Clear(text)) => text.expose_secret(),
            other => panic!("no clear text: {other:?}"),
        }
    }

    const LOGIN: [(&str, &str); 2] = [("username", "butler@pve!toolkit"), ("password", "secret")];

    /// The credentials that the canonical configurations name a source of.
    fn of(kind: &str) -> BTreeMap<String, String> {
        credentials(match kind {
            "harvester" => &[("kubeconfig", "k")],
            "gcp" => &[("serviceAccountKey", "{}")],
            "aws" => &[("accessKeyID", "a"), ("secretAccessKey", "s")],
            "azure" => &[("clientID", "c"), ("clientSecret", "s"), ("tenantID", "t")],
            _ => &LOGIN,
        })
    }

    #[test]
    fn what_a_bootstrap_records_comes_back_as_the_settings_that_it_was_made_from() {
        for text in [
            include_str!("../../tests/canonical/harvester_kind.yaml"),
            include_str!("../../tests/canonical/nutanix_all.yaml"),
            include_str!("../../tests/canonical/proxmox_all.yaml"),
            include_str!("../../tests/canonical/aws_all.yaml"),
            include_str!("../../tests/canonical/azure_all.yaml"),
            include_str!("../../tests/canonical/gcp_all.yaml"),
            include_str!("../../tests/canonical/local.yaml"),
        ] {
            let config = config::load(text, "butler.yaml")
                .unwrap_or_else(|errors| panic!("{errors}"))
                .config;
            let recorded = ProviderConfigSpec::from(&config);
            let mut object = ProviderConfig::new("lab", recorded.clone());
            if let config::Provider::Proxmox(settings) = &config.provider {
                object.metadata.annotations = Some(annotations(settings));
            }
            let kind = config.provider_kind();
            let settings = provider_settings(&object, &of(kind.as_str())).unwrap_or_else(|e| panic!("{kind}: {e}"));
            let again = config::BootstrapConfig {
                provider: settings,
                ..config
            };
            assert_eq!(ProviderConfigSpec::from(&again), recorded, "{kind}");
        }
    }

    #[test]
    fn settings_without_a_field_are_annotations_and_the_bridge_is_the_network() {
        let mut object = object(json!({
            "provider": "proxmox",
            "proxmox": {"endpoint": "https://pve:8006", "nodes": ["a"], "storage": "s"},
            "network": {"subnet": "vmbr7"},
        }));
        let entries = credentials(&[LOGIN[0], LOGIN[1], ("ca.pem", "PEM"), ("fingerprint", "AB:CD\n")]);
        let config::Provider::Proxmox(mut settings) = provider_settings(&object, &entries).unwrap() else {
            panic!("it is Proxmox VE")
        };
        assert_eq!(
            (settings.bridge.as_str(), settings.vlan, settings.pool.as_deref()),
            ("vmbr7", None, None)
        );
        assert_eq!(
            (settings.ca.as_deref(), settings.fingerprint.as_deref()),
            (Some("PEM"), Some("AB:CD"))
        );
        settings.image_storage = Some("nfs".into());
        settings.vlan = Some(20);
        settings.pool = Some("lab".into());
        settings.config_delivery = ConfigDelivery::Cidata;
        object.metadata.annotations = Some(annotations(&settings));
        let config::Provider::Proxmox(again) = provider_settings(&object, &entries).unwrap() else {
            panic!("it is Proxmox VE")
        };
        assert_eq!(annotations(&again), annotations(&settings));
        assert_eq!(again.vlan, Some(20));
    }

    #[test]
    fn credentials_are_read_under_every_name_that_programs_write() {
        let spec = json!({
            "provider": "proxmox", "proxmox": {"endpoint": "https://pve:8006", "nodes": ["a"], "storage": "s"},
        });
        for keys in [
            ["username", "password"],
            ["tokenId", "tokenSecret"],
            ["PROXMOX_TOKEN_ID", "PROXMOX_TOKEN_SECRET"],
        ] {
            let entries = credentials(&[(keys[0], "butler@pve!toolkit"), (keys[1], "secret\n")]);
            let settings = provider_settings(&object(spec.clone()), &entries).unwrap();
            let config::Provider::Proxmox(settings) = settings else {
                panic!("it is Proxmox VE")
            };
            assert_eq!(secret(settings.username.as_ref()), "butler@pve!toolkit");
            assert_eq!(
                secret(settings.password.as_ref()),
                "secret",
                "a line's end is no part of it"
            );
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let told = |spec: Value, entries: &[(&str, &str)]| {
            provider_settings(&object(spec), &credentials(entries))
                .unwrap_err()
                .to_string()
        };
        let good = json!({"endpoint": "https://pve:8006", "nodes": ["a"], "storage": "s"});
        let with = |key: &str, value: Value| {
            let mut block = good.clone();
            block[key] = value;
            json!({"provider": "proxmox", "proxmox": block})
        };
        assert_eq!(told(json!({"provider": "proxmox"}), &LOGIN), "spec.proxmox is missing");
        assert_eq!(
            told(with("storage", json!("s")), &[]),
            "the credentials have no username, and no password"
        );
        assert_eq!(
            told(with("endpoint", json!("pve:8006")), &LOGIN),
            r#"spec.proxmox.endpoint is "pve:8006": it is no URL such as https://HOST:PORT"#
        );
        assert_eq!(
            told(with("vmidRange", json!({"start": 300, "end": 200})), &LOGIN),
            r#"spec.proxmox.vmidRange.start is "300": it is behind the end of the range"#
        );
        assert_eq!(
            told(with("templateID", json!(-1)), &LOGIN),
            r#"spec.proxmox.templateID is "-1": it is below zero"#
        );
        assert_eq!(
            told(json!({"provider": "static"}), &[]),
            "a ProviderConfig does not hold the machines of provider static"
        );
        assert_eq!(
            told(json!({"provider": "vsphere"}), &[]),
            "provider vsphere is not known to this version"
        );
    }
}
