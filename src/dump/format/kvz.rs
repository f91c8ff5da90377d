//! `.kvz` files, which `kvlens pack` writes. Captures are slices of parts; a part is the K or V of one layer and is
//! decoded when one of its captures is read. The container is in `crate::kvz`; the part decoder comes with the scan's
//! options.

use std::collections::VecDeque;
use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::{Map, Value};

use super::fields::Fields;
use super::findings::Findings;
use super::queries::attention;
use super::spec::Format;
use super::stored::inside;
use crate::dump::archive::ListedFile;
use crate::dump::bytes::Limits;
use crate::dump::bytes::place::{Decode, Place};
use crate::dump::bytes::source::SourceError;
use crate::dump::bytes::stream::Span;
use crate::dump::capture::Capture;
use crate::dump::problem::{Fault, Problem, shorten};
use crate::dump::queries::Queries;
use crate::kvz::{
    Head, LOSSLESS, PREFIX_BYTES, PartDecoder, PartInfo, StoredLayer, StoredQueries, StoredScheme,
    head_bytes, read_head,
};
use crate::tensor::{Dtype, Kv, Shape};

/// Dumps packed by `kvlens pack`.
pub(super) const FORMAT: Format = Format {
    label: "packed dump",
    names: &["*.kvz"],
    first_bytes: &[],
    read_head: read,
    parse,
};

fn broken(why: impl fmt::Display) -> Fault {
    Fault::Broken(why.to_string())
}

/// Reads the file's head.
fn read(reader: &mut dyn Read, size: u64, limits: &Limits) -> Result<Vec<u8>, Fault> {
    let mut head = Vec::new();
    reader.take(PREFIX_BYTES as u64).read_to_end(&mut head)?;
    let len = head_bytes(&head).map_err(broken)?;
    if len > size {
        return Err(broken("not a whole .kvz file: it ends in its head"));
    }
    if len > limits.header_bytes {
        return Err(Fault::field(
            "header",
            format!("{len} bytes"),
            format!("at most {} (--max-header-mb)", limits.header_bytes),
        ));
    }
    reader
        .take(len - head.len() as u64)
        .read_to_end(&mut head)?;
    Ok(head)
}

/// Adds the captures and queries that the head lists.
fn parse(file: &ListedFile, head: &[u8], findings: &mut Findings) -> Result<(), Fault> {
    let head = read_head(head, file.span.len()).map_err(broken)?;
    let shared = Arc::new(Shared {
        decoder: findings.part_decoder,
        decoded: Mutex::default(),
    });
    for (number, layer) in head.index.layers.iter().enumerate() {
        let found = captures(file, &head, number, layer, &findings.limits, &shared);
        match found {
            Ok(captures) => findings.captures.extend(captures.into_iter().map(Arc::new)),
            Err(fault) => {
                let name = format!(
                    "{}/layer {} at {}",
                    file.path, layer.layer_id, layer.position
                );
                findings.problem(Problem::new(name, fault));
            }
        }
    }
    if let Some(stored) = lossy_schemes(&head) {
        let text = format!(
            "{stored}: what is measured are the values that came back, so errors do not count what was lost then"
        );
        findings.note(&file.path, text);
    }
    let first = 2 * head.index.layers.len();
    for (stored, number) in head.index.queries.iter().zip(first..) {
        match queries(file, &head, number, stored, &findings.limits, &shared) {
            Ok(queries) => findings.queries.push(Arc::new(queries)),
            Err(fault) => {
                let name = format!("{}/{}", file.path, shorten(&stored.path));
                findings.problem(Problem::new(name, fault));
            }
        }
    }
    Ok(())
}

