//! Scratch memory that is taken, used and given back, so that the tasks of a layer do not allocate.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::unspecified::unspecified_vec;

/// Alignment of every buffer in bytes: one cache line, and the widest vector.
const ALIGNMENT: usize = 64;

/// Elements of the largest buffer that is kept: 2 MiB, and with it all that a single task uses.
///
/// Larger ones (transformed weights, lifted bands) are few in a call, and each layer has sizes of its own: kept side by side, they
/// would outweigh the maps of a small batch. [`RecyclingAllocator`](crate::RecyclingAllocator) provides the next one, and uses the
/// memory for maps in between.
const LARGEST_KEPT: usize = 1 << 19;

/// Idle buffers, kept for the next call.
#[derive(Default)]
pub(crate) struct ScratchPool {
    idle: Mutex<Vec<Vec<f32>>>,
}

impl ScratchPool {
    /// Returns a buffer of `len` elements with unspecified contents (those of its last user), aligned to a cache line.
    pub(crate) fn take(&self, len: usize) -> Scratch<'_> {
        let slack = ALIGNMENT / size_of::<f32>();
        let reused = {
            let mut idle = self.lock();
            // The smallest buffer that is large enough, so that large ones stay free for large requests.
            let fitting =
                (0..idle.len()).filter(|&i| idle[i].len() >= len + slack).min_by_key(|&i| idle[i].len());
            fitting.map(|index| idle.swap_remove(index))
        };
        let memory = reused.unwrap_or_else(|| unspecified_vec(len + slack));
        let offset = memory.as_ptr().align_offset(ALIGNMENT);
        Scratch { pool: self, memory, offset, len }
    }

    /// Returns the number of bytes of the unused buffers.
    #[cfg(test)]
    pub(crate) fn idle_bytes(&self) -> usize {
        self.lock().iter().map(|buffer| size_of_val(buffer.as_slice())).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<f32>>> {
        // The list is valid after every statement, so a panic elsewhere leaves it valid.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer of a [`ScratchPool`]; dropping it returns it to the pool.
pub(crate) struct Scratch<'pool> {
    pool: &'pool ScratchPool,
    memory: Vec<f32>,
    offset: usize,
    len: usize,
}

impl Deref for Scratch<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.memory[self.offset..self.offset + self.len]
    }
}

impl DerefMut for Scratch<'_> {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.memory[self.offset..self.offset + self.len]
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        if memory.len() <= LARGEST_KEPT {
            self.pool.lock().push(memory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_and_reused() {
        let pool = ScratchPool::default();
        let first = pool.take(1000);
        assert_eq!(first.as_ptr() as usize % ALIGNMENT, 0);
        let address = first.as_ptr();
        drop(first);
        let idle = pool.idle_bytes();
        let second = pool.take(900);
        assert_eq!((second.as_ptr(), second.len(), pool.idle_bytes()), (address, 900, 0));
        drop(second);
        assert_eq!(pool.idle_bytes(), idle);
    }

    #[test]
    fn large_buffers_are_not_kept() {
        let pool = ScratchPool::default();
        drop(pool.take(LARGEST_KEPT));
        assert_eq!(pool.idle_bytes(), 0, "with its slack the buffer is larger");
        drop(pool.take(LARGEST_KEPT - ALIGNMENT / size_of::<f32>()));
        assert_eq!(pool.idle_bytes(), LARGEST_KEPT * size_of::<f32>());
    }
}
