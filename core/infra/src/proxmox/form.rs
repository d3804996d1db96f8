//! The forms that make a virtual machine. Pure.

use butler_api::config::{self, ExtraDisk, ProviderKind};

use super::{
    marker::{self, Marker},
    wire::Config,
};
use crate::{MachineSpec, mac::Mac};

/// The prefix of Proxmox Server Solutions: what the platform gives its own network cards.
const VENDOR: [u8; 3] = [0xbc, 0x24, 0x11];
/// The drive with the data of the first boot.
pub(super) const FIRST_BOOT: &str = "ide2";
/// The drive with a disc that the machine is started from while its disk is empty.
const DISC: &str = "ide0";
const DISK: &str = "scsi0";

type Fields = Vec<(String, String)>;

/// The hardware address of the machine's network card.
pub(super) fn mac(spec: &MachineSpec) -> Mac {
    Mac::derived(VENDOR, spec.idempotency_key(ProviderKind::Proxmox))
}

/// Makes a virtual machine from an image.
pub(super) fn create(settings: &config::Proxmox, spec: &MachineSpec, vmid: u32, first_boot: Option<&str>) -> Fields {
    let storage = &settings.storage;
    let mut form = Form::default();
    form.set("vmid", vmid);
    form.set("name", &spec.name);
    form.set("machine", "q35");
    form.set("bios", "ovmf");
    form.set("efidisk0", format!("{storage}:1,efitype=4m,pre-enrolled-keys=0"));
    // virtio-scsi-single does not work with Talos.
    form.set("scsihw", "virtio-scsi-pci");
    form.set("ostype", "l26");
    match spec.image.as_ref().map(|image| image.id.as_str()) {
        Some(disc) if is_disc(disc) => {
            form.set(DISK, format!("{storage}:{},discard=on,ssd=1", spec.disk_gb));
            form.set(DISC, format!("{disc},media=cdrom"));
            form.set("boot", format!("order={DISK};{DISC}"));
        }
        Some(image) => {
            form.set(DISK, format!("{storage}:0,import-from={image},discard=on,ssd=1"));
            form.set("boot", format!("order={DISK}"));
        }
        None => {
            form.set(DISK, format!("{storage}:{},discard=on,ssd=1", spec.disk_gb));
            form.set("boot", format!("order={DISK};net0"));
        }
    }
    form.set("description", Marker::of(spec).describe(spec));
    if let Some(pool) = &settings.pool {
        form.set("pool", pool);
    }
    form.common(settings, spec, first_boot);
    form.0
}

/// Copies the template. What a copy cannot be given at once comes with [`configure`].
pub(super) fn clone(settings: &config::Proxmox, spec: &MachineSpec, vmid: u32, target: Option<&str>) -> Fields {
    let mut form = Form::default();
    form.set("newid", vmid);
    form.set("name", &spec.name);
    form.set("full", 1);
    form.set("storage", &settings.storage);
    form.set("description", Marker::of(spec).describe(spec));
    if let Some(target) = target {
        form.set("target", target);
    }
    if let Some(pool) = &settings.pool {
        form.set("pool", pool);
    }
    form.0
}

/// Gives a copy of the template what is the machine's own.
pub(super) fn configure(settings: &config::Proxmox, spec: &MachineSpec, first_boot: Option<&str>) -> Fields {
    let mut form = Form::default();
    form.common(settings, spec, first_boot);
    form.0
}

/// Whether a copy of the template still has what is the template's: the tags come with everything else.
pub(super) fn is_unconfigured(spec: &MachineSpec, config: &Config) -> bool {
    let cluster = marker::cluster_tag(&spec.owner);
    !config.get("tags").is_some_and(|tags| marker::has_tag(tags, &cluster))
}

fn is_disc(volume: &str) -> bool {
    volume.split_once(':').is_some_and(|(_, name)| name.starts_with("iso/"))
}

#[derive(Default)]
struct Form(Fields);

impl Form {
    fn set(&mut self, key: impl Into<String>, value: impl std::fmt::Display) {
        self.0.push((key.into(), value.to_string()));
    }

