//! Converts a line of a rows table back to a row.

use super::error::RowsError;
use crate::analysis::{CaptureInfo, Row, TensorRow, Variant};
use crate::codec::Planes;
use crate::metrics::Errors;
use crate::tensor::{Dtype, Kv};
use arrow_array::types::{Float64Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{
    Array, ArrowPrimitiveType, BooleanArray, PrimitiveArray, RecordBatch, StringArray,
};
use std::sync::Arc;

/// A line of a table that has the fields of [`super::schema`].
pub struct Cells<'a> {
    batch: &'a RecordBatch,
    line: usize,
    /// Number of the line in the file, for messages.
    number: u64,
}

impl<'a> Cells<'a> {
    /// The line at index `line` of a batch, which is line `number` of the file.
    pub fn new(batch: &'a RecordBatch, line: usize, number: u64) -> Self {
        Self {
            batch,
            line,
            number,
        }
    }

    fn wrong(&self, column: &str, found: impl ToString, expected: &'static str) -> RowsError {
        RowsError::Cell {
            row: self.number,
            column: column.to_owned(),
            found: found.to_string(),
            expected,
        }
    }

    fn column<T: Array + 'static>(&self, column: &str) -> Result<Option<&'a T>, RowsError> {
        let array = self
            .batch
            .column_by_name(column)
            .ok_or(RowsError::Columns)?;
        let array: &T = array.as_any().downcast_ref().ok_or(RowsError::Columns)?;
        Ok(array.is_valid(self.line).then_some(array))
    }

    fn maybe<T: ArrowPrimitiveType>(&self, column: &str) -> Result<Option<T::Native>, RowsError> {
        let array = self.column::<PrimitiveArray<T>>(column)?;
        Ok(array.map(|array| array.value(self.line)))
    }

    fn number<T: ArrowPrimitiveType>(&self, column: &str) -> Result<T::Native, RowsError> {
        self.maybe::<T>(column)?
            .ok_or_else(|| self.wrong(column, "nothing", "a number"))
    }

    fn switch(&self, column: &str) -> Result<Option<bool>, RowsError> {
        let array = self.column::<BooleanArray>(column)?;
        Ok(array.map(|array| array.value(self.line)))
    }

    fn text(&self, column: &str) -> Result<&'a str, RowsError> {
        let array = self.column::<StringArray>(column)?;
        array
            .map(|array| array.value(self.line))
            .ok_or_else(|| self.wrong(column, "nothing", "text"))
    }

    /// Path of the capture.
    pub fn path(&self) -> Result<&'a str, RowsError> {
        self.text("path")
    }

    /// Index of the capture in the dump.
    pub fn index(&self) -> Result<usize, RowsError> {
        let index = self.number::<UInt64Type>("capture")?;
        usize::try_from(index).map_err(|_| self.wrong("capture", index, "an index in a dump"))
    }

    /// Description of the capture.
    pub fn info(&self) -> Result<CaptureInfo, RowsError> {
        let dtype = self.text("dtype")?;
        let all = [
            Dtype::F16,
            Dtype::Bf16,
            Dtype::F32,
            Dtype::E4m3,
            Dtype::E5m2,
        ];
        let known = all.into_iter().find(|known| known.name() == dtype);
        let known = known.ok_or_else(|| self.wrong("dtype", dtype, "an element type"))?;
        Ok(CaptureInfo {
            index: self.index()?,
            layer_id: self.number::<Int64Type>("layer_id")?,
            stage: self.text("stage")?.to_owned(),
            seq_len: self.number::<UInt64Type>("seq_len")?,
            kv_heads: self.number::<UInt64Type>("kv_heads")?,
            head_dim: self.number::<UInt64Type>("head_dim")?,
            v_kv_heads: self.maybe::<UInt64Type>("v_kv_heads")?,
            v_head_dim: self.maybe::<UInt64Type>("v_head_dim")?,
            bytes_per_elem: self.number::<UInt32Type>("bytes_per_elem")?,
            dtype: known.name(),
        })
    }

    /// The row, with `capture` as its capture.
    pub fn row(&self, capture: Arc<CaptureInfo>) -> Result<Row, RowsError> {
        let variant = Variant {
            label: self.text("method")?.to_owned(),
            bits: self.number::<Int64Type>("bits")?,
            block_size: self.maybe::<UInt64Type>("block_size")?,
            topk_ratio: self.maybe::<Float64Type>("topk_ratio")?,
        };
        let lossless = self.switch("lossless")?;
        Ok(Row {
            capture,
            lossless: lossless.ok_or_else(|| self.wrong("lossless", "nothing", "true or false"))?,
            variant: Arc::new(variant),
            k: self.tensor(Kv::K)?,
            v: self.tensor(Kv::V)?,
        })
    }

    fn tensor(&self, kv: Kv) -> Result<TensorRow, RowsError> {
        let name = |column: &str| format!("{}_{column}", kv.name());
        let number = |column: &str| self.number::<UInt64Type>(&name(column));
        let bytes = |column: &str| self.maybe::<UInt64Type>(&name(column));
        let planes = match (
            bytes("whole_bytes")?,
            bytes("hi_bytes")?,
            bytes("lo_bytes")?,
        ) {
            (Some(whole), None, None) => Planes::Whole(whole),
            (None, Some(hi), Some(lo)) => Planes::Split { hi, lo },
            _ => {
                let (column, found) = (name("whole_bytes"), "not one or the other");
                return Err(self.wrong(&column, found, "bytes of the whole, or of hi and lo"));
            }
        };
        let error = |column: &str| self.maybe::<Float64Type>(&name(column));
        let all = [
            error("mae")?,
            error("rmse")?,
            error("max_abs")?,
            error("cosine")?,
            error("value_rms")?,
        ];
        let errors = match all {
            [
                Some(mae),
                Some(rmse),
                Some(max_abs),
                Some(cosine),
                Some(value_rms),
            ] => Some(Errors {
                mae,
                rmse,
                max_abs,
                cosine,
                value_rms,
            }),
            [None, None, None, None, None] => None,
            _ => {
                let (column, found) = (name("mae"), "some of the errors");
                return Err(self.wrong(&column, found, "all errors or none"));
            }
        };
        Ok(TensorRow {
            raw_bytes: number("raw_bytes")?,
            planes,
            extra_bytes: number("extra_bytes")?,
            size: number("size")?,
            ratio: self.number::<Float64Type>(&name("ratio"))?,
            errors,
            // Not part of the report files that parts are merged into.
            packed: None,
            rounded_mae: None,
            non_finite: number("non_finite")?,
            verified: self.switch(&name("verified"))?,
        })
    }
}
