//! The connections of a substation.

#[cfg(test)]
use std::net::SocketAddr;
use std::{io, sync::Arc};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};

use super::{
    super::{event::What, http::Reader},
    Substation,
    exchange::Reply,
};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Serves for as long as it is polled, whenever the substation's process runs.
pub(crate) async fn serve(substation: Arc<Substation>) {
    let mut runs = substation.runs.subscribe();
    loop {
        if runs.wait_for(|runs| *runs).await.is_err() {
            return;
        }
        let Ok(listener) = substation.listen() else {
            return;
        };
        let substation_up = What::SubstationUp {
            substation: substation.plan.id,
        };
        substation.record.tell(substation_up);
        // All connections end with the process.
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
                    connections.spawn(connection(Arc::clone(&substation), stream));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

impl Substation {
    fn listen(&self) -> io::Result<TcpListener> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(*self.address.borrow())?;
        let listener = socket.listen(BACKLOG)?;
        self.address.send_replace(listener.local_addr()?);
        Ok(listener)
    }

    /// Where it listens, once it does.
    #[cfg(test)]
    pub(crate) async fn listens_at(&self) -> Option<SocketAddr> {
        let mut address = self.address.subscribe();
        let bound = address.wait_for(|address| address.port() != 0).await;
        bound.ok().map(|address| *address)
    }
}

async fn connection(substation: Arc<Substation>, mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let (mut read, mut write) = stream.split();
    let mut reader = Reader::default();
    while let Ok(message) = reader.message(&mut read).await {
        let request = message.into();
        let mut goes_on = false;
        let responded = substation.respond(&request, async |reply| {
            goes_on = match reply {
                Reply::Whole(bytes) => write.write_all(&bytes).await.is_ok(),
                Reply::Cut(bytes, behind) => {
                    let _ = write.write_all(bytes.get(..behind).unwrap_or(&bytes)).await;
                    false
                }
                Reply::Silence => std::future::pending().await,
                Reply::End => false,
            };
        });
        // A client that leaves ends its request, as in a real substation.
        let left = async { while let Ok(true) = reader.more(&mut read).await {} };
        tokio::select! {
            () = responded => {}
            () = left => return,
        }
        if !goes_on {
            return;
        }
    }
}
