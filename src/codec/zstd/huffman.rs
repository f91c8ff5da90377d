//! Huffman codes for literals (RFC 8878, section 4.2): built from counts, at most 11 bits long, described by weights.

use super::fse;
use super::histogram::{Counts, largest, last_symbol};
use super::sink::Sink;

/// Longest code of a literal.
pub(super) const MAX_BITS: u32 = 11;

/// Largest weight of a description, and its FSE table's largest accuracy.
const MAX_WEIGHT: usize = 12;
const WEIGHTS_LOG: u32 = 6;

/// Most weights that a description can list without compressing them.
const MAX_PLAIN_WEIGHTS: usize = 128;

/// A canonical code: a length for each byte value, 0 if it has none.
#[derive(Clone)]
pub(super) struct Code {
    lengths: [u8; 256],
    values: [u16; 256],
    longest: u32,
    last_symbol: usize,
}

impl Code {
    pub(super) const EMPTY: Self = Self {
        lengths: [0; 256],
        values: [0; 256],
        longest: 0,
        last_symbol: 0,
    };

    /// The code of one byte, and its length in bits.
    #[inline]
    pub(super) fn of(&self, symbol: u8) -> (u32, u32) {
        (
            u32::from(self.values[usize::from(symbol)]),
            u32::from(self.lengths[usize::from(symbol)]),
        )
    }

    /// What bytes with this histogram take, in bits.
    pub(super) fn bits(&self, counts: &Counts) -> usize {
        self.lengths
            .iter()
            .zip(counts)
            .map(|(&length, &count)| u32::from(length) * count)
            .sum::<u32>() as usize
    }

    /// Whether every byte that occurs has a code.
    pub(super) fn covers(&self, counts: &Counts) -> bool {
        self.lengths
            .iter()
            .zip(counts)
            .all(|(&length, &count)| length > 0 || count == 0)
    }

    /// Sets up the code for `total` bytes with these counts.
    pub(super) fn rebuild(&mut self, counts: &Counts, total: usize) {
        let last_symbol = last_symbol(counts);
        let most_bits = fse::table_log(MAX_BITS, total, last_symbol, 1);
        let mut tree = Tree::new(counts, last_symbol);
        let longest = tree.limit(most_bits);

        *self = Self {
            longest,
            last_symbol,
            ..Self::EMPTY
        };
        let mut of_length = [0u16; MAX_WEIGHT + 1];
        for leaf in &tree.leaves[..tree.used] {
            self.lengths[usize::from(leaf.symbol)] = leaf.bits;
            of_length[usize::from(leaf.bits)] += 1;
        }
        let mut next = [0u16; MAX_WEIGHT + 1];
        let mut first = 0;
        for length in (1..=longest as usize).rev() {
            next[length] = first;
            first = (first + of_length[length]) >> 1;
        }
        for (value, &length) in self
            .values
            .iter_mut()
            .zip(&self.lengths)
            .filter(|(_, length)| **length > 0)
        {
            *value = next[usize::from(length)];
            next[usize::from(length)] += 1;
        }
    }

    /// Writes the description; `None`, with some of it written, if the format has none for these weights.
    pub(super) fn describe<S: Sink>(&self, sink: &mut S) -> Option<()> {
        let mut weights = [0u8; 256];
        for (weight, &length) in weights.iter_mut().zip(&self.lengths[..self.last_symbol]) {
            *weight = if length > 0 {
                (self.longest + 1) as u8 - length
            } else {
                0
            };
        }
        // The last symbol's weight follows from the others'.
        let listed = &weights[..self.last_symbol];

        let start = sink.len();
        sink.push(&[0]);
        let compressed = compress_weights(listed, sink)?;
        let size = sink.len() - start - 1;
        if compressed && size > 1 && size < listed.len() / 2 {
            sink.patch(start, &[size as u8]);
            return Some(());
        }
        sink.cut(start);
        if listed.len() > MAX_PLAIN_WEIGHTS {
            return None;
        }
        sink.push(&[(127 + listed.len()) as u8]);
        for pair in weights[..listed.len().next_multiple_of(2)].chunks_exact(2) {
            sink.push(&[(pair[0] << 4) + pair[1]]);
        }
        Some(())
    }
}

/// Weights through FSE (RFC 8878, section 4.2.1.2). `Some(false)` if that makes no sense, `None` if it fails.
fn compress_weights<S: Sink>(weights: &[u8], sink: &mut S) -> Option<bool> {
    let mut counts = [0u32; MAX_WEIGHT + 1];
    for &weight in weights {
        counts[usize::from(weight)] += 1;
    }
    let commonest = largest(&counts) as usize;
    if weights.len() <= 2 || commonest == weights.len() || commonest == 1 {
        return Some(false);
    }
    let last = last_symbol(&counts);
    let log = fse::table_log(WEIGHTS_LOG, weights.len(), last, 2);
    let norm = fse::normalize(&counts[..=last], weights.len(), log, false)?;
    fse::describe(&norm[..=last], log, sink.bits());
    let mut table = fse::Table::constant();
    table.rebuild(&norm[..=last], log);
    fse::encode_alternating(&table, weights, sink.bits());
    Some(true)
}

