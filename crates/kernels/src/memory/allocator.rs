//! A global allocator that keeps the memory of large blocks for the next requests, on huge pages.
//!
//! A training step allocates the same large tensors again and again. The system's allocator returns blocks of many megabytes to the
//! operating system at once, and every page of the next tensor is then faulted in anew: 1.5 µs for each 4 KiB, as long as a layer's
//! arithmetic. [`RecyclingAllocator`] cuts such blocks from a few large regions; after the first step no page is faulted in.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::region::{self, GRANULE, Region};

/// Smaller blocks go to the system's allocator, which keeps them itself; from here on, the usual one on Linux maps each block anew.
const SMALLEST: usize = 1 << 17;

/// Larger blocks go back to the operating system: they are data sets, allocated once. Two of these fill a region.
const LARGEST: usize = region::REGION / 2;

/// Idle bytes above which unused regions are given back to the operating system.
const IDLE_LIMIT: usize = 4 << 30;

/// Most regions. When all are full, blocks come from the system: that is only slower.
const REGIONS: usize = 64;

/// The system's allocator with memory of its own for blocks from 128 KiB to 512 MiB.
///
/// A block occupies the next multiple of 64 KiB. Neighbouring free blocks serve a larger request together, so that the memory of a
/// step is little more than the most that is in use at once.
///
/// # Example
///
/// ```
/// use allconv_kernels::RecyclingAllocator;
///
/// #[global_allocator]
/// static ALLOCATOR: RecyclingAllocator = RecyclingAllocator::new();
///
/// let first = vec![1.0_f32; 1 << 20].as_ptr();
/// let second = vec![2.0_f32; 1 << 20].as_ptr();
/// assert_eq!(first, second);
/// ```
#[derive(Debug)]
pub struct RecyclingAllocator {
    /// One lock for all: a training step allocates a few hundred large blocks, and each takes a microsecond at most.
    memory: Mutex<Memory>,
}

/// All regions, and what is in use.
#[derive(Debug)]
struct Memory {
    regions: [Region; REGIONS],
    used_bytes: usize,
    peak_bytes: usize,
}

impl RecyclingAllocator {
    /// Creates an allocator that has no memory yet.
    pub const fn new() -> Self {
        let regions = [const { Region::CLOSED }; REGIONS];
        Self { memory: Mutex::new(Memory { regions, used_bytes: 0, peak_bytes: 0 }) }
    }

    /// Returns the number of bytes of large blocks that were returned and are free for the next requests.
    pub fn idle_bytes(&self) -> usize {
        self.lock().idle_bytes()
    }

    /// Returns the most bytes of large blocks (128 KiB and above) that were in use at once since the last
    /// [`restart_peak`](Self::restart_peak).
    ///
    /// Idle blocks do not count, so that the number does not depend on what the process did before.
    pub fn peak_bytes(&self) -> usize {
        self.lock().peak_bytes
    }

    /// Restarts the peak at the bytes in use now.
    pub fn restart_peak(&self) {
        let mut memory = self.lock();
        memory.peak_bytes = memory.used_bytes;
    }

    /// Locks the regions. Their state is valid after every statement, so that a poisoned lock is harmless.
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn idle_bytes(&self) -> usize {
        self.regions.iter().map(Region::idle_bytes).sum()
    }

    /// Returns a block from the first region that has room, or from a new one.
    fn take(&mut self, granules: usize) -> Option<*mut u8> {
        let block = self.regions.iter_mut().find_map(|region| region.take(granules));
        block.or_else(|| {
            let region = self.regions.iter_mut().find(|region| !region.is_open())?;
            *region = Region::open()?;
            region.take(granules)
        })
    }

    /// Takes back a block if it lies in a region.
    fn give_back(&mut self, block: *mut u8, granules: usize) -> bool {
        let Some(region) = self.regions.iter_mut().find(|region| region.contains(block)) else {
            return false;
        };
        region.give_back(block, granules);
        self.close_what_is_too_much();
        true
    }

    /// Closes unused regions, the last first, until no more than the limit lies idle.
    fn close_what_is_too_much(&mut self) {
        while self.idle_bytes() > IDLE_LIMIT {
            let Some(region) = self.regions.iter_mut().rfind(|region| region.is_unused()) else { return };
            region.close();
        }
    }

    fn count_allocated(&mut self, bytes: usize) {
        self.used_bytes += bytes;
        self.peak_bytes = self.peak_bytes.max(self.used_bytes);
    }
}

