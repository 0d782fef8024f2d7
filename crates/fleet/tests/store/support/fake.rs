//! A store that answers what a test tells it to.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A listener whose connections answer each command with some bytes.
pub(crate) struct Fake {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Fake {
    /// `answer` gets the words of each command, and the number of the command on its connection.
    pub(crate) async fn answering<A>(answer: A) -> Self
    where
        A: FnMut(&[String], usize) -> Vec<u8> + Clone + Send + 'static,
    {
        Self::with(move |stream| serve(stream, answer.clone())).await
    }

    /// Each connection writes these bytes at once, whatever it is asked, and then stays open.
    pub(crate) async fn writing(bytes: &'static [u8]) -> Self {
        Self::with(move |mut stream| async move {
            let _ = stream.write_all(bytes).await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await
    }

    /// Each connection writes these bytes at once, and closes.
    pub(crate) async fn closing_after(bytes: &'static [u8]) -> Self {
        Self::with(move |mut stream| async move {
            let _ = stream.write_all(bytes).await;
            let _ = stream.shutdown().await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await
    }

    /// Each connection writes these bytes again and again, for as long as they are read.
    pub(crate) async fn flooding(first: &'static [u8], bytes: &'static [u8]) -> Self {
        Self::with(move |mut stream| async move {
            let mut written = stream.write_all(first).await;
            while written.is_ok() {
                written = stream.write_all(bytes).await;
            }
        })
        .await
    }

    async fn with<F>(connection: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn({
            let connections = Arc::clone(&connections);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    connections.fetch_add(1, Ordering::Relaxed);
                    tokio::spawn(connection(stream));
                }
            }
        });
        Self {
            port,
            connections,
            task,
        }
    }

    /// Its address, as `fleet.store` takes it.
    pub(crate) fn store(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, mut answer: impl FnMut(&[String], usize) -> Vec<u8>) {
    let mut stream = BufReader::new(stream);
    let mut number = 0;
    while let Some(words) = command(&mut stream).await {
        let bytes = answer(&words, number);
        number += 1;
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// Reads one command: an array of texts.
async fn command(stream: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let count = line(stream).await?.strip_prefix('*')?.parse().ok()?;
    let mut words = Vec::new();
    for _ in 0..count {
        let length: usize = line(stream).await?.strip_prefix('$')?.parse().ok()?;
        let mut word = vec![0; length + 2];
        stream.read_exact(&mut word).await.ok()?;
        word.truncate(length);
        words.push(String::from_utf8(word).ok()?);
    }
    Some(words)
}

async fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    line.strip_suffix("\r\n").map(str::to_owned)
}
