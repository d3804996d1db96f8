//! Effects that touch only files, and what of the answers is still wanted.

use std::sync::mpsc;

use butler_api::{
    choice::{ChoiceKind, Query},
    config::{HttpUrl, InMemory, Provider},
};
use butler_infra::{BoxError, WorldAccess};
use butler_lifecycle::{runs::end::EndError, setup::SetupError};
use butler_terminal::Exit;
use futures::future::FutureExt as _;

use super::*;
use crate::effect::{Described, Wished};

struct NoWorld;

impl Keyring for NoWorld {
    fn secret<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<Option<SecretString>, BoxError>> {
        async { Ok(None) }.boxed()
    }
}

impl WorldDoor for NoWorld {
    fn check(&self, _: &InMemory) -> Result<(), BoxError> {
        Ok(())
    }

    fn find<'a>(&'a self, _: &'a InMemory, _: bool) -> BoxFuture<'a, Result<Option<WorldAccess>, BoxError>> {
        async { Ok(None) }.boxed()
    }

    fn offers(&self, _: &InMemory, kind: &str, _: Option<&str>) -> Result<Vec<u8>, BoxError> {
        Err(format!("nobody knows of any {kind}").into())
    }

    fn plays<'a>(&'a self, _: &'a HttpUrl) -> BoxFuture<'a, bool> {
        async { false }.boxed()
    }
}

/// Starts nothing, and remembers what it was to start.
#[derive(Clone, Default)]
struct Remembers(Arc<std::sync::Mutex<Vec<String>>>);

impl Tool for Remembers {
    fn start(
        &self,
        arguments: Vec<OsString>,
        secrets: &BTreeMap<String, SecretString>,
        folder: &ClusterFolder,
    ) -> Result<(), Failure> {
        let words: Vec<String> = arguments
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let names: Vec<&str> = secrets.keys().map(String::as_str).collect();
        let line = format!("{} with {} on {}", words.join(" "), names.join(","), folder.cluster());
        self.0.lock().unwrap().push(line);
        Ok(())
    }

    fn of_setup(&self, error: &SetupError) -> Failure {
        Failure::from_error(Exit::Failed, error)
    }

    fn of_end(&self, error: &EndError) -> Failure {
        Failure::from_error(Exit::Failed, error)
    }

    fn results<'a>(&'a self, _: &'a ClusterFolder, _: Option<&'a Path>) -> BoxFuture<'a, Vec<(String, String)>> {
        async { Vec::new() }.boxed()
    }
}

