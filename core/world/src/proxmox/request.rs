//! A request, understood: path, parameters and an uploaded file.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, Method, header};
use serde_json::Value;

use crate::world::call_faults::TaskFault;
use crate::world::proxmox::refusal::Refusal;
use crate::world::state::Caller;

/// A request for the API.
#[derive(Debug)]
pub(super) struct Request {
    pub method: Method,
    /// The path below `/api2/json`, decoded.
    pub path: Vec<String>,
    /// Parameters of query and body.
    pub params: BTreeMap<String, String>,
    /// The file that is uploaded.
    pub file: Option<Upload>,
    /// Who asks; empty for whoever has yet to log in.
    pub user: String,
    /// What a fault makes of the task that it starts.
    pub spoil: Option<TaskFault>,
}

/// An uploaded file.
#[derive(Debug)]
pub(super) struct Upload {
    pub name: String,
    pub bytes: Bytes,
}

impl Request {
    /// Reads a request, whose body has come in.
    pub(super) async fn read(parts: &http::request::Parts, body: Bytes) -> Result<Self, Refusal> {
        let path = parts.uri.path().strip_prefix("/api2/json");
        let path = path.ok_or_else(|| Refusal::new(404, "Not Found"))?;
        let path = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(decoded)
            .collect();
        let mut request = Self {
            method: parts.method.clone(),
            path,
            params: form(parts.uri.query().unwrap_or("").as_bytes()),
            file: None,
            user: String::new(),
            spoil: None,
        };
        let kind = content_type(&parts.headers);
        if let Some(boundary) = kind
            .strip_prefix("multipart/form-data")
            .and_then(|_| multer::parse_boundary(&kind).ok())
        {
            request.multipart(boundary, body).await?;
        } else if kind.starts_with("application/json") {
            request.json(&body)?;
        } else {
            request.params.extend(form(&body));
        }
        Ok(request)
    }

    fn json(&mut self, body: &[u8]) -> Result<(), Refusal> {
        if body.is_empty() {
            return Ok(());
        }
        let parsed: Result<serde_json::Map<String, Value>, _> = serde_json::from_slice(body);
        let map = parsed.map_err(|_| Refusal::parameter("body", "request body is not a JSON object"))?;
        for (key, value) in map {
            let text = match value {
                Value::String(text) => text,
                Value::Bool(yes) => u8::from(yes).to_string(),
                Value::Null => continue,
                other => other.to_string(),
            };
            self.params.insert(key, text);
        }
        Ok(())
    }

    async fn multipart(&mut self, boundary: String, body: Bytes) -> Result<(), Refusal> {
        let broken = |error: multer::Error| Refusal::new(400, format!("upload failed: {error}"));
        let body = stream::iter([Ok::<_, std::io::Error>(body)]);
        let mut parts = multer::Multipart::new(body, boundary);
        while let Some(part) = parts.next_field().await.map_err(broken)? {
            let name = part.name().unwrap_or("").to_owned();
            let file = part.file_name().map(str::to_owned);
            let bytes = part.bytes().await.map_err(broken)?;
            match file {
                Some(file) if name == "filename" => self.file = Some(Upload { name: file, bytes }),
                _ => drop(self.params.insert(name, String::from_utf8_lossy(&bytes).into_owned())),
            }
        }
        Ok(())
    }

    /// The path as patterns of faults and cached answers know it.
    pub(super) fn path_text(&self) -> String {
        format!("/{}", self.path.join("/"))
    }

    /// A parameter that has to be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.param(name).ok_or_else(|| Refusal::missing(name))
    }

    /// A parameter that may be left out.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }

    /// A parameter that says yes or no.
    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.param(name), Some("1" | "on" | "yes" | "true"))
    }

    /// Who asks, for a node.
    pub(super) fn caller<'a>(&'a self, node: &'a str) -> Caller<'a> {
        Caller {
            user: &self.user,
            node,
            spoil: self.spoil.as_ref(),
        }
    }
}

/// A VMID as it stands in a path or a parameter.
pub(super) fn vmid(text: &str) -> Result<u32, Refusal> {
    let number = text.parse::<u32>().ok().filter(|id| (100..=999_999_999).contains(id));
    number.ok_or_else(|| Refusal::parameter("vmid", "invalid format - value does not look like a valid VM ID\n"))
}

fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.map_or_else(String::new, str::to_owned)
}

/// Reads names and values of a form.
pub(super) fn form(bytes: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(bytes).into_owned().collect()
}

/// A text with its percent signs resolved.
pub(super) fn decoded(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment)
        .decode_utf8_lossy()
        .into_owned()
}
