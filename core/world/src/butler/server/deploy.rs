//! Starts the server of a cluster when its Deployment is ready, and ends it when it is not, as pods come and go.

use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use butler_api::names::SYSTEM_NAMESPACE;
use butler_embedded::{Local, Seen};
use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{ButlerServer, HttpsTenants, Lifetimes, Options, listen};
use crate::butler::people;
use crate::certs;
use crate::live::World;
use crate::net::{self, RETRY};
use crate::values::text;
use crate::world::butler_server::ButlerServerView;
use crate::world::duration::GoDuration;
use crate::world::faults::{ButlerServerFaults, Span};
use crate::world::machine::TALOS_PORT;
use crate::world::node_config::ClusterConfig;

/// The Deployment whose pods are the server.
const DEPLOYMENT: &str = "butler-console-server";
/// The Deployment beside which users and teams mean something, if there is no server.
const CONTROLLER: &str = "butler-controller";
/// The port of a server that has an address of its own.
const PORT: u16 = 8443;

/// A cluster, as its server knows it.
pub(crate) struct Site {
    pub(crate) world: World,
    /// The number of the cluster.
    pub(crate) key: u32,
    pub(crate) cluster: ClusterConfig,
    pub(crate) local: Local,
}

/// Plays the server of a cluster until it is stopped.
pub(crate) async fn run(site: Site, stop: CancellationToken) {
    let mut follow = site.local.follow(&["apps/deployments"]);
    let mut changes = site.world.changes();
    let mut stage = Stage::new(site);
    loop {
        stage.align().await;
        let due = stage.due();
        tokio::select! {
            seen = follow.next() => match seen {
                Some(seen) => stage.observe(&seen),
                None => break,
            },
            _ = changes.changed() => {}
            () = sleep_until(due) => {}
            () = stop.cancelled() => break,
        }
    }
    stage.end().await;
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// What there is of a server.
struct Stage {
    site: Site,
    /// The Deployment has a ready pod.
    ready: bool,
    /// Something of Butler is there, so that people can be.
    settled: bool,
    people_are_there: bool,
    /// Kept for as long as the cluster is there, so that its URL does not change.
    address: Option<SocketAddrV4>,
    /// Kept likewise: a new pod reads the key of the old one, and sessions stay.
    signing_key: Vec<u8>,
    server: Option<Arc<ButlerServer>>,
    listening: Option<Listening>,
    faults: Plan,
    retry: Option<Instant>,
}

/// A server on its socket.
struct Listening {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// What is to go wrong, and when.
#[derive(Debug, Default)]
struct Plan {
    told: Told,
    restart: Option<Instant>,
    down_until: Option<Instant>,
}

/// The faults with a time, as they were told last.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Told {
    restart: Option<GoDuration>,
    down: Option<Span>,
}

impl Plan {
    /// Takes over what was told; times count from here where something has changed.
    fn follow(&mut self, faults: &ButlerServerFaults, now: Instant) {
        let told = Told {
            restart: faults.restart,
            down: faults.down,
        };
        if told.restart != self.told.restart {
            self.restart = told.restart.map(|after| soon(now, after.0));
        }
        if told.down != self.told.down {
            self.down_until = told.down.map(|span| soon(now, span.end(Duration::ZERO)));
        }
        self.told = told;
    }

    /// Whether the server restarts now; once for each time that it was told.
    fn restarts(&mut self, now: Instant) -> bool {
        self.restart.take_if(|due| *due <= now).is_some()
    }

    fn is_down(&self, now: Instant) -> bool {
        self.down_until.is_some_and(|until| now < until)
    }

    /// When the next of it happens.
    fn due(&self, now: Instant) -> Option<Instant> {
        let down = self.down_until.filter(|until| now < *until);
        self.restart.into_iter().chain(down).min()
    }
}

/// So much later, at most in a year.
fn soon(now: Instant, after: Duration) -> Instant {
    now + after.min(Duration::from_hours(24 * 365))
}

impl Stage {
    fn new(site: Site) -> Self {
        Self {
            site,
            ready: false,
            settled: false,
            people_are_there: false,
            address: None,
            signing_key: super::new_key(),
            server: None,
            listening: None,
            faults: Plan::default(),
            retry: None,
        }
    }

    fn observe(&mut self, seen: &Seen) {
        let object = seen.object();
        if text(object, "/metadata/namespace") != SYSTEM_NAMESPACE {
            return;
        }
        let there = !seen.deleted();
        match text(object, "/metadata/name") {
            DEPLOYMENT => {
                let pods = object
                    .pointer("/status/readyReplicas")
                    .and_then(serde_json::Value::as_i64);
                self.ready = there && pods.is_some_and(|pods| pods > 0);
                self.settled |= there;
            }
            CONTROLLER => self.settled |= there,
            _ => {}
        }
    }

    /// When to look again though nothing has happened.
    fn due(&self) -> Option<Instant> {
        self.retry.into_iter().chain(self.faults.due(Instant::now())).min()
    }

    /// Brings everything in line with what was observed and told.
    async fn align(&mut self) {
        let now = Instant::now();
        self.retry = None;
        let faults = self
            .site
            .world
            .with(|state| state.settings.faults.butler_server.clone());
        self.faults.follow(&faults, now);
        if self.settled && !self.people_are_there {
            self.bring_people();
        }
        if !self.ready {
            self.close().await;
            self.server = None;
            return;
        }
        if self.faults.restarts(now) {
            self.close().await;
            if let Some(server) = &self.server {
                server.restart();
            }
        }
        if self.faults.is_down(now) {
            self.close().await;
        } else if self.listening.is_none()
            && let Err(problem) = self.open()
        {
            tracing::warn!(
                cluster = self.site.cluster.name,
                problem,
                "Butler's server cannot start"
            );
            self.retry = Some(now + RETRY);
        }
    }

    fn bring_people(&mut self) {
        let wanted = self.site.world.with(|state| state.settings.people.clone());
        match people::bring(&self.site.local, &wanted, Timestamp::now()) {
            Ok(()) => self.people_are_there = true,
            // The kinds of their objects may come in a moment.
            Err(error) => {
                tracing::debug!(%error, cluster = self.site.cluster.name, "people cannot be written yet");
                self.retry = Some(Instant::now() + RETRY);
            }
        }
    }

    fn open(&mut self) -> Result<(), String> {
        let address = self.address()?;
        let url = format!("https://{address}");
        let authority = &self.site.cluster.authority;
        let tls =
            certs::https(authority, &address.ip().to_string(), Timestamp::now()).map_err(|error| error.to_string())?;
        let ca_file = self.ca_file();
        std::fs::write(&ca_file, &authority.certificate)
            .map_err(|error| format!("cannot write {}: {error}", ca_file.display()))?;
        let server = match &self.server {
            Some(server) => Arc::clone(server),
            None => self.new_server(&url)?,
        };
        let listener = net::listen(address).map_err(|error| format!("cannot listen on {address}: {error}"))?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(listen::serve(listener, tls, Arc::clone(&server), stop.clone()));
        self.listening = Some(Listening { stop, task });
        self.site
            .world
            .set_login_server(self.site.key, Some(Arc::clone(&server) as _));
        self.server = Some(server);
        self.show(Some(ButlerServerView {
            cluster: self.site.cluster.name.clone(),
            url,
            ca_file,
        }));
        Ok(())
    }

    fn new_server(&self, url: &str) -> Result<Arc<ButlerServer>, String> {
        let world = self.site.world.clone();
        let options = Options {
            base_url: Some(url.to_owned()),
            secure_cookies: true,
            api_server: self.site.cluster.server(),
            authority: self.site.cluster.authority.certificate.clone(),
            legacy_admin: None,
            signing_key: self.signing_key.clone(),
            lifetimes: Lifetimes::default(),
            clock: Arc::new(Timestamp::now),
            faults: Arc::new(move || world.with(|state| state.settings.faults.butler_server.clone())),
            tenants: Arc::new(HttpsTenants),
        };
        let server = ButlerServer::new(self.site.local.clone(), options);
        server.make_roles().map_err(|error| error.to_string())?;
        Ok(Arc::new(server))
    }

    /// An address of the world's own, as a load balancer would have one.
    fn address(&mut self) -> Result<SocketAddrV4, String> {
        if self.address.is_none() {
            self.address = self.site.world.take_address();
        }
        let address = self.address.ok_or("the world has no address left")?;
        Ok(on_its_port(address))
    }

    fn ca_file(&self) -> PathBuf {
        self.site
            .world
            .folder()
            .join(format!("butler-server-{}-ca.crt", self.site.key))
    }

    fn show(&self, view: Option<ButlerServerView>) {
        let key = self.site.key;
        self.site.world.update(|state, _| match view {
            Some(view) => drop(state.butler_servers.insert(key, view)),
            None => drop(state.butler_servers.remove(&key)),
        });
    }

    /// Takes it off its socket; what it remembers stays.
    async fn close(&mut self) {
        let Some(listening) = self.listening.take() else { return };
        self.site.world.set_login_server(self.site.key, None);
        self.show(None);
        listening.stop.cancel();
        if let Err(error) = listening.task.await {
            tracing::warn!(%error, cluster = self.site.cluster.name, "Butler's server has panicked");
        }
    }

    async fn end(mut self) {
        self.close().await;
        if let Some(address) = self.address.take() {
            self.site.world.give_address_back(address);
        }
        let ca_file = self.ca_file();
        match std::fs::remove_file(&ca_file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(path = %ca_file.display(), %error, "cannot remove a certificate");
            }
            _ => {}
        }
    }
}

