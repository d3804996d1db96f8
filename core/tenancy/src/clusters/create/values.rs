//! Values of a new cluster, read from what people write.

use std::fmt;

use butler_api::config::IpRange;
use butler_api::quantity::Amount;
use butler_api::tenants::{CONTROL_PLANES, LEAST_DISK, LEAST_MEMORY, MOST_CPU};
use butler_api::v1alpha1::tenant_cluster::{OsType, ServiceType};
use butler_api::v1alpha1::wire::Quantity;

/// A value that cannot be used, and what would be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} {reason}")]
pub struct BadValue {
    text: String,
    reason: String,
}

fn bad(text: &str, reason: impl Into<String>) -> BadValue {
    BadValue {
        text: text.to_owned(),
        reason: reason.into(),
    }
}

/// Reads a number of processor cores.
pub fn cpu(text: &str) -> Result<i32, BadValue> {
    let number = text.parse().ok().filter(|number| (1..=MOST_CPU).contains(number));
    number.ok_or_else(|| bad(text, format!("is no number of cores from 1 to {MOST_CPU}")))
}

/// Reads a size of memory.
pub fn memory(text: &str) -> Result<Quantity, BadValue> {
    size(text, LEAST_MEMORY)
}

/// Reads a size of memory; a number alone is one of GiB, unless it is one of bytes that is enough.
pub fn memory_in_gibibytes(text: &str) -> Result<Quantity, BadValue> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    memory(text).or_else(|error| {
        if is_number {
            memory(&format!("{text}Gi"))
        } else {
            Err(error)
        }
    })
}

/// Reads a size of a disk.
pub fn disk(text: &str) -> Result<Quantity, BadValue> {
    size(text, LEAST_DISK)
}

fn size(text: &str, least: &str) -> Result<Quantity, BadValue> {
    let amount = Amount::parse(text).map_err(|_| bad(text, format!("is no size such as {least}")))?;
    let enough = Amount::parse(least).is_ok_and(|least| amount >= least);
    if !enough {
        return Err(bad(text, format!("is too little: at least {least}")));
    }
    Ok(Quantity(text.to_owned()))
}

/// Reads an amount of processor time or memory of a component.
pub fn amount(text: &str) -> Result<Quantity, BadValue> {
    let amount = Amount::parse(text).map_err(|_| bad(text, "is no amount such as 500m or 1Gi"))?;
    if amount > Amount::ZERO {
        return Ok(Quantity(text.to_owned()));
    }
    Err(bad(text, "is not more than nothing"))
}

/// Reads the addresses of load balancers.
pub fn pool(text: &str) -> Result<IpRange, BadValue> {
    IpRange::parse(text).ok_or_else(|| bad(text, "is neither an IPv4 address nor a range FIRST-LAST of them"))
}

/// Reads a number of copies of the control plane.
pub fn control_planes(text: &str) -> Result<i32, BadValue> {
    let number = text.parse().ok().filter(|number| CONTROL_PLANES.contains(number));
    let [one, three] = CONTROL_PLANES;
    number.ok_or_else(|| bad(text, format!("is no number of control planes: {one} or {three}")))
}

/// Reads an operating system.
pub fn os(text: &str) -> Result<OsType, BadValue> {
    known(text, OsType::KNOWN, OsType::as_str)
}

/// Reads how an API server is reached.
pub fn exposure(text: &str) -> Result<ServiceType, BadValue> {
    known(text, ServiceType::KNOWN, ServiceType::as_str)
}

fn known<T: Clone>(text: &str, all: &[T], word: fn(&T) -> &str) -> Result<T, BadValue> {
    let found = all.iter().find(|one| word(one).eq_ignore_ascii_case(text));
    found.cloned().ok_or_else(|| {
        let words: Vec<&str> = all.iter().map(word).collect();
        bad(text, format!("is none of {}", words.join(", ")))
    })
}

/// Reads a label.
pub fn label(text: &str) -> Result<(String, String), BadValue> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(bad(text, "is no label KEY=VALUE")),
    }
}

/// What an addon of a new cluster does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The network of pods.
    Network,
    /// Certificates.
    Certificates,
    /// Addresses for services.
    LoadBalancer,
    /// Persistent volumes.
    Storage,
    /// The way in for HTTP.
    Ingress,
    /// What keeps the cluster as a repository has it.
    GitOps,
}

