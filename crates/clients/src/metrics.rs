//! The clients on the metrics page: those that are configured, and no others.

use std::time::Duration;

use strum::VariantArray;
use switchyard_telemetry::{Label, Page};

use crate::{
    account::Refused,
    table::{Clients, Entry},
};

/// The label with a client's name.
const CLIENT: &str = "client";

impl Clients {
    /// Writes the counters of all clients, and their loads as they are `now`.
    pub fn write(&self, page: &mut Page, now: Duration) {
        let all: Vec<_> = self
            .entries()
            .iter()
            .map(|entry| (Label::new(entry.account().name()), entry))
            .collect();
        page.counters("client_requests_total", "Requests of a configured client.")
            .lines(CLIENT, None, each(&all, |one| one.account().requests()));
        let mut refused = page.counters(
            "client_refused_total",
            "Requests of a configured client over its rate or its load, by which.",
        );
        for why in Refused::VARIANTS {
            let other = Some(("reason", (*why).into()));
            refused.lines(
                CLIENT,
                other,
                each(&all, |one| one.account().refusals(*why)),
            );
        }
        page.gauges(
            "client_load",
            "The load that a configured client has at once.",
        )
        .lines(
            CLIENT,
            None,
            each(&all, |one| one.account().load(now).units()),
        );
    }
}

/// A value of each client.
fn each<'a, N>(
    all: &'a [(Label<'a>, &'a Entry)],
    value: impl Fn(&Entry) -> N + 'a,
) -> impl Iterator<Item = (&'a Label<'a>, N)> {
    all.iter().map(move |(name, entry)| (name, value(entry)))
}
