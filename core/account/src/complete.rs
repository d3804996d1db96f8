//! What completes the values of options: names that are on the management cluster, teams and servers of logins, contexts.
//!
//! A login is used as it is and never renewed: a program that is cut off after a moment must not hold the only copy of a token.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::time::Duration;

use butler_api::tenants::Release;
use butler_client::kubeconfig::file;
use butler_client::kubeconfig::merge;
use butler_client::logged_in::LoggedIn;
use butler_client::resolve::Source;
use butler_client::session::Freshness;
use butler_files::home;
use butler_files::read;
use butler_tenancy::names::{self, Named};
use butler_tenancy::place::{self, Asked};
use butler_tenancy::reach::Reach;
use butler_terminal::completion::Words;
use butler_terminal::{Env, Ui, UiOptions, env};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::access::{self, AccessArgs};
use crate::session;
use crate::tool::{Account, Tool};
use crate::work::BUTLER_NAMESPACE;

/// How long a management cluster may take to tell names.
const PATIENCE: Duration = Duration::from_millis(180);
/// Names that are so old are used without asking.
const FRESH: i64 = 10;
/// Names that are so old are better than none.
const USABLE: i64 = 3600;
/// The largest file of kept names that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// Values of a kind for what has been typed. Nothing where the kind is none of these.
pub fn values(tool: Tool, kind: &str, words: &Words) -> Option<Vec<String>> {
    let environment = Env::from_process();
    let quiet = UiOptions {
        quiet: true,
        ..UiOptions::default()
    };
    let (ui, _) = Ui::captured(quiet, &environment, None);
    let account = Account {
        tool,
        ui: &ui,
        env: &environment,
    };
    let found = match kind {
        "CONTEXT" => contexts(account),
        "URL" => servers(account),
        "VERSION" => Some(Release::choices().iter().map(ToString::to_string).collect()),
        "ADDON" => live(account, Named::Addon, words),
        "CLUSTER" => live(account, Named::Cluster, words),
        "ENVIRONMENT" => live(account, Named::Environment, words),
        "NAMESPACE" => live(account, Named::Namespace, words),
        "PROVIDER" => live(account, Named::Provider, words),
        "TEAM" if !tool.for_administrators => teams(account),
        "TEAM" => live(account, Named::Team, words),
        "USER" => live(account, Named::User, words),
        _ => return None,
    };
    Some(found.into_iter().flatten().collect())
}

fn contexts(account: Account<'_>) -> Option<Vec<String>> {
    let home = account.env.get(env::HOME).map(PathBuf::from);
    file::contexts(&merge::files(account.env.get(access::KUBECONFIG), home.as_deref())).ok()
}

fn servers(account: Account<'_>) -> Option<Vec<String>> {
    let (_, content) = session::stored(account).ok()?;
    Some(content.servers.keys().map(ToString::to_string).collect())
}

fn teams(account: Account<'_>) -> Option<Vec<String>> {
    let (_, content) = session::stored(account).ok()?;
    let entry = content.servers.get(content.active_server.as_ref()?)?;
    Some(entry.known.user.teams.iter().map(|team| team.name.clone()).collect())
}

/// Names that were found, and when.
#[derive(Serialize, Deserialize)]
struct Kept {
    at: Timestamp,
    names: Vec<String>,
}

impl Kept {
    fn age(&self) -> i64 {
        Timestamp::now().duration_since(self.at).as_secs().max(0)
    }
}

/// Names on the management cluster: those of a moment ago, else those that it tells now, else older ones.
fn live(account: Account<'_>, of: Named, words: &Words) -> Option<Vec<String>> {
    let file = file_of(account, of, words)?;
    let kept: Option<Kept> = read::file(&file, LARGEST)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if let Some(kept) = kept.as_ref().filter(|kept| kept.age() <= FRESH) {
        return Some(kept.names.clone());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    let asked = async { tokio::time::timeout(PATIENCE, fetched(account, of, words)).await };
    match runtime.block_on(asked) {
        Ok(Some(names)) => {
            let at = Timestamp::now();
            if let Ok(text) = serde_json::to_vec(&Kept {
                at,
                names: names.clone(),
            }) {
                // What cannot be kept is asked for again.
                let _ = home::write_secret(&file, &text);
            }
            Some(names)
        }
        Ok(None) | Err(_) => kept.filter(|kept| kept.age() <= USABLE).map(|kept| kept.names),
    }
}

/// The file of names that were found for the same cluster, place and person.
fn file_of(account: Account<'_>, of: Named, words: &Words) -> Option<PathBuf> {
    let decision = access::decide(account, &access_of(words)).ok()?;
    let place = place_of(account, words);
    let mut key = DefaultHasher::new();
    (decision.source.to_string(), &decision.context, format!("{of:?}")).hash(&mut key);
    (place.namespace, place.team, place.namespace_variable).hash(&mut key);
    if let Ok((_, content)) = session::stored(account) {
        let active = content
            .active_server
            .and_then(|server| content.servers.get(&server).cloned());
        active
            .map(|entry| (entry.known.user.email, entry.known.active_team))
            .hash(&mut key);
    }
    let home = session::home(account.env).ok()?;
    Some(
        home.cache
            .join("completion")
            .join(format!("{:016x}.json", key.finish())),
    )
}

fn access_of(words: &Words) -> AccessArgs {
    AccessArgs {
        kubeconfig: words.option(&["--kubeconfig"]).map(PathBuf::from),
        context: words.option(&["--context"]).map(str::to_owned),
        server: words.option(&["--server"]).map(str::to_owned),
        explain_auth: false,
    }
}

fn place_of(account: Account<'_>, words: &Words) -> Asked {
    Asked {
        namespace: words.option(&["--namespace", "-n"]).map(str::to_owned),
        team: words.option(&["--team"]).map(str::to_owned),
        namespace_variable: account.env.text(BUTLER_NAMESPACE).map(str::to_owned),
    }
}

async fn fetched(account: Account<'_>, of: Named, words: &Words) -> Option<Vec<String>> {
    let reach = reached(account, words).await?;
    let needs_place = matches!(of, Named::Cluster | Named::Environment);
    let everywhere = words.has("-A") || words.has("--all-namespaces");
    let place = if needs_place && !everywhere {
        Some(place::find(&reach, &place_of(account, words)).await.ok()?)
    } else {
        None
    };
    Some(names::all(&reach, place.as_ref(), of).await)
}

/// The management cluster, with a login only as long as it is good.
async fn reached(account: Account<'_>, words: &Words) -> Option<Reach> {
    let decision = access::decide(account, &access_of(words)).ok()?;
    let Source::Login(address) = decision.source.clone() else {
        return Reach::by_files(decision).await.ok();
    };
    let store = session::store(account.env).ok()?;
    let session = store.session(&address).await.ok()??;
    if session.freshness(Timestamp::now()) != Freshness::Good {
        return None;
    }
    let server = LoggedIn::new(store, address, session.clone()).ok()?;
    Reach::by_login(decision, server, &session).await.ok()
}
