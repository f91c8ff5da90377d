//! llama.cpp's state files: `llama_state_seq_save_file`, the server's slot files (magic `ggsq`) and whole sessions
//! (`ggsn`), as `src/llama-context.cpp` and `src/llama-kv-cache.cpp` write them. Little-endian, without padding: magic,
//! version, tokens; then the cache: cells, then for each layer the type and the row size of K, and the rows; then V
//! likewise, or transposed. Neither the number of heads nor the layer number is stored. What lies between tokens and
//! cells differs by version and model: the reading that ends exactly at the end of the file is right.

use std::sync::Arc;

use super::ggml_type::GgmlType;

/// `ggsq` and `ggsn` as the little-endian words that they are.
pub(super) const MAGICS: &[&[u8]] = &[b"qsgg", b"nsgg"];

/// No model has more layers than this.
const MAX_LAYERS: u32 = 4096;

/// Random access to the file, most often forward.
pub(super) trait Cursor {
    /// Fills `out` with the bytes at `offset`, or fails if the file ends before.
    fn read(&mut self, offset: u64, out: &mut [u8]) -> Result<(), String>;
    fn len(&self) -> u64;
}

/// K or V of one layer: `cells` rows, one per token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    pub kind: GgmlType,
    pub offset: u64,
    /// Values per row: all heads of one token.
    pub values: u64,
    /// Whether it is stored as `[values, cells]`.
    pub transposed: bool,
}

/// K and V of one layer. Models with latent attention (MLA) have no V.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layer {
    pub k: Rows,
    pub v: Option<Rows>,
}

/// The cache of one stream: a sequence of tokens, in cell order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cells {
    /// Number of tokens.
    pub count: u64,
    /// Range of token positions, if it has no gaps.
    pub span: Option<(u64, u64)>,
    /// The cells in token order, if they are stored in another: the cells of a sliding window are reused.
    pub order: Option<Arc<[u32]>>,
    pub layers: Vec<Layer>,
}

/// Content of a state file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub cells: Vec<Cells>,
    /// Number of bytes after the parts that were understood: the state of layers that keep no K and V.
    pub rest: u64,
}

/// How the parts before the rows are written.
#[derive(Clone, Copy, Debug)]
struct Form {
    /// Whether outputs and logits precede the cache (sessions up to version 9).
    outputs: bool,
    /// Whether the number of streams precedes the cells.
    streams: bool,
    /// Bytes of additional positions per cell.
    extra: u64,
}

/// Locates the rows in a file.
///
/// # Errors
/// When no known form fits; the error is the one of the most common form.
pub(super) fn read(cursor: &mut dyn Cursor) -> Result<State, String> {
    let mut first_error = None;
    let mut partial: Option<State> = None;
    for outputs in [false, true] {
        for streams in [true, false] {
            for extra in [0, 8, 12] {
                match read_as(
                    cursor,
                    Form {
                        outputs,
                        streams,
                        extra,
                    },
                ) {
                    Ok(state) if state.rest == 0 => return Ok(state),
                    Ok(state) => {
                        let better = partial.as_ref().is_none_or(|other| state.rest < other.rest);
                        partial = if better { Some(state) } else { partial };
                    }
                    Err(error) => drop(first_error.get_or_insert(error)),
                }
            }
        }
    }
    partial.ok_or_else(|| first_error.unwrap_or_default())
}

fn read_as(cursor: &mut dyn Cursor, form: Form) -> Result<State, String> {
    let mut at = Position { cursor, at: 0 };
    let session = at.u32()? == u32::from_le_bytes(*b"nsgg");
    let _version = at.u32()?;
    let tokens = at.u32()?;
    at.skip(u64::from(tokens), 4)?;
    if session {
        let name = at.u32()?;
        at.skip(u64::from(name), 1)?;
        if form.outputs {
            let outputs = at.u32()?;
            at.skip(u64::from(outputs), 4)?;
            for _ in 0..2 {
                let floats = at.u64()?;
                at.skip(floats, 4)?;
            }
        }
    } else if form.outputs {
        return Err("a sequence's file has no outputs".to_owned());
    }
    let end = at.cursor.len();
    let mut cells = Vec::new();
    // A model with two kinds of layers (a sliding window beside full attention) writes one cache after the other.
    while at.at < end {
        let before = at.at;
        match section(&mut at, form) {
            Ok(found) => cells.extend(found),
            Err(error) if cells.is_empty() => return Err(error),
            Err(_) => {
                return Ok(State {
                    cells,
                    rest: end - before,
                });
            }
        }
    }
    if cells.is_empty() {
        return Err("it holds no token".to_owned());
    }
    Ok(State { cells, rest: 0 })
}

fn section(at: &mut Position<'_>, form: Form) -> Result<Vec<Cells>, String> {
    let streams = if form.streams { at.u32()? } else { 1 };
    if streams == 0 || streams > MAX_LAYERS {
        return Err(format!("streams: found {streams}, expected a few"));
    }
    let mut all = Vec::new();
    for _ in 0..streams {
        let count = at.u32()?;
        if count > 0 {
            all.push(cells(at, form, count)?);
        }
    }
    Ok(all)
}

