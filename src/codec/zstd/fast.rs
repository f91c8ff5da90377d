//! The `fast` strategy: one hash table of positions, one candidate a position, steps that grow while nothing is found.
#![allow(
    unsafe_code,
    reason = "raw reads in the inner loop; the bounds argument is at `find`"
)]

use super::finder::{
    Block, READ, Repeats, Tables, count_equal, hash, read_4, read_8, repeat, sequence,
};
use super::params::Params;
use super::sequences::Sequence;

/// Without a match for this many bytes, the step grows by one.
const PATIENCE: usize = 1 << 7;

/// Appends the sequences of a block and returns where the literals after the last match begin. `offsets` are the
/// latest two, before and after the block.
pub(super) fn find(
    source: &[u8],
    block: Block,
    params: &Params,
    tables: &mut Tables,
    offsets: &mut [u32; 2],
    sequences: &mut Vec<Sequence>,
) -> usize {
    let find = match params.min_match {
        4 => find_by::<4>,
        5 => find_by::<5>,
        6 => find_by::<6>,
        _ => find_by::<7>,
    };
    find(source, block, params, tables, offsets, sequences)
}

/// Positions: the pair `p0`, `p1 = p0 + 1` is searched, the pair `p2`, `p3 = p2 + 1` is `step` further. Each position's candidate is
/// looked up before the position's own index replaces it.
///
/// Bounds: `base` is a virtual address, `base + index` lies in the source for each index from `lowest` on, and indices in the
/// table are of positions searched before. Reads of 8 bytes are at `p3 < limit = end - 8` at most. A repeated offset never exceeds the
/// first position that it is used at (`Repeats`), or is the distance to a match found, and later positions are larger.
fn find_by<const MIN_MATCH: u32>(
    source: &[u8],
    block: Block,
    params: &Params,
    tables: &mut Tables,
    offsets: &mut [u32; 2],
    sequences: &mut Vec<Sequence>,
) -> usize {
    let log = params.hash_log;
    let first_index = tables.base();
    let table = &mut tables.long[..1 << log];
    let start_of_source = source.as_ptr();
    let base = start_of_source.wrapping_sub(first_index as usize);
    let lowest_index = first_index + block.lowest as u32;
    let min_step = params.acceleration.max(1) as usize + 1;
    let index = |at: *const u8| at.addr().wrapping_sub(base.addr()) as u32;
    let end = source[..block.end].as_ptr_range().end;
    let limit = end.wrapping_sub(READ);

    let mut anchor = source[block.start..].as_ptr();
    let mut p0 = anchor.wrapping_add(usize::from(block.start == block.lowest));
    let mut repeats = Repeats::usable(*offsets, p0.addr() - start_of_source.addr(), block.window);

    // SAFETY: see above; `table` has `1 << log` entries, and `hash` gives `log` bits.
    unsafe {
        let lowest = start_of_source.add(block.lowest);
        let table = table.as_mut_ptr();
        let hash_at = |at: *const u8| hash::<MIN_MATCH>(read_8(at), log);
        'matches: loop {
            let mut step = min_step;
            let mut grow_at = p0.wrapping_add(PATIENCE);
            let mut p1 = p0.wrapping_add(1);
            let mut p2 = p0.wrapping_add(step);
            let mut p3 = p2.wrapping_add(1);
            if p3 >= limit {
                break;
            }
            let mut hash_0 = hash_at(p0);
            let mut hash_1 = hash_at(p1);
            let mut candidate = *table.add(hash_0);
            let mut current;

            // Leaves with the start of a match, its earlier occurrence, and whether it is at the latest offset.
            let (mut earlier, mut length) = 'search: {
                loop {
                    let repeated = read_4(p2.sub(repeats.first as usize));
                    current = index(p0);
                    *table.add(hash_0) = current;
                    if read_4(p2) == repeated && repeats.first > 0 {
                        *table.add(hash_1) = index(p1);
                        p0 = p2;
                        let earlier = p0.sub(repeats.first as usize);
                        let back = usize::from(*p0.sub(1) == *earlier.sub(1));
                        p0 = p0.sub(back);
                        let earlier = earlier.sub(back);
                        let length = 4 + back;
                        let length = length + count_equal(p0.add(length), earlier.add(length), end);
                        sequences.push(repeat(p0.offset_from_unsigned(anchor), length));
                        break 'search (core::ptr::null(), length);
                    }
                    if candidate >= lowest_index
                        && read_4(base.wrapping_add(candidate as usize)) == read_4(p0)
                    {
                        *table.add(hash_1) = index(p1);
                        break 'search (base.wrapping_add(candidate as usize), 4);
                    }

                    candidate = *table.add(hash_1);
                    hash_0 = hash_1;
                    hash_1 = hash_at(p2);
                    p0 = p1;
                    p1 = p2;
                    p2 = p3;
                    current = index(p0);
                    *table.add(hash_0) = current;
                    if candidate >= lowest_index
                        && read_4(base.wrapping_add(candidate as usize)) == read_4(p0)
                    {
                        // Further ahead, the search may go on before this position.
                        if step <= 4 {
                            *table.add(hash_1) = index(p1);
                        }
                        break 'search (base.wrapping_add(candidate as usize), 4);
                    }

                    candidate = *table.add(hash_1);
                    hash_0 = hash_1;
                    hash_1 = hash_at(p2);
                    p0 = p1;
                    p1 = p2;
                    p2 = p0.wrapping_add(step);
                    p3 = p1.wrapping_add(step);
                    if p2 >= grow_at {
                        step += 1;
                        grow_at = grow_at.wrapping_add(PATIENCE);
                    }
                    if p3 >= limit {
                        break 'matches;
                    }
                }
            };

            if !earlier.is_null() {
                let offset = p0.offset_from_unsigned(earlier) as u32;
                repeats.second = repeats.first;
                repeats.first = offset;
                while p0 > anchor && earlier > lowest && *p0.sub(1) == *earlier.sub(1) {
                    p0 = p0.sub(1);
                    earlier = earlier.sub(1);
                    length += 1;
                }
                length += count_equal(p0.add(length), earlier.add(length), end);
                sequences.push(sequence(p0.offset_from_unsigned(anchor), offset, length));
            }
            p0 = p0.add(length);
            anchor = p0;

            if p0 <= limit {
                let inside = base.wrapping_add(current as usize + 2);
                *table.add(hash_at(inside)) = current + 2;
                *table.add(hash_at(p0.sub(2))) = index(p0.sub(2));
                while repeats.second > 0
                    && p0 <= limit
                    && read_4(p0) == read_4(p0.sub(repeats.second as usize))
                {
                    let length =
                        4 + count_equal(p0.add(4), p0.add(4).sub(repeats.second as usize), end);
                    (repeats.first, repeats.second) = (repeats.second, repeats.first);
                    *table.add(hash_at(p0)) = index(p0);
                    sequences.push(repeat(0, length));
                    p0 = p0.add(length);
                    anchor = p0;
                }
            }
        }
        *offsets = repeats.finish();
        anchor.offset_from_unsigned(start_of_source)
    }
}
