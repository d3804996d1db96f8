//! From the words of a bootstrap configuration to those of the API.

use crate::{
    config,
    v1alpha1::{
        butler_config::MultiTenancyMode,
        network_pool::{NetworkPoolSpec, ReservedRange, TenantAllocation},
        shared::{Exposure, ExposureMode, MachineRole, ProviderType},
    },
};

impl From<config::ProviderKind> for ProviderType {
    fn from(kind: config::ProviderKind) -> Self {
        Self::from(kind.as_str())
    }
}

impl From<config::Role> for MachineRole {
    fn from(role: config::Role) -> Self {
        Self::from(role.as_str())
    }
}

impl MachineRole {
    /// The role, if it is one that this version knows.
    pub fn known(&self) -> Option<config::Role> {
        match self {
            Self::ControlPlane => Some(config::Role::ControlPlane),
            Self::Worker => Some(config::Role::Worker),
            Self::Other(_) => None,
        }
    }
}

impl From<config::MultiTenancyMode> for MultiTenancyMode {
    fn from(mode: config::MultiTenancyMode) -> Self {
        match mode {
            config::MultiTenancyMode::Optional => Self::Optional,
            config::MultiTenancyMode::Enforced => Self::Enforced,
            config::MultiTenancyMode::Disabled => Self::Disabled,
        }
    }
}

impl From<&config::Exposure> for Exposure {
    fn from(exposure: &config::Exposure) -> Self {
        match exposure {
            config::Exposure::LoadBalancer => Self {
                mode: Some(ExposureMode::LoadBalancer),
                ..Self::default()
            },
            config::Exposure::Ingress {
                hostname,
                ingress_class_name,
                controller_type,
            } => Self {
                mode: Some(ExposureMode::Ingress),
                hostname: Some(hostname.clone()),
                ingress_class_name: ingress_class_name.clone(),
                controller_type: controller_type.as_deref().map(Into::into),
                gateway_ref: None,
            },
            config::Exposure::Gateway { hostname, gateway_ref } => Self {
                mode: Some(ExposureMode::Gateway),
                hostname: Some(hostname.clone()),
                gateway_ref: Some(gateway_ref.clone()),
                ..Self::default()
            },
        }
    }
}

impl From<&config::NetworkPoolSettings> for NetworkPoolSpec {
    fn from(settings: &config::NetworkPoolSettings) -> Self {
        let config::NetworkPoolSettings {
            cidr,
            reserved,
            tenant_allocation,
        } = settings;
        let reserved = reserved.iter().map(|part| ReservedRange {
            cidr: part.cidr.to_string(),
            description: part.description.clone(),
        });
        Self {
            cidr: cidr.to_string(),
            reserved: reserved.collect(),
            tenant_allocation: tenant_allocation.as_ref().map(|tenants| TenantAllocation {
                defaults: tenants.defaults.clone(),
                start: tenants.range.map(|range| range.start.to_string()),
                end: tenants.range.map(|range| range.end.to_string()),
                ranges: Vec::new(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_of_the_configuration_is_one_of_the_api() {
        use config::ProviderKind as Kind;
        for kind in [
            Kind::Harvester,
            Kind::Nutanix,
            Kind::Proxmox,
            Kind::Gcp,
            Kind::Aws,
            Kind::Azure,
            Kind::Local,
            Kind::InMemory,
            Kind::Static,
        ] {
            let provider = ProviderType::from(kind);
            assert!(ProviderType::KNOWN.contains(&provider), "{provider}");
        }
        assert_eq!(MachineRole::from(config::Role::ControlPlane), MachineRole::ControlPlane);
        assert_eq!(MachineRole::from(config::Role::Worker), MachineRole::Worker);
        assert_eq!(MachineRole::Worker.known(), Some(config::Role::Worker));
        assert_eq!(MachineRole::from("arbiter").known(), None);
    }
}
