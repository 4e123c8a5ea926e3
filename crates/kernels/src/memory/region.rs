//! One large piece of memory from the system, cut into blocks of whole granules.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ops::Range;

/// The unit of the lengths of blocks in bytes, and the alignment of their addresses.
pub(super) const GRANULE: usize = 64 << 10;

/// Size of a region in bytes. It costs addresses only (and, on Windows, a commitment of memory): a page that was never written occupies
/// none.
pub(super) const REGION: usize = 1 << 30;

/// Size of a huge page in bytes, and the alignment of regions.
const HUGE_PAGE: usize = 2 << 20;

/// Granules of the blocks that lie at the low end of a region; shorter ones lie at the high end.
///
/// The maps of a step are long, and come and go in turn. Among them, a short block that outlives them (new weights, a batch that
/// waits) would keep the gaps that they leave from growing together.
const LONG: usize = HUGE_PAGE / GRANULE;

/// Granules of a region.
const GRANULES: usize = REGION / GRANULE;

/// Granules that share one word of the map.
const WORD: usize = u64::BITS as usize;

/// The layout of a region.
const LAYOUT: Layout = match Layout::from_size_align(REGION, HUGE_PAGE) {
    Ok(layout) => layout,
    Err(_) => unreachable!(),
};

/// A region, and which of its granules are in use.
///
/// Only a bit for each granule is kept, so that neighbouring gaps join without further work.
#[derive(Debug)]
pub(super) struct Region {
    /// Null while the region is closed: then it has no memory.
    start: *mut u8,
    /// One bit for each granule, set while it is in use.
    map: [u64; GRANULES / WORD],
    /// Number of granules in use.
    used: usize,
    /// The granules that were never in use, between the long blocks and the short ones.
    untouched: Range<usize>,
}

/// The state of a granule in the map.
#[derive(Clone, Copy)]
enum Granule {
    Free,
    InUse,
}

// SAFETY: the pointer leads to memory that belongs to the region alone; whoever holds the region holds it.
unsafe impl Send for Region {}

impl Region {
    /// A region without memory. All its bytes are zero, so that a static one takes no room in the program's file.
    pub(super) const CLOSED: Self =
        Self { start: std::ptr::null_mut(), map: [0; GRANULES / WORD], used: 0, untouched: 0..0 };

    /// Returns a region with memory from the system, if it gives any.
    pub(super) fn open() -> Option<Self> {
        // SAFETY: the size of a region is above zero.
        let start = unsafe { System.alloc(LAYOUT) };
        if start.is_null() {
            return None;
        }
        prefer_huge_pages(start);
        Some(Self { start, untouched: 0..GRANULES, ..Self::CLOSED })
    }

    pub(super) fn is_open(&self) -> bool {
        !self.start.is_null()
    }

    /// Returns whether the block lies in this region.
    pub(super) fn contains(&self, block: *mut u8) -> bool {
        self.is_open() && block.addr().wrapping_sub(self.start.addr()) < REGION
    }

    /// Returns a block of so many granules, if there is room: at the lowest address for a long one, else at the highest.
    pub(super) fn take(&mut self, granules: usize) -> Option<*mut u8> {
        if !self.is_open() {
            return None;
        }
        let block = self.place(granules)?;
        // A block that begins above the lower end of the untouched granules reaches to their upper end, or lies beyond.
        if block.start <= self.untouched.start {
            self.untouched.start = self.untouched.start.max(block.end);
        } else {
            self.untouched.end = self.untouched.end.min(block.start);
        }
        // SAFETY: the granules of the map lie inside the region.
        let address = unsafe { self.start.add(block.start * GRANULE) };
        self.used += granules;
        self.flip(block);
        Some(address)
    }

    /// Takes back a block of so many granules that [`take`](Self::take) gave out.
    pub(super) fn give_back(&mut self, block: *mut u8, granules: usize) {
        let first = (block.addr() - self.start.addr()) / GRANULE;
        self.used -= granules;
        self.flip(first..first + granules);
    }

    /// Returns the number of bytes that were in use and are free now, and so may occupy memory.
    pub(super) fn idle_bytes(&self) -> usize {
        let touched = if self.is_open() { GRANULES - self.untouched.len() } else { 0 };
        (touched - self.used) * GRANULE
    }

    /// Returns whether the region has memory, and none of it is in use.
    pub(super) fn is_unused(&self) -> bool {
        self.is_open() && self.used == 0
    }

    /// Returns the memory to the system, where [`is_unused`](Self::is_unused).
    pub(super) fn close(&mut self) {
        assert!(self.is_unused(), "{} granules are in use", self.used);
        // SAFETY: `open` allocated the memory with this layout, and no block of it is in use.
        unsafe { System.dealloc(self.start, LAYOUT) };
        *self = Self::CLOSED;
    }

