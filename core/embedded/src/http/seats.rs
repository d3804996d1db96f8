//! Connections that are open, in all servers of this process together: how many there may be, which one has to go for a new
//! one, and when one has been silent for too long. Decides; the driver in `serve` acts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// More connections are of no use, however many descriptors there are.
const MOST: usize = 4096;

/// Time limits of connections and requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// Time for a TLS handshake.
    pub(crate) handshake: Duration,
    /// The first request of a connection, up to the end of its headers.
    pub(crate) first: Duration,
    /// The same of every later one.
    pub(crate) idle: Duration,
    /// The body of a request.
    pub(crate) body: Duration,
    /// The work on a request.
    pub(crate) work: Duration,
    /// A request with its answer, if it is not a watch.
    pub(crate) request: Duration,
    /// Requests that are under way when the server ends.
    pub(crate) end: Duration,
}

impl Times {
    /// The limits of the real server, where it has them.
    pub(crate) const REAL: Self = Self {
        handshake: Duration::from_secs(10),
        first: Duration::from_secs(32),
        idle: Duration::from_secs(90),
        body: Duration::from_mins(1),
        work: Duration::from_mins(1),
        request: Duration::from_mins(3),
        end: Duration::from_secs(1),
    };
}

/// The connections of one process.
#[derive(Debug)]
pub(crate) struct Seats {
    taken: Mutex<BTreeMap<u64, Arc<Seat>>>,
    next: AtomicU64,
}

/// One connection, as the others count it.
#[derive(Debug)]
pub(crate) struct Seat {
    activity: Mutex<Activity>,
    /// Cancelled when the connection has to make room for another.
    pub(crate) evicted: CancellationToken,
}

/// What happens on a connection.
#[derive(Debug)]
struct Activity {
    /// Requests under way, by number: since when, and whether they end by themselves at all.
    requests: BTreeMap<u64, (Instant, bool)>,
    next: u64,
    /// The end of the last request, or the beginning.
    since: Instant,
    /// Whether there has been a request.
    used: bool,
}

