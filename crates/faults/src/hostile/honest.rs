//! Clients that do nothing wrong, and measure what they are made to wait.
//!
//! The load is open: a charge leaves at its time, whether or not the earlier ones are answered, so a server that
//! stands still is seen by every charge of that time and not only by the one that waited.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_rustls::TlsConnector;

use super::running::Running;

/// After this time without an answer a charge has failed.
const TOO_LONG: Duration = Duration::from_secs(10);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

type Kept = Mutex<Vec<Box<dyn Stream>>>;

/// Honest clients.
#[derive(Clone, Debug)]
pub struct Honest {
    target: SocketAddr,
    path: String,
    rate: f64,
    duration: Duration,
    tls: Option<Arc<ClientConfig>>,
}

impl Honest {
    /// So many charges a second for this long; every other one on a new connection.
    #[must_use]
    pub fn new(target: SocketAddr, rate: f64, duration: Duration) -> Self {
        Self {
            target,
            path: "/request_charge".to_owned(),
            rate,
            duration,
            tls: None,
        }
    }

    /// Over TLS.
    #[must_use]
    pub fn over(mut self, tls: Arc<ClientConfig>) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Asks for this path.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Sends all charges, and returns how long their answers took.
    #[must_use]
    pub fn run(self) -> Latencies {
        // The last charge leaves before `duration` is over and waits for `TOO_LONG` at most.
        let longest = self.duration + 2 * TOO_LONG;
        let running = Running::start(longest, move || all(Arc::new(self)));
        running.join().expect("the charges end in time")
    }
}

/// How long the answers took.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    /// Charges sent.
    pub sent: usize,
    /// Charges without an answer 200.
    pub failed: usize,
    /// What the answers 200 took, in order.
    sorted: Vec<Duration>,
}

impl Latencies {
    /// What this share (0 to 1) of the charges waited at most. A charge that failed has waited for ever: zero
    /// charges, or more failures than are left out, give `Duration::MAX`.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a test sends no 2^53 requests"
        )]
        let rank = (share * self.sent as f64).ceil() as usize;
        let found = self.sorted.get(rank.max(1) - 1);
        found.copied().unwrap_or(Duration::MAX)
    }
}

async fn all(honest: Arc<Honest>) -> Latencies {
    let kept = Arc::new(Kept::default());
    let start = Instant::now();
    let mut charges = JoinSet::new();
    for number in 0_u32.. {
        let due = Duration::from_secs_f64(f64::from(number) / honest.rate);
        if due >= honest.duration {
            break;
        }
        sleep_until(start + due).await;
        let (honest, kept) = (Arc::clone(&honest), Arc::clone(&kept));
        charges.spawn(async move {
            let begin = Instant::now();
            let is_fresh = number % 2 == 0;
            let status = timeout(TOO_LONG, one(&honest, &kept, is_fresh)).await;
            matches!(status, Ok(Ok(200))).then(|| begin.elapsed())
        });
    }
    let all = charges.join_all().await;
    let mut sorted: Vec<_> = all.iter().flatten().copied().collect();
    sorted.sort_unstable();
    Latencies {
        sent: all.len(),
        failed: all.len() - sorted.len(),
        sorted,
    }
}

async fn one(honest: &Honest, kept: &Kept, is_fresh: bool) -> io::Result<u16> {
    let reused = if is_fresh {
        None
    } else {
        kept.lock().unwrap().pop()
    };
    let mut stream = match reused {
        Some(stream) => stream,
        None => connect(honest).await?,
    };
    let (path, body) = (&honest.path, r#"{"power_kw": 1, "energy_kwh": 1}"#);
    let close = if is_fresh {
        "connection: close\r\n"
    } else {
        ""
    };
    let charge = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\n{close}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(charge.as_bytes()).await?;
    let (status, is_kept) = answer(&mut stream).await?;
    if is_kept && !is_fresh {
        kept.lock().unwrap().push(stream);
    }
    Ok(status)
}

async fn connect(honest: &Honest) -> io::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect(honest.target).await?;
    stream.set_nodelay(true)?;
    Ok(match &honest.tls {
        None => Box::new(stream),
        Some(tls) => {
            let name = ServerName::try_from("localhost").unwrap();
            Box::new(
                TlsConnector::from(Arc::clone(tls))
                    .connect(name, stream)
                    .await?,
            )
        }
    })
}

/// Reads an answer whole: its status, and whether the connection goes on.
async fn answer(stream: &mut Box<dyn Stream>) -> io::Result<(u16, bool)> {
    let mut received = Vec::new();
    let head = loop {
        if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            break String::from_utf8_lossy(&received[..end]).to_lowercase();
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let status = head.get(9..12).and_then(|status| status.parse().ok());
    let field = |name: &str| {
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines
            .find(|(n, _)| *n == name)
            .map(|(_, v)| v.trim().to_owned())
    };
    // An answer of unknown length ends with its connection here.
    let length = field("content-length").and_then(|length| length.parse::<usize>().ok());
    let Some(length) = length else {
        return Ok((status.unwrap_or(0), false));
    };
    let whole = head.len() + 4 + length;
    while received.len() < whole {
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let is_kept = field("connection").as_deref() != Some("close");
    Ok((status.unwrap_or(0), is_kept))
}