    /// Returns where a block of so many granules goes.
    fn place(&self, granules: usize) -> Option<Range<usize>> {
        let mut gaps = self.gaps().filter(|gap| gap.len() >= granules);
        if granules >= LONG {
            let gap = gaps.next()?;
            Some(gap.start..gap.start + granules)
        } else {
            let gap = gaps.last()?;
            Some(gap.end - granules..gap.end)
        }
    }

    /// Returns the free granules between blocks, by address.
    fn gaps(&self) -> impl Iterator<Item = Range<usize>> {
        let mut end = 0;
        std::iter::from_fn(move || {
            let start = self.next(Granule::Free, end)?;
            end = self.next(Granule::InUse, start).unwrap_or(GRANULES);
            Some(start..end)
        })
    }

    /// Returns the first granule of this kind from `from` on.
    fn next(&self, kind: Granule, from: usize) -> Option<usize> {
        let first_word = from / WORD;
        let mut ahead = u64::MAX << (from % WORD);
        for (index, word) in self.map.iter().enumerate().skip(first_word) {
            let bits = match kind {
                Granule::Free => !word,
                Granule::InUse => *word,
            } & ahead;
            if bits != 0 {
                return Some(index * WORD + bits.trailing_zeros() as usize);
            }
            ahead = u64::MAX;
        }
        None
    }

    /// Turns free granules into used ones, or used ones into free ones.
    fn flip(&mut self, granules: Range<usize>) {
        for granule in granules {
            self.map[granule / WORD] ^= 1 << (granule % WORD);
        }
    }
}

/// Requests huge pages for a region; without them (or elsewhere than on Linux) it is only slower.
fn prefer_huge_pages(start: *mut u8) {
    #[cfg(all(target_os = "linux", not(miri)))]
    // SAFETY: the range is the region that the system just gave; this advice changes no content.
    let _ = unsafe { rustix::mm::madvise(start.cast(), REGION, rustix::mm::Advice::LinuxHugepage) };
    #[cfg(not(all(target_os = "linux", not(miri))))]
    let _ = start;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the offset of a block in granules.
    fn offset(region: &Region, block: *mut u8) -> usize {
        (block.addr() - region.start.addr()) / GRANULE
    }

    #[test]
    fn long_blocks_lie_low_and_short_ones_high() {
        let mut region = Region::open().unwrap();
        let long = [40, LONG, 100].map(|granules| region.take(granules).unwrap());
        let short = [1, LONG - 1].map(|granules| region.take(granules).unwrap());
        assert_eq!(long.map(|block| offset(&region, block)), [0, 40, 40 + LONG]);
        assert_eq!(short.map(|block| offset(&region, block)), [GRANULES - 1, GRANULES - LONG]);
        assert_eq!(region.idle_bytes(), 0);

        region.give_back(long[0], 40);
        region.give_back(short[0], 1);
        assert_eq!(region.idle_bytes(), 41 * GRANULE);
        let third = region.take(41).unwrap();
        assert_eq!(offset(&region, third), 140 + LONG, "a gap of 40 does not hold 41");
        region.give_back(long[1], LONG);
        let fourth = region.take(40 + LONG).unwrap();
        assert_eq!(offset(&region, fourth), 0, "two neighbours are one gap");
        assert_eq!(region.idle_bytes(), GRANULE);

        for (block, granules) in [(long[2], 100), (short[1], LONG - 1), (third, 41), (fourth, 40 + LONG)] {
            region.give_back(block, granules);
        }
        assert!(region.is_unused() && region.gaps().eq(std::iter::once(0..GRANULES)), "{region:?}");
        region.close();
        assert!(!region.is_open());
    }

    #[test]
    fn a_full_region_gives_no_block_and_is_all_touched() {
        let mut region = Region::open().unwrap();
        let half = region.take(GRANULES / 2).unwrap();
        assert_eq!(region.take(GRANULES / 2 + 1), None);
        let short = region.take(1).unwrap();
        let rest = region.take(GRANULES / 2 - 1).unwrap();
        assert_eq!((region.take(1), region.idle_bytes()), (None, 0));
        assert!(region.contains(rest) && !region.contains(rest.wrapping_sub(REGION)) && !region.is_unused());
        for (block, granules) in [(half, GRANULES / 2), (short, 1), (rest, GRANULES / 2 - 1)] {
            region.give_back(block, granules);
        }
        assert_eq!(region.idle_bytes(), REGION);
        region.close();
        assert_eq!((region.idle_bytes(), region.contains(rest), region.take(1)), (0, false, None));
    }
}
