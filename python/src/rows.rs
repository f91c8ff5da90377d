//! Passes rows to Python by the Arrow C data interface.

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchIterator};
use arrow_schema::Schema;
use kvlens::rows::{Line, batch, schema};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use std::sync::Arc;

/// Rows of a record batch.
const ROWS: usize = 65_536;

/// A table that pandas, polars and pyarrow import directly.
#[pyclass(name = "Rows", module = "kvlens._kvlens", frozen)]
pub struct PyRows {
    schema: Arc<Schema>,
    batches: Vec<RecordBatch>,
}

impl PyRows {
    /// A table of these rows.
    pub fn new(lines: &[Line]) -> PyResult<Self> {
        let schema = Arc::new(schema());
        let batches = lines.chunks(ROWS).map(|lines| batch(&schema, lines));
        let batches = batches.collect::<Result<_, _>>();
        Ok(Self {
            batches: batches.map_err(|error| PyRuntimeError::new_err(error.to_string()))?,
            schema,
        })
    }
}

#[pymethods]
impl PyRows {
    /// The Arrow C stream interface; the schema is always the table's own.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The interface allows ignoring a requested schema: then consumers cast.
        drop(requested_schema);
        let batches = self.batches.clone().into_iter().map(Ok);
        let reader = RecordBatchIterator::new(batches, Arc::clone(&self.schema));
        let stream = FFI_ArrowArrayStream::new(Box::new(reader));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }

    fn __len__(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Names of the columns.
    fn columns(&self) -> Vec<String> {
        let fields = self.schema.fields().iter();
        fields.map(|field| field.name().clone()).collect()
    }
}
