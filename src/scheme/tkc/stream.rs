//! The byte format of `tkc`: a short header, then one range-coded stream of the side information and the codes.

use super::code_model::CodeModel;
use super::front::{self, Klt, MAX_EXPONENT, Side, Steps};
use super::klt::{self, Basis, MAX_CODE, StoredBasis};
use super::range_coder::{Coder, Decoder};
use super::rope::{Pairs, Rope};
use crate::scheme::codec::{About, Corrupt};
use crate::tensor::{Element, Shape, Tensor, with_element};
use std::ops::Range;

/// Everything that is stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Content {
    pub step: f64,
    pub steps: Steps,
    pub klt: Klt,
    pub side: Side,
    /// Tokens that are stored raw, in ascending order, with their bytes.
    pub raw: Vec<(usize, Vec<u8>)>,
    /// Codes, `[tokens, channels]`; zeros for raw tokens.
    pub codes: Vec<i32>,
}

/// Largest number of values for each stored byte; codes that are all zero take a byte for about 5,000.
const MAX_VALUES_PER_BYTE: usize = 1 << 16;

/// Bits of the first byte of the header.
mod flag {
    pub const ROPE: u8 = 1;
    pub const INTERLEAVED: u8 = 2;
    pub const TOKEN_NORM: u8 = 4;
    pub const MEAN: u8 = 8;
    pub const PER_HEAD: u8 = 16;
    pub const ACROSS_HEADS: u8 = 32;
    pub const RAW_TOKENS: u8 = 64;
}

/// Writes the header.
pub(super) fn header(content: &Content) -> Vec<u8> {
    let flags = [
        (flag::ROPE, content.steps.rope.is_some()),
        (
            flag::INTERLEAVED,
            (content.steps.rope).is_some_and(|rope| rope.pairs == Pairs::Interleaved),
        ),
        (flag::TOKEN_NORM, content.steps.token_norm),
        (flag::MEAN, content.steps.mean),
        (flag::PER_HEAD, content.klt == Klt::PerHead),
        (flag::ACROSS_HEADS, content.klt == Klt::AcrossHeads),
        (flag::RAW_TOKENS, !content.raw.is_empty()),
    ];
    let flags = flags.iter().filter(|(_, set)| *set);
    let mut out = vec![flags.fold(0, |all, (flag, _)| all | flag)];
    out.extend(content.step.to_le_bytes());
    if let Some(rope) = content.steps.rope {
        out.extend(rope.theta.to_le_bytes());
    }
    out
}

/// Codes `content` or, with a decoder, fills it in; the header, the shape and the number of raw tokens are known then.
pub(super) fn code(coder: &mut impl Coder, content: &mut Content, shape: Shape, element: usize) {
    let channels = shape.token_elements();
    raw_tokens(coder, &mut content.raw, shape.seq_len, channels * element);
    let mut model = CodeModel::new(1);
    let mut expected = 0;
    for exponent in &mut content.side.exponents {
        let mut code = [*exponent - expected / 8];
        model.token(coder, &mut code);
        *exponent = (code[0] + expected / 8).clamp(-MAX_EXPONENT, MAX_EXPONENT);
        expected += *exponent - expected / 8;
    }
    for mean in &mut content.side.means {
        *mean = coder.plain((*mean).into(), 16) as u16;
    }
    let mut coded = Vec::new();
    for (part, basis) in content.side.bases.iter_mut().enumerate() {
        vectors(coder, basis);
        let first = part * basis.size;
        coded.extend(first..first + basis.vectors.len());
    }
    if content.side.bases.is_empty() {
        coded.extend(0..channels);
    }
    let mut model = CodeModel::new(coded.len());
    let mut some = vec![0; coded.len()];
    let mut raw = content.raw.iter().map(|(token, _)| *token).peekable();
    for (token, codes) in content.codes.chunks_exact_mut(channels).enumerate() {
        if raw.next_if_eq(&token).is_some() {
            continue;
        }
        if coded.len() == channels {
            model.token(coder, codes);
            continue;
        }
        for (some, &place) in some.iter_mut().zip(&coded) {
            *some = codes[place];
        }
        model.token(coder, &mut some);
        for (some, &place) in some.iter().zip(&coded) {
            codes[place] = *some;
        }
    }
}

/// The number of vectors and their integers, which are coded like values of a single channel: they have little in common except their
/// spread.
fn vectors(coder: &mut impl Coder, basis: &mut StoredBasis) {
    let count = coder.plain(basis.vectors.len() as u32, 24) as usize;
    basis
        .vectors
        .resize_with(count.min(basis.size), Default::default);
    let mut model = CodeModel::new(1);
    for (place, vector) in basis.vectors.iter_mut().enumerate() {
        vector.resize(basis.size - place, 0);
        for code in vector {
            let mut wide = [*code];
            model.token(coder, &mut wide);
            *code = wide[0].clamp(-MAX_CODE, MAX_CODE);
        }
    }
}

/// Tokens that are stored raw: their number, their indices and their bytes.
fn raw_tokens(
    coder: &mut impl Coder,
    raw: &mut Vec<(usize, Vec<u8>)>,
    tokens: usize,
    token_bytes: usize,
) {
    // A decoder passes one empty entry if the header states that there are any.
    if raw.is_empty() {
        return;
    }
    let number = |coder: &mut dyn FnMut(u32, u32) -> u32, value: usize| {
        let high = coder((value >> 16) as u32 & 0xffff, 16) as usize;
        high << 16 | coder(value as u32 & 0xffff, 16) as usize
    };
    let mut plain = |value, count| coder.plain(value, count);
    let count = number(&mut plain, raw.len()).clamp(1, tokens);
    raw.resize_with(count.min(raw.len()), Default::default);
    for index in 0..count {
        if index == raw.len() {
            raw.push((0, Vec::new()));
        }
        let (token, bytes) = &mut raw[index];
        *token = number(&mut plain, *token);
        if bytes.is_empty() {
            *bytes = vec![0; token_bytes];
        }
        for byte in bytes {
            *byte = plain((*byte).into(), 8) as u8;
        }
    }
}

