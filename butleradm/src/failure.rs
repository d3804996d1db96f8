//! Turns errors of the libraries into failures: kind, hints and exit code.

pub(crate) mod people;
pub(crate) mod providers;
mod transfer;

use std::path::Path;

use butler_addons::PlanError;
use butler_api::{
    config::{self, ConfigErrors, Problem},
    descriptors,
    event::Outcome,
};
use butler_embedded::OpenError;
use butler_engine::{
    Ended, FailedStep,
    receipt::{Object, ObjectState},
};
use butler_files::{ClusterFolder, home::HomeError, read};
use butler_infra::InfraError;
use butler_lifecycle::{
    bootstrap::plan::{Plan, saved::SavedError},
    bootstrap::run::RunError,
    clusters::ChooseError,
    destroy::{self, prepare::PrepareError, run::Destroyed, survey::SurveyError, target::Unclear},
    health::LookError,
    runs::{end::EndError, follow::FollowError, stream::StreamError},
    setup::{ChosenError, ConfigurationError, SecretError, SetupError},
};
use butler_terminal::{
    Exit, Failure,
    failure::{Place, Remark},
};
use butler_tui::live::words;
use butler_wizard::SetError;
use butler_world::process::WorldError;

pub(crate) use self::transfer::{export, handed_over, import};
use crate::world::NoProgram;

/// A configuration that cannot be used.
pub(crate) fn configuration(error: &ConfigurationError) -> Failure {
    let failure = hinted(Failure::from_error(Exit::Usage, error), error.hint());
    match error {
        ConfigurationError::Invalid(errors) => with_problems(failure, errors),
        _ => failure,
    }
}

/// A failure that each of these problems is a part of.
fn with_problems(failure: Failure, errors: &ConfigErrors) -> Failure {
    let problems = errors.problems().iter();
    problems.fold(failure, |failure, found| failure.remark(problem(found, errors.name())))
}

/// A problem, or something to be known, of a configuration in this file.
pub(crate) fn problem(problem: &Problem, file: &str) -> Remark {
    Remark {
        title: None,
        message: problem.message.clone(),
        hint: problem.hint.clone(),
        place: place(Path::new(file), problem.line, problem.column),
    }
}

/// A place in a configuration; none in one that came by standard input.
fn place(file: &Path, line: usize, column: usize) -> Option<Place> {
    (file.as_os_str() != "-").then(|| Place {
        file: file.to_owned(),
        line,
        column,
    })
}

/// The largest configuration in which a place is looked for, in bytes.
const LARGEST: u64 = 1 << 20;

/// The setting that an error is about, under its name in the file.
fn setting(error: &SetupError) -> Option<&str> {
    match error {
        SetupError::Secret(secret) => Some(secret.field()),
        SetupError::Remains { source, .. } => changed(source),
        _ => None,
    }
}

/// The first of the settings whose change is refused.
fn changed(error: &RunError) -> Option<&str> {
    match error {
        RunError::Changed { changes, .. } => changes.first().map(|refused| refused.change.path.as_str()),
        _ => None,
    }
}

/// The same failure with the place of a setting, as far as the file tells it now: it was read long ago.
fn placed(failure: Failure, file: &Path, setting: Option<&str>) -> Failure {
    let find = |setting: &str| {
        let text = String::from_utf8(read::file(file, LARGEST).ok()?).ok()?;
        config::place(&text, setting)
    };
    let (line, column) = setting.and_then(find).unwrap_or((0, 0));
    let whole = failure.remarks();
    whole.into_iter().fold(failure, |failure, remark| {
        failure.remark(Remark {
            place: place(file, line, column),
            ..remark
        })
    })
}

/// A run that could not begin with this configuration, or had to stop.
pub(crate) fn bootstrap_run(error: &RunError, folder: &ClusterFolder, file: &Path) -> Failure {
    let failure = run(error, folder);
    match changed(error) {
        None => failure,
        setting => placed(failure, file, setting),
    }
}

