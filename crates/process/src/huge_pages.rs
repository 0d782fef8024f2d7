//! Huge pages.

/// Keeps the kernel from backing this process' memory with huge pages, from now on.
///
/// The allocator asks for huge pages wherever it maps memory, and one touched byte then makes 2 MiB resident. Buffers that are
/// large and mostly empty, as that of 64 KiB which Pingora keeps for each answer that streams, would be resident as a whole:
/// each open WebSocket would take more than twice the memory. An error is no fault: the process runs with huge pages, as on
/// systems other than Linux.
pub fn refuse_huge_pages() {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_thp_disable(true);
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_gives_no_huge_pages() {
        refuse_huge_pages();
        assert_eq!(nix::sys::prctl::get_thp_disable(), Ok(true));
    }
}
