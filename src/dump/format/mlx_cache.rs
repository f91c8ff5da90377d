//! Prompt caches of mlx-lm (`mlx_lm/models/cache.py`, `save_prompt_cache`): safetensors whose metadata is a flattened
//! tree with the class of each layer's cache. K and V of layer 3 are `3.0` and `3.1`, `[batch, heads, tokens, dim]`.
//! Their buffers are longer than what was written; a scalar beside them (in older files a text in the metadata) says
//! how many tokens are valid.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::sync::Arc;

use super::findings::Findings;
use crate::dump::archive::ListedFile;
use crate::dump::arrays::NamePattern;
use crate::dump::arrays::array::{Array, ArrayGroup, Element, Hints, c_strides, shape_text};
use crate::dump::bytes::place::{Decode, decoded_by};
use crate::dump::bytes::resume::Resume;
use crate::dump::bytes::source::{SourceError, reserve};
use crate::dump::bytes::stream::Span;
use crate::dump::problem::{Fault, Problem, shorten};
use crate::tensor::{Dtype, Shape, Tensor, bf16_to_f32, f16_to_f32, f32_to_bf16, f32_to_f16};

/// Kind of a layer's cache, by its Python class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Tokens from the start; the offset says how many.
    Growing,
    /// Tokens from the start, counted from some position on.
    Chunked,
    /// A ring buffer after some initial tokens that are kept.
    Rotating,
    Quantized,
}

impl Class {
    /// The kind for a class name; `None` if its caches hold no separable K and V.
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "KVCache" | "ConcatenateKVCache" | "BatchKVCache" => Self::Growing,
            "ChunkedKVCache" => Self::Chunked,
            "RotatingKVCache" | "BatchRotatingKVCache" => Self::Rotating,
            "QuantizedKVCache" => Self::Quantized,
            _ => return None,
        })
    }
}

/// Arrays of K and V made from a file.
#[derive(Debug, Default)]
struct Understood {
    /// K and V, named `{layer}.0` and `{layer}.1`.
    pub arrays: Vec<Array>,
    /// Remarks on the file.
    pub notes: Vec<String>,
    /// Layers that can't be read, by name.
    pub faults: Vec<(String, Fault)>,
}

/// Parsed metadata of a prompt cache.
pub(super) struct Metadata<'a> {
    /// Class name by layer.
    classes: Vec<(usize, &'a str)>,
    all: &'a HashMap<String, String>,
    /// Whether it has the form since 0.31 (metadata, classes, scalars) instead of the older one (state, metadata,
    /// classes).
    has_scalars: bool,
}

impl<'a> Metadata<'a> {
    /// Parses the metadata; `None` if it is not that of a prompt cache.
    pub fn of(all: &'a HashMap<String, String>) -> Option<Self> {
        let classes = |list: &str| -> Vec<(usize, &'a str)> {
            let mut found: Vec<(usize, &str)> = all
                .iter()
                .filter_map(|(key, class)| {
                    Some((key.strip_prefix(list)?.parse().ok()?, class.as_str()))
                })
                .collect();
            found.sort_unstable();
            found
        };
        let is_class = |class: &str| class.ends_with("Cache") || class == "CacheList";
        [("1.", true), ("2.", false)]
            .into_iter()
            .find_map(|(list, has_scalars)| {
                let classes = classes(list);
                let fits = !classes.is_empty() && classes.iter().all(|(_, class)| is_class(class));
                fits.then_some(Self {
                    classes,
                    all,
                    has_scalars,
                })
            })
    }

    /// Element `at` of the state of `layer`, which older files keep in the metadata.
    fn old_state(&self, layer: usize, at: usize) -> Option<u64> {
        self.all.get(&format!("0.{layer}.{at}"))?.parse().ok()
    }
}

impl Metadata<'_> {
    /// Group size and bits of a quantized layer.
    fn quantization(
        &self,
        arrays: &BTreeMap<String, Array>,
        layer: usize,
    ) -> Result<Option<(u64, u64)>, Fault> {
        let number = |at: usize| scalar(arrays, &format!("{layer}.{at}"));
        let (group, bits) = if self.has_scalars {
            (number(3)?, number(4)?)
        } else {
            (self.old_state(layer, 1), self.old_state(layer, 2))
        };
        Ok(group.zip(bits))
    }
}

