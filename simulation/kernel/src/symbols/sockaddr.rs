//! Addresses as C writes them.

use std::{
    ffi::{CStr, OsStr, c_int},
    mem::size_of,
    net::{Ipv4Addr, SocketAddrV4},
    os::unix::ffi::OsStrExt,
    path::PathBuf,
};

/// An address of a socket.
pub(super) enum Address {
    Inet(SocketAddrV4),
    Unix(PathBuf),
}

/// Reads an address.
///
/// # Safety
///
/// As much must be readable there as `length` says.
pub(super) unsafe fn read(
    address: *const libc::sockaddr,
    length: libc::socklen_t,
) -> Result<Address, i32> {
    if address.is_null() || (length as usize) < size_of::<libc::sa_family_t>() {
        return Err(libc::EINVAL);
    }
    // SAFETY: the family is within the length.
    let family = c_int::from(unsafe { (*address).sa_family });
    match family {
        libc::AF_INET if length as usize >= size_of::<libc::sockaddr_in>() => {
            // SAFETY: the family and the length say so.
            let inet = unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
            let ip = Ipv4Addr::from(u32::from_be(inet.sin_addr.s_addr));
            Ok(Address::Inet(SocketAddrV4::new(
                ip,
                u16::from_be(inet.sin_port),
            )))
        }
        libc::AF_UNIX => {
            let start = std::mem::offset_of!(libc::sockaddr_un, sun_path);
            let most = (length as usize).saturating_sub(start);
            // SAFETY: the path is within the length.
            let path = unsafe { std::slice::from_raw_parts(address.cast::<u8>().add(start), most) };
            let path = CStr::from_bytes_until_nul(path).map_or(path, CStr::to_bytes);
            Ok(Address::Unix(PathBuf::from(OsStr::from_bytes(path))))
        }
        _ => Err(libc::EAFNOSUPPORT),
    }
}

/// Writes an address; that of a unix socket without a name if there is none.
///
/// # Safety
///
/// `length` must be that of the place at `into`, if that is not null.
pub(super) unsafe fn write(
    address: Option<SocketAddrV4>,
    into: *mut libc::sockaddr,
    length: *mut libc::socklen_t,
) {
    if into.is_null() || length.is_null() {
        return;
    }
    if let Some(address) = address {
        let inet = inet(address);
        // SAFETY: no more is copied than fits.
        unsafe {
            copy(
                (&raw const inet).cast(),
                size_of::<libc::sockaddr_in>(),
                into.cast(),
                length,
            );
        };
    } else {
        let family = libc::AF_UNIX as libc::sa_family_t;
        // SAFETY: as above.
        unsafe {
            copy(
                (&raw const family).cast(),
                size_of::<libc::sa_family_t>(),
                into.cast(),
                length,
            );
        };
    }
}

/// As C writes it.
pub(super) fn inet(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from(*address.ip()).to_be(),
        },
        sin_zero: [0; 8],
    }
}

/// Copies as much as fits, and says how much there was.
///
/// # Safety
///
/// `from` must have so many bytes, and `into` as many as `length` says.
pub(super) unsafe fn copy(
    from: *const u8,
    bytes: usize,
    into: *mut u8,
    length: *mut libc::socklen_t,
) {
    // SAFETY: the caller says so; the lesser of both is copied.
    unsafe {
        let room = *length as usize;
        std::ptr::copy_nonoverlapping(from, into, bytes.min(room));
        *length = bytes as libc::socklen_t;
    }
}
