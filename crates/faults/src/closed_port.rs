//! A port where nothing listens, for as long as a test needs it.
//!
//! A listener that was bound and dropped gives its port back, and the next socket of this or another test may get it.
//! Here a socket keeps the port and does not listen: the kernel refuses every connection, and gives the port to no other.

use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Socket, Type};

/// A port of the loopback interface that refuses connections until it is dropped or listens.
#[derive(Debug)]
pub struct ClosedPort {
    socket: Socket,
    /// Where it refuses.
    pub address: SocketAddr,
}

impl ClosedPort {
    /// A port that no other socket has.
    #[must_use]
    pub fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any.into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        Self { socket, address }
    }

    /// From now on it listens.
    #[must_use]
    pub fn listen(self) -> TcpListener {
        self.socket.listen(128).unwrap();
        self.socket.into()
    }
}

impl Default for ClosedPort {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::ErrorKind,
        net::{TcpListener, TcpStream},
    };

    use super::ClosedPort;

    #[test]
    fn it_refuses_and_keeps_its_port_until_it_listens() {
        let closed = ClosedPort::new();
        let address = closed.address;
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let taken = TcpListener::bind(address).unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        let listener = closed.listen();
        TcpStream::connect(address).unwrap();
        listener.accept().unwrap();
    }
}
