//! `login --issuer`: at any OpenID Connect provider that the cluster's API server trusts.

use std::path::{Path, PathBuf};

use butler_client::address::ServerAddress;
use butler_client::oidc::{Login, OidcError, Request};
use butler_client::session::{Known, Session};
use butler_files::home;
use butler_terminal::Failure;
use jiff::Timestamp;

use super::login::{self, Told};
use crate::failure;
use crate::tool::Account;

/// Options of a login that Butler's server has no part in.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Any OpenID Connect provider")]
pub struct IssuerArgs {
    /// Log in at this issuer, which the API server of the cluster trusts
    #[arg(
        long,
        value_name = "URL",
        requires_all = ["client_id", "api_server"],
        conflicts_with_all = ["user", "token_stdin", "ca_file", "insecure_http"]
    )]
    pub issuer: Option<String>,
    /// What the issuer knows this program by
    #[arg(long, value_name = "ID", requires = "issuer")]
    pub client_id: Option<String>,
    /// Address of the API server of the management cluster
    #[arg(long, value_name = "URL", requires = "issuer")]
    pub api_server: Option<String>,
    /// File with the authority of the API server's certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "issuer")]
    pub certificate_authority: Option<PathBuf>,
    /// File with the authority of the issuer's certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "issuer")]
    pub issuer_ca: Option<PathBuf>,
    /// What the issuer is asked for, instead of openid, profile, email and offline_access; can be repeated
    #[arg(long, value_name = "SCOPE", requires = "issuer")]
    pub scope: Vec<String>,
}

/// The login that was asked for; nothing: none of this kind.
pub(super) fn named(args: &IssuerArgs) -> Result<Option<Request>, Failure> {
    let (Some(issuer), Some(client_id), Some(api)) = (&args.issuer, &args.client_id, &args.api_server) else {
        return Ok(None);
    };
    let api = ServerAddress::parse(api, false).map_err(|error| failure::address(&error))?;
    let authority = |path: &Option<PathBuf>| path.as_deref().map(authority).transpose();
    Ok(Some(Request {
        issuer: issuer.trim().to_owned(),
        issuer_authority: authority(&args.issuer_ca)?,
        client_id: client_id.clone(),
        scopes: args.scope.clone(),
        api,
        authority: authority(&args.certificate_authority)?,
    }))
}

fn authority(path: &Path) -> Result<String, Failure> {
    let path = home::expand(path).map_err(|error| failure::home(&error))?;
    login::pem(&path)
}

/// The login that was the last one for this server, if it was of this kind.
pub(super) fn known(api: &ServerAddress, last: Option<&Known>) -> Option<Request> {
    let last = last?;
    let issuer = *last.issuer.clone()?;
    Some(Request {
        issuer: issuer.url,
        issuer_authority: issuer.authority,
        client_id: issuer.client_id,
        scopes: issuer.scopes,
        api: api.clone(),
        authority: last.authority.clone(),
    })
}

/// Logs in; nothing is kept here.
pub(super) async fn log_in(account: Account<'_>, no_browser: bool, request: Request) -> Result<Session, Failure> {
    let Account { ui, env, tool } = account;
    let failed = |error: OidcError| failure::oidc(tool, &error);
    let login = Login::begin(request).await.map_err(failed)?;
    login::show(ui, env, no_browser, login.device());
    login.wait(&mut Told(ui), Timestamp::now).await.map_err(failed)
}

/// Says how long such a login is good for, where that is not for as long as people expect.
pub(super) fn told(account: Account<'_>, session: &Session) {
    if session.refresh_token.is_none() {
        account.ui.warn(
            &format!(
                "the issuer gave no refresh token: the login ends at {}",
                session.expires_at
            ),
            Some("its administrator can allow the client the scope offline_access and the grant refresh_token"),
        );
    }
}