#[derive(Clone, Copy, Default)]
struct Leaf {
    count: u32,
    parent: u16,
    symbol: u8,
    bits: u8,
}

/// The leaves by falling count, with the lengths of their codes.
struct Tree {
    leaves: [Leaf; 256],
    used: usize,
}

impl Tree {
    fn new(counts: &Counts, last_symbol: usize) -> Self {
        let mut leaves = [Leaf::default(); 256];
        sort(counts, last_symbol, &mut leaves);
        let used = leaves[..=last_symbol]
            .iter()
            .rposition(|leaf| leaf.count > 0)
            .map_or(0, |last| last + 1);
        let mut tree = Self { leaves, used };
        tree.grow();
        tree
    }

    /// Joins the two rarest nodes until one is left, then measures depths.
    fn grow(&mut self) {
        // Inner nodes come into being by rising count: two queues stand for the heap.
        let mut inner = [(0u32, 0u16); 255];
        let (mut made, mut taken) = (0, 0);
        let mut leaves_left = self.used;
        for node in 0..self.used - 1 {
            let mut count = 0;
            for _ in 0..2 {
                // An inner node goes first among equals.
                if leaves_left > 0
                    && (taken == made || self.leaves[leaves_left - 1].count < inner[taken].0)
                {
                    leaves_left -= 1;
                    self.leaves[leaves_left].parent = node as u16;
                    count += self.leaves[leaves_left].count;
                } else {
                    inner[taken].1 = node as u16;
                    count += inner[taken].0;
                    taken += 1;
                }
            }
            inner[made].0 = count;
            made += 1;
        }
        let mut depths = [0u8; 255];
        for node in (0..made.saturating_sub(1)).rev() {
            depths[node] = depths[usize::from(inner[node].1)] + 1;
        }
        for leaf in &mut self.leaves[..self.used] {
            leaf.bits = depths[usize::from(leaf.parent)] + 1;
        }
    }

    /// Shortens codes to `most_bits` and pays for it by lengthening others. Returns the longest length.
    fn limit(&mut self, most_bits: u32) -> u32 {
        const NONE: usize = usize::MAX;
        let leaves = &mut self.leaves;
        let deepest = u32::from(leaves[self.used - 1].bits);
        if deepest <= most_bits {
            return deepest;
        }
        let most = most_bits as u8;

        // What shortening costs, in units of one code of length `most_bits`.
        let mut debt = 0i32;
        let mut last = self.used - 1;
        while leaves[last].bits > most {
            debt += (1 << (deepest - most_bits)) - (1 << (deepest - u32::from(leaves[last].bits)));
            leaves[last].bits = most;
            last -= 1;
        }
        debt >>= deepest - most_bits;
        while leaves[last].bits == most {
            last -= 1;
        }

        // The rarest leaf whose code is `n` bits shorter than allowed.
        let mut rarest = [NONE; MAX_WEIGHT + 2];
        let mut bits = most;
        for (position, leaf) in leaves[..=last].iter().enumerate().rev() {
            if leaf.bits < bits {
                bits = leaf.bits;
                rarest[usize::from(most - bits)] = position;
            }
        }

        while debt > 0 {
            // Lengthening a code that is `n` bits short pays 2^(n-1).
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
                Some(before) if usize::from(most - leaves[before].bits) == short => before,
                _ => NONE,
            };
        }

        // Too much paid: shorten the commonest of the longest codes.
        while debt < 0 {
            let position = if rarest[1] == NONE {
                while leaves[last].bits == most {
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
        most_bits
    }
}

/// Counts below this have a bucket each; larger ones share one for each power of two.
const DISTINCT_COUNTS: u32 = 165;
const FIRST_SHARED_BUCKET: u32 = 158;
const BUCKETS: usize = 192;

/// Sorts by falling count. Among equals the order decides who gets the shorter code, so each step is libzstd's: buckets in
/// symbol order, the shared ones then sorted by insertion if small, else by quicksort around the last element.
fn sort(counts: &Counts, last_symbol: usize, leaves: &mut [Leaf; 256]) {
    let bucket = |count: u32| {
        (if count < DISTINCT_COUNTS {
            count
        } else {
            count.ilog2() + FIRST_SHARED_BUCKET
        }) as usize
    };
    // starts[b + 1] counts how many lie in buckets above b.
    let mut starts = [0usize; BUCKETS + 1];
    for &count in &counts[..=last_symbol] {
        starts[bucket(count)] += 1;
    }
    for index in (0..BUCKETS).rev() {
        starts[index] += starts[index + 1];
    }
    let mut ends = starts;
    for (symbol, &count) in counts[..=last_symbol].iter().enumerate() {
        let end = &mut ends[bucket(count) + 1];
        leaves[*end] = Leaf {
            count,
            symbol: symbol as u8,
            ..Leaf::default()
        };
        *end += 1;
    }
    for index in DISTINCT_COUNTS as usize..BUCKETS {
        if ends[index] - starts[index] > 1 {
            sort_bucket(&mut leaves[starts[index]..ends[index]]);
        }
    }
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

/// Moves what is commoner than the last leaf before it, and gives what lies on either side of it.
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
