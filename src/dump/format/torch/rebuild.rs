//! What the functions named in a pickle of PyTorch (`torch/_utils.py`, `torch/serialization.py`) and numpy would give. They are not
//! run: each known name has its meaning here.

use super::value::{Blob, Home, Id, OpenStream, Storage, Tensor, Value, Values};

/// What a call gives.
pub(super) enum Made {
    New(Value),
    /// One of its arguments.
    Old(Id),
    Tensor(Inline),
}

/// A tensor whose numbers lie in the pickle.
pub(super) struct Inline {
    storage: Storage,
    shape: Vec<u64>,
    fortran: bool,
}

impl Inline {
    /// Takes in its storage and gives the tensor; `None` where there are too many values.
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

/// What the call of `function` with the tuple `args` gives; `None` where it is not known. `open` reads a stream
/// that lies in the pickle.
pub(super) fn call(
    values: &Values,
    function: Id,
    args: Id,
    open: Option<OpenStream>,
) -> Option<Made> {
    match values.global(function)? {
        // A tensor with attributes of its own: a function and its arguments.
        "torch._tensor._rebuild_from_type_v2" => {
            let [inner, _class, args, ..] = *values.members(args)? else {
                return None;
            };
            call_plain(values, inner, args, open)
        }
        _ => call_plain(values, function, args, open),
    }
}

fn call_plain(values: &Values, function: Id, args: Id, open: Option<OpenStream>) -> Option<Made> {
    let name = values.global(function)?;
    let list = values.members(args)?;
    let arg = |at: usize| list.get(at).copied();
    match name {
        "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2" => {
            tensor(values, list, None)
        }
        "torch._utils._rebuild_tensor_v3" => tensor(values, list, Some(arg(6)?)),
        "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state" => {
            Some(Made::Old(arg(0)?))
        }
        "torch.storage._load_from_bytes" => match values.get(arg(0)?) {
            Value::Bytes(blob) => {
                let storage = open?(blob)?;
                Some(Made::New(Value::Storage(Box::new(storage))))
            }
            _ => None,
        },
        "torch.Size" | "builtins.tuple" | "builtins.list" | "builtins.set"
        | "builtins.frozenset" | "__builtin__.set" | "__builtin__.list" => {
            Some(arg(0).map_or(Made::New(Value::List(vec![])), Made::Old))
        }
        "collections.OrderedDict" | "builtins.dict" | "collections.defaultdict" => {
            Some(Made::New(Value::Dict(vec![])))
        }
        "torch.device"
        | "torch.dtype"
        | "builtins.slice"
        | "builtins.complex"
        | "builtins.range"
        | "_codecs.encode"
        | "builtins.bytearray"
        | "torch.random.Generator" => Some(Made::New(Value::Nothing)),
        "copyreg._reconstructor" | "copy_reg._reconstructor" => {
            let object = super::value::Object::new(arg(0)?, args, false);
            Some(Made::New(Value::Object(Box::new(object))))
        }
        "numpy._core.numeric._frombuffer" | "numpy.core.numeric._frombuffer" => {
            let Value::Bytes(blob) = values.get(arg(0)?) else {
                return None;
            };
            let (dtype, big_endian) = numpy_type(values, arg(1)?)?;
            let fortran = values.text(arg(3)?) == Some("F");
            inline(blob, dtype, big_endian, values.sizes(arg(2)?)?, fortran).map(Made::Tensor)
        }
        _ => None,
    }
}

/// `_rebuild_tensor_v2(storage, offset, size, stride, ..)`, the element type told apart or by the storage.
fn tensor(values: &Values, args: &[Id], dtype: Option<Id>) -> Option<Made> {
    let [storage, offset, shape, strides, ..] = *args else {
        return None;
    };
    let Value::Storage(found) = values.get(storage) else {
        return None;
    };
    let (shape, strides) = (values.sizes(shape)?, values.sizes(strides)?);
    if shape.len() != strides.len() {
        return None;
    }
    let dtype = match dtype {
        Some(dtype) => element(values.global(dtype)?.strip_prefix("torch.")?),
        None => found.dtype,
    };
    let offset = values.size(offset)?;
    Some(Made::New(Value::Tensor(Box::new(Tensor {
        storage,
        dtype,
        offset,
        shape,
        strides,
    }))))
}

/// The storage that a persistent id names: `("storage", type, key, device, elements)`, in old files with a view of it behind.
pub(super) fn storage(values: &Values, id: Id) -> Option<Storage> {
    let [kind, class, key, _device, len, rest @ ..] = values.members(id)? else {
        return None;
    };
    if values.text(*kind) != Some("storage") {
        return None;
    }
    let class = values.global(*class)?.rsplit('.').next()?;
    let dtype = match class {
        "UntypedStorage" => "untyped",
        "HalfStorage" => "float16",
        "BFloat16Storage" => "bfloat16",
        "FloatStorage" => "float32",
        "DoubleStorage" => "float64",
        "CharStorage" => "int8",
        "ByteStorage" => "uint8",
        "ShortStorage" => "int16",
        "IntStorage" => "int32",
        "LongStorage" => "int64",
        "BoolStorage" => "bool",
        other => element(other.strip_suffix("Storage").unwrap_or(other)),
    };
    // (name, first element, elements)
    let view = rest.first().and_then(|&view| values.members(view));
    let start = view
        .and_then(|view| values.size(*view.get(1)?))
        .unwrap_or(0);
    let home = Home::Key(values.text(*key)?.into());
    Some(Storage {
        home,
        dtype,
        len: values.size(*len)?,
        start,
        big_endian: false,
    })
}

/// PyTorch's own name of an element type, of those that are told apart here.
fn element(name: &str) -> &'static str {
    const NAMES: &[&str] = &[
        "float16",
        "bfloat16",
        "float32",
        "float64",
        "float8_e4m3fn",
        "float8_e5m2",
        "float8_e4m3fnuz",
        "float8_e5m2fnuz",
        "float8_e8m0fnu",
        "float4_e2m1fn_x2",
        "int8",
        "uint8",
        "int16",
        "uint16",
        "int32",
        "uint32",
        "int64",
        "uint64",
        "bool",
        "complex32",
        "complex64",
        "complex128",
        "quint8",
        "qint8",
        "qint32",
        "quint4x2",
        "quint2x4",
    ];
    match name {
        "half" => "float16",
        "float" => "float32",
        "double" => "float64",
        _ => NAMES
            .iter()
            .find(|known| **known == name)
            .unwrap_or(&"an unknown type"),
    }
}

