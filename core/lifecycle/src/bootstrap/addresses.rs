//! Addresses that the cluster shall take: does somebody else have them? Asked with one TCP connection each, which makes
//! the network look for the address as well.

use std::{io, net::Ipv4Addr, time::Duration};

use butler_api::config::BootstrapConfig;
use butler_files::ClusterFolder;
use butler_infra::{Check, CheckStatus};
use butler_kubernetes::connect as connection;
use futures::{StreamExt as _, stream};
use tokio::{net::TcpStream, time::timeout};

use crate::bootstrap::{Known, promised, steps::api_server::ready as api_server_ready};

/// The longest that one address is asked. Whoever has it answers in a fraction of that, also when the first packet is lost.
const LOOK: Duration = Duration::from_millis(1200);
/// Port of the control-plane endpoint.
const ENDPOINT_PORT: u16 = 6443;
/// Port that addresses of services are asked on: any answer tells that somebody has the address.
const SERVICE_PORT: u16 = 443;
/// As many addresses of a pool are asked, and as many together.
const MOST: usize = 256;
const TOGETHER: usize = 128;
/// As many are named.
const NAMED: usize = 8;

/// What an address says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Nothing,
    Refuses,
    Accepts,
}

/// Who has the endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Nobody answers at the address.
    Free,
    /// An API server of this cluster answers.
    Ours,
    /// Somebody has the address and serves nothing on it.
    Refuses,
    /// Somebody else, as far as can be seen.
    Taken(String),
    /// It cannot be found out.
    Unknown(String),
}

/// Whether no machine can have the endpoint by our doing: none got a configuration.
pub(crate) fn is_unused(known: &Known) -> bool {
    let configure = |step: &butler_engine::StepId| step.as_str().ends_with("/configure");
    !known.touched.iter().chain(&known.proven).any(configure)
}

/// What to do about an endpoint that somebody else has.
pub(crate) fn taken_hint(unused: bool) -> &'static str {
    if unused {
        "another machine answers on network.vip: free the address, or set network.vip to another one"
    } else {
        "another machine answers on network.vip: free the address; the machines are configured with it"
    }
}

/// The message about an address that refuses connections.
pub(crate) fn refusal(host: &str) -> String {
    format!("{host} refuses connections on port {ENDPOINT_PORT}: a machine has that address already")
}

/// One look at the endpoint.
pub(crate) async fn endpoint_state(host: &str, files: &ClusterFolder) -> State {
    match ask(host, ENDPOINT_PORT).await {
        Ok(Answer::Nothing) => return State::Free,
        Ok(Answer::Refuses) => return State::Refuses,
        Ok(Answer::Accepts) => {}
        Err(error) => return State::Unknown(format!("cannot ask {host}:{ENDPOINT_PORT}: {error}")),
    }
    let kubeconfig = files.kubeconfig();
    if promised::read(&kubeconfig).is_err() {
        return State::Taken(format!(
            "{host}:{ENDPOINT_PORT} accepts connections although this cluster does not serve it yet: another machine has it"
        ));
    }
    match connection::connect_file(&kubeconfig, &connection::Options::default()).await {
        Ok(client) => match api_server_ready(&client).await {
            Ok(()) => State::Ours,
            Err(unready) => State::Taken(format!(
                "{host}:{ENDPOINT_PORT} accepts connections, but: {}",
                unready.cause
            )),
        },
        Err(error) => State::Unknown(butler_kubernetes::chain(&error)),
    }
}

/// Read-only checks of the addresses that the configuration names, for the plan.
pub async fn checks(config: &BootstrapConfig, files: &ClusterFolder) -> Vec<Check> {
    let vip = async {
        let endpoint = config.network.vip.as_ref()?;
        if !endpoint.is_announced() {
            let message = format!("{endpoint} belongs to a load balancer, which is not looked at");
            return Some(check("network/vip", CheckStatus::Skipped, message, None));
        }
        let host = endpoint.to_string();
        Some(endpoint_check(&host, endpoint_state(&host, files).await))
    };
    let pool = async {
        let pool = config.network.load_balancer_pool?;
        if promised::read(&files.kubeconfig()).is_ok() {
            return Some(check(
                "network/pool",
                CheckStatus::Skipped,
                "services of this cluster may have addresses of network.loadBalancerPool".to_owned(),
                None,
            ));
        }
        Some(pool_check(pool.start, pool.end).await)
    };
    let (vip, pool) = futures::join!(vip, pool);
    vip.into_iter().chain(pool).collect()
}

fn endpoint_check(host: &str, state: State) -> Check {
    let id = "network/vip";
    let hint = || Some(taken_hint(true).to_owned());
    match state {
        State::Free => check(
            id,
            CheckStatus::Ok,
            format!("nothing answers on {host}:{ENDPOINT_PORT}"),
            None,
        ),
        State::Ours => check(
            id,
            CheckStatus::Ok,
            format!("{host}:{ENDPOINT_PORT} answers as this cluster"),
            None,
        ),
        State::Refuses => check(id, CheckStatus::Warn, refusal(host), hint()),
        State::Taken(cause) => check(id, CheckStatus::Fail, cause, hint()),
        State::Unknown(cause) => check(id, CheckStatus::Skipped, cause, None),
    }
}

