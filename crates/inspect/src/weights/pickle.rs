//! Pickles of dicts of plain tensors, read by a machine that knows a list of opcodes and names and executes nothing.
//!
//! Source: `Lib/pickletools.py` of Python, `torch/serialization.py` of PyTorch.

use std::collections::HashMap;
use std::rc::Rc;

use super::number_type::NumberType;

/// Most bytes of a pickle: its tensors lie elsewhere.
const MOST_BYTES: usize = 64 << 20;
/// Deepest nesting of containers.
const DEEPEST: usize = 32;

/// A tensor as its pickle describes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stored {
    /// Type of the numbers; `None` for whole numbers.
    pub(super) kind: Option<NumberType>,
    /// Name of the entry with the numbers.
    pub(super) key: Rc<str>,
    /// Numbers of the storage.
    pub(super) numbers: usize,
    /// The first of the tensor.
    pub(super) offset: usize,
    /// Its sizes.
    pub(super) sizes: Vec<usize>,
    /// Its strides.
    pub(super) strides: Vec<usize>,
}

/// A value on the stack.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Object {
    /// A value that says nothing about tensors: none, a float, a container that is met again.
    Other,
    /// A whole number, or true or false.
    Number(i64),
    /// A text.
    Text(Rc<str>),
    /// A tuple or a list, with its depth.
    Sequence(usize, Rc<Vec<Object>>),
    /// A dict.
    Dict(Vec<(Object, Object)>),
    /// A name that may be called.
    Name(Name),
    /// A type of storages.
    StorageType(Option<NumberType>),
    /// A storage: type, entry and number of numbers.
    Storage(Option<NumberType>, Rc<str>, usize),
    /// A tensor.
    Tensor(Stored),
    /// The begin of a sequence.
    Mark,
}

/// Names that may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
}

