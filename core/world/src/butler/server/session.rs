//! Who asks: the session token of a request, and what its person may do now.

use std::time::Duration;

use butler_api::v1alpha1::user::User;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::accounts::{self, Membership, Platform, rank};
use super::jwt::{self, Claims};
use super::reply::Reply;
use super::{ButlerServer, refused};

/// The cookie of a session.
const COOKIE_NAME: &str = "butler_session";
/// Who issues session tokens.
const ISSUER: &str = "butler-server";

/// A person, with what it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    /// How it logged in and as whom, such as `internal:alice`.
    pub(super) subject: String,
    pub(super) email: String,
    pub(super) name: String,
    pub(super) picture: Option<String>,
    pub(super) provider: String,
    pub(super) groups: Vec<String>,
    pub(super) teams: Vec<Membership>,
    pub(super) platform: Platform,
}

/// A person as answers show it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PersonBody<'a> {
    email: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<&'a str>,
    teams: &'a [Membership],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_platform_admin: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform_role: Option<&'a str>,
}

impl Person {
    /// Somebody of whom no more is known than the address.
    #[cfg(test)]
    pub(super) fn named(email: &str) -> Self {
        Self {
            subject: format!("internal:{email}"),
            email: email.to_owned(),
            name: email.to_owned(),
            picture: None,
            provider: "internal".to_owned(),
            groups: Vec::new(),
            teams: Vec::new(),
            platform: Platform::Nobody,
        }
    }

    /// As answers show it.
    pub(super) fn body(&self) -> PersonBody<'_> {
        PersonBody {
            email: &self.email,
            name: &self.name,
            picture: self.picture.as_deref(),
            teams: &self.teams,
            is_platform_admin: self.platform == Platform::Admin,
            // What an older client knows is said as an older server says it.
            platform_role: self.platform.word().filter(|_| self.provider != "legacy"),
        }
    }

    fn claims(&self, begins: Timestamp, ends: Timestamp) -> Claims {
        Claims {
            subject: self.subject.clone(),
            email: self.email.clone(),
            name: self.name.clone(),
            picture: self.picture.clone(),
            provider: self.provider.clone(),
            groups: Some(self.groups.clone()).filter(|groups| !groups.is_empty()),
            teams: Some(self.teams.clone()),
            platform_role: self.platform.word().map(str::to_owned),
            is_platform_admin: self.platform == Platform::Admin,
            iss: ISSUER.to_owned(),
            sub: self.subject.clone(),
            exp: Some(ends.as_second()),
            nbf: Some(begins.as_second()),
            iat: Some(begins.as_second()),
        }
    }
}

/// A request's person, and the team that it has chosen.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) person: Person,
    /// The team of the header `X-Butler-Team`, where the person is in it.
    pub(super) team: Option<String>,
}

impl Session {
    /// Whether the person may do everything.
    pub(super) fn is_admin(&self) -> bool {
        self.person.platform == Platform::Admin
    }

    /// What the person is in a team.
    pub(super) fn role_in(&self, team: &str) -> Option<&str> {
        let own = self.person.teams.iter().find(|membership| membership.name == team);
        match (own, self.person.platform) {
            (Some(own), _) => Some(&own.role),
            (None, Platform::Admin) => Some("admin"),
            (None, Platform::Viewer) => Some("viewer"),
            (None, Platform::Nobody) => None,
        }
    }

    /// Whether the person may change what belongs to a team.
    pub(super) fn operates(&self, team: &str) -> bool {
        self.is_admin() || self.role_in(team).is_some_and(|role| rank(role) >= rank("operator"))
    }

    /// Whether the person may change a team itself.
    pub(super) fn administers(&self, team: &str) -> bool {
        self.is_admin() || self.role_in(team).is_some_and(|role| rank(role) >= rank("admin"))
    }
}

impl ButlerServer {
    /// Who asks. Without a good token, or where the person may do nothing, the answer says so.
    pub(super) fn authenticate(&self, headers: &HeaderMap) -> Result<Session, Reply> {
        let token = token(headers).ok_or_else(|| unauthorized("unauthorized"))?;
        let now = self.now();
        let claims = jwt::verify(token, &self.options.signing_key, now.as_second());
        let claims = claims.ok_or_else(|| unauthorized("invalid session"))?;
        let mut person = self.person_of(claims)?;
        if person.platform == Platform::Admin
            && let Some(other) = header(headers, "x-butler-user-email")
        {
            other.trim().to_lowercase().clone_into(&mut person.email);
        }
        let team = header(headers, "x-butler-team").filter(|team| !team.is_empty());
        let is_known = |team: &&str| {
            person.platform == Platform::Admin || person.teams.iter().any(|membership| membership.name == **team)
        };
        let team = team.filter(is_known).map(str::to_owned);
        Ok(Session { person, team })
    }