/// Where each address has all ports, that of a server; elsewhere the address is a port already.
fn on_its_port(address: SocketAddrV4) -> SocketAddrV4 {
    if address.port() == TALOS_PORT {
        SocketAddrV4::new(*address.ip(), PORT)
    } else {
        address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(restart: Option<u64>, down: Option<Span>) -> ButlerServerFaults {
        ButlerServerFaults {
            restart: restart.map(GoDuration::millis),
            down,
            ..ButlerServerFaults::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_restart_happens_once_for_each_time_that_it_is_told() {
        let start = Instant::now();
        let later = |millis| start + Duration::from_millis(millis);
        let mut plan = Plan::default();
        plan.follow(&told(Some(500), None), start);
        assert_eq!(plan.due(start), Some(later(500)));
        assert!(!plan.restarts(later(499)));
        assert!(plan.restarts(later(500)));
        plan.follow(&told(Some(500), None), later(600));
        assert!(!plan.restarts(later(2000)), "it was told no other time");
        plan.follow(&told(None, None), later(2000));
        plan.follow(&told(Some(500), None), later(3000));
        assert!(plan.restarts(later(3500)));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_down_for_as_long_as_it_was_told() {
        let start = Instant::now();
        let later = |millis| start + Duration::from_millis(millis);
        let mut plan = Plan::default();
        plan.follow(&told(None, Some(Span::For(GoDuration::millis(100)))), start);
        assert!(plan.is_down(later(99)) && !plan.is_down(later(100)));
        plan.follow(&told(None, Some(Span::Forever)), later(200));
        assert!(plan.is_down(later(1_000_000)));
        plan.follow(&told(None, None), later(300));
        assert!(!plan.is_down(later(300)));
    }
}
