//! `packed_meta_*.json`: K and V in the tiled layout of MNN's CPU attention (`CPUKVCacheManager.cpp`), one head after
//! the other. K is in tiles of `pack_h` tokens, V in tiles of `pack_h` values within blocks of `flash_upper_kv` tokens;
//! within a tile, `pack_l` elements of the other axis are adjacent.

use std::collections::{BTreeMap, HashSet};
use std::mem::take;
use std::sync::Arc;

use super::captures::{read_meta, run_name};
use super::fields::{self, Fields};
use super::findings::Findings;
use super::spec::Format;
use crate::dump::archive::ListedFile;
use crate::dump::bytes::place::{Decode, Place};
use crate::dump::bytes::source::{SourceError, reserve};
use crate::dump::bytes::stream::Span;
use crate::dump::capture::Capture;
use crate::dump::problem::Fault;
use crate::tensor::Shape;

/// Captures in MNN's packed layout.
pub(super) const FORMAT: Format = Format {
    label: "packed capture",
    names: &["packed_meta_*.json"],
    first_bytes: &[],
    read_head: read_meta,
    parse: |file, head, findings| {
        let capture = capture(file, head, findings)?;
        findings.packed.push(Arc::new(capture));
        Ok(())
    },
};

/// Largest tile edge, and largest sizes, that are accepted: with them no index overflows.
const MAX_PACK: usize = 1 << 10;
const MAX_HEAD_DIM: usize = 1 << 16;
const MAX_TOKENS: usize = 1 << 31;

fn capture(file: &ListedFile, head: &[u8], findings: &mut Findings) -> Result<Capture, Fault> {
    let object = fields::object(head)?;
    let fields = Fields(&object);
    let dtype = fields.dtype()?;
    let up_to = |field: &str, min: usize, max: usize| match fields.size(field)? {
        found if (min..=max).contains(&found) => Ok(found),
        found => Err(Fault::field(field, found, format!("{min} to {max}"))),
    };
    let shape = Shape {
        seq_len: up_to("used_seq_len", 1, MAX_TOKENS)?,
        kv_heads: up_to("kv_heads", 1, MAX_TOKENS)?,
        head_dim: up_to("head_dim", 1, MAX_HEAD_DIM)?,
    };
    let (across, along) = (up_to("pack_h", 1, MAX_PACK)?, up_to("pack_l", 1, MAX_PACK)?);
    // MNN writes the maximum sequence length here if it does not split V.
    let stretch = match up_to("flash_upper_kv", 0, MAX_TOKENS)? {
        0 => up_to("max_seq_len", 0, MAX_TOKENS)?.max(shape.seq_len),
        stretch => stretch,
    };
    let folder = file
        .path
        .rfind('/')
        .map_or("", |slash| &file.path[..=slash]);
    let mut place = |field: &str, used: &str, order: Order| {
        let name = fields.file_name(field)?;
        let missing = || {
            Fault::field(
                field,
                format!("{name:?}, which does not exist"),
                "a file in the same folder",
            )
        };
        let path = format!("{folder}{name}");
        let span = findings.files.get(&path).ok_or_else(missing)?.clone();
        findings.parts.insert(path);
        let head_bytes = match fields.unsigned(used)? {
            0 => span.len() / shape.kv_heads as u64,
            bytes => bytes,
        };
        let tiles = Tiles {
            shape,
            size: dtype.size(),
            across: across as u64,
            along: along as u64,
            head_bytes,
            order,
        };
        let whole = head_bytes.checked_mul(shape.kv_heads as u64);
        if whole != Some(span.len()) || tiles.needed() > head_bytes {
            let expected = format!(
                "{} heads of {head_bytes} bytes, each with room for {} tokens in tiles of {across} and {along}",
                shape.kv_heads, shape.seq_len
            );
            let found = format!("a file of {} bytes", span.len());
            return Err(Fault::field(field, found, expected));
        }
        Ok::<_, Fault>(tiles.place(span))
    };
    let k = place("k_file", "key_used_bytes", Order::Tokens)?;
    let stretch = stretch as u64;
    let v = place("v_file", "value_used_bytes", Order::Values { stretch })?;
    shape.bytes(dtype).ok_or_else(|| {
        Fault::field(
            "used_seq_len",
            shape.seq_len,
            "a tensor that this machine can address",
        )
    })?;
    Ok(Capture {
        inner: Some(plain_name(&file.path[file.archive_len..])),
        run: run_name(&fields.run_id()?, folder),
        path: file.path.clone(),
        layer_id: fields.integer("layer_id", -1)?,
        stage: fields.text("stage")?.unwrap_or("unknown").to_owned(),
        seq_start: fields.unsigned("seq_start")?,
        shape,
        v_shape: shape,
        dtype,
        k,
        v,
    })
}

