//! Which VMID a machine takes. Proxmox VE reserves none: whoever asks first has it. Pure.

use butler_api::config::VmidRange;
use uuid::Uuid;

/// The VMIDs that exist.
const ALL: VmidRange = VmidRange {
    start: 100,
    end: 999_999_999,
};

/// The VMIDs that a machine tries, in order.
///
/// In a range that belongs to us the first one comes from the machine's key: the same after a restart, and another one for
/// every machine, so that machines that are made at the same time do not meet. Without such a range people expect small
/// numbers: it is the platform's `next` free one and those after it.
pub(super) fn candidates(range: Option<VmidRange>, key: Uuid, next: u32) -> impl Iterator<Item = u32> {
    let within = range.unwrap_or(ALL);
    let length = u64::from(within.end.saturating_sub(within.start)) + 1;
    let first = match range {
        Some(_) => spread(key) % length,
        None => u64::from(next.saturating_sub(within.start)) % length,
    };
    (0..length).map(move |step| {
        let offset = (first + step) % length;
        within.start + u32::try_from(offset).expect("a VMID's offset in its range is smaller than the range")
    })
}

fn spread(key: Uuid) -> u64 {
    // The key is a hash already.
    let (high, low) = key.as_u64_pair();
    high ^ low
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: VmidRange = VmidRange { start: 500, end: 509 };

    #[test]
    fn a_range_is_tried_whole_from_a_place_of_the_machines_own() {
        let tried = |key| candidates(Some(RANGE), Uuid::from_u128(key), 100).collect::<Vec<_>>();
        let mut all = tried(7);
        assert_eq!(all, tried(7), "the same after a restart");
        assert_ne!(all[0], tried(8)[0]);
        all.sort_unstable();
        assert_eq!(all, (500..=509).collect::<Vec<_>>());
    }

    #[test]
    fn without_a_range_the_platforms_next_is_tried_first() {
        let tried: Vec<u32> = candidates(None, Uuid::from_u128(7), 104).take(3).collect();
        assert_eq!(tried, [104, 105, 106]);
        let last: Vec<u32> = candidates(None, Uuid::from_u128(7), ALL.end).take(2).collect();
        assert_eq!(last, [ALL.end, ALL.start]);
    }
}
