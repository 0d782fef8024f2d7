//! What sockets are told and say of themselves.

use std::{
    ffi::{c_int, c_void},
    mem::size_of,
    net::{Ipv4Addr, SocketAddrV4},
};

use crate::{
    files::{Kind, is_simulated},
    state,
    symbols::{int, sockaddr, sockets::real},
};

/// A socket's own address.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn getsockname(
    socket: c_int,
    address: *mut libc::sockaddr,
    length: *mut libc::socklen_t,
) -> c_int {
    if !is_simulated(socket) {
        // SAFETY: the caller answers for the arguments.
        return unsafe {
            real(
                libc::SYS_getsockname,
                [socket as usize, address as usize, length as usize, 0, 0, 0],
            )
        };
    }
    let local = state::with(|kernel| {
        let file = kernel.files.number(socket).ok_or(libc::EBADF)?;
        let unspecified = Some(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
        match &kernel.files.file(file).ok_or(libc::EBADF)?.kind {
            Kind::Socket {
                domain: libc::AF_INET,
                bound,
            } => Ok(bound.or(unspecified)),
            Kind::Listener(listener) => Ok(listener.address),
            Kind::Datagrams(socket) => Ok(socket.local.or(unspecified)),
            Kind::Stream(end) => {
                let end = *end;
                Ok(kernel.files.ends[end].local)
            }
            Kind::Socket { .. } => Ok(None),
            _ => Err(libc::ENOTSOCK),
        }
    });
    // SAFETY: the caller answers for the place.
    int(local
        .map(|local| unsafe { sockaddr::write(local, address, length) })
        .map(|()| 0))
}

/// The address of a socket's peer.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn getpeername(
    socket: c_int,
    address: *mut libc::sockaddr,
    length: *mut libc::socklen_t,
) -> c_int {
    if !is_simulated(socket) {
        // SAFETY: the caller answers for the arguments.
        return unsafe {
            real(
                libc::SYS_getpeername,
                [socket as usize, address as usize, length as usize, 0, 0, 0],
            )
        };
    }
    let remote = state::with(|kernel| {
        let file = kernel.files.number(socket).ok_or(libc::EBADF)?;
        match &kernel.files.file(file).ok_or(libc::EBADF)?.kind {
            Kind::Stream(end) => {
                let end = *end;
                let end = &kernel.files.ends[end];
                if end.is_connected {
                    Ok(end.remote)
                } else {
                    Err(libc::ENOTCONN)
                }
            }
            Kind::Datagrams(socket) => socket.remote.map(Some).ok_or(libc::ENOTCONN),
            _ => Err(libc::ENOTCONN),
        }
    });
    // SAFETY: the caller answers for the place.
    int(remote
        .map(|remote| unsafe { sockaddr::write(remote, address, length) })
        .map(|()| 0))
}

/// Sets an option. Those that change what programs see are kept; the others are taken and have no effect.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn setsockopt(
    socket: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    length: libc::socklen_t,
) -> c_int {
    if !is_simulated(socket) {
        let arguments = [
            socket as usize,
            level as usize,
            name as usize,
            value as usize,
            length as usize,
            0,
        ];
        // SAFETY: the caller answers for the arguments.
        return unsafe { real(libc::SYS_setsockopt, arguments) };
    }
    int(state::with(|kernel| {
        let file = kernel.files.number(socket).ok_or(libc::EBADF)?;
        let open = kernel.files.file(file).ok_or(libc::EBADF)?;
        match (level, name) {
            (libc::SOL_SOCKET, libc::SO_LINGER) => {
                // SAFETY: the option's value is a `linger`.
                let linger = unsafe { &*value.cast::<libc::linger>() };
                if let Kind::Stream(end) = open.kind {
                    kernel.files.ends[end].resets_at_close =
                        linger.l_onoff != 0 && linger.l_linger == 0;
                }
            }
            (libc::SOL_SOCKET, libc::SO_RCVTIMEO | libc::SO_SNDTIMEO) => {
                // SAFETY: the option's value is a `timeval`.
                let time = unsafe { &*value.cast::<libc::timeval>() };
                let nanos = time.tv_sec * 1_000_000_000 + time.tv_usec * 1_000;
                let timeout = (nanos > 0).then_some(nanos.cast_unsigned());
                if name == libc::SO_RCVTIMEO {
                    open.read_timeout = timeout;
                } else {
                    open.write_timeout = timeout;
                }
            }
            _ => {}
        }
        Ok(0)
    }))
}

/// Reads an option: those that programs here ask for.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn getsockopt(
    socket: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    length: *mut libc::socklen_t,
) -> c_int {
    if !is_simulated(socket) {
        let arguments = [
            socket as usize,
            level as usize,
            name as usize,
            value as usize,
            length as usize,
            0,
        ];
        // SAFETY: the caller answers for the arguments.
        return unsafe { real(libc::SYS_getsockopt, arguments) };
    }
    let put = |bytes: &[u8]| {
        // SAFETY: the caller answers for the place.
        unsafe { sockaddr::copy(bytes.as_ptr(), bytes.len(), value.cast(), length) };
        Ok(0)
    };
    int(state::with(|kernel| {
        let file = kernel.files.number(socket).ok_or(libc::EBADF)?;
        let open = kernel.files.file(file).ok_or(libc::EBADF)?;
        let end = if let Kind::Stream(end) = open.kind {
            Some(end)
        } else {
            None
        };
        let number: c_int = match (level, name) {
            (libc::SOL_SOCKET, libc::SO_ERROR) => {
                end.map_or(0, |end| kernel.files.ends[end].take_error())
            }
            (libc::SOL_SOCKET, libc::SO_TYPE) => match open.kind {
                Kind::Datagrams(_) => libc::SOCK_DGRAM,
                _ => libc::SOCK_STREAM,
            },
            (libc::SOL_SOCKET, libc::SO_ACCEPTCONN) => {
                c_int::from(matches!(open.kind, Kind::Listener(_)))
            }
            (libc::SOL_SOCKET, libc::SO_DOMAIN) => libc::AF_INET,
            (libc::SOL_SOCKET, libc::SO_SNDBUF | libc::SO_RCVBUF) => 64 << 10,
            (libc::SOL_SOCKET, libc::SO_PEERCRED) => {
                // SAFETY: both take nothing and can't fail.
                let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
                let credentials = [1, user, group].map(u32::to_ne_bytes);
                return put(credentials.as_flattened());
            }
            (libc::IPPROTO_TCP, libc::TCP_INFO) => {
                let mut info = [0_u8; 232];
                if let Some(end) = end {
                    let end = &kernel.files.ends[end];
                    info[0] = end.tcp_state();
                    // The kernel counts the request for the connection as a byte.
                    let acknowledged = end.acknowledged + u64::from(end.is_connected);
                    let place = std::mem::offset_of!(libc::tcp_info, tcpi_bytes_acked);
                    info[place..place + 8].copy_from_slice(&acknowledged.to_ne_bytes());
                }
                return put(&info);
            }
            _ => 0,
        };
        put(&number.to_ne_bytes()[..size_of::<c_int>()])
    }))
}