/// Reads a pickle.
///
/// # Errors
/// The opcode or the name that is refused, with its place.
pub(super) fn read(bytes: &[u8]) -> Result<Object, String> {
    if bytes.len() > MOST_BYTES {
        return Err(format!("its pickle has {} bytes; at most {MOST_BYTES} are read", bytes.len()));
    }
    let mut machine = Machine { bytes, place: 0, stack: Vec::new(), memo: HashMap::new() };
    loop {
        let place = machine.place;
        let step =
            machine.step().map_err(|reason| format!("its pickle is refused at byte {place}: {reason}"))?;
        if let Some(object) = step {
            return Ok(object);
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    place: usize,
    stack: Vec<Object>,
    memo: HashMap<usize, Object>,
}

impl<'a> Machine<'a> {
    /// Executes one opcode; returns the object at the end.
    fn step(&mut self) -> Result<Option<Object>, String> {
        let opcode = self.take(1)?[0];
        match opcode {
            b'.' => return self.pop().map(Some),
            // The protocol, and the length of a frame.
            0x80 => self.skip(1)?,
            0x95 => self.skip(8)?,
            b'}' => self.stack.push(Object::Dict(Vec::new())),
            b']' | b')' => self.stack.push(Object::Sequence(0, Rc::default())),
            b'(' => self.stack.push(Object::Mark),
            b'N' => self.stack.push(Object::Other),
            b'G' => {
                self.skip(8)?;
                self.stack.push(Object::Other);
            }
            0x88 | 0x89 => self.stack.push(Object::Number(i64::from(opcode == 0x88))),
            b'K' => self.push_number(1)?,
            b'M' => self.push_number(2)?,
            b'J' => {
                let bytes = self.take(4)?;
                let number = i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                self.stack.push(Object::Number(i64::from(number)));
            }
            0x8a => self.push_long()?,
            b'X' => self.push_text(4)?,
            0x8c => self.push_text(1)?,
            b'q' => self.remember(1)?,
            b'r' => self.remember(4)?,
            0x94 => self.keep(self.memo.len())?,
            b'h' => self.recall(1)?,
            b'j' => self.recall(4)?,
            other => self.combine(other)?,
        }
        Ok(None)
    }

    /// Executes an opcode that takes values from the stack.
    fn combine(&mut self, opcode: u8) -> Result<(), String> {
        match opcode {
            b't' | b'l' => {
                let items = self.since_mark()?;
                self.push_sequence(items)
            }
            0x85..=0x87 => {
                let items = self.last(usize::from(opcode - 0x84))?;
                self.push_sequence(items)
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push_name(&module, &name)
            }
            0x93 => match self.last(2)?.as_slice() {
                [Object::Text(module), Object::Text(name)] => self.push_name(module, name),
                _ => Err("a name that is no text".to_owned()),
            },
            b'Q' => self.push_storage(),
            b'R' => self.call(),
            b's' => {
                let item = self.last(2)?;
                self.insert(item)
            }
            b'u' => {
                let items = self.since_mark()?;
                self.insert(items)
            }
            // Items of a list, and the attributes of a dict such as the versions of its modules, say nothing about tensors.
            b'a' | b'b' => self.last(1).map(drop),
            b'e' => self.since_mark().map(drop),
            other => Err(format!(
                "opcode 0x{other:02x} is none that plain tensors need; save `model.state_dict()`, or use safetensors"
            )),
        }
    }

    fn skip(&mut self, count: usize) -> Result<(), String> {
        self.take(count).map(|_| ())
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let end = self.place.checked_add(count).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or("the pickle ends within an opcode")?;
        let taken = &self.bytes[self.place..end];
        self.place = end;
        Ok(taken)
    }

    fn number(&mut self, bytes: usize) -> Result<usize, String> {
        Ok(self.take(bytes)?.iter().rev().fold(0, |number, byte| (number << 8) | usize::from(*byte)))
    }

    fn push_number(&mut self, bytes: usize) -> Result<(), String> {
        let number = self.number(bytes)?;
        self.stack.push(Object::Number(number as i64));
        Ok(())
    }

    fn push_long(&mut self) -> Result<(), String> {
        let count = self.number(1)?;
        if count > 8 {
            return Err(format!("a whole number of {count} bytes; at most 8 are read"));
        }
        let bytes = self.take(count)?;
        let fill = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
        let mut all = [fill; 8];
        all[..count].copy_from_slice(bytes);
        self.stack.push(Object::Number(i64::from_le_bytes(all)));
        Ok(())
    }

    fn push_text(&mut self, bytes: usize) -> Result<(), String> {
        let count = self.number(bytes)?;
        let text = std::str::from_utf8(self.take(count)?).map_err(|_| "a text that is no UTF-8")?;
        self.stack.push(Object::Text(text.into()));
        Ok(())
    }

    fn line(&mut self) -> Result<String, String> {
        let rest = &self.bytes[self.place..];
        let length = rest.iter().position(|byte| *byte == b'\n').ok_or("a name without end")?;
        let line = String::from_utf8_lossy(&rest[..length]).into_owned();
        self.place += length + 1;
        Ok(line)
    }

    fn pop(&mut self) -> Result<Object, String> {
        self.stack.pop().ok_or_else(|| "the stack is empty".to_owned())
    }

    fn last(&mut self, count: usize) -> Result<Vec<Object>, String> {
        let from = self.stack.len().checked_sub(count).ok_or("the stack is too short")?;
        let items = self.stack.split_off(from);
        match items.contains(&Object::Mark) {
            true => Err("a mark among values".to_owned()),
            false => Ok(items),
        }
    }

    fn since_mark(&mut self) -> Result<Vec<Object>, String> {
        let mark = self.stack.iter().rposition(|object| *object == Object::Mark).ok_or("there is no mark")?;
        let items = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(items)
    }

    fn push_sequence(&mut self, items: Vec<Object>) -> Result<(), String> {
        let depth = items.iter().map(depth).max().unwrap_or(0) + 1;
        if depth > DEEPEST {
            return Err(format!("containers nested deeper than {DEEPEST}"));
        }
        self.stack.push(Object::Sequence(depth, Rc::new(items)));
        Ok(())
    }

    /// Keeps the last value for later; a dict only that there was one, so that nothing can hold itself.
    fn keep(&mut self, place: usize) -> Result<(), String> {
        let object = match self.stack.last().ok_or("nothing to remember")? {
            Object::Dict(_) | Object::Mark => Object::Other,
            object => object.clone(),
        };
        self.memo.insert(place, object);
        Ok(())
    }

    fn remember(&mut self, bytes: usize) -> Result<(), String> {
        let place = self.number(bytes)?;
        self.keep(place)
    }

    fn recall(&mut self, bytes: usize) -> Result<(), String> {
        let place = self.number(bytes)?;
        let object =
            self.memo.get(&place).cloned().ok_or_else(|| format!("nothing is remembered at {place}"))?;
        self.stack.push(object);
        Ok(())
    }

    fn push_name(&mut self, module: &str, name: &str) -> Result<(), String> {
        self.stack.push(match (module, name) {
            ("collections", "OrderedDict") => Object::Name(Name::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2") => Object::Name(Name::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Object::Name(Name::RebuildParameter),
            ("torch", "HalfStorage") => Object::StorageType(Some(NumberType::F16)),
            ("torch", "BFloat16Storage") => Object::StorageType(Some(NumberType::BF16)),
            ("torch", "FloatStorage") => Object::StorageType(Some(NumberType::F32)),
            ("torch", "DoubleStorage") => Object::StorageType(Some(NumberType::F64)),
            ("torch", "LongStorage" | "IntStorage" | "ShortStorage" | "CharStorage" | "ByteStorage" | "BoolStorage") => {
                Object::StorageType(None)
            }
            _ => {
                return Err(format!(
                    "it names `{module}.{name}`; of pickles only plain tensors are read, and nothing is executed"
                ));
            }
        });
        Ok(())
    }

    /// Pushes a storage by its persistent name: `("storage", type, entry, device, numbers)`.
    fn push_storage(&mut self) -> Result<(), String> {
        let Object::Sequence(_, parts) = self.pop()? else {
            return Err("a storage without description".to_owned());
        };
        match parts.as_slice() {
            [Object::Text(kind), Object::StorageType(of), Object::Text(key), _, Object::Number(count)]
                if &**kind == "storage" && *count >= 0 =>
            {
                self.stack.push(Object::Storage(*of, key.clone(), *count as usize));
                Ok(())
            }
            _ => Err("a persistent name that is no storage".to_owned()),
        }
    }

    fn call(&mut self) -> Result<(), String> {
        let mut last = self.last(2)?;
        let (Some(Object::Sequence(_, arguments)), Some(Object::Name(name))) = (last.pop(), last.pop())
        else {
            return Err("a call of something that may not be called".to_owned());
        };
        let result = match (name, arguments.as_slice()) {
            (Name::OrderedDict, []) => Object::Dict(Vec::new()),
            (Name::RebuildParameter, [Object::Tensor(stored), ..]) => Object::Tensor(stored.clone()),
            (
                Name::RebuildTensor,
                [Object::Storage(kind, key, numbers), Object::Number(offset), sizes, strides, ..],
            ) => {
                let offset = usize::try_from(*offset).map_err(|_| "a negative offset")?;
                let (sizes, strides) = (whole_numbers(sizes)?, whole_numbers(strides)?);
                Object::Tensor(Stored {
                    kind: *kind,
                    key: key.clone(),
                    numbers: *numbers,
                    offset,
                    sizes,
                    strides,
                })
            }
            _ => return Err(format!("{name:?} with arguments that it does not take")),
        };
        self.stack.push(result);
        Ok(())
    }

    /// Puts keys and values into the dict before them.
    fn insert(&mut self, items: Vec<Object>) -> Result<(), String> {
        let Some(Object::Dict(dict)) = self.stack.last_mut() else {
            return Err("items of no dict".to_owned());
        };
        if !items.len().is_multiple_of(2) || items.iter().any(|item| depth(item) >= DEEPEST) {
            return Err("keys without values, or containers that are nested too deep".to_owned());
        }
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            dict.push((key, value));
        }
        Ok(())
    }
}

fn depth(object: &Object) -> usize {
    match object {
        Object::Sequence(depth, _) => *depth,
        Object::Dict(items) => items.iter().map(|(_, value)| depth(value)).max().unwrap_or(0) + 1,
        _ => 0,
    }
}

fn whole_numbers(object: &Object) -> Result<Vec<usize>, String> {
    let Object::Sequence(_, items) = object else { return Err("sizes that are no tuple".to_owned()) };
    let number = |item: &Object| match item {
        Object::Number(number) => usize::try_from(*number).map_err(|_| format!("a size of {number}")),
        _ => Err("a size that is no number".to_owned()),
    };
    items.iter().map(number).collect()
}