/// A bootstrap that cannot be set up with this configuration.
pub(crate) fn bootstrap_setup(error: &SetupError, file: &Path) -> Failure {
    let failure = setup(error);
    let to_blame = match error {
        SetupError::Secret(_) | SetupError::MachineConfig(_) | SetupError::Addons(_) | SetupError::Mirror { .. } => {
            true
        }
        SetupError::Remains { source, .. } => matches!(**source, RunError::Changed { .. }),
        _ => false,
    };
    if to_blame {
        placed(failure, file, setting(error))
    } else {
        failure
    }
}

/// A bootstrap cluster that cannot be chosen.
pub(crate) fn chosen(error: &ChosenError) -> Failure {
    Failure::from_error(Exit::Usage, error).hint(error.hint())
}

/// An operation that cannot be set up.
pub(crate) fn setup(error: &SetupError) -> Failure {
    let own = |exit| hinted(Failure::from_error(exit, error), error.hint());
    match error {
        SetupError::Secret(SecretError::Command { ending, said, .. }) => {
            let failure = own(Exit::Usage).cause(ending.clone());
            said.iter().fold(failure, |failure, line| failure.cause(line.clone()))
        }
        SetupError::Home(_)
        | SetupError::Secret(_)
        | SetupError::Authorities(_)
        | SetupError::MachineConfig(_)
        | SetupError::Proxy { .. }
        | SetupError::NoHelm(_)
        | SetupError::UnfitHelm { .. }
        | SetupError::Mirror { .. } => own(Exit::Usage),
        SetupError::TalosSecrets { .. } => own(Exit::Failed),
        SetupError::Interrupted => own(Exit::Interrupted),
        SetupError::TooLate { .. } => own(Exit::Deadline),
        SetupError::Addons(error) => plan(error),
        SetupError::Remains { folder, source } => run(source, folder),
        SetupError::Platform(error) => infra(error),
        // Only the world of this program comes in by its door.
        SetupError::World(error) => match error.downcast_ref() {
            Some(error) => world(error),
            None => own(Exit::Failed),
        },
    }
}

fn hinted(failure: Failure, hint: Option<impl Into<String>>) -> Failure {
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// An API server that cannot be opened or cannot listen.
pub(crate) fn embedded(error: &OpenError) -> Failure {
    let failure = Failure::from_error(Exit::Failed, error);
    match error {
        OpenError::Damaged { folder, .. } => failure.hint(format!(
            "restore {folder} from a backup, or move it away and start with an empty one"
        )),
        _ => failure,
    }
}

/// No folder to work in.
pub(crate) fn home(error: &HomeError) -> Failure {
    Failure::from_error(Exit::Usage, error)
}

/// A world that cannot be started, found or ended.
pub(crate) fn world(error: &WorldError) -> Failure {
    match error {
        WorldError::File(_) => Failure::from_error(Exit::Usage, error),
        WorldError::Running(_) => {
            Failure::from_error(Exit::Failed, error).hint("end it first: butleradm inmemory down")
        }
        WorldError::Absent => Failure::from_error(Exit::Failed, error).hint("start it: butleradm inmemory up"),
        WorldError::Login(_) => Failure::from_error(Exit::Failed, error)
            .hint("`butleradm inmemory status` lists people; `butlerctl login` shows another code"),
        WorldError::Descriptors { .. } => Failure::from_error(Exit::Failed, error).hint(descriptors::HINT),
        WorldError::Silent { .. } => {
            Failure::from_error(Exit::Failed, error).hint("butleradm inmemory down ends it, also when it hangs")
        }
        WorldError::Unknown(lock) => {
            Failure::from_error(Exit::Failed, error).hint(format!("find it with `fuser {}` and end it", lock.display()))
        }
        _ => Failure::from_error(Exit::Failed, error),
    }
}

/// The program that runs a world cannot be found.
pub(crate) fn program(error: &NoProgram) -> Failure {
    Failure::from_error(Exit::Failed, error)
}

/// A value of the command line that no setting can have.
pub(crate) fn unset(error: &SetError) -> Failure {
    hinted(Failure::from_error(Exit::Usage, error), error.hint())
}

/// The user stopped the command.
pub(crate) fn interrupted() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted")
}

