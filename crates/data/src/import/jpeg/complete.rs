//! Whether the entropy-coded data of a JPEG reach to its last block.
//!
//! Decoders fill what is missing with grey, or guess it, and say nothing. The codes are therefore read once more, without their values:
//! for each block only which coefficients are not zero, as the later scans of a progressive file must know it.

use super::huffman::{Bits, HuffmanTable, Lack};
use super::segments::{Frame, Scan, Segments, next_ff};

/// What is wrong with data, as the rest of "a JPEG …".
type Outcome<T> = Result<T, String>;

/// Checks that every block of every component is there, with all bits of all its coefficients.
///
/// # Errors
/// Data that end early, hold a code that is none, go on after a wrong restart marker, or lack a scan.
pub(super) fn check(segments: &Segments) -> Outcome<()> {
    let frame = &segments.frame;
    let mut blocks: Vec<Vec<u64>> = (0..frame.components.len()).map(|_| Vec::new()).collect();
    // For each component the lowest bit that has been sent of each coefficient.
    let mut sent = vec![[None::<u8>; 64]; frame.components.len()];
    for (number, scan) in segments.scans.iter().enumerate() {
        let whole_before = !frame.progressive && sent.iter().all(|bits| bits[0].is_some());
        if whole_before {
            // A picture is whole with these; what follows belongs to another.
            break;
        }
        for part in &scan.components {
            let dc_is_read = scan.band.start == 0 && scan.bit_before == 0;
            let ac_is_read = scan.band.end > 1;
            if (dc_is_read && part.dc.is_none()) || (ac_is_read && part.ac.is_none()) {
                return Err("without the Huffman tables of its scans".to_string());
            }
            let bits = &mut sent[part.component];
            if scan.band.start > 0 && bits[0].is_none() {
                return Err("whose scans are out of order".to_string());
            }
            for place in scan.band.clone() {
                let expected = match bits[place] {
                    None => scan.bit_before == 0,
                    Some(before) => frame.progressive && scan.bit_before == before && scan.bit + 1 == before,
                };
                if !expected {
                    return Err("whose scans are out of order".to_string());
                }
                bits[place] = Some(scan.bit);
            }
            let [across, down] = padded_blocks(frame, part.component);
            if frame.progressive && blocks[part.component].is_empty() {
                blocks[part.component] = vec![0; across * down];
            }
        }
        read_scan(frame, scan, &mut blocks).map_err(|found| match segments.scans.len() {
            1 => found,
            scans => format!("{found} of scan {} of {scans}", number + 1),
        })?;
    }
    if sent.iter().flatten().any(|bit| *bit != Some(0)) {
        return Err("whose last scans are missing: the file is cut off".to_string());
    }
    Ok(())
}

/// Blocks of a component that scans of several components send, across and down.
fn padded_blocks(frame: &Frame, component: usize) -> [usize; 2] {
    let [across, down] = frame.units();
    [across * frame.components[component].across, down * frame.components[component].down]
}

/// The reading of one scan.
struct Walk<'a> {
    frame: &'a Frame,
    scan: &'a Scan<'a>,
    /// Blocks left that hold nothing more in this band.
    empty_run: u32,
}

fn read_scan(frame: &Frame, scan: &Scan, blocks: &mut [Vec<u64>]) -> Outcome<()> {
    let alone = scan.components.len() == 1;
    let [across, down] = if alone { frame.blocks(scan.components[0].component) } else { frame.units() };
    let units = across * down;
    let interval = if scan.restart == 0 { units } else { scan.restart };
    let mut stretches = Stretches { bytes: scan.data, next: 0 };
    let mut walk = Walk { frame, scan, empty_run: 0 };
    let mut unit = 0;
    while unit < units {
        let mut bits = Bits::new(stretches.next(unit > 0)?);
        walk.empty_run = 0;
        for unit in unit..units.min(unit + interval) {
            walk.unit(&mut bits, [unit % across, unit / across], alone, blocks).map_err(
                |lack| match lack {
                    Lack::Data => format!("whose data end at unit {unit} of {units}"),
                    Lack::Code => format!("whose data are damaged at unit {unit} of {units}"),
                },
            )?;
        }
        unit += interval;
    }
    Ok(())
}

/// The stretches between restart markers.
struct Stretches<'a> {
    bytes: &'a [u8],
    next: u8,
}

impl<'a> Stretches<'a> {
    fn next(&mut self, behind_marker: bool) -> Outcome<&'a [u8]> {
        if behind_marker {
            let Some((marker, rest)) = self.bytes.split_at_checked(2) else {
                return Err("whose data end at a restart marker".to_string());
            };
            if marker[1] != 0xd0 + self.next {
                return Err("whose restart markers are out of order".to_string());
            }
            self.next = (self.next + 1) % 8;
            self.bytes = rest;
        }
        let mut end = 0;
        while let Some(found) = next_ff(&self.bytes[end..]) {
            end += found;
            match self.bytes.get(end + 1) {
                Some(0x00) => end += 2,
                // A fill byte before a marker.
                Some(0xff) => end += 1,
                _ => {
                    let (stretch, rest) = self.bytes.split_at(end);
                    self.bytes = rest;
                    return Ok(trim(stretch));
                }
            }
        }
        Ok(trim(std::mem::take(&mut self.bytes)))
    }
}

