//! Foundations of both match finders: hash tables of positions, hashes of a few bytes, lengths of matches.
//!
//! The inner loops of [`super::fast`] and [`super::double_fast`] read source and tables without bounds checks: the five
//! reads and two writes per position are most of their work.

use std::hint::select_unpredictable;
use std::marker::PhantomData;

use super::params::Params;

/// Number of bytes read to hash a position, so no match starts in the last ones of a block.
pub(super) const READ: usize = 8;

/// A table entry is an index whose high byte, all ones, is XORed with a tag: some bits of a hash of the bytes at that
/// index. An entry with another tag decodes to a value below all indices, as does an entry of an earlier source. So a
/// single comparison rejects both, and nothing is read at the candidate, which avoids most of the waiting for memory.
const TAG: u32 = 0xFF00_0000;

/// The first index; an empty entry is below it.
const FIRST_INDEX: usize = TAG as usize + 1;

/// Upper limit of indices: far enough below 2^32 that the longest steps beyond (two of 2^17 and their growth) don't
/// wrap.
const INDEX_LIMIT: usize = 0xFFF8_0000;

/// Hash tables, reused for all sources: an index is a position in the source plus a base that increases with each
/// source, so indices below the base belong to earlier sources. Tables are cleared once per 16 MB.
pub(super) struct Tables {
    pub long: Vec<u32>,
    pub short: Vec<u32>,
    /// Index of the source's start; wraps below 0 in a long source.
    base: usize,
    next_base: usize,
}

impl Tables {
    pub(super) const fn new() -> Self {
        Self {
            long: Vec::new(),
            short: Vec::new(),
            base: FIRST_INDEX,
            next_base: FIRST_INDEX,
        }
    }

    /// Ensures the table sizes of `params`, and that no entry is found for a new source of `len` bytes.
    pub(super) fn start_frame(&mut self, params: &Params, len: usize) {
        let grow = |table: &mut Vec<u32>, log: u32| table.resize(table.len().max(1 << log), 0);
        grow(&mut self.long, params.hash_log);
        grow(&mut self.short, params.short_hash_log);
        if len > INDEX_LIMIT - self.next_base {
            self.long.fill(0);
            self.short.fill(0);
            self.next_base = FIRST_INDEX;
        }
        self.base = self.next_base;
    }

    /// Indices of a block; rebases the tables if the indices would be too large.
    pub(super) fn start_block(&mut self, start: usize, end: usize, params: &Params) -> Block {
        let window = params.window();
        let index = |base: usize, position: usize| base.wrapping_add(position);
        if index(self.base, end) > INDEX_LIMIT {
            let too_early = index(self.base, start) - window - FIRST_INDEX;
            for entry in self.long.iter_mut().chain(&mut self.short) {
                let index = (*entry & !TAG).checked_sub(too_early as u32);
                *entry = index.map_or(0, |index| *entry & TAG | index);
            }
            self.base = self.base.wrapping_sub(too_early);
        }
        self.next_base = index(self.base, end);
        Block {
            base: self.base,
            start: index(self.base, start),
            end: index(self.base, end),
            lowest: index(self.base, end.saturating_sub(window)),
        }
    }
}

/// The part of the source to find matches in, as indices.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// Difference between an index and its position; below 0 it wraps.
    base: usize,
    pub start: usize,
    pub end: usize,
    /// Lowest index at which a match may begin: `end` minus the window.
    pub lowest: usize,
}

impl Block {
    /// Position of an index in the source.
    pub(super) fn position(&self, index: usize) -> usize {
        index.wrapping_sub(self.base)
    }
}

/// The two most recent offsets at the start of a block; those that reach too far are replaced by 0 and set aside.
#[derive(Clone, Copy)]
pub(super) struct Repeats {
    pub first: usize,
    pub second: usize,
    set_aside: [usize; 2],
}