/// A saved plan that cannot be carried out.
pub(crate) fn saved(error: &SavedError) -> Failure {
    match error {
        SavedError::Differs { .. } => Failure::from_error(Exit::Usage, error)
            .hint("nothing was changed; look at a new plan: --dry-run --out FILE"),
        SavedError::NoPlan { .. } | SavedError::Version { .. } => Failure::from_error(Exit::Usage, error)
            .hint("save one with `butleradm bootstrap --config FILE --dry-run --out FILE`"),
        SavedError::Read { .. } => Failure::from_error(Exit::Usage, error),
        SavedError::Write(error) => {
            hinted(Failure::from_error(Exit::Failed, error), error.hint()).while_doing("cannot save the plan")
        }
        SavedError::Json(_) => Failure::from_error(Exit::Failed, error),
    }
}

/// Checks of a plan that failed, if any did.
pub(crate) fn checks(plan: &Plan) -> Option<Failure> {
    let mut failed = plan.failed().peekable();
    failed.peek()?;
    let failure = Failure::new(Exit::Failed, format!("a bootstrap of {} would fail", plan.cluster));
    Some(failed.fold(failure, |failure, check| {
        hinted(
            failure.cause(format!("{} ({})", check.summary, check.id)),
            check.hint.as_ref(),
        )
    }))
}

/// The exit code of an outcome.
pub(crate) fn exit(outcome: Outcome) -> Exit {
    match outcome {
        Outcome::Done => Exit::Done,
        Outcome::Failed => Exit::Failed,
        Outcome::Deadline => Exit::Deadline,
        Outcome::Interrupted => Exit::Interrupted,
    }
}

/// No cluster is chosen. `command` is the one that needs it.
pub(crate) fn choose(error: &ChooseError, command: &str) -> Failure {
    match error {
        ChooseError::List(_) => Failure::from_error(Exit::Failed, error),
        ChooseError::Nothing => Failure::from_error(Exit::Usage, error)
            .hint("begin one with `butleradm bootstrap --config FILE`; BUTLER_HOME chooses the home"),
        ChooseError::Unknown { clusters, .. } if clusters.is_empty() => Failure::from_error(Exit::Usage, error)
            .hint("begin one with `butleradm bootstrap --config FILE`; BUTLER_HOME chooses the home"),
        ChooseError::Unknown { clusters, .. } => {
            Failure::from_error(Exit::Usage, error).hint(format!("there are: {}", clusters.join(", ")))
        }
        ChooseError::Several { clusters } => Failure::from_error(Exit::Usage, error)
            .hint(format!(
                "name one: butleradm {command} {}",
                clusters.first().map_or("CLUSTER", String::as_str)
            ))
            .hint("butleradm bootstrap list shows them all"),
    }
}

/// Events that cannot be read.
pub(crate) fn stream(error: &StreamError) -> Failure {
    match error {
        StreamError::NoFile { .. } => Failure::from_error(Exit::Usage, error),
        StreamError::Version { .. } => {
            Failure::from_error(Exit::Failed, error).hint("read it with the release that wrote it, or a later one")
        }
        _ if error.is_missing() => Failure::from_error(Exit::Usage, error)
            .hint("name a file that --events wrote, or a cluster: butleradm bootstrap list shows them"),
        _ => Failure::from_error(Exit::Failed, error),
    }
}

/// A run that cannot be followed.
pub(crate) fn follow(error: &FollowError, cluster: &str) -> Failure {
    match error {
        FollowError::Stream(error) if error.is_missing() => {
            Failure::new(Exit::Failed, format!("no run on {cluster} has left events"))
        }
        FollowError::Stream(error) => stream(error),
        FollowError::Lock(_) => Failure::from_error(Exit::Failed, error),
    }
}

/// A run that was not ended.
pub(crate) fn end(error: &EndError) -> Failure {
    match error {
        EndError::Idle { .. } => {
            Failure::from_error(Exit::Usage, error).hint("butleradm bootstrap list shows what runs")
        }
        EndError::Elsewhere { holder, .. } => {
            Failure::from_error(Exit::Usage, error).hint(format!("run the same command on {}", holder.host))
        }
        EndError::Unknown { lock } => {
            Failure::from_error(Exit::Failed, error).hint(format!("find it with `fuser {}`", lock.display()))
        }
        EndError::Undying { holder } => Failure::from_error(Exit::Failed, error).hint(format!(
            "kill -9 {} ends it at once; the same command as before goes on from its journal",
            holder.pid
        )),
        EndError::Lock(_) | EndError::Refused { .. } => Failure::from_error(Exit::Failed, error),
    }
}

