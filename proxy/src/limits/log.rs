//! The audit lines of limits: who has done what, and what is different since.

use std::{fmt, net::IpAddr};

use switchyard_limits::{Cause, Change, InForce, Limit};
use tracing::{debug, info, warn};

/// A limit in a log line, or that there is none.
struct Told<'a>(Option<&'a Limit>);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(limit) => limit.fmt(f),
            None => f.write_str("none"),
        }
    }
}

/// The strictest limit of a name from now on, in a log line.
struct Strictest<'a>(Option<&'a InForce>);

impl fmt::Display for Strictest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(limit) => write!(f, "{} by {}", limit.value, limit.source),
            None => f.write_str("none"),
        }
    }
}

/// Logs what a command has done.
pub(super) fn command(change: &Change, client: IpAddr, strictest: Option<&InForce>) {
    let (name, source) = (&*change.name, &*change.source);
    let (before, after) = (Told(change.before.as_ref()), Told(change.after.as_ref()));
    let in_force = Strictest(strictest);
    match change.cause {
        Cause::Put if change.is_news() => {
            info!(name, source, %client, %before, %after, %in_force, "Limit set");
            if let Some((value, fallback)) = looser_fallback(change) {
                warn!(
                    name,
                    source,
                    value,
                    fallback,
                    "Fallback allows more than the limit: silence of the source will raise it"
                );
            }
        }
        Cause::Put => debug!(name, source, %client, %after, "Limit set again: it is a heartbeat"),
        Cause::Delete => info!(name, source, %client, %before, %in_force, "Limit taken away"),
        Cause::Heartbeat { was_silent: true } => info!(
            name, source, %client, %after,
            "Source of a limit is heard again: its fallback stays in force until it sets a limit"
        ),
        _ => debug!(name, source, %client, %after, "Source of a limit is heard"),
    }
}

/// Logs what time has done.
pub(super) fn passed(change: &Change, strictest: Option<&InForce>) {
    let (name, source) = (&*change.name, &*change.source);
    let (before, after) = (Told(change.before.as_ref()), Told(change.after.as_ref()));
    let in_force = Strictest(strictest);
    match change.cause {
        Cause::Silence => warn!(
            name, source, %before, %after, %in_force,
            "Source of a limit is silent: its fallback is in force"
        ),
        Cause::Until => info!(name, source, %before, %in_force, "Limit has ended"),
        _ => info!(name, source, %before, %after, %in_force, "Limit has begun"),
    }
}

/// The value and the fallback of an order whose fallback is the greater one.
fn looser_fallback(change: &Change) -> Option<(f64, f64)> {
    let order = change.after.as_ref()?.order();
    let fallback = order.failsafe?.fallback;
    (fallback > order.value).then(|| (order.value.units(), fallback.units()))
}
