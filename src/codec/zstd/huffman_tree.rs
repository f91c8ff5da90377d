//! Huffman tree over byte counts: the length of each byte's code.
//!
//! With equal counts, the order of steps decides which byte gets the shorter code; so each step is libzstd's.

use super::histogram::Counts;
use super::huffman_code::MAX_WEIGHT;

/// A byte value that occurs, and the length of its code.
#[derive(Clone, Copy, Default)]
pub(super) struct Leaf {
    count: u32,
    pub symbol: u8,
    pub bits: u8,
}

/// The leaves by decreasing count.
pub(super) struct Tree {
    leaves: [Leaf; 256],
    used: usize,
}

impl Tree {
    /// Builds the tree of at least two byte values.
    pub(super) fn new(counts: &Counts) -> Self {
        let (leaves, used) = sorted(counts);
        let mut tree = Self { leaves, used };
        tree.grow();
        tree
    }

    pub(super) fn leaves(&self) -> &[Leaf] {
        &self.leaves[..self.used]
    }

    /// Joins the two rarest nodes until one is left, then measures depths.
    fn grow(&mut self) {
        /// Node order: a sentinel, the leaves, then the inner nodes in the order of creation, which is that of their
        /// counts. So the two rarest nodes are always at the ends of two queues.
        const INNER: usize = 257;
        const STOP: u32 = u32::MAX;
        const NOT_MADE: u32 = u32::MAX - 1;
        let mut counts = [NOT_MADE; 512];
        let mut parents = [0u16; 512];
        counts[0] = STOP;
        for (count, leaf) in counts[1..].iter_mut().zip(self.leaves()) {
            *count = leaf.count;
        }
        let (mut leaf, mut inner) = (self.used, INNER);
        let made = INNER..INNER + self.used - 1;
        for node in made.clone() {
            let mut count = 0;
            for _ in 0..2 {
                // An inner node comes first among equals. The choice is unpredictable: no branches.
                let (leaf_count, inner_count) = (counts[leaf], counts[inner]);
                let leaf_goes = leaf_count < inner_count;
                count += leaf_count.min(inner_count);
                parents[if leaf_goes { leaf } else { inner }] = node as u16;
                leaf -= usize::from(leaf_goes);
                inner += usize::from(!leaf_goes);
            }
            counts[node] = count;
        }
        let mut depths = [0u8; 512];
        for node in made.rev().skip(1) {
            depths[node] = depths[usize::from(parents[node])] + 1;
        }
        for (leaf, &parent) in self.leaves[..self.used].iter_mut().zip(&parents[1..]) {
            leaf.bits = depths[usize::from(parent)] + 1;
        }
    }

    /// Limits code lengths to `max_bits` and compensates by lengthening other codes. Returns the maximum length.
    pub(super) fn limit(&mut self, max_bits: u32) -> u32 {
        const NONE: usize = usize::MAX;
        let leaves = &mut self.leaves;
        let deepest = u32::from(leaves[self.used - 1].bits);
        if deepest <= max_bits {
            return deepest;
        }
        let max_length = max_bits as u8;

        // Cost of shortening, in units of one code of length `max_bits`.
        let mut debt = 0i32;
        let mut last = self.used - 1;
        while leaves[last].bits > max_length {
            debt += (1 << (deepest - max_bits)) - (1 << (deepest - u32::from(leaves[last].bits)));
            leaves[last].bits = max_length;
            last -= 1;
        }
        debt >>= deepest - max_bits;
        while leaves[last].bits == max_length {
            last -= 1;
        }

        // The rarest leaf whose code is `n` bits shorter than allowed.
        let mut rarest = [NONE; MAX_WEIGHT + 2];
        let mut bits = max_length;
        for (position, leaf) in leaves[..=last].iter().enumerate().rev() {
            if leaf.bits < bits {
                bits = leaf.bits;
                rarest[usize::from(max_length - bits)] = position;
            }
        }

        while debt > 0 {
            // Lengthening a code that is `n` bits shorter than allowed pays 2^(n-1).
            let mut short = debt.ilog2() as usize + 1;
            while short > 1 {
                let (high, low) = (rarest[short], rarest[short - 1]);
                if high != NONE && (low == NONE || leaves[high].count <= 2 * leaves[low].count) {
                    break;
                }
                short -= 1;
            }
            while short <= MAX_WEIGHT && rarest[short] == NONE {
                short += 1;
            }
            let position = rarest[short];
            debt -= 1 << (short - 1);
            leaves[position].bits += 1;
            if rarest[short - 1] == NONE {
                rarest[short - 1] = position;
            }
            rarest[short] = match position.checked_sub(1) {
                Some(before) if usize::from(max_length - leaves[before].bits) == short => before,
                _ => NONE,
            };
        }

        // Overpaid: shorten the most frequent of the longest codes.
        while debt < 0 {
            let position = if rarest[1] == NONE {
                while leaves[last].bits == max_length {
                    last -= 1;
                }
                last + 1
            } else {
                rarest[1] + 1
            };
            leaves[position].bits -= 1;
            rarest[1] = position;
            debt += 1;
        }
        max_bits
    }
}

