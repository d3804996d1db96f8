//! Paths of settings, as the validator writes them.

/// `a.b[0]` as `a`, `b`, `0`.
pub(crate) fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split(['.', '[', ']']).filter(|part| !part.is_empty())
}