async fn pool_check(start: Ipv4Addr, end: Ipv4Addr) -> Check {
    let all = (u32::from(start)..=u32::from(end)).map(Ipv4Addr::from);
    let count = u64::from(u32::from(end)) + 1 - u64::from(u32::from(start));
    let asked: Vec<Ipv4Addr> = all.take(MOST).collect();
    let rest = count - asked.len() as u64;
    let answers: Vec<(Ipv4Addr, io::Result<Answer>)> = stream::iter(asked)
        .map(|ip| async move { (ip, ask(&ip.to_string(), SERVICE_PORT).await) })
        .buffered(TOGETHER)
        .collect()
        .await;
    pool_finding(&answers, rest)
}

fn pool_finding(answers: &[(Ipv4Addr, io::Result<Answer>)], rest: u64) -> Check {
    let id = "network/pool";
    if let Some(error) = answers.iter().find_map(|(_, answer)| answer.as_ref().err()) {
        let message = format!("the addresses of network.loadBalancerPool cannot be asked: {error}");
        return check(id, CheckStatus::Skipped, message, None);
    }
    let taken: Vec<String> = answers
        .iter()
        .filter(|(_, answer)| !matches!(answer, Ok(Answer::Nothing)))
        .map(|(ip, _)| ip.to_string())
        .collect();
    let unasked = match rest {
        0 => String::new(),
        rest => format!(" ({rest} more were not asked)"),
    };
    if taken.is_empty() {
        let message = format!(
            "none of {} addresses of network.loadBalancerPool answers{unasked}",
            answers.len()
        );
        return check(id, CheckStatus::Ok, message, None);
    }
    let mut named = taken.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if taken.len() > NAMED {
        named.push_str(" and others");
    }
    check(
        id,
        CheckStatus::Warn,
        format!("addresses of network.loadBalancerPool are in use: {named}{unasked}"),
        Some("set network.loadBalancerPool to addresses that nobody has".to_owned()),
    )
}

fn check(id: &'static str, status: CheckStatus, summary: String, hint: Option<String>) -> Check {
    Check {
        id,
        status,
        summary,
        hint,
    }
}

async fn ask(host: &str, port: u16) -> io::Result<Answer> {
    match timeout(LOOK, TcpStream::connect((host, port))).await {
        Err(_) => Ok(Answer::Nothing),
        Ok(Ok(_)) => Ok(Answer::Accepts),
        Ok(Err(error)) => meaning(error, is_loopback(host)),
    }
}

fn is_loopback(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What a failed connection tells of the peer; an error where it is our own failure and tells nothing.
fn meaning(error: io::Error, loopback: bool) -> io::Result<Answer> {
    use io::ErrorKind as Kind;
    match error.kind() {
        // This computer answers for every loopback address.
        Kind::ConnectionRefused if loopback => Ok(Answer::Nothing),
        Kind::ConnectionRefused | Kind::ConnectionReset | Kind::ConnectionAborted => Ok(Answer::Refuses),
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::TimedOut => Ok(Answer::Nothing),
        // A name that cannot be looked up; whoever needs it will say so.
        _ if error.raw_os_error().is_none() => Ok(Answer::Nothing),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_that_somebody_is_there_except_on_loopback() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(meaning(refused(), false).unwrap(), Answer::Refuses);
        assert_eq!(meaning(refused(), true).unwrap(), Answer::Nothing);
        let gone = io::Error::from(io::ErrorKind::HostUnreachable);
        assert_eq!(meaning(gone, false).unwrap(), Answer::Nothing);
        // Out of descriptors.
        assert!(meaning(io::Error::from_raw_os_error(24), false).is_err());
    }

    #[tokio::test]
    async fn a_listener_has_the_address() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(ask("127.0.0.1", port).await.unwrap(), Answer::Accepts);
        drop(listener);
        assert_eq!(ask("127.0.0.1", port).await.unwrap(), Answer::Nothing);
    }

    #[test]
    fn a_pool_names_the_addresses_that_answer_and_says_what_was_not_asked() {
        let ip = |n: u8| Ipv4Addr::new(192, 0, 2, n);
        let free = pool_finding(&[(ip(1), Ok(Answer::Nothing))], 0);
        assert_eq!(free.status, CheckStatus::Ok);
        let found = pool_finding(
            &[
                (ip(1), Ok(Answer::Nothing)),
                (ip(2), Ok(Answer::Refuses)),
                (ip(3), Ok(Answer::Accepts)),
            ],
            7,
        );
        assert_eq!(found.status, CheckStatus::Warn);
        assert_eq!(
            found.summary,
            "addresses of network.loadBalancerPool are in use: 192.0.2.2, 192.0.2.3 (7 more were not asked)"
        );
        let unknown = pool_finding(&[(ip(1), Err(io::Error::from_raw_os_error(24)))], 0);
        assert_eq!(unknown.status, CheckStatus::Skipped);
    }
}
