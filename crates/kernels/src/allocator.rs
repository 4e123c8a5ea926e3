//! A global allocator that keeps large blocks for the next request, on huge pages.
//!
//! A training step asks for the same large tensors again and again. The system's allocator returns blocks of many megabytes to the
//! operating system at once, and every page of the next tensor is then faulted in anew: 1.5 µs for each 4 KiB, as long as a layer's
//! arithmetic. [`RecyclingAllocator`] keeps such blocks on shelves by size; after the first step no page is faulted in.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Smaller blocks go to the system's allocator, which keeps them itself.
const SMALLEST: usize = 1 << 18;

/// Larger blocks go back to the operating system: they are data sets, allocated once.
const LARGEST: usize = 1 << 29;

/// Steps between powers of two: a block is at most a quarter larger than what was asked for.
const STEPS: usize = 4;

/// Number of shelves from [`SMALLEST`] to [`LARGEST`].
const SHELVES: usize = STEPS * (LARGEST.ilog2() - SMALLEST.ilog2()) as usize + 1;

/// Idle bytes above which a returned block is given back to the operating system.
const IDLE_LIMIT: usize = 4 << 30;

/// Size of a huge page, and the alignment of the blocks that can hold one.
const HUGE_PAGE: usize = 2 << 20;

/// Alignment of smaller blocks.
const PAGE: usize = 4096;

/// The system's allocator with shelves for blocks from 256 KiB to 512 MiB.
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
    shelves: [Mutex<Shelf>; SHELVES],
    idle_bytes: AtomicUsize,
    used_bytes: AtomicUsize,
    peak_bytes: AtomicUsize,
}

/// The idle blocks of one size, as a list through the blocks themselves.
#[derive(Debug)]
struct Shelf {
    first: *mut IdleBlock,
}

/// What an idle block begins with.
#[derive(Debug)]
struct IdleBlock {
    next: *mut IdleBlock,
}

// SAFETY: the pointers lead to blocks that belong to the shelf alone; whoever holds the shelf holds them.
unsafe impl Send for Shelf {}

impl RecyclingAllocator {
    /// An allocator with empty shelves.
    pub const fn new() -> RecyclingAllocator {
        RecyclingAllocator {
            shelves: [const { Mutex::new(Shelf { first: std::ptr::null_mut() }) }; SHELVES],
            idle_bytes: AtomicUsize::new(0),
            used_bytes: AtomicUsize::new(0),
            peak_bytes: AtomicUsize::new(0),
        }
    }

    /// Bytes that lie on the shelves.
    pub fn idle_bytes(&self) -> usize {
        self.idle_bytes.load(Ordering::Relaxed)
    }

    /// The most bytes of large blocks (256 KiB and above) that were in use at once since the last [`restart_peak`](Self::restart_peak).
    ///
    /// Blocks that lie idle do not count, so that the number does not depend on what the process did before.
    pub fn peak_bytes(&self) -> usize {
        self.peak_bytes.load(Ordering::Relaxed)
    }

