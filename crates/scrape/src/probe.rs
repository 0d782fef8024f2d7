//! Scrapes one substation's gauge over a kept connection.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::BytesMut;
use switchyard_balance::{Load, Reading, ledger::ScrapeSent};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use switchyard_config as config;
use switchyard_gauge::exposition::{self, Aggregate, Found, Info, Wanted};
use switchyard_http1::{Answer, Decoded, Decoder, Limits};
use switchyard_process::Shortage;
use switchyard_wire::names;

use crate::{failure::PollFailure, ticket::ScrapeTicket};

/// The largest metrics page that is read, in bytes.
const LARGEST_PAGE: usize = 4 * 1024 * 1024;
/// Buffer space reserved for each read, in bytes: enough for a usual page.
const READ: usize = 16 * 1024;

/// The series to look for, and where, prepared once for each configuration.
#[derive(Debug)]
pub struct Gauges {
    load: Wanted,
    load_name: Arc<str>,
    capacity: Wanted,
    capacity_name: Arc<str>,
    info: Info,
    path: String,
    timeout: Duration,
}

impl Gauges {
    /// The gauges that a configuration names, with the path and the timeout of a scrape.
    #[must_use]
    pub fn new(load: &config::Load) -> Self {
        let aggregate = match load.aggregate {
            config::Aggregate::None => Aggregate::Nothing,
            config::Aggregate::Sum => Aggregate::Sum,
            config::Aggregate::Max => Aggregate::Max,
        };
        let wanted = |series: &config::Series| {
            let matchers = series.matchers.iter().map(|matcher| {
                let is_equal = matcher.op == config::MatchOp::Equal;
                (matcher.label.clone(), is_equal, matcher.value.clone())
            });
            Wanted::new(&series.name, matchers).aggregated(aggregate)
        };
        Self {
            load: wanted(&load.metric),
            load_name: load.metric.name.as_str().into(),
            capacity: wanted(&load.capacity_metric),
            capacity_name: load.capacity_metric.name.as_str().into(),
            info: Info::new(names::INFO_GAUGE, names::INFO_NAME),
            path: load.path.clone(),
            timeout: load.timeout,
        }
    }
}

/// Scrapes one substation, time after time.
#[derive(Debug)]
pub struct Probe {
    address: SocketAddr,
    host: String,
    path: String,
    request: Vec<u8>,
    stream: Option<TcpStream>,
    buffer: BytesMut,
    decoder: Decoder,
    own_name: Option<String>,
}

impl Probe {
    /// A probe of the substation at `address`, without a connection yet.
    #[must_use]
    pub fn new(address: SocketAddr, gauges: &Gauges) -> Self {
        Self {
            address,
            host: address.to_string(),
            path: gauges.path.clone(),
            request: request(&address.to_string(), &gauges.path),
            stream: None,
            buffer: BytesMut::new(),
            decoder: Decoder::new(Limits {
                body: LARGEST_PAGE,
                ..Limits::default()
            }),
            own_name: None,
        }
    }

    /// The name that the upstream calls itself on the last page that had one
    /// ([`INFO_GAUGE`](names::INFO_GAUGE)).
    #[must_use]
    pub fn own_name(&self) -> Option<&str> {
        self.own_name.as_deref()
    }

    /// Sets what requests carry as `host`: the address, if it is not set.
    pub fn set_host(&mut self, host: &str) {
        if self.host != host {
            host.clone_into(&mut self.host);
            self.request = request(host, &self.path);
        }
    }

