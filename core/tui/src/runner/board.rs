//! Management clusters: lists that stay true, looks at clusters, and what is done with them.

mod act;
mod edit;
mod health;
mod look;

use std::{collections::BTreeMap, io, path::PathBuf, process::ExitStatus, sync::Arc, time::Duration};

use butler_files::Draft;
use butler_tenancy::{
    clusters::{
        change,
        create::{self, Wanted, interview::Interview},
        read::Found,
    },
    live::{self, Kind, News, Scope},
    pages,
    place::{self, Asked as AskedPlace, Place},
    reach::Reach,
    refusal::Refusal,
};
use butler_terminal::{Exit, Failure};
use futures::future::BoxFuture;
use tokio::{runtime::Handle, sync::Mutex};
use tokio_util::sync::CancellationToken;

use super::{Asked, Back, Tell, told};
use crate::{
    board::{Board, Choice, Elsewhere, Target, Who},
    effect::Effect,
    input::Input,
};

/// How long a management cluster may take to answer what a person waits for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What only a binary knows: which management cluster is meant, and as whom.
pub trait Door: Send + Sync {
    /// Connects, and renews a login that has ended.
    fn reach(&self) -> BoxFuture<'_, Result<Reach, Failure>>;

    /// The namespace that is named by an option or the environment.
    fn namespace(&self) -> Option<String>;

    /// The team that is named by an option.
    fn team(&self) -> Option<String>;

    /// Who changes things, for the records of the API server.
    fn manager(&self) -> &'static str;

    /// The management clusters that this account knows of, when this one is worked with. It reads files.
    fn places(&self, here: Option<&Reach>) -> Result<Vec<Choice>, Failure>;

    /// The way to somewhere else.
    fn to(&self, elsewhere: &Elsewhere) -> Arc<dyn Door>;

    /// The command line of the editor that somebody likes: the program and its arguments.
    fn editor(&self) -> Result<(String, Vec<String>), Failure>;

    /// The folder for texts that are edited.
    fn drafts(&self) -> Result<PathBuf, Failure>;
}

/// A text that is edited with another program.
#[derive(Debug, Clone)]
pub struct Editing {
    /// The program.
    pub program: String,
    /// Its arguments; the file of the text comes after them.
    pub arguments: Vec<String>,
    /// The text.
    pub draft: Draft,
    target: Target,
    found: Arc<Found>,
}

/// What is listened to or waited for, of which only the newest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// A list.
    List(Kind),
    /// A look at a cluster.
    Look,
    /// The questions of a new cluster.
    Prepare,
    /// How the management cluster does.
    Health,
    /// The connection.
    Reach,
    /// A text that is edited.
    Edit,
    /// The places that can be gone to.
    Places,
}

/// Performs what dashboards want.
pub(super) struct Boards {
    door: Arc<dyn Door>,
    reach: Arc<Mutex<Option<Arc<Reach>>>>,
    tasks: Handle,
    tell: Tell,
    slots: BTreeMap<Slot, Asked>,
    numbers: u64,
}

/// The cluster that is worked with, and where what is heard of it goes.
#[derive(Clone)]
struct Context {
    door: Arc<dyn Door>,
    reach: Arc<Mutex<Option<Arc<Reach>>>>,
}

impl Boards {
    pub(super) fn new(door: Arc<dyn Door>, tasks: Handle, tell: Tell) -> Self {
        Self {
            door,
            reach: Arc::default(),
            tasks,
            tell,
            slots: BTreeMap::new(),
            numbers: 0,
        }
    }

