//! What a provider is to be, on the command line.

use std::path::PathBuf;

use butler_api::v1alpha1::shared::ProviderType;
use butler_files::{home, read};
use butler_tenancy::providers::credentials::Values;
use butler_tenancy::providers::wish::{Proxmox, Wish};
use butler_terminal::{Exit, Failure};

use crate::failure;

/// The largest file with a ProviderConfig, in bytes.
const LARGEST: u64 = 1 << 20;

/// Where a provider is described, and settings that are put in place of those of the file.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct SettingsArgs {
    /// File with a ProviderConfig, YAML or JSON; - is standard input
    #[arg(long, value_name = "FILE")]
    pub from_file: Option<PathBuf>,
    /// Only this team may use it
    #[arg(long, value_name = "TEAM")]
    pub team: Option<String>,
    /// Settings of Proxmox VE.
    #[command(flatten)]
    pub proxmox: ProxmoxArgs,
}

/// Settings of Proxmox VE.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Settings of proxmox")]
pub struct ProxmoxArgs {
    /// URL of the API (https://HOST:8006)
    #[arg(long, value_name = "ADDRESS")]
    pub endpoint: Option<String>,
    /// Node that carries machines; several, or separated by commas
    #[arg(long = "node", visible_alias = "nodes", value_name = "NODE", value_delimiter = ',')]
    pub nodes: Vec<String>,
    /// Storage of the disks
    #[arg(long, value_name = "STORAGE")]
    pub storage: Option<String>,
    /// Storage of images and first-boot data
    #[arg(long, value_name = "STORAGE")]
    pub image_storage: Option<String>,
    /// Bridge or SDN network of the machines
    #[arg(long, value_name = "NETWORK")]
    pub bridge: Option<String>,
    /// VLAN of the machines
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=4094))]
    pub vlan: Option<u16>,
    /// Pool that the machines are put into
    #[arg(long, value_name = "POOL")]
    pub pool: Option<String>,
    /// Template that machines are copied from
    #[arg(long, value_name = "VMID", value_parser = vmid())]
    pub template_id: Option<u32>,
    /// First VMID that machines may take
    #[arg(long, value_name = "VMID", value_parser = vmid(), requires = "vmid_end")]
    pub vmid_start: Option<u32>,
    /// Last VMID that machines may take
    #[arg(long, value_name = "VMID", value_parser = vmid(), requires = "vmid_start")]
    pub vmid_end: Option<u32>,
}

fn vmid() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(100..=999_999_999)
}

impl SettingsArgs {
    /// What is wished; `provider` is the platform, where a command can name it.
    pub(super) fn wish(&self, provider: Option<&str>, values: Values) -> Result<Wish, Failure> {
        let args = &self.proxmox;
        if let (Some(start), Some(end)) = (args.vmid_start, args.vmid_end)
            && start > end
        {
            return Err(Failure::new(Exit::Usage, "--vmid-start is behind --vmid-end").hint("swap them"));
        }
        Ok(Wish {
            file: self.text()?,
            provider: provider.map(ProviderType::from),
            proxmox: Proxmox {
                endpoint: args.endpoint.clone(),
                nodes: args.nodes.clone(),
                storage: args.storage.clone(),
                image_storage: args.image_storage.clone(),
                bridge: args.bridge.clone(),
                vlan: args.vlan,
                pool: args.pool.clone(),
                template: args.template_id,
                vmids: args.vmid_start.zip(args.vmid_end),
            },
            team: self.team.clone(),
            credentials: values,
            ..Wish::default()
        })
    }

    fn text(&self) -> Result<Option<String>, Failure> {
        let Some(path) = &self.from_file else {
            return Ok(None);
        };
        let is_input = path.as_os_str() == "-";
        let bytes = if is_input {
            read::standard_input(LARGEST)
        } else {
            read::file(&home::expand(path).map_err(|error| failure::home(&error))?, LARGEST)
        };
        let doing = format!("cannot read {}", path.display());
        let bytes = bytes.map_err(|error| Failure::from_error(Exit::Usage, &error).while_doing(doing.clone()))?;
        let text = butler_api::config::utf8(&bytes);
        let text = text.map_err(|error| Failure::new(Exit::Usage, error.to_string()).while_doing(doing))?;
        Ok(Some(text.to_owned()))
    }
}
