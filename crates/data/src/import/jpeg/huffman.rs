//! Huffman codes of a JPEG and the bits they are read from.

/// Bits of the short table; most codes are no longer.
const SHORT: u32 = 9;

/// The codes of one table: a symbol of 8 bits for each code of 1 to 16 bits.
#[derive(Clone, Debug)]
pub(super) struct HuffmanTable {
    /// By the next [`SHORT`] bits: the length of the code, 0 for a longer one, and its symbol.
    short: Vec<[u8; 2]>,
    /// By length: the first code that is longer, its bits shifted to the top of 16; `u32::MAX` behind the last.
    limits: [u32; 17],
    /// By length: what to add to a code for its place in `symbols`.
    offsets: [i32; 17],
    symbols: Vec<u8>,
    /// True if all 16 bits set begin no code, as the standard wants it.
    pub(super) leaves_ones_free: bool,
}

impl HuffmanTable {
    /// Makes the table of these numbers of codes by length (from 1 bit on) and their symbols.
    ///
    /// # Errors
    /// More codes than there are of a length, or another number of symbols.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<HuffmanTable, String> {
        let mut short = vec![[0u8; 2]; 1 << SHORT];
        let (mut limits, mut offsets) = ([0u32; 17], [0i32; 17]);
        let (mut code, mut place) = (0u32, 0usize);
        for length in 1..=16usize {
            let count = u32::from(counts[length - 1]);
            offsets[length] = place as i32 - code as i32;
            if code + count > 1 << length || place + count as usize > symbols.len() {
                return Err("a Huffman table with more codes than can be".to_string());
            }
            for _ in 0..count {
                if length as u32 <= SHORT {
                    let spare = SHORT - length as u32;
                    let first = (code << spare) as usize;
                    short[first..first + (1 << spare)].fill([length as u8, symbols[place]]);
                }
                code += 1;
                place += 1;
            }
            limits[length] = code << (16 - length);
            code <<= 1;
        }
        let leaves_ones_free = limits[16] <= 0xffff;
        Ok(HuffmanTable { short, limits, offsets, symbols: symbols.to_vec(), leaves_ones_free })
    }
}

/// Why bits could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// The data end here.
    Data,
    /// No code of the table begins with these bits.
    Code,
}

/// The bits of one stretch of entropy-coded data, in which a zero follows each byte 0xff.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
    /// The next bits, the first one on top; zeros below `left`.
    buffer: u64,
    left: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Bits<'a> {
        Bits { bytes, position: 0, buffer: 0, left: 0 }
    }

    /// Takes bytes up until there are more than 32 bits, or none is left.
    #[inline(always)]
    fn fill(&mut self) {
        if self.left > 32 {
            return;
        }
        if let Some(&[a, b, c, d]) = self.bytes.get(self.position..self.position + 4) {
            let word = u32::from_be_bytes([a, b, c, d]);
            // True if no byte is 0xff.
            if (!word).wrapping_sub(0x0101_0101) & word & 0x8080_8080 == 0 {
                self.buffer |= u64::from(word) << (32 - self.left);
                self.left += 32;
                self.position += 4;
                return;
            }
        }
        self.fill_by_bytes();
    }

    #[cold]
    fn fill_by_bytes(&mut self) {
        while self.left <= 56 {
            let Some(&byte) = self.bytes.get(self.position) else { return };
            self.position += if byte == 0xff { 2 } else { 1 };
            self.buffer |= u64::from(byte) << (56 - self.left);
            self.left += 8;
        }
    }

    #[inline(always)]
    fn drop(&mut self, count: u32) -> Result<(), Lack> {
        if count > self.left {
            return Err(Lack::Data);
        }
        self.buffer <<= count;
        self.left -= count;
        Ok(())
    }

    /// The next symbol of a table.
    #[inline(always)]
    pub(super) fn symbol(&mut self, table: &HuffmanTable) -> Result<u8, Lack> {
        self.fill();
        let [length, symbol] = table.short[(self.buffer >> (64 - SHORT)) as usize];
        if length > 0 {
            self.drop(u32::from(length))?;
            return Ok(symbol);
        }
        self.long_symbol(table)
    }

    #[cold]
    fn long_symbol(&mut self, table: &HuffmanTable) -> Result<u8, Lack> {
        let bits = (self.buffer >> 48) as u32;
        let length = (SHORT as usize + 1..=16).find(|&length| bits < table.limits[length]);
        let Some(length) = length else {
            return Err(if self.left < 16 { Lack::Data } else { Lack::Code });
        };
        self.drop(length as u32)?;
        let place = (bits >> (16 - length)) as i32 + table.offsets[length];
        table.symbols.get(place as usize).copied().ok_or(Lack::Code)
    }

    /// The next `count` bits as a number, at most 16.
    #[inline(always)]
    pub(super) fn number(&mut self, count: u32) -> Result<u32, Lack> {
        self.fill();
        let number = (self.buffer >> 32 >> (32 - count)) as u32;
        self.drop(count)?;
        Ok(number)
    }
}
