//! The `dfast` strategy: one table of 8-byte hashes and one of shorter ones. A long match is taken at once; a short one
//! unless there is a longer one at the next position.
#![allow(
    unsafe_code,
    reason = "unchecked reads in the inner loop; the bounds argument is at `find_by`"
)]

use super::finder::{Block, Indexed, READ, Repeats, Table, Tables};
use super::params::Params;
use super::sequences::Sequence;

/// The step grows by one for every this many bytes without a match.
const PATIENCE: usize = 1 << 8;

/// Number of positions searched between two checks of the limit.
const GROUP: usize = 4;

/// Below this step size, growth is so rare that the positions of a group mostly have the same step.
const SHORT_STEP: usize = 16;

/// Appends the sequences of a block. `offsets` are the two most recent ones, and are updated.
pub(super) fn find(
    source: &[u8],
    block: Block,
    params: &Params,
    tables: &mut Tables,
    offsets: &mut [u32; 2],
    sequences: &mut Vec<Sequence>,
) {
    let find = if params.min_match == 4 {
        find_by::<4>
    } else {
        find_by::<5>
    };
    find(source, block, params, tables, offsets, sequences)
}

/// The source, and the tables of the positions before.
#[derive(Clone, Copy)]
struct Field<'a> {
    source: Indexed,
    long: Table<'a>,
    short: Table<'a>,
    /// Lowest index at which a match may begin.
    lowest: usize,
    /// Last index at which 8 bytes can be read.
    limit: usize,
}

/// Distance between searched positions, and the position at which it grows next.
#[derive(Clone, Copy)]
struct Pace {
    step: usize,
    grow_at: usize,
}

impl Pace {
    /// The pace at the first position after a match.
    fn at(position: usize) -> Self {
        Self {
            step: 1,
            grow_at: position + PATIENCE,
        }
    }

    /// Updates the pace at the next position. Branch-free: if the step is long, it grows too often to be predicted.
    #[inline(always)]
    fn grow(&mut self, position: usize) {
        let grows = usize::from(position >= self.grow_at);
        self.step += grows;
        self.grow_at += grows * PATIENCE;
    }
}

/// A position with a possible match: either the bytes after it at the most recent offset, or its own at one of the
/// candidates.
struct Stop {
    at: usize,
    pace: Pace,
    long: usize,
    short: usize,
}

impl Field<'_> {
    /// Enters positions in both tables up to the first that is worth examining; `None` at the limit.
    ///
    /// Streams with few matches spend their time here. So there is a single exit for all reasons to stop: telling them
    /// apart would cost the loop its registers.
    ///
    /// # Safety
    /// The bounds stated at [`find_by`] must hold.
    #[inline(always)]
    unsafe fn search<const MIN_MATCH: u32>(
        &self,
        mut at: usize,
        mut pace: Pace,
        first_offset: usize,
    ) -> Option<Stop> {
        let repeated = self.source.back_by(first_offset);
        macro_rules! search_at {
            () => {
                // SAFETY: guaranteed by the caller; reads at `repeated` end 5 bytes after `at`.
                let word = unsafe { self.source.read_8(at) };
                let long = self.long.slot::<8>(word).replace(at);
                let short = self.short.slot::<MIN_MATCH>(word).replace(at);
                let repeats = unsafe { repeated.read_4(at + 1) } == (word >> 8) as u32;
                if repeats || long >= self.lowest || short >= self.lowest {
                    return Some(Stop {
                        at,
                        pace,
                        long,
                        short,
                    });
                }
                at += pace.step;
            };
        }
        loop {
            pace.grow(at);
            let step = pace.step;
            if step < SHORT_STEP
                && at + (GROUP - 1) * step < pace.grow_at
                && at + GROUP * step <= self.limit
            {
                search_at!();
                search_at!();
                search_at!();
                search_at!();
            } else if at + GROUP * (step + GROUP) <= self.limit {
                search_at!();
                pace.grow(at);
                search_at!();
                pace.grow(at);
                search_at!();
                pace.grow(at);
                search_at!();
            } else if at + step <= self.limit {
                search_at!();
            } else {
                return None;
            }
        }
    }
}

