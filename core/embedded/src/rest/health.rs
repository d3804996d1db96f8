//! Health, version and the index of paths.

use serde_json::json;

use super::Api;
use crate::http::{self, Reply, Request};
use crate::status::StatusError;

/// The checks that a path may name, as in `/readyz/ping`.
const CHECKS: [&str; 3] = ["ping", "log", "etcd"];

/// Answers `/`, `/version`, `/healthz`, `/livez` and `/readyz`.
pub(super) fn answer(api: &Api, request: &Request, segments: &[&str]) -> Result<Reply, StatusError> {
    if request.method != "GET"
        && !(request.method == "HEAD" && matches!(segments, ["healthz" | "readyz" | "livez", ..]))
    {
        return Err(StatusError::method_not_allowed());
    }
    match segments {
        [] => Ok(http::value(
            200,
            &json!({"paths": ["/api", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]}),
        )),
        ["version"] => Ok(http::value(200, &version(&api.version))),
        [_] if request.query("verbose").is_some() => {
            let name = segments[0];
            let lines = CHECKS.map(|c| format!("[+]{c} ok\n")).concat();
            Ok(http::typed(
                200,
                "text/plain; charset=utf-8",
                format!("{lines}{name} check passed\n"),
            ))
        }
        [_] => Ok(http::typed(200, "text/plain; charset=utf-8", "ok")),
        [_, check] if CHECKS.contains(check) => Ok(http::typed(200, "text/plain; charset=utf-8", "ok")),
        _ => Err(StatusError::no_page()),
    }
}

fn version(git: &str) -> serde_json::Value {
    let mut parts = git.trim_start_matches('v').split('.');
    // A version that is not of the form `v1.2.3` is shown with the parts that it has.
    let (major, minor) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    json!({
        "major": major, "minor": minor, "gitVersion": git, "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}
