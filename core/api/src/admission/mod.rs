//! What Butler's controller admits: the rules of its validating webhooks, one file per kind, as pure functions.
//!
//! [`Review`] is what somebody wants to do to an object. [`Review::decide`] says whether he may, or which [`Need`] it has to know
//! first; whoever asks reads it, adds it to the [`Facts`] and asks again. So the same rules serve in process, before a request
//! is sent, and behind a webhook. Nothing is defaulted here: Butler has no mutating webhooks.

mod cluster_creation_policy;
mod environment;
mod facts;
mod field;
mod network_pool;
mod policy;
mod provider_config;
mod quota;
mod team;
mod tenant_cluster;
mod webhook;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::{
    facts::{BadFact, Facts, Need, OtherCluster},
    field::{Fault, FieldError},
    quota::beyond as beyond_quota,
    webhook::{WEBHOOKS, Webhook, webhook},
};
use crate::v1alpha1::{
    ClusterCreationPolicy, NetworkPool, ProviderConfig, Team, TenantCluster, decode as decode_object,
};

/// What is done to an object. Reading it is never reviewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It is new.
    Create,
    /// It was there, and changes.
    Update,
    /// It goes.
    Delete,
}

impl Operation {
    /// The word of Kubernetes for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

/// Who wants to do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requester {
    /// User name, which is the e-mail where Butler's server acts for somebody.
    pub name: String,
    /// Groups of the user.
    pub groups: Vec<String>,
}

/// Something that somebody wants to do to an object.
#[derive(Debug)]
pub struct Review {
    webhook: &'static Webhook,
    subject: Subject,
    requester: Requester,
}

/// An object before and after.
#[derive(Debug)]
enum Subject {
    TenantCluster(Box<Change<TenantCluster>>),
    Team(Box<Change<Team>>),
    ProviderConfig(Box<Change<ProviderConfig>>),
    NetworkPool(Box<Change<NetworkPool>>),
    ClusterCreationPolicy(Box<Change<ClusterCreationPolicy>>),
}

/// What happens to an object.
#[derive(Debug)]
enum Change<T> {
    Create(T),
    Update { old: T, new: T },
    Delete(T),
}

impl<T> Change<T> {
    /// The object after the change, with the one before; nothing where it goes.
    fn written(&self) -> Option<(Option<&T>, &T)> {
        match self {
            Self::Create(new) => Some((None, new)),
            Self::Update { old, new } => Some((Some(old), new)),
            Self::Delete(_) => None,
        }
    }
}

/// What the rules say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// What the requester is to be warned of, whether it is denied or not.
    pub warnings: Vec<String>,
    /// Why it is denied, if it is.
    pub denial: Option<Denial>,
}

impl From<Denial> for Verdict {
    fn from(denial: Denial) -> Self {
        Self {
            warnings: Vec::new(),
            denial: Some(denial),
        }
    }
}

/// Why something is denied, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Name of the webhook, such as `vteam.kb.io`.
    pub webhook: &'static str,
    /// The reason.
    pub cause: Cause,
}

/// Why something is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Fields that are wrong; never empty.
    Fields(Vec<FieldError>),
    /// The requester may not do that.
    Requester(String),
    /// The object or a fact could not be read, so nothing can be said about it.
    Unreadable {
        /// HTTP status code of the answer.
        code: u16,
        /// What could not be read, and why.
        message: String,
    },
}

impl Denial {
    /// HTTP status code of the answer.
    pub fn code(&self) -> u16 {
        match &self.cause {
            Cause::Fields(_) | Cause::Requester(_) => 403,
            Cause::Unreadable { code, .. } => *code,
        }
    }

    /// Machine-readable reason of the answer; empty where it has none.
    pub fn reason(&self) -> &'static str {
        match &self.cause {
            Cause::Fields(_) | Cause::Requester(_) => "Forbidden",
            Cause::Unreadable { .. } => "",
        }
    }

    /// The text of the webhook's own answer.
    pub fn text(&self) -> String {
        match &self.cause {
            Cause::Fields(errors) => field::aggregate(errors),
            Cause::Requester(text) => text.clone(),
            Cause::Unreadable { message, .. } => message.clone(),
        }
    }

    /// The message that the requester gets from the API server.
    pub fn message(&self) -> String {
        format!(
            "admission webhook {:?} denied the request: {}",
            self.webhook,
            self.text()
        )
    }
}