    /// Lets the peak begin anew at what is in use now.
    pub fn restart_peak(&self) {
        self.peak_bytes.store(self.used_bytes.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    fn count_allocated(&self, bytes: usize) {
        let used = self.used_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.peak_bytes.fetch_max(used, Ordering::Relaxed);
    }

    fn count_returned(&self, bytes: usize) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Takes an idle block of the shelf.
    fn take(&self, shelf: usize) -> Option<*mut u8> {
        let mut shelf_guard = lock(&self.shelves[shelf]);
        let block = shelf_guard.first;
        if block.is_null() {
            return None;
        }
        // SAFETY: a block on a shelf begins with a valid `IdleBlock`, written by `put`, and nobody else holds the block.
        shelf_guard.first = unsafe { (*block).next };
        self.idle_bytes.fetch_sub(block_size(shelf), Ordering::Relaxed);
        Some(block.cast())
    }

    /// Lays a block on its shelf, unless too much lies idle.
    ///
    /// # Safety
    /// `block` is a block of this shelf's layout that nobody uses any more.
    unsafe fn put(&self, shelf: usize, block: *mut u8) -> bool {
        let size = block_size(shelf);
        if self.idle_bytes.fetch_add(size, Ordering::Relaxed) + size > IDLE_LIMIT {
            self.idle_bytes.fetch_sub(size, Ordering::Relaxed);
            return false;
        }
        let mut shelf = lock(&self.shelves[shelf]);
        let block = block.cast::<IdleBlock>();
        // SAFETY: the caller owns the block, which is page-aligned and larger than an `IdleBlock`.
        unsafe { block.write(IdleBlock { next: shelf.first }) };
        shelf.first = block;
        true
    }
}

impl Default for RecyclingAllocator {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: blocks outside the shelves' range are the system allocator's own. A block inside it is allocated with the layout of its
// shelf, which depends on the requested layout alone, so that `dealloc` computes the same shelf as `alloc`; a block is on a shelf or
// in use, never both, because `take` removes it under the shelf's lock.
unsafe impl GlobalAlloc for RecyclingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(shelf) = shelf_for(layout) else {
            if layout.size() >= SMALLEST {
                self.count_allocated(layout.size());
            }
            // SAFETY: the caller keeps `alloc`'s contract, which is the system allocator's.
            return unsafe { System.alloc(layout) };
        };
        self.count_allocated(block_size(shelf));
        if let Some(block) = self.take(shelf) {
            return block;
        }
        // SAFETY: the layout of a shelf has a size above zero.
        let block = unsafe { System.alloc(block_layout(shelf)) };
        prefer_huge_pages(block, shelf);
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(shelf) = shelf_for(layout) else {
            if layout.size() >= SMALLEST {
                self.count_returned(layout.size());
            }
            // SAFETY: the block came from the system allocator with this layout, as the caller promises and `alloc` decides.
            return unsafe { System.dealloc(block, layout) };
        };
        self.count_returned(block_size(shelf));
        // SAFETY: the caller gives up the block; `alloc` made it for this shelf.
        let kept = unsafe { self.put(shelf, block) };
        if !kept {
            // SAFETY: `alloc` made the block with the shelf's layout, and `put` did not keep it.
            unsafe { System.dealloc(block, block_layout(shelf)) };
        }
    }
}

/// The shelf for a request; `None` for one that the system serves.
fn shelf_for(layout: Layout) -> Option<usize> {
    let size = layout.size();
    if !(SMALLEST..=LARGEST).contains(&size) || layout.align() > PAGE {
        return None;
    }
    let power = size.ilog2() as usize;
    let step = (size - (1 << power)).div_ceil((1 << power) / STEPS);
    Some(STEPS * (power - SMALLEST.ilog2() as usize) + step)
}

/// Size of the blocks of a shelf, at least every size that [`shelf_for`] sends there.
const fn block_size(shelf: usize) -> usize {
    let power = SMALLEST << (shelf / STEPS);
    power + (power / STEPS) * (shelf % STEPS)
}

fn block_layout(shelf: usize) -> Layout {
    let size = block_size(shelf);
    let alignment = if size >= HUGE_PAGE { HUGE_PAGE } else { PAGE };
    // SAFETY: both alignments are powers of two, and the size is far below the largest a layout may have.
    unsafe { Layout::from_size_align_unchecked(size, alignment) }
}

/// Asks for huge pages behind a new block; without them (or elsewhere than on Linux) it is only slower.
fn prefer_huge_pages(block: *mut u8, shelf: usize) {
    let whole_pages = block_size(shelf) / HUGE_PAGE * HUGE_PAGE;
    if block.is_null() || whole_pages == 0 {
        return;
    }
    #[cfg(target_os = "linux")]
    // SAFETY: the range lies inside the block that was just allocated; this advice changes no content.
    let _ = unsafe { rustix::mm::madvise(block.cast(), whole_pages, rustix::mm::Advice::LinuxHugepage) };
}

/// Locks a shelf. It is valid after every statement, so that poison means nothing.
fn lock(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 16).unwrap()
    }

    #[test]
    fn every_size_fits_its_block_and_wastes_at_most_a_quarter() {
        for power in 18..29 {
            for offset in [0, 1, 2, 1000, (1 << power) / 4, (1 << power) / 4 + 1, (1 << power) - 1] {
                let size = (1 << power) + offset;
                let block = block_size(shelf_for(layout(size)).unwrap());
                assert!(block >= size && block * 4 <= size * 5 + 4, "{size} bytes in a block of {block}");
            }
        }
        assert_eq!(block_size(shelf_for(layout(LARGEST)).unwrap()), LARGEST);
        assert_eq!(shelf_for(layout(SMALLEST - 1)), None);
        assert_eq!(shelf_for(layout(LARGEST + 1)), None);
    }

    #[test]
    fn a_returned_block_serves_the_next_request_of_its_size() {
        let allocator = RecyclingAllocator::new();
        let (first_layout, second_layout) = (layout(3_000_000), layout(2_900_000));
        assert_eq!(shelf_for(first_layout), shelf_for(second_layout));
        // SAFETY: both layouts have a size above zero; each block is returned once, with the layout it was made with.
        unsafe {
            let first = allocator.alloc(first_layout);
            first.write_bytes(7, first_layout.size());
            allocator.dealloc(first, first_layout);
            assert!(allocator.idle_bytes() >= 3_000_000);
            let second = allocator.alloc_zeroed(second_layout);
            assert_eq!(first, second);
            assert_eq!(allocator.idle_bytes(), 0);
            assert!(std::slice::from_raw_parts(second, second_layout.size()).iter().all(|byte| *byte == 0));
            allocator.dealloc(second, second_layout);
        }
    }

    #[test]
    fn the_peak_counts_what_is_in_use_at_once_and_can_begin_anew() {
        let allocator = RecyclingAllocator::new();
        let (shelved, large) = (layout(1 << 20), layout(LARGEST + 1));
        // SAFETY: both layouts have a size above zero; each block is returned once, with the layout it was made with.
        unsafe {
            let first = allocator.alloc(shelved);
            let second = allocator.alloc(shelved);
            allocator.dealloc(first, shelved);
            let third = allocator.alloc(large);
            assert_eq!(allocator.peak_bytes(), (1 << 20) + LARGEST + 1);
            allocator.dealloc(third, large);
            allocator.restart_peak();
            assert_eq!(allocator.peak_bytes(), 1 << 20);
            let small = allocator.alloc(layout(SMALLEST - 1));
            assert_eq!(allocator.peak_bytes(), 1 << 20, "small blocks are not counted");
            allocator.dealloc(small, layout(SMALLEST - 1));
            allocator.dealloc(second, shelved);
            allocator.restart_peak();
            assert_eq!(allocator.peak_bytes(), 0);
        }
    }

    #[test]
    fn threads_never_share_a_block() {
        let allocator = RecyclingAllocator::new();
        std::thread::scope(|scope| {
            for mark in 0..4u8 {
                let allocator = &allocator;
                scope.spawn(move || {
                    for round in 0..200 {
                        let layout = layout(SMALLEST + 1000 * (round % 3));
                        // SAFETY: the layout has a size above zero; the block is written inside its size and returned once.
                        unsafe {
                            let block = allocator.alloc(layout);
                            block.write_bytes(mark, layout.size());
                            std::thread::yield_now();
                            let bytes = std::slice::from_raw_parts(block, layout.size());
                            assert!(bytes.iter().all(|byte| *byte == mark));
                            allocator.dealloc(block, layout);
                        }
                    }
                });
            }
        });
    }
}
