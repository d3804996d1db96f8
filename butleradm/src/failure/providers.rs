//! Failures of the commands about providers.

use butler_tenancy::objects::ObjectError;
use butler_tenancy::providers::create::ProviderError;
use butler_tenancy::providers::credentials::CredentialsError;
use butler_tenancy::providers::delete::DeleteError;
use butler_tenancy::providers::settings::DescribeError;
use butler_tenancy::providers::wish::WishError;
use butler_terminal::{Exit, Failure};

use super::people;

/// An object that could not be read or written.
pub(crate) fn object(error: &ObjectError) -> Failure {
    let failure = || Failure::from_error(Exit::Failed, error);
    match error {
        ObjectError::Kubernetes { source, .. } => people::kubernetes(source, error.to_string()),
        ObjectError::Missing { .. } => failure().hint("butleradm provider list"),
        ObjectError::Shape { .. } => failure().hint("a newer version may know it; -o yaml shows it as it is"),
        ObjectError::Server { .. } | ObjectError::Exists { .. } | ObjectError::Encode { .. } => failure(),
    }
}

/// What is wanted and cannot be.
pub(crate) fn wish(error: &WishError) -> Failure {
    let failure = Failure::from_error(Exit::Usage, error);
    match error {
        WishError::NoName => failure.hint("name it: butleradm provider create NAME"),
        WishError::NoProvider => failure.hint("name it: --provider proxmox; or describe all of it: --from-file FILE"),
        WishError::NoBlock(_) => {
            failure.hint("--from-file FILE; `butleradm provider get NAME -o yaml` shows one that is there")
        }
        WishError::Missing { .. } => failure.hint("name them, or describe all of it: --from-file FILE"),
        WishError::Credentials(error) => credentials(error),
        WishError::Other { .. } => failure.hint("leave one of them out"),
        WishError::Name(_) | WishError::File(_) | WishError::Kind { .. } | WishError::Settings { .. } => failure,
    }
}

fn credentials(error: &CredentialsError) -> Failure {
    let failure = Failure::from_error(Exit::Usage, error);
    match error {
        CredentialsError::Missing { missing, .. } => {
            let failure = missing.iter().fold(failure, |failure, key| match *key {
                "username" => failure.hint("--username USER"),
                key => failure.hint(format!(
                    "--credential {key}=file:PATH; env:NAME, exec:COMMAND and - do as well"
                )),
            });
            failure.hint("or name a Secret that holds them already: --secret NAME")
        }
        CredentialsError::None(_) | CredentialsError::Unknown { .. } => failure,
    }
}

/// A provider that was not made or changed.
pub(crate) fn provider(error: &ProviderError) -> Failure {
    let failure = || Failure::from_error(Exit::Failed, error);
    match error {
        ProviderError::Exists { name, .. } => failure().hint(format!("change it: butleradm provider update {name}")),
        ProviderError::Denied { .. } => failure(),
        ProviderError::NoSecret(name) => failure().hint(format!("butleradm provider update {name} --secret NAME")),
        ProviderError::Wish(error) => wish(error),
        ProviderError::Object(error) => object(error),
    }
}

/// A provider that was not deleted.
pub(crate) fn delete(error: &DeleteError) -> Failure {
    match error {
        DeleteError::InUse { .. } => Failure::from_error(Exit::Failed, error)
            .hint("what is on that platform could no longer be changed or taken away: delete or move it first"),
        DeleteError::Look { source, .. } => people::kubernetes(source, error.to_string()),
        DeleteError::Object(error) => object(error),
    }
}

/// A platform whose settings are not known.
pub(crate) fn describe(error: &DescribeError) -> Failure {
    let failure = || Failure::from_error(Exit::Failed, error);
    match error {
        DescribeError::NoSecret { provider, .. } => failure().hint(format!(
            "write it: butleradm provider update {provider} --username USER --credential password=file:PATH"
        )),
        DescribeError::Secret { source, .. } => people::kubernetes(source, error.to_string()),
        DescribeError::Settings { provider, .. } => {
            failure().hint(format!("butleradm provider get {provider} -o yaml shows it"))
        }
        DescribeError::Object(error) => object(error),
    }
}