/// Decodes a tensor.
pub(super) fn decode(bytes: &[u8], about: &About) -> Result<Tensor, Corrupt> {
    let shape = about.shape;
    let content = |text: &str| Corrupt::Content(text.to_owned());
    let values = shape
        .elements()
        .ok_or_else(|| content("a shape too large"))?;
    if values / MAX_VALUES_PER_BYTE > bytes.len() {
        return Err(content("fewer bytes than its values can take"));
    }
    let mut rest = bytes;
    let flags = *rest.split_off_first().ok_or_else(|| content("no byte"))?;
    let mut number = || {
        let bytes = rest.split_off(..8).and_then(|bytes| bytes.first_chunk());
        let number = f64::from_le_bytes(*bytes.ok_or_else(|| content("a short header"))?);
        let usable = number.is_finite() && (1e-9..=1e15).contains(&number);
        usable
            .then_some(number)
            .ok_or_else(|| content("a step or theta out of range"))
    };
    let has = |flag: u8| flags & flag != 0;
    let step = number()?;
    let pairs = match has(flag::INTERLEAVED) {
        true => Pairs::Interleaved,
        false => Pairs::HalfSplit,
    };
    let theta = has(flag::ROPE).then(&mut number).transpose()?;
    let steps = Steps {
        rope: theta.map(|theta| Rope { theta, pairs }),
        token_norm: has(flag::TOKEN_NORM),
        mean: has(flag::MEAN),
    };
    let klt = match (has(flag::PER_HEAD), has(flag::ACROSS_HEADS)) {
        (false, false) => Klt::None,
        (true, false) => Klt::PerHead,
        (false, true) => Klt::AcrossHeads,
        _ => return Err(content("two bases")),
    };
    let (tokens, channels) = (shape.seq_len, shape.token_elements());
    let bases = match klt.part(shape) {
        None => 0..0,
        Some(part) => 0..channels / part.max(1),
    };
    let size = channels / bases.len().max(1);
    // A basis is stored only where it is small compared to the values; each of its integers takes part of a byte.
    if !bases.is_empty() && size.saturating_mul(channels) / MAX_VALUES_PER_BYTE > bytes.len() {
        return Err(content("fewer bytes than its basis can take"));
    }
    if !bases.is_empty() && !klt::is_reasonable(size, channels, values) {
        return Err(content("a basis that is larger than the values"));
    }
    let zero = |count: bool, len: usize| if count { len } else { 0 };
    let mut content_read = Content {
        step,
        steps,
        klt,
        side: Side {
            exponents: vec![0; zero(steps.token_norm, tokens)],
            means: vec![0; zero(steps.mean, channels)],
            bases: bases.map(|_| StoredBasis::unread(size)).collect(),
        },
        raw: vec![Default::default(); usize::from(has(flag::RAW_TOKENS))],
        codes: vec![0; values],
    };
    let mut decoder = Decoder::new(rest);
    code(&mut decoder, &mut content_read, shape, about.dtype.size());
    if !decoder.finish() {
        return Err(content("its bytes end too early or too late"));
    }
    let bases: Vec<Basis> = content_read
        .side
        .bases
        .iter()
        .map(StoredBasis::orthonormal)
        .collect();
    let bytes = tensor_bytes(&content_read, &bases, about);
    Tensor::new(about.dtype, shape, bytes).map_err(|error| Corrupt::Content(error.to_string()))
}

/// The tensor's bytes; `bases` are those of `content` in usable form.
fn tensor_bytes(content: &Content, bases: &[Basis], about: &About) -> Vec<u8> {
    let size = about.dtype.size();
    let mut bytes = vec![0; content.codes.len() * size];
    back(content, bases, about, &mut |range, values| {
        let out = &mut bytes[range.start * size..range.end * size];
        with_element!(about.dtype, E => front::put::<E>(values, out));
    });
    let token_bytes = about.shape.token_elements() * size;
    for (token, raw) in &content.raw {
        if let Some(place) = bytes.chunks_exact_mut(token_bytes.max(1)).nth(*token) {
            place.copy_from_slice(raw);
        }
    }
    bytes
}

/// Writes the tensor's values to `out`, rounded to its element type; `bases` are those of `content` in usable form.
pub(super) fn tensor_values(content: &Content, bases: &[Basis], about: &About, out: &mut [f32]) {
    with_element!(about.dtype, E => {
        back(content, bases, about, &mut |range, values| {
            front::to_elements::<E>(values, &mut out[range]);
        });
        let channels = about.shape.token_elements();
        for (token, raw) in &content.raw {
            if let Some(place) = out.chunks_exact_mut(channels.max(1)).nth(*token) {
                for (value, raw) in place.iter_mut().zip(raw.chunks_exact(E::SIZE)) {
                    *value = E::get(raw);
                }
            }
        }
    });
}

fn back(
    content: &Content,
    bases: &[Basis],
    about: &About,
    take: &mut dyn FnMut(Range<usize>, &[f64]),
) {
    front::back(
        &content.codes,
        content.step,
        &content.side,
        bases,
        content.steps,
        (about.shape, about.position),
        take,
    );
}
