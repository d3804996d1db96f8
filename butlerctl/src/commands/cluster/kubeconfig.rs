//! `butlerctl cluster kubeconfig`.

use std::path::{Path, PathBuf};

use butler_account::commands::kubeconfig::{merge_into, tell};
use butler_account::tool::Account;
use butler_client::kubeconfig::entry::Entry;
use butler_files::home;
use butler_tenancy::clusters::kubeconfig;
use butler_terminal::{Exit, Failure};
use secrecy::{ExposeSecret as _, SecretString};

use super::one::ClusterArgs;

/// Options of `cluster kubeconfig`.
#[derive(Debug, clap::Args)]
pub struct KubeconfigArgs {
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// File to write, readable for you only; - is stdout
    #[arg(short, long, value_name = "PATH", default_value = "-")]
    pub output: PathBuf,
    /// Add it to the file that kubectl uses instead of printing it
    #[arg(long, conflicts_with = "output")]
    pub merge: bool,
    /// Make kubectl use it from now on
    #[arg(long, requires = "merge", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, hide_default_value = true, value_name = "BOOL", hide_possible_values = true)]
    pub set_context: bool,
    /// Name of the context to merge; without it the name of the cluster
    #[arg(long, requires = "merge", value_name = "NAME")]
    pub context_name: Option<String>,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &KubeconfigArgs) -> Result<(), Failure> {
    let read = args
        .cluster
        .read(account, async |reach, found| kubeconfig::of(&reach, &found).await);
    let text = read?;
    if args.merge {
        return merge(account, args, &text);
    }
    if args.output == Path::new("-") {
        return account.ui.print(text.expose_secret());
    }
    let written = home::write_secret(&args.output, text.expose_secret().as_bytes());
    written.map_err(|error| Failure::from_error(Exit::Failed, &error).while_doing("cannot write the kubeconfig"))?;
    account
        .ui
        .hint(&format!("kubectl --kubeconfig {} get nodes", args.output.display()));
    Ok(())
}

/// Puts it beside what kubectl has: cluster and context under the name of the cluster, the user as its administrator.
fn merge(account: Account<'_>, args: &KubeconfigArgs, text: &SecretString) -> Result<(), Failure> {
    let name = args.cluster.name();
    let context = args.context_name.as_deref().unwrap_or(name);
    let entry = Entry::of(text, context);
    let mut entry = entry.map_err(|error| {
        Failure::from_error(Exit::Failed, &error).while_doing(format!("the kubeconfig of {name} cannot be merged"))
    })?;
    entry.user = format!("{context}-admin");
    let merged = merge_into(account.env, &entry, args.set_context)?;
    tell(account, &entry.context, &merged);
    Ok(())
}
