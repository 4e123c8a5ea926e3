//! Reading of structure arrays from MATLAB files of level 5, as far as the development kit of ImageNet needs them.
//!
//! A file is a header of 128 bytes and elements; an element is a type, a length and data, plain or deflated. Source: MathWorks, "MAT-File
//! Format", chapter 1.

use std::collections::BTreeMap;
use std::io::Read;

/// Types of elements and classes of arrays.
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
const STRUCTURE: u32 = 2;
const CHARACTERS: u32 = 4;
/// Most bytes of a deflated element.
const INFLATED_LIMIT: u64 = 64 << 20;

/// A field of a structure.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Characters.
    Text(String),
    /// The numbers of an array of any shape.
    Numbers(Vec<f64>),
}

/// One element of a structure array: its fields by name, without those of other kinds.
pub(super) type Structure = BTreeMap<String, Value>;

/// Returns the elements of the first structure array of a file.
///
/// # Errors
/// What was found in place of a file with a structure array.
pub(super) fn structures(file: &[u8]) -> Result<Vec<Structure>, String> {
    if file.get(126..128) != Some(b"IM") {
        return Err("a file that is no little-endian MATLAB file of level 5".to_string());
    }
    let mut elements = Elements(&file[128..]);
    while let Some((kind, data)) = elements.next()? {
        let found = match kind {
            MATRIX => structure_array(data)?,
            COMPRESSED => {
                let mut inflated = Vec::new();
                let decoder = flate2::read::ZlibDecoder::new(data).take(INFLATED_LIMIT);
                { decoder }.read_to_end(&mut inflated).map_err(|error| error.to_string())?;
                match Elements(&inflated).next()? {
                    Some((MATRIX, data)) => structure_array(data)?,
                    _ => None,
                }
            }
            _ => None,
        };
        if let Some(found) = found {
            return Ok(found);
        }
    }
    Err("a MATLAB file without a structure array".to_string())
}

/// The elements that are left of a sequence.
struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// Returns the type and the data of the next element.
    fn next(&mut self) -> Result<Option<(u32, &'a [u8])>, String> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let cut = || "a MATLAB file that is cut off".to_string();
        let word = |place: usize| {
            let bytes = self.0.get(place..place + 4).ok_or_else(cut)?;
            Ok::<u32, String>(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        };
        let (kind, length) = (word(0)?, word(4)?);
        // A length in the upper half of the type is that of up to four bytes of data in place of the length.
        let (kind, start, length, end) = match kind >> 16 {
            0 if kind == COMPRESSED => (kind, 8, length as usize, 8 + length as usize),
            0 => (kind, 8, length as usize, 8 + (length as usize).next_multiple_of(8)),
            short => (kind & 0xffff, 4, short as usize, 8),
        };
        let data = self.0.get(start..start + length).ok_or_else(cut)?;
        self.0 = self.0.get(end..).unwrap_or_default();
        Ok(Some((kind, data)))
    }

    /// Returns the next element, which must be there.
    fn expect(&mut self) -> Result<(u32, &'a [u8]), String> {
        self.next()?.ok_or_else(|| "a MATLAB array without its data".to_string())
    }
}

/// Returns the class of an array and the elements after its name.
fn array(data: &[u8]) -> Result<(u32, Elements<'_>), String> {
    let mut elements = Elements(data);
    let (_, flags) = elements.expect()?;
    let class = flags.first().map_or(0, |class| u32::from(*class));
    let (_dimensions, _name) = (elements.expect()?, elements.expect()?);
    Ok((class, elements))
}