/// K and V of the prompt cache `file`; adds its notes and problems to the findings.
pub(super) fn group(
    file: &ListedFile,
    mut arrays: Vec<Array>,
    metadata: &Metadata<'_>,
    findings: &mut Findings,
) -> ArrayGroup {
    take_out_small(&mut arrays, &mut findings.resume);
    let understood = understand(arrays, metadata);
    for text in understood.notes {
        findings.note(&file.path, text);
    }
    for (name, fault) in understood.faults {
        findings.problem(Problem::new(format!("{}/{name}", file.path), fault));
    }
    let hints = Hints {
        tensor_names: NamePattern::parse("{layer}.{kv:0|1}").ok(),
        transformers: true,
        ..Hints::default()
    };
    ArrayGroup {
        path: file.path.clone(),
        arrays: understood.arrays,
        hints,
    }
}

/// Length in bytes of the longest text that is stored as numbers.
const MAX_TEXT: u64 = 256;

/// Reads the scalars and texts of a file in a packed archive ahead, in the order in which they are stored: read one by one on demand, each
/// would unpack the archive from its start. One that can't be read is left in place; reading it on demand then reports the error.
fn take_out_small(arrays: &mut [Array], resume: &mut Resume) {
    let is_small = |array: &&mut Array| {
        let is_known = matches!(array.element, Element::Known(_));
        !is_known && array.span.len() <= MAX_TEXT && !array.span.stream().is_plain()
    };
    let mut small: Vec<&mut Array> = arrays.iter_mut().filter(is_small).collect();
    small.sort_by_key(|array| array.span.offset());
    for array in small {
        let mut bytes = Vec::new();
        let read = resume
            .open(&array.span, 0, MAX_TEXT)
            .map(|mut reader| reader.read_to_end(&mut bytes));
        if matches!(read, Ok(Ok(_))) && bytes.len() as u64 == array.span.len() {
            array.span = Span::of_bytes(&array.file, bytes);
        }
    }
}

/// Makes K and V from the arrays of a prompt cache.
fn understand(arrays: Vec<Array>, metadata: &Metadata<'_>) -> Understood {
    let mut by_name: BTreeMap<String, Array> = arrays
        .into_iter()
        .map(|array| (array.name.clone(), array))
        .collect();
    let mut understood = Understood::default();
    let mut other: Vec<(usize, &str)> = Vec::new();
    let mut quantized: Vec<(u64, u64)> = Vec::new();
    let mut cut_lists: Vec<usize> = Vec::new();
    for &(layer, written) in &metadata.classes {
        let in_list = (written == "CacheList").then(|| open_list(&mut by_name, layer));
        if matches!(in_list, Some(Opened { more: true, .. })) {
            cut_lists.push(layer);
        }
        let listed = in_list.and_then(|list| list.class);
        let name = listed.as_deref().unwrap_or(written);
        let Some(class) = Class::of(name) else {
            other.push((layer, written));
            continue;
        };
        let mut read = || -> Result<(), Fault> {
            let tokens = Tokens::of(&by_name, metadata, layer, class, name)?;
            let told = metadata.quantization(&by_name, layer)?;
            for kv in ["0", "1"] {
                let name = format!("{layer}.{kv}");
                let missing = || Fault::field("tensors", "no such tensor", "K and V of the layer");
                let mut array = if class == Class::Quantized {
                    let mut part = |part: &str| {
                        by_name
                            .remove(&format!("{name}.{part}"))
                            .ok_or_else(missing)
                    };
                    let (array, bits, group) =
                        affine(name.clone(), part("0")?, part("1")?, part("2")?, told)?;
                    if !quantized.contains(&(bits, group)) {
                        quantized.push((bits, group));
                    }
                    array
                } else {
                    by_name.remove(&name).ok_or_else(missing)?
                };
                tokens.cut(&mut array)?;
                understood.arrays.push(array);
            }
            Ok(())
        };
        if let Err(fault) = read() {
            understood
                .faults
                .push((format!("layer {layer} ({})", shorten(name)), fault));
        }
    }
    for (bits, group) in quantized {
        understood.notes.push(format!(
            "already quantized by mlx to {bits} bits in groups of {group}: what is measured are the values after dequantizing, which the file stores in {} bits each",
            bits as f64 + 32.0 / group as f64
        ));
    }
    if let [first, others @ ..] = cut_lists.as_slice() {
        understood.notes.push(format!(
            "layer {first}{}: of a list of caches the first that holds K and V is read, the others are left out",
            and_more(others.len())
        ));
    }
    understood.notes.extend(other_classes(&other));
    understood
}

