//! A client's connection of HTTP/1.1.

use std::fmt::Write;

use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{
    super::{
        event::Loss,
        http::{End, Reader},
    },
    Outcome,
    sending::{Manner, Sent, read},
};

/// In how many pieces a request is sent by a client that is slow.
const PIECES: usize = 4;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Http1 {
    stream: TcpStream,
    reader: Reader,
}

impl Http1 {
    pub(super) fn over(stream: TcpStream) -> Self {
        Self {
            stream,
            reader: Reader::default(),
        }
    }

    /// Whether the proxy has neither closed it nor said anything unasked.
    pub(super) fn is_usable(&self) -> bool {
        let read = self.stream.try_read(&mut [0]);
        read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }

    pub(super) async fn exchange(
        &mut self,
        sent: &Sent,
        manner: Manner,
        is_sent: impl FnOnce(),
    ) -> (Outcome, bool) {
        // An answer may come before the whole request is sent, and a broken connection says so where it is read.
        let _ = self.write(sent, manner).await;
        is_sent();
        match manner.leaves {
            Some(after) => match timeout(after, self.answer(manner)).await {
                Ok(answered) => answered,
                Err(_) => (Outcome::Left, false),
            },
            None => self.answer(manner).await,
        }
    }

    async fn write(&mut self, sent: &Sent, manner: Manner) -> std::io::Result<()> {
        let Sent {
            method,
            path,
            headers,
            body,
        } = sent;
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: proxy\r\n");
        for (name, value) in headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        if !body.is_empty() {
            let _ = write!(
                text,
                "content-type: application/json\r\ncontent-length: {}\r\n",
                body.len()
            );
        }
        text += "\r\n";
        let bytes = [text.as_bytes(), body].concat();
        let Some(pause) = manner.dribbles else {
            return self.stream.write_all(&bytes).await;
        };
        for piece in bytes.chunks(bytes.len().div_ceil(PIECES)) {
            sleep(pause).await;
            self.stream.write_all(piece).await?;
        }
        Ok(())
    }

    async fn answer(&mut self, manner: Manner) -> (Outcome, bool) {
        if let Some(pause) = manner.sips {
            sleep(pause).await;
        }
        let message = match self.reader.message(&mut self.stream).await {
            Ok(message) => message,
            Err(End::Before) => return (Outcome::Lost(Loss::Closed), false),
            Err(End::Within) => return (Outcome::Lost(Loss::Half), false),
            Err(End::Malformed) => return (Outcome::Lost(Loss::Malformed), false),
        };
        let Some(status) = message.status() else {
            return (Outcome::Lost(Loss::Malformed), false);
        };
        let answer = read(status, |name| message.header(name), &message.body);
        (
            Outcome::Answered(answer),
            message.header("connection") != Some("close"),
        )
    }
}