/// Keeps one packed capture of each run's layer in a folder, and none if its tokens also exist unpacked: each packed capture holds all
/// tokens so far.
pub(crate) fn leave_one(findings: &mut Findings) {
    let layer = |capture: &Capture| {
        let path = capture.path.as_str();
        let folder = path.rfind('/').map_or("", |slash| &path[..=slash]);
        (folder.to_owned(), capture.run.clone(), capture.layer_id)
    };
    let plain: HashSet<(String, String, i64)> = findings
        .captures
        .iter()
        .map(|capture| layer(capture))
        .collect();
    let mut longest: BTreeMap<(String, String, i64), Arc<Capture>> = BTreeMap::new();
    let mut doubles = 0;
    let mut example = None;
    for capture in take(&mut findings.packed) {
        let layer = layer(&capture);
        let shorter = match longest.get(&layer) {
            _ if plain.contains(&layer) => Some(capture),
            Some(other) if other.shape.seq_len >= capture.shape.seq_len => Some(capture),
            _ => longest.insert(layer, capture),
        };
        if let Some(capture) = shorter {
            doubles += 1;
            example.get_or_insert(capture.path.clone());
        }
    }
    findings.captures.extend(longest.into_values());
    if let Some(path) = example {
        let files = if doubles == 1 {
            "1 packed capture".to_owned()
        } else {
            format!("{doubles} packed captures")
        };
        let text = format!("{files} with tokens that other files have too; left out");
        findings.note(&path, text);
    }
}

/// Path of the meta file that the same capture has when it is not packed.
fn plain_name(path: &str) -> String {
    let (folder, name) = path
        .rsplit_once('/')
        .map_or(("", path), |(folder, name)| (folder, name));
    let name = name.strip_prefix("packed_").unwrap_or(name);
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Tokens,
    Values { stretch: u64 },
}

/// Tiles of `across` by `along` elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tiles {
    shape: Shape,
    size: usize,
    across: u64,
    along: u64,
    head_bytes: u64,
    order: Order,
}

impl Tiles {
    /// Bytes from the start of a head to the end of its last value: later tokens and values are at higher offsets.
    fn needed(&self) -> u64 {
        let Shape {
            seq_len, head_dim, ..
        } = self.shape;
        if seq_len == 0 || head_dim == 0 {
            return 0;
        }
        (self.index(seq_len as u64 - 1, head_dim as u64 - 1) + 1) * self.size as u64
    }

    fn place(self, span: Span) -> Place {
        Place {
            decode: Some(Arc::new(self)),
            ..Place::plain(span)
        }
    }

    /// Offset of a token's value within its head, in elements.
    fn index(&self, token: u64, value: u64) -> u64 {
        let tile = self.across * self.along;
        match self.order {
            Order::Tokens => {
                let row = (self.shape.head_dim as u64).div_ceil(self.along) * tile;
                token / self.across * row
                    + value / self.along * tile
                    + token % self.across * self.along
                    + value % self.along
            }
            Order::Values { stretch } => {
                let column = stretch.div_ceil(self.along) * tile;
                let whole = column * (self.shape.head_dim as u64).div_ceil(self.across);
                let within = token % stretch;
                token / stretch * whole
                    + value / self.across * column
                    + within / self.along * tile
                    + value % self.across * self.along
                    + within % self.along
            }
        }
    }
}

impl Decode for Tiles {
    fn decode(&self, parts: &[Vec<u8>]) -> Result<Vec<u8>, SourceError> {
        let bytes = parts.first().map_or(&[][..], Vec::as_slice);
        let Shape {
            seq_len,
            kv_heads,
            head_dim,
        } = self.shape;
        let short = || SourceError::Short {
            needed: self.head_bytes.saturating_mul(kv_heads as u64),
            end: bytes.len() as u64,
        };
        let mut out = reserve(bytes.len() as u64)?;
        for token in 0..seq_len as u64 {
            for head in 0..kv_heads as u64 {
                let head = head * self.head_bytes;
                for value in 0..head_dim as u64 {
                    let at = head + self.index(token, value) * self.size as u64;
                    let at = usize::try_from(at).map_err(|_| short())?;
                    out.extend_from_slice(bytes.get(at..at + self.size).ok_or_else(short)?);
                }
            }
        }
        Ok(out)
    }
}
