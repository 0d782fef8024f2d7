//! Scrapes one substation's gauge over a kept connection.
//!
//! A probe keeps its connection, unless its scrapes are far apart, and no page: it reads into a [`PageBuffer`] that probes
//! share. A page that does not fit is read in parts, so a scrape takes the same memory for a page of megabytes as for a usual one.

use std::{io, net::SocketAddr, path::Path, sync::Arc};

use bytes::BytesMut;
use switchyard_balance::{Load, ledger::ScrapeSent};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use switchyard_credentials::Bearer;
use switchyard_gauge::exposition::{Info, InfoSoFar, PartialScan};
use switchyard_http1::{Answer, Decoded, Decoder, Limits};
use switchyard_process::Shortage;
use switchyard_transport::{Refusal, Stream, Transport};

use crate::{failure::PollFailure, gauges::Gauges, ticket::ScrapeTicket, witness::Witness};

/// The largest metrics page that is read, in bytes.
const LARGEST_PAGE: usize = 4 * 1024 * 1024;
/// Buffer space reserved for each read, in bytes: enough for a usual page. What has come of a page that is larger is
/// scanned and dropped.
const READ: usize = 16 * 1024;

/// The memory that a scrape reads its page into. One scrape at a time uses it, of whichever substation. It grows to
/// some 48 KiB, however large a page is.
#[derive(Debug, Default)]
pub struct PageBuffer(pub(crate) BytesMut);

/// Scrapes one substation, time after time.
#[derive(Debug)]
pub struct Probe {
    address: SocketAddr,
    host: String,
    path: String,
    bearer: Option<Bearer>,
    request: Vec<u8>,
    transport: Arc<Transport>,
    stream: Option<Kept>,
    /// Whether the last scrape made a connection.
    has_connected: bool,
    pub(crate) decoder: Decoder,
    own_name: Option<String>,
}

/// A connection, and the version of the transport that it was made over.
#[derive(Debug)]
struct Kept(Stream, u64);

impl Probe {
    /// A probe of the substation at `address`, without a connection yet.
    #[must_use]
    pub fn new(address: SocketAddr, gauges: &Gauges) -> Self {
        Self {
            address,
            host: address.to_string(),
            path: gauges.path.clone(),
            bearer: None,
            request: request(&address.to_string(), &gauges.path, None),
            transport: Arc::default(),
            stream: None,
            has_connected: false,
            decoder: Decoder::new(Limits {
                body: LARGEST_PAGE,
                ..Limits::default()
            }),
            own_name: None,
        }
    }

    /// The same over `transport`, which may change from scrape to scrape. Without, it is plain.
    #[must_use]
    pub fn over(mut self, transport: &Arc<Transport>) -> Self {
        self.transport = Arc::clone(transport);
        self
    }

    /// Whether the last scrape made a connection.
    #[must_use]
    pub fn has_connected(&self) -> bool {
        self.has_connected
    }

    /// The name that the upstream calls itself on the last page that had one
    /// ([`INFO_GAUGE`](switchyard_wire::names::INFO_GAUGE)).
    #[must_use]
    pub fn own_name(&self) -> Option<&str> {
        self.own_name.as_deref()
    }

    /// Sets what requests carry as `host`: the address, if it is not set.
    pub fn set_host(&mut self, host: &str) {
        if self.host != host {
            host.clone_into(&mut self.host);
            self.request = request(host, &self.path, self.bearer.as_ref());
        }
    }

    /// Sets the token that requests carry; none, if it is not set.
    pub fn set_bearer(&mut self, bearer: Option<Bearer>) {
        if self.bearer != bearer {
            self.bearer = bearer;
            self.request = request(&self.host, &self.path, self.bearer.as_ref());
        }
    }

    /// Takes one sample for the ledger of `ticket`, or returns why there is none. A configured capacity takes
    /// precedence over the gauge's. A ledger may have only one scrape at a time, and so may a buffer.
    ///
    /// A sample may lack the capacity. If that is a fault and not the absence of its gauge, the fault is returned.
    pub async fn sample(
        &mut self,
        gauges: &Gauges,
        ticket: ScrapeTicket<'_>,
        configured_capacity: Option<Load>,
        buffer: &mut PageBuffer,
    ) -> Result<Option<PollFailure>, PollFailure> {
        self.read(gauges, ticket, configured_capacity, buffer, &mut ())
            .await
    }

