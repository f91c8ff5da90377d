//! From the tensors of a pickle to arrays: locates their elements, and interprets their names.

use std::collections::HashMap;
use std::sync::Arc;

use super::latin1::Latin1;
use super::pickle::Pickle;
use super::stream::Stored;
use super::tree::{self, Found};
use super::value::{Home, Tensor, Value, size};
use crate::dump::archive::ListedFile;
use crate::dump::arrays::array::{
    Array, ArrayGroup, Element, Hints, MAX_AXES, shape_bytes, shape_text,
};
use crate::dump::arrays::{Loose, NamePattern, guess_loosely};
use crate::dump::bytes::Limits;
use crate::dump::bytes::path::file_name;
use crate::dump::bytes::place::{Decode, decoded_by};
use crate::dump::bytes::source::SourceError;
use crate::dump::bytes::stream::Span;
use crate::dump::format::findings::Findings;
use crate::dump::problem::{Fault, Problem, shorten};
use crate::tensor::Dtype;

/// Where the storages are.
pub(super) enum Storages<'a> {
    /// Each in an archive entry of its own.
    Entries {
        spans: HashMap<&'a str, &'a Span>,
        big_endian: bool,
        pickle: &'a Span,
    },
    /// One after the other in the file.
    Stream {
        span: &'a Span,
        stored: HashMap<Box<str>, Stored>,
    },
    /// Only inside the pickle itself.
    None { span: &'a Span },
}

impl Storages<'_> {
    /// Span of the pickle.
    fn pickle(&self) -> &Span {
        match self {
            Self::Entries { pickle, .. } => pickle,
            Self::Stream { span, .. } | Self::None { span } => span,
        }
    }

    /// Bytes of a storage, or the text that encodes them, and whether they are big-endian.
    fn find(&self, storage: &super::value::Storage) -> Result<(Span, bool), Fault> {
        let missing = |key: &str| {
            Fault::field(
                "storage",
                format!("{:?}, which does not exist", shorten(key)),
                "a storage of this file",
            )
        };
        let short = || Fault::Broken("the file ends before the tensor does".to_owned());
        match (&storage.home, self) {
            (
                Home::Key(key),
                Self::Entries {
                    spans, big_endian, ..
                },
            ) => {
                let span = spans.get(&**key).ok_or_else(|| missing(key))?;
                Ok(((*span).clone(), *big_endian))
            }
            (Home::Key(key), Self::Stream { span, stored }) => {
                let stored = stored.get(key).ok_or_else(|| missing(key))?;
                let len = stored
                    .len
                    .checked_mul(size(storage.dtype).unwrap_or(1))
                    .ok_or_else(short)?;
                Ok((
                    span.part(stored.offset, len).ok_or_else(short)?,
                    storage.big_endian,
                ))
            }
            (Home::Key(key), Self::None { .. }) => Err(missing(key)),
            (Home::Inline { offset, len } | Home::Text { offset, len, .. }, _) => {
                let span = self.pickle().part(*offset, *len).ok_or_else(short)?;
                Ok((span, storage.big_endian))
            }
        }
    }
}

/// Adds the tensors of `pickle` to the findings.
pub(super) fn take_in(
    file: &ListedFile,
    pickle: &Pickle,
    storages: &Storages<'_>,
    findings: &mut Findings,
) -> Result<(), Fault> {
    let found = tree::find(&pickle.values, pickle.root);
    report(file, &found, findings);
    let is_told = found.quantized > 0 || !found.strangers.is_empty();
    if found.tensors.is_empty() && is_told {
        return Ok(());
    }
    if found.tensors.is_empty() {
        return Err(Fault::Broken("it holds no tensor".to_owned()));
    }
    let stem = file_name(&file.path)
        .rsplit_once('.')
        .map_or("", |(stem, _)| stem);
    if let Value::Tensor(tensor) = pickle.values.get(pickle.root) {
        // Its only name is that of its file, as with a NumPy file: those of a folder belong together.
        let array = array(file, stem, tensor, pickle, storages, &findings.limits)?;
        findings.loose.push(Loose {
            path: file.path.clone(),
            array,
            transformers: true,
        });
        return Ok(());
    }
    let mut arrays = Vec::new();
    for (path, tensor) in &found.tensors {
        let name = if path.is_empty() { stem } else { path };
        match array(file, name, tensor, pickle, storages, &findings.limits) {
            Ok(array) => arrays.push(array),
            Err(fault) => findings.problem(Problem::new(
                format!("{}/{}", file.path, shorten(name)),
                fault,
            )),
        }
    }
    let guess = guess_loosely(stem);
    let names_layer = guess.as_ref().filter(|guess| guess.named.layer.is_some());
    let names_half = guess.as_ref().is_some_and(|guess| guess.named.kv.is_some());
    // Two tensors are K and V, of all layers or of the layer in the file's name, unless each may hold both K and V of a
    // layer.
    let are_two = tree::is_one_layer(&pickle.values, pickle.root) && !names_half;
    let may_hold_both = arrays.iter().all(|array| array.shape.first() == Some(&2));
    let could_be_two_layers = are_two && names_layer.is_none() && may_hold_both;
    let k_and_v = (are_two && !could_be_two_layers).then(|| {
        let before = names_layer.map_or_else(String::new, |guess| format!("{}/", guess.template));
        format!("{before}{{kv:0|1}}")
    });
    let tensor_names = found
        .pattern()
        .or(k_and_v)
        .and_then(|pattern| NamePattern::parse(&pattern).ok());
    findings.groups.push(ArrayGroup {
        path: file.path.clone(),
        arrays,
        hints: Hints {
            tensor_names,
            transformers: true,
            could_be_two_layers,
            ..Hints::default()
        },
    });
    Ok(())
}

