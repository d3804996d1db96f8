//! The picture of the address plan.

use std::net::Ipv4Addr;

/// The node network as a row of blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressPlan {
    /// First address of the picture.
    pub first: Ipv4Addr,
    /// Length of the prefix that the picture shows.
    pub prefix: u8,
    /// What is where, in the order of addresses; ranges that overlap are conflicts.
    pub ranges: Vec<Taken>,
    /// Networks beside the picture: pods and services of the cluster.
    pub beside: Vec<(Use, String)>,
}

/// A range of addresses with a use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// First address.
    pub start: Ipv4Addr,
    /// Last address.
    pub end: Ipv4Addr,
    /// What for.
    pub purpose: Use,
    /// The setting that says so.
    pub path: String,
}

/// What an address is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// Gateway of the node network.
    Gateway,
    /// Endpoint of the Kubernetes API.
    Endpoint,
    /// Services of type LoadBalancer.
    Services,
    /// Machines with addresses of their own.
    Nodes,
    /// Tenant clusters.
    Tenants,
    /// Never handed out.
    Reserved,
    /// Pods.
    Pods,
    /// Services inside the cluster.
    ClusterServices,
}

impl AddressPlan {
    /// One mark for each of `columns` blocks of the same size, row by row of at most `columns`; `X` where two uses meet, `.` where
    /// nothing is.
    pub fn marks(&self, columns: usize) -> String {
        let size = 1u64 << (32 - u32::from(self.prefix.min(32)));
        let columns = u64::try_from(columns).unwrap_or(u64::MAX).clamp(1, size);
        let first = u64::from(u32::from(self.first));
        let mark = |column: u64| {
            let start = first + column * size / columns;
            let end = first + (column + 1) * size / columns - 1;
            let mut here = self.ranges.iter().map(|taken| (taken, taken.within(start, end)));
            let mut here = here.by_ref().filter_map(|(taken, part)| Some((taken, part?)));
            let Some((one, mut reached)) = here.next() else {
                return '.';
            };
            // In the order of addresses, what begins before others have ended meets one of them.
            let meets = here.any(|(_, part)| {
                let meets = part.0 <= reached.1;
                reached.1 = reached.1.max(part.1);
                meets
            });
            if meets { 'X' } else { one.purpose.mark() }
        };
        (0..columns).map(mark).collect()
    }

    /// Whether a range meets another one of another purpose.
    pub fn is_in_conflict(&self, one: &Taken) -> bool {
        self.ranges
            .iter()
            .any(|other| other != one && other.start <= one.end && one.start <= other.end)
    }
}

impl Taken {
    /// The part of it between two addresses.
    fn within(&self, first: u64, last: u64) -> Option<(u64, u64)> {
        let (start, end) = (u64::from(u32::from(self.start)), u64::from(u32::from(self.end)));
        let part = (start.max(first), end.min(last));
        (part.0 <= part.1).then_some(part)
    }
}

impl Use {
    /// The letter of the picture.
    pub fn mark(self) -> char {
        match self {
            Self::Gateway => 'G',
            Self::Endpoint => 'E',
            Self::Services => 'S',
            Self::Nodes => 'N',
            Self::Tenants => 'T',
            Self::Reserved => 'R',
            Self::Pods => 'P',
            Self::ClusterServices => 'C',
        }
    }
}
