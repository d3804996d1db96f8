//! `butlerctl access list`.

use butler_account::tool::Account;
use butler_tenancy::access::{self, Access};
use butler_terminal::{Answer, Failure, Table, args::OutputArgs};
use serde::Serialize;

use crate::commands::team::TeamArgs;

/// Options of `access list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Which team.
    #[command(flatten)]
    team: TeamArgs,
    /// Format of the answer.
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &ListArgs) -> Result<(), Failure> {
    let access = args.team.work(account, async |on, team| {
        let access = on.unless_left(super::told(on, access::of_team(on.reach, team))).await?;
        if access.members.is_empty() && access.groups.is_empty() {
            account.ui.note(&format!("nobody is in team {team}"));
        }
        Ok(access)
    })?;
    account.ui.answer(&Listed(access), args.output.output)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Listed(Access);

impl Answer for Listed {
    fn table(&self) -> Table {
        let mut table = Table::new(&["WHO", "KIND", "ROLE", "FROM"], &["NAME"]);
        for member in &self.0.members {
            let from = member.group_name.as_deref().or(member.source.as_deref());
            table.row([
                member.email.as_str().into(),
                "person".into(),
                member.role.as_str().into(),
                from.unwrap_or("-").into(),
                member.name.as_deref().unwrap_or("-").into(),
            ]);
        }
        for group in &self.0.groups {
            table.row([
                group.name.as_str().into(),
                "group".into(),
                group.role.as_str().into(),
                group.identity_provider.as_deref().unwrap_or("any provider").into(),
                "-".into(),
            ]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        let people = self.0.members.iter().map(|member| member.email.clone());
        people
            .chain(self.0.groups.iter().map(|group| group.name.clone()))
            .collect()
    }
}