/// Addons that do not fit together.
pub(crate) fn plan(error: &PlanError) -> Failure {
    let failure = Failure::from_error(Exit::Usage, error);
    match error {
        PlanError::Missing { hint, .. } => failure.hint(*hint),
        PlanError::Unsupported { .. } => failure,
    }
}

/// A management cluster that could not be looked at.
pub(crate) fn health(error: &LookError, doing: &'static str) -> Failure {
    let failure = people::kubernetes(&error.0, doing);
    match &error.0 {
        kube::Error::Api(_) => failure,
        _ => failure
            .hint("is the cluster up, and can this computer reach it?")
            .hint("--explain-auth tells which cluster is used, and why"),
    }
}

/// A platform that cannot be used.
pub(crate) fn infra(error: &InfraError) -> Failure {
    let exit = if error.kind == butler_infra::ErrorKind::Unsupported {
        Exit::Usage
    } else {
        Exit::Failed
    };
    hinted(Failure::from_error(exit, error), error.hint.as_ref())
}

/// A run that could not begin, or had to stop.
pub(crate) fn run(error: &RunError, folder: &ClusterFolder) -> Failure {
    match error {
        RunError::Changed { .. } => Failure::from_error(Exit::Usage, error).hint(
            "undo these changes and run the same command again; a cluster under way keeps what it was made with. \
                 A machine on the list keeps its name when its `name` is written down",
        ),
        RunError::Destroyed { cluster } => {
            Failure::from_error(Exit::Usage, error).hint(format!("finish it first: butleradm destroy {cluster}"))
        }
        RunError::HandedOver(error) => handed_over(error),
        RunError::Plan(error) => plan(error),
        RunError::Lost(lost) => lost
            .hints()
            .iter()
            .fold(Failure::from_error(Exit::Failed, error), |failure, hint| {
                failure.hint(hint)
            }),
        RunError::Journal(_) => Failure::from_error(Exit::Failed, error).hint(format!(
            "nothing was deleted; the state of this bootstrap is in {}",
            folder.path().display()
        )),
        _ => Failure::from_error(Exit::Failed, error),
    }
}

/// As many waits are told when the time was up: the longest ones.
const MOST_WAITS: usize = 3;

/// As many hints are told.
const MOST_HINTS: usize = 3;

/// How a bootstrap ended, if not well: what failed, what exists, how to go on. `again` is the command that goes on.
pub(crate) fn ended(ended: &Ended, cluster: &str, again: &str) -> Result<(), Failure> {
    let Some(failure) = not_done(ended, &format!("the bootstrap of {cluster}")) else {
        return Ok(());
    };
    let failure = hints(failure.cause(words::exists(&ended.view)), ended);
    Err(failure.hint(words::again(again)))
}

/// How a destroy ended, if not well: what failed, what is left, how to go on.
pub(crate) fn destroyed(destroyed: &Destroyed, cluster: &str) -> Result<(), Failure> {
    let left: Vec<&Object> = destroyed
        .receipt
        .objects
        .iter()
        .filter(|o| o.state == ObjectState::Left)
        .collect();
    let failure = destroyed.ended.as_ref().and_then(|ended| {
        let failure = not_done(ended, &format!("the destroy of {cluster}"))?;
        Some(hints(failure, ended))
    });
    let failure = match (failure, left.as_slice()) {
        (None, []) => return Ok(()),
        (Some(failure), _) => failure,
        (None, _) => Failure::new(Exit::Deadline, format!("not everything of {cluster} is gone")),
    };
    let names: Vec<String> = left
        .iter()
        .map(|object| format!("{} {} ({})", object.kind, object.name, object.id))
        .collect();
    let failure = match names.as_slice() {
        [] => failure,
        names if names.len() > 12 => {
            failure.cause(format!("{} objects are left; the first is {}", names.len(), names[0]))
        }
        names => failure.cause(format!("left: {}", names.join(", "))),
    };
    Err(failure.hint(format!(
        "the same command goes on from here: butleradm destroy {cluster}"
    )))
}

