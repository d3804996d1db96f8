//! Users: whether they may log in, and which teams they are in. Passwords, invitations and logins are the server's.

use std::time::Duration;

use butler_api::conditions::{self, Observation, Status};
use butler_api::labels::{PLATFORM_ADMIN, USER_TYPE};
use butler_api::membership::Person;
use butler_api::names;
use butler_api::v1alpha1::user::{AuthType, UserPhase, UserStatus};
use butler_api::v1alpha1::{Team, User};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Value;

use super::Controller;
use super::kinds::Kind;
use super::mirror::{Key, Mirror, read};
use super::pass::{Pass, is_deleting};
use super::team::is_observed;

pub(super) const CONTROLLER: Controller = Controller {
    kind: Kind::User,
    decide,
    concerned,
};

/// Everybody, where a team has changed what it asks for; and the one whose password it is.
fn concerned(key: &Key, object: &Value, mirror: &Mirror) -> Vec<Key> {
    match key.kind {
        Kind::Team if mirror.get(key).is_none() || !is_observed(object) => {
            mirror.all(Kind::User).map(|(key, _)| key.clone()).collect()
        }
        Kind::Secret if key.namespace == names::SYSTEM_NAMESPACE => {
            let all = mirror.all(Kind::User);
            let own = all.filter(|(user, object)| password(user, object) == key.name);
            own.map(|(key, _)| key.clone()).collect()
        }
        _ => Vec::new(),
    }
}

/// The Secret with the password of a user: the first administrator has one of his own.
fn password(user: &Key, object: &Value) -> String {
    let kind = object["metadata"]["labels"].get(USER_TYPE);
    if kind.is_some_and(|kind| kind == PLATFORM_ADMIN) {
        return names::ADMIN_PASSWORD.to_owned();
    }
    names::user_password(&user.name)
}

fn decide(key: &Key, object: &Value, pass: &mut Pass<'_>) {
    if is_deleting(object) {
        return;
    }
    let Some(user) = read::<User>(object) else {
        return;
    };
    let mut status = user.status.clone().unwrap_or_else(UserStatus::default);
    let secret = password(key, object);
    let has_password = status.password_secret_ref.is_some()
        || pass
            .mirror
            .find(Kind::Secret, names::SYSTEM_NAMESPACE, &secret)
            .is_some();
    let phase = phase(&user, &status, has_password, pass.facts.wall);
    resolve(&user, &mut status, pass);
    observe(&user, &mut status, &phase, pass);
    status.phase = Some(phase);
    for moment in [&status.locked_until, &status.invite_expires_at].into_iter().flatten() {
        if let Some(left) = left(moment, pass.facts.wall) {
            pass.again_in(left);
        }
    }
    pass.status(key, &status);
}

/// How long it is until a moment; nothing when it is over.
fn left(moment: &Time, now: Timestamp) -> Option<Duration> {
    let left = Duration::try_from(moment.0.duration_since(now)).ok()?;
    (!left.is_zero()).then_some(left)
}

/// Who has been active once stays so, unless somebody takes it from him: the server may have let him in by other means.
fn phase(user: &User, status: &UserStatus, has_password: bool, now: Timestamp) -> UserPhase {
    let is_locked = status
        .locked_until
        .as_ref()
        .is_some_and(|until| left(until, now).is_some());
    let was_active = status.phase == Some(UserPhase::Active) || status.last_login_time.is_some();
    if user.spec.disabled == Some(true) {
        UserPhase::Disabled
    } else if is_locked {
        UserPhase::Locked
    } else if has_password || was_active || user.spec.auth_type == Some(AuthType::Sso) {
        UserPhase::Active
    } else {
        UserPhase::Pending
    }
}

/// Writes down the teams of a user; the time of it only with them.
fn resolve(user: &User, status: &mut UserStatus, pass: &Pass<'_>) {
    let person = Person {
        email: &user.spec.email,
        groups: &status.last_seen_groups,
        provider: user.spec.sso_provider.as_deref(),
    };
    let teams = pass.mirror.all(Kind::Team).filter(|(_, team)| !is_deleting(team));
    let teams: Vec<Team> = teams.filter_map(|(_, team)| read(team)).collect();
    let teams = person.teams(&teams);
    if teams != status.teams {
        status.teams = teams;
        status.teams_resolved_at = Some(pass.time());
    }
}

