//! Why something about objects did not come about, with what can be done about it.

use butler_account::failure;
use butler_tenancy::objects::ObjectError;
use butler_terminal::{Exit, Failure};

use super::cluster::waiting::Work;

/// Does something with objects, and tells why it did not come about; `list` is the command that shows those that there are.
pub(super) async fn told<T>(
    on: &Work<'_>,
    list: &str,
    work: impl Future<Output = Result<T, ObjectError>>,
) -> Result<T, Failure> {
    match work.await {
        Ok(done) => Ok(done),
        Err(error) => Err(failed(on, list, &error).await),
    }
}

/// Why it did not come about.
pub(super) async fn failed(on: &Work<'_>, list: &str, error: &ObjectError) -> Failure {
    let failure = || Failure::from_error(Exit::Failed, error);
    match error {
        ObjectError::Kubernetes { source, .. } => {
            let failure = failure::refused(on.reach, on.place, source).await;
            failure.while_doing(error.to_string())
        }
        ObjectError::Server { source, .. } => failure::server(on.account.tool, failure(), source),
        ObjectError::Missing { .. } => failure().hint(format!("see what there is: {}", on.line(list))),
        ObjectError::Exists { .. } => failure().hint("choose another name: --name NAME"),
        ObjectError::Shape { .. } => failure().hint("a newer version may know it; -o yaml shows it as it is"),
        ObjectError::Encode { .. } => failure(),
    }
}
