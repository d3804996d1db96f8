//! Tasks: what they do, how they ended and what they printed.

use http::Method;
use serde::Serialize;

use super::super::reply::{Answer, data};
use super::super::request::Request;
use super::unknown;
use crate::live::World;
use crate::world::proxmox::Task;
use crate::world::proxmox::refusal::Refusal;

#[derive(Serialize)]
struct Shown<'a> {
    upid: &'a str,
    node: &'a str,
    pid: u32,
    pstart: u32,
    starttime: i64,
    #[serde(rename = "type")]
    kind: &'a str,
    id: &'a str,
    user: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    endtime: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exitstatus: Option<&'a str>,
}

impl<'a> Shown<'a> {
    fn new(upid: &'a str, task: &'a Task) -> Self {
        Self {
            upid,
            node: &task.node,
            pid: task.pid,
            pstart: task.pstart,
            starttime: task.started.as_second(),
            kind: &task.kind,
            id: &task.id,
            user: &task.user,
            endtime: None,
            status: None,
            exitstatus: None,
        }
    }
}

pub(super) fn answer(world: &World, request: &Request, node: &str, path: &[&str]) -> Result<Answer, Refusal> {
    match (&request.method, path) {
        (&Method::GET, ["tasks"]) => list(world, request, node),
        (&Method::GET, ["tasks", upid, "status"]) => look(world, node, upid, status),
        (&Method::GET, ["tasks", upid, "log"]) => look(world, node, upid, |upid, task| log(request, upid, task)),
        _ => Err(unknown(request)),
    }
}

fn look(
    world: &World,
    node: &str,
    upid: &str,
    show: impl FnOnce(&str, &Task) -> Result<Answer, Refusal>,
) -> Result<Answer, Refusal> {
    if !upid.starts_with("UPID:") || upid.split(':').count() != 9 {
        return Err(Refusal::failed(format!("unable to parse worker upid '{upid}'")));
    }
    // What is due has happened, whether somebody was told so or not.
    world.update(|_, _| ());
    world.with(|state| {
        let task = state.proxmox.tasks.get(upid).filter(|task| task.node == node);
        match task {
            Some(task) => show(upid, task),
            None => Err(Refusal::failed("no such task")),
        }
    })
}

fn status(upid: &str, task: &Task) -> Result<Answer, Refusal> {
    data(&Shown {
        status: Some(if task.ended.is_some() { "stopped" } else { "running" }),
        exitstatus: task.exit.as_deref(),
        ..Shown::new(upid, task)
    })
}

/// In the list the status is how a task ended.
fn list(world: &World, request: &Request, node: &str) -> Result<Answer, Refusal> {
    let limit = request.param("limit").and_then(|text| text.parse().ok()).unwrap_or(50);
    let start = request.param("start").and_then(|text| text.parse().ok()).unwrap_or(0);
    // Without this word only what has ended is listed.
    let source = request.param("source").unwrap_or("archive");
    let listed = |task: &Task| match source {
        "active" => task.ended.is_none(),
        "all" => true,
        _ => task.ended.is_some(),
    };
    let of = |name: &str, value: &str| request.param(name).is_none_or(|wanted| wanted == value);
    world.with(|state| {
        let newest_first = state.proxmox.order.iter().rev();
        let tasks: Vec<(&String, &Task)> = newest_first
            .filter_map(|upid| Some((upid, state.proxmox.tasks.get(upid)?)))
            .filter(|(_, task)| {
                task.node == node && listed(task) && of("vmid", &task.id) && of("typefilter", &task.kind)
            })
            .collect();
        let total = tasks.len();
        let shown: Vec<Shown<'_>> = tasks
            .into_iter()
            .skip(start)
            .take(limit)
            .map(|(upid, task)| Shown {
                endtime: task.ended.map(jiff::Timestamp::as_second),
                status: task.exit.as_deref(),
                ..Shown::new(upid, task)
            })
            .collect();
        data(&shown).map(|answer| Answer {
            total: Some(total),
            ..answer
        })
    })
}

#[derive(Serialize)]
struct Line<'a> {
    n: usize,
    t: &'a str,
}

fn log(request: &Request, _: &str, task: &Task) -> Result<Answer, Refusal> {
    let number = |name: &str, usual| request.param(name).and_then(|text| text.parse().ok()).unwrap_or(usual);
    let lines = task.log.iter().enumerate();
    let lines: Vec<Line<'_>> = lines
        .skip(number("start", 0))
        .take(number("limit", 50))
        .map(|(place, text)| Line { n: place + 1, t: text })
        .collect();
    data(&lines).map(|answer| Answer {
        total: Some(task.log.len()),
        ..answer
    })
}
