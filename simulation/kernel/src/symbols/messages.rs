//! Messages, which carry open files over unix sockets.

use std::{ffi::c_int, mem::size_of, slice::from_raw_parts};

use crate::{
    files::is_simulated,
    raw, state,
    symbols::{
        answer, home,
        io::{joined, read_into},
        sockaddr::{self, Address},
        streams,
    },
};

/// Sends a message, with open files if it carries some.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn sendmsg(
    file: c_int,
    message: *const libc::msghdr,
    flags: c_int,
) -> isize {
    if !is_simulated(file) {
        let arguments = [file as usize, message as usize, flags as usize, 0, 0, 0];
        // SAFETY: the caller answers for the arguments.
        return unsafe { raw::libc_call(libc::SYS_sendmsg, arguments) };
    }
    // SAFETY: as above.
    let (message, carried) = unsafe { (&*message, carried(message)) };
    state::with(|kernel| {
        let files: Vec<_> = carried
            .iter()
            .filter_map(|file| kernel.files.number(*file))
            .collect();
        let end = kernel.end_of(file);
        if let (Some(end), false) = (end, files.is_empty()) {
            kernel.send_rights(end, files);
        }
    });
    // SAFETY: as above.
    let to = unsafe { sockaddr::read(message.msg_name.cast_const().cast(), message.msg_namelen) };
    let to = if let Ok(Address::Inet(to)) = to {
        Some(to)
    } else {
        None
    };
    // SAFETY: as above.
    let places = unsafe { from_raw_parts(message.msg_iov, message.msg_iovlen) };
    answer(streams::write(file, &joined(places), flags, to).map(usize::cast_signed))
}

/// The descriptors that a message carries.
///
/// # Safety
///
/// It must be a message, as in C.
unsafe fn carried(message: *const libc::msghdr) -> Vec<c_int> {
    let mut found = Vec::new();
    // SAFETY: the macros of C keep within the message.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while !header.is_null() {
            if ((*header).cmsg_level, (*header).cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
                let data = libc::CMSG_DATA(header).cast::<c_int>();
                let bytes = (*header).cmsg_len - (data as usize - header as usize);
                for at in 0..bytes / size_of::<c_int>() {
                    found.push(data.add(at).read_unaligned());
                }
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
    found
}

/// Receives a message, with the open files that it carries.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn recvmsg(
    file: c_int,
    message: *mut libc::msghdr,
    flags: c_int,
) -> isize {
    if !is_simulated(file) {
        let arguments = [file as usize, message as usize, flags as usize, 0, 0, 0];
        // SAFETY: the caller answers for the arguments.
        return unsafe { raw::libc_call(libc::SYS_recvmsg, arguments) };
    }
    // SAFETY: as above.
    let message = unsafe { &mut *message };
    // SAFETY: as above.
    let places = unsafe { from_raw_parts(message.msg_iov, message.msg_iovlen) };
    let found = match read_into(file, places, flags, true) {
        Ok(found) => found,
        Err(error) => return answer(Err(error)),
    };
    // SAFETY: as above.
    unsafe {
        sockaddr::write(
            found.from,
            message.msg_name.cast(),
            &raw mut message.msg_namelen,
        );
    };
    let descriptors: Vec<c_int> = state::with(|kernel| {
        let Some(thread) = state::current() else {
            return Vec::new();
        };
        let (node, _) = home(kernel, thread);
        let describe = |file| {
            let descriptor = kernel.files.describe(file, node);
            // The message has kept it until now.
            kernel.unshare(file);
            descriptor
        };
        found.files.into_iter().map(describe).collect()
    });
    message.msg_flags = 0;
    let bytes = size_of::<c_int>() * descriptors.len();
    // SAFETY: it counts.
    let space = unsafe { libc::CMSG_SPACE(bytes as u32) } as usize;
    if descriptors.is_empty() || message.msg_controllen < space {
        if !descriptors.is_empty() {
            message.msg_flags |= libc::MSG_CTRUNC;
            state::with(|kernel| {
                for file in &descriptors {
                    kernel.close(*file);
                }
            });
        }
        message.msg_controllen = 0;
        return found.bytes.cast_signed();
    }
    // SAFETY: there is room for one header and all numbers.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(bytes as u32) as usize;
        let data = libc::CMSG_DATA(header).cast::<c_int>();
        for (at, descriptor) in descriptors.iter().enumerate() {
            data.add(at).write_unaligned(*descriptor);
        }
    }
    message.msg_controllen = space;
    found.bytes.cast_signed()
}