/// Smaller counts have a bucket each; larger ones share one bucket per power of two.
const DISTINCT_COUNTS: u32 = 165;
const FIRST_SHARED_BUCKET: u32 = 158;
const BUCKETS: usize = 192;

/// The byte values that occur, by decreasing count, and their number: distributed to buckets in order, and the shared
/// buckets then sorted by insertion if small, else by quicksort around the last element.
fn sorted(counts: &Counts) -> ([Leaf; 256], usize) {
    let mut symbols = [0u8; 256];
    let mut used = 0;
    for (symbol, &count) in counts.iter().enumerate() {
        symbols[used % 256] = symbol as u8;
        used += usize::from(count > 0);
    }
    let symbols = &symbols[..used];

    let mut buckets = [0u8; 256];
    // starts[b + 1] is the number of values in buckets above b.
    let mut starts = [0u16; BUCKETS + 1];
    for (bucket, &symbol) in buckets.iter_mut().zip(symbols) {
        let count = counts[usize::from(symbol)];
        let shared = (count | 1).ilog2() + FIRST_SHARED_BUCKET;
        *bucket = std::hint::select_unpredictable(count < DISTINCT_COUNTS, count, shared) as u8;
        starts[usize::from(*bucket)] += 1;
    }
    for index in (0..BUCKETS).rev() {
        starts[index] += starts[index + 1];
    }
    let mut ends = starts;
    let mut leaves = [Leaf::default(); 256];
    for (&bucket, &symbol) in buckets.iter().zip(symbols) {
        let end = &mut ends[usize::from(bucket) + 1];
        leaves[usize::from(*end)] = Leaf {
            count: counts[usize::from(symbol)],
            symbol,
            bits: 0,
        };
        *end += 1;
    }
    for index in DISTINCT_COUNTS as usize..BUCKETS {
        if ends[index] - starts[index] > 1 {
            sort_bucket(&mut leaves[usize::from(starts[index])..usize::from(ends[index])]);
        }
    }
    (leaves, used)
}

fn sort_bucket(mut leaves: &mut [Leaf]) {
    const SMALL: usize = 8;
    if leaves.len() <= SMALL {
        for end in 1..leaves.len() {
            let key = leaves[end];
            let start = leaves[..end]
                .iter()
                .rposition(|leaf| leaf.count >= key.count)
                .map_or(0, |last| last + 1);
            leaves.copy_within(start..end, start + 1);
            leaves[start] = key;
        }
        return;
    }
    while leaves.len() > 1 {
        let (before, after) = partition(leaves);
        if before.len() < after.len() {
            sort_bucket(before);
            leaves = after;
        } else {
            sort_bucket(after);
            leaves = before;
        }
    }
}

/// Partitions around the last leaf: moves more frequent ones before it, and returns the parts on either side of it.
fn partition(leaves: &mut [Leaf]) -> (&mut [Leaf], &mut [Leaf]) {
    let high = leaves.len() - 1;
    let pivot = leaves[high].count;
    let mut larger = 0;
    for index in 0..high {
        if leaves[index].count > pivot {
            leaves.swap(larger, index);
            larger += 1;
        }
    }
    leaves.swap(larger, high);
    let (before, after) = leaves.split_at_mut(larger);
    (before, &mut after[1..])
}