fn structure_array(data: &[u8]) -> Result<Option<Vec<Structure>>, String> {
    let (class, mut elements) = array(data)?;
    if class != STRUCTURE {
        return Ok(None);
    }
    let length = numbers(elements.expect()?)?.first().map_or(0, |length| *length as usize);
    let (_, names) = elements.expect()?;
    if length == 0 || names.is_empty() {
        return Ok(None);
    }
    let names: Vec<String> = names
        .chunks(length)
        .map(|name| String::from_utf8_lossy(name).trim_end_matches('\0').to_string())
        .collect();
    let mut found = Vec::new();
    loop {
        let mut structure = Structure::new();
        for name in &names {
            let Some((_, field)) = elements.next()? else {
                return Ok(Some(found));
            };
            if let Some(value) = value(field)? {
                structure.insert(name.clone(), value);
            }
        }
        found.push(structure);
    }
}

/// Returns the value of a field, if it is text or numbers.
fn value(field: &[u8]) -> Result<Option<Value>, String> {
    if field.is_empty() {
        return Ok(None);
    }
    let (class, mut elements) = array(field)?;
    Ok(match class {
        CHARACTERS => {
            let (kind, data) = elements.expect()?;
            // Characters of 16 bits are numbers; others are UTF-8.
            Some(Value::Text(match kind {
                4 => char::decode_utf16(numbers((kind, data))?.into_iter().map(|code| code as u16))
                    .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect(),
                _ => String::from_utf8_lossy(data).into_owned(),
            }))
        }
        6..=15 => Some(Value::Numbers(elements.next()?.map_or(Ok(Vec::new()), numbers)?)),
        _ => None,
    })
}

/// Returns the numbers of an element of any numeric type.
fn numbers((kind, data): (u32, &[u8])) -> Result<Vec<f64>, String> {
    fn of<const BYTES: usize>(data: &[u8], convert: fn([u8; BYTES]) -> f64) -> Vec<f64> {
        data.as_chunks::<BYTES>().0.iter().map(|bytes| convert(*bytes)).collect()
    }
    Ok(match kind {
        1 => of(data, |bytes| i8::from_le_bytes(bytes).into()),
        2 => of(data, |bytes| u8::from_le_bytes(bytes).into()),
        3 => of(data, |bytes| i16::from_le_bytes(bytes).into()),
        4 => of(data, |bytes| u16::from_le_bytes(bytes).into()),
        5 => of(data, |bytes| i32::from_le_bytes(bytes).into()),
        6 => of(data, |bytes| u32::from_le_bytes(bytes).into()),
        7 => of(data, |bytes| f32::from_le_bytes(bytes).into()),
        9 => of(data, f64::from_le_bytes),
        other => return Err(format!("a MATLAB array of type {other}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFLATED: &[u8] = include_bytes!("../../tests/fixtures/imagenet_meta.mat");

    #[test]
    fn deflated_and_plain_files_of_scipy_hold_the_same_structures() {
        let found = structures(DEFLATED).expect("a file of SciPy");
        assert_eq!(found.len(), 94);
        assert_eq!(found[0]["WNID"], Value::Text("n01514668".to_string()));
        assert_eq!(found[0]["words"], Value::Text("cock, n01514668".to_string()));
        assert_eq!(found[0]["ILSVRC2012_ID"], Value::Numbers(vec![93.0]));
        assert_eq!(found[93]["children"], Value::Numbers(vec![1.0, 2.0, 3.0]));
        // What a deflated element holds is the plain element.
        let mut plain = DEFLATED[..128].to_vec();
        let length = u32::from_le_bytes(DEFLATED[132..136].try_into().expect("four bytes")) as usize;
        let decoder = flate2::read::ZlibDecoder::new(&DEFLATED[136..136 + length]);
        { decoder }.read_to_end(&mut plain).expect("a deflated element");
        assert_eq!(structures(&plain).expect("the same"), found);
    }

    #[test]
    fn cut_and_foreign_files_are_refused() {
        assert!(structures(b"PK").expect_err("a zip").contains("level 5"));
        for length in [128, 140, 300, DEFLATED.len() - 1] {
            assert!(structures(&DEFLATED[..length]).is_err(), "cut to {length} bytes");
        }
    }
}
