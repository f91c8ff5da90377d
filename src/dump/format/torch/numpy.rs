//! NumPy arrays in a pickle (`numpy/_core/src/multiarray/methods.c`, `array_reduce`): their data is in it as bytes, or
//! as text (see [`latin1`](super::latin1)). Arrays of objects are lists of those objects.

use super::value::{Blob, Home, Id, Storage, Tensor, Value, Values, size};

/// A tensor whose data is in the pickle itself.
pub(super) struct Inline {
    storage: Storage,
    shape: Vec<u64>,
    fortran: bool,
}

impl Inline {
    /// Adds its storage to `values` and returns the tensor; `None` if there are too many values.
    pub fn add(self, values: &mut Values) -> Option<Value> {
        let dtype = self.storage.dtype;
        let storage = values.add(Value::Storage(Box::new(self.storage)))?;
        let mut strides = vec![1_u64; self.shape.len()];
        let mut product = 1_u64;
        let mut axes: Vec<usize> = (0..self.shape.len()).collect();
        if !self.fortran {
            axes.reverse();
        }
        for axis in axes {
            strides[axis] = product;
            product = product.saturating_mul(self.shape[axis].max(1));
        }
        let shape = self.shape;
        Some(Value::Tensor(Box::new(Tensor {
            storage,
            dtype,
            offset: 0,
            shape,
            strides,
        })))
    }
}

/// The array that `numpy.core.multiarray._reconstruct` and the state `(1, shape, dtype, fortran, bytes)` make.
pub(super) fn state(values: &Values, target: Id, state: Id) -> Option<Inline> {
    let [_version, shape, dtype, fortran, bytes] = *reconstructed(values, target, state)? else {
        return None;
    };
    let Value::Bytes(blob) = values.get(bytes) else {
        return None;
    };
    let fortran = *values.get(fortran) == Value::Bool(true);
    let dtype = numpy_type(values, dtype)?;
    Some(inline(blob, dtype, values.sizes(shape)?, fortran))
}

/// Elements of an array of objects, whose state has a list instead of bytes; along the first axis if there are two.
pub(super) fn objects(values: &mut Values, target: Id, state: Id) -> Option<Value> {
    let [_version, shape, _dtype, _fortran, list] = *reconstructed(values, target, state)? else {
        return None;
    };
    let Value::List(members) = values.get(list) else {
        return None;
    };
    let members = members.clone();
    match *values.sizes(shape)? {
        [] => Some(values.get(*members.first()?).clone()),
        [_, columns] => {
            let columns = usize::try_from(columns)
                .ok()
                .filter(|&columns| columns > 0)?;
            let rows = members.chunks(columns);
            let rows: Option<Vec<Id>> = rows
                .map(|row| values.add(Value::List(row.to_vec())))
                .collect();
            rows.map(Value::List)
        }
        _ => Some(Value::List(members)),
    }
}

/// State of an array under construction.
fn reconstructed(values: &Values, target: Id, state: Id) -> Option<&[Id]> {
    let Value::Object(object) = values.get(target) else {
        return None;
    };
    let class = values.global(object.class)?;
    let is_array = class.starts_with("numpy") && class.ends_with("multiarray._reconstruct");
    is_array.then(|| values.members(state))?
}

/// Result of `numpy._core.numeric._frombuffer(bytes, dtype, shape, order)`.
pub(super) fn from_buffer(values: &Values, args: &[Id]) -> Option<Inline> {
    let [bytes, dtype, shape, order, ..] = *args else {
        return None;
    };
    let Value::Bytes(blob) = values.get(bytes) else {
        return None;
    };
    let fortran = values.text(order) == Some("F");
    let dtype = numpy_type(values, dtype)?;
    Some(inline(blob, dtype, values.sizes(shape)?, fortran))
}

/// An array of numbers whose data is in `blob`.
pub(super) fn inline(
    blob: &Blob,
    (dtype, big_endian): (&'static str, bool),
    shape: Vec<u64>,
    fortran: bool,
) -> Inline {
    let (offset, len) = (blob.offset, blob.len);
    let home = if blob.is_text {
        let skip = 0;
        Home::Text { offset, len, skip }
    } else {
        Home::Inline { offset, len }
    };
    // For a text this is too much; its bytes are counted when they are read.
    let len = len / size(dtype).unwrap_or(1);
    Inline {
        storage: Storage {
            home,
            dtype,
            len,
            start: 0,
            big_endian,
        },
        shape,
        fortran,
    }
}

/// Element type and byte order of `numpy.dtype("f2", ..)` with the state `(3, "<", ..)`; for types of ml_dtypes the
/// class tells.
pub(super) fn numpy_type(values: &Values, id: Id) -> Option<(&'static str, bool)> {
    let Value::Object(object) = values.get(id) else {
        return None;
    };
    if values.global(object.class)? != "numpy.dtype" {
        return None;
    }
    let kind = *values.members(object.args)?.first()?;
    let name = values.text(kind).or_else(|| {
        let class = values.global(kind)?;
        class.strip_prefix("ml_dtypes.")
    })?;
    let order = object
        .states
        .last()
        .and_then(|&state| values.text(*values.members(state)?.get(1)?));
    let dtype = match name {
        "f2" => "float16",
        "f4" => "float32",
        "f8" => "float64",
        "bfloat16" => "bfloat16",
        "float8_e4m3fn" => "float8_e4m3fn",
        "float8_e5m2" => "float8_e5m2",
        "i1" => "int8",
        "u1" => "uint8",
        "i2" => "int16",
        "u2" => "uint16",
        "i4" => "int32",
        "i8" => "int64",
        _ => "an unknown type",
    };
    Some((dtype, order == Some(">")))
}
