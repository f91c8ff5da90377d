//! What both match finders stand on: hash tables of positions, hashes of a few bytes, lengths of matches.
//!
//! The inner loops of [`super::fast`] and [`super::double_fast`] read source and tables without bounds checks: the five reads
//! and two writes a position are most of what they do.

use std::hint::select_unpredictable;
use std::marker::PhantomData;

use super::params::Params;

/// A position is hashed by reading this many bytes, so the last ones of a block start no match.
pub(super) const READ: usize = 8;

/// An entry of a table is an index whose high byte, all ones, is crossed with a tag: some bits of a hash of the bytes there. With
/// another tag it comes out below all indices, as an entry of another source does: one comparison leaves both out, and nothing
/// is read there, which spares most of the waiting for memory.
const TAG: u32 = 0xFF00_0000;

/// The first index; an empty entry is below it.
const FIRST_INDEX: usize = TAG as usize + 1;

/// Where indices end: so far below 2^32 that the longest steps beyond (two of 2^17 and what they grow by) don't wrap.
const INDEX_LIMIT: usize = 0xFFF8_0000;

/// The hash tables, kept from source to source: an index is a position in the source plus a base that moves on with each
/// source, so what is below the base is of an earlier source. Tables are cleared once in 16 MB.
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

    /// Makes tables of at least the sizes wanted, in which nothing of a source of `len` bytes is found yet.
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

    /// The indices of a block; makes room for them if they would be too large.
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
    /// What an index is more than the position; below 0 it wraps.
    base: usize,
    pub start: usize,
    pub end: usize,
    /// Matches begin here or later: `end` less the window.
    pub lowest: usize,
}

impl Block {
    /// The position that an index stands for.
    pub(super) fn position(&self, index: usize) -> usize {
        index.wrapping_sub(self.base)
    }
}

/// The two latest offsets, as a block begins with them: those that reach too far are set aside as 0.
#[derive(Clone, Copy)]
pub(super) struct Repeats {
    pub first: usize,
    pub second: usize,
    set_aside: [usize; 2],
}

impl Repeats {
    /// Offsets that may be used at position `at` and later.
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

    /// The offsets that the next block begins with.
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
/// Its methods read without a check: at most 8 bytes from an index, none past the source's end. Who calls them keeps indices
/// between the source's first one and its end less what is read.
#[derive(Clone, Copy)]
pub(super) struct Indexed {
    /// Where index 0 would be: before the source.
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
    /// Eight bytes of the source from `index` on.
    #[inline(always)]
    pub(super) unsafe fn read_8(self, index: usize) -> u64 {
        // SAFETY: by the caller; any bytes are a valid integer.
        u64::from_le(unsafe { self.zero.wrapping_add(index).cast::<u64>().read_unaligned() })
    }

    /// # Safety
    /// Four bytes of the source from `index` on.
    #[inline(always)]
    pub(super) unsafe fn read_4(self, index: usize) -> u32 {
        // SAFETY: by the caller; any bytes are a valid integer.
        u32::from_le(unsafe { self.zero.wrapping_add(index).cast::<u32>().read_unaligned() })
    }

    /// # Safety
    /// A byte of the source at `index`.
    #[inline(always)]
    pub(super) unsafe fn read_1(self, index: usize) -> u8 {
        // SAFETY: by the caller.
        unsafe { *self.zero.wrapping_add(index) }
    }

    /// How many bytes from `at` up to `end` equal those from `earlier`.
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
                // Most matches end here, at a place that can't be foretold: one branch for both words.
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

    /// How many bytes before `at`, down to `anchor`, equal those before `earlier`, down to `lowest`.
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
        let most = (at - anchor).min(earlier - lowest);
        let mut matched = 0;
        // SAFETY: with 8 bytes after `lowest` both words are in the source; `matched < most` keeps the other reads at
        // or after `anchor` and `lowest`.
        unsafe {
            if earlier - lowest >= READ {
                let difference = self.read_8(at - READ) ^ self.read_8(earlier - READ);
                let equal = (difference.leading_zeros() / 8) as usize;
                if equal < READ {
                    return equal.min(most);
                }
                matched = READ.min(most);
            }
            while matched < most
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

    /// The entry for the `BYTES` low bytes of a word, with a tag: of eight bytes if these are eight, else of four.
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
            // Just below the bits of the hash, of the largest tables at least.
            let of_eight = (product >> 15) as u32;
            (hash, if BYTES == 8 { of_eight } else { of_four })
        };
        Slot {
            // A hash has `log` bits.
            entry: self.entries.wrapping_add(hash as usize),
            tag: tag & TAG,
            _of: self._of,
        }
    }
}

/// An entry of a hash table, and the tag of the bytes that it was looked up for.
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
    /// The index stored, or something below all indices if its tag is another.
    #[inline(always)]
    pub(super) fn get(self) -> usize {
        // SAFETY: `Table::slot` is in the table, which the lifetime keeps borrowed.
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
