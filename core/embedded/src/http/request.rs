//! A request taken apart: method, path segments, query, headers, body, user.

use bytes::Bytes;
use http::HeaderMap;

use crate::access::User;

/// A request that has been read to its end.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path as sent, without the query.
    pub(crate) path: String,
    /// Its parts, percent-decoded; a trailing slash is ignored.
    pub(crate) segments: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) user: User,
}

impl Request {
    pub(crate) fn new(parts: &http::request::Parts, body: Bytes, user: User) -> Self {
        let path = parts.uri.path().to_owned();
        let segments = path
            .trim_matches('/')
            .split('/')
            .filter(|s| !s.is_empty())
            .map(|s| decode(s, false))
            .collect();
        Self {
            method: parts.method.as_str().to_owned(),
            segments,
            query: parts.uri.query().map_or_else(Vec::new, parse_query),
            headers: parts.headers.clone(),
            path,
            body,
            user,
        }
    }

    /// The first value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// A query parameter that is present and not empty.
    pub(crate) fn query_text(&self, name: &str) -> Option<&str> {
        self.query(name).filter(|v| !v.is_empty())
    }

    /// A header; empty if it is absent or no text, which asks for nothing in both cases.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("")
    }

    /// The media type of the body, without parameters.
    pub(crate) fn content_type(&self) -> &str {
        let header = self.header("content-type");
        header.split_once(';').map_or(header, |(media, _)| media).trim()
    }
}

/// Splits and decodes a query string.
pub(crate) fn parse_query(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(name, true), decode(value, true))
        })
        .collect()
}

/// Percent-decoding; bytes that are no UTF-8 become the replacement character.
fn decode(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let hex = |i: usize| {
            bytes
                .get(i)
                .and_then(|b| char::from(*b).to_digit(16))
                .and_then(|d| u8::try_from(d).ok())
        };
        match byte {
            b'%' if let (Some(high), Some(low)) = (hex(at + 1), hex(at + 2)) => {
                out.push(high << 4 | low);
                at += 2;
            }
            b'+' if plus => out.push(b' '),
            other => out.push(other),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn queries_decode_percent_and_plus() {
        assert_eq!(
            parse_query("labelSelector=a%3Db+c&watch&x=%zz"),
            [("labelSelector", "a=b c"), ("watch", ""), ("x", "%zz")].map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
    }

    proptest! {
        #[test]
        fn any_text_decodes(text in ".*") {
            decode(&text, true);
        }
    }
}