/// The addons that a cluster can begin with: name, purpose, and the version that the platform has built in.
const INITIAL: [(&str, Purpose, Option<&str>); 9] = [
    ("cilium", Purpose::Network, Some("1.17.0")),
    ("cert-manager", Purpose::Certificates, Some("v1.16.2")),
    ("metallb", Purpose::LoadBalancer, Some("0.14.9")),
    ("longhorn", Purpose::Storage, Some("1.7.2")),
    ("linstor", Purpose::Storage, None),
    ("traefik", Purpose::Ingress, Some("34.3.0")),
    ("nginx", Purpose::Ingress, None),
    ("fluxcd", Purpose::GitOps, None),
    ("argocd", Purpose::GitOps, None),
];

/// An addon that a cluster begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitialAddon {
    /// Its name.
    pub name: &'static str,
    /// What it does: one of a purpose is enough.
    pub purpose: Purpose,
    /// The version; only some purposes can do without.
    pub version: Option<String>,
}

impl fmt::Display for InitialAddon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}@{version}", self.name),
            None => f.write_str(self.name),
        }
    }
}

/// Reads an addon and its version: `NAME[@VERSION]`.
pub fn addon(text: &str) -> Result<InitialAddon, BadValue> {
    let (name, version) = match text.split_once('@') {
        Some((name, version)) => (name, Some(version.to_owned())),
        None => (text, None),
    };
    let found = INITIAL.iter().find(|(known, ..)| *known == name);
    let Some((name, purpose, built_in)) = found else {
        let names: Vec<&str> = INITIAL.iter().map(|(name, ..)| *name).collect();
        return Err(bad(
            text,
            format!("is none of {}; others come after: addon enable", names.join(", ")),
        ));
    };
    let version = version
        .filter(|version| !version.is_empty())
        .or_else(|| built_in.map(str::to_owned));
    let optional = matches!(purpose, Purpose::Ingress | Purpose::GitOps);
    if version.is_none() && !optional {
        return Err(bad(text, format!("needs a version: {name}@VERSION")));
    }
    Ok(InitialAddon {
        name,
        purpose: *purpose,
        version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words<T: std::fmt::Debug>(result: Result<T, BadValue>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn sizes_are_whole_quantities_and_not_too_small() {
        assert_eq!(memory("8Gi"), Ok(Quantity::from("8Gi")));
        assert_eq!(memory("2048Mi"), Ok(Quantity::from("2048Mi")));
        assert_eq!(words(memory("8Gifoo")), r#""8Gifoo" is no size such as 2Gi"#);
        assert_eq!(words(memory("8")), r#""8" is too little: at least 2Gi"#);
        assert_eq!(memory_in_gibibytes("16"), Ok(Quantity::from("16Gi")));
        assert_eq!(memory_in_gibibytes("4294967296"), Ok(Quantity::from("4294967296")));
        assert_eq!(words(memory_in_gibibytes("1")), r#""1Gi" is too little: at least 2Gi"#);
        assert_eq!(words(memory_in_gibibytes("many")), r#""many" is no size such as 2Gi"#);
        assert_eq!(words(disk("19Gi")), r#""19Gi" is too little: at least 20Gi"#);
        assert_eq!(words(amount("-1")), r#""-1" is not more than nothing"#);
    }

    #[test]
    fn addresses_are_addresses_in_order() {
        assert_eq!(pool("10.0.0.9").unwrap(), pool("10.0.0.9-10.0.0.9").unwrap());
        for wrong in [
            "10abc",
            "10.0.0.9-10.0.0.1",
            "10.0.0",
            "10.0.0.1-",
            "10.0.0.1 - 10.0.0.2",
            "::1",
            "10.0.0.01",
        ] {
            assert!(pool(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addons_come_in_the_version_that_is_named_or_built_in() {
        let shown = |text: &str| addon(text).map(|addon| addon.to_string());
        assert_eq!(shown("longhorn").as_deref(), Ok("longhorn@1.7.2"));
        assert_eq!(shown("longhorn@1.8.0").as_deref(), Ok("longhorn@1.8.0"));
        assert_eq!(shown("nginx").as_deref(), Ok("nginx"));
        assert_eq!(words(addon("linstor")), r#""linstor" needs a version: linstor@VERSION"#);
        assert!(words(addon("redis")).contains("others come after: addon enable"));
    }
}