fn and_more(count: usize) -> String {
    match count {
        0 => String::new(),
        count => format!(" and {count} more"),
    }
}

/// Result of opening one layer's list of caches.
struct Opened {
    /// Class name of the first cache that holds K and V.
    class: Option<String>,
    /// Whether further caches hold K and V too.
    more: bool,
}

/// Renames the first cache with K and V in a `CacheList` (`3.1.0.0`, with its class as letters in `3.1.1`) as if it
/// were the layer's only one (`3.0`).
fn open_list(arrays: &mut BTreeMap<String, Array>, layer: usize) -> Opened {
    let mut opened = Opened {
        class: None,
        more: false,
    };
    for at in 0.. {
        let Some(letters) = arrays.get(&format!("{layer}.{at}.1")) else {
            break;
        };
        let Some(class) = text(letters).filter(|class| Class::of(class).is_some()) else {
            continue;
        };
        if opened.class.is_some() {
            opened.more = true;
            break;
        }
        opened.class = Some(class);
        let old = format!("{layer}.{at}.0.");
        let below = arrays.range(old.clone()..).map(|(name, _)| name);
        let below = below.take_while(|name| name.starts_with(&old));
        let names: Vec<String> = below.cloned().collect();
        for name in names {
            if let Some(mut array) = arrays.remove(&name) {
                array.name = format!("{layer}.{}", &name[old.len()..]);
                arrays.insert(array.name.clone(), array);
            }
        }
    }
    opened
}

/// A short text that is stored as one number per letter.
fn text(letters: &Array) -> Option<String> {
    let is_short =
        letters.element == Element::Other("I32".to_owned()) && letters.span.len() <= MAX_TEXT;
    let fetch = || {
        letters
            .span
            .fetch()
            .and_then(|bytes| bytes.unpack(&letters.span))
            .ok()
    };
    let bytes = is_short.then(fetch).flatten()?;
    let letters = bytes.chunks_exact(4).map(|word| char::from(word[0]));
    Some(letters.collect())
}

/// Layers whose class has no separable K and V, as text for a message.
fn other_classes(layers: &[(usize, &str)]) -> Option<String> {
    let (first, name) = layers.first()?;
    let more = and_more(layers.len() - 1);
    Some(format!(
        "layer {first}{more}: {} holds no K and V (as in linear attention); left out",
        shorten(name)
    ))
}

/// Which tokens of a buffer are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tokens {
    All,
    First(u64),
    /// All; the oldest is at `index`, after the first `keep`, which stay in place.
    Ring {
        keep: u64,
        index: u64,
    },
}

impl Tokens {
    fn of(
        arrays: &BTreeMap<String, Array>,
        metadata: &Metadata<'_>,
        layer: usize,
        class: Class,
        name: &str,
    ) -> Result<Self, Fault> {
        let number = |at: usize| scalar(arrays, &format!("{layer}.{at}"));
        let length = arrays
            .get(&format!("{layer}.0"))
            .or_else(|| arrays.get(&format!("{layer}.0.0")));
        let length = length
            .and_then(|array| array.shape.get(2))
            .copied()
            .unwrap_or(0);
        let real = match (class, metadata.has_scalars) {
            (Class::Growing, true) if name == "BatchKVCache" => number(4)?,
            (Class::Growing | Class::Quantized, true) => number(2)?,
            (Class::Growing, false) => None,
            (Class::Quantized, false) => metadata.old_state(layer, 0),
            (Class::Chunked, true) => match (number(2)?, number(4)?) {
                (Some(end), Some(start)) => Some(end.saturating_sub(start)),
                _ => None,
            },
            (Class::Chunked, false) => None,
            (Class::Rotating, has_scalars) => {
                let batch = name == "BatchRotatingKVCache";
                let (offset, keep, index) = match (has_scalars, batch) {
                    (true, false) => (number(2)?, number(3)?, number(5)?),
                    (true, true) => (number(5)?, Some(0), number(6)?),
                    (false, _) => (
                        metadata.old_state(layer, 2),
                        metadata.old_state(layer, 0),
                        metadata.old_state(layer, 3),
                    ),
                };
                let (Some(offset), Some(keep), Some(index)) = (offset, keep, index) else {
                    return Ok(Self::All);
                };
                if index >= length {
                    None
                } else if index < offset && index >= keep {
                    return Ok(Self::Ring { keep, index });
                } else {
                    Some(index)
                }
            }
        };
        match real {
            None => Ok(Self::All),
            Some(real) if real == length => Ok(Self::All),
            Some(real) if real < length => Ok(Self::First(real)),
            Some(real) => Err(Fault::field(
                "offset",
                format!("{real} tokens"),
                format!("at most the {length} of the buffer"),
            )),
        }
    }

