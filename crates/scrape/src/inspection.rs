//! A scrape that also keeps what it read: for people who look for their gauge.

use std::time::Duration;

use switchyard_balance::Load;
use switchyard_http1::Answer;
use tokio::time::Instant;

use crate::{
    failure::PollFailure,
    gauges::Gauges,
    probe::{PageBuffer, Probe},
    ticket::ScrapeTicket,
    witness::Witness,
};

/// What one scrape met.
#[derive(Debug)]
pub struct Inspection {
    /// As [`Probe::sample`] returns it.
    pub result: Result<Option<PollFailure>, PollFailure>,
    /// From before the connection until the result.
    pub took: Duration,
    /// The status of the answer; `None` if no whole answer came.
    pub status: Option<u16>,
    /// The answer's `Content-Type`.
    pub content_type: Option<String>,
    /// The page, as far as it came.
    pub page: Vec<u8>,
}

/// Keeps what it sees.
#[derive(Default)]
struct Keeper {
    status: Option<u16>,
    content_type: Option<String>,
    page: Vec<u8>,
}

impl Witness for Keeper {
    fn begin(&mut self) {
        self.page.clear();
    }

    fn part(&mut self, lines: &[u8]) {
        self.page.extend_from_slice(lines);
    }

    fn answer(&mut self, answer: &Answer) {
        self.status = Some(answer.status);
        let kind = answer.header("content-type");
        self.content_type = kind.map(|kind| String::from_utf8_lossy(kind).into_owned());
        self.page.extend_from_slice(&answer.body);
    }
}

impl Probe {
    /// Takes one sample, as [`Probe::sample`] does, and keeps what it read: 4 MiB at most.
    pub async fn inspect(
        &mut self,
        gauges: &Gauges,
        ticket: ScrapeTicket<'_>,
        configured_capacity: Option<Load>,
    ) -> Inspection {
        let mut buffer = PageBuffer::default();
        let mut keeper = Keeper::default();
        let began = Instant::now();
        let result = self
            .read(
                gauges,
                ticket,
                configured_capacity,
                &mut buffer,
                &mut keeper,
            )
            .await;
        let took = began.elapsed();
        if keeper.status.is_none() {
            let rest = self.decoder.body_so_far(&buffer.0);
            keeper.page.extend_from_slice(rest);
        }
        Inspection {
            result,
            took,
            status: keeper.status,
            content_type: keeper.content_type,
            page: keeper.page,
        }
    }
}
