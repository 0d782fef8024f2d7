//! Many connections that do the same hostile thing at once.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::{
        TcpSocket,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    select,
    sync::Semaphore,
    task::JoinSet,
    time::sleep,
};

use super::{
    Attack,
    http2::{Frames, PREFACE, kind},
    running::Running,
};
use crate::PATIENCE;

/// Connections that are being opened at the same time: fewer than any backlog holds, so that none waits a second
/// for its SYN to be repeated.
const AT_ONCE: usize = 64;
/// What counts as at once.
const BREATH: Duration = Duration::from_millis(20);
/// What a client that does not read tells the kernel to take, in bytes.
const LITTLE: u32 = 4096;

/// Many connections with the same attack.
#[derive(Clone, Debug)]
pub struct Swarm {
    target: SocketAddr,
    attack: Attack,
    connections: usize,
    sources: Vec<IpAddr>,
    /// The pause before a connection that was ended is opened again, if it is.
    pause: Option<Duration>,
    longest: Duration,
}

impl Swarm {
    /// So many connections, each from 127.0.0.1, that are opened once and held for a minute at most.
    #[must_use]
    pub fn new(target: SocketAddr, attack: Attack, connections: usize) -> Self {
        Self {
            target,
            attack,
            connections,
            sources: Vec::new(),
            pause: None,
            longest: Duration::from_mins(1),
        }
    }

    /// The connections come from 127.0.0.`first` and the next addresses, `count` in all, in turn.
    #[must_use]
    pub fn from_addresses(mut self, first: u8, count: u8) -> Self {
        let sources = (0..count).map(|at| IpAddr::V4(Ipv4Addr::new(127, 0, 0, first + at)));
        self.sources = sources.collect();
        self
    }

    /// A connection that the server ended is opened again, at once.
    #[must_use]
    pub fn returning(self) -> Self {
        self.returning_after(BREATH)
    }

    /// A connection that the server ended is opened again after this pause.
    #[must_use]
    pub fn returning_after(mut self, pause: Duration) -> Self {
        self.pause = Some(pause);
        self
    }

    /// All ends after this time.
    #[must_use]
    pub fn at_most(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// Begins.
    #[must_use]
    pub fn start(self) -> Raid {
        let counts = Arc::new(Mutex::new(Counts::default()));
        let shared = Arc::clone(&counts);
        let (connections, longest) = (self.connections, self.longest);
        let running = Running::start(longest, move || all(Arc::new(self), shared));
        Raid {
            counts,
            connections,
            _running: running,
        }
    }
}

/// What a swarm has done, and what came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections opened, with those that were opened again.
    pub opened: usize,
    /// Connections that could not be opened.
    pub refused: usize,
    /// Connections whose opening is written, or that have ended before.
    pub begun: usize,
    /// Connections that the server ended.
    pub ended: usize,
    /// Bytes written.
    pub bytes: u64,
    /// Units written: frames or requests, as the attack counts them.
    pub units: u64,
    /// Bytes read.
    pub read: u64,
    /// The statuses of answers over HTTP/1.1 that came first on their connections.
    pub statuses: BTreeMap<u16, usize>,
    /// The reasons of GOAWAY frames over HTTP/2.
    pub goaways: BTreeMap<u32, usize>,
}

/// A swarm that runs; its connections close when it is dropped.
#[derive(Debug)]
pub struct Raid {
    counts: Arc<Mutex<Counts>>,
    connections: usize,
    _running: Running<()>,
}

