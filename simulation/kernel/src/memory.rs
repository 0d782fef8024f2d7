//! What each node has allocated and not freed yet.
//!
//! A block that another node's thread frees is counted there. The threads of one node share almost nothing with others, so
//! the sums are true enough to see what grows.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::atomic::{AtomicI64, Ordering::Relaxed},
};

/// The most nodes that are told apart; all beyond share the last sum.
const NODES: usize = 256;

thread_local! {
    static NODE: Cell<usize> = const { Cell::new(usize::MAX) };
}

static ALLOCATED: [AtomicI64; NODES] = [const { AtomicI64::new(0) }; NODES];

/// The system's allocator, which counts.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The calling thread allocates for this node from now on.
pub(crate) fn belong_to(node: Option<u32>) {
    NODE.set(node.map_or(usize::MAX, |node| (node as usize).min(NODES - 1)));
}

/// Bytes that a node's threads have allocated, less what they have freed.
pub(crate) fn of(node: u32) -> i64 {
    ALLOCATED
        .get((node as usize).min(NODES - 1))
        .map_or(0, |sum| sum.load(Relaxed))
}

fn count(bytes: usize, sign: i64) {
    if let Some(sum) = ALLOCATED.get(NODE.get()) {
        sum.fetch_add(sign * i64::try_from(bytes).unwrap_or(0), Relaxed);
    }
}

// SAFETY: all is left to the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller keeps to the contract of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(layout.size(), -1);
        count(size, 1);
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }
}
