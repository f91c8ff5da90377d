//! Columns of the rows table, and its Arrow batches. A row is one capture under one variant; columns have the names of the CSV reports
//! where they mean the same.

use crate::analysis::{Row, TensorRow};
use crate::codec::Planes;
use crate::dump::Capture;
use crate::metrics::Errors;
use crate::tensor::Kv;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_array::{UInt32Array, UInt64Array};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use std::sync::Arc;

/// A row with its capture.
#[derive(Clone, Debug)]
pub struct Line {
    /// The row.
    pub row: Row,
    /// The capture that it measures.
    pub capture: Arc<Capture>,
}

/// Columns of the capture and the variant: name, type, and whether values may be missing.
const OF_CAPTURE: [(&str, DataType, bool); 18] = [
    ("capture", DataType::UInt64, false),
    ("path", DataType::Utf8, false),
    ("run", DataType::Utf8, false),
    ("seq_start", DataType::UInt64, false),
    ("layer_id", DataType::Int64, false),
    ("stage", DataType::Utf8, false),
    ("seq_len", DataType::UInt64, false),
    ("kv_heads", DataType::UInt64, false),
    ("head_dim", DataType::UInt64, false),
    ("v_kv_heads", DataType::UInt64, true),
    ("v_head_dim", DataType::UInt64, true),
    ("bytes_per_elem", DataType::UInt32, false),
    ("dtype", DataType::Utf8, false),
    ("lossless", DataType::Boolean, false),
    ("method", DataType::Utf8, false),
    ("bits", DataType::Int64, false),
    ("block_size", DataType::UInt64, true),
    ("topk_ratio", DataType::Float64, true),
];

/// Columns of a tensor, prefixed by `k_` and `v_`: name, type, and whether values may be missing.
const OF_TENSOR: [(&str, DataType, bool); 14] = [
    ("raw_bytes", DataType::UInt64, false),
    ("size", DataType::UInt64, false),
    ("ratio", DataType::Float64, false),
    ("whole_bytes", DataType::UInt64, true),
    ("hi_bytes", DataType::UInt64, true),
    ("lo_bytes", DataType::UInt64, true),
    ("extra_bytes", DataType::UInt64, false),
    ("mae", DataType::Float64, true),
    ("rmse", DataType::Float64, true),
    ("max_abs", DataType::Float64, true),
    ("cosine", DataType::Float64, true),
    ("value_rms", DataType::Float64, true),
    ("non_finite", DataType::UInt64, false),
    ("verified", DataType::Boolean, true),
];

/// Schema of the rows table.
///
/// `capture` is the index of the capture in the dump. Sizes are in bytes; `size` is the sum of a tensor's stored bytes (`whole_bytes`, or
/// `hi_bytes` and `lo_bytes` of its byte planes, and `extra_bytes` of scales and indices). Errors are missing in lossless rows, `verified`
/// where nothing was decoded again, `v_kv_heads` and `v_head_dim` where they equal K's.
pub fn schema() -> Schema {
    let field = |name: String, kind: &DataType, nullable| Field::new(name, kind.clone(), nullable);
    let mut fields: Vec<Field> = OF_CAPTURE
        .iter()
        .map(|(name, kind, nullable)| field((*name).to_owned(), kind, *nullable))
        .collect();
    for kv in Kv::BOTH {
        fields.extend(
            OF_TENSOR.iter().map(|(name, kind, nullable)| {
                field(format!("{}_{name}", kv.name()), kind, *nullable)
            }),
        );
    }
    Schema::new(fields)
}

/// Makes a record batch of rows; `schema` must have the fields of [`schema`], and may have any metadata.
///
/// # Errors
/// When the schema has other fields.
pub fn batch(schema: &Arc<Schema>, lines: &[Line]) -> Result<RecordBatch, ArrowError> {
    let mut columns = of_capture(lines);
    columns.extend(of_tensor(lines, |row| &row.k));
    columns.extend(of_tensor(lines, |row| &row.v));
    RecordBatch::try_new(Arc::clone(schema), columns)
}

fn of_capture(lines: &[Line]) -> Vec<ArrayRef> {
    let text = |get: fn(&Line) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(lines.iter().map(get)))
    };
    let number = |get: fn(&Line) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(lines.iter().map(get)))
    };
    let maybe = |get: fn(&Line) -> Option<u64>| -> ArrayRef {
        Arc::new(lines.iter().map(get).collect::<UInt64Array>())
    };
    let whole = |get: fn(&Line) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(lines.iter().map(get)))
    };
    let size = lines.iter().map(|line| line.row.capture.bytes_per_elem);
    let lossless: Vec<bool> = lines.iter().map(|line| line.row.lossless).collect();
    let ratios = lines.iter().map(|line| line.row.variant.topk_ratio);
    vec![
        number(|line| line.row.capture.index as u64),
        text(|line| &line.capture.path),
        text(|line| &line.capture.run),
        number(|line| line.capture.seq_start),
        whole(|line| line.row.capture.layer_id),
        text(|line| &line.row.capture.stage),
        number(|line| line.row.capture.seq_len),
        number(|line| line.row.capture.kv_heads),
        number(|line| line.row.capture.head_dim),
        maybe(|line| line.row.capture.v_kv_heads),
        maybe(|line| line.row.capture.v_head_dim),
        Arc::new(UInt32Array::from_iter_values(size)),
        text(|line| line.row.capture.dtype),
        Arc::new(BooleanArray::from(lossless)),
        text(|line| &line.row.variant.label),
        whole(|line| line.row.variant.bits),
        maybe(|line| line.row.variant.block_size),
        Arc::new(ratios.collect::<Float64Array>()),
    ]
}

fn of_tensor(lines: &[Line], of: fn(&Row) -> &TensorRow) -> Vec<ArrayRef> {
    let rows = || lines.iter().map(|line| of(&line.row));
    let number = |get: fn(&TensorRow) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(rows().map(get)))
    };
    let maybe = |get: fn(&TensorRow) -> Option<u64>| -> ArrayRef {
        Arc::new(rows().map(get).collect::<UInt64Array>())
    };
    let error = |get: fn(&Errors) -> f64| -> ArrayRef {
        let errors = rows().map(|row| row.errors.as_ref().map(get));
        Arc::new(errors.collect::<Float64Array>())
    };
    let ratios = rows().map(|row| row.ratio);
    let verified: BooleanArray = rows().map(|row| row.verified).collect();
    vec![
        number(|row| row.raw_bytes),
        number(|row| row.size),
        Arc::new(Float64Array::from_iter_values(ratios)),
        maybe(|row| match row.planes {
            Planes::Whole(size) => Some(size),
            Planes::Split { .. } => None,
        }),
        maybe(|row| match row.planes {
            Planes::Whole(_) => None,
            Planes::Split { hi, .. } => Some(hi),
        }),
        maybe(|row| match row.planes {
            Planes::Whole(_) => None,
            Planes::Split { lo, .. } => Some(lo),
        }),
        number(|row| row.extra_bytes),
        error(|errors| errors.mae),
        error(|errors| errors.rmse),
        error(|errors| errors.max_abs),
        error(|errors| errors.cosine),
        error(|errors| errors.value_rms),
        number(|row| row.non_finite),
        Arc::new(verified),
    ]
}