    /// Restricts an array `[batch, heads, tokens, dim]` to its valid tokens, in order.
    fn cut(self, array: &mut Array) -> Result<(), Fault> {
        let &[_, _, length, _] = array.shape.as_slice() else {
            return Err(Fault::field(
                "shape",
                shape_text(&array.shape),
                "batch, heads, tokens, dim",
            ));
        };
        match self {
            Self::All => {}
            // The strides remain those of the whole buffer.
            Self::First(real) => array.shape[2] = real.min(length),
            Self::Ring { keep, index } => {
                let size = array.element.size().unwrap_or(1);
                array.decode = Some(Arc::new(Ring {
                    inner: array.decode.take(),
                    rows: length,
                    row: array.shape[3].saturating_mul(size),
                    keep,
                    index,
                }));
            }
        }
        Ok(())
    }
}

/// Value of the scalar `name`.
fn scalar(arrays: &BTreeMap<String, Array>, name: &str) -> Result<Option<u64>, Fault> {
    let Some(array) = arrays.get(name) else {
        return Ok(None);
    };
    let Element::Other(kind) = &array.element else {
        return Ok(None);
    };
    if !matches!(kind.as_str(), "I32" | "I64" | "U32" | "U64") || array.span.len() > 8 {
        return Ok(None);
    }
    let bytes = array
        .span
        .fetch()
        .and_then(|bytes| bytes.unpack(&array.span))?;
    let mut wide = [0; 8];
    wide.get_mut(..bytes.len())
        .unwrap_or_default()
        .copy_from_slice(&bytes);
    Ok(Some(u64::from_le_bytes(wide)))
}

/// An array made of codes in 32-bit words and a scale and a bias per group of values, as `mx.quantize` makes them.
///
/// `told` has group size and bits if scalars beside the codes give them; otherwise the shapes leave few choices.
fn affine(
    name: String,
    codes: Array,
    scales: Array,
    biases: Array,
    told: Option<(u64, u64)>,
) -> Result<(Array, u64, u64), Fault> {
    let wrong = |array: &Array, expected: &str| {
        Fault::field(
            "shape",
            format!("{} {}", array.element.name(), shape_text(&array.shape)),
            expected,
        )
    };
    let Element::Known(dtype @ (Dtype::F16 | Dtype::Bf16 | Dtype::F32)) = scales.element else {
        return Err(wrong(&scales, "scales of fp16, bf16 or fp32"));
    };
    if codes.element != Element::Other("U32".to_owned()) || codes.shape.len() != 4 {
        return Err(wrong(&codes, "U32 with 4 axes"));
    }
    let (words, rows) = (codes.shape[3], &codes.shape[..3]);
    let Some((&groups, _)) = scales.shape.split_last().filter(|(_, of)| *of == rows) else {
        return Err(wrong(&scales, "that of the codes except for the last axis"));
    };
    if biases.shape != scales.shape || biases.element != scales.element {
        return Err(wrong(&biases, "that of the scales"));
    }
    let fits = |&(group, bits): &(u64, u64)| {
        let stored = words.checked_mul(32);
        matches!(bits, 2 | 3 | 4 | 5 | 6 | 8)
            && group > 0
            && stored
                == groups
                    .checked_mul(group)
                    .and_then(|values| values.checked_mul(bits))
    };
    // Of those that fit, mlx's default group size comes first.
    let usual = [64, 32, 128]
        .into_iter()
        .flat_map(|group| [8, 6, 5, 4, 3, 2].map(|bits| (group, bits)));
    let (group, bits) = told
        .into_iter()
        .filter(fits)
        .chain(usual.filter(fits))
        .next()
        .ok_or_else(|| wrong(&codes, "codes of 2 to 8 bits in groups of 32, 64 or 128"))?;
    let mut shape = codes.shape.clone();
    shape[3] = groups * group;
    let decode = Affine {
        bits: bits as u32,
        group: group as usize,
        dtype,
    };
    let mut array = Array::plain(name, &codes.file, Element::Known(dtype), shape, codes.span);
    array.strides = c_strides(&array.shape);
    array.beside = vec![scales.span, biases.span];
    array.decode = Some(Arc::new(decode));
    Ok((array, bits, group))
}

