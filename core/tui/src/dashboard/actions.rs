//! What can be done, each with the command that it stands for and, where it cannot be done now, the reason.

use butler_tenancy::clusters::create::{self, Wanted};

use super::{Dashboard, Tab, detail::Page};
use crate::board::{Act, Target};

/// Something that can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Go(Tab),
    Open(Page),
    Create,
    Scale,
    Upgrade,
    Enable,
    Disable,
    Edit,
    Kubeconfig,
    Delete,
    AllowWriting,
    Sort,
    Freeze,
    Mark,
    MarkRange,
    CopyName,
    CopyCommand,
    Refresh,
    Places,
    Bootstrap,
    Runs,
    Leave,
}

/// An action as it is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) action: Action,
    pub(super) key: &'static str,
    pub(super) words: String,
    /// The command that does the same.
    pub(super) command: Option<String>,
    /// Why it cannot be done now.
    pub(super) disabled: Option<String>,
}

impl Dashboard {
    /// Everything that can be done here, what is about the selected thing first.
    pub(super) fn offers(&self) -> Vec<Offer> {
        let target = self.target();
        let mut offers = if self.tab == Tab::Clusters || self.detail.is_some() {
            self.about_clusters(target.as_ref())
        } else {
            Vec::new()
        };
        let offer = |action, key, words: &str| Offer {
            action,
            key,
            words: words.to_owned(),
            command: None,
            disabled: None,
        };
        let writing = if self.may_write() {
            "forbid changes again"
        } else {
            "allow changes for ten minutes"
        };
        offers.extend([
            offer(Action::AllowWriting, "W", writing),
            offer(Action::Mark, "space", "mark or unmark the selected row"),
            offer(
                Action::MarkRange,
                "V",
                "mark from the row that was marked last to the selected one",
            ),
            offer(Action::Sort, "S", "order by a column"),
            offer(Action::Freeze, "p", "hold the picture, or let it go on"),
            offer(Action::CopyName, "c", "copy the name"),
            offer(Action::CopyCommand, "C", "copy the command that shows this"),
            offer(Action::Refresh, "r", "list anew"),
            offer(Action::Places, "M", "work with another management cluster or team"),
        ]);
        offers.extend(Tab::ALL.map(|tab| Offer {
            command: list_command(tab, self.tool),
            ..offer(Action::Go(tab), digit(tab), &format!("go to {}", tab.name()))
        }));
        if self.is_operators() {
            let command = |words: &str| Some(words.to_owned());
            offers.push(Offer {
                command: command("butleradm bootstrap init"),
                ..offer(Action::Bootstrap, "0", "bootstrap another management cluster")
            });
            offers.push(Offer {
                command: command("butleradm bootstrap list"),
                ..offer(Action::Runs, "R", "runs of bootstraps and what became of them")
            });
        }
        offers.push(offer(Action::Leave, "q", "leave"));
        offers
    }

    /// Whether the program makes management clusters.
    fn is_operators(&self) -> bool {
        self.tool == "butleradm"
    }

