//! The `fast` strategy: one hash table of positions, one candidate per position, and a step that grows while nothing is
//! found.
#![allow(
    unsafe_code,
    reason = "unchecked reads in the inner loop; the bounds argument is at `find_by`"
)]

use super::finder::{Block, Indexed, READ, Repeats, Table, Tables};
use super::params::Params;
use super::sequences::Sequence;

/// The step grows by one for every this many bytes without a match.
const PATIENCE: usize = 1 << 7;

/// Appends the sequences of a block. `offsets` are the two most recent ones, and are updated.
pub(super) fn find(
    source: &[u8],
    block: Block,
    params: &Params,
    tables: &mut Tables,
    offsets: &mut [u32; 2],
    sequences: &mut Vec<Sequence>,
) {
    let find = match params.min_match {
        4 => find_by::<4>,
        5 => find_by::<5>,
        6 => find_by::<6>,
        _ => find_by::<7>,
    };
    find(source, block, params, tables, offsets, sequences)
}

/// The pair `p0`, `p1 = p0 + 1` is searched; the pair `p2`, `p3 = p2 + 1` is `step` further. Each position's candidate
/// is looked up before the position's own index replaces it.
///
/// Bounds: an index in the table that is not below `lowest` belongs to a position searched before, so it is less than
/// `p0`. Reads of 8 bytes are at `p2 < p3 < limit = end - 8` at most. A repeated offset never exceeds the first
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
    let Some(limit) = end.checked_sub(READ) else {
        return;
    };
    let source = Indexed::new(source, tables);
    let table = Table::new(&mut tables.long, params.hash_log);
    let min_step = params.acceleration.max(1) as usize + 1;

    let mut anchor = block.start;
    let mut p0 = anchor + usize::from(block.start == lowest);
    let mut repeats = Repeats::usable(*offsets, block.position(p0), params.window());

    // SAFETY: see above.
    unsafe {
        'matches: loop {
            let mut step = min_step;
            let mut grow_at = p0 + PATIENCE;
            let mut p1 = p0 + 1;
            let mut p2 = p0 + step;
            let mut p3 = p2 + 1;
            if p3 >= limit {
                break;
            }
            let mut word = source.read_8(p0);
            let mut slot = table.slot::<MIN_MATCH>(word);
            let mut next_word = source.read_8(p1);
            let mut next_slot = table.slot::<MIN_MATCH>(next_word);
            let mut candidate = slot.get();
            let mut current;

            // The loop ends with the length of a match found and stored, after which the search resumes.
            let length = 'search: {
                let earlier = loop {
                    let word_2 = source.read_8(p2);
                    let repeated = source.read_4(p2 - repeats.first);
                    current = p0;
                    slot.set(current);
                    if repeated == word_2 as u32 && repeats.first > 0 {
                        next_slot.set(p1);
                        p0 = p2;
                        let back = usize::from(
                            source.read_1(p0 - 1) == source.read_1(p0 - repeats.first - 1),
                        );
                        p0 -= back;
                        let length = 4 + back;
                        let length = length
                            + source.count_equal(p0 + length, p0 + length - repeats.first, end);
                        sequences.push(Sequence::repeat(p0 - anchor, length));
                        break 'search length;
                    }
                    if candidate >= lowest && source.read_4(candidate) == word as u32 {
                        next_slot.set(p1);
                        break candidate;
                    }

                    candidate = next_slot.get();
                    (slot, next_slot) = (next_slot, table.slot::<MIN_MATCH>(word_2));
                    (word, next_word) = (next_word, word_2);
                    (p0, p1, p2) = (p1, p2, p3);
                    current = p0;
                    slot.set(current);
                    if candidate >= lowest && source.read_4(candidate) == word as u32 {
                        // With a longer step, the search may resume before this position.
                        if step <= 4 {
                            next_slot.set(p1);
                        }
                        break candidate;
                    }

                    candidate = next_slot.get();
                    let word_2 = source.read_8(p2);
                    (slot, next_slot) = (next_slot, table.slot::<MIN_MATCH>(word_2));
                    (word, next_word) = (next_word, word_2);
                    (p0, p1) = (p1, p2);
                    (p2, p3) = (p0 + step, p1 + step);
                    if p2 >= grow_at {
                        step += 1;
                        grow_at += PATIENCE;
                    }
                    if p3 >= limit {
                        break 'matches;
                    }
                };
                let offset = p0 - earlier;
                repeats.second = repeats.first;
                repeats.first = offset;
                let before = source.count_equal_before(p0, earlier, anchor, lowest);
                p0 -= before;
                let length = 4 + before;
                let length = length + source.count_equal(p0 + length, p0 + length - offset, end);
                sequences.push(Sequence::new(p0 - anchor, offset, length));
                length
            };

            p0 += length;
            anchor = p0;
            if p0 <= limit {
                table
                    .slot::<MIN_MATCH>(source.read_8(current + 2))
                    .set(current + 2);
                table.slot::<MIN_MATCH>(source.read_8(p0 - 2)).set(p0 - 2);
                while repeats.second > 0
                    && p0 <= limit
                    && source.read_4(p0) == source.read_4(p0 - repeats.second)
                {
                    let length = 4 + source.count_equal(p0 + 4, p0 + 4 - repeats.second, end);
                    (repeats.first, repeats.second) = (repeats.second, repeats.first);
                    table.slot::<MIN_MATCH>(source.read_8(p0)).set(p0);
                    sequences.push(Sequence::repeat(0, length));
                    p0 += length;
                    anchor = p0;
                }
            }
        }
    }
    *offsets = repeats.finish();
}
