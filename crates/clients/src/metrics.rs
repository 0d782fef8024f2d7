//! The clients on the metrics page: those that are configured, and no others.

use std::time::Duration;

use enum_map::Enum;
use strum::{IntoStaticStr, VariantArray};
use switchyard_telemetry::{Label, Page};

use crate::table::{Clients, Entry};

/// The label with a client's name.
const CLIENT: &str = "client";

/// Why a client's request was refused.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Refused {
    /// It sends more than its rate.
    Rate,
    /// It would have more load at once than it may.
    Load,
}

impl Clients {
    /// Writes the counters of all clients, and their loads as they are `now`.
    pub fn write(&self, page: &mut Page, now: Duration) {
        let all: Vec<_> = self
            .entries()
            .iter()
            .map(|entry| (Label::new(entry.account().name()), entry))
            .collect();
        fn each<'a, N>(
            all: &'a [(Label<'a>, &'a Entry)],
            value: impl Fn(&Entry) -> N + 'a,
        ) -> impl Iterator<Item = (&'a Label<'a>, N)> {
            all.iter().map(move |(name, entry)| (name, value(entry)))
        }
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