    fn about_clusters(&self, target: Option<&Target>) -> Vec<Offer> {
        let no_target = target.is_none().then(|| "no cluster is selected".to_owned());
        let read_only = (!self.may_write()).then(|| "read-only: W allows changes for ten minutes".to_owned());
        let not_reached = (!self.reached).then(|| "not connected".to_owned());
        let offer = |action, key, words: &str, rest: &str, changes: bool| Offer {
            action,
            key,
            words: words.to_owned(),
            command: target.map(|target| command(target, rest)),
            disabled: no_target.clone().or_else(|| read_only.clone().filter(|_| changes)),
        };
        vec![
            offer(
                Action::Open(Page::Overview),
                "enter",
                "open the cluster",
                "describe",
                false,
            ),
            offer(Action::Open(Page::Events), "l", "what happened to it", "events", false),
            offer(
                Action::Open(Page::Timeline),
                "t",
                "what became of it and its parts, in order",
                "describe",
                false,
            ),
            offer(
                Action::Open(Page::Yaml),
                "y",
                "the object as text",
                "get -o yaml",
                false,
            ),
            offer(
                Action::Scale,
                "+",
                "change the number of workers",
                "scale --workers N",
                true,
            ),
            offer(Action::Upgrade, "u", "upgrade Kubernetes", "upgrade --version V", true),
            offer(Action::Enable, "a", "enable an addon", "", true),
            offer(Action::Disable, "A", "disable an addon", "", true),
            offer(Action::Edit, "e", "edit it as a text", "edit", true),
            offer(
                Action::Kubeconfig,
                "K",
                "write its kubeconfig to a file",
                "kubeconfig -o FILE",
                false,
            ),
            offer(Action::Delete, "D", "delete it", "delete", true),
            Offer {
                command: Some("butlerctl cluster create".to_owned()),
                disabled: not_reached.or(read_only.clone()),
                ..offer(Action::Create, "n", "create a cluster", "", true)
            },
        ]
        .into_iter()
        .map(|mut offer| {
            if matches!(offer.action, Action::Enable | Action::Disable) {
                let verb = if offer.action == Action::Enable {
                    "enable"
                } else {
                    "disable"
                };
                offer.command = target.map(|target| {
                    format!(
                        "butlerctl addon {verb} ADDON --cluster {} --namespace {}",
                        target.name, target.namespace
                    )
                });
            }
            offer
        })
        .collect()
    }
}

fn digit(tab: Tab) -> &'static str {
    match tab {
        Tab::Clusters => "1",
        Tab::Addons => "2",
        Tab::Teams => "3",
        Tab::Providers => "4",
        Tab::Networks => "5",
        Tab::Users => "6",
        Tab::Health => "7",
    }
}

/// The command that lists what a tab shows; none where no command does.
pub(super) fn list_command(tab: Tab, tool: &str) -> Option<String> {
    let is_operators = tool == "butleradm";
    match tab {
        Tab::Clusters => Some("butlerctl cluster list -A".to_owned()),
        Tab::Addons => Some("butlerctl addon catalog".to_owned()),
        Tab::Teams if is_operators => Some("butleradm team list".to_owned()),
        Tab::Providers if is_operators => Some("butleradm provider list".to_owned()),
        Tab::Users if is_operators => Some("butleradm user list".to_owned()),
        Tab::Health if is_operators => Some("butleradm doctor".to_owned()),
        Tab::Networks => Some("kubectl get networkpools,ipallocations -A".to_owned()),
        Tab::Teams | Tab::Providers | Tab::Users | Tab::Health => None,
    }
}

/// A command about a cluster.
pub(super) fn command(target: &Target, rest: &str) -> String {
    let (verb, options) = rest
        .split_once(' ')
        .map_or((rest, String::new()), |(verb, options)| (verb, format!(" {options}")));
    format!(
        "butlerctl cluster {verb} {} --namespace {}{options}",
        target.name, target.namespace
    )
}

/// An act, and the command that does the same.
pub(super) fn named(act: Act, namespace: Option<&str>) -> (Act, String) {
    let line = match &act {
        Act::Create(wanted) => create_command(wanted, namespace),
        Act::Scale(target, workers) => command(target, &format!("scale --workers {workers}")),
        Act::Upgrade(target, release) => command(target, &format!("upgrade --version {release}")),
        Act::Edit(edited) => command(&edited.target, "edit"),
        Act::Delete(target) => command(target, "delete"),
        Act::Kubeconfig(target, path) => command(target, &format!("kubeconfig -o {path}")),
        Act::Enable(target, addon) => addon_command("enable", target, addon),
        Act::Disable(target, addon) => addon_command("disable", target, addon),
    };
    (act, line)
}

fn addon_command(verb: &str, target: &Target, addon: &str) -> String {
    format!(
        "butlerctl addon {verb} {addon} --cluster {} --namespace {}",
        target.name, target.namespace
    )
}

/// The command that makes the same cluster in the same place.
pub(super) fn create_command(wanted: &Wanted, namespace: Option<&str>) -> String {
    let place = namespace.map(|namespace| ["--namespace".to_owned(), namespace.to_owned()]);
    let words: Vec<String> = create::line(wanted)
        .into_iter()
        .chain(place.into_iter().flatten())
        .collect();
    // A text with a zero byte is no argument; none of these has one.
    let line = shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "));
    format!("butlerctl cluster create {line}")
}