    /// Whether what came back is still waited for.
    pub(super) fn is_wanted(&self, slot: Slot, number: u64) -> bool {
        self.slots.get(&slot).is_some_and(|asked| asked.number == number)
    }

    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Reach => self.begin(Slot::Reach, |context, _, say| async move {
                *context.reach.lock().await = None;
                say(context.who().await);
            }),
            Effect::Follow { kind, labels } => self.begin(Slot::List(kind), move |context, _, say| async move {
                let (error, hint) = context.follow(kind, labels, &say).await;
                say(Board::Refused { kind, error, hint });
            }),
            Effect::Unfollow(kind) => drop(self.slots.remove(&Slot::List(kind))),
            Effect::Look(target) => self.begin(Slot::Look, move |context, _, say| async move {
                let details = Box::pin(context.look(&target)).await;
                say(Board::Details {
                    uid: target.uid,
                    details,
                });
            }),
            Effect::Examine => self.begin(Slot::Health, |context, _, say| async move {
                let error = match context.reach().await {
                    Ok(reach) => health::follow(&reach.client, &say).await,
                    Err(failure) => told(&failure).0,
                };
                say(Board::Health(Err(error)));
            }),
            Effect::LeaveHealth => drop(self.slots.remove(&Slot::Health)),
            Effect::Prepare => self.begin(Slot::Prepare, |context, _, say| async move {
                say(match context.prepare().await {
                    Ok(interview) => Board::Prepared(Box::new(interview)),
                    Err(failure) => Board::Acted {
                        command: "butlerctl cluster create".to_owned(),
                        outcome: Err(told(&failure)),
                    },
                });
            }),
            Effect::Edit(target) => {
                let tell = Arc::clone(&self.tell);
                self.begin(Slot::Edit, |context, _, say| async move {
                    match Box::pin(edit::begin(&context, &target)).await {
                        Ok(editing) => tell(Back::Edit(Box::new(editing))),
                        Err(failure) => say(edit::failed(&target, &failure)),
                    }
                });
            }
            Effect::EditAgain(edited) => {
                let tell = Arc::clone(&self.tell);
                self.begin(Slot::Edit, |context, _, say| async move {
                    match edit::again(&context, &edited) {
                        Ok(editing) => tell(Back::Edit(Box::new(editing))),
                        Err(failure) => say(edit::failed(&edited.target, &failure)),
                    }
                });
            }
            Effect::Places => self.begin(Slot::Places, |context, _, say| async move {
                let places = context.places().await;
                say(Board::Places(places.map_err(|failure| told(&failure).0)));
            }),
            Effect::Switch(elsewhere) => {
                // Whatever is still on its way from there is not wanted any more.
                self.slots.clear();
                self.reach = Arc::default();
                self.door = self.door.to(&elsewhere);
            }
            Effect::Act { act, command } => {
                // Every one of them is told of, however many follow.
                let (context, tell, tasks) = (self.context(), Arc::clone(&self.tell), self.tasks.clone());
                // The work of a change stays on one thread, which its futures need.
                let acting = self
                    .tasks
                    .spawn_blocking(move || tasks.block_on(act::act(context, act)));
                self.spawn(command.clone(), async move {
                    let outcome = match acting.await {
                        Ok(done) => done.map_err(|failure| told(&failure)),
                        Err(_) => Err(("a defect of this program ended it".to_owned(), None)),
                    };
                    tell(Back::Input(Input::Board(Board::Acted { command, outcome })));
                });
            }
            _ => {}
        }
    }

    /// Goes on with a text that an editor has been at.
    pub(super) fn edited(&mut self, editing: Box<Editing>, ended: io::Result<ExitStatus>) {
        self.begin(Slot::Edit, |context, _, say| async move {
            let target = editing.target.clone();
            say(match Box::pin(edit::read(&context, *editing, ended)).await {
                Ok(Some(edited)) => Board::Edited(Box::new(edited)),
                Ok(None) => Board::Acted {
                    command: edit::command(&target),
                    outcome: Ok(format!("cluster {} was not edited", target.name)),
                },
                Err(failure) => edit::failed(&target, &failure),
            });
        });
    }

    fn context(&self) -> Context {
        Context {
            door: Arc::clone(&self.door),
            reach: Arc::clone(&self.reach),
        }
    }

    /// Begins something in the place of what was in its slot.
    fn begin<F>(&mut self, slot: Slot, work: impl FnOnce(Context, u64, Say) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.numbers += 1;
        let (number, stop) = (self.numbers, CancellationToken::new());
        let tell = Arc::clone(&self.tell);
        let say: Say = Arc::new(move |board| tell(Back::Board { slot, number, board }));
        let work = work(self.context(), number, say);
        let token = stop.clone();
        self.slots.insert(slot, Asked { number, stop });
        self.spawn(format!("{slot:?}"), async move {
            tokio::select! {
                () = token.cancelled() => {}
                () = work => {}
            }
        });
    }

    /// A task whose defect is told.
    fn spawn(&self, command: String, work: impl Future<Output = ()> + Send + 'static) {
        let tell = Arc::clone(&self.tell);
        let task = self.tasks.spawn(work);
        self.tasks.spawn(async move {
            if task.await.is_err_and(|error| error.is_panic()) {
                let outcome = Err(("a defect of this program ended it".to_owned(), None));
                tell(Back::Input(Input::Board(Board::Acted { command, outcome })));
            }
        });
    }
}

