//! What both match finders stand on: hash tables of positions, hashes of a few bytes, lengths of matches.
//!
//! The inner loops of [`super::fast`] and [`super::double_fast`] read the source through raw pointers: a bounds check for each of the
//! five reads a position would cost a tenth of the speed.

use super::params::Params;
use super::sequences::{MIN_MATCH, REPEAT, REPEATED_OFFSETS, Sequence};

/// A position is hashed by reading this many bytes, so the last ones of a block start no match.
pub(super) const READ: usize = 8;

/// A position in a table is its distance from the source's start plus the table's current base; what lies below the base is
/// of an earlier source. So tables are cleared once in 4 GiB, not once a source.
const FIRST_BASE: u32 = 1;

/// Sources up to this length can be indexed.
pub(super) const MAX_SOURCE: usize = (i32::MAX as usize) + 1;

/// The hash tables, kept from source to source.
pub(super) struct Tables {
    pub long: Vec<u32>,
    pub short: Vec<u32>,
    base: u32,
    next_base: u32,
}

impl Tables {
    pub(super) const fn new() -> Self {
        Self {
            long: Vec::new(),
            short: Vec::new(),
            base: FIRST_BASE,
            next_base: FIRST_BASE,
        }
    }

    /// Makes tables of at least the sizes wanted, in which nothing of a source of `len` bytes is found yet.
    pub(super) fn start_frame(&mut self, params: &Params, len: usize) {
        debug_assert!(len <= MAX_SOURCE);
        let len = len as u32;
        let grow = |table: &mut Vec<u32>, log: u32| table.resize(table.len().max(1 << log), 0);
        grow(&mut self.long, params.hash_log);
        grow(&mut self.short, params.short_hash_log);
        if self.next_base.checked_add(len).is_none() {
            self.long.fill(0);
            self.short.fill(0);
            self.next_base = FIRST_BASE;
        }
        self.base = self.next_base;
        self.next_base += len;
    }

    /// What is added to a position to make the index that is stored.
    pub(super) fn base(&self) -> u32 {
        self.base
    }
}

/// The part of the source to find matches in.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub start: usize,
    pub end: usize,
    /// Matches begin here or later: `end` less the window.
    pub lowest: usize,
    pub window: usize,
}

impl Block {
    pub(super) fn new(start: usize, end: usize, params: &Params) -> Self {
        let window = params.window();
        Self {
            start,
            end,
            lowest: end.saturating_sub(window),
            window,
        }
    }
}

/// The two latest offsets, as a block begins with them: those that reach too far are set aside as 0.
#[derive(Clone, Copy)]
pub(super) struct Repeats {
    pub first: u32,
    pub second: u32,
    set_aside: [u32; 2],
}

impl Repeats {
    /// Offsets that may be used at position `at` and later.
    pub(super) fn usable(offsets: [u32; 2], at: usize, window: usize) -> Self {
        let reach = at.min(window) as u32;
        let usable = |offset| {
            if offset > reach {
                (0, offset)
            } else {
                (offset, 0)
            }
        };
        let ((first, first_aside), (second, second_aside)) =
            (usable(offsets[0]), usable(offsets[1]));
        Self {
            first,
            second,
            set_aside: [first_aside, second_aside],
        }
    }

    /// The offsets that the next block begins with.
    pub(super) fn finish(self) -> [u32; 2] {
        let [first_aside, second_aside] = self.set_aside;
        let second_aside = if first_aside != 0 && self.first != 0 {
            first_aside
        } else {
            second_aside
        };
        [
            if self.first != 0 {
                self.first
            } else {
                first_aside
            },
            if self.second != 0 {
                self.second
            } else {
                second_aside
            },
        ]
    }
}

/// A match with offset `offset`.
#[inline]
pub(super) fn sequence(literals: usize, offset: u32, length: usize) -> Sequence {
    Sequence {
        literals: literals as u32,
        match_length: length as u32 - MIN_MATCH,
        offset: offset + REPEATED_OFFSETS,
    }
}

/// A match at the latest offset, or the one before if there are no literals.
#[inline]
pub(super) fn repeat(literals: usize, length: usize) -> Sequence {
    Sequence {
        literals: literals as u32,
        match_length: length as u32 - MIN_MATCH,
        offset: REPEAT,
    }
}

/// The `log` high bits of a product of the `BYTES` low bytes of a little-endian word.
#[inline(always)]
pub(super) fn hash<const BYTES: u32>(word: u64, log: u32) -> usize {
    const PRIME_4: u32 = 2_654_435_761;
    const PRIMES: [u64; 4] = [
        889_523_592_379,
        227_718_039_650_203,
        58_295_818_150_454_627,
        0xCF1B_BCDC_B7A5_6463,
    ];
    if BYTES == 4 {
        ((word as u32).wrapping_mul(PRIME_4) >> (32 - log)) as usize
    } else {
        ((word << (64 - 8 * BYTES)).wrapping_mul(PRIMES[BYTES as usize - 5]) >> (64 - log)) as usize
    }
}

/// # Safety
/// Eight bytes must be readable at `at`.
#[inline(always)]
#[allow(unsafe_code, reason = "a read in the inner loop of a match finder")]
pub(super) unsafe fn read_8(at: *const u8) -> u64 {
    // SAFETY: by the caller; any bytes are a valid integer.
    u64::from_le(unsafe { at.cast::<u64>().read_unaligned() })
}

/// # Safety
/// Four bytes must be readable at `at`.
#[inline(always)]
#[allow(unsafe_code, reason = "a read in the inner loop of a match finder")]
pub(super) unsafe fn read_4(at: *const u8) -> u32 {
    // SAFETY: by the caller; any bytes are a valid integer.
    u32::from_le(unsafe { at.cast::<u32>().read_unaligned() })
}

/// How many bytes from `at` up to `end` equal those from `earlier`.
///
/// # Safety
/// `earlier <= at <= end` in one allocation.
#[inline(always)]
#[allow(unsafe_code, reason = "a read in the inner loop of a match finder")]
pub(super) unsafe fn count_equal(at: *const u8, earlier: *const u8, end: *const u8) -> usize {
    // SAFETY: `matched + 8 <= left`, so both reads end at or before `end`; in the last loop `matched < left`.
    unsafe {
        let left = end.offset_from_unsigned(at);
        let mut matched = 0;
        while matched + READ <= left {
            let difference = read_8(at.add(matched)) ^ read_8(earlier.add(matched));
            if difference != 0 {
                return matched + (difference.trailing_zeros() / 8) as usize;
            }
            matched += READ;
        }
        while matched < left && *at.add(matched) == *earlier.add(matched) {
            matched += 1;
        }
        matched
    }
}
