//! What a pickle builds: values that lie in one list and point at each other by number, so that shared and circular ones need no
//! care, and a small file can't claim much memory.

/// Number of a value in [`Values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(u32);

/// Most values of one pickle. A tensor takes about thirty.
const MAX_VALUES: usize = 2_000_000;
/// Most of them that take more than a few bytes.
const MAX_LARGE_VALUES: usize = 200_000;
/// Most axes of a tensor.
const MAX_SIZES: usize = 16;

/// Bytes of the pickle that were not kept, being many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blob {
    /// Where they start in the stream that the pickle was read from.
    pub offset: u64,
    /// How many bytes they take there.
    pub len: u64,
    /// The first of them.
    pub head: Box<[u8]>,
    /// They are written as the letters of a text (see [`Latin1`](super::latin1::Latin1)).
    pub is_text: bool,
}

/// Where the numbers of a tensor lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// In the storage of this name, beside the pickle.
    Key(Box<str>),
    /// In the pickle itself, this many bytes from the start of its stream.
    Inline { offset: u64, len: u64 },
    /// There as the letters of a text of `len` bytes, the first `skip` of which do not belong to it.
    Text { offset: u64, len: u64, skip: u64 },
}

/// A run of numbers that tensors are views of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Storage {
    pub home: Home,
    /// PyTorch's name of the element type, as in `float16`; `untyped` where the tensor tells.
    pub dtype: &'static str,
    /// Elements (bytes where it is untyped).
    pub len: u64,
    /// The first element that belongs to it, for the views of old files.
    pub start: u64,
    pub big_endian: bool,
}

/// Finds the storage that a stream inside a pickle holds.
pub(super) type OpenStream = fn(&Blob) -> Option<Storage>;

/// A view of a storage; offset and strides count elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tensor {
    pub storage: Id,
    pub dtype: &'static str,
    pub offset: u64,
    pub shape: Vec<u64>,
    pub strides: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// A text, and where it starts in the stream; 0 where it is not written as it is.
    Text(Box<str>, u64),
    /// A text that was not kept, being long.
    LongText(Box<Blob>),
    Bytes(Box<Blob>),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// The name of a class or function, as `module.name`.
    Global(Box<str>),
    /// An instance of a class that is only named, or what a function that was not run would have given.
    Object(Box<Object>),
    Storage(Box<Storage>),
    Tensor(Box<Tensor>),
    /// Something that is known, and holds nothing of use here.
    Nothing,
}

/// Whatever the pickle would have given to a class or function.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Object {
    /// Its class: a [`Value::Global`], else a value that can't be called.
    pub class: Id,
    /// The pickle calls the class as a function, which is not done here.
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
    /// Takes in a value; `None` where there are too many.
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

    /// All of them, in the order in which they were made.
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

    /// The members of a list or tuple.
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

    /// A list or tuple of a few sizes.
    pub fn sizes(&self, id: Id) -> Option<Vec<u64>> {
        let members = self.members(id)?;
        if members.len() > MAX_SIZES {
            return None;
        }
        members.iter().map(|&member| self.size(member)).collect()
    }
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
