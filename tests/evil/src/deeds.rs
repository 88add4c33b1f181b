//! The misdeeds.

use std::hint::black_box;

/// Never ends.
pub(crate) fn run_for_ever() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns).wrapping_add(1);
    }
}

/// Allocates until something stops it.
pub(crate) fn allocate_for_ever() -> ! {
    let mut all = Vec::new();
    loop {
        all.push(vec![1_u8; 64 * 1024]);
        black_box(&all);
    }
}

/// Calls itself until something stops it.
pub(crate) fn recurse(depth: u64) -> u64 {
    if black_box(depth) == u64::MAX {
        depth
    } else {
        black_box(recurse(depth + 1)) + 1
    }
}

/// Panics.
#[expect(clippy::panic, reason = "that is the misdeed")]
pub(crate) fn trap(place: &str) -> ! {
    panic!("as asked, in {place}")
}

/// A text that says it is so long, but of which there is nothing behind the first byte.
#[expect(
    unsafe_code,
    reason = "a plugin may give any pointer and length: here is one that does"
)]
pub(crate) fn text_outside_of_memory(bytes: usize) -> String {
    let start = Box::leak(Box::new(b'x'));
    // SAFETY: none. The text is handed to the host, which has to notice that it isn't there; nothing here reads it.
    unsafe { String::from_raw_parts(start, bytes, bytes) }
}

/// Fills so many bytes of the heap with copies of a text, and leaves them there.
pub(crate) fn plant(text: &str, bytes: usize) {
    let copies = text
        .as_bytes()
        .iter()
        .copied()
        .cycle()
        .take(bytes)
        .collect::<Vec<u8>>();
    black_box(Box::leak(copies.into_boxed_slice()));
}

/// How often a text lies in memory, used or not, after making room for so many bytes. Each byte of `search` is one
/// more than what is looked for, so that it doesn't find itself.
pub(crate) fn scavenge(search: &str, bytes: usize) -> usize {
    // Not written to: what memory holds there is what it was given with.
    let room = black_box(Vec::<u8>::with_capacity(bytes));
    let search = search.as_bytes();
    let found = memory()
        .windows(search.len().max(1))
        .filter(|window| {
            window
                .iter()
                .zip(search)
                .all(|(&there, &wanted)| there.wrapping_add(1) == wanted)
        })
        .count();
    drop(room);
    found
}

/// All linear memory but its first byte.
#[cfg(target_arch = "wasm32")]
#[expect(unsafe_code, reason = "nothing else reads memory that was never written")]
fn memory() -> &'static [u8] {
    let bytes = core::arch::wasm32::memory_size::<0>() * 65_536;
    let start = black_box(std::ptr::without_provenance::<u8>(1));
    // SAFETY: every byte of linear memory can be read, and nothing is written while this is looked at.
    unsafe { std::slice::from_raw_parts(start, bytes - 1) }
}

/// There is no linear memory here.
#[cfg(not(target_arch = "wasm32"))]
fn memory() -> &'static [u8] {
    &[]
}
