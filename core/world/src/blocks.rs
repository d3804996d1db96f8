//! Blocks of addresses. Several worlds share a host, so each reserves whole blocks of the network.
//!
//! A block is reserved by binding UDP port 50000 of its first address: no Talos node uses it, it is exclusive,
//! and it is free again the moment the world ends. Where only 127.0.0.1 exists, every machine gets a port.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};

use ipnet::Ipv4Net;
use sha2::{Digest, Sha256};

use crate::world::machine::TALOS_PORT;

/// Blocks of the network that this world holds.
#[derive(Debug)]
pub(crate) struct Blocks {
    network: Ipv4Net,
    next: u32,
    tried: u32,
    held: Vec<UdpSocket>,
}

impl Blocks {
    /// The blocks of `network`, beginning where `seed` points.
    pub(crate) fn new(network: Ipv4Net, seed: &str) -> Self {
        let digest = Sha256::digest(seed.as_bytes());
        let start = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        Self {
            network,
            next: start,
            tried: 0,
            held: Vec::new(),
        }
    }

    /// Reserves another block; `None`: none is left.
    pub(crate) fn reserve(&mut self) -> Option<Vec<SocketAddrV4>> {
        if !cfg!(target_os = "linux") {
            return reserve_ports();
        }
        let count = blocks(self.network);
        while self.tried < count {
            let number = self.next % count;
            self.next = self.next.wrapping_add(1);
            self.tried += 1;
            let (first, rest) = block(self.network, number);
            if let Ok(socket) = UdpSocket::bind(SocketAddrV4::new(first, TALOS_PORT)) {
                self.held.push(socket);
                return Some(rest.map(|ip| SocketAddrV4::new(ip, TALOS_PORT)).collect());
            }
        }
        None
    }
}

/// Ports of 127.0.0.1 that are free now.
fn reserve_ports() -> Option<Vec<SocketAddrV4>> {
    const WANTED: usize = 64;
    let listeners: Vec<std::net::TcpListener> = (0..WANTED)
        .filter_map(|_| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok())
        .collect();
    let addresses: Vec<SocketAddrV4> = listeners
        .iter()
        .filter_map(|listener| listener.local_addr().ok())
        .map(|address| SocketAddrV4::new(Ipv4Addr::LOCALHOST, address.port()))
        .collect();
    (!addresses.is_empty()).then_some(addresses)
}

/// The first block and the last two stay free for virtual addresses and load balancers, where there are enough.
fn blocks(network: Ipv4Net) -> u32 {
    let all = 1u32 << 24u8.saturating_sub(network.prefix_len());
    if all > 3 { all - 3 } else { 1 }
}

/// The address that marks a block, and those for machines.
fn block(network: Ipv4Net, number: u32) -> (Ipv4Addr, impl Iterator<Item = Ipv4Addr>) {
    let base = u32::from(network.network());
    let all = 1u32 << 24u8.saturating_sub(network.prefix_len());
    let number = if all > 3 { number + 1 } else { number };
    let size = 1u32 << (32 - u32::from(network.prefix_len().max(24)));
    let start = base + number * size;
    let end = start + size - 1;
    (Ipv4Addr::from(start), (start + 1..end).map(Ipv4Addr::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_leave_room_for_virtual_addresses() {
        let network: Ipv4Net = "127.64.0.0/16".parse().unwrap();
        assert_eq!(blocks(network), 253);
        let (mark, mut rest) = block(network, 0);
        assert_eq!(mark, Ipv4Addr::new(127, 64, 1, 0));
        assert_eq!(rest.next(), Some(Ipv4Addr::new(127, 64, 1, 1)));
        assert_eq!(rest.last(), Some(Ipv4Addr::new(127, 64, 1, 254)));
        let (mark, _) = block(network, 252);
        assert_eq!(mark, Ipv4Addr::new(127, 64, 253, 0));
    }

    #[test]
    fn a_small_network_is_one_block() {
        let network: Ipv4Net = "127.9.0.64/26".parse().unwrap();
        assert_eq!(blocks(network), 1);
        let (mark, rest) = block(network, 0);
        assert_eq!(mark, Ipv4Addr::new(127, 9, 0, 64));
        assert_eq!(rest.count(), 62);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn two_worlds_never_hold_the_same_block() {
        let network: Ipv4Net = "127.77.0.0/16".parse().unwrap();
        let mut one = Blocks::new(network, "same");
        let mut two = Blocks::new(network, "same");
        let first = one.reserve().unwrap();
        let second = two.reserve().unwrap();
        assert!(first.iter().all(|address| !second.contains(address)));
    }
}