fn observe(user: &User, status: &mut UserStatus, phase: &UserPhase, pass: &Pass<'_>) {
    let message = match phase {
        UserPhase::Active => "the user may log in",
        UserPhase::Disabled => "the account is disabled",
        UserPhase::Locked => "the account is locked for a while",
        _ => "the user has no password yet",
    };
    let mut all = vec![("Ready", *phase == UserPhase::Active, phase.as_str(), message)];
    if let Some(expires) = &status.invite_expires_at {
        let open = left(expires, pass.facts.wall).is_some();
        let pending = *phase == UserPhase::Pending;
        all.push(("InvitePending", pending && open, "Invited", "an invitation is open"));
        all.push((
            "InviteExpired",
            pending && !open,
            "Invited",
            "the invitation has expired",
        ));
    }
    let kinds: Vec<&str> = all.iter().map(|(kind, ..)| *kind).collect();
    status
        .conditions
        .retain(|condition| kinds.contains(&condition.type_.as_str()));
    for (kind, so, reason, message) in all {
        let observation = Observation {
            kind,
            status: Status::from(so),
            reason,
            message,
            generation: user.metadata.generation,
        };
        conditions::set(&mut status.conditions, &observation, pass.facts.wall);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{Bench, Served, ends_the_same_wherever_it_is_cut_off, phase};
    use super::*;

    const A_WHILE: Duration = Duration::from_secs(5);

    fn user(bench: &mut Bench, name: &str, more: &Value) {
        let mut spec = json!({"email": format!("{name}@example.com"), "authType": "internal"});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        bench.put(Kind::User, "", name, json!({"spec": spec}));
        bench.run(A_WHILE);
    }

    fn phase_of(bench: &Bench, name: &str) -> String {
        bench.text(Kind::User, "", name, "/status/phase")
    }

    fn status(bench: &mut Bench, name: &str, status: &Value) {
        bench.change(Kind::User, "", name, &json!({"status": status}));
        bench.run(A_WHILE);
    }

    #[test]
    fn a_user_is_pending_until_he_has_a_password_and_one_of_an_identity_provider_is_not() {
        let mut bench = Bench::new();
        user(&mut bench, "ann", &json!({}));
        user(&mut bench, "bob", &json!({"authType": "sso"}));
        assert_eq!(
            (phase_of(&bench, "ann"), phase_of(&bench, "bob")),
            ("Pending".into(), "Active".into())
        );
        bench.put(Kind::Secret, "butler-system", "butler-user-ann-password", json!({}));
        bench.run(A_WHILE);
        assert_eq!(phase_of(&bench, "ann"), "Active");
        assert!(
            bench
                .condition(Kind::User, "", "ann", "Ready")
                .starts_with("True Active")
        );
    }

    #[test]
    fn the_first_administrator_has_a_password_of_his_own() {
        let mut bench = Bench::new();
        let labels = json!({USER_TYPE: PLATFORM_ADMIN});
        let admin = json!({"metadata": {"labels": labels}, "spec": {"email": "admin@localhost"}});
        bench.put(Kind::User, "", "admin", admin);
        bench.run(A_WHILE);
        assert_eq!(phase_of(&bench, "admin"), "Pending");
        bench.put(Kind::Secret, "butler-system", names::ADMIN_PASSWORD, json!({}));
        bench.run(A_WHILE);
        assert_eq!(phase_of(&bench, "admin"), "Active");
    }

    #[test]
    fn a_user_is_disabled_and_locked_for_as_long_as_that_is_said() {
        let mut bench = Bench::new();
        user(&mut bench, "ann", &json!({"disabled": true}));
        status(&mut bench, "ann", &json!({"lastLoginTime": "2023-01-01T00:00:00Z"}));
        assert_eq!(phase_of(&bench, "ann"), "Disabled");
        bench.change(Kind::User, "", "ann", &json!({"spec": {"disabled": false}}));
        bench.run(A_WHILE);
        assert_eq!(phase_of(&bench, "ann"), "Active", "he was active before");
        // The clock of the tests begins at 22:13:20.
        status(&mut bench, "ann", &json!({"lockedUntil": "2023-11-14T22:20:00Z"}));
        assert_eq!(phase_of(&bench, "ann"), "Locked");
        bench.run(Duration::from_mins(10));
        assert_eq!(phase_of(&bench, "ann"), "Active");
    }

    #[test]
    fn an_invitation_expires() {
        let mut bench = Bench::new();
        user(&mut bench, "ann", &json!({}));
        status(&mut bench, "ann", &json!({"inviteExpiresAt": "2023-11-14T22:20:00Z"}));
        let condition = |bench: &Bench, which| bench.condition(Kind::User, "", "ann", which);
        assert!(condition(&bench, "InvitePending").starts_with("True"));
        assert!(condition(&bench, "InviteExpired").starts_with("False"));
        bench.run(Duration::from_mins(10));
        assert!(condition(&bench, "InvitePending").starts_with("False"));
        assert!(condition(&bench, "InviteExpired").starts_with("True"));
    }

    /// A user of two teams, one of which goes again.
    fn memberships(bench: &mut Bench) {
        user(bench, "ann", &json!({}));
        status(bench, "ann", &json!({"lastSeenGroups": ["CN=Ops,DC=corp"]}));
        let users = json!({"users": [{"name": "ANN@example.com", "role": "operator"}]});
        bench.put(Kind::Team, "", "beta", json!({"spec": {"access": users}}));
        let groups = json!({"groups": [{"name": "ops", "role": "admin"}]});
        bench.put(Kind::Team, "", "alpha", json!({"spec": {"access": groups}}));
        bench.run(A_WHILE);
    }

    #[test]
    fn the_teams_of_a_user_are_written_down_with_the_time_of_their_change() {
        let mut bench = Bench::new();
        memberships(&mut bench);
        let teams = |bench: &Bench| bench.find(Kind::User, "", "ann").unwrap()["status"]["teams"].clone();
        let both = json!([{"name": "alpha", "role": "admin"}, {"name": "beta", "role": "operator"}]);
        assert_eq!(teams(&bench), both);
        let resolved = |bench: &Bench| bench.text(Kind::User, "", "ann", "/status/teamsResolvedAt");
        let before = resolved(&bench);
        bench.change(Kind::User, "", "ann", &json!({"spec": {"displayName": "Ann"}}));
        bench.run(A_WHILE);
        assert_eq!(resolved(&bench), before);
        bench.delete(Kind::Team, "", "alpha");
        bench.run(A_WHILE);
        assert_eq!(teams(&bench), json!([{"name": "beta", "role": "operator"}]));
        assert_ne!(resolved(&bench), before);
    }

    #[test]
    fn a_user_ends_the_same_wherever_he_is_cut_off() {
        ends_the_same_wherever_it_is_cut_off(|bench| {
            memberships(bench);
            bench.delete(Kind::Team, "", "beta");
            bench.change(Kind::User, "", "ann", &json!({"spec": {"disabled": true}}));
            bench.run(A_WHILE);
            assert_eq!(phase_of(bench, "ann"), "Disabled");
        });
    }

    #[tokio::test]
    async fn a_server_takes_what_is_written_of_a_user() {
        let mut served = Served::start("").await;
        served.create(Kind::User, "", "ann", json!({"spec": {"email": "ann@example.com"}}));
        let users = json!({"users": [{"name": "ann@example.com", "role": "admin"}]});
        served.create(Kind::Team, "", "alpha", json!({"spec": {"access": users}}));
        served.until(Kind::User, "", "ann", phase("Pending")).await;
        served
            .until(Kind::User, "", "ann", |user| {
                user["status"]["teams"][0]["name"] == "alpha"
            })
            .await;
        served.end().await;
    }
}
