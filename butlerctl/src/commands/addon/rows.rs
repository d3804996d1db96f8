//! What people see of addons.

use butler_account::objects::full_name;
use butler_tenancy::addons::read::{OfPlatform, One, Row};
use butler_terminal::style::Tone;
use butler_terminal::table::Cell;
use butler_terminal::{Answer, Table, duration};
use jiff::Timestamp;
use kube::api::DynamicObject;
use serde::{Serialize, Serializer};

/// One addon as an answer: programs get its TenantAddon, or what the cluster says of one that came with it.
#[derive(Debug)]
pub(super) struct Answered {
    one: One,
    table: Table,
}

impl Answered {
    /// A row.
    pub(super) fn row(one: One) -> Self {
        let table = match &one {
            One::Platform(addon) => table(std::slice::from_ref(addon), &[], Timestamp::now()),
            One::Own(object) => table(&[], std::slice::from_ref(&**object), Timestamp::now()),
        };
        Self { one, table }
    }

    /// All that is known.
    pub(super) fn fields(one: One) -> Self {
        let table = match &one {
            One::Platform(addon) => of_platform(addon),
            One::Own(object) => of_own(&Row::of(object), Timestamp::now()),
        };
        Self { one, table }
    }
}

impl Serialize for Answered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.one {
            One::Platform(addon) => addon.serialize(serializer),
            One::Own(object) => object.serialize(serializer),
        }
    }
}

impl Answer for Answered {
    fn table(&self) -> Table {
        self.table.clone()
    }

    fn names(&self) -> Vec<String> {
        match &self.one {
            One::Platform(addon) => vec![addon.name.clone()],
            One::Own(object) => vec![full_name(object)],
        }
    }
}

/// The addons of a cluster: those that came with it, and its TenantAddons.
pub(super) fn table(platform: &[OfPlatform], own: &[DynamicObject], now: Timestamp) -> Table {
    let columns = ["ADDON", "STATUS", "VERSION", "INSTALLED", "MANAGED BY", "AGE"];
    let mut table = Table::new(&columns, &["OBJECT", "RELEASE", "NAMESPACE", "MESSAGE"]);
    for addon in platform {
        let installed = addon.version.as_ref().filter(|_| addon.is_well());
        table.row([
            addon.name.as_str().into(),
            phase(addon.status.as_deref()),
            or_none(addon.version.as_deref()),
            or_none(installed.map(String::as_str)),
            manager(addon).into(),
            or_none(None),
            or_none(None),
            or_none(None),
            or_none(None),
            or_none(None),
        ]);
    }
    for object in own {
        let row = Row::of(object);
        let age = row.created.map(|created| duration::age(created, now));
        let (release, namespace) = row.release.unzip();
        table.row([
            row.addon.as_str().into(),
            phase(row.phase.as_deref()),
            or_none(row.version.as_deref()),
            or_none(row.installed.as_deref()),
            "butler".into(),
            or_none(age.as_deref()),
            row.object.as_str().into(),
            or_none(release.as_deref()),
            or_none(namespace.as_deref()),
            or_none(row.message.as_deref()),
        ]);
    }
    table
}

fn or_none(text: Option<&str>) -> Cell {
    text.unwrap_or("-").into()
}

fn phase(phase: Option<&str>) -> Cell {
    let tone = match phase {
        Some("Installed" | "Healthy") => Tone::Good,
        Some("Failed" | "Degraded") => Tone::Bad,
        Some(_) => Tone::Busy,
        None => Tone::Faint,
    };
    Cell::new(tone, phase.unwrap_or("-"))
}

/// Who looks after an addon that came with its cluster.
fn manager(addon: &OfPlatform) -> String {
    match addon.managed_by.as_deref() {
        None | Some("butler") => "platform".to_owned(),
        Some(other) => format!("platform ({other})"),
    }
}

fn of_platform(addon: &OfPlatform) -> Table {
    Table::fields([
        ("addon", addon.name.as_str().into()),
        ("status", phase(addon.status.as_deref())),
        ("version", or_none(addon.version.as_deref())),
        ("managed by", manager(addon).into()),
    ])
}

fn of_own(row: &Row, now: Timestamp) -> Table {
    let release = row.release.as_ref();
    let release = release.map(|(name, namespace)| format!("{name} in namespace {namespace}"));
    let age = row.created.map(|created| duration::age(created, now));
    Table::fields([
        ("addon", row.addon.as_str().into()),
        ("object", row.object.as_str().into()),
        ("status", phase(row.phase.as_deref())),
        ("message", or_none(row.message.as_deref())),
        ("version", or_none(row.version.as_deref())),
        ("installed", or_none(row.installed.as_deref())),
        ("release", or_none(release.as_deref())),
        ("managed by", "butler".into()),
        ("age", or_none(age.as_deref())),
    ])
}
