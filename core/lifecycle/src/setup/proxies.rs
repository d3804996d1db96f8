//! Proxies that are used: for charts and manifests, by helm and by us. Clusters, machines and worlds are reached directly.

use butler_files::Environment;

use crate::setup::SetupError;

/// The variables that name proxies; programs differ in which spelling they read.
const NAMES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// Refuses a variable that names no proxy: better now than when the first chart is fetched. Values may hold a password and
/// are not shown.
pub(super) fn check(environment: &Environment) -> Result<(), SetupError> {
    let usable = |name: &str| {
        let value = environment.get(name);
        value.is_none_or(|value| value.to_str().is_some_and(is_proxy))
    };
    match NAMES.into_iter().find(|name| !usable(name)) {
        None => Ok(()),
        Some(variable) => Err(SetupError::Proxy { variable }),
    }
}

/// What goes direct, in both spellings: programs disagree about which one wins.
pub(super) fn direct(environment: &Environment) -> [(&'static str, String); 2] {
    let names = ["NO_PROXY", "no_proxy"];
    let value = names.into_iter().find_map(|name| environment.text(name));
    names.map(|name| (name, value.unwrap_or("").to_owned()))
}

/// Whether helm and we can use it: `[http|https|socks5://][USER[:PASSWORD]@]HOST[:PORT][/]`.
fn is_proxy(value: &str) -> bool {
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    let known = ["http", "https", "socks5", "socks5h"]
        .iter()
        .any(|s| scheme.eq_ignore_ascii_case(s));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = match authority.rsplit_once('@') {
        Some((login, host)) if is_login(login) => host,
        Some(_) => return false,
        None => authority,
    };
    known && is_host(host) && !path.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// A login in which everything special is written as `%XX`.
fn is_login(login: &str) -> bool {
    let mut parts = login.split('%');
    let plain = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:".contains(c))
    };
    let escaped = |text: &str| {
        text.get(..2)
            .is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
            && text.get(2..).is_some_and(plain)
    };
    parts.next().is_some_and(plain) && parts.all(escaped)
}

/// `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT`.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((v6, after)) if v6.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", after),
            _ => return false,
        },
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    let named = !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || "-._".contains(c));
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse::<u16>().is_ok_and(|port| port > 0),
        None => port.is_empty(),
    };
    named && port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_helm_can_use_passes() {
        for proxy in [
            "http://proxy.example.org:3128",
            "https://10.0.0.1",
            "proxy:3128",
            "proxy.example.org",
            "socks5://[2001:db8::1]:1080/",
            "http://user:p%40ss%2Fword@proxy:3128/",
            "HTTP://Proxy_1:80",
        ] {
            assert!(is_proxy(proxy), "{proxy}");
        }
    }

    #[test]
    fn what_would_fail_later_is_refused_without_its_value() {
        for proxy in [
            "http://",
            "http://proxy:port",
            "http://proxy:0",
            "http://proxy:99999",
            "ftp://proxy:21",
            "http://pro xy:3128",
            "http://user:hunter2/x@proxy:3128",
            "http://user:hunter2 @proxy:3128",
            "http://user:hunter2%zz@proxy:3128",
            "http://[::1",
            "::::",
            "://",
        ] {
            assert!(!is_proxy(proxy), "{proxy}");
        }
        let environment = [("https_proxy", "http://user:hunter2 @proxy")].into_iter().collect();
        let error = check(&environment).unwrap_err();
        assert_eq!(error.to_string(), "https_proxy is no address of a proxy");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        let unset = [("HTTPS_PROXY", "")].into_iter().collect();
        assert!(check(&unset).is_ok());
    }

    #[test]
    fn what_goes_direct_is_told_in_both_spellings() {
        for (variables, value) in [
            (vec![("NO_PROXY", "a"), ("no_proxy", "b")], "a"),
            (vec![("no_proxy", "b")], "b"),
            (vec![("NO_PROXY", ""), ("no_proxy", "b")], "b"),
            (vec![], ""),
        ] {
            let told = direct(&variables.into_iter().collect());
            assert_eq!(told, [("NO_PROXY", value.to_owned()), ("no_proxy", value.to_owned())]);
        }
    }
}
