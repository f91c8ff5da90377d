//! `packed_meta_*.json`: K and V in the tiles in which MNN's CPU attention keeps them (`CPUKVCacheManager.cpp`), one head behind the
//! other. K lies in tiles of `pack_h` tokens, V in tiles of `pack_h` values within stretches of `flash_upper_kv` tokens; within
//! a tile `pack_l` of the other axis stand side by side.

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
        findings.captures.push(Arc::new(capture));
        Ok(())
    },
};

/// Largest tile edge that is believed.
const MAX_PACK: usize = 1 << 10;

fn capture(file: &ListedFile, head: &[u8], findings: &mut Findings) -> Result<Capture, Fault> {
    let object = fields::object(head)?;
    let fields = Fields(&object);
    let dtype = fields.dtype()?;
    let seq_len = match fields.size("used_seq_len")? {
        0 => fields.size("seq_len")?,
        used => used,
    };
    let shape = Shape {
        seq_len,
        kv_heads: fields.size("kv_heads")?,
        head_dim: fields.size("head_dim")?,
    };
    let pack = |field: &str| match fields.size(field)? {
        found if (1..=MAX_PACK).contains(&found) => Ok(found),
        found => Err(Fault::field(field, found, format!("1 to {MAX_PACK}"))),
    };
    let (across, along) = (pack("pack_h")?, pack("pack_l")?);
    // MNN writes the longest sequence where it does not split V.
    let stretch = match fields.size("flash_upper_kv")? {
        0 => fields.size("max_seq_len")?.max(seq_len),
        stretch => stretch,
    };
    let folder = file
        .path
        .rfind('/')
        .map_or("", |slash| &file.path[..=slash]);
    let mut place = |field: &str, stride: &str, tiles: &dyn Fn(u64) -> Tiles| {
        let name = fields.file_name(field)?;
        let missing = || {
            Fault::field(
                field,
                format!("{name:?}, which is not there"),
                "a file in the same folder",
            )
        };
        let path = format!("{folder}{name}");
        let span = findings.files.get(&path).ok_or_else(missing)?.clone();
        findings.parts.insert(path);
        let found = span.len();
        let head_bytes = match fields.unsigned(stride)? {
            0 => found / (shape.kv_heads as u64).max(1),
            bytes => bytes,
        };
        let tiles = tiles(head_bytes);
        let whole = head_bytes.checked_mul(shape.kv_heads as u64);
        let needed = tiles.needed();
        if whole != Some(found) || needed.is_none_or(|needed| needed > head_bytes) {
            let expected = format!(
                "{} heads of {head_bytes} bytes, each with room for {} tokens in tiles of {across} and {along}",
                shape.kv_heads, shape.seq_len
            );
            return Err(Fault::field(
                field,
                format!("a file of {found} bytes"),
                expected,
            ));
        }
        Ok::<_, Fault>(tiles.place(span))
    };
    let size = dtype.size();
    let k = place("k_file", "key_used_bytes", &|head_bytes| Tiles {
        shape,
        size,
        across,
        along,
        head_bytes,
        order: Order::Tokens,
    })?;
    let v = place("v_file", "value_used_bytes", &|head_bytes| Tiles {
        shape,
        size,
        across,
        along,
        head_bytes,
        order: Order::Values { stretch },
    })?;
    shape.bytes(dtype).ok_or_else(|| {
        Fault::field(
            "used_seq_len",
            seq_len,
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
        dtype,
        k,
        v,
    })
}

/// The name that the meta file of the same capture has when it is not packed.
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
    Values { stretch: usize },
}

/// Tiles of `across` by `along` elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tiles {
    shape: Shape,
    size: usize,
    across: usize,
    along: usize,
    head_bytes: u64,
    order: Order,
}

impl Tiles {
    /// Bytes from a head's start to behind its last value; `None` where they can't be addressed.
    fn needed(&self) -> Option<u64> {
        let Shape {
            seq_len, head_dim, ..
        } = self.shape;
        let up = |value: usize, step: usize| value.div_ceil(step).checked_mul(step);
        let elements = match self.order {
            Order::Tokens => up(seq_len, self.across)?.checked_mul(up(head_dim, self.along)?)?,
            Order::Values { stretch } => {
                let stretches = seq_len.div_ceil(stretch.max(1));
                stretches
                    .checked_mul(up(stretch, self.along)?)?
                    .checked_mul(up(head_dim, self.across)?)?
            }
        };
        u64::try_from(elements.checked_mul(self.size)?).ok()
    }

    fn place(self, span: Span) -> Place {
        Place {
            decode: Some(Arc::new(self)),
            ..Place::plain(span)
        }
    }

    /// Where a token's value lies in its head, in elements.
    fn index(&self, token: usize, value: usize) -> usize {
        let tile = self.across * self.along;
        match self.order {
            Order::Tokens => {
                let row = self.shape.head_dim.div_ceil(self.along) * tile;
                token / self.across * row
                    + value / self.along * tile
                    + token % self.across * self.along
                    + value % self.along
            }
            Order::Values { stretch } => {
                let column = stretch.div_ceil(self.along) * tile;
                let whole = column * self.shape.head_dim.div_ceil(self.across);
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
        for token in 0..seq_len {
            for head in 0..kv_heads {
                let head = head * self.head_bytes as usize;
                for value in 0..head_dim {
                    let at = head + self.index(token, value) * self.size;
                    out.extend_from_slice(bytes.get(at..at + self.size).ok_or_else(short)?);
                }
            }
        }
        Ok(out)
    }
}
