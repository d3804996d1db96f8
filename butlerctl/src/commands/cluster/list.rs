//! `butlerctl cluster list`.

use butler_account::access::AccessArgs;
use butler_account::failure;
use butler_account::objects::Listed;
use butler_account::tool::{Account, Tool};
use butler_account::watched::Watched;
use butler_account::work::{self, PlaceArgs};
use butler_tenancy::clusters::list::{self, ListError, Query, Row, SortBy};
use butler_tenancy::clusters::watch;
use butler_tenancy::reach::Reach;
use butler_terminal::{Exit, Failure, Format, Table, args::OutputArgs, duration};
use jiff::Timestamp;

/// Options of `cluster list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Where to look.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// List the clusters of all namespaces
    #[arg(short = 'A', long, conflicts_with_all = ["namespace", "team"])]
    pub all_namespaces: bool,
    /// Only clusters with these labels, such as env=prod,tier!=web
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,
    /// Only clusters with these fields, such as metadata.name=web
    #[arg(long, value_name = "FIELDS")]
    pub field_selector: Option<String>,
    /// Order by name, age (newest first), phase, version, or a path such as .spec.workers.replicas
    #[arg(long, value_name = "KEY")]
    pub sort_by: Option<SortBy>,
    /// Print changes as they happen, until stopped
    #[arg(short, long, conflicts_with = "sort_by")]
    pub watch: bool,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &ListArgs) -> Result<(), Failure> {
    let format = args.output.output;
    work::run(account, &args.access, async |reach| {
        let query = args.query(account, &reach).await?;
        if args.watch {
            return args.follow(account, &reach, &query).await;
        }
        let is_path = matches!(args.sort_by, Some(SortBy::Path(_)));
        if matches!(format, Format::Table | Format::Wide) && !is_path {
            return args.rows(account, &reach, &query).await;
        }
        let mut listing = list::objects(&reach, &query)
            .await
            .map_err(|error| unlisted(account.tool, &error))?;
        tell_limits(account, listing.only_teams.as_deref());
        if let Some(by) = &args.sort_by {
            list::sort_objects(&mut listing.items, by);
        }
        let rows: Vec<Row> = listing.items.iter().map(Row::of).collect();
        let table = table(&rows, args.all_namespaces, Timestamp::now());
        let items = listing.items;
        account.ui.answer(&Listed { items, table }, format)
    })
}

impl ListArgs {
    async fn query(&self, account: Account<'_>, reach: &Reach) -> Result<Query, Failure> {
        let namespace = if self.all_namespaces {
            None
        } else {
            Some(self.place.find(account, reach).await?.namespace)
        };
        Ok(Query {
            namespace,
            labels: self.selector.clone(),
            fields: self.field_selector.clone(),
        })
    }

    /// The table, for which only what it shows is read.
    async fn rows(&self, account: Account<'_>, reach: &Reach, query: &Query) -> Result<(), Failure> {
        let listing = list::rows(reach, query).await;
        let mut listing = listing.map_err(|error| unlisted(account.tool, &error))?;
        tell_limits(account, listing.only_teams.as_deref());
        if listing.items.is_empty() {
            account.ui.note(&none(query));
        }
        if let Some(by) = &self.sort_by {
            list::sort_rows(&mut listing.items, by);
        }
        let table = table(&listing.items, self.all_namespaces, Timestamp::now());
        let wide = self.output.output == Format::Wide;
        account.ui.print_table(&table, wide)
    }

    async fn follow(&self, account: Account<'_>, reach: &Reach, query: &Query) -> Result<(), Failure> {
        let mut watched = Watched::new(account.ui, self.output.output, |objects, gone| {
            let mut rows: Vec<Row> = objects.iter().map(Row::of).collect();
            if gone {
                for row in &mut rows {
                    row.phase = Some("Deleted".to_owned());
                }
            }
            table(&rows, self.all_namespaces, Timestamp::now())
        });
        match watch::list(reach, query, |step| watched.show(step)).await {
            Ok(printed) => printed,
            Err(error) => Err(failure::watch(&error).while_doing("cannot watch tenant clusters")),
        }
    }
}

/// Says where nothing was found.
pub(super) fn none(query: &Query) -> String {
    let selected = query.labels.is_some() || query.fields.is_some();
    let what = if selected {
        "no tenant clusters that fit"
    } else {
        "no tenant clusters"
    };
    match &query.namespace {
        Some(namespace) => format!("{what} in namespace {namespace}"),
        None => what.to_owned(),
    }
}

/// Says that only the namespaces of teams were looked in.
pub(super) fn tell_limits(account: Account<'_>, only_teams: Option<&[String]>) {
    if let Some(teams) = only_teams {
        account.ui.warn(
            &format!(
                "you may not list all namespaces; these are the clusters of your teams: {}",
                teams.join(", ")
            ),
            None,
        );
    }
}

/// Why clusters could not be listed.
pub(super) fn unlisted(tool: Tool, error: &ListError) -> Failure {
    match error {
        ListError::Kubernetes { namespace, source } => {
            let failure = failure::kubernetes(source);
            let code = match source.as_ref() {
                kube::Error::Api(status) => status.code,
                _ => 0,
            };
            match (code, namespace) {
                // A selector that is none.
                (400, _) => Failure::new(Exit::Usage, error.to_string()).cause(failure.message()),
                (403, None) => failure
                    .while_doing(error.to_string())
                    .hint("list one namespace: --namespace NAME"),
                _ => failure.while_doing(error.to_string()),
            }
        }
        ListError::Server(source) => failure::server(tool, Failure::from_error(Exit::Failed, error), source),
    }
}

/// What people see of clusters.
pub(super) fn table(rows: &[Row], with_namespace: bool, now: Timestamp) -> Table {
    let mut columns = vec!["NAME", "PHASE", "K8S VERSION", "WORKERS", "AGE"];
    if with_namespace {
        columns.insert(1, "NAMESPACE");
    }
    let mut table = Table::new(&columns, &["ENDPOINT", "PROVIDER"]);
    for row in rows {
        let age = row.created.map(|created| duration::age(created, now));
        let mut cells = vec![
            row.name.as_str().into(),
            row.phase.as_deref().unwrap_or("-").into(),
            row.version.as_deref().unwrap_or("-").into(),
            row.workers().into(),
            age.as_deref().unwrap_or("-").into(),
            row.endpoint.as_deref().unwrap_or("-").into(),
            row.provider.as_deref().unwrap_or("-").into(),
        ];
        if with_namespace {
            cells.insert(1, row.namespace.as_deref().unwrap_or("-").into());
        }
        table.row(cells);
    }
    table
}