/// The schemes that changed values, as "K was stored as a, V as b"; `None` where all values are as they were captured.
fn lossy_schemes(head: &Head) -> Option<String> {
    let of = |kv: Kv| {
        let mut names: Vec<String> = Vec::new();
        for layer in &head.index.layers {
            let scheme = head.index.schemes.get(layer.scheme(kv));
            let lossy = scheme.filter(|scheme| ![LOSSLESS, "raw"].contains(&scheme.name.as_str()));
            if let Some(name) = lossy.map(|scheme| shorten(&scheme.name))
                && !names.contains(&name)
                && names.len() < MAX_NAMES
            {
                names.push(name);
            }
        }
        (!names.is_empty()).then(|| format!("{kv} was stored as {}", names.join(" and ")))
    };
    let told: Vec<String> = Kv::BOTH.into_iter().filter_map(of).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// Number of schemes that are named for K, and for V.
const MAX_NAMES: usize = 4;

/// Span of a part's bytes, with their checksum.
fn part(file: &ListedFile, head: &Head, number: usize) -> Result<Span, Fault> {
    let missing = || broken("a part that does not exist");
    let entry = head.parts.get(number).ok_or_else(missing)?;
    // Within the file: the head was checked, its parts fill the file exactly.
    let whole = file
        .span
        .part(entry.offset, entry.len)
        .ok_or_else(missing)?;
    Ok(Span::new(
        Arc::clone(whole.stream()),
        whole.offset(),
        whole.len(),
        Some(entry.crc),
    ))
}

/// The captures of a stored layer, each a slice of its two parts.
fn captures(
    file: &ListedFile,
    head: &Head,
    number: usize,
    layer: &StoredLayer,
    limits: &Limits,
    shared: &Arc<Shared>,
) -> Result<Vec<Capture>, Fault> {
    let (dtype, shapes) = (dtype(layer)?, shapes(layer)?);
    let make = |kv: Kv| {
        let scheme = head.index.schemes.get(layer.scheme(kv));
        let info = PartInfo {
            scheme: scheme
                .ok_or_else(|| broken("a scheme that does not exist"))?
                .clone(),
            kv,
            position: layer.position,
            shape: shapes[kv],
            dtype,
        };
        let bytes = info.shape.bytes(dtype).ok_or_else(too_large)? as u64;
        let number = 2 * number + kv.of(0, 1);
        let span = part(file, head, number)?;
        if bytes > limits.unpacked(span.len()) {
            return Err(Fault::field(
                "captures",
                format!("{bytes} bytes in a part of {}", span.len()),
                "no more than --max-unpack-ratio allows",
            ));
        }
        let part = Part {
            number,
            is_shared: layer.captures.len() > 1,
            info,
            shared: Arc::clone(shared),
        };
        Ok((span, Arc::new(part)))
    };
    let (k, v) = (make(Kv::K)?, make(Kv::V)?);
    let mut first = 0;
    let mut captures = Vec::new();
    for stored in &layer.captures {
        let inner = inside(&stored.path)?;
        let of_capture = |shape: Shape| Shape {
            seq_len: stored.tokens,
            ..shape
        };
        let tokens = first..first + stored.tokens;
        captures.push(Capture {
            path: format!("{}/{inner}", file.path),
            inner: Some(inner),
            run: layer.run.clone(),
            layer_id: layer.layer_id,
            stage: stored.stage.clone(),
            seq_start: layer.position.saturating_add(first as u64),
            shape: of_capture(shapes[Kv::K]),
            v_shape: of_capture(shapes[Kv::V]),
            dtype,
            k: slice(&k, tokens.clone()),
            v: slice(&v, tokens),
        });
        first += stored.tokens;
    }
    Ok(captures)
}

fn dtype(layer: &StoredLayer) -> Result<Dtype, Fault> {
    let dtypes = [
        Dtype::F16,
        Dtype::Bf16,
        Dtype::F32,
        Dtype::E4m3,
        Dtype::E5m2,
    ];
    let mut dtypes = dtypes.into_iter();
    dtypes
        .find(|dtype| dtype.name() == layer.dtype)
        .ok_or_else(|| {
            Fault::field(
                "dtype",
                shorten(&layer.dtype),
                "fp16, bf16, fp32 or a float8",
            )
        })
}

/// Shapes of K and V with the tokens of all captures.
fn shapes(layer: &StoredLayer) -> Result<[Shape; 2], Fault> {
    let k = Shape {
        seq_len: layer.tokens().ok_or_else(too_large)?,
        kv_heads: layer.kv_heads,
        head_dim: layer.head_dim,
    };
    let v = Shape {
        kv_heads: layer.v_kv_heads.unwrap_or(layer.kv_heads),
        head_dim: layer.v_head_dim.unwrap_or(layer.head_dim),
        ..k
    };
    Ok([k, v])
}

fn too_large() -> Fault {
    Fault::field(
        "captures",
        "a size beyond all bounds",
        "one that this machine can address",
    )
}

/// The place of some tokens of a part.
fn slice((span, part): &(Span, Arc<Part>), tokens: Range<usize>) -> Place {
    // Within the part's size, which fits in memory.
    let token = part.info.shape.token_elements() * part.info.dtype.size();
    Place {
        span: span.clone(),
        beside: Vec::new(),
        decode: Some(Arc::new(Slice {
            part: Arc::clone(part),
            range: tokens.start * token..tokens.end * token,
        })),
        strided: None,
    }
}

fn queries(
    file: &ListedFile,
    head: &Head,
    number: usize,
    stored: &StoredQueries,
    limits: &Limits,
    shared: &Arc<Shared>,
) -> Result<Queries, Fault> {
    let span = part(file, head, number)?;
    let object: &Map<String, Value> = &stored.fields;
    let fields = Fields(object);
    let inner = inside(&stored.path)?;
    let (positions, dtype) = (fields.positions("positions")?, fields.dtype()?);
    let shape = Shape {
        seq_len: positions.len(),
        kv_heads: fields.size("q_heads")?,
        head_dim: fields.size("head_dim")?,
    };
    let bytes = shape.bytes(dtype).filter(|&bytes| bytes > 0);
    let bytes = bytes.filter(|&bytes| bytes as u64 <= limits.unpacked(span.len()));
    let bytes = bytes.ok_or_else(|| {
        let found = format!("a part of {} bytes", span.len());
        Fault::field("q_heads", found, "as many as its shape asks for")
    })?;
    let part = Part {
        number,
        is_shared: false,
        info: PartInfo {
            scheme: StoredScheme::lossless(),
            kv: Kv::V,
            position: 0,
            shape,
            dtype,
        },
        shared: Arc::clone(shared),
    };
    Ok(Queries {
        path: format!("{}/{inner}", file.path),
        run: fields.run_id()?,
        layer_id: fields.integer("layer_id", -1)?,
        positions,
        heads: shape.kv_heads,
        head_dim: shape.head_dim,
        dtype,
        attention: attention(&fields)?,
        inner: Some(inner),
        q: Place {
            span,
            beside: Vec::new(),
            decode: Some(Arc::new(Slice {
                part: Arc::new(part),
                range: 0..bytes,
            })),
            strided: None,
        },
    })
}

/// Cache of decoded parts of a file: captures of one layer need the same part, one after the other or on several threads at a time.
struct Shared {
    decoder: PartDecoder,
    decoded: Mutex<VecDeque<(usize, Arc<Decoded>)>>,
}

/// A part that one thread decodes while others that need it wait: decoding starts no work on other threads, so that none of them can be
/// waiting for the one that waits here.
type Decoded = OnceLock<Result<Arc<Vec<u8>>, String>>;

/// Maximum number of decoded parts that are cached: K and V of as many layers as threads usually work on.
const MAX_DECODED: usize = 8;

/// A part of a `.kvz` file.
struct Part {
    number: usize,
    /// Whether several captures are slices of it.
    is_shared: bool,
    info: PartInfo,
    shared: Arc<Shared>,
}

/// A byte range of a decoded part.
struct Slice {
    part: Arc<Part>,
    range: Range<usize>,
}

impl fmt::Debug for Slice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "bytes {:?} of part {}", self.range, self.part.number)
    }
}

