//! The segments of a JPEG: what its headers say, and where its scans lie.

use std::ops::Range;
use std::sync::Arc;

use super::huffman::HuffmanTable;

/// Most scans of a file; the longest scripts in use have about a dozen.
const SCAN_LIMIT: usize = 100;

/// What a file holds, from its first byte to its end marker.
pub(super) struct Segments<'a> {
    pub(super) frame: Frame,
    pub(super) scans: Vec<Scan<'a>>,
    /// The first Exif block, from its TIFF header on.
    pub(super) exif: Option<&'a [u8]>,
}

/// The frame header.
pub(super) struct Frame {
    pub(super) progressive: bool,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) components: Vec<Component>,
}

/// One component of a frame.
pub(super) struct Component {
    id: u8,
    /// Samples across for each `h_max` of the frame.
    pub(super) across: usize,
    /// Samples down for each `v_max` of the frame.
    pub(super) down: usize,
}

/// One scan: its parameters, and its entropy-coded data with the restart markers in them.
pub(super) struct Scan<'a> {
    /// Component numbers with their tables for the first and for the other coefficients.
    pub(super) components: Vec<ScanComponent>,
    /// Numbers of the coefficients in the order of frequencies.
    pub(super) band: Range<usize>,
    /// The bit that the scan before sent last, 0 for none.
    pub(super) bit_before: u8,
    /// The lowest bit that this scan sends.
    pub(super) bit: u8,
    /// Restart interval in units; 0 for none.
    pub(super) restart: usize,
    /// Where the data lie in the file.
    pub(super) place: usize,
    pub(super) data: &'a [u8],
}

/// A component of a scan.
pub(super) struct ScanComponent {
    pub(super) component: usize,
    pub(super) dc: Option<Arc<HuffmanTable>>,
    pub(super) ac: Option<Arc<HuffmanTable>>,
}

impl Frame {
    pub(super) fn across(&self) -> usize {
        self.components.iter().map(|component| component.across).max().unwrap_or(1)
    }

    pub(super) fn down(&self) -> usize {
        self.components.iter().map(|component| component.down).max().unwrap_or(1)
    }

    /// Units of a scan of several components, across and down.
    pub(super) fn units(&self) -> [usize; 2] {
        [self.width.div_ceil(8 * self.across()), self.height.div_ceil(8 * self.down())]
    }

    /// Blocks of a component in a scan of its own, across and down.
    pub(super) fn blocks(&self, component: usize) -> [usize; 2] {
        let Component { across, down, .. } = self.components[component];
        [
            (self.width * across).div_ceil(self.across()).div_ceil(8),
            (self.height * down).div_ceil(self.down()).div_ceil(8),
        ]
    }
}

/// Reads numbers from a segment's bytes.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn halves(&mut self) -> Option<[u8; 2]> {
        self.byte().map(|byte| [byte >> 4, byte & 15])
    }

    fn number(&mut self) -> Option<usize> {
        self.take(2).map(|bytes| usize::from(u16::from_be_bytes([bytes[0], bytes[1]])))
    }
}

/// Tables and settings that later segments replace.
#[derive(Default)]
struct State {
    dc: [Option<Arc<HuffmanTable>>; 4],
    ac: [Option<Arc<HuffmanTable>>; 4],
    restart: usize,
}

