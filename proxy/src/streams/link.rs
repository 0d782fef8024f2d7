//! The connection of one attempt to its substation, which Pingora uses and does not own.
//!
//! Connections to substations are `transport`'s, so that all of the proxy believes the same certificates and says why one
//! is refused. Pingora knows only its own TLS, and takes any other connection as a *virtual socket*; but what has no
//! descriptor it can't pool. So an attempt lends its connection to Pingora and takes it back afterwards, for the pool of
//! this worker ([`Pool`](super::Pool)).

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf, BytesMut};
use parking_lot::Mutex;
use pingora_core::protocols::l4::virt::{VirtualSockOpt, VirtualSocket};
use switchyard_transport::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// So many bytes that are written at once are not copied together with what follows them.
const LARGE: usize = 8 * 1024;

/// A connection to a substation.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    /// How many bytes were written to it since it was made.
    pub(crate) sent: u64,
    /// Whether an earlier request was answered over it.
    pub(crate) is_reused: bool,
}

impl Connection {
    /// A new one.
    pub(crate) const fn new(stream: Stream) -> Self {
        Self {
            stream,
            sent: 0,
            is_reused: false,
        }
    }
}

/// The connection of one attempt, shared by the attempt and the socket that Pingora has.
#[derive(Debug, Default)]
pub(crate) struct Link(Mutex<Linked>);

#[derive(Debug, Default)]
struct Linked {
    connection: Option<Connection>,
    /// What is still to be written: small writes leave together.
    unsent: BytesMut,
    /// How many bytes had been written to the connection when this attempt got it.
    begins: u64,
    /// Whether an earlier request was answered over the connection.
    was_reused: bool,
    /// Whether Pingora has closed it.
    is_shut: bool,
    answer: Answer,
}

/// Whether an answer may be read.
///
/// Pingora takes the end of the request and the answer's head from two sources, in any order. A head that agrees to
/// another protocol and comes first makes it take the end of the request for the end of the connection, and close it. So
/// such a head has to wait until Pingora knows that the request has ended.
#[derive(Debug, Default)]
enum Answer {
    /// It may.
    #[default]
    Free,
    /// Not before the end of the request is on its way to the part of Pingora that reads, which is this task.
    Held(Option<Waker>),
    /// That end is on its way, and is taken when this task is polled: the answer is read the next time.
    Next,
}

impl Link {
    /// Links a connection, and returns the socket for Pingora.
    pub(super) fn connect(self: &Arc<Self>, connection: Connection) -> Socket {
        let mut linked = self.0.lock();
        linked.begins = connection.sent;
        linked.was_reused = connection.is_reused;
        linked.connection = Some(connection);
        drop(linked);
        Socket(Arc::clone(self))
    }

    /// Lets the answer wait for [`request_ended`](Self::request_ended).
    pub(super) fn hold_answer(&self) {
        self.0.lock().answer = Answer::Held(None);
    }