impl Part {
    /// All elements of the part, from the cache if possible.
    fn decode(&self, bytes: &[u8]) -> Result<Arc<Vec<u8>>, SourceError> {
        let decode = || self.shared.decoder.decode(&self.info, bytes).map(Arc::new);
        let decoded = if self.is_shared {
            // The list is locked while it is looked through, not while a part is decoded.
            self.kept().get_or_init(decode).clone()
        } else {
            decode()
        };
        decoded.map_err(SourceError::Io)
    }

    /// The part's place in the cache.
    fn kept(&self) -> Arc<Decoded> {
        let kept = self.shared.decoded.lock();
        let mut kept = kept.unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = kept.iter().find(|(number, _)| *number == self.number) {
            return Arc::clone(found);
        }
        if kept.len() == MAX_DECODED {
            kept.pop_front();
        }
        let new = Arc::default();
        kept.push_back((self.number, Arc::clone(&new)));
        new
    }
}

impl Decode for Slice {
    fn decode(&self, parts: &[Vec<u8>]) -> Result<Vec<u8>, SourceError> {
        let bytes = parts.first().map_or(&[][..], Vec::as_slice);
        let decoded = self.part.decode(bytes)?;
        let slice = decoded.get(self.range.clone());
        Ok(slice
            .ok_or(SourceError::Short {
                needed: self.range.end as u64,
                end: decoded.len() as u64,
            })?
            .to_vec())
    }
}
