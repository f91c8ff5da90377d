//! Huffman codes for literals (RFC 8878, section 4.2): built from counts, at most 11 bits long, and described by
//! weights.

use super::fse;
use super::histogram::{Counts, largest, last_symbol};
pub(super) use super::huffman_code::Code;
use super::huffman_code::{MAX_BITS, MAX_WEIGHT};
use super::huffman_tree::Tree;
use super::sink::Sink;

/// Largest accuracy log of the FSE table in a description.
const WEIGHTS_LOG: u32 = 6;

/// Maximum number of weights that a description can list uncompressed.
const MAX_PLAIN_WEIGHTS: usize = 128;

impl Code {
    /// Builds the code for `total` bytes with these counts.
    pub(super) fn rebuild(&mut self, counts: &Counts, total: usize) {
        let last_symbol = last_symbol(counts);
        let max_bits = fse::table_log(MAX_BITS, total, last_symbol, 1);
        let mut tree = Tree::new(counts);
        let longest = tree.limit(max_bits);
        *self = Self {
            longest,
            last_symbol,
            ..Self::EMPTY
        };
        for leaf in tree.leaves() {
            self.lengths[usize::from(leaf.symbol)] = leaf.bits;
        }
    }

    /// Writes the description; `None`, possibly after a partial write, if the format can't express these weights.
    pub(super) fn describe<S: Sink>(&self, sink: &mut S) -> Option<()> {
        let mut weights = [0u8; 256];
        for (weight, &length) in weights.iter_mut().zip(&self.lengths[..self.last_symbol]) {
            *weight = if length > 0 {
                (self.longest + 1) as u8 - length
            } else {
                0
            };
        }
        // The last symbol's weight follows from the others.
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

/// Compresses weights with FSE (RFC 8878, section 4.2.1.2). `Some(false)` if that is not worthwhile, `None` if it
/// fails.
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
