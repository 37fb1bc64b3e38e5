//! Memory of a guest: small blocks come back from lists, one for each size, before anybody asks the
//! allocator of the standard library.
//!
//! What crosses the border is many short strings in lists of records, each a block of its own that
//! lives for one call: with the general allocator they were a fifth of what a classification costs
//! inside of the sandbox. Blocks are not given back to other sizes; an instance lives for one call,
//! or, prepared, for some thousand that are all alike, and its memory has a limit.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr::{self, NonNull};

/// Sizes are rounded up to it, and blocks are aligned to it.
const GRAIN: usize = 16;
/// Larger blocks are the other allocator's: copying them costs more than finding them.
const LARGEST: usize = 1024;
const CLASSES: usize = LARGEST / GRAIN;
/// Bytes that are asked for at once; a little less than a quarter of a page of WebAssembly.
const CHUNK: usize = 16 * 1024 - 64;

/// A free block. It holds the next one of its size.
struct Free(Option<NonNull<Free>>);

/// Lists of small blocks before another allocator. For one thread only.
pub struct Recycling<A> {
    lists: [Cell<Option<NonNull<Free>>>; CLASSES],
    /// What is left of the last chunk.
    fresh: Cell<*mut u8>,
    left: Cell<usize>,
    beyond: A,
}

// SAFETY: only ever shared where there is one thread (see the allocator below, and the tests).
#[cfg(any(test, all(target_arch = "wasm32", not(target_feature = "atomics"))))]
unsafe impl<A> Sync for Recycling<A> {}

/// The list of a block, or nothing for the other allocator's.
const fn class(layout: Layout) -> Option<usize> {
    if layout.size() == 0 || layout.size() > LARGEST || layout.align() > GRAIN {
        return None;
    }
    Some((layout.size() - 1) / GRAIN)
}

impl<A: GlobalAlloc> Recycling<A> {
    /// Nothing is asked for yet.
    #[must_use]
    pub const fn new(beyond: A) -> Self {
        Self {
            lists: [const { Cell::new(None) }; CLASSES],
            fresh: Cell::new(ptr::null_mut()),
            left: Cell::new(0),
            beyond,
        }
    }

    /// A block that was never used; null when there is no memory.
    #[cold]
    fn carve(&self, size: usize) -> *mut u8 {
        if self.left.get() < size {
            // SAFETY: the size of the layout is not 0, and its alignment a power of 2.
            let chunk = unsafe {
                self.beyond
                    .alloc(Layout::from_size_align_unchecked(CHUNK, GRAIN))
            };
            if chunk.is_null() {
                return chunk;
            }
            // What is left of the old chunk is lost: less than one small block.
            self.fresh.set(chunk);
            self.left.set(CHUNK);
        }
        let block = self.fresh.get();
        // SAFETY: `size` bytes are left behind `fresh`, in one chunk.
        self.fresh.set(unsafe { block.add(size) });
        self.left.set(self.left.get() - size);
        block
    }
}