/// Where what is heard goes, as long as it is waited for.
type Say = Arc<dyn Fn(Board) + Send + Sync>;

impl Context {
    /// The management cluster; it is connected to once.
    async fn reach(&self) -> Result<Arc<Reach>, Failure> {
        let mut known = self.reach.lock().await;
        if let Some(reach) = &*known {
            return Ok(Arc::clone(reach));
        }
        let reach = tokio::time::timeout(PATIENCE, self.door.reach()).await;
        let reach = reach.map_err(|_| Failure::new(Exit::Failed, "the management cluster does not answer"))?;
        let reach = Arc::new(reach?);
        *known = Some(Arc::clone(&reach));
        Ok(reach)
    }

    async fn who(&self) -> Board {
        let reach = match self.reach().await {
            Ok(reach) => reach,
            Err(failure) => {
                let (error, hint) = told(&failure);
                return Board::Away { error, hint };
            }
        };
        let place = self.place(&reach).await.ok();
        Board::Reached(Who {
            place: reach.decision.source.to_string(),
            person: reach.email.clone(),
            team: self.door.team().or_else(|| reach.team.clone()),
            namespace: place.map(|place| place.namespace),
        })
    }

    /// What is said of the namespace that is worked in.
    fn asked(&self) -> AskedPlace {
        AskedPlace {
            namespace: self.door.namespace(),
            team: self.door.team(),
            namespace_variable: None,
        }
    }

    /// The namespace that new clusters go to.
    async fn place(&self, reach: &Reach) -> Result<Place, Failure> {
        place::find(reach, &self.asked())
            .await
            .map_err(|error| Failure::from_error(Exit::Failed, &error))
    }

    /// The management clusters that this account knows of, and the teams of the login that is used.
    async fn places(&self) -> Result<Vec<Choice>, Failure> {
        let (door, reach) = (Arc::clone(&self.door), self.reach.lock().await.clone());
        let here = reach.clone();
        let places = tokio::task::spawn_blocking(move || door.places(here.as_deref())).await;
        let mut places = places.map_err(|error| Failure::from_error(Exit::Failed, &error))??;
        let Some(server) = reach.as_ref().and_then(|reach| reach.server.as_ref()) else {
            return Ok(places);
        };
        let active = self
            .door
            .team()
            .or_else(|| reach.as_ref().and_then(|reach| reach.team.clone()));
        let teams = server.session().await.user.teams.into_iter();
        places.extend(teams.map(|team| Choice {
            is_here: active.as_deref() == Some(&*team.name),
            about: "team".to_owned(),
            to: Elsewhere::Team(team.name.clone()),
            name: team.name,
        }));
        Ok(places)
    }

