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
            negated: false,
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
    let first = members.first().copied();
    match *values.sizes(shape)? {
        [] => Some(values.copy(first?)),
        [_, columns] => {
            let columns = usize::try_from(columns)
                .ok()
                .filter(|&columns| columns > 0)?;
            let Value::List(members) = values.copy(list) else {
                return None;
            };
            let rows = members.chunks(columns);
            let rows: Option<Vec<Id>> = rows
                .map(|row| values.add(Value::List(row.to_vec())))
                .collect();
            rows.map(Value::List)
        }
        _ => Some(values.copy(list)),
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

/// The integer that `numpy.core.multiarray.scalar(dtype, bytes)` makes, such as the number of a layer.
pub(super) fn integer(values: &Values, args: &[Id]) -> Option<i64> {
    let [dtype, bytes, ..] = *args else {
        return None;
    };
    let Value::Bytes(blob) = values.get(bytes) else {
        return None;
    };
    let (kind, order) = kind(values, dtype)?;
    let is_signed = kind.starts_with('i');
    if !is_signed && !kind.starts_with('u') {
        return None;
    }
    let mut bytes = blob.head.to_vec();
    if order == Some(">") {
        bytes.reverse();
    }
    let is_negative = is_signed && bytes.last().is_some_and(|&byte| byte >= 0x80);
    let mut wide = [if is_negative { 0xff } else { 0 }; 8];
    wide.get_mut(..bytes.len())?.copy_from_slice(&bytes);
    let value = i64::from_le_bytes(wide);
    (is_signed || value >= 0).then_some(value)
}

/// Bytes per element of an array of this type; `None` if it holds objects.
pub(super) fn item_size(values: &Values, id: Id) -> Option<u64> {
    let (name, _) = kind(values, id)?;
    let (letter, digits) = name.split_at_checked(1)?;
    match (letter, digits.parse::<u64>()) {
        ("O", _) => None,
        // Texts, of four bytes per letter.
        ("U", Ok(letters)) => letters.checked_mul(4),
        (_, Ok(bytes)) => Some(bytes),
        _ => size(numpy_type(values, id)?.0),
    }
}

/// Whether an array of this type holds objects.
pub(super) fn is_object(values: &Values, id: Id) -> bool {
    kind(values, id).is_some_and(|(name, _)| name.starts_with('O'))
}

/// Name and byte order of `numpy.dtype("f2", ..)` with the state `(3, "<", ..)`; for types of ml_dtypes the class tells.
fn kind(values: &Values, id: Id) -> Option<(&str, Option<&str>)> {
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
    Some((name, order))
}

/// Element type, and whether it is big-endian.
pub(super) fn numpy_type(values: &Values, id: Id) -> Option<(&'static str, bool)> {
    let (name, order) = kind(values, id)?;
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
        "u4" => "uint32",
        "i8" => "int64",
        "u8" => "uint64",
        "b1" => "bool",
        "c8" => "complex64",
        "c16" => "complex128",
        _ => "an unknown type",
    };
    Some((dtype, order == Some(">")))
}
