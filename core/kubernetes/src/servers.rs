//! One client for an API server that several addresses lead to: the endpoint of a control plane and its nodes.
//!
//! Requests go to the first address, in order of preference, that answers. An address that fails is left for another with
//! the next request; what is under way there (watches too) ends with an error when it no longer answers and another does.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use kube::{Client, client::Body};
use secrecy::SecretString;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::{
    connect as connection,
    connect::{ConnectError, Options},
};

/// How long one address may take to answer when one is chosen: less than anybody waits for a request.
const ANSWER: Duration = Duration::from_millis(1500);
/// How long one that is preferred is still waited for when another has answered.
const PREFERENCE: Duration = Duration::from_millis(250);
/// How often the address in use is looked at while something is under way there.
const LOOK: Duration = if cfg!(test) {
    Duration::from_millis(100)
} else {
    Duration::from_secs(5)
};

/// Addresses of one API server. Copies share everything.
#[derive(Clone)]
pub struct Servers(Arc<Inner>);

struct Inner {
    kubeconfig: SecretString,
    server_name: String,
    /// In order of preference; never empty.
    addresses: Mutex<Vec<String>>,
    clients: Mutex<BTreeMap<String, Client>>,
    /// The address in use, and what ends when it is given up.
    used: Mutex<Used>,
    /// The address in use may not be the right one.
    doubtful: AtomicBool,
    /// One chooses, the others wait for it.
    choosing: tokio::sync::Mutex<()>,
    under_way: AtomicUsize,
}

#[derive(Clone)]
struct Used {
    address: String,
    given_up: CancellationToken,
}

/// What each address failed on, when none of them answers.
#[derive(Debug, thiserror::Error)]
#[error("{}", list(.0))]
struct NoneAnswers(Vec<(String, String)>);

/// The address was given up for another.
#[derive(Debug, thiserror::Error)]
#[error("{0} no longer answers, another address does")]
struct GivenUp(String);

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Servers").field(&self.all()).finish()
    }
}

impl Servers {
    /// For the addresses (`https://HOST:PORT`) in order of preference, verified against `server_name`. Connects to none.
    pub async fn new(
        kubeconfig: SecretString,
        server_name: String,
        addresses: Vec<String>,
    ) -> Result<Self, ConnectError> {
        let Some(first) = addresses.first().cloned() else {
            return Err(ConnectError::Address { address: String::new() });
        };
        let inner = Arc::new(Inner {
            kubeconfig,
            server_name,
            addresses: Mutex::new(addresses),
            clients: Mutex::default(),
            used: Mutex::new(Used {
                address: first.clone(),
                given_up: CancellationToken::new(),
            }),
            doubtful: AtomicBool::new(true),
            choosing: tokio::sync::Mutex::default(),
            under_way: AtomicUsize::new(0),
        });
        // A kubeconfig that cannot be used is an error now, not at the first request.
        inner.client(&first).await?;
        tokio::spawn(look_after(Arc::downgrade(&inner)));
        Ok(Self(inner))
    }

    /// The client. It moves to another address by itself.
    pub fn client(&self) -> Client {
        let inner = Arc::clone(&self.0);
        let service = tower::service_fn(move |request: Request<Body>| Arc::clone(&inner).send(request).boxed());
        Client::new(service, "default")
    }

    /// The address in use.
    pub fn current(&self) -> String {
        lock(&self.0.used).address.clone()
    }

    /// All addresses, in order of preference.
    pub fn all(&self) -> Vec<String> {
        lock(&self.0.addresses).clone()
    }

    /// Takes over addresses learned since. Where another one is preferred now, the next request finds out whether it answers.
    pub fn set(&self, addresses: Vec<String>) {
        let mut known = lock(&self.0.addresses);
        if *known == addresses || addresses.is_empty() {
            return;
        }
        if known.first() != addresses.first() {
            self.0.doubtful.store(true, Ordering::Relaxed);
        }
        *known = addresses;
    }
}

impl Inner {
    async fn send(self: Arc<Self>, request: Request<Body>) -> Result<Response<Guarded>, tower::BoxError> {
        let used = self.choose().await?;
        let client = self.client(&used.address).await?;
        let mut doubt = Doubt(Some(&self));
        let guard = UnderWay::new(&self);
        let answer = tokio::select! {
            answer = client.send(request) => answer,
            () = used.given_up.cancelled() => return Err(Box::new(GivenUp(used.address))),
        };
        match answer {
            Ok(response) => {
                doubt.0 = None;
                Ok(response.map(|inner| Guarded {
                    inner,
                    given_up: Box::pin(used.given_up.cancelled_owned()),
                    address: used.address,
                    _under_way: guard,
                }))
            }
            // Its words name the address already.
            Err(kube::Error::Service(source)) => Err(source),
            Err(error) => Err(Box::new(error)),
        }
    }

    /// The address that requests go to now.
    async fn choose(self: &Arc<Self>) -> Result<Used, NoneAnswers> {
        if !self.doubtful.load(Ordering::Relaxed) {
            return Ok(lock(&self.used).clone());
        }
        let _one_at_a_time = self.choosing.lock().await;
        if !self.doubtful.load(Ordering::Relaxed) {
            return Ok(lock(&self.used).clone());
        }
        let address = self.best().await?;
        Ok(self.use_address(address))
    }

    fn use_address(&self, address: String) -> Used {
        let mut used = lock(&self.used);
        if used.address != address {
            *used = Used {
                address,
                given_up: CancellationToken::new(),
            };
        }
        self.doubtful.store(false, Ordering::Relaxed);
        used.clone()
    }

