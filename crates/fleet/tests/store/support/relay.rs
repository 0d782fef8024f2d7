//! What stands between the proxy and its store: a network that can fail.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::JoinHandle,
};

/// A relay to a store's unix socket, on a port of its own.
pub(crate) struct Relay {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    target: Mutex<PathBuf>,
    /// Odd while nothing passes. A connection that has seen it odd passes nothing ever again, as after a partition
    /// whose packets are lost.
    weather: watch::Sender<u64>,
    /// How many bytes of answers the next connection passes before it breaks.
    cut: AtomicUsize,
}

impl Relay {
    pub(crate) async fn to(socket: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            target: Mutex::new(socket.to_owned()),
            weather: watch::Sender::new(0),
            cut: AtomicUsize::new(usize::MAX),
        });
        let task = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let cut = shared.cut.swap(usize::MAX, Ordering::Relaxed);
                    tokio::spawn(pass(Arc::clone(&shared), client, cut));
                }
            }
        });
        Self { port, shared, task }
    }

    /// Its address, as `fleet.store` takes it.
    pub(crate) fn store(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// From now on nothing passes: connections stay open, and are accepted, but are silent.
    pub(crate) fn part(&self) {
        self.shared.weather.send_modify(|weather| *weather |= 1);
    }

    /// New connections pass again.
    pub(crate) fn mend(&self) {
        self.shared.weather.send_modify(|weather| *weather += 1);
    }

    /// New connections lead to this socket, and those there are break.
    pub(crate) fn lead_to(&self, socket: &Path) {
        socket.clone_into(&mut self.shared.target.lock().unwrap());
        self.shared.weather.send_modify(|weather| *weather += 2);
    }

    /// The next connection breaks after so many bytes of answers.
    pub(crate) fn cut_next_after(&self, bytes: usize) {
        self.shared.cut.store(bytes, Ordering::Relaxed);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(shared: Arc<Shared>, mut client: TcpStream, mut cut: usize) {
    let mut weather = shared.weather.subscribe();
    // A connection that is made in a partition gets nowhere until it ends.
    let _ = weather.wait_for(|weather| weather % 2 == 0).await;
    let born = *weather.borrow();
    let target = shared.target.lock().unwrap().clone();
    let Ok(mut server) = UnixStream::connect(target).await else {
        return;
    };
    let (mut from_client, mut from_server) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            biased;
            now = changed(&mut weather, born) => {
                if now % 2 == 1 {
                    // Held, and never read again: the kernel's buffers fill.
                    std::future::pending::<()>().await;
                }
                return;
            }
            read = client.read(&mut from_client) => match read {
                Ok(read) if read > 0 => {
                    if server.write_all(&from_client[..read]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
            read = server.read(&mut from_server) => match read {
                Ok(read) if read > 0 => {
                    let passed = read.min(cut);
                    cut = cut.saturating_sub(read);
                    if client.write_all(&from_server[..passed]).await.is_err() || cut == 0 {
                        return;
                    }
                }
                _ => return,
            },
        }
    }
}

/// Waits until the weather is not what it was.
async fn changed(weather: &mut watch::Receiver<u64>, was: u64) -> u64 {
    match weather.wait_for(|now| *now != was).await {
        Ok(now) => *now,
        Err(_) => 0,
    }
}
