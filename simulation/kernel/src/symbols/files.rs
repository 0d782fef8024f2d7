//! Descriptors: closed, duplicated, changed; and which real ones a node has.

use std::ffi::{c_char, c_int, c_ulong};

use crate::{
    files::is_simulated,
    raw, state,
    symbols::{enter, home, int},
};

/// Closes a descriptor.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn close(file: c_int) -> c_int {
    if let (true, Some(thread)) = (is_simulated(file), state::current()) {
        enter(thread);
        return int(state::with(|kernel| {
            if kernel.close(file) {
                Ok(0)
            } else {
                Err(libc::EBADF)
            }
        }));
    }
    if state::current().is_some() {
        state::with(|kernel| kernel.files.closed_real(file));
    }
    // SAFETY: the call takes a number.
    unsafe { raw::libc_call(libc::SYS_close, [file as usize, 0, 0, 0, 0, 0]) as c_int }
}

fn duplicate(file: c_int) -> c_int {
    let Some(thread) = state::current() else {
        return int(Err(libc::EBADF));
    };
    int(state::with(|kernel| {
        let (node, _) = home(kernel, thread);
        let number = kernel.files.number(file).ok_or(libc::EBADF)?;
        Ok(kernel.files.describe(number, node))
    }))
}

/// Duplicates a descriptor.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn dup(file: c_int) -> c_int {
    if is_simulated(file) {
        return duplicate(file);
    }
    // SAFETY: the call takes a number.
    noted(unsafe { raw::libc_call(libc::SYS_dup, [file as usize, 0, 0, 0, 0, 0]) } as c_int)
}

/// Duplicates a descriptor, reads or changes its flags. C declares it with any number of arguments: see `syscall`.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn fcntl(file: c_int, command: c_int, argument: usize) -> c_int {
    if !is_simulated(file) {
        // SAFETY: the caller answers for the arguments.
        let result = unsafe {
            raw::libc_call(
                libc::SYS_fcntl,
                [file as usize, command as usize, argument, 0, 0, 0],
            )
        };
        let is_new = matches!(command, libc::F_DUPFD | libc::F_DUPFD_CLOEXEC);
        return if is_new {
            noted(result as c_int)
        } else {
            result as c_int
        };
    }
    match command {
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => duplicate(file),
        libc::F_GETFD => libc::FD_CLOEXEC,
        libc::F_SETFD => 0,
        libc::F_GETFL | libc::F_SETFL => int(state::with(|kernel| {
            let number = kernel.files.number(file).ok_or(libc::EBADF)?;
            let open = kernel.files.file(number).ok_or(libc::EBADF)?;
            if command == libc::F_SETFL {
                open.is_nonblocking = argument & libc::O_NONBLOCK as usize != 0;
                return Ok(0);
            }
            Ok(libc::O_RDWR
                | if open.is_nonblocking {
                    libc::O_NONBLOCK
                } else {
                    0
                })
        })),
        _ => int(Err(libc::EINVAL)),
    }
}

/// Makes a socket wait or not, or tells how many bytes can be read.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn ioctl(file: c_int, request: c_ulong, argument: usize) -> c_int {
    if !is_simulated(file) {
        // SAFETY: the caller answers for the arguments.
        return unsafe {
            raw::libc_call(
                libc::SYS_ioctl,
                [file as usize, request as usize, argument, 0, 0, 0],
            ) as c_int
        };
    }
    int(state::with(|kernel| {
        let number = kernel.files.number(file).ok_or(libc::EBADF)?;
        let open = kernel.files.file(number).ok_or(libc::EBADF)?;
        match request {
            libc::FIONBIO => {
                // SAFETY: the request's argument is the place of a number.
                open.is_nonblocking = unsafe { *(argument as *const c_int) } != 0;
                Ok(0)
            }
            libc::FIOCLEX => Ok(0),
            _ => Err(libc::ENOTTY),
        }
    }))
}

/// Notes which node has a real descriptor, so that its end closes it.
fn noted(file: c_int) -> c_int {
    if let (true, Some(thread)) = (file >= 0, state::current()) {
        state::with(|kernel| {
            let (node, _) = home(kernel, thread);
            kernel.files.opened_real(file, node);
        });
    }
    file
}

/// Opens a real file.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: usize) -> c_int {
    // SAFETY: the caller answers for the arguments.
    unsafe { openat(libc::AT_FDCWD, path, flags, mode) }
}

/// The same.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: usize) -> c_int {
    // SAFETY: the caller answers for the arguments.
    unsafe { openat(libc::AT_FDCWD, path, flags, mode) }
}

/// Opens a real file beside another one.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn openat(
    folder: c_int,
    path: *const c_char,
    flags: c_int,
    mode: usize,
) -> c_int {
    let arguments = [folder as usize, path as usize, flags as usize, mode, 0, 0];
    // SAFETY: the caller answers for the arguments.
    noted(unsafe { raw::libc_call(libc::SYS_openat, arguments) } as c_int)
}

/// The same.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn openat64(
    folder: c_int,
    path: *const c_char,
    flags: c_int,
    mode: usize,
) -> c_int {
    // SAFETY: the caller answers for the arguments.
    unsafe { openat(folder, path, flags, mode) }
}