/// The array that `numpy.core.multiarray._reconstruct` and the state `(1, shape, dtype, fortran, bytes)` make.
pub(super) fn numpy_state(values: &Values, target: Id, state: Id) -> Option<Inline> {
    let Value::Object(object) = values.get(target) else {
        return None;
    };
    let class = values.global(object.class)?;
    if !class.starts_with("numpy") || !class.ends_with("multiarray._reconstruct") {
        return None;
    }
    let [_version, shape, dtype, fortran, bytes] = *values.members(state)? else {
        return None;
    };
    let Value::Bytes(blob) = values.get(bytes) else {
        return None;
    };
    let (dtype, big_endian) = numpy_type(values, dtype)?;
    let fortran = *values.get(fortran) == Value::Bool(true);
    inline(blob, dtype, big_endian, values.sizes(shape)?, fortran)
}

fn inline(
    blob: &Blob,
    dtype: &'static str,
    big_endian: bool,
    shape: Vec<u64>,
    fortran: bool,
) -> Option<Inline> {
    let home = Home::Inline {
        offset: blob.offset,
        len: blob.len,
    };
    let len = blob.len / size(dtype)?;
    Some(Inline {
        storage: Storage {
            home,
            dtype,
            len,
            start: 0,
            big_endian,
        },
        shape,
        fortran,
    })
}

/// Type and byte order of `numpy.dtype("f2", ..)` with its state `(3, "<", ..)`.
fn numpy_type(values: &Values, id: Id) -> Option<(&'static str, bool)> {
    let Value::Object(object) = values.get(id) else {
        return None;
    };
    if values.global(object.class)? != "numpy.dtype" {
        return None;
    }
    let name = values.text(*values.members(object.args)?.first()?)?;
    let order = object
        .states
        .last()
        .and_then(|&state| values.text(*values.members(state)?.get(1)?));
    let dtype = match name {
        "f2" => "float16",
        "f4" => "float32",
        "f8" => "float64",
        "bfloat16" => "bfloat16",
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

/// Bytes of one element.
pub(super) fn size(dtype: &str) -> Option<u64> {
    match dtype {
        "float8_e4m3fn" | "float8_e5m2" | "float8_e4m3fnuz" | "float8_e5m2fnuz"
        | "float8_e8m0fnu" | "int8" | "uint8" | "bool" | "untyped" | "quint8" | "qint8" => Some(1),
        "float16" | "bfloat16" | "int16" | "uint16" => Some(2),
        "float32" | "int32" | "uint32" | "complex32" | "qint32" => Some(4),
        "float64" | "int64" | "uint64" | "complex64" => Some(8),
        "complex128" => Some(16),
        _ => None,
    }
}
