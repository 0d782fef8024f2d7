//! A client's connection of HTTP/2, by prior knowledge.

use bytes::Bytes;
use h2::{
    Reason, RecvStream,
    client::{SendRequest, handshake},
};
use http::Request;
use tokio::{
    net::TcpStream,
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{
    super::event::Loss,
    Outcome,
    sending::{Manner, Sent, read},
};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Http2 {
    requests: SendRequest<Bytes>,
    driver: JoinHandle<()>,
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Http2 {
    /// None: the proxy takes none.
    pub(super) async fn over(stream: TcpStream) -> Option<Self> {
        let (requests, connection) = handshake(stream).await.ok()?;
        let driver = tokio::spawn(async {
            let _ = connection.await;
        });
        Some(Self { requests, driver })
    }

    pub(super) fn is_usable(&self) -> bool {
        !self.driver.is_finished()
    }

    pub(super) async fn exchange(
        &mut self,
        sent: &Sent,
        manner: Manner,
        is_sent: impl FnOnce(),
    ) -> (Outcome, bool) {
        let exchange = self.send(sent, manner, is_sent);
        let ended = match manner.leaves {
            // What was sent is reset when it is dropped.
            Some(after) => match timeout(after, exchange).await {
                Ok(ended) => ended,
                Err(_) => return (Outcome::Left, true),
            },
            None => exchange.await,
        };
        match ended {
            Ok(outcome) => (outcome, true),
            Err(loss) => (Outcome::Lost(loss), false),
        }
    }

    async fn send(
        &mut self,
        sent: &Sent,
        manner: Manner,
        is_sent: impl FnOnce(),
    ) -> Result<Outcome, Loss> {
        let uri = format!("http://proxy{}", sent.path);
        let mut request = Request::builder().method(sent.method).uri(uri);
        for (name, value) in &sent.headers {
            request = request.header(*name, value);
        }
        let request = request.body(()).map_err(|_| Loss::Malformed)?;
        let ready = self.requests.clone().ready().await;
        // It goes away, and has begun nothing of this.
        let mut requests = ready.map_err(|_| Loss::NotConnected)?;
        let has_body = !sent.body.is_empty();
        let (response, mut body) = requests
            .send_request(request, !has_body)
            .map_err(|_| Loss::NotConnected)?;
        if has_body {
            let half = sent.body.len() / 2;
            let (first, rest) =
                sent.body
                    .split_at(if manner.dribbles.is_some() { half } else { 0 });
            if let Some(pause) = manner.dribbles {
                let _ = body.send_data(Bytes::copy_from_slice(first), false);
                sleep(pause).await;
            }
            // A reset says more where the answer is read.
            let _ = body.send_data(Bytes::copy_from_slice(rest), true);
        }
        is_sent();
        if let Some(pause) = manner.sips {
            sleep(pause).await;
        }
        let (head, body) = response.await.map_err(|error| loss(&error))?.into_parts();
        let body = whole(body).await.map_err(|_| Loss::Half)?;
        let header = |name: &str| head.headers.get(name)?.to_str().ok();
        Ok(Outcome::Answered(read(head.status.as_u16(), header, &body)))
    }
}

fn loss(error: &h2::Error) -> Loss {
    // The proxy has begun nothing, and says so.
    if error.reason() == Some(Reason::REFUSED_STREAM) {
        return Loss::NotConnected;
    }
    Loss::Closed
}

async fn whole(mut body: RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut bytes = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}