impl Default for RecyclingAllocator {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: a block is the system allocator's own, or a part of a region. A region gives out granules that are free, as many as the
// layout requires and aligned to their own size, and the lock is held meanwhile, so that no two blocks in use share a byte. `dealloc`
// finds from the address where a block came from, and computes its length from the layout alone, as `alloc` did.
unsafe impl GlobalAlloc for RecyclingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() < SMALLEST {
            // SAFETY: the caller keeps `alloc`'s contract, which is the system allocator's.
            return unsafe { System.alloc(layout) };
        }
        let mut memory = self.lock();
        let block = granules_for(layout).and_then(|granules| memory.take(granules));
        // SAFETY: as above.
        let block = block.unwrap_or_else(|| unsafe { System.alloc(layout) });
        if !block.is_null() {
            memory.count_allocated(layout.size());
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if layout.size() >= SMALLEST {
            let mut memory = self.lock();
            memory.used_bytes -= layout.size();
            if granules_for(layout).is_some_and(|granules| memory.give_back(block, granules)) {
                return;
            }
        }
        // SAFETY: the block lies in no region, so that it came from the system allocator, with this layout, as the caller guarantees.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Returns the length of the block for a request, in granules; `None` for one that the system serves.
fn granules_for(layout: Layout) -> Option<usize> {
    let is_recycled = (SMALLEST..=LARGEST).contains(&layout.size()) && layout.align() <= GRANULE;
    is_recycled.then(|| layout.size().div_ceil(GRANULE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 16).unwrap()
    }

    /// Closes all regions and checks that no block is left.
    fn close(allocator: &RecyclingAllocator) {
        let mut memory = allocator.lock();
        assert_eq!(memory.used_bytes, 0);
        memory.regions.iter_mut().filter(|region| region.is_open()).for_each(Region::close);
    }

    #[test]
    fn sizes_and_alignments_decide_who_serves_a_request() {
        for (size, granules) in [
            (SMALLEST - 1, None),
            (SMALLEST, Some(2)),
            (SMALLEST + 1, Some(3)),
            (LARGEST - 1, Some(8192)),
            (LARGEST, Some(8192)),
            (LARGEST + 1, None),
        ] {
            assert_eq!(granules_for(layout(size)), granules, "{size} bytes");
        }
        assert_eq!(granules_for(Layout::from_size_align(SMALLEST, GRANULE).unwrap()), Some(2));
        assert_eq!(granules_for(Layout::from_size_align(SMALLEST, 2 * GRANULE).unwrap()), None);
    }

    #[test]
    fn a_returned_block_serves_the_next_request() {
        let allocator = RecyclingAllocator::new();
        let (first_layout, second_layout) = (layout(3_000_000), layout(2_900_000));
        // SAFETY: both layouts have a size above zero; each block is returned once, with the layout it was made with.
        unsafe {
            let first = allocator.alloc(first_layout);
            first.write_bytes(7, first_layout.size());
            assert_eq!(allocator.idle_bytes(), 0);
            allocator.dealloc(first, first_layout);
            assert_eq!(allocator.idle_bytes(), 46 * GRANULE);
            let second = allocator.alloc_zeroed(second_layout);
            assert_eq!(first, second);
            assert_eq!(allocator.idle_bytes(), GRANULE);
            assert!(std::slice::from_raw_parts(second, second_layout.size()).iter().all(|byte| *byte == 0));
            allocator.dealloc(second, second_layout);
        }
        close(&allocator);
    }

    #[test]
    fn the_peak_counts_what_is_in_use_at_once_and_can_begin_anew() {
        let allocator = RecyclingAllocator::new();
        let (recycled, large) = (layout(1 << 20), layout(LARGEST + 1));
        // SAFETY: both layouts have a size above zero; each block is returned once, with the layout it was made with.
        unsafe {
            let first = allocator.alloc(recycled);
            let second = allocator.alloc(recycled);
            allocator.dealloc(first, recycled);
            let third = allocator.alloc(large);
            assert_eq!(allocator.peak_bytes(), (1 << 20) + LARGEST + 1);
            allocator.dealloc(third, large);
            allocator.restart_peak();
            assert_eq!(allocator.peak_bytes(), 1 << 20);
            let small = allocator.alloc(layout(SMALLEST - 1));
            assert_eq!(allocator.peak_bytes(), 1 << 20, "small blocks are not counted");
            allocator.dealloc(small, layout(SMALLEST - 1));
            allocator.dealloc(second, recycled);
            allocator.restart_peak();
            assert_eq!(allocator.peak_bytes(), 0);
        }
        close(&allocator);
    }

    #[test]
    fn unused_regions_are_closed_when_too_much_lies_idle() {
        let allocator = RecyclingAllocator::new();
        let half_a_region = layout(LARGEST);
        // SAFETY: the layout has a size above zero; each block is returned once. None is written to: they cost addresses alone.
        unsafe {
            let blocks: Vec<_> = (0..10).map(|_| allocator.alloc(half_a_region)).collect();
            let mut idle = Vec::new();
            for block in blocks {
                allocator.dealloc(block, half_a_region);
                idle.push(allocator.idle_bytes() / LARGEST);
            }
            assert_eq!(
                idle,
                [1, 2, 3, 4, 5, 6, 7, 8, 7, 8],
                "the ninth is too much, and lies in a region that is in use"
            );
        }
        close(&allocator);
    }

    #[test]
    fn threads_never_share_a_block_and_all_gaps_grow_together() {
        let allocator = RecyclingAllocator::new();
        std::thread::scope(|scope| {
            for mark in 0..4u64 {
                let allocator = &allocator;
                scope.spawn(move || {
                    let mut random = 0x9E37_79B9_7F4A_7C15 * (mark + 1);
                    let mut blocks: Vec<(*mut u8, Layout)> = Vec::new();
                    for round in 0..400 {
                        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        let choice = (random >> 33) as usize;
                        // Up to 3.25 MiB, so that there are long and short blocks, and five at once.
                        let layout = layout(SMALLEST + choice % (3 << 20));
                        // SAFETY: the layout has a size above zero; a block is read and written inside its size, and returned once
                        // with the layout it was made with.
                        unsafe {
                            let block = allocator.alloc(layout);
                            block.write_bytes(mark as u8, layout.size());
                            blocks.push((block, layout));
                            if blocks.len() == 5 || round == 399 {
                                for _ in 0..if round == 399 { blocks.len() } else { 1 } {
                                    let (block, layout) = blocks.swap_remove(choice % blocks.len());
                                    let bytes = std::slice::from_raw_parts(block, layout.size());
                                    assert!(bytes.iter().all(|byte| *byte == mark as u8), "thread {mark}");
                                    allocator.dealloc(block, layout);
                                }
                            }
                        }
                    }
                });
            }
        });
        assert!(allocator.idle_bytes() > 0);
        close(&allocator);
    }
}
