//! An operator, who asks at the admin ports.

use std::{net::SocketAddr, time::Duration};

use tokio::{io::AsyncWriteExt, net::TcpSocket, time::timeout};

use super::{http::Reader, plan::Machine};

/// The token of the admin ports.
pub(super) const TOKEN: &str = "a-token-for-operators";
/// How long an operator waits.
const PATIENCE: Duration = Duration::from_secs(3);

/// See the [module](self).
#[derive(Clone, Copy, Debug)]
pub(super) struct Operator;

impl Operator {
    /// The status and the body of an answer. None: none came in time.
    pub(super) async fn ask(
        self,
        to: SocketAddr,
        method: &str,
        path: &str,
        body: &str,
    ) -> Option<(u16, Vec<u8>)> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: proxy\r\nauthorization: Bearer {TOKEN}\r\nconnection: close\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        let exchange = async {
            let socket = TcpSocket::new_v4()?;
            socket.bind((Machine::Operator.ip(), 0).into())?;
            let mut stream = socket.connect(to).await?;
            stream.write_all(request.as_bytes()).await?;
            Ok::<_, std::io::Error>(Reader::default().message(&mut stream).await.ok())
        };
        let message = timeout(PATIENCE, exchange).await.ok()?.ok()??;
        Some((message.status()?, message.body))
    }
}