impl Repeats {
    /// Offsets that may be used from position `at` on.
    pub(super) fn usable(offsets: [u32; 2], at: usize, window: usize) -> Self {
        let reach = at.min(window);
        let usable = |offset| {
            if offset > reach {
                (0, offset)
            } else {
                (offset, 0)
            }
        };
        let [(first, first_aside), (second, second_aside)] =
            offsets.map(|offset| usable(offset as usize));
        Self {
            first,
            second,
            set_aside: [first_aside, second_aside],
        }
    }

    /// The offsets for the start of the next block.
    pub(super) fn finish(self) -> [u32; 2] {
        let [first_aside, second_aside] = self.set_aside;
        let second_aside = if first_aside != 0 && self.first != 0 {
            first_aside
        } else {
            second_aside
        };
        let or = |offset, aside| if offset != 0 { offset } else { aside } as u32;
        [or(self.first, first_aside), or(self.second, second_aside)]
    }
}

/// The source, addressed by the indices that the tables hold.
///
/// Its methods read without bounds checks: at most 8 bytes from an index, none past the source's end. Callers keep
/// indices between the source's first one and its end minus the bytes read.
#[derive(Clone, Copy)]
pub(super) struct Indexed {
    /// Address of index 0: before the source.
    zero: *const u8,
}

#[allow(unsafe_code, reason = "reads in the inner loops of the match finders")]
impl Indexed {
    pub(super) fn new(source: &[u8], tables: &Tables) -> Self {
        Self {
            zero: source.as_ptr().wrapping_sub(tables.base),
        }
    }

    /// The same source, addressed by indices that are larger by `offset`.
    pub(super) fn back_by(self, offset: usize) -> Self {
        Self {
            zero: self.zero.wrapping_sub(offset),
        }
    }

    /// # Safety
    /// The source has at least eight bytes from `index` on.
    #[inline(always)]
    pub(super) unsafe fn read_8(self, index: usize) -> u64 {
        // SAFETY: guaranteed by the caller; any bytes are a valid integer.
        u64::from_le(unsafe { self.zero.wrapping_add(index).cast::<u64>().read_unaligned() })
    }

    /// # Safety
    /// The source has at least four bytes from `index` on.
    #[inline(always)]
    pub(super) unsafe fn read_4(self, index: usize) -> u32 {
        // SAFETY: guaranteed by the caller; any bytes are a valid integer.
        u32::from_le(unsafe { self.zero.wrapping_add(index).cast::<u32>().read_unaligned() })
    }

    /// # Safety
    /// The source has a byte at `index`.
    #[inline(always)]
    pub(super) unsafe fn read_1(self, index: usize) -> u8 {
        // SAFETY: guaranteed by the caller.
        unsafe { *self.zero.wrapping_add(index) }
    }

    /// Number of bytes from `at` up to `end` that equal those from `earlier` on.
    ///
    /// # Safety
    /// `earlier <= at <= end`, all in the source or at its end.
    #[inline(always)]
    pub(super) unsafe fn count_equal(self, at: usize, earlier: usize, end: usize) -> usize {
        let left = end - at;
        let mut matched = 0;
        // SAFETY: `matched + n <= left` before each read of n bytes, so it ends at or before `end`.
        unsafe {
            let difference = |matched| self.read_8(at + matched) ^ self.read_8(earlier + matched);
            if left >= 2 * READ {
                // Most matches end here, at an unpredictable byte: one branch for both words.
                let (first, second) = (difference(0), difference(READ));
                if first | second != 0 {
                    let (word, before) =
                        select_unpredictable(first != 0, (first, 0), (second, READ));
                    return before + (word.trailing_zeros() / 8) as usize;
                }
                matched = 2 * READ;
            }
            while matched + READ <= left {
                let difference = difference(matched);
                if difference != 0 {
                    return matched + (difference.trailing_zeros() / 8) as usize;
                }
                matched += READ;
            }
            while matched < left && self.read_1(at + matched) == self.read_1(earlier + matched) {
                matched += 1;
            }
        }
        matched
    }