    /// Keeps a list true, for ever; returns why it cannot.
    async fn follow(&self, kind: Kind, labels: Option<String>, say: &Say) -> (String, Option<String>) {
        loop {
            let reach = match self.reach().await {
                Ok(reach) => reach,
                Err(failure) => return told(&failure),
            };
            let error = self.lists(&reach, kind, labels.clone(), say).await;
            match &error {
                // The login has ended; the next connection renews it.
                kube::Error::Api(status) if status.code == 401 => {
                    say_news(
                        say,
                        kind,
                        (0, 1),
                        News::Stale("the login has ended; it is renewed".to_owned()),
                    );
                    *self.reach.lock().await = None;
                    tokio::time::sleep(PATIENCE).await;
                }
                _ => return self.refused(&reach, kind, &error, say).await,
            }
        }
    }

    /// The list of everything; where that may not be seen, those of the teams of whoever is logged in.
    async fn lists(&self, reach: &Reach, kind: Kind, labels: Option<String>, say: &Say) -> kube::Error {
        let all = Scope {
            namespace: None,
            labels: labels.clone(),
        };
        let error = live::watch(&reach.client, kind, &all, &|news| say_news(say, kind, (0, 1), news)).await;
        let is_forbidden = matches!(&error, kube::Error::Api(status) if status.code == 403);
        let Some(server) = reach.server.as_ref().filter(|_| is_forbidden && kind.is_of_teams()) else {
            return error;
        };
        let Ok(namespaces) = butler_tenancy::clusters::list::namespaces(server).await else {
            // That it may not be seen is what stands.
            return error;
        };
        let parts = u16::try_from(namespaces.len()).unwrap_or(u16::MAX);
        let watches = namespaces.into_iter().zip(0_u16..).map(|(namespace, part)| {
            let scope = Scope {
                namespace: Some(namespace),
                labels: labels.clone(),
            };
            let say = Arc::clone(say);
            let client = reach.client.clone();
            async move { live::watch(&client, kind, &scope, &|news| say_news(&say, kind, (part, parts), news)).await }
        });
        let watches: Vec<_> = watches.map(Box::pin).collect();
        if watches.is_empty() {
            return error;
        }
        futures::future::select_all(watches).await.0
    }

    /// What is said of a kind that may not be listed. Butler's server tells what it knows of it, where somebody is logged in on one.
    async fn refused(&self, reach: &Reach, kind: Kind, error: &kube::Error, say: &Say) -> (String, Option<String>) {
        // What it does not tell either is refused, for the reason that stands.
        if let Ok(Some(rows)) = live::by_server::rows(reach, kind).await {
            for news in [News::Listing, News::Rows(rows), News::Listed] {
                say_news(say, kind, (0, 1), news);
            }
            say_news(
                say,
                kind,
                (0, 1),
                News::Stale("read once, from Butler's server; r reads it again".to_owned()),
            );
            std::future::pending::<()>().await;
        }
        match Refusal::of(error) {
            Some(refusal) => {
                let role = refusal
                    .role()
                    .map(|role| format!("the role {role} of Butler allows it"));
                (refusal.to_string(), role)
            }
            None => (butler_kubernetes::chain(error), None),
        }
    }

    async fn prepare(&self) -> Result<Interview, Failure> {
        let reach = self.reach().await?;
        let place = self.place(&reach).await?;
        let facts = create::look_up(&reach, &place).await;
        let facts = facts.map_err(|error| Failure::from_error(Exit::Failed, &error))?;
        // Where they cannot be read, the API server tells of a name that is taken.
        let taken = pages::all(&change::clusters(&reach, &place.namespace)).await;
        let taken = taken.map_or_else(
            |_| Vec::new(),
            |all| all.iter().map(kube::ResourceExt::name_any).collect(),
        );
        Ok(Interview::new(Wanted::default(), facts, taken))
    }

    async fn look(&self, target: &Target) -> Result<Box<crate::board::Details>, String> {
        let reach = self.reach().await.map_err(|failure| told(&failure).0)?;
        let looked = tokio::time::timeout(PATIENCE, Box::pin(look::look(&reach, target))).await;
        looked.map_err(|_| "it does not answer".to_owned())?
    }
}

fn say_news(say: &Say, kind: Kind, (part, parts): (u16, u16), news: News) {
    say(Board::List {
        kind,
        part,
        parts,
        news,
    });
}