// SAFETY: a block is in a list or in use, never both; it has the rounded size of its class, which
// `dealloc` finds again from the same layout, and starts at a multiple of `GRAIN` as the chunk does.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Recycling<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(class) = class(layout) else {
            // SAFETY: the caller's layout.
            return unsafe { self.beyond.alloc(layout) };
        };
        match self.lists[class].get() {
            Some(block) => {
                // SAFETY: what is in a list was made by `dealloc`.
                self.lists[class].set(unsafe { block.as_ref() }.0);
                block.as_ptr().cast()
            }
            None => self.carve((class + 1) * GRAIN),
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(class) = class(layout) else {
            // SAFETY: the caller's block, which came from there.
            return unsafe { self.beyond.dealloc(block, layout) };
        };
        let free = block.cast::<Free>();
        // SAFETY: the block is the caller's last use of at least `GRAIN` aligned bytes, not null.
        unsafe {
            free.write(Free(self.lists[class].get()));
            self.lists[class].set(Some(NonNull::new_unchecked(free)));
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if class(layout).is_none() {
            // SAFETY: the caller's layout. Fresh memory needs no zeros written.
            return unsafe { self.beyond.alloc_zeroed(layout) };
        }
        // SAFETY: as the caller promises; `alloc` gives as many bytes.
        unsafe {
            let block = self.alloc(layout);
            if !block.is_null() {
                block.write_bytes(0, layout.size());
            }
            block
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises a size that is not 0 and does not overflow when rounded up.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (class(layout), class(wanted)) {
            // SAFETY: the caller's block, which came from there.
            (None, None) => unsafe { self.beyond.realloc(block, layout, size) },
            (Some(old), Some(new)) if old == new => block,
            // SAFETY: two different blocks of at least the bytes copied.
            _ => unsafe {
                let to = self.alloc(wanted);
                if !to.is_null() {
                    ptr::copy_nonoverlapping(block, to, layout.size().min(size));
                    self.dealloc(block, layout);
                }
                to
            },
        }
    }
}

/// Of every plugin, unless it is built with threads.
#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
#[global_allocator]
static MEMORY: Recycling<std::alloc::System> = Recycling::new(std::alloc::System);

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::System;

    /// A reproducible number.
    fn next(seed: &mut u64) -> usize {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        (*seed >> 16) as usize
    }

    #[test]
    fn blocks_never_overlap_whatever_the_order() {
        let memory = Recycling::new(System);
        let mut seed = 0x9e37_79b9_7f4a_7c15;
        let mut live: Vec<(*mut u8, Layout, u8)> = Vec::new();
        for round in 0..200_000_u32 {
            let mark = round as u8;
            let whole = |(block, layout, mark): (*mut u8, Layout, u8)| {
                // SAFETY: the block is live and has been written.
                let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
                assert!(bytes.iter().all(|byte| *byte == mark), "{round} {layout:?}");
            };
            let size = match next(&mut seed) % 8 {
                0 => 1 + next(&mut seed) % 5000,
                1 => LARGEST - 1 + next(&mut seed) % 3,
                _ => 1 + next(&mut seed) % 200,
            };
            match next(&mut seed) % 5 {
                0 | 1 if live.len() < 500 => {
                    let align = 1 << (next(&mut seed) % 7);
                    let layout = Layout::from_size_align(size, align).unwrap();
                    let zeroed = next(&mut seed).is_multiple_of(3);
                    // SAFETY: the size is not 0; only what was written is read.
                    unsafe {
                        let block = if zeroed {
                            memory.alloc_zeroed(layout)
                        } else {
                            memory.alloc(layout)
                        };
                        assert!(!block.is_null() && block.addr().is_multiple_of(align));
                        if zeroed {
                            whole((block, layout, 0));
                        }
                        block.write_bytes(mark, size);
                        live.push((block, layout, mark));
                    }
                }
                2 if !live.is_empty() => {
                    let at = next(&mut seed) % live.len();
                    let (block, layout, old) = live.swap_remove(at);
                    whole((block, layout, old));
                    let wanted = Layout::from_size_align(size, layout.align()).unwrap();
                    // SAFETY: a live block with its layout.
                    unsafe {
                        let moved = memory.realloc(block, layout, size);
                        let kept = Layout::from_size_align(size.min(layout.size()), 1).unwrap();
                        whole((moved, kept, old));
                        moved.write_bytes(mark, size);
                        live.push((moved, wanted, mark));
                    }
                }
                _ if !live.is_empty() => {
                    let at = next(&mut seed) % live.len();
                    let (block, layout, old) = live.swap_remove(at);
                    whole((block, layout, old));
                    // SAFETY: a live block with its layout.
                    unsafe { memory.dealloc(block, layout) };
                }
                _ => {}
            }
        }
    }

    #[test]
    fn what_is_given_back_is_used_again() {
        let memory = Recycling::new(System);
        let layout = Layout::from_size_align(40, 8).unwrap();
        // SAFETY: the size is not 0, and blocks are freed once.
        unsafe {
            let first = memory.alloc(layout);
            memory.dealloc(first, layout);
            for size in [33, 48] {
                let same = Layout::from_size_align(size, 1).unwrap();
                let block = memory.alloc(same);
                assert_eq!(block, first, "{size} bytes are of the same class");
                memory.dealloc(block, same);
            }
            assert_ne!(memory.alloc(Layout::from_size_align(49, 1).unwrap()), first);
        }
    }
}