impl Raid {
    /// What it has done by now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts.lock().unwrap().clone()
    }

    /// Waits until every connection has written its opening, or has failed to.
    pub fn wait_until_begun(&self) {
        let all = self.connections;
        self.wait_until("every connection has begun", |counts| {
            counts.begun + counts.refused >= all
        });
    }

    /// Waits until the server has ended every connection.
    pub fn wait_until_ended(&self) {
        let all = self.connections;
        self.wait_until("the server ends every connection", |counts| {
            counts.ended + counts.refused >= all
        });
    }

    /// Waits until the counts satisfy `condition`. Panics if they don't in time.
    pub fn wait_until(&self, what: &str, condition: impl Fn(&Counts) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition(&self.counts()) {
            let late = Instant::now() >= deadline;
            assert!(!late, "never came: {what}: {:?}", self.counts());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Closes all connections, and returns what it did.
    #[must_use]
    pub fn end(self) -> Counts {
        let counts = Arc::clone(&self.counts);
        drop(self);
        let counts = counts.lock().unwrap();
        counts.clone()
    }
}

async fn all(swarm: Arc<Swarm>, counts: Arc<Mutex<Counts>>) {
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let mut connections = JoinSet::new();
    for number in 0..swarm.connections {
        let swarm = Arc::clone(&swarm);
        let source =
            (!swarm.sources.is_empty()).then(|| swarm.sources[number % swarm.sources.len()]);
        connections.spawn(one(swarm, source, Arc::clone(&gate), Arc::clone(&counts)));
    }
    connections.join_all().await;
}

async fn one(
    swarm: Arc<Swarm>,
    source: Option<IpAddr>,
    gate: Arc<Semaphore>,
    counts: Arc<Mutex<Counts>>,
) {
    loop {
        let permit = gate.acquire().await.unwrap();
        let stream = connect(&swarm, source).await;
        drop(permit);
        if let Ok(stream) = stream {
            counts.lock().unwrap().opened += 1;
            let (read, write) = stream.into_split();
            let mut has_begun = false;
            select! {
                () = writes(&swarm.attack, write, &counts, &mut has_begun) => {}
                () = reads(&swarm.attack, read, &counts) => {}
            }
            let mut counts = counts.lock().unwrap();
            counts.ended += 1;
            counts.begun += usize::from(!has_begun);
        } else {
            counts.lock().unwrap().refused += 1;
        }
        match swarm.pause {
            Some(pause) => sleep(pause).await,
            None => return,
        }
    }
}

async fn connect(swarm: &Swarm, source: Option<IpAddr>) -> io::Result<tokio::net::TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if !swarm.attack.is_reading {
        socket.set_recv_buffer_size(LITTLE)?;
    }
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let stream = socket.connect(swarm.target).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Writes opening and pieces, and then waits for ever. Ends when the server takes no more.
async fn writes(
    attack: &Attack,
    mut stream: OwnedWriteHalf,
    counts: &Mutex<Counts>,
    has_begun: &mut bool,
) {
    let (in_opening, in_piece) = attack.units;
    if !write(&mut stream, &attack.opening, in_opening, counts).await {
        return;
    }
    *has_begun = true;
    counts.lock().unwrap().begun += 1;
    for piece in (0..).map_while(|number| attack.piece(number)) {
        sleep(attack.pause).await;
        if !write(&mut stream, &piece, in_piece, counts).await {
            return;
        }
    }
    // The writing half stays open.
    std::future::pending::<()>().await;
}

async fn write(
    stream: &mut OwnedWriteHalf,
    mut bytes: &[u8],
    units: u64,
    counts: &Mutex<Counts>,
) -> bool {
    while !bytes.is_empty() {
        let Ok(written) = stream.write(bytes).await else {
            return false;
        };
        bytes = bytes.split_at(written).1;
        counts.lock().unwrap().bytes += written as u64;
    }
    counts.lock().unwrap().units += units;
    true
}

/// Reads what comes, or nothing. Ends with the connection.
async fn reads(attack: &Attack, mut stream: OwnedReadHalf, counts: &Mutex<Counts>) {
    if !attack.is_reading {
        // The kernel says that the server has ended the connection without anything being read.
        while let Ok(ready) = stream.ready(Interest::READABLE).await
            && !ready.is_read_closed()
        {
            sleep(BREATH).await;
        }
        return;
    }
    let is_http2 = attack.opening.starts_with(PREFACE);
    let mut frames = Frames::default();
    let mut piece = vec![0; 4096];
    let mut is_first = true;
    loop {
        let Ok(read @ 1..) = stream.read(&mut piece).await else {
            return;
        };
        let mut counts = counts.lock().unwrap();
        counts.read += read as u64;
        if is_http2 {
            frames.push(&piece[..read]);
            for (kind, _, _, payload) in frames.by_ref() {
                if let (kind::GOAWAY, Some(reason)) = (kind, payload.get(4..8)) {
                    let reason = u32::from_be_bytes(reason.try_into().unwrap());
                    *counts.goaways.entry(reason).or_default() += 1;
                }
            }
        } else if std::mem::take(&mut is_first)
            && let Some(status) = status(&piece[..read])
        {
            *counts.statuses.entry(status).or_default() += 1;
        }
    }
}

/// The status of an answer that begins with these bytes.
fn status(answer: &[u8]) -> Option<u16> {
    let status = answer.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    std::str::from_utf8(status).ok()?.parse().ok()
}
