//! Bounds that several steps of the encoder share.

use std::ops::RangeInclusive;

/// The levels of libzstd. 0 means its default, 3.
pub const LEVELS: RangeInclusive<i32> = -131_072..=22;

pub(super) const KIB: usize = 1 << 10;

/// Maximum size of a block, in bytes.
pub(super) const FULL_BLOCK: usize = 128 * KIB;

/// Number of bytes that compressing a block or its literals must save to be worthwhile.
pub(super) fn minimum_gain(len: usize) -> usize {
    (len >> 6) + 2
}
