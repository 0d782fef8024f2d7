//! How an actor serves: it listens whenever its process runs, and all connections end with that.

use std::{future::Future, io, net::SocketAddr};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Serves for as long as it is polled. `address` is where it listens, and then says which port that is; `up` hears that it
/// does; `connection` serves one.
pub(super) async fn serve<C: Future<Output = ()> + Send + 'static>(
    mut runs: watch::Receiver<bool>,
    address: &watch::Sender<SocketAddr>,
    up: impl Fn(),
    connection: impl Fn(TcpStream) -> C,
) {
    loop {
        if runs.wait_for(|runs| *runs).await.is_err() {
            return;
        }
        let Ok(listener) = listen(address) else {
            return;
        };
        up();
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                ended = runs.wait_for(|runs| !runs) => {
                    if ended.is_err() {
                        return;
                    }
                    break;
                }
                Ok((stream, _)) = listener.accept() => {
                    connections.spawn(connection(stream));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

fn listen(address: &watch::Sender<SocketAddr>) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(*address.borrow())?;
    let listener = socket.listen(BACKLOG)?;
    address.send_replace(listener.local_addr()?);
    Ok(listener)
}
