//! `butleradm gc`: takes away what carries a Butler marker and belongs to no living cluster.

use std::time::{Duration, Instant};

use butler_api::duration;
use butler_engine::receipt::Receipt;
use butler_files::home::Home;
use butler_lifecycle::{
    destroy::prepare,
    gc::{self, MarkedObjects},
    setup::{self, Limits, Surroundings},
};
use butler_terminal::{
    Env, Exit, Failure, Ui, args::OutputArgs, ci::Job, env, interrupt, output::Answer, table::Table,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    commands::{
        args::{PlatformArgs, RunArgs},
        destroy,
    },
    failure,
    keyring::SessionKeyring,
    world::HomeWorld,
};

/// Options of `gc`.
#[derive(Debug, clap::Args)]
pub struct GcArgs {
    /// Where the platform is.
    #[command(flatten)]
    pub platform: PlatformArgs,
    /// Leave what is younger (12h, 7d)
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_age, default_value = "1d")]
    pub older_than: Duration,
    /// Print what would go and what stays; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask; without it nothing goes
    #[arg(short, long)]
    pub yes: bool,
    /// How the run is shown, and how long it may take.
    #[command(flatten)]
    pub run: RunArgs,
    /// Format of the receipts.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(ui: &Ui, env: &Env, args: &GcArgs) -> Result<(), Failure> {
    let job = Job::of(args.run.ci.ci, env);
    job.with(ui, || work(ui, env, args, &job))
}

fn work(ui: &Ui, env: &Env, args: &GcArgs, job: &Job) -> Result<(), Failure> {
    let deadline = args.run.deadline.and_then(|limit| Instant::now().checked_add(limit));
    let home = &Home::resolve(env.get(env::BUTLER_HOME)).map_err(|e| failure::home(&e))?;
    let settings = &prepare::settings_of(&args.platform.source()?).map_err(|e| failure::destroy_prepare(&e, "NAME"))?;
    interrupt::run_until(ui, deadline, |cancel| async move {
        let surroundings = Surroundings {
            home,
            environment: env.variables(),
            world: &HomeWorld { home, env },
            keyring: &SessionKeyring(env.variables()),
        };
        let limits = &Limits { deadline, cancel };
        let connect = setup::platform(settings, None, surroundings, true);
        let provider = limits.within("gc", connect).await.map_err(|e| failure::setup(&e))?;
        let look = async { Ok(gc::look(&provider, &gc::homes(home), args.older_than, Timestamp::now()).await) };
        let found = limits.within("gc", look).await.map_err(|e| failure::setup(&e))?;
        let found = found.map_err(|e| failure::infra(&e))?;
        let garbage: Vec<&MarkedObjects> = found.iter().filter(|remains| remains.stays.is_none()).collect();
        if args.dry_run || garbage.is_empty() {
            return ui.answer(&Found::of(&found), args.output.output);
        }
        if !args.yes {
            ui.answer(&Found::of(&found), args.output.output)?;
            return Err(Failure::new(Exit::Usage, "deleting this has to be confirmed").hint("add --yes"));
        }
        let mut collected = Collected::default();
        let mut outcome = Ok(());
        for remains in garbage {
            let request = gc::request(remains, &provider, home, limits).await;
            let request = request.map_err(|e| failure::survey(&e))?;
            let destroyed = destroy::destroy(ui, &args.run, job, request, limits.cancel.clone()).await?;
            outcome = outcome.and(failure::destroyed(&destroyed, &remains.owner.cluster_name));
            collected.left += destroyed.receipt.left;
            collected.receipts.push(destroyed.receipt);
        }
        ui.answer(&collected, args.output.output)?;
        outcome
    })
}

/// What is on the platform, and what of it is garbage.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    objects: Vec<Judged>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Judged {
    cluster: String,
    cluster_id: uuid::Uuid,
    kind: &'static str,
    name: String,
    id: String,
    /// `goes` or `stays`.
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Found {
    fn of(found: &[MarkedObjects]) -> Self {
        let judged = found.iter().flat_map(|remains| {
            remains.objects.iter().map(|object| Judged {
                cluster: remains.owner.cluster_name.clone(),
                cluster_id: remains.owner.cluster_id,
                kind: object.kind.as_str(),
                name: object.name.clone(),
                id: object.id.clone(),
                verdict: if remains.stays.is_none() { "goes" } else { "stays" },
                reason: remains.stays.clone(),
            })
        });
        Self {
            objects: judged.collect(),
        }
    }
}

impl Answer for Found {
    fn table(&self) -> Table {
        let mut table = Table::new(&["CLUSTER", "KIND", "NAME", "VERDICT", "REASON"], &["CLUSTER-ID", "ID"]);
        for object in &self.objects {
            table.row([
                object.cluster.as_str().into(),
                object.kind.into(),
                object.name.as_str().into(),
                object.verdict.into(),
                object.reason.as_deref().unwrap_or("").into(),
                object.cluster_id.to_string().into(),
                object.id.as_str().into(),
            ]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.objects
            .iter()
            .map(|object| format!("{}/{}", object.kind, object.name))
            .collect()
    }
}

/// The receipts of everything that went.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Collected {
    receipts: Vec<Receipt>,
    left: usize,
}

impl Answer for Collected {
    fn table(&self) -> Table {
        destroy::answer::rows(self.receipts.iter().flat_map(|receipt| &receipt.objects))
    }

    fn names(&self) -> Vec<String> {
        let objects = self.receipts.iter().flat_map(|receipt| &receipt.objects);
        objects
            .map(|object| format!("{}/{}", object.kind, object.name))
            .collect()
    }
}
