//! Looking for a machine by its hardware address: every address of a network is asked whether a node in maintenance mode is
//! there, and such a node tells the hardware addresses of its links. The last resort where no platform tells addresses.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use butler_api::config::TALOS_PORT;
use butler_talos::client::{Address, Maintenance};
use futures::stream::{self, StreamExt as _};
use ipnet::IpNet;
use tokio::{net::TcpStream, time::timeout};

use crate::{
    background::{Background, Look},
    call::Clock,
    mac::Mac,
};

/// How many addresses are asked at the same time.
const AT_ONCE: usize = 64;
/// How long an address has to take the connection.
const CONNECT: Duration = Duration::from_millis(300);
/// How long a node has to tell its links.
const TELL: Duration = Duration::from_secs(5);
/// A network is not asked again earlier than this, at least and at most: the longer it takes, the less often.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// The longest host part of a network that is asked: 4096 addresses, 20 seconds.
const HOST_BITS: u8 = 12;

/// What is known of a machine's address after a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scanned {
    /// It has this address.
    Found(IpAddr),
    /// No node of the network has that hardware address, or not yet.
    NotSeen,
    /// The network has too many addresses to be asked one by one.
    TooLarge,
}

/// Asks networks in the background, and remembers which hardware address was found where.
pub struct Scanner {
    port: u16,
    clock: Arc<dyn Clock>,
    sweeps: Background<Sweep>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    found: HashMap<Mac, IpAddr>,
    /// When each network may be asked again.
    again: HashMap<IpNet, Duration>,
}

/// What a network told, and how long that took.
#[derive(Clone)]
struct Sweep {
    seen: Vec<(Mac, IpAddr)>,
    took: Duration,
}

/// How long a network is left alone after it was asked for so long.
fn pause(took: Duration) -> Duration {
    (took * 3).clamp(PAUSE.0, PAUSE.1)
}

impl Scanner {
    /// A scanner that has seen nothing yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            port: TALOS_PORT,
            clock,
            sweeps: Background::default(),
            state: Mutex::default(),
        }
    }

    /// Where the machine with this hardware address is, as far as it is known by now. Many may ask at once: the network is
    /// asked for all of them together.
    pub async fn find(&self, network: IpNet, mac: Mac) -> Scanned {
        if let Some(address) = self.known(mac) {
            return Scanned::Found(address);
        }
        if network.max_prefix_len() - network.prefix_len() > HOST_BITS {
            return Scanned::TooLarge;
        }
        let now = self.clock.elapsed();
        if self.state().again.get(&network).is_some_and(|again| now < *again) {
            return Scanned::NotSeen;
        }
        let (port, name, clock) = (self.port, network.to_string(), Arc::clone(&self.clock));
        let sweep = self.sweeps.look(&name, |_| async move {
            let start = clock.elapsed();
            let seen = ask(network, port).await;
            let took = clock.elapsed().saturating_sub(start);
            Ok(Sweep { seen, took })
        });
        if let Look::Ended(Ok(sweep)) = sweep.await {
            let mut state = self.state();
            state.found.extend(sweep.seen);
            state.again.insert(network, self.clock.elapsed() + pause(sweep.took));
        }
        self.known(mac).map_or(Scanned::NotSeen, Scanned::Found)
    }

    fn known(&self, mac: Mac) -> Option<IpAddr> {
        self.state().found.get(&mac).copied()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The hardware addresses of all nodes in maintenance mode.
async fn ask(network: IpNet, port: u16) -> Vec<(Mac, IpAddr)> {
    let found: Vec<Vec<(Mac, IpAddr)>> = stream::iter(network.hosts())
        .map(|address| links(address, port))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    found.into_iter().flatten().collect()
}

async fn links(address: IpAddr, port: u16) -> Vec<(Mac, IpAddr)> {
    let socket = SocketAddr::new(address, port);
    if !matches!(timeout(CONNECT, TcpStream::connect(socket)).await, Ok(Ok(_))) {
        return vec![];
    }
    let node = Address::new(address.to_string(), port);
    let hardware = async {
        let (maintenance, _) = Maintenance::connect(&node, None).await?;
        maintenance.hardware().await
    };
    match timeout(TELL, hardware).await {
        Ok(Ok(hardware)) => {
            let links = hardware.links.into_iter().flatten();
            links
                .filter_map(|link| Some((Mac::from(link.hardware_address?), address)))
                .collect()
        }
        Ok(Err(error)) => {
            tracing::debug!(%address, %error, "no node in maintenance mode");
            vec![]
        }
        Err(_) => {
            tracing::debug!(%address, "it takes connections and tells nothing");
            vec![]
        }
    }
}
#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    };

    use super::*;

    /// A clock that stands until it is moved.
    #[derive(Default)]
    struct Standing(AtomicU64);

    impl Clock for Standing {
        fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            Box::pin(std::future::ready(()))
        }

        fn elapsed(&self) -> Duration {
            Duration::from_secs(self.0.load(Ordering::Relaxed))
        }

        fn jitter(&self) -> f64 {
            0.5
        }
    }

    /// Counts who knocks, and hangs up.
    async fn door() -> (u16, Arc<AtomicUsize>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let knocks = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&knocks);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        (port, knocks)
    }

    fn mac() -> Mac {
        "BC:24:11:00:00:01".parse().unwrap()
    }

    #[tokio::test]
    async fn a_network_is_asked_again_only_after_a_pause() {
        let (port, knocks) = door().await;
        let clock = Arc::new(Standing::default());
        let scanner = Scanner {
            port,
            ..Scanner::new(Arc::clone(&clock) as Arc<dyn Clock>)
        };
        let network: IpNet = "127.0.0.1/32".parse().unwrap();
        while scanner.state().again.is_empty() {
            assert_eq!(scanner.find(network, mac()).await, Scanned::NotSeen);
        }
        let first = knocks.load(Ordering::Relaxed);
        assert!(first > 0);
        assert_eq!(scanner.find(network, mac()).await, Scanned::NotSeen);
        assert_eq!(knocks.load(Ordering::Relaxed), first);
        clock.0.store(PAUSE.0.as_secs(), Ordering::Relaxed);
        while scanner.state().again[&network] <= PAUSE.0 {
            assert_eq!(scanner.find(network, mac()).await, Scanned::NotSeen);
        }
        assert!(knocks.load(Ordering::Relaxed) > first);
    }

    #[test]
    fn the_longer_a_network_takes_the_less_often_it_is_asked() {
        let pauses = [0, 1200, 20_000].map(|took| pause(Duration::from_millis(took)).as_millis());
        assert_eq!(pauses, [1000, 3600, 10_000]);
    }

    #[tokio::test]
    async fn a_large_network_is_left_alone_and_what_was_found_is_remembered() {
        let scanner = Scanner::new(Arc::new(Standing::default()));
        let large: IpNet = "10.0.0.0/16".parse().unwrap();
        assert_eq!(scanner.find(large, mac()).await, Scanned::TooLarge);
        let address: IpAddr = "10.0.3.4".parse().unwrap();
        scanner.state().found.insert(mac(), address);
        assert_eq!(scanner.find(large, mac()).await, Scanned::Found(address));
    }
}
