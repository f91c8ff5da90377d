//! Reads a pickle (Python's `pickletools` describes the opcodes) without running anything: values are built, and a
//! function that the file wants called is looked up by name among those of [`rebuild`] or recorded as not run.
//!
//! Not crate `serde-pickle`: it lacks persistent ids, by which PyTorch refers to storages, and gives up at the first
//! class.

use std::collections::HashMap;
use std::io::{self, Read};

use super::joblib;
use super::numpy::{self, Inline};
use super::rebuild::{self, Made};
use super::value::{self, Blob, Id, Object, OpenStream, Value, Values};
use crate::dump::problem::Fault;

/// Longer texts and bytes are skipped; only the first few bytes are kept.
const MAX_KEPT: u64 = 1 << 16;
const KEPT_OF_BLOB: u64 = 1 << 12;
/// Maximum number of bytes of copies beyond those that were read: a small file can have the same long list or text copied very many times.
const MAX_COPIED: u64 = 64 << 20;
/// Maximum length of the name of a class or function.
const MAX_NAME: usize = 512;

/// Reason why a pickle could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It ends too early or could not be read further; with the reader's error message if there is one.
    Ends(Option<String>),
    /// It is larger than this limit, in bytes.
    TooLarge(u64),
    TooManyValues,
    /// This byte is not an opcode; at this offset.
    Opcode(u8, u64),
    /// The opcode at this offset finds other values than it needs.
    Values(u64),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ends(None) => out.write_str("it ends in its pickle"),
            Self::Ends(Some(why)) => out.write_str(why),
            Self::TooLarge(most) => write!(
                out,
                "its pickle is larger than {most} bytes (--max-header-mb)"
            ),
            Self::TooManyValues => {
                out.write_str("its pickle builds more values than any cache needs")
            }
            Self::Opcode(code, at) => {
                write!(out, "byte {at} of its pickle, {code:#04x}, is no opcode")
            }
            Self::Values(at) => write!(
                out,
                "the opcode at byte {at} of its pickle does not fit the values before it"
            ),
        }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Broken(format!("not a whole PyTorch file: {failure}"))
    }
}

/// A parsed pickle.
#[derive(Debug)]
pub(super) struct Pickle {
    pub values: Values,
    pub root: Id,
}

/// A reader that can skip bytes.
pub(super) trait Forward: Read {
    /// Skips `len` bytes; past the end nothing more is read.
    fn pass(&mut self, len: u64) -> io::Result<()>;
}

impl Forward for &[u8] {
    fn pass(&mut self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(self.len());
        *self = &self[len..];
        Ok(())
    }
}

/// Virtual machine that reads pickles one after the other.
pub(super) struct Machine<'a> {
    reader: &'a mut dyn Forward,
    /// Bytes read so far.
    position: u64,
    /// Bytes that may still be kept in memory.
    left: u64,
    max_bytes: u64,
    values: Values,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
    globals: HashMap<String, Id>,
    /// Offset of the current opcode.
    at: u64,
    /// Whether it is in a pickle within the pickle.
    is_nested: bool,
    /// Reads a PyTorch stream nested in the pickle; `None` within such a stream, since those are not nested further.
    pub open: Option<OpenStream>,
}

