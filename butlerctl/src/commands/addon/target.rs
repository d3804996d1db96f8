//! Which addon, of which cluster: by place on the command line, or by name.

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work::{self, PlaceArgs};
use butler_tenancy::addons::Target;
use butler_terminal::{Exit, Failure};

use crate::commands::cluster::waiting::Work;

/// Which addon, of which cluster.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct TargetArgs {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER")]
    first: Option<String>,
    /// Name of the addon, as the catalog has it
    #[arg(value_name = "ADDON")]
    second: Option<String>,
    /// Name of the cluster
    #[arg(long, value_name = "CLUSTER")]
    cluster: Option<String>,
    /// Name of the addon
    #[arg(long, value_name = "ADDON")]
    addon: Option<String>,
    /// Where to look.
    #[command(flatten)]
    place: PlaceArgs,
    /// Which management cluster.
    #[command(flatten)]
    access: AccessArgs,
}

impl TargetArgs {
    /// Connects, finds the place, and works on the addon.
    pub(super) fn work<T>(
        &self,
        account: Account<'_>,
        work: impl AsyncFnOnce(&Work<'_>, &Target) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (cluster, addon) = self.names()?;
        work::run_stoppable(account, &self.access, async |reach, stop| {
            let place = tokio::select! {
                place = self.place.find(account, &reach) => place?,
                () = stop.cancelled() => return Err(butler_account::failure::interrupted()),
            };
            let target = Target {
                namespace: place.namespace.clone(),
                cluster: cluster.to_owned(),
                addon: addon.to_owned(),
            };
            let on = Work {
                account,
                reach: &reach,
                place: &place,
                stop: &stop,
            };
            work(&on, &target).await
        })
    }

    /// The same for work that only reads: whoever stops it has changed nothing.
    pub(super) fn read<T>(
        &self,
        account: Account<'_>,
        work: impl AsyncFnOnce(&Work<'_>, &Target) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.work(account, async |on, target| on.unless_left(work(on, target)).await)
    }

    /// The cluster and the addon. Where one of them is named, the one without a name is the other.
    fn names(&self) -> Result<(&str, &str), Failure> {
        let by_place = (self.first.as_deref(), self.second.as_deref());
        let by_name = (self.cluster.as_deref(), self.addon.as_deref());
        match (by_place, by_name) {
            ((Some(cluster), Some(addon)), (None, None))
            | ((None, None), (Some(cluster), Some(addon)))
            | ((Some(addon), None), (Some(cluster), None))
            | ((Some(cluster), None), (None, Some(addon))) => Ok((cluster, addon)),
            ((Some(_), Some(_)), _) | ((Some(_), None), (Some(_), Some(_))) => {
                Err(Failure::new(Exit::Usage, "the cluster or the addon is named twice").hint(USAGE))
            }
            _ => Err(Failure::new(Exit::Usage, "name a cluster and an addon").hint(USAGE)),
        }
    }
}

/// How to name both.
const USAGE: &str = "write CLUSTER ADDON, or --cluster CLUSTER --addon ADDON";

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        target: TargetArgs,
    }

    fn named(line: &[&str]) -> Result<String, String> {
        let words = ["addon"].iter().chain(line);
        let line = <Line as clap::Parser>::try_parse_from(words).unwrap();
        let names = line.target.names();
        names
            .map(|(cluster, addon)| format!("{addon} on {cluster}"))
            .map_err(|failure| failure.message().to_owned())
    }

    #[test]
    fn both_spellings_name_the_same() {
        let expected = Ok("loki on web".to_owned());
        for line in [
            &["web", "loki"][..],
            &["--cluster", "web", "--addon", "loki"],
            &["loki", "--cluster", "web"],
            &["web", "--addon", "loki"],
        ] {
            assert_eq!(named(line), expected, "{line:?}");
        }
    }

    #[test]
    fn what_is_missing_or_said_twice_is_no_guess() {
        let twice = Err("the cluster or the addon is named twice".to_owned());
        assert_eq!(named(&["web", "loki", "--cluster", "shop"]), twice);
        assert_eq!(named(&["web", "--cluster", "web", "--addon", "loki"]), twice);
        let missing = Err("name a cluster and an addon".to_owned());
        assert_eq!(named(&[]), missing);
        assert_eq!(named(&["web"]), missing);
        assert_eq!(named(&["--addon", "loki"]), missing);
    }
}
