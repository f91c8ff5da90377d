//! Arrays as joblib dumps them (`joblib/numpy_pickle.py`): the pickle has a wrapper with shape and type, and the data
//! follows it in the stream, between two opcodes.

use super::numpy::{self, Inline, item_size, numpy_type};
use super::value::{Blob, Id, Value, Values};

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

/// The wrapper that setting `state` makes of `target`; `None` if it is not that of an array whose elements have a size.
pub(super) fn wrapper(values: &Values, target: Id, state: Id) -> Option<Wrapper> {
    let find = |wanted: &str| attribute(values, target, state, wanted);
    let (dtype, shape) = (find("dtype")?, values.sizes(find("shape")?)?);
    let len = shape
        .iter()
        .try_fold(item_size(values, dtype)?, |len, &size| {
            len.checked_mul(size)
        })?;
    Some(Wrapper {
        dtype: numpy_type(values, dtype)?,
        shape,
        fortran: values.text(find("order")?) == Some("F"),
        len,
        is_aligned: find("numpy_array_alignment_bytes")
            .is_some_and(|bytes| values.size(bytes).is_some()),
    })
}

/// Whether setting `state` makes of `target` the wrapper of an array of objects, which follows as a pickle of its own.
pub(super) fn holds_objects(values: &Values, target: Id, state: Id) -> bool {
    attribute(values, target, state, "dtype").is_some_and(|dtype| numpy::is_object(values, dtype))
}

/// The attribute `wanted` of a wrapper.
fn attribute(values: &Values, target: Id, state: Id, wanted: &str) -> Option<Id> {
    let Value::Object(object) = values.get(target) else {
        return None;
    };
    if values.global(object.class)? != "joblib.numpy_pickle.NumpyArrayWrapper" {
        return None;
    }
    let Value::Dict(entries) = values.get(state) else {
        return None;
    };
    let mut named = entries
        .iter()
        .filter(|(name, _)| values.text(*name) == Some(wanted));
    named.next().map(|&(_, id)| id)
}

impl Wrapper {
    /// The array whose data is in `blob`.
    pub fn array(self, blob: &Blob) -> Inline {
        numpy::inline(blob, self.dtype, self.shape, self.fortran)
    }
}