    /// What [`Probe::sample`] does, told to `witness` too.
    pub(crate) async fn read(
        &mut self,
        gauges: &Gauges,
        ticket: ScrapeTicket<'_>,
        configured_capacity: Option<Load>,
        buffer: &mut PageBuffer,
        witness: &mut impl Witness,
    ) -> Result<Option<PollFailure>, PollFailure> {
        // After a reload the page may have another path.
        if self.path != gauges.path {
            self.path.clone_from(&gauges.path);
            self.request = request(&self.host, &self.path, self.bearer.as_ref());
        }
        let fetch = self.fetch(gauges, ticket, &mut buffer.0, witness);
        let (sent, page, mut scan) = match timeout(gauges.timeout, fetch).await {
            Ok(Ok(fetched)) => fetched,
            Ok(Err(error)) => {
                self.stream = None;
                if let Some(refusal) = Refusal::of(&error) {
                    return Err(PollFailure::Tls(refusal.clone()));
                }
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
        witness.answer(&page);
        if matches!(page.status, 401 | 403) {
            let file = gauges.credentials_file.as_deref();
            let sent = self.bearer.as_ref().and(file).map(Path::to_owned);
            return Err(PollFailure::Unauthorized(page.status, sent));
        }
        if page.status != 200 {
            return Err(PollFailure::status(page.status, page.header("location")));
        }
        if let Some(name) = scan.own_name(&page.body)
            && self.own_name.as_deref() != Some(name)
        {
            self.own_name = Some(name.to_owned());
        }
        // A page without framing ends when the connection closes, so it may have been cut.
        let is_whole = ["content-length", "transfer-encoding"]
            .iter()
            .any(|name| page.header(name).is_some());
        let found = scan.series.end(&page.body, is_whole);
        let (reading, capacity_fault) = gauges.reading(found, configured_capacity)?;
        ticket.page_arrived(sent, reading);
        Ok(capacity_fault)
    }

    /// Fetches the page. A scrape can safely be repeated, so if the kept connection fails, a new one is tried.
    async fn fetch<'g>(
        &mut self,
        gauges: &'g Gauges,
        ticket: ScrapeTicket<'_>,
        buffer: &mut BytesMut,
        witness: &mut impl Witness,
    ) -> io::Result<(ScrapeSent, Answer, Scan<'g>)> {
        self.has_connected = false;
        let version = self.transport.version();
        let kept = self.stream.take().filter(|kept| kept.1 == version);
        if let Some(Kept(stream, _)) = kept
            && let Ok(fetched) = self
                .fetch_over((stream, version), gauges, ticket, buffer, witness)
                .await
        {
            return Ok(fetched);
        }
        // The whole scrape has the limit.
        let stream = self.transport.connect(self.address, gauges.timeout).await?;
        self.has_connected = true;
        self.fetch_over((stream, version), gauges, ticket, buffer, witness)
            .await
    }

    /// Returns the answer with the rest of its body, and the scan of what came before.
    async fn fetch_over<'g>(
        &mut self,
        (mut stream, version): (Stream, u64),
        gauges: &'g Gauges,
        ticket: ScrapeTicket<'_>,
        buffer: &mut BytesMut,
        witness: &mut impl Witness,
    ) -> io::Result<(ScrapeSent, Answer, Scan<'g>)> {
        witness.begin();
        let sent = ticket.scrape_sent();
        stream.write_all(&self.request).await?;
        stream.flush().await?;
        buffer.clear();
        self.decoder.reset();
        let mut scan = Scan::new(gauges);
        loop {
            buffer.reserve(READ);
            let is_end = stream.read_buf(buffer).await? == 0;
            let progress = self.decoder.decode(buffer, is_end);
            match progress.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
                Decoded::Done(page) => {
                    let keeps = page.reusable && gauges.keeps_connections;
                    self.stream = keeps.then_some(Kept(stream, version));
                    return Ok((sent, page, scan));
                }
                Decoded::NeedMore if buffer.len() >= READ => {
                    let part = self.decoder.body_so_far(buffer);
                    let read = scan.read(part);
                    witness.part(part.get(..read).unwrap_or_default());
                    self.decoder.drop_body(buffer, read);
                }
                Decoded::NeedMore => {}
            }
        }
    }
}

/// The scan of a page that may come in parts.
struct Scan<'g> {
    series: PartialScan<'g, 2>,
    info: &'g Info,
    name: InfoSoFar,
    is_in_parts: bool,
}

impl<'g> Scan<'g> {
    fn new(gauges: &'g Gauges) -> Self {
        Self {
            series: PartialScan::new([&gauges.load, &gauges.capacity]),
            info: &gauges.info,
            name: InfoSoFar::default(),
            is_in_parts: false,
        }
    }

    /// Reads a part of the page. Returns how many of its bytes were read.
    fn read(&mut self, part: &[u8]) -> usize {
        let (lines, read) = self.series.read(part);
        self.info.read(lines, &mut self.name);
        self.is_in_parts |= read > 0;
        read
    }

    /// The name that the substation calls itself; `rest` is what was not read before.
    fn own_name<'a>(&'a mut self, rest: &'a [u8]) -> Option<&'a str> {
        if !self.is_in_parts {
            return self.info.find(rest);
        }
        self.info.read(rest, &mut self.name);
        self.name.value()
    }
}

fn request(host: &str, path: &str, bearer: Option<&Bearer>) -> Vec<u8> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\naccept: text/plain;version=0.0.4\r\nuser-agent: switchyard\r\n"
    );
    let mut request = request.into_bytes();
    if let Some(bearer) = bearer {
        for part in [b"authorization: ", bearer.value().as_bytes(), b"\r\n"] {
            request.extend_from_slice(part);
        }
    }
    request.extend_from_slice(b"\r\n");
    request
}

#[cfg(test)]
mod tests;
