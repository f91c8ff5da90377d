//! Results of the functions named in a PyTorch pickle (`torch/_utils.py`, `torch/serialization.py`). They are not run:
//! the meaning of each known name is implemented here.

use super::latin1::first_bytes;
use super::numpy::{self, Inline};
use super::value::{Blob, Home, Id, OpenStream, Storage, Tensor, Value, Values};

/// Maximum length of a storage's name, in bytes; PyTorch numbers them.
const MAX_KEY: usize = 256;

/// Result of a call.
pub(super) enum Made {
    New(Value),
    /// One of the arguments.
    Old(Id),
    Tensor(Inline),
}

/// Result of calling `function` with the tuple `args`; `None` if the function is unknown. `open` reads a PyTorch stream
/// nested in the pickle.
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
        | "builtins.bytearray"
        | "torch.serialization._get_layout"
        | "torch.random.Generator" => Some(Made::New(Value::Nothing)),
        "numpy.core.multiarray.scalar" | "numpy._core.multiarray.scalar" => {
            let integer = numpy::integer(values, list);
            Some(Made::New(integer.map_or(Value::Nothing, Value::Int)))
        }
        "copyreg._reconstructor" | "copy_reg._reconstructor" => {
            let object = super::value::Object::new(arg(0)?, args, false);
            Some(Made::New(Value::Object(Box::new(object))))
        }
        "numpy._core.numeric._frombuffer" | "numpy.core.numeric._frombuffer" => {
            numpy::from_buffer(values, list).map(Made::Tensor)
        }
        "_codecs.encode" => Some(Made::New(encoded(values, arg(0)?))),
        _ => None,
    }
}

/// The bytes that a text encodes.
fn encoded(values: &Values, text: Id) -> Value {
    let blob = match values.get(text) {
        Value::Text(text, offset @ 1..) => Blob {
            offset: *offset,
            len: text.len() as u64,
            head: first_bytes(text.as_bytes()),
            is_text: true,
        },
        Value::LongText(blob) => Blob {
            head: first_bytes(&blob.head),
            ..(**blob).clone()
        },
        _ => return Value::Nothing,
    };
    Value::Bytes(Box::new(blob))
}

/// `_rebuild_tensor_v2(storage, offset, size, stride, ..)`; the element type is `dtype`, or else that of the storage.
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
    // The last argument, if there is one.
    let metadata = args.get(if dtype.is_some() { 7 } else { 6 });
    let negated = metadata.is_some_and(|&metadata| is_negated(values, metadata));
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
        negated,
    }))))
}

/// Whether a tensor's metadata says that its values have the other sign.
fn is_negated(values: &Values, metadata: Id) -> bool {
    let Value::Dict(entries) = values.get(metadata) else {
        return false;
    };
    let is_set = |&(name, set): &(Id, Id)| {
        values.text(name) == Some("neg") && *values.get(set) == Value::Bool(true)
    };
    entries.iter().any(is_set)
}

/// The storage that a persistent id refers to: `("storage", type, key, device, elements)`, followed in old files by a
/// view of it.
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
    let key = values.text(*key).filter(|key| key.len() <= MAX_KEY)?;
    let home = Home::Key(key.into());
    Some(Storage {
        home,
        dtype,
        len: values.size(*len)?,
        start,
        big_endian: false,
    })
}

/// PyTorch's name of an element type, if it is one that is distinguished here.
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
