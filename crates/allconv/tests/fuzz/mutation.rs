//! Mutations of valid files: bits, bytes, numbers, ranges, and parts of another file.

/// Numbers that code is wrong about.
const NUMBERS: [u64; 12] =
    [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, i64::MAX as u64, u64::MAX];

/// Texts to put in place of a number in a text.
const TEXTS: [&str; 10] = [
    "0",
    "-1",
    "1e309",
    "nan",
    "-0.0",
    "1000000000000",
    "9223372036854775807",
    "18446744073709551616",
    "\"\"",
    "[]",
];

/// Longest mutated file; those that come of a longer one are cut.
const MOST_BYTES: usize = 1 << 18;

/// A generator of numbers: SplitMix64 (Steele, Lea and Flood 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, 0 for a limit of 0.
    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Returns one of the files with one to six mutations, the same for the same number.
pub(crate) fn mutated(bases: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut numbers = Numbers(number.wrapping_mul(0xd134_2543_de82_ef95));
    let mut bytes = bases[numbers.below(bases.len())].clone();
    for _ in 0..=numbers.below(6) {
        mutate(&mut bytes, bases, &mut numbers);
    }
    bytes.truncate(MOST_BYTES);
    bytes
}

fn mutate(bytes: &mut Vec<u8>, bases: &[Vec<u8>], numbers: &mut Numbers) {
    if bytes.is_empty() {
        bytes.push(numbers.next() as u8);
    }
    let place = numbers.below(bytes.len());
    let length = 1 + numbers.below(16.min(bytes.len() - place));
    match numbers.below(10) {
        0 | 1 => bytes[place] ^= 1 << numbers.below(8),
        2 => bytes[place] = NUMBERS[numbers.below(6)] as u8,
        3 => overwrite(bytes, place, numbers),
        4 => drop(bytes.drain(place..place + length)),
        5 => {
            let part = bytes[place..place + length].to_vec();
            for _ in 0..=numbers.below(8) {
                bytes.splice(place..place, part.iter().copied());
            }
        }
        6 => bytes.truncate(place),
        7 => {
            let other = &bases[numbers.below(bases.len())];
            let start = numbers.below(other.len());
            let end = start + numbers.below(64.min(other.len() - start) + 1);
            bytes.splice(place..place + length, other[start..end].iter().copied());
        }
        8 => bytes.extend((0..length).map(|_| numbers.next() as u8)),
        _ => replace_number(bytes, place, numbers),
    }
}

/// Writes one of [`NUMBERS`] in 1, 2, 4 or 8 bytes of either order.
fn overwrite(bytes: &mut [u8], place: usize, numbers: &mut Numbers) {
    let number = NUMBERS[numbers.below(NUMBERS.len())];
    let size = (1 << numbers.below(4)).min(bytes.len() - place);
    let little = number.to_le_bytes();
    for (offset, byte) in bytes[place..place + size].iter_mut().enumerate() {
        *byte = little[if number.is_multiple_of(3) { offset } else { size - 1 - offset }];
    }
}

/// Puts one of [`TEXTS`] in place of the digits after a position.
fn replace_number(bytes: &mut Vec<u8>, place: usize, numbers: &mut Numbers) {
    let text = TEXTS[numbers.below(TEXTS.len())].bytes();
    let Some(start) = bytes[place..].iter().position(u8::is_ascii_digit) else { return };
    let start = place + start;
    let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    bytes.splice(start..start + digits, text);
}

#[test]
fn the_same_number_gives_the_same_file_and_others_give_others() {
    let bases = [b"seed = 3\n".to_vec(), b"{\"schema\": 4}".to_vec()];
    assert_eq!(mutated(&bases, 7), mutated(&bases, 7));
    let distinct: std::collections::BTreeSet<_> = (0..200).map(|number| mutated(&bases, number)).collect();
    assert!(distinct.len() > 150, "{}", distinct.len());
}
