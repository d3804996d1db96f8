//! Which cluster a command works on, and as whom: one order of sources for every command.
//!
//! A flag decides before a variable, a variable before the login, the login before kubectl's files, and those before the only
//! management cluster that this home made. The first source that is there decides; if it then fails, that is an error and never
//! a reason to take the next, because a person would act as somebody else without knowing it.

use std::fmt;
use std::path::PathBuf;

use crate::address::ServerAddress;

/// What was given to a command.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// `--kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`: one of the kubeconfig's.
    pub context: Option<String>,
    /// `--server`: the login on this server.
    pub server: Option<ServerAddress>,
    /// `BUTLER_KUBECONFIG`.
    pub kubeconfig_variable: Option<PathBuf>,
    /// `BUTLER_CONTEXT`.
    pub context_variable: Option<String>,
    /// `BUTLER_SERVER`.
    pub server_variable: Option<ServerAddress>,
}

/// Looks for what is only needed where nothing was given. A failure ends the resolution.
pub trait Look {
    /// Why it could not be looked.
    type Error;

    /// The server that a person is logged in on, if that is so.
    fn login(&mut self) -> Result<Option<ServerAddress>, Self::Error>;

    /// kubectl's files: those of `KUBECONFIG`, or `~/.kube/config` where it exists.
    fn kubectl(&mut self) -> Result<Kubectl, Self::Error>;

    /// Kubeconfigs of the management clusters that this home made.
    fn clusters(&mut self) -> Result<Vec<PathBuf>, Self::Error>;
}

/// Where kubectl would look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kubectl {
    /// `KUBECONFIG` names these files.
    Variable(Vec<PathBuf>),
    /// `~/.kube/config` exists.
    File(PathBuf),
    /// Neither.
    Nowhere,
}

/// Where the credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A kubeconfig that was named by a flag or a variable.
    Kubeconfig(PathBuf),
    /// The login on a server.
    Login(ServerAddress),
    /// The files that kubectl uses, merged as kubectl does.
    Kubectl(Vec<PathBuf>),
    /// The kubeconfig of the management cluster that this home made.
    Cluster(PathBuf),
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The flag `--kubeconfig`.
    KubeconfigFlag,
    /// The flag `--context`.
    ContextFlag,
    /// The flag `--server`.
    ServerFlag,
    /// The variable `BUTLER_KUBECONFIG`.
    KubeconfigVariable,
    /// The variable `BUTLER_CONTEXT`.
    ContextVariable,
    /// The variable `BUTLER_SERVER`.
    ServerVariable,
    /// Somebody is logged in.
    Login,
    /// The variable `KUBECONFIG`.
    Kubectl,
    /// `~/.kube/config` exists.
    KubectlFile,
    /// The home made one management cluster.
    OnlyCluster,
}

/// The source that a command uses, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Where the credentials come from.
    pub source: Source,
    /// The context in the kubeconfig; its current one where there is none.
    pub context: Option<String>,
    /// What decided.
    pub reason: Reason,
}

/// Why nothing could be decided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError<E> {
    /// Two flags, or two variables, name different sources.
    #[error("{0} and {1} cannot be used together: each names whom to be")]
    Contradiction(&'static str, &'static str),
    /// A context was named where there are no files to look for it in.
    #[error("there is no kubeconfig that could have the context {0:?}")]
    ContextOfNothing(String),
    /// Several clusters, and nothing says which.
    #[error("several management clusters were made here, and nothing says which one is meant")]
    Several(Vec<PathBuf>),
    /// There is nothing at all.
    #[error("there is no cluster to work on: no login, no kubeconfig, and no management cluster that was made here")]
    Nothing,
    /// It could not be looked.
    #[error(transparent)]
    Look(E),
}

/// Decides which source a command uses.
pub fn decide<L: Look>(given: &Given, look: &mut L) -> Result<Decision, ResolveError<L::Error>> {
    if given.server.is_some() && given.kubeconfig.is_some() {
        return Err(ResolveError::Contradiction("--server", "--kubeconfig"));
    }
    if given.server.is_some() && given.context.is_some() {
        return Err(ResolveError::Contradiction("--server", "--context"));
    }
    let context = given.context.clone();
    if let Some(path) = &given.kubeconfig {
        return Ok(Decision::of_file(path, context, Reason::KubeconfigFlag));
    }
    if let Some(name) = context {
        return match &given.kubeconfig_variable {
            Some(path) => Ok(Decision::of_file(path, Some(name), Reason::ContextFlag)),
            None => in_files(look, name, Reason::ContextFlag),
        };
    }
    if let Some(server) = &given.server {
        return Ok(Decision::of_login(server.clone(), Reason::ServerFlag));
    }
    by_variables(given, look).unwrap_or_else(|| by_what_is_there(look))
}

