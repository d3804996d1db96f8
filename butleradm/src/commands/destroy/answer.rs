//! What `destroy` and `gc` print.

use butler_engine::receipt::{Object, Receipt};
use butler_lifecycle::destroy::survey::Survey;
use butler_terminal::{
    output::Answer,
    style::{Line, Tone},
    table::{Cell, Table},
};
use serde::Serialize;

/// The receipt of a destroy, as it is printed.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Printed<'a>(pub &'a Receipt);

impl Answer for Printed<'_> {
    fn table(&self) -> Table {
        rows(&self.0.objects)
    }

    fn names(&self) -> Vec<String> {
        self.0
            .objects
            .iter()
            .map(|object| format!("{}/{}", object.kind, object.name))
            .collect()
    }
}

/// Objects as a table: what, which, and what became of it.
pub(crate) fn rows<'a>(objects: impl IntoIterator<Item = &'a Object>) -> Table {
    let mut table = Table::new(
        &["KIND", "NAME", "STATE", "REASON"],
        &["ID", "CREATED", "DELETED", "VERIFIED"],
    );
    for object in objects {
        let time = |time: Option<jiff::Timestamp>| time.map_or_else(String::new, |time| format!("{time:.0}"));
        let tone = match object.state.as_str() {
            "left" => Tone::Bad,
            "stays" => Tone::Busy,
            _ => Tone::Plain,
        };
        table.row([
            object.kind.as_str().into(),
            object.name.as_str().into(),
            Cell::new(tone, object.state.as_str()),
            object.reason.as_deref().unwrap_or("").into(),
            object.id.as_str().into(),
            time(object.created).into(),
            time(object.deleted).into(),
            time(object.verified).into(),
        ]);
    }
    table
}

/// What exists, before anything is done.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Surveyed {
    cluster: String,
    cluster_id: Option<uuid::Uuid>,
    objects: Vec<Existing>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Existing {
    kind: &'static str,
    name: String,
    id: String,
    /// `goes` or `stays`.
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Surveyed {
    pub(crate) fn of(cluster: &str, survey: &Survey) -> Self {
        let goes = |kind, name: &str, id: &str, reason: Option<String>| Existing {
            kind,
            name: name.to_owned(),
            id: id.to_owned(),
            verdict: "goes",
            reason,
        };
        let tenants = survey.tenants.iter().map(|(namespace, name)| {
            let id = format!("{namespace}/{name}");
            goes("tenant-cluster", name, &id, Some("only with --with-tenants".to_owned()))
        });
        let machines = survey
            .machines
            .iter()
            .map(|machine| goes("machine", &machine.name, &machine.id, None));
        let unknown = survey
            .unknown
            .iter()
            .map(|o| goes(o.kind.as_str(), &o.name, &o.id, Some(o.cause.clone())));
        let beside = survey.objects.iter();
        let beside = beside.map(|(object, _)| goes(object.kind.as_str(), &object.name, &object.id, None));
        let files = survey.files.iter().map(|path| {
            let path = path.display().to_string();
            goes("file", &path, &path, None)
        });
        let stays = survey.stays.iter().map(|(object, reason)| Existing {
            kind: "file",
            name: object.name.clone(),
            id: object.id.clone(),
            verdict: "stays",
            reason: Some(reason.clone()),
        });
        Self {
            cluster: cluster.to_owned(),
            cluster_id: survey.owner.as_ref().map(|owner| owner.cluster_id),
            objects: tenants
                .chain(machines)
                .chain(beside)
                .chain(unknown)
                .chain(files)
                .chain(stays)
                .collect(),
            warnings: survey.warnings.clone(),
        }
    }

    /// A few lines for somebody who is asked.
    pub(crate) fn summary(&self) -> Vec<Line> {
        let id = self.cluster_id.map_or_else(String::new, |id| format!(" ({id})"));
        let head = Line::new().with(Tone::Plain, &format!("This destroys {}{id}:", self.cluster));
        let line = |object: &Existing| {
            let text = format!("  {} {} {}", object.kind, object.name, object.verdict);
            Line::new().with(Tone::Plain, &text)
        };
        let warnings = self
            .warnings
            .iter()
            .map(|text| Line::new().with(Tone::Busy, &format!("  {text}")));
        std::iter::once(head)
            .chain(self.objects.iter().map(line))
            .chain(warnings)
            .collect()
    }
}

impl Answer for Surveyed {
    fn table(&self) -> Table {
        let mut table = Table::new(&["KIND", "NAME", "VERDICT", "REASON"], &["ID"]);
        for object in &self.objects {
            table.row([
                object.kind.into(),
                object.name.as_str().into(),
                object.verdict.into(),
                object.reason.as_deref().unwrap_or("").into(),
                object.id.as_str().into(),
            ]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.objects
            .iter()
            .map(|object| format!("{}/{}", object.kind, object.name))
            .collect()
    }
}