    fn common(&mut self, settings: &config::Proxmox, spec: &MachineSpec, first_boot: Option<&str>) {
        self.set("cores", spec.cpu);
        self.set("cpu", "host");
        self.set("memory", spec.memory_mb);
        self.set("balloon", 0);
        let vlan = settings.vlan.map_or_else(String::new, |vlan| format!(",tag={vlan}"));
        self.set("net0", format!("virtio={},bridge={}{vlan}", mac(spec), settings.bridge));
        self.set("serial0", "socket");
        self.set("agent", "enabled=1");
        self.set("onboot", 1);
        self.set(
            "smbios1",
            format!("uuid={}", spec.idempotency_key(ProviderKind::Proxmox)),
        );
        self.set("tags", marker::tags(&spec.owner));
        for (at, disk) in spec.extra_disks.iter().enumerate() {
            let ExtraDisk { size_gb, storage_class } = disk;
            let storage = storage_class.as_ref().unwrap_or(&settings.storage);
            self.set(
                format!("scsi{}", at + 1),
                format!("{storage}:{size_gb},discard=on,ssd=1"),
            );
        }
        if let Some(volume) = first_boot {
            self.set(FIRST_BOOT, format!("{volume},media=cdrom"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ImageRef,
        proxmox::tests::{settings, spec},
    };

    fn shown(form: &Fields) -> Vec<String> {
        form.iter()
            .filter(|(key, _)| key != "description")
            .map(|(key, value)| format!("{key}={value}"))
            .collect()
    }

    #[test]
    fn a_machine_is_made_with_everything_that_talos_needs() {
        let mut spec = spec();
        spec.extra_disks = vec![
            ExtraDisk {
                size_gb: 10,
                storage_class: None,
            },
            ExtraDisk {
                size_gb: 20,
                storage_class: Some("fast".into()),
            },
        ];
        let mut settings = settings();
        settings.vlan = Some(7);
        settings.pool = Some("talos".into());
        let form = create(&settings, &spec, 105, Some("local:iso/c.iso"));
        assert_eq!(
            shown(&form),
            [
                "vmid=105",
                "name=demo-cp-0",
                "machine=q35",
                "bios=ovmf",
                "efidisk0=local-lvm:1,efitype=4m,pre-enrolled-keys=0",
                "scsihw=virtio-scsi-pci",
                "ostype=l26",
                "scsi0=local-lvm:0,import-from=local:import/talos.qcow2,discard=on,ssd=1",
                "boot=order=scsi0",
                "pool=talos",
                "cores=2",
                "cpu=host",
                "memory=4096",
                "balloon=0",
                &format!("net0=virtio={},bridge=vmbr0,tag=7", mac(&spec)),
                "serial0=socket",
                "agent=enabled=1",
                "onboot=1",
                &format!("smbios1=uuid={}", spec.idempotency_key(ProviderKind::Proxmox)),
                &format!("tags=butler;butler-{}", spec.owner.cluster_id),
                "scsi1=local-lvm:10,discard=on,ssd=1",
                "scsi2=fast:20,discard=on,ssd=1",
                "ide2=local:iso/c.iso,media=cdrom",
            ]
        );
        assert!(mac(&spec).to_string().starts_with("BC:24:11:"));
    }

    #[test]
    fn older_releases_start_an_empty_disk_from_a_disc() {
        let mut spec = spec();
        spec.image = Some(ImageRef {
            provider: ProviderKind::Proxmox,
            id: "local:iso/talos.iso".into(),
        });
        let form = shown(&create(&settings(), &spec, 105, None));
        for field in [
            "scsi0=local-lvm:40,discard=on,ssd=1",
            "ide0=local:iso/talos.iso,media=cdrom",
            "boot=order=scsi0;ide0",
        ] {
            assert!(form.iter().any(|found| found == field), "{field} in {form:?}");
        }
    }

    #[test]
    fn a_copy_is_the_machines_own_once_it_has_its_tags() {
        let spec = spec();
        let config: Config = configure(&settings(), &spec, None).into_iter().collect();
        assert!(!is_unconfigured(&spec, &config));
        assert!(is_unconfigured(&spec, &Config::default()));
        let copy = clone(&settings(), &spec, 105, Some("pve2"));
        assert_eq!(
            shown(&copy),
            [
                "newid=105",
                "name=demo-cp-0",
                "full=1",
                "storage=local-lvm",
                "target=pve2"
            ]
        );
    }
}