fn cells(at: &mut Position<'_>, form: Form, count: u32) -> Result<Cells, String> {
    if u64::from(count) * 8 > at.cursor.len() {
        return Err(format!(
            "cells: found {count}, expected fewer than the file has bytes for"
        ));
    }
    let mut positions = Vec::new();
    for _ in 0..count {
        positions.push(at.u32()? as i32);
        let sequences = at.u32()?;
        at.skip(form.extra, 1)?;
        at.skip(u64::from(sequences), 4)?;
    }
    let order = by_position(&positions);
    let span = span(&positions, order.as_deref());
    let transposed = at.u32()?;
    let layers = at.u32()?;
    if transposed > 1 || layers == 0 || layers > MAX_LAYERS {
        return Err(format!(
            "layers: found {layers}, expected 1 to {MAX_LAYERS}"
        ));
    }
    let count = u64::from(count);
    let mut found = Vec::new();
    for _ in 0..layers {
        let k = rows(at, count)?;
        found.push(Layer { k, v: None });
    }
    // Nothing marks layers without V: either all layers have one, or none.
    let here = at.at;
    let with_v: Result<Vec<Rows>, String> = found
        .iter()
        .map(|_| {
            if transposed == 1 {
                columns(at, count)
            } else {
                rows(at, count)
            }
        })
        .collect();
    match with_v {
        Ok(all) => found
            .iter_mut()
            .zip(all)
            .for_each(|(layer, v)| layer.v = Some(v)),
        Err(_) if here == at.cursor.len() => at.at = here,
        Err(error) => return Err(error),
    }
    Ok(Cells {
        count,
        span,
        order,
        layers: found,
    })
}

/// The cells sorted by position. `None` if they are sorted already, or if positions are no order: tokens of several sequences, or of an image,
/// share them.
fn by_position(positions: &[i32]) -> Option<Arc<[u32]>> {
    if positions.is_sorted() {
        return None;
    }
    let mut order: Vec<u32> = (0..positions.len() as u32).collect();
    let position = |&cell: &u32| positions[cell as usize];
    order.sort_by_key(position);
    let is_one = order
        .windows(2)
        .all(|pair| position(&pair[0]) < position(&pair[1]));
    is_one.then(|| order.into())
}

/// Range of the positions, if they follow each other in this order.
fn span(positions: &[i32], order: Option<&[u32]>) -> Option<(u64, u64)> {
    let at = |place: usize| match order {
        Some(order) => positions[order[place] as usize],
        None => positions[place],
    };
    let start = u64::try_from(at(0)).ok()?;
    let follows = |place: usize| u64::try_from(at(place)) == Ok(start + place as u64);
    let is_whole = (0..positions.len()).all(follows);
    is_whole.then_some((start, start + positions.len() as u64))
}

fn kind(at: &mut Position<'_>) -> Result<GgmlType, String> {
    let number = at.u32()?;
    GgmlType::from_number(number).ok_or_else(|| {
        format!("ggml type: found {number}, expected one that llama.cpp keeps K and V in")
    })
}

/// Reads the type and row size, then locates the rows.
fn rows(at: &mut Position<'_>, count: u64) -> Result<Rows, String> {
    let kind = kind(at)?;
    let row = at.u64()?;
    let (values, bytes) = kind.block();
    if row == 0 || row % bytes as u64 != 0 {
        return Err(format!(
            "bytes of a row: found {row}, expected a multiple of {bytes} for {}",
            kind.name()
        ));
    }
    let offset = at.at;
    at.skip(count, row)?;
    Ok(Rows {
        kind,
        offset,
        values: row / bytes as u64 * values as u64,
        transposed: false,
    })
}

/// Reads the type, element size and values per token, then locates the columns: for each value, that of all tokens.
fn columns(at: &mut Position<'_>, count: u64) -> Result<Rows, String> {
    let kind = kind(at)?;
    let (element, values) = (at.u32()?, at.u32()?);
    if kind.is_quantized() || element as usize != kind.block().1 || values == 0 {
        return Err(format!(
            "bytes of an element: found {element}, expected those of {}",
            kind.name()
        ));
    }
    let offset = at.at;
    let bytes = count.checked_mul(u64::from(element)).ok_or_else(ends)?;
    at.skip(u64::from(values), bytes)?;
    Ok(Rows {
        kind,
        offset,
        values: u64::from(values),
        transposed: true,
    })
}

fn ends() -> String {
    "it ends before the rows that it declares".to_owned()
}

/// Sequential reading of the fields in a state file.
struct Position<'a> {
    cursor: &'a mut dyn Cursor,
    at: u64,
}

impl Position<'_> {
    fn u32(&mut self) -> Result<u32, String> {
        let mut bytes = [0; 4];
        self.cursor.read(self.at, &mut bytes)?;
        self.at += 4;
        Ok(u32::from_le_bytes(bytes))
    }

    fn u64(&mut self) -> Result<u64, String> {
        let (low, high) = (self.u32()?, self.u32()?);
        Ok(u64::from(low) | u64::from(high) << 32)
    }

    fn skip(&mut self, count: u64, size: u64) -> Result<(), String> {
        let end = count
            .checked_mul(size)
            .and_then(|len| self.at.checked_add(len));
        self.at = end
            .filter(|&end| end <= self.cursor.len())
            .ok_or_else(ends)?;
        Ok(())
    }
}
