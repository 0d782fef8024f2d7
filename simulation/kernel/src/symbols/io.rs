//! Reading and writing.

use std::{
    ffi::{c_int, c_void},
    mem::size_of,
    slice::{from_raw_parts, from_raw_parts_mut},
};

use crate::{
    files::is_simulated,
    raw, state,
    symbols::{
        answer, home,
        sockaddr::{self, Address},
        streams,
    },
};

/// Reads.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn read(file: c_int, into: *mut c_void, length: usize) -> isize {
    if !is_simulated(file) {
        // SAFETY: the caller answers for the arguments.
        return unsafe {
            raw::libc_call(
                libc::SYS_read,
                [file as usize, into as usize, length, 0, 0, 0],
            )
        };
    }
    // SAFETY: as above.
    unsafe { recv(file, into, length, 0) }
}

/// Receives.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn recv(
    file: c_int,
    into: *mut c_void,
    length: usize,
    flags: c_int,
) -> isize {
    // SAFETY: the caller answers for the arguments.
    unsafe {
        recvfrom(
            file,
            into,
            length,
            flags,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        )
    }
}

/// Receives, and says from where.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn recvfrom(
    file: c_int,
    into: *mut c_void,
    length: usize,
    flags: c_int,
    address: *mut libc::sockaddr,
    address_length: *mut libc::socklen_t,
) -> isize {
    if !is_simulated(file) {
        let arguments = [
            file as usize,
            into as usize,
            length,
            flags as usize,
            address as usize,
            address_length as usize,
        ];
        // SAFETY: the caller answers for the arguments.
        return unsafe { raw::libc_call(libc::SYS_recvfrom, arguments) };
    }
    // SAFETY: as above.
    let into = unsafe { slice_mut(into, length) };
    answer(streams::read(file, into, flags, false).map(|found| {
        // SAFETY: as above.
        unsafe { sockaddr::write(found.from, address, address_length) };
        found.bytes.cast_signed()
    }))
}

/// A place for bytes.
///
/// # Safety
///
/// There must be so many, if any.
unsafe fn slice_mut<'a>(at: *mut c_void, length: usize) -> &'a mut [u8] {
    if length == 0 {
        return &mut [];
    }
    // SAFETY: the caller says so.
    unsafe { from_raw_parts_mut(at.cast(), length) }
}

/// Bytes.
///
/// # Safety
///
/// There must be so many, if any.
unsafe fn slice<'a>(at: *const c_void, length: usize) -> &'a [u8] {
    if length == 0 {
        return &[];
    }
    // SAFETY: the caller says so.
    unsafe { from_raw_parts(at.cast(), length) }
}

/// Reads into several places.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn readv(
    file: c_int,
    places: *const libc::iovec,
    count: c_int,
) -> isize {
    if !is_simulated(file) {
        let arguments = [file as usize, places as usize, count as usize, 0, 0, 0];
        // SAFETY: the caller answers for the arguments.
        return unsafe { raw::libc_call(libc::SYS_readv, arguments) };
    }
    // SAFETY: as above.
    let places = unsafe { from_raw_parts(places, usize::try_from(count).unwrap_or(0)) };
    answer(read_into(file, places, 0, false).map(|found| found.bytes.cast_signed()))
}

fn read_into(
    file: c_int,
    places: &[libc::iovec],
    flags: c_int,
    wants_files: bool,
) -> Result<streams::Found, i32> {
    let mut all = vec![0; places.iter().map(|place| place.iov_len).sum()];
    let found = streams::read(file, &mut all, flags, wants_files)?;
    let mut rest = all.get(..found.bytes).unwrap_or_default();
    for place in places {
        let (now, after) = rest.split_at(rest.len().min(place.iov_len));
        // SAFETY: the caller of the C function answers for its places.
        unsafe { slice_mut(place.iov_base, now.len()) }.copy_from_slice(now);
        rest = after;
    }
    Ok(found)
}

/// Writes.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn write(file: c_int, bytes: *const c_void, length: usize) -> isize {
    if !is_simulated(file) {
        // SAFETY: the caller answers for the arguments.
        return unsafe {
            raw::libc_call(
                libc::SYS_write,
                [file as usize, bytes as usize, length, 0, 0, 0],
            )
        };
    }
    // SAFETY: as above.
    unsafe { send(file, bytes, length, 0) }
}

/// Sends.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn send(
    file: c_int,
    bytes: *const c_void,
    length: usize,
    flags: c_int,
) -> isize {
    // SAFETY: the caller answers for the arguments.
    unsafe { sendto(file, bytes, length, flags, std::ptr::null(), 0) }
}

/// Sends, to an address if there is one.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn sendto(
    file: c_int,
    bytes: *const c_void,
    length: usize,
    flags: c_int,
    address: *const libc::sockaddr,
    address_length: libc::socklen_t,
) -> isize {
    if !is_simulated(file) {
        let arguments = [
            file as usize,
            bytes as usize,
            length,
            flags as usize,
            address as usize,
            address_length as usize,
        ];
        // SAFETY: the caller answers for the arguments.
        return unsafe { raw::libc_call(libc::SYS_sendto, arguments) };
    }
    // SAFETY: as above.
    let to = match unsafe { sockaddr::read(address, address_length) } {
        Ok(Address::Inet(to)) => Some(to),
        _ => None,
    };
    // SAFETY: as above.
    let bytes = unsafe { slice(bytes, length) };
    answer(streams::write(file, bytes, flags, to).map(usize::cast_signed))
}

/// Writes from several places.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn writev(
    file: c_int,
    places: *const libc::iovec,
    count: c_int,
) -> isize {
    if !is_simulated(file) {
        let arguments = [file as usize, places as usize, count as usize, 0, 0, 0];
        // SAFETY: the caller answers for the arguments.
        return unsafe { raw::libc_call(libc::SYS_writev, arguments) };
    }
    // SAFETY: as above.
    let places = unsafe { from_raw_parts(places, usize::try_from(count).unwrap_or(0)) };
    answer(streams::write(file, &joined(places), 0, None).map(usize::cast_signed))
}

fn joined(places: &[libc::iovec]) -> Vec<u8> {
    // SAFETY: the caller of the C function answers for its places.
    let slices = places
        .iter()
        .map(|place| unsafe { slice(place.iov_base, place.iov_len) });
    slices.collect::<Vec<_>>().concat()
}

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
        )
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
