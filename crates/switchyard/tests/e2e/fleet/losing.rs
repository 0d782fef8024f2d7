//! A relay before a substation that loses answers, as a network does that fails at the wrong moment.
//!
//! The beginning of a request's id says what happens to it, so that a test decides it for each request. The substation
//! has booked before the answer is lost.

use std::{net::SocketAddr, time::Duration};

use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A request's id that begins with this gets no answer: the connection is reset once the substation has answered.
pub(super) const LOST: &str = "lost-";
/// A request's id that begins with this gets no answer, and its connection stays open.
pub(super) const HELD: &str = "held-";

/// Relays every connection to the substation at `to`.
pub(crate) async fn serve_losing(listener: TcpListener, to: SocketAddr) {
    while let Ok((near, _)) = listener.accept().await {
        tokio::spawn(async move {
            if let Ok(far) = TcpStream::connect(to).await {
                relay(near, far).await;
            }
        });
    }
}

#[derive(Clone, Copy)]
enum Fate {
    Passes,
    Lost,
    Held,
}

/// Passes bytes both ways until a side closes or an answer is lost. Several requests may be under way at once; an answer
/// that is lost takes those with it.
async fn relay(mut near: TcpStream, mut far: TcpStream) {
    let _ = near.set_nodelay(true);
    let _ = far.set_nodelay(true);
    let (mut asked, mut answered) = (vec![0; 16_384], vec![0; 16_384]);
    let (mut fate, mut under_way) = (Fate::Passes, 0_usize);
    loop {
        tokio::select! {
            read = near.read(&mut asked) => {
                let Ok(read @ 1..) = read else { return };
                let text = String::from_utf8_lossy(&asked[..read]).to_ascii_lowercase();
                if text.contains(&format!("x-request-id: {LOST}")) {
                    fate = Fate::Lost;
                } else if text.contains(&format!("x-request-id: {HELD}")) {
                    fate = Fate::Held;
                }
                under_way += text.matches("post /").count() + text.matches("get /").count();
                if far.write_all(&asked[..read]).await.is_err() {
                    return;
                }
            }
            read = far.read(&mut answered) => {
                let Ok(read @ 1..) = read else { return };
                let text = String::from_utf8_lossy(&answered[..read]);
                under_way = under_way.saturating_sub(text.matches("HTTP/1.1 ").count());
                match fate {
                    Fate::Passes => if near.write_all(&answered[..read]).await.is_err() {
                        return;
                    },
                    Fate::Held => {}
                    Fate::Lost => if under_way == 0 {
                        let _ = SockRef::from(&near).set_linger(Some(Duration::ZERO));
                        return;
                    },
                }
            }
        }
    }
}
