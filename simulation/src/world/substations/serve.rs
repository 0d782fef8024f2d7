//! The connections of a substation.

#[cfg(test)]
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{
    super::{event::What, http::Reader, listening},
    Substation,
    exchange::Reply,
};

/// Serves for as long as it is polled, whenever the substation's process runs.
pub(crate) async fn serve(substation: Arc<Substation>) {
    let up = || {
        let substation_up = What::SubstationUp {
            substation: substation.plan.id,
        };
        substation.record.tell(substation_up);
    };
    let connection = |stream| connection(Arc::clone(&substation), stream);
    listening::serve(
        substation.runs.subscribe(),
        &substation.address,
        up,
        connection,
    )
    .await;
}

#[cfg(test)]
impl Substation {
    /// Where it listens, once it does.
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
