//! Reading and writing.

use std::{
    ffi::{c_int, c_void},
    slice::{from_raw_parts, from_raw_parts_mut},
};

use crate::{
    files::is_simulated,
    raw,
    symbols::{
        answer,
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

pub(super) fn read_into(
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

pub(super) fn joined(places: &[libc::iovec]) -> Vec<u8> {
    // SAFETY: the caller of the C function answers for its places.
    let slices = places
        .iter()
        .map(|place| unsafe { slice(place.iov_base, place.iov_len) });
    slices.collect::<Vec<_>>().concat()
}
