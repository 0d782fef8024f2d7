//! The queries of one round.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::{HeaderMap, header};
use http_body_util::BodyExt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use switchyard_config::Prometheus;
use switchyard_fetch::{Connection, FetchError, Server};
use tokio::time::Instant;

use crate::{error::QueryError, offset::Offset, reader::Reader, series::Series};

/// Statuses with which a server says what is wrong with a query.
const SAYS: [u16; 4] = [400, 422, 500, 503];
/// The most that is read of such an answer, in bytes.
const LARGEST_ERROR: usize = 64 << 10;

/// Prometheus, as one configuration names it.
#[derive(Debug)]
pub struct Client {
    server: Server,
    /// The path of the API, up to the query.
    path: String,
    query: String,
    capacity_query: Option<String>,
    label: String,
    timeout: Duration,
}

/// A connection on which queries are asked, one after the other.
#[derive(Debug)]
pub struct Session<'c> {
    client: &'c Client,
    connection: Connection,
}

/// How an answer came.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// How many series it has.
    pub series: usize,
    /// When it began to arrive. Its samples are older.
    pub received: Instant,
    /// The same by the clock that is set to the time of day, in milliseconds since the Unix epoch.
    pub received_at: i64,
    /// By how much the clock of the server may be ahead.
    pub offset: Offset,
}

impl Client {
    /// Prometheus as `settings` name it.
    #[must_use]
    pub fn new(settings: &Prometheus) -> Self {
        let server = Server::new(
            &settings.url,
            settings.tls.as_ref(),
            settings.authorization.as_ref(),
        );
        let path = format!("{}/api/v1/query", server.path().trim_end_matches('/'));
        Self {
            path,
            server,
            query: settings.query.clone(),
            capacity_query: settings.capacity_query.clone(),
            label: settings.matching.label.clone(),
            timeout: settings.timeout,
        }
    }

    /// The time that a round may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether capacities are asked for.
    #[must_use]
    pub fn asks_for_capacities(&self) -> bool {
        self.capacity_query.is_some()
    }

    /// Connects. All that follows is to be bounded by [`Client::timeout`].
    pub async fn connect(&self) -> Result<Session<'_>, QueryError> {
        Ok(Session {
            client: self,
            connection: self.server.connect(self.timeout).await?,
        })
    }

    fn path_of(&self, query: &str, range: Option<Duration>) -> String {
        let mut path = format!(
            "{}?timeout={}ms&query={}",
            self.path,
            self.timeout.as_millis(),
            utf8_percent_encode(query, NON_ALPHANUMERIC)
        );
        if let Some(range) = range {
            // Writing to a text does not fail.
            let _ = write!(path, "%5B{}ms%5D", range.as_millis().max(1));
        }
        path
    }
}

impl Session<'_> {
    /// Asks for the samples of the last `range`, and gives `take` each series as it comes.
    ///
    /// Fails if there is no such answer, or none with series.
    pub async fn samples(
        &mut self,
        range: Duration,
        take: &mut (dyn FnMut(Series<'_>) + Send),
    ) -> Result<Answer, QueryError> {
        let path = self.client.path_of(&self.client.query, Some(range));
        let mut is_instant = false;
        let answer = self
            .ask(&path, &mut |series| {
                is_instant |= series.is_instant;
                take(series);
            })
            .await?;
        match answer.series {
            _ if is_instant => Err(QueryError::Instant),
            0 => Err(QueryError::Empty),
            _ => Ok(answer),
        }
    }

    /// Asks for the capacities, if they are asked for, and gives `take` each series as it comes.
    pub async fn capacities(
        &mut self,
        take: &mut (dyn FnMut(Series<'_>) + Send),
    ) -> Result<(), QueryError> {
        let Some(query) = &self.client.capacity_query else {
            return Ok(());
        };
        let path = self.client.path_of(query, None);
        self.ask(&path, take).await.map(drop)
    }

    async fn ask(
        &mut self,
        path: &str,
        take: &mut (dyn FnMut(Series<'_>) + Send),
    ) -> Result<Answer, QueryError> {
        let sent = since_epoch();
        let mut response = self.connection.get(path, []).await?;
        let (received, received_at) = (Instant::now(), since_epoch());
        let offset = date(response.headers())
            .map_or_else(Offset::default, |date| Offset::of(date, sent, received_at));
        let status = FetchError::of_status(&response);
        if let Some(error) = FetchError::of_encoding(response.headers()) {
            return Err(error.into());
        }
        let says = status.is_some();
        if let Some(error) = status
            && !SAYS.contains(&response.status().as_u16())
        {
            return Err(error.into());
        }
        let code = response.status();
        let mut reader = Reader::new(&self.client.label);
        let mut read = 0;
        let mut failed = None;
        while let Some(frame) = response.body_mut().frame().await {
            let frame = frame.map_err(QueryError::Body)?;
            let Some(part) = frame.data_ref() else {
                continue;
            };
            read += part.len();
            if says && read > LARGEST_ERROR {
                break;
            }
            if let Err(error) = reader.read(part, take) {
                failed = Some(error);
                break;
            }
        }
        let ended = match failed {
            Some(error) => Err(error),
            None => reader.end(take),
        };
        match ended {
            Ok(series) if !says => Ok(Answer {
                series,
                received,
                received_at,
                offset,
            }),
            Err(said @ QueryError::Said { .. }) => Err(said),
            // An error page of something in between.
            _ if says => Err(FetchError::Status {
                status: code,
                location: None,
            }
            .into()),
            Ok(_) => Err(QueryError::Empty),
            Err(error) => Err(error),
        }
    }
}

/// When an answer says that it was made, in seconds since the Unix epoch.
fn date(headers: &HeaderMap) -> Option<i64> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    let date = httpdate::parse_http_date(date).ok()?;
    let since = date.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

/// Now, in milliseconds since the Unix epoch.
fn since_epoch() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