    /// Asks all addresses at the same time: the most preferred one that is ready, else the most preferred one that answers.
    async fn best(self: &Arc<Self>) -> Result<String, NoneAnswers> {
        let addresses = lock(&self.addresses).clone();
        let mut answers: Vec<Option<Answer>> = addresses.iter().map(|_| None).collect();
        let mut open: FuturesUnordered<BoxFuture<'static, (usize, Answer)>> = FuturesUnordered::new();
        for (place, address) in addresses.iter().cloned().enumerate() {
            let inner = Arc::clone(self);
            open.push(async move { (place, inner.ask(&address).await) }.boxed());
        }
        let mut patience = Box::pin(sleep_until(Instant::now() + ANSWER * 2));
        loop {
            if let Some(place) = decided(&answers) {
                return Ok(addresses[place].clone());
            }
            tokio::select! {
                answered = open.next() => {
                    // All have said what they have to say.
                    let Some((place, answer)) = answered else { break };
                    if answer == Answer::Ready {
                        let latest = Instant::now() + PREFERENCE;
                        if patience.deadline() > latest {
                            patience.as_mut().reset(latest);
                        }
                    }
                    answers[place] = Some(answer);
                }
                () = &mut patience => break,
            }
        }
        let place = |wanted: fn(&Answer) -> bool| answers.iter().position(|a| a.as_ref().is_some_and(wanted));
        let found = place(|a| *a == Answer::Ready).or_else(|| place(|a| *a == Answer::Unready));
        found.map(|place| addresses[place].clone()).ok_or_else(|| {
            let causes = answers.into_iter().map(|answer| match answer {
                Some(Answer::Silent(cause)) => cause,
                _ => "no answer".to_owned(),
            });
            NoneAnswers(addresses.iter().cloned().zip(causes).collect())
        })
    }

    async fn ask(&self, address: &str) -> Answer {
        let ask = async {
            let client = self.client(address).await.map_err(|error| words(&error))?;
            let request = Request::get("/readyz")
                .body(Body::empty())
                .map_err(|error| error.to_string())?;
            client.send(request).await.map_err(|error| words(&error))
        };
        match timeout(ANSWER, ask).await {
            Ok(Ok(response)) if response.status().is_success() => Answer::Ready,
            Ok(Ok(_)) => Answer::Unready,
            Ok(Err(cause)) => Answer::Silent(cause),
            Err(_) => Answer::Silent(format!("no answer within {} ms", ANSWER.as_millis())),
        }
    }

    async fn client(&self, address: &str) -> Result<Client, ConnectError> {
        if let Some(client) = lock(&self.clients).get(address) {
            return Ok(client.clone());
        }
        let options = Options {
            server: Some(address.to_owned()),
            tls_server_name: Some(self.server_name.clone()),
            ..Options::default()
        };
        let client = connection::connect(&self.kubeconfig, &options).await?;
        lock(&self.clients).insert(address.to_owned(), client.clone());
        Ok(client)
    }
}

/// The first that is ready, if nothing better can come.
fn decided(answers: &[Option<Answer>]) -> Option<usize> {
    let place = answers.iter().position(|answer| *answer == Some(Answer::Ready))?;
    answers[..place].iter().all(Option::is_some).then_some(place)
}

/// What an address says.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Ready,
    /// A server that starts, or is not well.
    Unready,
    Silent(String),
}

/// A server that lost its power says nothing, not even that the connection is gone: while something is under way, the address
/// in use is asked from time to time.
async fn look_after(inner: Weak<Inner>) {
    loop {
        sleep(LOOK).await;
        let Some(inner) = inner.upgrade() else { return };
        if inner.under_way.load(Ordering::Relaxed) == 0 {
            continue;
        }
        let used = lock(&inner.used).clone();
        if !matches!(inner.ask(&used.address).await, Answer::Silent(_)) {
            continue;
        }
        let _one_at_a_time = inner.choosing.lock().await;
        match inner.best().await {
            Ok(better) if better != used.address => {
                used.given_up.cancel();
                // A connection that hangs must not be taken again when the address comes back.
                lock(&inner.clients).remove(&used.address);
                inner.use_address(better);
            }
            // It answers after all, or nothing does: whoever waits has its own deadline.
            Ok(_) | Err(_) => {}
        }
    }
}

/// Dropped without an answer (an error, or nobody waits any longer): the next request looks for an address first.
struct Doubt<'a>(Option<&'a Inner>);

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if let Some(inner) = self.0 {
            inner.doubtful.store(true, Ordering::Relaxed);
        }
    }
}

struct UnderWay(Weak<Inner>);

impl UnderWay {
    fn new(inner: &Arc<Inner>) -> Self {
        inner.under_way.fetch_add(1, Ordering::Relaxed);
        Self(Arc::downgrade(inner))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(inner) = self.0.upgrade() {
            inner.under_way.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A body that ends with an error when its address is given up.
struct Guarded {
    inner: Body,
    given_up: Pin<Box<WaitForCancellationFutureOwned>>,
    address: String,
    _under_way: UnderWay,
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = tower::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tower::BoxError>>> {
        if self.given_up.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(Box::new(GivenUp(self.address.clone())))));
        }
        Pin::new(&mut self.inner)
            .poll_frame(context)
            .map_err(tower::BoxError::from)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The deepest words of an error.
fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// Addresses with their causes; those of one cause together.
fn list(causes: &[(String, String)]) -> String {
    let mut grouped: Vec<(&str, Vec<&str>)> = Vec::new();
    for (address, cause) in causes {
        match grouped.iter_mut().find(|(known, _)| known == cause) {
            Some((_, addresses)) => addresses.push(address),
            None => grouped.push((cause, vec![address])),
        }
    }
    let words: Vec<String> = grouped
        .iter()
        .map(|(cause, addresses)| format!("{}: {cause}", addresses.join(", ")))
        .collect();
    words.join("; ")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
