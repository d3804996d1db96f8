//! `talos.patches`: read, judged, and each problem put where people can see it.

use std::net::Ipv4Addr;

use semver::Version;

use super::Validator;
use crate::config::{
    Patch, Patches,
    check::Draft,
    patch::{self, Finding, PatchContext, PathSegment},
    raw_talos::{RawPatch, RawPatches, RawTalos},
    yaml::Span,
};

pub(super) fn patches(
    v: &mut Validator<'_>,
    raw: Option<&RawTalos>,
    talos: &Version,
    vip: Option<Ipv4Addr>,
) -> Patches {
    let Some(RawPatches {
        all,
        control_plane,
        workers,
    }) = raw.and_then(|raw| raw.patches.as_ref())
    else {
        return Patches::default();
    };
    let around = PatchContext { talos, vip };
    let mut read = |list: &[RawPatch]| list.iter().filter_map(|raw| one(v, raw, &around)).collect();
    Patches {
        all: read(all),
        control_plane: read(control_plane),
        workers: read(workers),
    }
}

fn one(v: &mut Validator<'_>, raw: &RawPatch, around: &PatchContext<'_>) -> Option<Patch> {
    let setting = raw.at.as_str();
    if let Some(text) = &raw.text {
        let read = patch::read(text, setting, around);
        return read
            .map_err(|found| {
                for finding in found {
                    let inside = place(&finding, "line", " of the patch");
                    report(v, setting, v.span(setting), &finding, &inside);
                }
            })
            .ok();
    }
    if let Some(file) = &raw.file {
        let at = format!("{setting}.file");
        let text = match (v.read)(file) {
            Ok(text) => text,
            Err(cause) => {
                v.problem(&at, format!("`{at}` cannot be read: {cause}"), super::PATH_HINT);
                return None;
            }
        };
        let read = patch::read(&text, setting, around);
        return read
            .map_err(|found| {
                for finding in found {
                    let inside = place(&finding, &format!("{file}, line"), "");
                    report(v, setting, v.span(&at), &finding, &inside);
                }
            })
            .ok();
    }
    let read = patch::read_inline(v.file, &steps(setting), setting, around);
    read.map_err(|found| {
        for finding in found {
            let span = if finding.span.line > 0 {
                finding.span
            } else {
                v.span(setting)
            };
            report(v, setting, span, &finding, "");
        }
    })
    .ok()
}

fn report(v: &mut Validator<'_>, setting: &str, span: Span, finding: &Finding, inside: &str) {
    let Finding { message, hint, .. } = finding;
    v.found.problems.push(Draft {
        path: setting.to_owned(),
        span,
        message: format!("patch `{setting}`: {message}{inside}"),
        hint: (!hint.is_empty()).then(|| hint.clone()),
    });
}

/// Where in another text a problem is.
fn place(finding: &Finding, before: &str, after: &str) -> String {
    match finding.span {
        Span { line: 0, .. } => String::new(),
        Span { line, column, .. } => format!(" ({before} {line}, column {column}{after})"),
    }
}

/// The way to a patch: `talos.patches.all[0]`.
fn steps(setting: &str) -> Vec<PathSegment<'_>> {
    let (list, item) = setting.trim_end_matches(']').rsplit_once('[').unwrap_or((setting, "0"));
    let mut steps: Vec<PathSegment<'_>> = list.split('.').map(PathSegment::Key).collect();
    // No list has so many items: what is no number finds nothing, which is reported.
    steps.push(PathSegment::Item(item.parse().unwrap_or(usize::MAX)));
    steps
}