    /// Number of bytes before `at`, down to `anchor`, that equal those before `earlier`, down to `lowest`.
    ///
    /// # Safety
    /// `lowest <= earlier <= at` and `anchor <= at`, all in the source.
    #[inline(always)]
    pub(super) unsafe fn count_equal_before(
        self,
        at: usize,
        earlier: usize,
        anchor: usize,
        lowest: usize,
    ) -> usize {
        let limit = (at - anchor).min(earlier - lowest);
        let mut matched = 0;
        // SAFETY: with 8 bytes after `lowest` both words are in the source; `matched < limit` keeps the other reads at
        // or after `anchor` and `lowest`.
        unsafe {
            if earlier - lowest >= READ {
                let difference = self.read_8(at - READ) ^ self.read_8(earlier - READ);
                let equal = (difference.leading_zeros() / 8) as usize;
                if equal < READ {
                    return equal.min(limit);
                }
                matched = READ.min(limit);
            }
            while matched < limit
                && self.read_1(at - matched - 1) == self.read_1(earlier - matched - 1)
            {
                matched += 1;
            }
        }
        matched
    }
}

/// A hash table with `1 << log` entries.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    entries: *mut u32,
    log: u32,
    _of: PhantomData<&'a mut [u32]>,
}

impl<'a> Table<'a> {
    pub(super) fn new(entries: &'a mut [u32], log: u32) -> Self {
        Self {
            entries: entries[..1 << log].as_mut_ptr(),
            log,
            _of: PhantomData,
        }
    }

    /// The slot for the low `BYTES` bytes of a word. Its tag comes from eight bytes if `BYTES` is eight, otherwise from
    /// four.
    #[inline(always)]
    pub(super) fn slot<const BYTES: u32>(self, word: u64) -> Slot<'a> {
        const PRIME_4: u32 = 2_654_435_761;
        const PRIMES: [u64; 4] = [
            889_523_592_379,
            227_718_039_650_203,
            58_295_818_150_454_627,
            0xCF1B_BCDC_B7A5_6463,
        ];
        let of_four = (word as u32).wrapping_mul(PRIME_4);
        let (hash, tag) = if BYTES == 4 {
            (of_four >> (32 - self.log), of_four << self.log)
        } else {
            let product = (word << (64 - 8 * BYTES)).wrapping_mul(PRIMES[BYTES as usize - 5]);
            let hash = (product >> (64 - self.log)) as u32;
            // Bits of the product just below those of the hash, at least for the largest tables.
            let of_eight = (product >> 15) as u32;
            (hash, if BYTES == 8 { of_eight } else { of_four })
        };
        Slot {
            // A hash has `log` bits, so it is less than the number of entries.
            entry: self.entries.wrapping_add(hash as usize),
            tag: tag & TAG,
            _of: self._of,
        }
    }
}

/// A slot of a hash table, and the tag of the bytes that it was looked up for.
#[derive(Clone, Copy)]
pub(super) struct Slot<'a> {
    entry: *mut u32,
    tag: u32,
    _of: PhantomData<&'a mut [u32]>,
}

#[allow(
    unsafe_code,
    reason = "accesses in the inner loops of the match finders"
)]
impl Slot<'_> {
    /// The stored index, or a value below all indices if its tag differs.
    #[inline(always)]
    pub(super) fn get(self) -> usize {
        // SAFETY: `Table::slot` points into the table, which the lifetime keeps borrowed.
        (unsafe { *self.entry } ^ self.tag) as usize
    }

    /// Does [`get`](Self::get), then [`set`](Self::set).
    #[inline(always)]
    pub(super) fn replace(self, index: usize) -> usize {
        let before = self.get();
        self.set(index);
        before
    }

    #[inline(always)]
    pub(super) fn set(self, index: usize) {
        // SAFETY: as for `get`; nothing else refers to the table meanwhile.
        unsafe { *self.entry = index as u32 ^ self.tag };
    }
}