impl<'a> Machine<'a> {
    /// A machine that keeps at most `max_bytes` bytes of its pickles together.
    pub fn new(reader: &'a mut dyn Forward, max_bytes: u64) -> Self {
        Self {
            reader,
            position: 0,
            left: max_bytes,
            max_bytes,
            values: Values::default(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            globals: HashMap::new(),
            at: 0,
            is_nested: false,
            open: None,
        }
    }

    pub fn position(&self) -> u64 {
        self.position
    }

    /// Reads the next pickle.
    pub fn read(&mut self) -> Result<Pickle, Failure> {
        self.values = Values::default();
        self.stack.clear();
        self.marks.clear();
        self.memo.clear();
        self.globals.clear();
        let root = self.run()?;
        let values = std::mem::take(&mut self.values);
        Ok(Pickle { values, root })
    }

    /// Executes opcodes up to the end of a pickle, and returns its value.
    fn run(&mut self) -> Result<Id, Failure> {
        loop {
            self.at = self.position;
            let code = self.byte()?;
            if code == b'.' {
                return self.pop();
            }
            self.step(code)?;
        }
    }

    fn step(&mut self, code: u8) -> Result<(), Failure> {
        match code {
            0x80 => drop(self.byte()?),   // PROTO
            0x95 => drop(self.bytes(8)?), // FRAME
            b'(' => self.marks.push(self.stack.len()),
            b'0' => self.pop_or_mark()?,
            b'1' => drop(self.behind_mark()?), // POP_MARK
            b'2' => {
                let top = *self.stack.last().ok_or_else(|| self.misfit())?;
                self.stack.push(top);
            }
            b'N' => self.push(Value::None)?,
            0x88 => self.push(Value::Bool(true))?,
            0x89 => self.push(Value::Bool(false))?,
            b'I' | b'L' | b'K' | b'M' | b'J' | 0x8a | 0x8b | b'F' | b'G' => self.number(code)?,
            b'S' | b'V' | b'T' | b'U' | b'X' | 0x8c | 0x8d => self.text(code)?,
            b'B' | b'C' | 0x8e | 0x96 => self.blob(code)?,
            0x98 => {} // READONLY_BUFFER
            b')' => self.push(Value::Tuple(vec![]))?,
            b']' => self.push(Value::List(vec![]))?,
            b'}' => self.push(Value::Dict(vec![]))?,
            0x8f => self.push(Value::List(vec![]))?, // EMPTY_SET
            b't' | b'l' | 0x91 => {
                let members = self.behind_mark()?;
                self.push(if code == b't' {
                    Value::Tuple(members)
                } else {
                    Value::List(members)
                })?;
            }
            0x85..=0x87 => {
                let count = usize::from(code - 0x84);
                let start = self
                    .stack
                    .len()
                    .checked_sub(count)
                    .ok_or_else(|| self.misfit())?;
                let members = self.stack.split_off(start);
                self.check_marks();
                self.push(Value::Tuple(members))?;
            }
            b'd' => {
                let entries = self.behind_mark()?;
                let entries = self.pairs(&entries)?;
                self.push(Value::Dict(entries))?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' | 0x90 => {
                let items = self.behind_mark()?;
                self.append(items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(vec![(key, value)])?;
            }
            b'u' => {
                let entries = self.behind_mark()?;
                let entries = self.pairs(&entries)?;
                self.set(entries)?;
            }
            b'p' | b'q' | b'r' | 0x94 => {
                let index = self.index(code)?;
                let top = *self.stack.last().ok_or_else(|| self.misfit())?;
                self.memo.insert(index, top);
            }
            b'g' | b'h' | b'j' => {
                let index = self.index(code)?;
                let id = *self.memo.get(&index).ok_or_else(|| self.misfit())?;
                self.stack.push(id);
            }
            b'c' | 0x93 => {
                let id = self.global(code)?;
                self.stack.push(id);
            }
            b'P' | b'Q' => {
                let id = if code == b'P' {
                    self.line()?;
                    None
                } else {
                    Some(self.pop()?)
                };
                let storage = id.and_then(|id| rebuild::storage(&self.values, id));
                self.push(
                    storage.map_or(Value::Nothing, |storage| Value::Storage(Box::new(storage))),
                )?;
            }
            b'R' => {
                let (args, function) = (self.pop()?, self.pop()?);
                self.call(function, args)?;
            }
            0x81 => {
                let (args, class) = (self.pop()?, self.pop()?);
                self.instance(class, args)?;
            }
            0x92 => {
                let (_named, args, class) = (self.pop()?, self.pop()?, self.pop()?);
                self.instance(class, args)?;
            }
            b'i' | b'o' => {
                let mut args = self.behind_mark()?;
                let class = if code == b'i' {
                    self.global(b'c')?
                } else if args.is_empty() {
                    return Err(self.misfit());
                } else {
                    args.remove(0)
                };
                let args = self.add(Value::Tuple(args))?;
                self.call(class, args)?;
            }
            b'b' => {
                let state = self.pop()?;
                let target = *self.stack.last().ok_or_else(|| self.misfit())?;
                self.build(target, state)?;
            }
            // Extension codes and out-of-band buffers: their values are unknown.
            0x82..=0x84 => {
                self.bytes(1 << (code - 0x82))?;
                self.push(Value::Nothing)?;
            }
            0x97 => self.push(Value::Nothing)?,
            _ => return Err(Failure::Opcode(code, self.at)),
        }
        Ok(())
    }

    fn number(&mut self, code: u8) -> Result<(), Failure> {
        let value = match code {
            b'K' => Value::Int(i64::from(self.byte()?)),
            b'M' => Value::Int(self.little(2)? as i64),
            b'J' => Value::Int(i64::from(self.little(4)? as u32 as i32)),
            0x8a | 0x8b => {
                let len = self.little(if code == 0x8a { 1 } else { 4 })?;
                let bytes = self.bytes(len)?;
                long(&bytes).map_or(Value::Nothing, Value::Int)
            }
            b'G' => {
                let bytes = self.bytes(8)?;
                let bits = bytes
                    .iter()
                    .fold(0, |bits, &byte| bits << 8 | u64::from(byte));
                Value::Float(f64::from_bits(bits))
            }
            b'F' => self.line()?.parse().map_or(Value::Nothing, Value::Float),
            _ => match self.line()?.trim_end_matches('L') {
                "00" if code == b'I' => Value::Bool(false),
                "01" if code == b'I' => Value::Bool(true),
                digits => digits.parse().map_or(Value::Nothing, Value::Int),
            },
        };
        self.push(value)
    }

    fn text(&mut self, code: u8) -> Result<(), Failure> {
        let (text, offset) = match code {
            b'S' => (self.line()?.trim_matches(['\'', '"']).to_owned(), 0),
            b'V' => (self.line()?, 0),
            _ => {
                let width = match code {
                    b'U' | 0x8c => 1,
                    0x8d => 8,
                    _ => 4,
                };
                let len = self.little(width)?;
                let offset = self.position;
                if len > MAX_KEPT {
                    let blob = self.large(len, true)?;
                    return self.push(Value::LongText(Box::new(blob)));
                }
                let bytes = self.bytes(len)?;
                (String::from_utf8_lossy(&bytes).into_owned(), offset)
            }
        };
        self.push(Value::Text(text.into(), offset))
    }

    fn blob(&mut self, code: u8) -> Result<(), Failure> {
        let len = self.little(match code {
            b'C' => 1,
            b'B' => 4,
            _ => 8,
        })?;
        let blob = self.large(len, false)?;
        self.push(Value::Bytes(Box::new(blob)))
    }

    /// Reads the next `len` bytes, of which only the first are kept.
    fn large(&mut self, len: u64, is_text: bool) -> Result<Blob, Failure> {
        let offset = self.position;
        let kept = if len > MAX_KEPT { KEPT_OF_BLOB } else { len };
        let head = self.bytes(kept)?.into();
        self.skip(len - kept)?;
        Ok(Blob {
            offset,
            len,
            head,
            is_text,
        })
    }

    fn global(&mut self, code: u8) -> Result<Id, Failure> {
        let name = if code == b'c' {
            format!("{}.{}", self.line()?, self.line()?)
        } else {
            let (name, module) = (self.pop()?, self.pop()?);
            let (Some(name), Some(module)) = (self.values.text(name), self.values.text(module))
            else {
                return Err(self.misfit());
            };
            if name.len().max(module.len()) > MAX_NAME {
                return Err(self.misfit());
            }
            format!("{module}.{name}")
        };
        if name.len() > 2 * MAX_NAME {
            return Err(self.misfit());
        }
        // One value per name: a name that is requested over and over takes no memory.
        if let Some(&id) = self.globals.get(&name) {
            return Ok(id);
        }
        let id = self.add(Value::Global(name.as_str().into()))?;
        self.globals.insert(name, id);
        Ok(id)
    }

    /// Pushes the result of a call: a value if the function is one of those that rebuild tensors, otherwise an object
    /// that records the function's name.
    fn call(&mut self, function: Id, args: Id) -> Result<(), Failure> {
        match rebuild::call(&self.values, function, args, self.open) {
            Some(Made::New(value)) => {
                self.values.copied += value::bytes(&value);
                self.check_copies()?;
                self.push(value)
            }
            Some(Made::Tensor(tensor)) => {
                let tensor = tensor.add(&mut self.values).ok_or(Failure::TooManyValues)?;
                self.push(tensor)
            }
            Some(Made::Old(id)) => {
                self.stack.push(id);
                Ok(())
            }
            None => self.push(Value::Object(Box::new(Object::new(function, args, true)))),
        }
    }

    fn instance(&mut self, class: Id, args: Id) -> Result<(), Failure> {
        let value = match self.values.global(class) {
            None => return Err(self.misfit()),
            Some("collections.OrderedDict" | "builtins.dict") => Value::Dict(vec![]),
            Some("builtins.list") => Value::List(vec![]),
            Some(_) => Value::Object(Box::new(Object::new(class, args, false))),
        };
        self.push(value)
    }

    fn build(&mut self, target: Id, state: Id) -> Result<(), Failure> {
        if let Some(array) = numpy::state(&self.values, target, state) {
            let tensor = array.add(&mut self.values).ok_or(Failure::TooManyValues)?;
            *self.values.get_mut(target) = tensor;
        } else if let Some(objects) = numpy::objects(&mut self.values, target, state) {
            *self.values.get_mut(target) = objects;
            self.check_copies()?;
        } else if let Some(wrapper) = joblib::wrapper(&self.values, target, state) {
            let array = self.behind_wrapper(wrapper)?;
            let tensor = array.add(&mut self.values).ok_or(Failure::TooManyValues)?;
            *self.values.get_mut(target) = tensor;
        } else if joblib::holds_objects(&self.values, target, state) {
            let array = self.nested()?;
            *self.values.get_mut(target) = self.values.copy(array);
            self.check_copies()?;
        } else if let Value::Object(object) = self.values.get_mut(target) {
            object.states.push(state);
        }
        Ok(())
    }

    /// The value of a pickle that follows within this one; there is none in such a pickle.
    fn nested(&mut self) -> Result<Id, Failure> {
        if std::mem::replace(&mut self.is_nested, true) {
            return Err(self.misfit());
        }
        let stack = std::mem::take(&mut self.stack);
        let marks = std::mem::take(&mut self.marks);
        let memo = std::mem::take(&mut self.memo);
        let root = self.run()?;
        (self.stack, self.marks, self.memo) = (stack, marks, memo);
        self.is_nested = false;
        Ok(root)
    }

    fn check_copies(&self) -> Result<(), Failure> {
        if self.values.copied > MAX_COPIED.saturating_add(self.position) {
            return Err(Failure::TooManyValues);
        }
        Ok(())
    }

    /// The array whose data follows in the stream, after padding if the wrapper is aligned.
    fn behind_wrapper(&mut self, wrapper: joblib::Wrapper) -> Result<Inline, Failure> {
        if wrapper.is_aligned {
            let padding = self.byte()?;
            self.skip(u64::from(padding))?;
        }
        let blob = Blob {
            offset: self.position,
            len: wrapper.len,
            head: Box::default(),
            is_text: false,
        };
        self.skip(wrapper.len)?;
        Ok(wrapper.array(&blob))
    }

    fn append(&mut self, new: Vec<Id>) -> Result<(), Failure> {
        let target = *self.stack.last().ok_or_else(|| self.misfit())?;
        match self.values.get_mut(target) {
            Value::List(members) => members.extend(new),
            Value::Object(object) => object.items.extend(new),
            Value::Nothing => {}
            _ => return Err(self.misfit()),
        }
        Ok(())
    }

    fn set(&mut self, new: Vec<(Id, Id)>) -> Result<(), Failure> {
        let target = *self.stack.last().ok_or_else(|| self.misfit())?;
        match self.values.get_mut(target) {
            Value::Dict(entries) => entries.extend(new),
            Value::Object(object) => object.entries.extend(new),
            Value::Nothing => {}
            _ => return Err(self.misfit()),
        }
        Ok(())
    }

    fn pairs(&self, flat: &[Id]) -> Result<Vec<(Id, Id)>, Failure> {
        let (pairs, rest) = flat.as_chunks::<2>();
        if rest.is_empty() {
            Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
        } else {
            Err(self.misfit())
        }
    }

    fn misfit(&self) -> Failure {
        Failure::Values(self.at)
    }

    fn add(&mut self, value: Value) -> Result<Id, Failure> {
        self.values.add(value).ok_or(Failure::TooManyValues)
    }

    fn push(&mut self, value: Value) -> Result<(), Failure> {
        let id = self.add(value)?;
        self.stack.push(id);
        Ok(())
    }

    fn pop(&mut self) -> Result<Id, Failure> {
        let id = self.stack.pop().ok_or_else(|| self.misfit())?;
        self.check_marks();
        Ok(id)
    }

    /// Marks are never above the top of the stack.
    fn check_marks(&mut self) {
        while self
            .marks
            .last()
            .is_some_and(|&mark| mark > self.stack.len())
        {
            self.marks.pop();
        }
    }

    fn pop_or_mark(&mut self) -> Result<(), Failure> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            Ok(())
        } else {
            self.pop().map(drop)
        }
    }

