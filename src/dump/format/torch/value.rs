//! Values that a pickle builds. They are stored in one list and refer to each other by index, so that shared and
//! circular references are harmless, and a small file can't claim much memory.

/// Index of a value in [`Values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(u32);

/// Maximum number of values in one pickle. A tensor takes about thirty.
const MAX_VALUES: usize = 2_000_000;
/// Maximum number of values that take more than a few bytes.
const MAX_LARGE_VALUES: usize = 200_000;
/// Maximum number of axes of a tensor.
const MAX_SIZES: usize = 16;

/// Bytes of the pickle that were too many to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blob {
    /// Offset in the stream that the pickle was read from.
    pub offset: u64,
    /// Number of bytes in the stream.
    pub len: u64,
    /// The first bytes.
    pub head: Box<[u8]>,
    /// Whether they are encoded as text (see [`Latin1`](super::latin1::Latin1)).
    pub is_text: bool,
}

/// Where the data of a storage is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// In the storage of this name, outside the pickle.
    Key(Box<str>),
    /// In the pickle itself, at this offset in its stream.
    Inline { offset: u64, len: u64 },
    /// In the pickle itself, encoded as a text of `len` bytes; the first `skip` decoded bytes do not belong to the
    /// storage.
    Text { offset: u64, len: u64, skip: u64 },
}

/// A sequence of elements that tensors are views of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Storage {
    pub home: Home,
    /// PyTorch's name of the element type, such as `float16`; `untyped` if only the tensor knows it.
    pub dtype: &'static str,
    /// Number of elements (bytes if untyped).
    pub len: u64,
    /// Index of the first element, for the views of old files.
    pub start: u64,
    pub big_endian: bool,
}

/// Reads the storage from a stream nested in the pickle.
pub(super) type OpenStream = fn(&Blob) -> Option<Storage>;

/// A view of a storage; offset and strides count elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tensor {
    pub storage: Id,
    pub dtype: &'static str,
    pub offset: u64,
    pub shape: Vec<u64>,
    pub strides: Vec<u64>,
    /// Whether its values are those of the storage with the other sign, as PyTorch keeps the imaginary part of a conjugate.
    pub negated: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// A text, and its offset in the stream; 0 if it is not stored verbatim.
    Text(Box<str>, u64),
    /// A text that was too long to be kept.
    LongText(Box<Blob>),
    Bytes(Box<Blob>),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// Name of a class or function, as `module.name`.
    Global(Box<str>),
    /// An instance of a class that is known only by name, or the result of a function that was not run.
    Object(Box<Object>),
    Storage(Box<Storage>),
    Tensor(Box<Tensor>),
    /// A known value that is of no use here.
    Nothing,
}

/// Everything that the pickle would have passed to a class or function.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Object {
    /// Class: a [`Value::Global`], or else a value that can't be called.
    pub class: Id,
    /// Whether the pickle calls the class as a function, which is never done here.
    pub called: bool,
    pub args: Id,
    /// States (dicts of attributes) in the order in which they were set.
    pub states: Vec<Id>,
    pub items: Vec<Id>,
    pub entries: Vec<(Id, Id)>,
}

/// All values of one pickle.
#[derive(Debug, Default)]
pub(super) struct Values {
    list: Vec<Value>,
    large: usize,
    /// Bytes of all copies that were made of values.
    pub copied: u64,
}

impl Object {
    pub fn new(class: Id, args: Id, called: bool) -> Self {
        Self {
            class,
            called,
            args,
            states: vec![],
            items: vec![],
            entries: vec![],
        }
    }
}

impl Values {
    /// Adds a value; `None` if there are too many.
    pub fn add(&mut self, value: Value) -> Option<Id> {
        let large = matches!(
            value,
            Value::Object(_) | Value::Storage(_) | Value::Tensor(_)
        );
        self.large += usize::from(large);
        if self.list.len() >= MAX_VALUES || self.large > MAX_LARGE_VALUES {
            return None;
        }
        self.list.push(value);
        Some(Id(self.list.len() as u32 - 1))
    }

    pub fn get(&self, id: Id) -> &Value {
        &self.list[id.0 as usize]
    }

    pub fn get_mut(&mut self, id: Id) -> &mut Value {
        &mut self.list[id.0 as usize]
    }

    /// A copy of a value.
    pub fn copy(&mut self, id: Id) -> Value {
        let value = &self.list[id.0 as usize];
        self.copied += bytes(value);
        value.clone()
    }

    /// Number of values, and of the places where one refers to another.
    pub fn extent(&self) -> usize {
        self.list.len() + self.list.iter().map(references).sum::<usize>()
    }

    /// All values, in the order in which they were made.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.list.iter_mut()
    }

    pub fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Text(text, _) => Some(text),
            _ => None,
        }
    }

    pub fn global(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Global(name) => Some(name),
            _ => None,
        }
    }

    /// Elements of a list or tuple.
    pub fn members(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::List(members) | Value::Tuple(members) => Some(members),
            _ => None,
        }
    }

    pub fn size(&self, id: Id) -> Option<u64> {
        match self.get(id) {
            Value::Int(value) => u64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// A short list or tuple of sizes.
    pub fn sizes(&self, id: Id) -> Option<Vec<u64>> {
        let members = self.members(id)?;
        if members.len() > MAX_SIZES {
            return None;
        }
        members.iter().map(|&member| self.size(member)).collect()
    }
}

/// Number of places where a value refers to others.
fn references(value: &Value) -> usize {
    match value {
        Value::List(members) | Value::Tuple(members) => members.len(),
        Value::Dict(entries) => 2 * entries.len(),
        Value::Object(object) => {
            object.states.len() + object.items.len() + 2 * object.entries.len()
        }
        _ => 0,
    }
}

/// Number of bytes of a value beyond the few that each takes.
pub(super) fn bytes(value: &Value) -> u64 {
    let bytes = match value {
        Value::Text(text, _) => text.len(),
        Value::Bytes(blob) | Value::LongText(blob) => blob.head.len(),
        _ => references(value) * size_of::<Id>(),
    };
    bytes as u64
}

/// Bytes per element.
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
