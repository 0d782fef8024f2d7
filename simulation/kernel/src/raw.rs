//! System calls past the C library, and the C library's own functions past ours.
//!
//! The functions in `symbols` stand in for the C library's in the whole program, so neither a thread that is not simulated
//! nor the kernel itself can call them by name.

use std::{
    ffi::{CStr, c_int, c_long, c_void},
    sync::atomic::{AtomicPtr, Ordering},
};

/// Makes a system call. Returns what the system returns: an error is a negative number.
///
/// # Safety
///
/// The arguments must be what this call expects, as in C.
#[cfg(target_arch = "x86_64")]
pub(crate) unsafe fn call(number: c_long, a: [usize; 6]) -> isize {
    let result: isize;
    // SAFETY: the registers are those of the system's calling convention, and the caller answers for the arguments.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a[0], in("rsi") a[1], in("rdx") a[2], in("r10") a[3], in("r8") a[4], in("r9") a[5],
            lateout("rcx") _, lateout("r11") _,
            options(nostack)
        );
    }
    result
}

/// As above.
///
/// # Safety
///
/// As above.
#[cfg(target_arch = "aarch64")]
pub(crate) unsafe fn call(number: c_long, a: [usize; 6]) -> isize {
    let result: isize;
    // SAFETY: as above.
    unsafe {
        std::arch::asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") a[0] => result,
            in("x1") a[1], in("x2") a[2], in("x3") a[3], in("x4") a[4], in("x5") a[5],
            options(nostack)
        );
    }
    result
}

/// Makes a system call as the C library does: −1 and `errno` for an error.
///
/// # Safety
///
/// As for [`call`].
pub(crate) unsafe fn libc_call(number: c_long, a: [usize; 6]) -> isize {
    // SAFETY: the caller answers for the arguments.
    let result = unsafe { call(number, a) };
    if (-4095..0).contains(&result) {
        set_errno(-(result as c_int));
        -1
    } else {
        result
    }
}

/// Sets the calling thread's `errno`.
pub(crate) fn set_errno(number: c_int) {
    // SAFETY: the place is the calling thread's own and lives as long as it.
    unsafe { *libc::__errno_location() = number }
}

/// A function of the C library that one of ours has hidden.
pub(crate) struct Hidden {
    name: &'static CStr,
    found: AtomicPtr<c_void>,
}

impl Hidden {
    pub(crate) const fn new(name: &'static CStr) -> Self {
        Self {
            name,
            found: AtomicPtr::new(std::ptr::null_mut()),
        }
    }

    /// Where it is.
    pub(crate) fn get(&self) -> *mut c_void {
        let known = self.found.load(Ordering::Relaxed);
        if !known.is_null() {
            return known;
        }
        // SAFETY: the name ends with a zero; the next object after this program is the C library.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        assert!(!found.is_null(), "{:?} is not in the C library", self.name);
        self.found.store(found, Ordering::Relaxed);
        found
    }
}
