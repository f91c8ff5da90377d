//! llama.cpp's state and slot files as arrays: K and V as stored, one row per token with the values of all its heads.
//! The number of heads is not in the file, so the user is asked.

use std::io::Read;
use std::sync::Arc;

use super::findings::Findings;
use super::ggml_type::{Blocks, GgmlType};
use super::llama_state::{self, Cells, Cursor, MAGICS, Rows, State};
use super::spec::Format;
use crate::dump::archive::ListedFile;
use crate::dump::arrays::Axes;
use crate::dump::arrays::array::{Array, ArrayGroup, Element, Hints, c_strides};
use crate::dump::bytes::place::{Decode, decoded_by};
use crate::dump::bytes::resume::Resume;
use crate::dump::bytes::source::{SourceError, reserve};
use crate::dump::bytes::stream::Span;
use crate::dump::problem::{Fault, Problem};
use crate::tensor::Dtype;

/// Files written by `llama-server`'s slots, `llama_state_seq_save_file` and `llama_state_save_file`.
pub(super) const FORMAT: Format = Format {
    label: "llama.cpp state",
    names: &[
        "*.bin",
        "*.state",
        "*.slot",
        "*.session",
        "*.cache",
        "*.dat",
        "*.kv",
        "*.llama",
    ],
    first_bytes: MAGICS,
    read_head: |_, _, _| Ok(Vec::new()),
    parse,
};

fn parse(file: &ListedFile, _: &[u8], findings: &mut Findings) -> Result<(), Fault> {
    let mut cursor = FileCursor {
        span: &file.span,
        resume: &mut findings.resume,
    };
    let state = llama_state::read(&mut cursor)
        .map_err(|why| Fault::Broken(format!("not a llama.cpp state that can be read: {why}")))?;
    let (layers, most) = (layers(&state), findings.limits.tensors / 2);
    if layers > most {
        let expected = format!("at most {most} (half of --max-tensors)");
        return Err(Fault::field("layers", layers, expected));
    }
    let mut arrays = Vec::new();
    let mut quantized: Vec<(&str, f64)> = Vec::new();
    let several = state.cells.len() > 1;
    let mut without_v = 0;
    for (number, cells) in state.cells.iter().enumerate() {
        let run = if several {
            format!("cache_{number}.")
        } else {
            String::new()
        };
        let span = cells
            .span
            .map_or(String::new(), |(start, end)| format!(".t{start}_{end}"));
        for (layer, rows) in cells.layers.iter().enumerate() {
            let Some(v) = &rows.v else {
                without_v += 1;
                continue;
            };
            for (kv, rows) in [("k", &rows.k), ("v", v)] {
                let name = format!("{run}layers.{layer}{span}.{kv}");
                arrays.push(array(file, name, rows, cells)?);
                let (values, bytes) = rows.kind.block();
                let kind = (rows.kind.name(), bytes as f64 * 8.0 / values as f64);
                if rows.kind.is_quantized() && !quantized.contains(&kind) {
                    quantized.push(kind);
                }
            }
        }
    }
    for (name, bits) in quantized {
        let text = format!(
            "already quantized by llama.cpp to {name}: what is measured are the values after dequantizing, as fp32, which the file stores in {bits} bits each"
        );
        findings.note(&file.path, text);
    }
    if without_v > 0 {
        let text = format!("{without_v} layers have K and no V (latent attention); left out");
        findings.note(&file.path, text);
    }
    if state.rest > 0 {
        let why = format!(
            "its last {} bytes are the state of layers that keep no K and V, or of a form that is not known; left out",
            state.rest
        );
        findings.problem(Problem::new(&file.path, Fault::Broken(why)));
    }
    findings.groups.push(ArrayGroup {
        path: file.path.clone(),
        arrays,
        hints: Hints {
            axes: Axes::parse("seq,dim").ok(),
            ..Hints::default()
        },
    });
    Ok(())
}

/// Number of layers in all caches.
fn layers(state: &State) -> usize {
    state.cells.iter().map(|cells| cells.layers.len()).sum()
}

/// An array `[tokens, values]`.
fn array(file: &ListedFile, name: String, rows: &Rows, cells: &Cells) -> Result<Array, Fault> {
    let count = cells.count;
    let dtype = match rows.kind {
        GgmlType::F16 => Dtype::F16,
        GgmlType::Bf16 => Dtype::Bf16,
        // What blocks of codes are decoded to.
        GgmlType::F32
        | GgmlType::Q4_0
        | GgmlType::Q4_1
        | GgmlType::Q5_0
        | GgmlType::Q5_1
        | GgmlType::Q8_0
        | GgmlType::Iq4Nl => Dtype::F32,
    };
    let (values, bytes) = rows.kind.block();
    let len = (rows.values / values as u64)
        .checked_mul(bytes as u64)
        .and_then(|row| row.checked_mul(count));
    let span = len.and_then(|len| file.span.part(rows.offset, len));
    let span =
        span.ok_or_else(|| Fault::Broken("it ends before the rows that it declares".to_owned()))?;
    let shape = vec![count, rows.values];
    let mut array = Array::plain(name, &file.path, Element::Known(dtype), shape, span);
    array.strides = if rows.transposed {
        vec![1, count]
    } else {
        c_strides(&array.shape)
    };
    if rows.kind.is_quantized() {
        array.decode = Some(Arc::new(Blocks(rows.kind)));
    }
    if let Some(order) = &cells.order {
        let columns = if rows.transposed { 1 } else { rows.values };
        array.decode = Some(Arc::new(Ordered {
            inner: array.decode.take(),
            order: Arc::clone(order),
            cell: columns.saturating_mul(dtype.size() as u64),
        }));
    }
    Ok(array)
}

/// Sorts cells into token order. Rows are one list of all cells; transposed values are one list of all cells for each value.
#[derive(Debug)]
struct Ordered {
    inner: Option<Arc<dyn Decode>>,
    order: Arc<[u32]>,
    /// Size of a cell in such a list, in bytes.
    cell: u64,
}

impl Decode for Ordered {
    fn decode(&self, parts: &[Vec<u8>]) -> Result<Vec<u8>, SourceError> {
        let bytes = decoded_by(self.inner.as_deref(), parts)?;
        let mut out = reserve(bytes.len() as u64)?;
        // Within the size of the bytes, which fit in memory.
        let cell = (self.cell as usize).max(1);
        for list in bytes.chunks_exact(cell.saturating_mul(self.order.len())) {
            for &from in &*self.order {
                out.extend_from_slice(&list[from as usize * cell..][..cell]);
            }
        }
        Ok(out)
    }
}

/// Reads forward, and restarts from the beginning only to go back.
struct FileCursor<'a> {
    span: &'a Span,
    resume: &'a mut Resume,
}

impl Cursor for FileCursor<'_> {
    fn read(&mut self, offset: u64, out: &mut [u8]) -> Result<(), String> {
        let end = offset.checked_add(out.len() as u64);
        end.filter(|&end| end <= self.span.len())
            .ok_or("it ends before the rows that it declares")?;
        let reader = self.resume.open(self.span, offset, 1 << 12);
        let mut reader = reader.map_err(|error| error.to_string())?;
        reader.read_exact(out).map_err(|error| error.to_string())
    }

    fn len(&self) -> u64 {
        self.span.len()
    }
}
