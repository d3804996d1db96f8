//! `butleradm attach`: shows a run of another terminal, or the last one, as if it had been started here.

use butler_api::event::{Body, Outcome};
use butler_files::{ClusterFolder, home::Home};
use butler_lifecycle::{
    clusters,
    runs::{
        follow::{self, Followed, Said},
        stream::Item,
    },
};
use butler_terminal::{
    Env, Exit, Failure, Ui, env, interrupt,
    progress::{self, Paced},
};
use butler_tui::live::words;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{failure, remarks::Remarks};

/// Options of `attach`.
#[derive(Debug, clap::Args)]
pub struct AttachArgs {
    /// Name of the cluster; without it the one that is worked on
    #[arg(value_name = "CLUSTER")]
    pub cluster: Option<String>,
    /// Print lines instead of a live view
    #[arg(long, visible_alias = "no-tui", env = env::BUTLER_NO_PROGRESS, hide_env_values = true)]
    pub no_progress: bool,
}

/// Runs the command.
pub(crate) fn run(ui: &Ui, env: &Env, args: &AttachArgs) -> Result<(), Failure> {
    let home = Home::resolve(env.get(env::BUTLER_HOME)).map_err(|e| failure::home(&e))?;
    let folder = clusters::choose(&home, args.cluster.as_deref()).map_err(|e| failure::choose(&e, "attach"))?;
    interrupt::watch_only(ui, "leaving; the run goes on", |stop| {
        watch(ui, &folder, !args.no_progress, stop)
    })
}

/// Shows the run of a cluster to its end, and ends as it did.
pub(crate) async fn watch(ui: &Ui, folder: &ClusterFolder, live: bool, stop: CancellationToken) -> Result<(), Failure> {
    let cluster = folder.cluster();
    let mut view = Paced::new(progress::renderer(ui, live));
    let mut remarks = Remarks::default();
    let mut last = None;
    let mut message = String::new();
    view.catching_up(true);
    let followed = follow::follow(folder, &stop, |said| match said {
        Said::Item(Item::Event(event)) => {
            last = Some(event.time);
            if let Body::RunFinished { message: words, .. } = &event.body {
                message.clone_from(words);
            }
            view.event(event);
        }
        Said::Item(item) => remarks.take(item),
        Said::UpToDate => {
            view.catching_up(false);
            view.idle(Timestamp::now());
        }
    })
    .await;
    view.finish();
    remarks.tell(ui);
    match followed.map_err(|e| failure::follow(&e, cluster))? {
        Followed::To(Outcome::Done) => Ok(()),
        Followed::To(outcome) => Err(Failure::new(failure::exit(outcome), format!("{cluster}: {message}"))
            .hint(format!("what held it up: butleradm why {cluster}"))),
        Followed::Gone => Err(Failure::new(Exit::Failed, words::gone(cluster, last))
            .hint("the same command as before goes on from here")
            .hint(format!("what it was doing: butleradm why {cluster}"))),
        Followed::Left => Err(Failure::new(Exit::Interrupted, words::left(cluster))
            .hint(format!("see it again: butleradm attach {cluster}"))),
    }
}
