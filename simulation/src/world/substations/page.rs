//! The page of metrics, true or not.

use switchyard_wire::names::{CAPACITY_GAUGE, INFO_GAUGE, INFO_NAME, LOAD_GAUGE};

use super::{
    super::plan::Gauge,
    Substation,
    exchange::{Reply, answer},
};

impl Substation {
    /// What it answers to a scrape.
    pub(super) fn page(&self) -> Reply {
        let state = self.state();
        let gauge = state.manners.gauge();
        let truth = state.account.load();
        let load = match gauge {
            Some(Gauge::Times(factor)) => Some(truth * factor),
            Some(Gauge::Stuck) => Some(state.stuck_at.unwrap_or(truth)),
            Some(Gauge::Missing) => None,
            _ => Some(truth),
        };
        drop(state);
        let (name, capacity) = (self.plan.name(), self.plan.capacity);
        let mut page =
            format!("{INFO_GAUGE}{{{INFO_NAME}=\"{name}\"}} 1\n{CAPACITY_GAUGE} {capacity}\n");
        if let Some(load) = load {
            page.extend([LOAD_GAUGE, " ", &load.to_string(), "\n"]);
        }
        let bytes = answer(
            200,
            "content-type: text/plain; version=0.0.4\r\n",
            page.as_bytes(),
        );
        match gauge {
            Some(Gauge::Error) => Reply::Whole(answer(500, "", b"")),
            Some(Gauge::Silent) => Reply::Silence,
            Some(Gauge::Half) => {
                let half = bytes.len() - page.len() / 2;
                Reply::Cut(bytes, half)
            }
            _ => Reply::Whole(bytes),
        }
    }
}
