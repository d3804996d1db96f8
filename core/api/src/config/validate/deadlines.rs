//! `deadlines`: durations as Go writes them.

use super::Validator;
use crate::{
    config::{Deadlines, raw::RawDeadlines},
    duration,
};

pub(super) fn deadlines(v: &mut Validator<'_>, raw: Option<&RawDeadlines>) -> Deadlines {
    let mut deadlines = Deadlines::default();
    let Some(raw) = raw else { return deadlines };
    let RawDeadlines {
        image,
        machine,
        boot,
        configure,
        bootstrap,
        node,
        addon,
        pivot,
        endpoint,
    } = raw;
    let written = [
        (image, &mut deadlines.image, "image"),
        (machine, &mut deadlines.machine, "machine"),
        (boot, &mut deadlines.boot, "boot"),
        (configure, &mut deadlines.configure, "configure"),
        (bootstrap, &mut deadlines.bootstrap, "bootstrap"),
        (node, &mut deadlines.node, "node"),
        (addon, &mut deadlines.addon, "addon"),
        (pivot, &mut deadlines.pivot, "pivot"),
        (endpoint, &mut deadlines.endpoint, "endpoint"),
    ];
    for (text, target, key) in written {
        let Some(text) = text else { continue };
        let path = format!("deadlines.{key}");
        match duration::parse(text.trim()) {
            Ok(value) if value.is_zero() => {
                v.problem(&path, format!("`{path}` leaves no time"), "write at least `1s`");
            }
            Ok(value) => *target = value,
            Err(_) => v.problem(
                &path,
                format!("`{path}` is no duration"),
                "write it like `90s`, `15m` or `1h30m`",
            ),
        }
    }
    deadlines
}