struct Bench {
    runner: Runner,
    back: mpsc::Receiver<Back>,
    started: Remembers,
    folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let started = Remembers::default();
        let around = Around {
            home: Home::below(folder.path()),
            environment: Environment::default(),
            world: Box::new(NoWorld),
            keyring: Box::new(NoWorld),
            tool: Box::new(started.clone()),
        };
        let (tell, back) = mpsc::channel();
        let tell = std::sync::Mutex::new(tell);
        let tell: Tell = Arc::new(move |back| drop(tell.lock().unwrap().send(back)));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let runner = Runner::new(Arc::new(around), runtime.handle().clone(), tell).unwrap();
        Self {
            runner,
            back,
            started,
            folder,
            _runtime: runtime,
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn next(&mut self) -> Back {
        self.back.recv_timeout(std::time::Duration::from_mins(1)).unwrap()
    }

    fn done(&mut self, effect: Effect) -> Done {
        self.runner.perform(effect);
        match self.next() {
            Back::Input(Input::Done(done)) => done,
            other => panic!("{other:?}"),
        }
    }

    fn save(&mut self, text: &str, replace: bool) -> Done {
        let path = self.path("demo.yaml");
        let text = text.to_owned();
        self.done(Effect::SaveFile { path, text, replace })
    }
}

fn mode(path: &str) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn another_text_is_replaced_only_when_that_is_said() {
    let mut bench = Bench::new();
    let path = bench.path("demo.yaml");
    assert_eq!(bench.save("one\n", false), Done::Saved { path: path.clone() });
    assert_eq!(mode(&path), 0o600);
    assert_eq!(bench.save("one\n", false), Done::Saved { path: path.clone() });
    assert_eq!(bench.save("two\n", false), Done::Taken { path: path.clone() });
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\n");
    assert_eq!(bench.save("two\n", true), Done::Saved { path: path.clone() });
    assert_eq!(
        bench.done(Effect::OpenFile { path: path.clone() }),
        Done::Opened {
            path,
            text: "two\n".to_owned()
        }
    );
}

#[test]
fn a_draft_is_kept_for_its_owner_only_and_thrown_away() {
    let mut bench = Bench::new();
    let home = Home::below(bench.folder.path());
    assert!(draft(&home).unwrap().is_none());
    assert_eq!(bench.done(Effect::SaveDraft("{}".to_owned())), Done::DraftSaved);
    assert_eq!(draft(&home).unwrap().unwrap().text, "{}");
    assert_eq!(mode(&home.state.join("wizard/draft.json").display().to_string()), 0o600);
    bench.runner.perform(Effect::DropDraft);
    // Nothing comes of that; the next one is performed after it.
    bench.save("x", false);
    assert!(draft(&home).unwrap().is_none());
}

#[test]
fn a_launch_writes_the_file_and_starts_the_command_with_secrets_by_name() {
    let mut bench = Bench::new();
    let path = bench.path("demo.yaml");
    let launch = |text: &str| Effect::Launch {
        cluster: "demo".to_owned(),
        path: path.clone(),
        text: text.to_owned(),
        replace: false,
        secrets: BTreeMap::from([("PVE".to_owned(), SecretString::from("hunter2"))]),
    };
    let cluster = "demo".to_owned();
    assert_eq!(bench.done(launch("a: 1\n")), Done::Launched { cluster });
    assert_eq!(bench.done(launch("a: 2\n")), Done::Taken { path: path.clone() });
    let started = bench.started.0.lock().unwrap().clone();
    assert_eq!(started, [format!("bootstrap --config {path} with PVE on demo")]);
    // Who takes the cluster away has to come to the platform as well.
    let cluster = "demo".to_owned();
    let destroyed = bench.done(Effect::DestroyRun { cluster });
    assert!(matches!(destroyed, Done::Launched { .. }), "{destroyed:?}");
    let started = bench.started.0.lock().unwrap().pop();
    assert_eq!(started.unwrap(), "destroy demo --yes --confirm demo with PVE on demo");
}

#[test]
fn what_answers_an_older_question_is_not_wanted() {
    let mut bench = Bench::new();
    let want = |platform: &str| Want {
        platform: platform.to_owned(),
        about: About::List(Query::all(ChoiceKind::Node)),
    };
    let ask = |want: Want| Effect::Ask {
        want,
        platform: Box::new(Described {
            settings: Provider::InMemory(InMemory::default()),
            secrets: BTreeMap::new(),
            folder: PathBuf::new(),
        }),
    };
    bench.runner.perform(ask(want("old")));
    bench.runner.perform(ask(want("new")));
    let mut heard = Vec::new();
    let last = loop {
        let back = bench.next();
        match bench.runner.is_wanted(back) {
            Some(Input::Heard(want, Heard::Asked)) => heard.push(want.platform.clone()),
            Some(Input::Heard(want, last)) => {
                heard.push(want.platform.clone());
                break last;
            }
            _ => {}
        }
    };
    assert_eq!(heard, ["new", "new"]);
    assert!(matches!(last, Heard::Failed { .. }), "there is no world: {last:?}");
    bench.runner.perform(Effect::Forget(want("new")));
    let late = Back::Heard {
        number: 1,
        want: Box::new(want("new")),
        heard: Heard::End,
    };
    assert_eq!(bench.runner.is_wanted(late), None);
}

/// An image whose platform wants a secret from a file that is not there: it fails without any connection.
fn bring(bench: &Bench, image: &str) -> Effect {
    let text = "provider: proxmox\ncluster: {name: demo}\nproviderConfig: {proxmox: {endpoint: 'https://pve.example.org:8006', \
                username: root@pam, password: {file: token}, nodes: [pve], storage: local}}";
    Effect::Bring {
        want: Want {
            platform: image.to_owned(),
            about: About::Image,
        },
        wished: Box::new(Wished {
            image: butler_api::config::load_image(text, "x.yaml", &|_| Err(String::new())).unwrap(),
            secrets: BTreeMap::new(),
            folder: bench.folder.path().to_owned(),
        }),
    }
}

#[test]
fn an_image_that_cannot_be_brought_says_why_and_another_one_takes_its_place() {
    let mut bench = Bench::new();
    for image in ["old", "new"] {
        let effect = bring(&bench, image);
        bench.runner.perform(effect);
    }
    let (want, error) = loop {
        let back = bench.next();
        if let Some(Input::Heard(want, Heard::Failed { error, .. })) = bench.runner.is_wanted(back) {
            break (want, error);
        }
    };
    assert_eq!((want.platform.as_str(), &want.about), ("new", &About::Image));
    assert!(error.contains(&bench.path("token")), "{error}");
    bench.runner.perform(Effect::Forget(*want.clone()));
    let late = Back::Heard {
        number: 1,
        want,
        heard: Heard::There {
            name: "late".to_owned(),
        },
    };
    assert_eq!(bench.runner.is_wanted(late), None);
}

/// As in a bootstrap with the same file.
#[test]
fn relative_paths_of_a_configuration_are_of_its_folder() {
    let mut bench = Bench::new();
    let text = "provider: proxmox\nproviderConfig: {proxmox: {endpoint: 'https://pve.example.org:8006', username: root@pam, \
                password: {file: token}, nodes: [pve], storage: local}}";
    let settings = butler_api::config::load_provider(text, "x.yaml", &|_| Err(String::new())).unwrap();
    let want = Want {
        platform: "pve".to_owned(),
        about: About::Access,
    };
    bench.runner.perform(Effect::Ask {
        want,
        platform: Box::new(Described {
            settings,
            secrets: BTreeMap::new(),
            folder: bench.folder.path().to_owned(),
        }),
    });
    let error = loop {
        let back = bench.next();
        if let Some(Input::Heard(_, Heard::Failed { error, .. })) = bench.runner.is_wanted(back) {
            break error;
        }
    };
    assert!(error.contains(&bench.path("token")), "{error}");
}

#[test]
fn a_run_that_is_not_there_cannot_be_stopped_and_says_so() {
    let mut bench = Bench::new();
    let cluster = "demo".to_owned();
    let Done::Failed { what, error, .. } = bench.done(Effect::StopRun { cluster }) else {
        panic!("it fails")
    };
    assert_eq!(
        (what.as_str(), error.as_str()),
        ("stop the run", "no run works on demo")
    );
}

#[test]
fn a_task_that_panics_is_told() {
    let mut bench = Bench::new();
    bench.runner.panic_in_a_task();
    let Back::Input(Input::Done(Done::Failed { error, .. })) = bench.next() else {
        panic!("it is told")
    };
    assert!(error.contains("defect"), "{error}");
}
