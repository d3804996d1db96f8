//! Bearer tokens from a file: `token,user,uid,"group,group"` a line, as the real server reads it.

use std::path::Path;

use crate::pki::PkiError;

/// The tokens of a server.
#[derive(Default)]
pub(crate) struct Tokens(Vec<(String, String, Vec<String>)>);

impl Tokens {
    /// Reads the file if it is there.
    pub(crate) fn open(path: &Path) -> Result<Self, PkiError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(PkiError::File {
                path: path.display().to_string(),
                source,
            }),
        }
    }

    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#'));
        Self(
            lines
                .filter_map(|line| {
                    let mut fields = line.splitn(4, ',').map(|f| f.trim().trim_matches('"'));
                    let (token, user) = (fields.next()?, fields.next()?);
                    let groups = fields.nth(1).unwrap_or_default();
                    let groups = groups
                        .split(',')
                        .map(str::trim)
                        .filter(|g| !g.is_empty())
                        .map(str::to_owned)
                        .collect();
                    (!token.is_empty() && !user.is_empty()).then(|| (token.to_owned(), user.to_owned(), groups))
                })
                .collect(),
        )
    }

    /// The user of a token.
    pub(crate) fn find(&self, token: &str) -> Option<(String, Vec<String>)> {
        self.0
            .iter()
            .find(|(t, ..)| same(t, token))
            .map(|(_, user, groups)| (user.clone(), groups.clone()))
    }
}

/// Compares without telling by the time taken where the difference is.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |d, (x, y)| d | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_token_user_and_groups() {
        let tokens = Tokens::parse("# comment\nabc,jane,7,\"devs,system:masters\"\nx,y,z\nbroken\n");
        assert_eq!(
            tokens.find("abc"),
            Some(("jane".to_owned(), vec!["devs".to_owned(), "system:masters".to_owned()]))
        );
        assert_eq!(tokens.find("x"), Some(("y".to_owned(), Vec::new())));
        assert_eq!(tokens.find("nonsense"), None);
    }
}