/// What stopped a run, or kept it from its end; none if it is done. `what` is the operation and its cluster.
fn not_done(ended: &Ended, what: &str) -> Option<Failure> {
    let exit = match exit(ended.outcome) {
        Exit::Done => return None,
        exit => exit,
    };
    let mut failure = match (ended.failures.first(), ended.outcome) {
        (_, Outcome::Interrupted) => Failure::new(exit, format!("{what} was interrupted")),
        (Some(first), _) => Failure::new(exit, format!("{what} stopped")).cause(describe(first)),
        (None, _) => Failure::new(exit, format!("{what} did not end within --deadline")),
    };
    let told = usize::from(ended.outcome != Outcome::Interrupted);
    for further in ended.failures.iter().skip(told) {
        failure = failure.cause(describe(further));
    }
    for step in &ended.failures {
        failure = failure.remark(remark(step));
    }
    for wait in ended.unfinished.iter().take(MOST_WAITS) {
        failure = failure.cause(wait.clone());
    }
    if let Some(more) = ended.unfinished.len().checked_sub(MOST_WAITS).filter(|more| *more > 0) {
        failure = failure.cause(format!("and {more} more"));
    }
    Some(failure)
}

/// What a person can try after a run that did not get to its end.
fn hints(mut failure: Failure, ended: &Ended) -> Failure {
    let mut hints: Vec<&str> = Vec::new();
    let of_failures = ended.failures.iter().filter_map(|f| f.failure.hint.as_deref());
    for hint in of_failures.chain(ended.hints.iter().map(String::as_str)) {
        if !hints.contains(&hint) && hints.len() < MOST_HINTS {
            hints.push(hint);
        }
    }
    for hint in hints {
        failure = failure.hint(hint);
    }
    if ended.unfinished.iter().any(|words| descriptors::is_told(words)) {
        failure = failure.hint(descriptors::HINT);
    }
    failure
}

fn describe(step: &FailedStep) -> String {
    format!("{} (step {}): {}", title(step), step.step, step.failure.message)
}

fn remark(step: &FailedStep) -> Remark {
    Remark {
        title: Some(title(step)),
        message: format!("{} (step {})", step.failure.message, step.step),
        hint: step.failure.hint.clone(),
        place: None,
    }
}

fn title(step: &FailedStep) -> String {
    let subject = step.about.as_ref().map_or_else(String::new, |m| format!("{m}: "));
    format!("{subject}{}", step.title)
}

/// A destroy that cannot be prepared.
pub(crate) fn destroy_prepare(error: &PrepareError, cluster: &str) -> Failure {
    match error {
        PrepareError::Configuration(error) => configuration(error),
        PrepareError::Setup(error) => setup(error),
        PrepareError::Survey(error) => survey(error),
        PrepareError::OtherCluster { .. } | PrepareError::File { .. } => Failure::from_error(Exit::Usage, error),
        PrepareError::Platform(errors) => with_problems(Failure::from_error(Exit::Usage, error), errors),
        PrepareError::NoPlatformFile => {
            Failure::from_error(Exit::Usage, error).hint("name it with --config FILE, or --provider-config FILE")
        }
        PrepareError::NoPlatform { .. } => Failure::from_error(Exit::Usage, error).hint(format!(
            "butleradm destroy {cluster} --config FILE, or --provider-config FILE"
        )),
    }
}

/// What exists of a cluster cannot be told.
pub(crate) fn survey(error: &SurveyError) -> Failure {
    match error {
        SurveyError::Platform(error) => infra(error),
        SurveyError::Unclear(unclear) => {
            let failure = Failure::from_error(Exit::Usage, error);
            match unclear {
                Unclear::NoSuchId(_) => failure.hint("leave --cluster-id out: then the identities are listed"),
                Unclear::Several { .. } => failure.hint("choose one with --cluster-id"),
                Unclear::Unknown(_) => failure.hint("is the name right? --config FILE vouches for it"),
            }
        }
    }
}

/// A destroy that could not begin, or had to stop.
pub(crate) fn destroy_run(error: &destroy::run::RunError) -> Failure {
    match error {
        destroy::run::RunError::HandedOver(error) => handed_over(error),
        _ => Failure::from_error(Exit::Failed, error),
    }
}