impl Review {
    /// What a webhook is asked about. An object that cannot be read is denied.
    pub fn read(
        webhook: &'static Webhook,
        operation: Operation,
        objects: (Option<&Value>, Option<&Value>),
        requester: Requester,
    ) -> Result<Self, Denial> {
        let subject = match webhook.kind {
            "TenantCluster" => read(webhook, operation, objects).map(Subject::TenantCluster),
            "Team" => read(webhook, operation, objects).map(Subject::Team),
            "ProviderConfig" => read(webhook, operation, objects).map(Subject::ProviderConfig),
            "NetworkPool" => read(webhook, operation, objects).map(Subject::NetworkPool),
            _ => read(webhook, operation, objects).map(Subject::ClusterCreationPolicy),
        }?;
        Ok(Self {
            webhook,
            subject,
            requester,
        })
    }

    /// What the rules say, with facts that are read on the spot.
    pub fn decide_with(&self, mut read: impl FnMut(&Need, &mut Facts) -> Result<(), String>) -> Verdict {
        let mut facts = Facts::default();
        for _ in 0..Need::MOST {
            let need = match self.decide(&facts) {
                Ok(verdict) => return verdict,
                Err(need) => need,
            };
            if let Err(message) = read(&need, &mut facts) {
                return self.unreadable(message).into();
            }
        }
        self.endless()
    }

    /// The denial where the rules need more than [`Need::MOST`] facts, because somebody does not tell them what they ask for.
    pub fn endless(&self) -> Verdict {
        self.unreadable("the rules ask for the same facts again and again".to_owned())
            .into()
    }

    /// The denial where a fact cannot be had: what is not known is not admitted.
    pub fn unreadable(&self, message: String) -> Denial {
        Denial {
            webhook: self.webhook.name,
            cause: Cause::Unreadable { code: 500, message },
        }
    }

    /// Who wants it.
    pub fn requester(&self) -> &Requester {
        &self.requester
    }

    /// What the rules say, or what they have to know first.
    pub fn decide(&self, facts: &Facts) -> Result<Verdict, Need> {
        let mut warnings = Vec::new();
        let cause = match &self.subject {
            Subject::TenantCluster(change) => fields(match change.written() {
                Some((old, new)) => tenant_cluster::errors(old, new, &self.requester, facts)?,
                None => Vec::new(),
            }),
            Subject::Team(change) => match change.written() {
                Some((old, new)) => team::refusal(old, new, &self.requester, facts)?.map(Cause::Requester),
                None => None,
            },
            Subject::ProviderConfig(change) => fields(match &**change {
                Change::Create(new) | Change::Update { new, .. } => provider_config::errors(new),
                Change::Delete(old) => provider_config::errors_of_deletion(old, facts)?,
            }),
            Subject::NetworkPool(change) => {
                let errors;
                (warnings, errors) = network_pool::review(change, facts)?;
                fields(errors)
            }
            Subject::ClusterCreationPolicy(change) => fields(match change.written() {
                Some((_, new)) => cluster_creation_policy::errors(new, facts)?,
                None => Vec::new(),
            }),
        };
        let denial = cause.map(|cause| Denial {
            webhook: self.webhook.name,
            cause,
        });
        Ok(Verdict { warnings, denial })
    }
}

fn fields(errors: Vec<FieldError>) -> Option<Cause> {
    (!errors.is_empty()).then_some(Cause::Fields(errors))
}

fn read<T: DeserializeOwned>(
    webhook: &Webhook,
    operation: Operation,
    (old, new): (Option<&Value>, Option<&Value>),
) -> Result<Box<Change<T>>, Denial> {
    let read = |object: Option<&Value>, what: &str| {
        let object = object.cloned().unwrap_or(Value::Null);
        decode_object::<T>(object).map_err(|error| Denial {
            webhook: webhook.name,
            cause: Cause::Unreadable {
                code: 400,
                message: format!("decode {what}{}: {error}", webhook.kind),
            },
        })
    };
    Ok(Box::new(match operation {
        Operation::Create => Change::Create(read(new, "")?),
        Operation::Update => Change::Update {
            old: read(old, "old ")?,
            new: read(new, "new ")?,
        },
        Operation::Delete => Change::Delete(read(old, "")?),
    }))
}
