use std::pin::pin;

use bytes::BytesMut;
use futures_util::FutureExt;
use http::Method;
use pingora_core::{
    Error, ErrorType, Result,
    protocols::http::{HttpTask, custom::server::Session},
};
use pingora_http::ResponseHeader;
use switchyard_http1::IncomingDecoder;
use tokio::io::{AsyncReadExt, DuplexStream, duplex};

use super::*;
use crate::{buffered::Buffered, client_stream::ClientStream};

/// The chunk of one event.
const CHUNK: &[u8] = b"9\r\ndata: 1\n\n\r\n";

/// A client that reads from `client` what its session is given.
struct Rig {
    client: DuplexStream,
    side: Http1Client,
    session: Http1Session,
    moved: Arc<Moved>,
}

impl Rig {
    /// A request whose client takes so many bytes before it reads.
    fn new(takes: usize) -> Self {
        let (client, served) = duplex(takes);
        let share = Arc::new(Buffered::default()).share(1 << 20);
        let mut connection = ClientConnection::new(ClientStream::Layer(Box::new(served)), share);
        let mut received = BytesMut::from("GET /v1/x HTTP/1.1\r\nhost: a\r\n\r\n");
        let head = IncomingDecoder::new(1024).decode(&mut received);
        let head = head.unwrap().unwrap();
        let (in_flight, of) = (Arc::default(), (&head, &*received));
        let mut side = Http1Client::new(&mut connection, of, &in_flight, (0, 1024));
        let moved = Arc::new(Moved::default());
        side.lent = Some(Arc::clone(&moved));
        let request = Box::new(RequestHeader::build(Method::GET, b"/", None).unwrap());
        let session = Http1Session::new(Arc::clone(&side.side), request, Arc::clone(&moved));
        Self {
            client,
            side,
            session,
            moved,
        }
    }

    /// Writes without waiting; `None` if it has to wait. What waits is dropped.
    fn write(&mut self, task: HttpTask) -> Option<Result<bool>> {
        self.session.response_duplex_vec(vec![task]).now_or_never()
    }

    fn head(&mut self) {
        let head = Box::new(ResponseHeader::build(200, None).unwrap());
        assert!(!self.write(HttpTask::Header(head, false)).unwrap().unwrap());
    }

    fn flush(&mut self) -> Option<io::Result<()>> {
        poll_fn(|context| self.side.poll_flush(context)).now_or_never()
    }

    /// What the client can read now, at once.
    fn read(&mut self) -> Vec<u8> {
        let mut buffer = vec![0; 1 << 20];
        let read = self.client.read(&mut buffer).now_or_never();
        buffer.truncate(read.map_or(0, Result::unwrap));
        buffer
    }
}

fn event() -> HttpTask {
    HttpTask::Body(Some("data: 1\n\n".into()), false)
}

#[tokio::test]
async fn what_is_written_in_a_turn_leaves_together_at_its_end() {
    let mut rig = Rig::new(1 << 20);
    rig.head();
    for _ in 0..200 {
        assert!(!rig.write(event()).unwrap().unwrap());
    }
    assert_eq!(rig.read(), b"", "more may come in the same turn");
    assert_eq!(rig.moved.bytes_out(), 0, "the client has taken nothing");
    rig.flush().unwrap().unwrap();
    let read = rig.read();
    assert!(read.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert!(read.ends_with(&CHUNK.repeat(200)));
    assert_eq!(rig.moved.bytes_out(), 200 * 9);
    assert!(!rig.write(event()).unwrap().unwrap());
    rig.flush().unwrap().unwrap();
    assert_eq!(rig.read(), CHUNK, "an event alone leaves alone");
    assert!(rig.write(HttpTask::Done).unwrap().unwrap());
    assert_eq!(rig.read(), b"0\r\n\r\n", "nothing follows it");
}

#[tokio::test]
async fn what_came_before_a_failure_leaves() {
    let mut rig = Rig::new(1 << 20);
    rig.head();
    rig.write(event()).unwrap().unwrap();
    let failed = HttpTask::Failed(Error::new(ErrorType::ReadError));
    assert!(rig.write(failed).unwrap().is_err());
    assert!(rig.read().ends_with(CHUNK));
}

#[tokio::test]
async fn a_client_that_reads_slowly_is_waited_for_and_gets_all() {
    const PIECE: usize = 1000;
    let mut rig = Rig::new(64);
    rig.head();
    let mut written = 0;
    loop {
        written += PIECE;
        let piece = vec![b'x'; PIECE];
        let piece = HttpTask::Body(Some(piece.into()), false);
        if rig.write(piece).is_none() {
            break;
        }
        assert!(rig.flush().is_none(), "it has taken what it takes");
        assert!(written < 20 * PIECE, "it must wait");
    }
    assert!(rig.moved.bytes_out() <= 64);
    let Rig {
        mut client,
        mut side,
        ..
    } = rig;
    let mut flush = pin!(poll_fn(|context| side.poll_flush(context)));
    let mut read = Vec::new();
    loop {
        let mut buffer = [0; 50];
        tokio::select! {
            sent = &mut flush => break sent.unwrap(),
            length = client.read(&mut buffer) => {
                read.extend_from_slice(buffer.get(..length.unwrap()).unwrap());
            }
        }
    }
    assert_eq!(rig.moved.bytes_out(), written as u64);
    drop(rig.session);
    drop(side);
    client.read_to_end(&mut read).await.unwrap();
    let body: usize = read.iter().map(|byte| usize::from(*byte == b'x')).sum();
    assert_eq!(body, written);
}

#[tokio::test]
async fn a_client_that_takes_no_more_has_left() {
    let mut rig = Rig::new(1 << 20);
    rig.head();
    drop(std::mem::replace(&mut rig.client, duplex(1).0));
    assert!(rig.flush().unwrap().is_err());
    assert!(rig.moved.has_client_left());
}
