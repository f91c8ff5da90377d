//! Decides where to end a block early: before the statistics of its bytes change.
//!
//! Only full blocks are examined. `Fast` compares both ends, `DoubleFast` goes through the block in chunks.

use super::histogram::{self, Counts};
use super::limits::{FULL_BLOCK, KIB};
use super::params::Strategy;

/// Length of a chunk, and the distance between sampled bytes in it.
const CHUNK: usize = 8 * KIB;
const SAMPLING: usize = 43;

/// Number of bytes examined at either end and in the middle.
const SEGMENT: usize = 512;

/// Two histograms differ if their distance reaches `(LENIENCE + penalty) / SCALE` of half the maximum distance.
const SCALE: u64 = 16;
const LENIENCE: u64 = 14;

/// The first chunks must differ by more.
const FIRST_PENALTY: u64 = 3;

/// Number of bytes at the start of a full block that have the same statistics.
pub(super) fn homogeneous_length(block: &[u8], strategy: Strategy) -> usize {
    debug_assert_eq!(block.len(), FULL_BLOCK);
    match strategy {
        Strategy::Fast => by_borders(block),
        Strategy::DoubleFast => by_chunks(block),
    }
}

/// A histogram of samples. `events` is the number of samples rounded down, as in libzstd.
struct Fingerprint {
    counts: Counts,
    events: u32,
}

impl Fingerprint {
    fn of_chunk(chunk: &[u8]) -> Self {
        let mut counts = [0; 256];
        let pairs = chunk.len() - 1;
        for &byte in chunk[..pairs].iter().step_by(SAMPLING) {
            counts[usize::from(byte)] += 1;
        }
        Self {
            counts,
            events: (pairs / SAMPLING) as u32,
        }
    }

    fn of_segment(segment: &[u8]) -> Self {
        let mut counts = [0; 256];
        histogram::add(segment, &mut counts);
        Self {
            counts,
            events: segment.len() as u32,
        }
    }

    fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.events += other.events;
    }

    /// Distance between two distributions, scaled by both numbers of samples: at most about 16 x 191 x 191, each way.
    fn distance(&self, other: &Self) -> u64 {
        let scaled =
            |(&ours, &theirs): (&u32, &u32)| (ours * other.events).abs_diff(theirs * self.events);
        u64::from(
            self.counts
                .iter()
                .zip(&other.counts)
                .map(scaled)
                .sum::<u32>(),
        )
    }

    fn differs(&self, other: &Self, penalty: u64) -> bool {
        let half = u64::from(self.events) * u64::from(other.events);
        self.distance(other) >= half * (LENIENCE + penalty) / SCALE
    }
}

fn by_chunks(block: &[u8]) -> usize {
    let mut chunks = block.chunks_exact(CHUNK).map(Fingerprint::of_chunk);
    let Some(mut past) = chunks.next() else {
        return block.len();
    };
    let mut penalty = FIRST_PENALTY;
    for (index, chunk) in chunks.enumerate() {
        if past.differs(&chunk, penalty) {
            return (index + 1) * CHUNK;
        }
        past.merge(&chunk);
        penalty = penalty.saturating_sub(1);
    }
    block.len()
}

fn by_borders(block: &[u8]) -> usize {
    let segment = |start: usize| Fingerprint::of_segment(&block[start..start + SEGMENT]);
    let first = segment(0);
    let last = segment(block.len() - SEGMENT);
    if !first.differs(&last, 0) {
        return block.len();
    }
    let middle = segment(block.len() / 2 - SEGMENT / 2);
    let (from_first, from_last) = (first.distance(&middle), last.distance(&middle));
    if from_first.abs_diff(from_last) < (SEGMENT * SEGMENT / 3) as u64 {
        block.len() / 2
    } else if from_first > from_last {
        block.len() / 4
    } else {
        block.len() / 4 * 3
    }
}