impl Seats {
    /// The connections of this process.
    pub(crate) fn all() -> &'static Self {
        static SEATS: LazyLock<Seats> = LazyLock::new(Seats::new);
        &SEATS
    }

    fn new() -> Self {
        Self {
            taken: Mutex::default(),
            next: AtomicU64::new(0),
        }
    }

    /// A place for a new connection. Where there are too many, the one goes that has been idle for longest, or else the
    /// longest watch, whose client will come back; nothing if all are at work.
    pub(crate) fn take(&'static self, limit: usize) -> Option<Taken> {
        let mut taken = self.lock();
        while taken.len() >= limit.max(1) {
            let (id, seat) = dispensable(&taken)?;
            seat.evicted.cancel();
            taken.remove(&id);
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let seat = Arc::new(Seat::new());
        taken.insert(id, Arc::clone(&seat));
        Some(Taken { seats: self, id, seat })
    }

    /// Closes the connection that is missed least: there are no descriptors left.
    pub(crate) fn make_room(&self) {
        let mut taken = self.lock();
        if let Some((id, seat)) = dispensable(&taken) {
            seat.evicted.cancel();
            taken.remove(&id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Seat>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn dispensable(taken: &BTreeMap<u64, Arc<Seat>>) -> Option<(u64, Arc<Seat>)> {
    let ranked = taken.iter().filter_map(|(id, seat)| {
        let activity = seat.lock();
        let working = activity.requests.values().any(|(_, endless)| !endless);
        let watching = !activity.requests.is_empty();
        (!working).then_some(((watching, activity.since), *id, seat))
    });
    let (_, id, seat) = ranked.min_by_key(|(rank, ..)| *rank)?;
    Some((id, Arc::clone(seat)))
}

/// Connections that this process may have: most of its descriptors, but not those that files and other sockets need.
pub(crate) fn limit() -> usize {
    limit_of(descriptors())
}

fn limit_of(descriptors: Option<u64>) -> usize {
    let all = descriptors.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    (all / 4).saturating_mul(3).saturating_sub(16).clamp(4, MOST)
}

#[cfg(unix)]
fn descriptors() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn descriptors() -> Option<u64> {
    None
}

impl Seat {
    fn new() -> Self {
        let activity = Activity {
            requests: BTreeMap::new(),
            next: 0,
            since: Instant::now(),
            used: false,
        };
        Self {
            activity: Mutex::new(activity),
            evicted: CancellationToken::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a request begins on the connection.
    pub(crate) fn begin(self: &Arc<Self>) -> Busy {
        let mut activity = self.lock();
        let id = activity.next;
        activity.next += 1;
        activity.used = true;
        activity.requests.insert(id, (Instant::now(), false));
        Busy {
            seat: Arc::clone(self),
            id,
        }
    }

    /// When the connection has to be cut if nothing happens on it; nothing while it may go on for ever.
    pub(crate) fn due(&self, times: &Times) -> Option<Instant> {
        let activity = self.lock();
        if activity.requests.is_empty() {
            let silence = if activity.used { times.idle } else { times.first };
            return Some(activity.since + silence);
        }
        let ending = activity.requests.values().filter(|(_, endless)| !endless);
        ending.map(|(since, _)| *since + times.request).min()
    }

    /// Whether something is under way that will end by itself.
    pub(crate) fn is_working(&self) -> bool {
        self.lock().requests.values().any(|(_, endless)| !endless)
    }
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    seats: &'static Seats,
    id: u64,
    pub(crate) seat: Arc<Seat>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.seats.lock().remove(&self.id);
    }
}

/// A request that is under way until this is dropped.
#[derive(Debug)]
pub(crate) struct Busy {
    seat: Arc<Seat>,
    id: u64,
}

impl Busy {
    /// Notes that the request is a watch, which may go on for ever.
    pub(crate) fn is_endless(&self) {
        if let Some((_, endless)) = self.seat.lock().requests.get_mut(&self.id) {
            *endless = true;
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut activity = self.seat.lock();
        activity.requests.remove(&self.id);
        activity.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats() -> &'static Seats {
        Box::leak(Box::new(Seats::new()))
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_one_makes_room_then_the_longest_watch_and_never_one_at_work() {
        let seats = seats();
        let mut all = Vec::new();
        for _ in 0..4 {
            all.push(seats.take(4).unwrap());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let working = all[0].seat.begin();
        let watching = all[1].seat.begin();
        watching.is_endless();
        let gone = |all: &[Taken]| all.iter().map(|t| t.seat.evicted.is_cancelled()).collect::<Vec<_>>();
        let fifth = seats.take(4).unwrap();
        assert_eq!(gone(&all), [false, false, true, false]);
        let busy = [&all[3], &fifth].map(|t| t.seat.begin());
        let sixth = seats.take(4).unwrap();
        assert_eq!(gone(&all), [false, true, true, false]);
        let last = sixth.seat.begin();
        assert!(seats.take(4).is_none(), "all are at work");
        drop((working, busy, last));
        assert!(seats.take(4).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_cut_and_watches_are_not() {
        let taken = seats().take(1).unwrap();
        let (seat, times, begin) = (&taken.seat, Times::REAL, Instant::now());
        assert_eq!(seat.due(&times), Some(begin + times.first));
        let busy = seat.begin();
        assert_eq!(seat.due(&times), Some(begin + times.request));
        busy.is_endless();
        assert_eq!(seat.due(&times), None);
        tokio::time::advance(Duration::from_secs(5)).await;
        drop(busy);
        assert_eq!(seat.due(&times), Some(Instant::now() + times.idle));
    }

    #[test]
    fn some_descriptors_are_left_for_everything_else() {
        assert_eq!(limit_of(Some(1024)), 752);
        assert_eq!(limit_of(Some(20)), 4);
        assert_eq!(limit_of(Some(1 << 20)), MOST);
        assert_eq!(limit_of(None), MOST);
    }
}