/// Without the fill bytes at the end.
fn trim(mut stretch: &[u8]) -> &[u8] {
    while let Some(shorter) = stretch.strip_suffix(&[0xff]) {
        stretch = shorter;
    }
    stretch
}

impl Walk<'_> {
    fn unit(
        &mut self,
        bits: &mut Bits,
        unit: [usize; 2],
        alone: bool,
        blocks: &mut [Vec<u64>],
    ) -> Result<(), Lack> {
        for part in &self.scan.components {
            let component = &self.frame.components[part.component];
            let [wide, high] = if alone { [1, 1] } else { [component.across, component.down] };
            let stride = padded_blocks(self.frame, part.component)[0];
            for cell in 0..wide * high {
                let (dc, ac) = (part.dc.as_deref(), part.ac.as_deref());
                if !self.frame.progressive {
                    whole_block(bits, dc.ok_or(Lack::Code)?, ac.ok_or(Lack::Code)?)?;
                    continue;
                }
                let (column, row) = (unit[0] * wide + cell % wide, unit[1] * high + cell / wide);
                let block = &mut blocks[part.component][row * stride + column];
                match (self.scan.band.start, self.scan.bit_before) {
                    (0, 0) => {
                        let size = bits.symbol(dc.ok_or(Lack::Code)?)?;
                        skip(bits, size)?;
                    }
                    (0, _) => drop(bits.number(1)?),
                    (_, 0) => self.first_bits(bits, ac.ok_or(Lack::Code)?, block)?,
                    _ => self.further_bits(bits, ac.ok_or(Lack::Code)?, block)?,
                }
            }
        }
        Ok(())
    }

    /// A block's coefficients of a band, sent for the first time.
    fn first_bits(&mut self, bits: &mut Bits, table: &HuffmanTable, block: &mut u64) -> Result<(), Lack> {
        if self.empty_run > 0 {
            self.empty_run -= 1;
            return Ok(());
        }
        let mut place = self.scan.band.start;
        while place < self.scan.band.end {
            let symbol = bits.symbol(table)?;
            let (run, size) = (usize::from(symbol >> 4), symbol & 15);
            if size == 0 && run < 15 {
                self.empty_run = (1 << run) + bits.number(run as u32)? - 1;
                return Ok(());
            }
            place += run;
            if place >= self.scan.band.end {
                return Err(Lack::Code);
            }
            if size > 0 {
                skip(bits, size)?;
                *block |= 1 << place;
            }
            place += 1;
        }
        Ok(())
    }

    /// One more bit for each coefficient of a band that is not zero, and the ones that become so by this bit.
    fn further_bits(&mut self, bits: &mut Bits, table: &HuffmanTable, block: &mut u64) -> Result<(), Lack> {
        let mut place = self.scan.band.start;
        let known = *block;
        if self.empty_run == 0 {
            while place < self.scan.band.end {
                let symbol = bits.symbol(table)?;
                let (mut run, size) = (symbol >> 4, symbol & 15);
                match size {
                    0 if run < 15 => {
                        self.empty_run = (1 << run) + bits.number(u32::from(run))?;
                        break;
                    }
                    0 => {}
                    1 => drop(bits.number(1)?),
                    _ => return Err(Lack::Code),
                }
                loop {
                    if place >= self.scan.band.end {
                        return Err(Lack::Code);
                    }
                    if known >> place & 1 == 1 {
                        bits.number(1)?;
                    } else if run == 0 {
                        break;
                    } else {
                        run -= 1;
                    }
                    place += 1;
                }
                *block |= u64::from(size) << place;
                place += 1;
            }
        }
        if self.empty_run > 0 {
            let rest = (known >> place).count_ones().min(64);
            let above = if self.scan.band.end == 64 { 0 } else { (known >> self.scan.band.end).count_ones() };
            for _ in 0..rest - above {
                bits.number(1)?;
            }
            self.empty_run -= 1;
        }
        Ok(())
    }
}

/// A block of a sequential scan, with all its coefficients.
#[inline(always)]
fn whole_block(bits: &mut Bits, dc: &HuffmanTable, ac: &HuffmanTable) -> Result<(), Lack> {
    let size = bits.symbol(dc)?;
    skip(bits, size)?;
    let mut place = 1;
    while place < 64 {
        let symbol = bits.symbol(ac)?;
        let (run, size) = (u32::from(symbol >> 4), symbol & 15);
        if size > 0 {
            skip(bits, size)?;
        } else if run < 15 {
            return Ok(());
        }
        place += run + 1;
    }
    if place > 64 { Err(Lack::Code) } else { Ok(()) }
}

#[inline(always)]
fn skip(bits: &mut Bits, size: u8) -> Result<(), Lack> {
    if size > 16 {
        return Err(Lack::Code);
    }
    bits.number(u32::from(size)).map(drop)
}