    /// What the claims of a token are worth now: teams are those of this moment, and nobody who was disabled gets in.
    fn person_of(&self, claims: Claims) -> Result<Person, Reply> {
        let admin = claims.is_platform_admin || claims.platform_role.as_deref() == Some("admin");
        let mut person = Person {
            subject: claims.subject,
            email: claims.email.trim().to_lowercase(),
            name: claims.name,
            picture: claims.picture,
            provider: claims.provider,
            groups: claims.groups.into_iter().flatten().collect(),
            teams: claims.teams.into_iter().flatten().collect(),
            platform: Platform::Nobody,
        };
        if admin {
            person.platform = Platform::Admin;
            return Ok(person);
        }
        if claims.platform_role.as_deref() == Some("viewer") {
            person.platform = Platform::Viewer;
        }
        let user = accounts::by_email(&self.local, &person.email).map_err(|error| refused(&error))?;
        if user.is_some_and(|user| user.spec.disabled == Some(true)) {
            return Err(Reply::middleware(StatusCode::FORBIDDEN, "account disabled"));
        }
        let teams = accounts::teams(&self.local).map_err(|error| refused(&error))?;
        person.teams = accounts::memberships(&teams, &person.email, &person.groups);
        if person.teams.is_empty() && person.platform == Platform::Nobody {
            let nothing = "no team access - contact your administrator";
            return Err(Reply::middleware(StatusCode::FORBIDDEN, nothing));
        }
        Ok(person)
    }

    /// A user of the cluster, with its teams.
    pub(super) fn person(&self, user: &User) -> Result<Person, Reply> {
        let teams = accounts::teams(&self.local).map_err(|error| refused(&error))?;
        let email = user.spec.email.trim().to_lowercase();
        Ok(Person {
            subject: format!("internal:{}", accounts::user_name(user)),
            name: accounts::name_of(user),
            picture: user.spec.avatar.clone(),
            provider: "internal".to_owned(),
            groups: Vec::new(),
            teams: accounts::memberships(&teams, &email, &[]),
            platform: Platform::of(user),
            email,
        })
    }

    /// The administrator of the server's own settings, who is no user of the cluster.
    pub(super) fn legacy_person() -> Person {
        Person {
            subject: "legacy:admin".to_owned(),
            email: "admin@butler.local".to_owned(),
            name: "Platform Administrator".to_owned(),
            picture: None,
            provider: "legacy".to_owned(),
            groups: Vec::new(),
            teams: Vec::new(),
            platform: Platform::Admin,
        }
    }

    /// A new session token, and when it ends.
    pub(super) fn session_token(&self, person: &Person) -> (String, Timestamp) {
        let begins = self.now();
        let ends = later(begins, self.options.lifetimes.session);
        (jwt::sign(&person.claims(begins, ends), &self.options.signing_key), ends)
    }

    /// The cookie of a new session.
    pub(super) fn session_cookie(&self, person: &Person) -> String {
        let (token, _) = self.session_token(person);
        let seconds = self.options.lifetimes.session.as_secs();
        let secure = if self.options.secure_cookies { "; Secure" } else { "" };
        format!("{COOKIE_NAME}={token}; Path=/; Max-Age={seconds}; HttpOnly{secure}; SameSite=Lax")
    }

    /// The cookie that takes a session away.
    pub(super) fn no_cookie() -> String {
        format!("{COOKIE_NAME}=; Path=/; Max-Age=0; HttpOnly")
    }
}

fn unauthorized(error: &str) -> Reply {
    Reply::middleware(StatusCode::UNAUTHORIZED, error)
}

/// The first header of a name.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The token of a request. A cookie is taken before a header, and the first cookie before the second.
fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|cookies| cookies.split(';'));
    let mut named = pairs.filter_map(|pair| pair.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='));
    if let Some(token) = named.next().filter(|token| !token.is_empty()) {
        return Some(token);
    }
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// So much later, at most to the end of time.
pub(super) fn later(from: Timestamp, after: Duration) -> Timestamp {
    let after = SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX);
    from.saturating_add(after).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(http::HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_cookie_comes_before_a_header_and_bearer_is_written_so() {
        let both = headers(&[
            (COOKIE, "a=b; butler_session=one; butler_session=two"),
            (AUTHORIZATION, "Bearer x"),
        ]);
        assert_eq!(token(&both), Some("one"));
        assert_eq!(token(&headers(&[(AUTHORIZATION, "Bearer x")])), Some("x"));
        assert_eq!(token(&headers(&[(AUTHORIZATION, "bearer x")])), None);
        assert_eq!(token(&headers(&[(AUTHORIZATION, "Basic x")])), None);
        assert_eq!(token(&headers(&[(COOKIE, "butler_session_other=one")])), None);
    }

    #[test]
    fn a_platform_administrator_is_admin_of_every_team_unless_it_is_less_in_one() {
        let mut session = Session {
            person: Person::named("admin@example.com"),
            team: None,
        };
        assert!(!session.operates("alpha"));
        session.person.platform = Platform::Admin;
        assert!(session.administers("alpha"));
        session.person.platform = Platform::Viewer;
        assert_eq!(session.role_in("alpha"), Some("viewer"));
        assert!(!session.operates("alpha"));
    }
}