    /// The end of the request is on its way through Pingora.
    pub(super) fn request_ended(&self) {
        let mut linked = self.0.lock();
        if let Answer::Held(waker) = &mut linked.answer {
            let waker = waker.take();
            linked.answer = Answer::Next;
            drop(linked);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// Whether there was a connection, over which an earlier request had been answered.
    pub(crate) fn was_reused(&self) -> bool {
        self.0.lock().was_reused
    }

    /// Whether any byte of the request has left.
    pub(crate) fn has_sent(&self) -> bool {
        let linked = self.0.lock();
        let connection = linked.connection.as_ref();
        connection.is_some_and(|connection| connection.sent > linked.begins)
    }

    /// Takes the connection, and the number of its bytes when this attempt began.
    pub(crate) fn take(&self) -> Option<(Connection, u64)> {
        let mut linked = self.0.lock();
        let begins = linked.begins;
        linked
            .connection
            .take()
            .map(|connection| (connection, begins))
    }

    /// Takes the connection if it can carry another request: if Pingora keeps it for that, which by its rules means that the
    /// answer has ended where it said, and nothing follows it.
    pub(crate) fn take_reusable(self: &Arc<Self>) -> Option<Connection> {
        // Pingora drops the socket of a connection that it would not use again.
        let is_kept = Arc::strong_count(self) > 1;
        let mut linked = self.0.lock();
        let is_reusable = is_kept && !linked.is_shut && linked.unsent.is_empty();
        let connection = linked.connection.take().filter(|_| is_reusable)?;
        Some(Connection {
            is_reused: true,
            ..connection
        })
    }
}

impl Linked {
    /// Whether the answer may be read now; else the task is woken when it may.
    fn may_read(&mut self, context: &Context<'_>) -> bool {
        match self.answer {
            Answer::Free => true,
            Answer::Held(_) => {
                self.answer = Answer::Held(Some(context.waker().clone()));
                false
            }
            Answer::Next => {
                self.answer = Answer::Free;
                context.waker().wake_by_ref();
                false
            }
        }
    }

    /// Writes what is still to be written.
    fn poll_unsent(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(connection) = &mut self.connection else {
            return gone();
        };
        while !self.unsent.is_empty() {
            let written = Pin::new(&mut connection.stream).poll_write(context, &self.unsent);
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => {
                    connection.sent += written as u64;
                    self.unsent.advance(written);
                }
            }
        }
        // An idle connection keeps no room for it.
        self.unsent = BytesMut::new();
        Poll::Ready(Ok(()))
    }
}

fn gone<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

/// What Pingora has of the connection of an attempt.
#[derive(Debug)]
pub(super) struct Socket(Arc<Link>);

impl VirtualSocket for Socket {
    // `transport` sets what it needs.
    fn set_socket_option(&self, _: VirtualSockOpt) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut linked = self.0.0.lock();
        // Pingora does not flush a part of a body, and always reads.
        if let Poll::Ready(Err(_)) = linked.poll_unsent(context) {
            linked.unsent = BytesMut::new();
        }
        if !linked.may_read(context) {
            return Poll::Pending;
        }
        let Some(connection) = &mut linked.connection else {
            return Poll::Ready(Ok(()));
        };
        if !connection.stream.is_flushed() {
            // What fails to be written shows in what is read.
            let _ = Pin::new(&mut connection.stream).poll_flush(context)?;
        }
        Pin::new(&mut connection.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut linked = self.0.0.lock();
        if linked.unsent.len() + bytes.len() < LARGE {
            if linked.connection.is_none() {
                return gone();
            }
            linked.unsent.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        ready!(linked.poll_unsent(context))?;
        let Some(connection) = &mut linked.connection else {
            return gone();
        };
        let written = ready!(Pin::new(&mut connection.stream).poll_write(context, bytes))?;
        connection.sent += written as u64;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut linked = self.0.0.lock();
        ready!(linked.poll_unsent(context))?;
        match &mut linked.connection {
            Some(connection) => Pin::new(&mut connection.stream).poll_flush(context),
            None => gone(),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut linked = self.0.0.lock();
        linked.is_shut = true;
        match &mut linked.connection {
            Some(connection) => Pin::new(&mut connection.stream).poll_shutdown(context),
            None => Poll::Ready(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        task::Wake,
    };

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    async fn linked() -> (Arc<Link>, Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connected = TcpStream::connect(listener.local_addr().unwrap()).await;
        let (other, _) = listener.accept().await.unwrap();
        let link = Arc::new(Link::default());
        let socket = link.connect(Connection::new(Stream::Plain(connected.unwrap())));
        (link, socket, other)
    }

    #[tokio::test]
    async fn what_is_written_leaves_with_a_flush_or_a_read_and_is_counted() {
        let (link, mut socket, mut other) = linked().await;
        let mut buffer = [0; 64];
        socket.write_all(b"one ").await.unwrap();
        assert!(!link.has_sent());
        socket.write_all(b"two").await.unwrap();
        socket.flush().await.unwrap();
        assert_eq!(other.read(&mut buffer).await.unwrap(), 7);
        socket.write_all(b"three").await.unwrap();
        other.write_all(b"answer").await.unwrap();
        assert_eq!(socket.read(&mut buffer).await.unwrap(), 6);
        assert_eq!(other.read(&mut buffer).await.unwrap(), 5);
        socket.write_all(&[b'x'; LARGE]).await.unwrap();
        let (connection, begins) = link.take().unwrap();
        assert_eq!((begins, connection.sent), (0, 12 + LARGE as u64));
        assert!(socket.write_all(b"more").await.is_err());
        assert_eq!(
            socket.read(&mut buffer).await.unwrap(),
            0,
            "it is elsewhere"
        );
    }

    #[tokio::test]
    async fn an_answer_that_is_held_waits_for_the_end_of_the_request_and_one_poll_more() {
        let (link, mut socket, mut other) = linked().await;
        link.hold_answer();
        other.write_all(b"answer").await.unwrap();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let is_held = |socket: &mut Socket| {
            let mut buffer = [0; 64];
            let mut buffer = ReadBuf::new(&mut buffer);
            let mut context = Context::from_waker(&waker);
            Pin::new(socket)
                .poll_read(&mut context, &mut buffer)
                .is_pending()
        };
        assert!(is_held(&mut socket), "the request has not ended");
        assert!(!woken.0.load(Ordering::Relaxed));
        link.request_ended();
        assert!(woken.0.swap(false, Ordering::Relaxed));
        assert!(is_held(&mut socket), "Pingora takes that end first");
        assert!(woken.0.load(Ordering::Relaxed));
        let mut buffer = [0; 64];
        assert_eq!(socket.read(&mut buffer).await.unwrap(), 6);
        // The end of what the client says after the head changes nothing.
        link.request_ended();
        other.write_all(b"more").await.unwrap();
        assert_eq!(socket.read(&mut buffer).await.unwrap(), 4);
    }

    #[tokio::test]
    async fn it_can_be_used_again_only_while_its_socket_is_kept_open() {
        let (link, socket, _other) = linked().await;
        let connection = link.take_reusable().unwrap();
        assert!(connection.is_reused);
        drop(socket);
        let (link, socket, _other) = linked().await;
        drop(socket);
        assert!(link.take_reusable().is_none());
        let (link, mut socket, _other) = linked().await;
        socket.shutdown().await.unwrap();
        assert!(link.take_reusable().is_none());
    }
}