/// Reports what was not run and what was not examined.
fn report(file: &ListedFile, found: &Found<'_>, findings: &mut Findings) {
    for name in &found.strangers {
        let why = match name.strip_prefix("torch._utils._rebuild_") {
            Some("sparse_tensor") => {
                "a sparse tensor is not read: save tensor.to_dense()".to_owned()
            }
            Some("qtensor") => {
                "a quantized tensor is not read: save tensor.dequantize()".to_owned()
            }
            Some("meta_tensor_no_storage") => {
                "a tensor of the device \"meta\" has no values: save one that was computed"
                    .to_owned()
            }
            _ => format!("{}: not a tensor; not run", shorten(name)),
        };
        findings.problem(Problem::new(&file.path, Fault::Broken(why)));
    }
    if found.quantized > 0 {
        let why = "a QuantizedCache of transformers holds codes and scales, and only its last tokens as they are; left out: save a \
                   DynamicCache of the same prompt";
        findings.problem(Problem::new(&file.path, Fault::Broken(why.to_owned())));
    }
    if found.cut {
        let why = "not all of it is examined: tensors that are nested too deeply, or come after the first 200,000, are left out";
        findings.problem(Problem::new(&file.path, Fault::Broken(why.to_owned())));
    }
}

fn array(
    file: &ListedFile,
    name: &str,
    tensor: &Tensor,
    pickle: &Pickle,
    storages: &Storages<'_>,
    limits: &Limits,
) -> Result<Array, Fault> {
    let Value::Storage(storage) = pickle.values.get(tensor.storage) else {
        return Err(Fault::Broken("a tensor without a storage".to_owned()));
    };
    let text = shape_text(&tensor.shape);
    if tensor.shape.len() > MAX_AXES {
        return Err(Fault::field(
            "shape",
            format!("{} axes", tensor.shape.len()),
            format!("at most {MAX_AXES}"),
        ));
    }
    let (span, big_endian) = storages.find(storage)?;
    let element = match tensor.dtype {
        "float16" => Element::Known(Dtype::F16),
        "bfloat16" => Element::Known(Dtype::Bf16),
        "float32" => Element::Known(Dtype::F32),
        "float8_e4m3fn" => Element::Known(Dtype::E4m3),
        "float8_e5m2" => Element::Known(Dtype::E5m2),
        "int16" | "uint16" => Element::Bits16,
        other => Element::Other(other.to_owned()),
    };
    let width = size(tensor.dtype).unwrap_or(1);
    let too_large = || Fault::field("shape", &text, "a size that fits in 64 bits");
    let bytes = shape_bytes(&tensor.shape, width).ok_or_else(too_large)?;
    let first = tensor
        .offset
        .checked_add(storage.start)
        .and_then(|first| first.checked_mul(width))
        .ok_or_else(too_large)?;
    let available = span.len();
    // A view may repeat the same elements (repeated heads), but not more often than any cache does.
    if bytes > limits.unpacked(available) {
        return Err(Fault::field(
            "shape",
            format!("{text}, so {bytes} bytes"),
            format!("a view of the storage's {available} bytes"),
        ));
    }
    let extent = tensor
        .shape
        .iter()
        .zip(&tensor.strides)
        .try_fold(1_u64, |sum, (&size, &stride)| {
            sum.checked_add(stride.checked_mul(size.saturating_sub(1))?)
        });
    let len = if bytes == 0 {
        Some(0)
    } else {
        extent.and_then(|extent| extent.checked_mul(width))
    };
    let cut = len.and_then(|len| match &storage.home {
        Home::Text { skip, .. } => {
            let start = skip.checked_add(first)?;
            let has = start.checked_add(len)? <= available;
            let decode: Arc<dyn Decode> = Arc::new(Latin1 { start, len });
            has.then_some((span, Some(decode)))
        }
        _ => Some((span.part(first, len)?, None)),
    });
    let (span, decode) = cut.ok_or_else(|| {
        Fault::field(
            "shape",
            format!(
                "{text} from element {} on, strides {:?}",
                tensor.offset, tensor.strides
            ),
            format!("a view of the storage's {available} bytes"),
        )
    })?;
    let mut array = Array::plain(
        name.to_owned(),
        &file.path,
        element,
        tensor.shape.clone(),
        span,
    );
    array.strides = tensor.strides.clone();
    array.big_endian = big_endian;
    array.decode = decode;
    if tensor.negated {
        let width = width as usize;
        array.decode = Some(Arc::new(Negated {
            inner: array.decode.take(),
            width,
            sign: if big_endian { 0 } else { width - 1 },
        }));
    }
    Ok(array)
}

/// Gives all elements, which are floats, the other sign.
struct Negated {
    inner: Option<Arc<dyn Decode>>,
    /// Bytes per element, of which this one has the sign.
    width: usize,
    sign: usize,
}

impl Decode for Negated {
    fn decode(&self, parts: &[Vec<u8>]) -> Result<Vec<u8>, SourceError> {
        let mut bytes = decoded_by(self.inner.as_deref(), parts)?;
        for element in bytes.chunks_exact_mut(self.width) {
            element[self.sign] ^= 0x80;
        }
        Ok(bytes)
    }
}