    fn behind_mark(&mut self) -> Result<Vec<Id>, Failure> {
        let mark = self.marks.pop().ok_or_else(|| self.misfit())?;
        Ok(self.stack.split_off(mark))
    }

    /// Operand of a memo opcode: the index of the memo entry.
    fn index(&mut self, code: u8) -> Result<u64, Failure> {
        match code {
            b'p' | b'g' => self.line()?.parse().map_err(|_| self.misfit()),
            b'q' | b'h' => self.byte().map(u64::from),
            b'r' | b'j' => self.little(4),
            _ => Ok(self.memo.len() as u64),
        }
    }

    fn byte(&mut self) -> Result<u8, Failure> {
        let mut byte = [0];
        self.fill(&mut byte)?;
        Ok(byte[0])
    }

    fn little(&mut self, width: usize) -> Result<u64, Failure> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes[..width])?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<(), Failure> {
        let len = out.len() as u64;
        self.left = self
            .left
            .checked_sub(len)
            .ok_or(Failure::TooLarge(self.max_bytes))?;
        self.reader.read_exact(out).map_err(ends)?;
        self.position += len;
        Ok(())
    }

    /// Reads the next `len` bytes. Memory grows with the bytes that arrive, not with `len`.
    fn bytes(&mut self, len: u64) -> Result<Vec<u8>, Failure> {
        self.left = self
            .left
            .checked_sub(len)
            .ok_or(Failure::TooLarge(self.max_bytes))?;
        let mut bytes = Vec::new();
        Read::take(&mut *self.reader, len)
            .read_to_end(&mut bytes)
            .map_err(ends)?;
        self.position += bytes.len() as u64;
        if (bytes.len() as u64) < len {
            Err(Failure::Ends(None))
        } else {
            Ok(bytes)
        }
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => {
                    return Ok(String::from_utf8_lossy(&line)
                        .trim_end_matches('\r')
                        .to_owned());
                }
                byte if line.len() < MAX_KEPT as usize => line.push(byte),
                _ => return Err(self.misfit()),
            }
        }
    }

    fn skip(&mut self, len: u64) -> Result<(), Failure> {
        self.reader.pass(len).map_err(ends)?;
        self.position = self.position.checked_add(len).ok_or(Failure::Ends(None))?;
        Ok(())
    }
}

/// Failure for a reader's error; a plain end of file has no message.
fn ends(error: io::Error) -> Failure {
    let plain = error.kind() == io::ErrorKind::UnexpectedEof;
    Failure::Ends((!plain).then(|| error.to_string()))
}

/// A little-endian integer of any width; `None` if it does not fit in 64 bits.
fn long(bytes: &[u8]) -> Option<i64> {
    let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
    let fill = if negative { 0xff } else { 0 };
    let (low, high) = bytes.split_at(bytes.len().min(8));
    let mut wide = [fill; 8];
    wide[..low.len()].copy_from_slice(low);
    let value = i64::from_le_bytes(wide);
    (high.iter().all(|&byte| byte == fill) && (value < 0) == negative).then_some(value)
}