    /// Takes one sample for the ledger of `ticket`, or returns why there is none. A configured capacity takes
    /// precedence over the gauge's. A ledger may have only one scrape at a time.
    ///
    /// A sample may lack the capacity. If that is a fault and not the absence of its gauge, the fault is returned.
    pub async fn sample(
        &mut self,
        gauges: &Gauges,
        ticket: ScrapeTicket<'_>,
        configured_capacity: Option<Load>,
    ) -> Result<Option<PollFailure>, PollFailure> {
        // After a reload the page may have another path.
        if self.path != gauges.path {
            self.path.clone_from(&gauges.path);
            self.request = request(&self.host, &self.path);
        }
        let fetched = timeout(gauges.timeout, self.fetch(ticket)).await;
        let (sent, page) = match fetched {
            Ok(Ok(fetched)) => fetched,
            Ok(Err(error)) => {
                self.stream = None;
                return Err(match (Shortage::of(&error), error.kind()) {
                    (Some(shortage), _) => PollFailure::Lacking(shortage),
                    (None, io::ErrorKind::InvalidData) => PollFailure::Answer(error),
                    (None, _) => PollFailure::Connect(error),
                });
            }
            Err(_) => {
                self.stream = None;
                return Err(PollFailure::Timeout(gauges.timeout));
            }
        };
        if page.status != 200 {
            return Err(PollFailure::status(page.status, page.header("location")));
        }
        if let Some(name) = gauges.info.find(&page.body)
            && self.own_name.as_deref() != Some(name)
        {
            self.own_name = Some(name.to_owned());
        }
        let (reading, capacity_fault) = read(&page, gauges, configured_capacity)?;
        ticket.page_arrived(sent, reading);
        Ok(capacity_fault)
    }

    /// Fetches the page. A scrape can safely be repeated, so if the kept connection fails, a new one is tried.
    async fn fetch(&mut self, ticket: ScrapeTicket<'_>) -> io::Result<(ScrapeSent, Answer)> {
        if let Some(stream) = self.stream.take()
            && let Ok(fetched) = self.fetch_over(stream, ticket).await
        {
            return Ok(fetched);
        }
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        self.fetch_over(stream, ticket).await
    }

    async fn fetch_over(
        &mut self,
        mut stream: TcpStream,
        ticket: ScrapeTicket<'_>,
    ) -> io::Result<(ScrapeSent, Answer)> {
        let sent = ticket.scrape_sent();
        stream.write_all(&self.request).await?;
        self.buffer.clear();
        self.decoder.reset();
        loop {
            self.buffer.reserve(READ);
            let is_end = stream.read_buf(&mut self.buffer).await? == 0;
            let progress = self.decoder.decode(&mut self.buffer, is_end);
            match progress.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
                Decoded::Done(page) => {
                    self.stream = page.reusable.then_some(stream);
                    return Ok((sent, page));
                }
                Decoded::NeedMore => {}
            }
        }
    }
}

fn request(host: &str, path: &str) -> Vec<u8> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\naccept: text/plain;version=0.0.4\r\nuser-agent: switchyard\r\n\r\n"
    );
    request.into_bytes()
}

fn read(
    page: &Answer,
    gauges: &Gauges,
    configured_capacity: Option<Load>,
) -> Result<(Reading, Option<PollFailure>), PollFailure> {
    // A page without framing ends when the connection closes, so it may have been cut.
    let is_whole = ["content-length", "transfer-encoding"]
        .iter()
        .any(|name| page.header(name).is_some());
    let [load, capacity] = exposition::scan(&page.body, is_whole, [&gauges.load, &gauges.capacity]);
    let usable = |found: Found, name| match found {
        Found::One(units) => Load::new(units).ok_or_else(|| PollFailure::of(found, name)),
        _ => Err(PollFailure::of(found, name)),
    };
    let load = usable(load, &gauges.load_name)?;
    let exported = usable(capacity, &gauges.capacity_name);
    let (capacity, fault) = match (configured_capacity, exported) {
        (Some(configured), _) => (Some(configured), None),
        (None, Ok(exported)) => (Some(exported), None),
        // Many gauges come without a capacity.
        (None, Err(PollFailure::Missing(_))) => (None, None),
        // The load is in the same unit, and without the capacity there would be no bound.
        (None, Err(too_large @ PollFailure::TooLarge(..))) => return Err(too_large),
        (None, Err(fault)) => (None, Some(fault)),
    };
    Ok((Reading { load, capacity }, fault))
}
