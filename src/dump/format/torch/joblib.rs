//! Arrays as joblib dumps them (`joblib/numpy_pickle.py`): the pickle has a wrapper with shape and type, and the data
//! follows it in the stream, between two opcodes.

use super::numpy::{self, Inline, numpy_type};
use super::value::{Blob, Id, Value, Values, size};

/// A wrapper whose attributes have been set.
pub(super) struct Wrapper {
    dtype: (&'static str, bool),
    shape: Vec<u64>,
    fortran: bool,
    /// Size of the data, in bytes.
    pub len: u64,
    /// Whether the data is preceded by padding, whose length is in one byte.
    pub is_aligned: bool,
}

/// The wrapper that setting `state` makes of `target`; `None` if it is not that of an array of numbers.
pub(super) fn wrapper(values: &Values, target: Id, state: Id) -> Option<Wrapper> {
    let Value::Object(object) = values.get(target) else {
        return None;
    };
    if values.global(object.class)? != "joblib.numpy_pickle.NumpyArrayWrapper" {
        return None;
    }
    let Value::Dict(entries) = values.get(state) else {
        return None;
    };
    let find = |wanted: &str| {
        let mut named = entries
            .iter()
            .filter(|(name, _)| values.text(*name) == Some(wanted));
        named.next().map(|&(_, id)| id)
    };
    let dtype = numpy_type(values, find("dtype")?)?;
    let shape = values.sizes(find("shape")?)?;
    let len = shape
        .iter()
        .try_fold(size(dtype.0)?, |len, &size| len.checked_mul(size))?;
    Some(Wrapper {
        dtype,
        shape,
        fortran: values.text(find("order")?) == Some("F"),
        len,
        is_aligned: find("numpy_array_alignment_bytes")
            .is_some_and(|bytes| values.size(bytes).is_some()),
    })
}

impl Wrapper {
    /// The array whose data is in `blob`.
    pub fn array(self, blob: &Blob) -> Inline {
        numpy::inline(blob, self.dtype, self.shape, self.fortran)
    }
}
