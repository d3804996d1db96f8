//! The keyring of whoever runs the program, as the door that core is given.

use std::borrow::Borrow;

use butler_files::Environment;
use butler_infra::BoxError;
use butler_lifecycle::setup::Keyring;
use futures::future::{BoxFuture, FutureExt as _};
use secrecy::SecretString;

/// The keyring of the session that an environment describes.
pub(crate) struct SessionKeyring<E>(pub(crate) E);

impl<E: Borrow<Environment> + Send + Sync> Keyring for SessionKeyring<E> {
    fn secret<'a>(
        &'a self,
        service: &'a str,
        username: &'a str,
    ) -> BoxFuture<'a, Result<Option<SecretString>, BoxError>> {
        async move {
            let found = butler_client::store::entry(self.0.borrow(), service, username).await;
            found.map_err(BoxError::from)
        }
        .boxed()
    }
}