fn by_variables<L: Look>(given: &Given, look: &mut L) -> Option<Result<Decision, ResolveError<L::Error>>> {
    let named = given.kubeconfig_variable.is_some() || given.context_variable.is_some();
    if named && given.server_variable.is_some() {
        let other = if given.kubeconfig_variable.is_some() {
            "BUTLER_KUBECONFIG"
        } else {
            "BUTLER_CONTEXT"
        };
        return Some(Err(ResolveError::Contradiction("BUTLER_SERVER", other)));
    }
    if let Some(path) = &given.kubeconfig_variable {
        let context = given.context_variable.clone();
        return Some(Ok(Decision::of_file(path, context, Reason::KubeconfigVariable)));
    }
    if let Some(name) = &given.context_variable {
        return Some(in_files(look, name.clone(), Reason::ContextVariable));
    }
    let server = given.server_variable.clone()?;
    Some(Ok(Decision::of_login(server, Reason::ServerVariable)))
}

/// A context of kubectl's files.
fn in_files<L: Look>(look: &mut L, name: String, reason: Reason) -> Result<Decision, ResolveError<L::Error>> {
    let source = match look.kubectl().map_err(ResolveError::Look)? {
        Kubectl::Variable(paths) => Source::Kubectl(paths),
        Kubectl::File(path) => Source::Kubectl(vec![path]),
        Kubectl::Nowhere => return Err(ResolveError::ContextOfNothing(name)),
    };
    let context = Some(name);
    Ok(Decision {
        source,
        context,
        reason,
    })
}

fn by_what_is_there<L: Look>(look: &mut L) -> Result<Decision, ResolveError<L::Error>> {
    if let Some(server) = look.login().map_err(ResolveError::Look)? {
        return Ok(Decision::of_login(server, Reason::Login));
    }
    let (source, reason) = match look.kubectl().map_err(ResolveError::Look)? {
        Kubectl::Variable(paths) => (Source::Kubectl(paths), Reason::Kubectl),
        Kubectl::File(path) => (Source::Kubectl(vec![path]), Reason::KubectlFile),
        Kubectl::Nowhere => {
            let mut clusters = look.clusters().map_err(ResolveError::Look)?;
            match clusters.pop() {
                None => return Err(ResolveError::Nothing),
                Some(only) if clusters.is_empty() => (Source::Cluster(only), Reason::OnlyCluster),
                Some(last) => {
                    clusters.push(last);
                    return Err(ResolveError::Several(clusters));
                }
            }
        }
    };
    Ok(Decision {
        source,
        context: None,
        reason,
    })
}

impl Decision {
    fn of_file(path: &std::path::Path, context: Option<String>, reason: Reason) -> Self {
        Self {
            source: Source::Kubeconfig(path.to_owned()),
            context,
            reason,
        }
    }

    fn of_login(server: ServerAddress, reason: Reason) -> Self {
        Self {
            source: Source::Login(server),
            context: None,
            reason,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kubeconfig(path) | Self::Cluster(path) => write!(f, "the kubeconfig {}", path.display()),
            Self::Login(server) => write!(f, "the login on {server}"),
            Self::Kubectl(paths) => {
                let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
                write!(f, "the kubeconfig {}", paths.join(", "))
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::KubeconfigFlag => "--kubeconfig names it",
            Self::ContextFlag => "--context names a context of it",
            Self::ServerFlag => "--server names it",
            Self::KubeconfigVariable => "BUTLER_KUBECONFIG names it",
            Self::ContextVariable => "BUTLER_CONTEXT names a context of it",
            Self::ServerVariable => "BUTLER_SERVER names it",
            Self::Login => "it is the active login",
            Self::Kubectl => "nobody is logged in, and KUBECONFIG names it",
            Self::KubectlFile => "nobody is logged in, and kubectl uses it",
            Self::OnlyCluster => {
                "nobody is logged in, kubectl has no file, and it is the only management cluster made here"
            }
        })
    }
}