/// Bounds: an index in the tables that is not below `lowest` belongs to a position searched before, so it is less than
/// `at`. Reads of 8 bytes are at `at + step <= limit = end - 8` at most. A repeated offset never exceeds the first
/// position that it is used at ([`Repeats`]), or is the distance to a match found, and later positions are larger.
fn find_by<const MIN_MATCH: u32>(
    source: &[u8],
    block: Block,
    params: &Params,
    tables: &mut Tables,
    offsets: &mut [u32; 2],
    sequences: &mut Vec<Sequence>,
) {
    let Block { lowest, end, .. } = block;
    // With fewer bytes even the first step would exceed the limit.
    let Some(limit) = end.checked_sub(READ).filter(|limit| *limit > block.start) else {
        return;
    };
    let source = Indexed::new(source, tables);
    let long = Table::new(&mut tables.long, params.hash_log);
    let short = Table::new(&mut tables.short, params.short_hash_log);
    let field = Field {
        source,
        long,
        short,
        lowest,
        limit,
    };

    let mut anchor = block.start;
    let mut at = anchor + usize::from(block.start == lowest);
    let mut repeats = Repeats::usable(*offsets, block.position(at), params.window());
    let mut pace = Pace::at(at);

    // SAFETY: see above.
    unsafe {
        while let Some(stop) = field.search::<MIN_MATCH>(at, pace, repeats.first) {
            let current = stop.at;
            at = current;
            pace = stop.pace;
            // End of the match, where the search resumes.
            let match_end;
            if repeats.first > 0 && source.read_4(at + 1) == source.read_4(at + 1 - repeats.first) {
                at += 1;
                let length = 4 + source.count_equal(at + 4, at + 4 - repeats.first, end);
                sequences.push(Sequence::repeat(at - anchor, length));
                match_end = at + length;
            } else {
                let next = at + pace.step;
                let word = source.read_8(at);
                let next_word = source.read_8(next);
                let next_slot = long.slot::<8>(next_word);
                let (mut earlier, mut length);
                if stop.long >= lowest && source.read_8(stop.long) == word {
                    earlier = stop.long;
                    length = READ + source.count_equal(at + READ, earlier + READ, end);
                } else if stop.short >= lowest && source.read_4(stop.short) == word as u32 {
                    earlier = stop.short;
                    length = 4 + source.count_equal(at + 4, earlier + 4, end);
                    let candidate = next_slot.get();
                    // A candidate at the lowest index itself is not tried here, as in libzstd.
                    if candidate > lowest && source.read_8(candidate) == next_word {
                        let longer = READ + source.count_equal(next + READ, candidate + READ, end);
                        if longer > length {
                            (at, earlier, length) = (next, candidate, longer);
                        }
                    }
                } else {
                    at = next;
                    continue;
                }
                // Computed before extending backwards, so the next search does not depend on it.
                match_end = at + length;
                let offset = at - earlier;
                let before = source.count_equal_before(at, earlier, anchor, lowest);
                repeats.second = repeats.first;
                repeats.first = offset;
                // With a longer step, the search may resume before `next`.
                if pace.step < 4 {
                    next_slot.set(next);
                }
                let literals = at - before - anchor;
                sequences.push(Sequence::new(literals, offset, length + before));
            }

            at = match_end;
            anchor = at;
            if at <= limit {
                let inside = source.read_8(current + 2);
                long.slot::<8>(inside).set(current + 2);
                long.slot::<8>(source.read_8(at - 2)).set(at - 2);
                short.slot::<MIN_MATCH>(inside).set(current + 2);
                short.slot::<MIN_MATCH>(source.read_8(at - 1)).set(at - 1);
                while repeats.second > 0
                    && at <= limit
                    && source.read_4(at) == source.read_4(at - repeats.second)
                {
                    let length = 4 + source.count_equal(at + 4, at + 4 - repeats.second, end);
                    (repeats.first, repeats.second) = (repeats.second, repeats.first);
                    let word = source.read_8(at);
                    short.slot::<MIN_MATCH>(word).set(at);
                    long.slot::<8>(word).set(at);
                    sequences.push(Sequence::repeat(0, length));
                    at += length;
                    anchor = at;
                }
            }
            pace = Pace::at(at);
        }
    }
    *offsets = repeats.finish();
}
