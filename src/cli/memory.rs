//! Keeps freed memory for reuse.

/// A size of allocation that no tensor of usual dumps reaches, below the largest that glibc's rule accepts (32 MB).
const LARGE: usize = 24 << 20;

/// Has glibc keep freed memory: it takes the size of a freed mapping as the size up to which memory stays in the process, and twice that as
/// the free memory to be kept ("dynamic mmap threshold" in mallopt(3)). Otherwise every buffer of a tensor's size is returned to the
/// system and mapped anew, page by page, which took 4 % of the time of explore and a tenth of that of `pack`. Called after the scan of a dump:
/// the scan's growing tables leave behind memory that would be kept too. Has no effect on other allocators.
pub fn keep_freed() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGE)));
}
