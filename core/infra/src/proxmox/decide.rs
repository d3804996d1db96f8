//! What a virtual machine that carries a machine's marker needs next. Pure.

use super::{
    form,
    marker::Marker,
    wire::{Config, Status},
};
use crate::MachineSpec;

/// A virtual machine as it was just seen.
pub(super) struct Seen<'a> {
    pub(super) config: &'a Config,
    pub(super) status: &'a Status,
    pub(super) marker: &'a Marker,
    /// Whether machines are copies of a template.
    pub(super) cloned: bool,
}

/// The next step. Each one looks before it acts, so a run that ended anywhere is continued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// It was made from other settings.
    Drift,
    /// Something else works on it.
    Wait {
        /// What for, in the words of the platform.
        lock: String,
    },
    /// Its creation has failed halfway: it is deleted and made anew.
    Remake,
    /// It is a copy that still has what is the template's.
    Configure,
    /// Its disk is still as small as the image.
    Resize {
        /// The disk's key.
        disk: String,
        /// The size that it gets, in GiB.
        gib: u32,
    },
    /// It is off. Whether it was ever on decides whether it is started: who switches a machine off has a reason.
    StartUnlessStarted,
    /// Nothing is left to do.
    Done,
}

/// Decides what comes next.
pub(super) fn next(spec: &MachineSpec, seen: &Seen<'_>) -> Next {
    let Seen {
        config,
        status,
        marker,
        cloned,
    } = seen;
    if marker.spec_hash != spec.hash() {
        return Next::Drift;
    }
    // Whatever works on a machine that runs, such as a backup, is none of our business.
    if status.power == "running" {
        return Next::Done;
    }
    if let Some(lock) = &status.lock {
        return Next::Wait { lock: lock.clone() };
    }
    let Some(disk) = config.boot_disk() else {
        return Next::Remake;
    };
    if *cloned && form::is_unconfigured(spec, config) {
        return Next::Configure;
    }
    let wanted = u64::from(spec.disk_gb) << 30;
    // Without a size nothing can be compared; a disk is never made smaller.
    if config
        .drive(disk)
        .and_then(|drive| drive.size())
        .is_some_and(|size| size < wanted)
    {
        return Next::Resize {
            disk: disk.to_owned(),
            gib: spec.disk_gb,
        };
    }
    Next::StartUnlessStarted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxmox::tests::{settings, spec};

    fn config(disk: Option<&str>) -> Config {
        let mut entries = form::configure(&settings(), &spec(), None);
        entries.push(("boot".into(), "order=scsi0".into()));
        entries.extend(disk.map(|disk| ("scsi0".to_owned(), disk.to_owned())));
        entries.into_iter().collect()
    }

    fn decided(config: &Config, status: &str, lock: Option<&str>, spec: &MachineSpec) -> Next {
        let status = Status {
            power: status.into(),
            qmpstatus: None,
            lock: lock.map(Into::into),
        };
        let marker = Marker::of(&self::spec());
        let seen = Seen {
            config,
            status: &status,
            marker: &marker,
            cloned: true,
        };
        next(spec, &seen)
    }

    #[test]
    fn a_machine_is_brought_on_from_wherever_it_was_left() {
        let spec = spec();
        let small = config(Some("local-lvm:vm-105-disk-0,size=1246M"));
        let large = config(Some("local-lvm:vm-105-disk-0,size=40G"));
        let lock = |lock: &str| Next::Wait { lock: lock.into() };
        assert_eq!(decided(&small, "stopped", Some("create"), &spec), lock("create"));
        assert_eq!(decided(&config(None), "stopped", None, &spec), Next::Remake);
        let grow = Next::Resize {
            disk: "scsi0".into(),
            gib: 40,
        };
        assert_eq!(decided(&small, "stopped", None, &spec), grow);
        assert_eq!(decided(&large, "stopped", None, &spec), Next::StartUnlessStarted);
        assert_eq!(decided(&large, "running", None, &spec), Next::Done);
        assert_eq!(decided(&large, "running", Some("backup"), &spec), Next::Done);
    }

    #[test]
    fn a_disk_that_somebody_made_larger_stays() {
        let larger = config(Some("local-lvm:vm-105-disk-0,size=100G"));
        assert_eq!(decided(&larger, "stopped", None, &spec()), Next::StartUnlessStarted);
    }

    #[test]
    fn other_settings_are_drift_whatever_the_state() {
        let other = MachineSpec { cpu: 64, ..spec() };
        let large = config(Some("local-lvm:vm-105-disk-0,size=40G"));
        assert_eq!(decided(&large, "running", None, &other), Next::Drift);
    }

    #[test]
    fn a_copy_is_configured_before_anything_else() {
        let mut entries: Vec<(String, String)> = vec![("boot".into(), "order=scsi0".into())];
        entries.push(("scsi0".into(), "local-lvm:vm-105-disk-0,size=40G".into()));
        entries.push(("tags".into(), "templates".into()));
        let copy: Config = entries.into_iter().collect();
        assert_eq!(decided(&copy, "stopped", None, &spec()), Next::Configure);
    }
}
