//! Asking for what the command line does not say.

use butler_tenancy::clusters::change;
use butler_tenancy::clusters::create::interview::{Interview, Kind};
use butler_tenancy::clusters::create::{self, Facts, Wanted};
use butler_tenancy::pages;
use butler_terminal::prompt::{Prompt, Question};
use butler_terminal::style::Tone;
use butler_terminal::{Exit, Failure, Table, Ui};
use kube::ResourceExt;

use super::CreateArgs;
use crate::commands::cluster::waiting::Work;

/// Asks for everything that is not said, shows what it comes to, and lets somebody agree to it.
pub(super) async fn wanted(
    work: &Work<'_>,
    args: &CreateArgs,
    said: Wanted,
    facts: &Facts,
    flag: &'static str,
) -> Result<Wanted, Failure> {
    if args.yes {
        return Err(missing(flag, "--yes was given, so that nobody is asked", facts));
    }
    if Prompt::new(work.account.ui).is_none() {
        return Err(missing(flag, "there is no terminal to ask on", facts));
    }
    // Where they cannot be read, the API server tells of a name that is taken.
    let taken = pages::all(&change::clusters(work.reach, &work.place.namespace)).await;
    let taken = taken.map_or_else(|_| Vec::new(), |all| all.iter().map(ResourceExt::name_any).collect());
    let interview = Interview::new(said, facts.clone(), taken);
    let (ui, program) = (work.account.ui.clone(), work.account.tool.command("cluster create"));
    let further = further(args);
    work.ask(flag, move |prompt| {
        let wanted = answers(prompt, interview)?;
        let line = create::line(&wanted).into_iter().chain(further);
        let line = shlex::try_join(line.collect::<Vec<_>>().iter().map(String::as_str));
        let line = line.map_err(|error| Failure::from_error(Exit::Usage, &error))?;
        show(&ui, &wanted, &format!("{program} {line}"));
        let question = Question {
            words: "Create it?",
            flag: "--yes",
        };
        if prompt.confirm(question, true)? {
            return Ok(wanted);
        }
        Err(Failure::new(Exit::Interrupted, "not agreed to; nothing was made"))
    })
    .await
}

/// What has to be said where nobody can be asked, with the choices there are.
fn missing(flag: &str, why: &str, facts: &Facts) -> Failure {
    let failure = Failure::new(Exit::Usage, format!("{flag} is missing")).cause(why.to_owned());
    let environments = facts.team.as_ref().map_or(&[][..], |team| &team.environments);
    if flag == "--environment" {
        let names: Vec<&str> = environments
            .iter()
            .map(|environment| environment.name.as_str())
            .collect();
        return failure.hint(format!("the environments of the team: {}", names.join(", ")));
    }
    failure.hint("for example: butlerctl cluster create --name my-cluster")
}

fn answers(prompt: &Prompt, mut interview: Interview) -> Result<Wanted, Failure> {
    while let Some(ask) = interview.next() {
        let question = Question {
            words: ask.words,
            flag: ask.flag,
        };
        let answer = match ask.kind {
            Kind::Text(usual) => {
                let (known, topic) = (interview.clone(), ask.topic);
                prompt.text(question, usual.as_deref(), move |text| {
                    known.check(topic, text).map(|()| text.to_owned())
                })?
            }
            Kind::Choice { choices, usual } => prompt.choose(question, choices, usual)?,
        };
        let taken = interview.answer(ask.topic, &answer);
        taken.map_err(|reason| Failure::new(Exit::Usage, reason))?;
    }
    Ok(interview.wanted().clone())
}

/// The options of the command line that are not of the cluster.
fn further(args: &CreateArgs) -> Vec<String> {
    let named = [("--namespace", &args.place.namespace), ("--team", &args.place.team)];
    let named = named
        .into_iter()
        .filter_map(|(flag, value)| Some([flag.to_owned(), value.clone()?]));
    let wait = args.waiting.wait.then(|| "--wait".to_owned());
    named.flatten().chain(wait).collect()
}

fn show(ui: &Ui, wanted: &Wanted, line: &str) {
    let fields = [
        ("name", Some(wanted.name.clone())),
        ("environment", wanted.environment.clone()),
        ("platform", wanted.provider.clone()),
        ("kubernetes", wanted.release.as_ref().map(ToString::to_string)),
        ("workers", wanted.workers.map(|workers| workers.get().to_string())),
        ("cores", wanted.cpu.map(|cpu| cpu.to_string())),
        ("memory", wanted.memory.as_ref().map(ToString::to_string)),
        ("disk", wanted.disk.as_ref().map(ToString::to_string)),
        (
            "addresses",
            wanted.pool.map(|pool| format!("{}-{}", pool.start, pool.end)),
        ),
    ];
    let table = Table::fields(fields.into_iter().filter_map(|(label, value)| Some((label, value?))));
    ui.lines(&table.lines(false, None));
    ui.lines(&[butler_terminal::style::Line::new()
        .with(Tone::Faint, "the same again: ")
        .with(Tone::Plain, line)]);
}
