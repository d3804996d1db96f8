//! `kubeconfig`: lets kubectl use the login. What is written holds no secret: kubectl asks this program for credentials.

use std::path::PathBuf;

use butler_client::address::ServerAddress;
use butler_client::kubeconfig::entry::{Entry, Plugin};
use butler_client::kubeconfig::file::{self, MergeError, Merged};
use butler_client::kubeconfig::merge;
use butler_client::logged_in::LoggedIn;
use butler_client::session::Session;
use butler_client::store::Store;
use butler_tenancy::place;
use butler_terminal::{Env, Exit, Failure, env, interrupt};

use super::credential::unusable;
use crate::failure;
use crate::session::{self, ServerArgs};
use crate::tool::Account;

/// Options of `kubeconfig`.
#[derive(Debug, clap::Args)]
pub struct KubeconfigArgs {
    /// The server whose login is used.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Add it to the file that kubectl uses instead of printing it
    #[arg(long)]
    pub merge: bool,
    /// Make kubectl use it from now on
    #[arg(long, requires = "merge")]
    pub set_context: bool,
    /// Name of the context; without it the host of the server
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Namespace of the context; without it the one of the active team
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
}

/// Runs the command.
pub fn run(account: Account<'_>, args: &KubeconfigArgs) -> Result<(), Failure> {
    let (store, content) = session::stored(account)?;
    let address = args.server.chosen(account.tool, &content)?;
    let session = session::good(account, &store, &address)?;
    let mut entry = entry(account, args, &address, &session)?;
    let namespace = match &args.namespace {
        Some(namespace) => Some(namespace.clone()),
        None => namespace(account, store, address, session)?,
    };
    entry.namespace = namespace.or(entry.namespace);
    if !args.merge {
        let text = file::yaml(&entry.alone());
        let text = text.ok_or_else(|| Failure::new(Exit::Failed, "cannot write the kubeconfig as YAML"))?;
        return account.ui.print(&text);
    }
    let merged = merge_into(account.env, &entry, args.set_context)?;
    tell(account, &entry.context, &merged);
    Ok(())
}

fn entry(
    account: Account<'_>,
    args: &KubeconfigArgs,
    address: &ServerAddress,
    session: &Session,
) -> Result<Entry, Failure> {
    let text = session.kubeconfig_text();
    let text = text.map_err(|error| unusable(account, address, &error))?;
    let name = args.name.clone().unwrap_or_else(|| address.host().to_owned());
    let entry = Entry::of(&text, &name).map_err(|error| unusable(account, address, &error))?;
    let program = std::env::current_exe().map_err(|error| {
        Failure::from_error(Exit::Failed, &error)
            .while_doing("cannot tell where this program is, which kubectl is to ask")
    })?;
    let home = account.env.get(env::BUTLER_HOME).map(std::path::absolute).transpose();
    let home = home.map_err(|error| Failure::from_error(Exit::Usage, &error).while_doing("cannot use BUTLER_HOME"))?;
    Ok(entry.with_plugin(&Plugin {
        program: &program,
        server: address,
        home: home.as_deref(),
        tool: account.tool.name,
    }))
}

/// The namespace of the active team.
fn namespace(
    account: Account<'_>,
    store: Store,
    address: ServerAddress,
    session: Session,
) -> Result<Option<String>, Failure> {
    let Some(team) = session.active_team.clone() else {
        return Ok(None);
    };
    let tool = account.tool;
    let server = LoggedIn::new(store, address, session).map_err(|error| failure::session(tool, &error))?;
    interrupt::run(account.ui, |stop| async move {
        tokio::select! {
            found = place::by_server(&server, &team) => found.map(Some).map_err(|error| failure::place(tool, &error)),
            () = stop.cancelled() => Err(failure::interrupted()),
        }
    })
}

/// Merges an entry into the files that kubectl uses.
pub fn merge_into(env: &Env, entry: &Entry, use_it: bool) -> Result<Merged, Failure> {
    let home = env.get(env::HOME).map(PathBuf::from);
    let files = merge::files(env.get(crate::access::KUBECONFIG), home.as_deref());
    file::merge(&files, entry, use_it).map_err(|error| failed(&error))
}

/// Says what a merge did, and how to use it.
pub fn tell(account: Account<'_>, context: &str, merged: &Merged) {
    for path in &merged.files {
        account.ui.note(&format!("context {context} is in {}", path.display()));
    }
    if !merged.is_current {
        account
            .ui
            .hint(&format!("use it: kubectl config use-context {context}"));
    }
}

fn failed(error: &MergeError) -> Failure {
    let failure = Failure::from_error(Exit::Failed, error);
    match error {
        MergeError::Nowhere => failure.hint("set KUBECONFIG to the file to merge into"),
        MergeError::Locked { lock, .. } => failure.hint(format!(
            "where no kubectl changes it now, a killed one left the lock: rm {}",
            lock.display()
        )),
        MergeError::Unreadable { .. } | MergeError::Misshapen(_) => {
            failure.hint("nothing was changed; mend the file, or print the kubeconfig without --merge")
        }
        MergeError::Write(error) => match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        },
        MergeError::Read { .. } | MergeError::Lock { .. } | MergeError::Encode(_) => failure,
    }
}