/// The order of the sources, for people: the name of each, and the reasons that choose it.
pub const ORDER: &[(&str, &[Reason])] = &[
    ("--kubeconfig", &[Reason::KubeconfigFlag]),
    ("--context", &[Reason::ContextFlag]),
    ("--server", &[Reason::ServerFlag]),
    (
        "BUTLER_KUBECONFIG, BUTLER_CONTEXT, BUTLER_SERVER",
        &[
            Reason::KubeconfigVariable,
            Reason::ContextVariable,
            Reason::ServerVariable,
        ],
    ),
    ("login", &[Reason::Login]),
    ("KUBECONFIG, ~/.kube/config", &[Reason::Kubectl, Reason::KubectlFile]),
    ("the only management cluster made here", &[Reason::OnlyCluster]),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// What is there; `None` where looking for it would be a defect.
    #[derive(Default)]
    struct There {
        login: Option<Result<Option<ServerAddress>, &'static str>>,
        kubectl: Option<Kubectl>,
        clusters: Option<Vec<PathBuf>>,
    }

    impl Look for There {
        type Error = &'static str;

        fn login(&mut self) -> Result<Option<ServerAddress>, Self::Error> {
            self.login.take().unwrap()
        }

        fn kubectl(&mut self) -> Result<Kubectl, Self::Error> {
            Ok(self.kubectl.take().unwrap())
        }

        fn clusters(&mut self) -> Result<Vec<PathBuf>, Self::Error> {
            Ok(self.clusters.take().unwrap())
        }
    }

    fn server(text: &str) -> ServerAddress {
        ServerAddress::parse(text, false).unwrap()
    }

    fn everything() -> Given {
        Given {
            kubeconfig: Some("flag".into()),
            context: Some("flag-context".to_owned()),
            server: None,
            kubeconfig_variable: Some("variable".into()),
            context_variable: Some("variable-context".to_owned()),
            server_variable: None,
        }
    }

    #[test]
    fn what_was_named_decides_and_nothing_else_is_looked_at() {
        let mut given = everything();
        let by = |given: &Given| decide(given, &mut There::default()).unwrap();
        let decision = by(&given);
        assert_eq!(decision.source, Source::Kubeconfig("flag".into()));
        assert_eq!(decision.context.as_deref(), Some("flag-context"));
        given.kubeconfig = None;
        let decision = by(&given);
        assert_eq!(decision.source, Source::Kubeconfig("variable".into()));
        assert_eq!(decision.context.as_deref(), Some("flag-context"));
        given.context = None;
        let decision = by(&given);
        assert_eq!(decision.reason, Reason::KubeconfigVariable);
        assert_eq!(decision.context.as_deref(), Some("variable-context"));
    }

    #[test]
    fn a_context_alone_is_one_of_kubectls_files() {
        let given = Given {
            context: Some("x".to_owned()),
            ..Given::default()
        };
        let mut there = There {
            kubectl: Some(Kubectl::Variable(vec!["a".into(), "b".into()])),
            ..There::default()
        };
        let decision = decide(&given, &mut there).unwrap();
        assert_eq!(decision.source, Source::Kubectl(vec!["a".into(), "b".into()]));
        assert_eq!(decision.reason, Reason::ContextFlag);
        there.kubectl = Some(Kubectl::Nowhere);
        let nothing = decide(&given, &mut there).unwrap_err();
        assert_eq!(nothing, ResolveError::ContextOfNothing("x".to_owned()));
    }

    #[test]
    fn the_login_comes_before_kubectl_and_the_only_cluster_last() {
        let given = Given::default();
        let mut there = There {
            login: Some(Ok(Some(server("https://s")))),
            ..There::default()
        };
        assert_eq!(
            decide(&given, &mut there).unwrap().source,
            Source::Login(server("https://s"))
        );
        let mut there = There {
            login: Some(Ok(None)),
            kubectl: Some(Kubectl::File("k".into())),
            ..There::default()
        };
        assert_eq!(decide(&given, &mut there).unwrap().reason, Reason::KubectlFile);
        let with = |clusters: &[&str]| {
            let mut there = There {
                login: Some(Ok(None)),
                kubectl: Some(Kubectl::Nowhere),
                clusters: Some(clusters.iter().map(PathBuf::from).collect()),
            };
            decide(&Given::default(), &mut there)
        };
        assert_eq!(with(&["c"]).unwrap().source, Source::Cluster("c".into()));
        assert_eq!(with(&[]).unwrap_err(), ResolveError::Nothing);
        assert_eq!(
            with(&["c", "d"]).unwrap_err(),
            ResolveError::Several(vec!["c".into(), "d".into()])
        );
    }

    #[test]
    fn a_source_that_cannot_be_looked_at_ends_it() {
        let mut there = There {
            login: Some(Err("damaged")),
            ..There::default()
        };
        let error = decide(&Given::default(), &mut there).unwrap_err();
        assert_eq!(error, ResolveError::Look("damaged"));
    }

    #[test]
    fn two_identities_at_once_are_refused() {
        let mut given = everything();
        given.server = Some(server("https://s"));
        assert!(matches!(
            decide(&given, &mut There::default()),
            Err(ResolveError::Contradiction(..))
        ));
        let given = Given {
            server_variable: Some(server("https://s")),
            context_variable: Some("x".to_owned()),
            ..Given::default()
        };
        let error = decide(&given, &mut There::default()).unwrap_err();
        assert_eq!(error, ResolveError::Contradiction("BUTLER_SERVER", "BUTLER_CONTEXT"));
    }
}
