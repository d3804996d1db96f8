//! Which management cluster, and where its console is: `--server` beside a kubeconfig says only the latter.

use butler_account::access::AccessArgs;
use butler_account::failure;
use butler_account::session::BUTLER_SERVER;
use butler_account::tool::Account;
use butler_client::address::ServerAddress;
use butler_terminal::Failure;

/// The options for the cluster, and the address that links begin with.
pub(super) fn of(account: Account<'_>, args: &AccessArgs) -> Result<(AccessArgs, Option<ServerAddress>), Failure> {
    let named = args.server.as_deref().or_else(|| account.env.text(BUTLER_SERVER));
    let named = named.map(|text| ServerAddress::parse(text, true)).transpose();
    let base = named.map_err(|error| failure::address(&error))?;
    let mut access = args.clone();
    if access.kubeconfig.is_some() || access.context.is_some() {
        access.server = None;
    }
    Ok((access, base))
}