impl<'a> Segments<'a> {
    /// Reads the segments of a file up to its end marker; what follows that is not looked at.
    ///
    /// # Errors
    /// What is wrong, as the rest of "a JPEG …".
    pub(super) fn read(bytes: &'a [u8]) -> Result<Segments<'a>, String> {
        let mut rest = Fields(bytes);
        rest.take(2);
        let mut state = State::default();
        let (mut frame, mut scans, mut exif) = (None, Vec::new(), None);
        loop {
            let marker = next_marker(&mut rest).ok_or_else(|| cut_off(scans.len()))?;
            if marker == 0xd9 {
                break;
            }
            if matches!(marker, 0x01 | 0xd0..=0xd8) {
                return Err(format!("with the marker ff{marker:02x} in a place where none may be"));
            }
            let length = rest.number().ok_or_else(|| cut_off(scans.len()))?;
            let body = length.checked_sub(2).ok_or("with a segment shorter than its length field")?;
            let body = rest.take(body).ok_or_else(|| cut_off(scans.len()))?;
            let mut fields = Fields(body);
            match marker {
                0xc0..=0xc2 if frame.is_some() => return Err("with two frame headers".to_string()),
                0xc0..=0xc2 => frame = Some(frame_header(marker == 0xc2, &mut fields)?),
                0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => return Err(unsupported(marker)),
                0xc4 => huffman_tables(&mut fields, &mut state)?,
                0xdd => state.restart = fields.number().ok_or("with a cut restart segment")?,
                0xda => {
                    let frame: &Frame = frame.as_ref().ok_or("with a scan before its frame header")?;
                    let mut scan = scan_header(frame, &state, &mut fields)
                        .ok_or("with a scan header that does not belong to its frame")?;
                    scan.place = bytes.len() - rest.0.len();
                    scan.data = rest.take(entropy_coded(rest.0)).unwrap_or_default();
                    scans.push(scan);
                    if scans.len() > SCAN_LIMIT {
                        return Err(format!("of more than {SCAN_LIMIT} scans"));
                    }
                }
                0xe1 if exif.is_none() => exif = body.strip_prefix(b"Exif\0\0"),
                _ => {}
            }
        }
        let frame = frame.ok_or("without a frame header")?;
        if scans.is_empty() {
            return Err("without any scan".to_string());
        }
        Ok(Segments { frame, scans, exif })
    }
}

/// Skips to the next marker, over stray bytes and fill bytes, and returns its second byte.
fn next_marker(rest: &mut Fields) -> Option<u8> {
    loop {
        if rest.byte()? != 0xff {
            continue;
        }
        let mut marker = rest.byte()?;
        while marker == 0xff {
            marker = rest.byte()?;
        }
        if marker != 0 {
            return Some(marker);
        }
    }
}

fn cut_off(scans: usize) -> String {
    match scans {
        0 => "that ends within its headers".to_string(),
        _ => "without its end marker: the file is cut off".to_string(),
    }
}

fn unsupported(marker: u8) -> String {
    let kind = match marker {
        0xc3 => "lossless",
        0xc9 | 0xca => "arithmetic-coded",
        0xcb => "lossless and arithmetic-coded",
        _ => "hierarchical",
    };
    format!("that is {kind}: save it again as an ordinary (baseline) JPEG or as PNG")
}

fn frame_header(progressive: bool, fields: &mut Fields) -> Result<Frame, String> {
    let cut = "with a cut frame header";
    let precision = fields.byte().ok_or(cut)?;
    if precision != 8 {
        return Err(format!("of {precision} bits a sample, where 8 are read"));
    }
    let height = fields.number().ok_or(cut)?;
    let width = fields.number().ok_or(cut)?;
    if width == 0 || height == 0 {
        return Err(format!("whose header says {width}×{height} pixels"));
    }
    let count = fields.byte().ok_or(cut)?;
    if !(1..=4).contains(&count) {
        return Err(format!("of {count} components"));
    }
    let mut components: Vec<Component> = Vec::new();
    for _ in 0..count {
        let id = fields.byte().ok_or(cut)?;
        let [across, down] = fields.halves().ok_or(cut)?.map(usize::from);
        fields.byte().ok_or(cut)?;
        if !(1..=4).contains(&across) || !(1..=4).contains(&down) {
            return Err(format!("with the sampling factors {across}×{down}"));
        }
        if components.iter().any(|other| other.id == id) {
            return Err("with two components of one number".to_string());
        }
        components.push(Component { id, across, down });
    }
    Ok(Frame { progressive, width, height, components })
}

fn huffman_tables(fields: &mut Fields, state: &mut State) -> Result<(), String> {
    let cut = "with a cut Huffman table";
    while !fields.0.is_empty() {
        let [class, number] = fields.halves().ok_or(cut)?;
        let counts = fields.take(16).ok_or(cut)?;
        let mut by_length = [0u8; 16];
        by_length.copy_from_slice(counts);
        let symbols = fields.take(counts.iter().map(|&count| usize::from(count)).sum()).ok_or(cut)?;
        let table =
            Arc::new(HuffmanTable::new(&by_length, symbols).map_err(|found| format!("with {found}"))?);
        let tables = if class == 0 { &mut state.dc } else { &mut state.ac };
        match tables.get_mut(usize::from(number)) {
            Some(place) if class < 2 => *place = Some(table),
            _ => return Err(format!("with a Huffman table of class {class} and number {number}")),
        }
    }
    Ok(())
}

/// The header of a scan; `None` if it is cut, or names components or coefficients that are not there.
fn scan_header<'a>(frame: &Frame, state: &State, fields: &mut Fields) -> Option<Scan<'a>> {
    let count = fields.byte()?;
    let mut components: Vec<ScanComponent> = Vec::new();
    for _ in 0..count {
        let id = fields.byte()?;
        let component = frame.components.iter().position(|component| component.id == id)?;
        if components.iter().any(|other| other.component == component) {
            return None;
        }
        let [dc, ac] = fields.halves()?.map(usize::from);
        components.push(ScanComponent {
            component,
            dc: state.dc.get(dc)?.clone(),
            ac: state.ac.get(ac)?.clone(),
        });
    }
    let (first, last) = (usize::from(fields.byte()?), usize::from(fields.byte()?));
    let [bit_before, bit] = fields.halves()?;
    let fits = match frame.progressive {
        false => true,
        true if first == 0 => last == 0,
        true => count == 1 && first <= last && last < 64,
    };
    if components.is_empty() || !fits || bit > 13 {
        return None;
    }
    let band = if frame.progressive { first..last + 1 } else { 0..64 };
    let (bit_before, bit) = if frame.progressive { (bit_before, bit) } else { (0, 0) };
    Some(Scan { components, band, bit_before, bit, restart: state.restart, place: 0, data: &[] })
}

/// Number of bytes before the next marker that is no restart.
fn entropy_coded(bytes: &[u8]) -> usize {
    let mut place = 0;
    while let Some(found) = next_ff(&bytes[place..]) {
        place += found;
        match bytes.get(place + 1) {
            Some(0x00 | 0xd0..=0xd7) => place += 2,
            // Fill bytes before a marker belong to it.
            Some(0xff) => place += 1,
            _ => return place,
        }
    }
    bytes.len()
}

/// The place of the first byte 0xff.
pub(super) fn next_ff(bytes: &[u8]) -> Option<usize> {
    // A whole block is compared at once.
    let has_none = |block: &&[u8]| !block.iter().fold(false, |found, &byte| found | (byte == 0xff));
    let start = 32 * bytes.chunks_exact(32).take_while(has_none).count();
    bytes[start..].iter().position(|&byte| byte == 0xff).map(|place| start + place)
}
