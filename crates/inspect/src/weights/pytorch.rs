//! What `torch.save` writes: a zip file with a pickle, and the bytes of each storage in an entry of its own.

use allconv_train::NamedTensor;

use super::number_type::{COUNTER, NumberType, TypedTensors};
use super::pickle::{Object, Stored, read};
use super::zip::Archive;

/// The first bytes of the format before PyTorch 1.6.
pub(super) const OLD_START: &[u8] = b"\x80\x02";

/// What to do about a file of it.
pub(super) const OLD_FORMAT: &str = "it is a pickle in the format before PyTorch 1.6, which is not read; load it with PyTorch and save its state dict as safetensors";

/// Keys under which programs keep the state dict among other things.
const STATE_KEYS: [&str; 2] = ["state_dict", "model"];

/// Returns the tensors of a file.
///
/// # Errors
/// What is wrong with it, and where.
pub(super) fn tensors(bytes: &[u8]) -> Result<TypedTensors, String> {
    let archive = Archive::open(bytes)?;
    let pickle = archive.names().find(|name| name.ends_with("/data.pkl")).map(str::to_owned);
    let pickle = pickle.ok_or("it holds no `data.pkl`; is it a file of torch.save?")?;
    let folder = pickle.trim_end_matches("data.pkl");
    if archive.entry(&format!("{folder}byteorder")).is_some_and(|order| order != b"little") {
        return Err("its numbers are in big endian; save it again on another machine".to_owned());
    }
    let Object::Dict(items) = read(archive.entry(&pickle).unwrap_or_default())? else {
        return Err("it holds no dict of tensors; save `model.state_dict()`".to_owned());
    };
    let mut tensors = TypedTensors::new();
    for (name, stored) in state_dict(items)? {
        let Some(kind) = stored.kind else {
            match name.ends_with(COUNTER) {
                true => continue,
                false => {
                    return Err(format!(
                        "tensor `{name}` holds whole numbers; weights are floating-point numbers"
                    ));
                }
            }
        };
        let entry = format!("{folder}data/{}", stored.key);
        let bytes =
            archive.entry(&entry).ok_or_else(|| format!("`{entry}`, the values of `{name}`, is missing"))?;
        let tensor = gathered(&stored, kind, bytes).map_err(|reason| format!("tensor `{name}`: {reason}"))?;
        tensors.push((name, kind, tensor));
    }
    Ok(tensors)
}

/// Returns the tensors by name: the dict itself, or the one that it holds under a usual key.
fn state_dict(items: Vec<(Object, Object)>) -> Result<Vec<(String, Stored)>, String> {
    let inner = items.iter().position(|(key, value)| {
        matches!((key, value), (Object::Text(key), Object::Dict(_)) if STATE_KEYS.contains(&&**key))
    });
    let items = match inner {
        Some(place) => match items.into_iter().nth(place) {
            Some((_, Object::Dict(items))) => items,
            _ => Vec::new(),
        },
        None => items,
    };
    let named = |(key, value): (Object, Object)| match (key, value) {
        (Object::Text(name), Object::Tensor(stored)) => Ok((name.to_string(), stored)),
        (Object::Text(name), _) => Err(format!("`{name}` is no tensor; save `model.state_dict()`")),
        _ => Err("a key of its dict is no text; save `model.state_dict()`".to_owned()),
    };
    items.into_iter().map(named).collect()
}

/// Returns the elements of a tensor in row-major order.
fn gathered(stored: &Stored, kind: NumberType, bytes: &[u8]) -> Result<NamedTensor, String> {
    let Stored { numbers, offset, sizes, strides, .. } = stored;
    if Some(bytes.len()) != numbers.checked_mul(kind.bytes()) {
        return Err(format!("its storage has {} bytes for {numbers} numbers of type {kind:?}", bytes.len()));
    }
    let count = sizes.iter().try_fold(1_usize, |count, size| count.checked_mul(*size));
    let count = count.filter(|count| count <= numbers);
    let last = sizes.iter().zip(strides).try_fold(*offset, |last, (size, stride)| {
        last.checked_add(size.checked_sub(1)?.checked_mul(*stride)?)
    });
    let (Some(count), true) =
        (count, last.is_some_and(|last| last < *numbers) && sizes.len() == strides.len())
    else {
        return Err(format!(
            "its sizes {sizes:?} and strides {strides:?} reach beyond its {numbers} numbers"
        ));
    };
    let numbers = kind.values(bytes);
    let mut index = vec![0; sizes.len()];
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        values.push(
            numbers[offset + index.iter().zip(strides).map(|(index, stride)| index * stride).sum::<usize>()],
        );
        for axis in (0..sizes.len()).rev() {
            index[axis] += 1;
            if index[axis] < sizes[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    Ok(NamedTensor { shape: sizes.clone(), values })
}
