//! "did you mean", and which keys sound like secrets.

/// The candidate that was most likely meant, if one is close.
pub fn closest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let folded = word.to_lowercase();
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .iter()
        .map(|candidate| (strsim::osa_distance(&folded, &candidate.to_lowercase()), *candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Whether a key with this name probably holds a secret.
pub(super) fn sounds_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    let secret = [
        "password",
        "passwd",
        "secret",
        "token",
        "credential",
        "accesskey",
        "privatekey",
        "jwt",
    ];
    let place = ["path", "file", "name", "ref"];
    secret.iter().any(|word| name.contains(word)) && !place.iter().any(|word| name.ends_with(word))
}

/// Whether a text is a URL with a user's name or password in it.
pub(super) fn has_credentials(text: &str) -> bool {
    let authority = |rest: &str| {
        rest.split(['/', '?', '#'])
            .next()
            .is_some_and(|authority| authority.contains('@'))
    };
    text.split("://").skip(1).any(authority)
}

/// Characters that change how a terminal shows the text around them.
pub(super) fn is_unprintable(c: char) -> bool {
    let reorders =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    c.is_control() || reorders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_and_swapped_words_are_recognised() {
        let known = ["podCIDR", "serviceCIDR", "vip", "vipInterface"];
        assert_eq!(closest("podCidr", &known), Some("podCIDR"));
        assert_eq!(closest("pdoCIDR", &known), Some("podCIDR"));
        assert_eq!(closest("serviceCDR", &known), Some("serviceCIDR"));
        assert_eq!(closest("gateway", &known), None);
    }

    #[test]
    fn secrets_are_recognised_by_name_but_paths_are_not() {
        assert!(sounds_secret("adminPassword"));
        assert!(sounds_secret("secretAccessKey"));
        assert!(!sounds_secret("tlsSecretName"));
        assert!(!sounds_secret("serviceAccountKeyPath"));
    }
}