/// Decodes mlx's affine quantization: code * scale + bias, each step rounded to the type of the scales, as mlx does it.
#[derive(Debug)]
struct Affine {
    bits: u32,
    group: usize,
    dtype: Dtype,
}

impl Affine {
    /// Scales or biases as f32, one for each of the groups.
    fn per_group(&self, bytes: &[u8], groups: usize) -> Option<Vec<f32>> {
        let shape = Shape {
            seq_len: groups,
            kv_heads: 1,
            head_dim: 1,
        };
        Some(
            Tensor::new(self.dtype, shape, bytes.to_vec())
                .ok()?
                .values(),
        )
    }

    fn round(&self, value: f32) -> f32 {
        match self.dtype {
            Dtype::F16 => f16_to_f32(f32_to_f16(value)),
            Dtype::Bf16 => bf16_to_f32(f32_to_bf16(value)),
            // mlx has no arrays of float8.
            Dtype::F32 | Dtype::E4m3 | Dtype::E5m2 => value,
        }
    }

    fn store(&self, value: f32, out: &mut Vec<u8>) {
        match self.dtype {
            Dtype::F16 => out.extend(f32_to_f16(value).to_le_bytes()),
            Dtype::Bf16 => out.extend(f32_to_bf16(value).to_le_bytes()),
            Dtype::F32 | Dtype::E4m3 | Dtype::E5m2 => out.extend(value.to_le_bytes()),
        }
    }
}

impl Decode for Affine {
    fn decode(&self, parts: &[Vec<u8>]) -> Result<Vec<u8>, SourceError> {
        let wrong = || SourceError::Io("codes, scales and biases do not fit together".to_owned());
        let [codes, scales, biases] = parts else {
            return Err(wrong());
        };
        let size = self.dtype.size();
        let groups = scales.len() / size;
        let values = groups.checked_mul(self.group).ok_or_else(wrong)?;
        let bits = self.bits as usize;
        let scales = self.per_group(scales, groups).ok_or_else(wrong)?;
        let biases = self.per_group(biases, groups).ok_or_else(wrong)?;
        if values.checked_mul(bits) != codes.len().checked_mul(8) {
            return Err(wrong());
        }
        let mut out = reserve((values * size) as u64)?;
        let mask = (1_u32 << bits) - 1;
        for (group, (scale, bias)) in scales.into_iter().zip(biases).enumerate() {
            for at in group * self.group..(group + 1) * self.group {
                // Codes are packed starting at the lowest bit, and cross byte boundaries if 8 is no multiple of their
                // width.
                let (byte, shift) = (at * bits / 8, at * bits % 8);
                let next = codes.get(byte + 1).copied().unwrap_or(0);
                let code = (u32::from(codes[byte]) | u32::from(next) << 8) >> shift & mask;
                self.store(self.round(code as f32 * scale) + bias, &mut out);
            }
        }
        Ok(out)
    }
}

/// Reorders the tokens of a ring buffer: the first `keep`, then from `index` on, then those before it.
#[derive(Debug)]
struct Ring {
    inner: Option<Arc<dyn Decode>>,
    /// Tokens in the buffer; `row` is the size of one token in one head, in bytes.
    rows: u64,
    row: u64,
    keep: u64,
    index: u64,
}

impl Decode for Ring {
    fn decode(&self, parts: &[Vec<u8>]) -> Result<Vec<u8>, SourceError> {
        let bytes = decoded_by(self.inner.as_deref(), parts)?;
        let at = |row: u64| (row * self.row) as usize;
        let mut out = reserve(bytes.len() as u64)?;
        for head in bytes.chunks_exact(at(self.rows).max(1)) {
            for part in [0..self.keep, self.index..self.rows, self.keep..self.index] {
                out.extend_from_slice(head.get(at(part.start)..at(part.end)).unwrap_or_default());
            }
        }
        Ok(out)
    }
}
