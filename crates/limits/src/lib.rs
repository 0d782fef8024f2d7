//! Limits that come and go: how much load a feeder or a substation may bear for now, by order of somebody else.
//!
//! A grid operator, an energy manager or a script is a *source*. Each source has at most one limit for a name, and the
//! strictest in force wins. Nothing here does I/O or reads a clock: the caller passes [`Now`].
//!
//! # One limit
//!
//! A limit waits for its `from`, is in force until its `until`, and is then gone. With a `heartbeat`, its source must be
//! heard within that time. If it is not, the `fallback` takes the place of the value, and stays: that a source is heard
//! again does not mean that its old order still counts. Only a new order does, which is a heartbeat too. (So ask the
//! rules of Germany's grid operators for §14a: a device leaves its failsafe on a heartbeat *and* a new limit.)
//!
//! Five rules decide what the order of a source leaves open:
//!
//! - Silence never lifts a limit, and neither does a wall clock that is set back: what has begun stays.
//! - `until` ends all of it, the fallback as well: the source has said how long its word counts.
//! - The fallback comes into force by silence alone, also before `from`: a source that is lost then can't take its order
//!   back any more.
//! - `from` and `until` are times of the wall clock, so they follow it when it is set. Silence is a duration, so it is
//!   measured by a clock that can't be set, and goes on while the process is down.
//! - If several events have come since the last look, `until` goes before silence, and silence before `from`.
//!
//! All that can happen, in each state (the test `the_table_is_what_happens` reads it here):
//!
//! | event | none | waiting | in force | fallback |
//! | --- | --- | --- | --- | --- |
//! | put, to begin now | in force | in force | in force | in force |
//! | put, to begin later | waiting | waiting | waiting | waiting |
//! | a heartbeat | none | waiting | in force | fallback |
//! | a heartbeat of another source | none | waiting | in force | fallback |
//! | delete | none | none | none | none |
//! | delete of another source | none | waiting | in force | fallback |
//! | time passes, and nothing is due | none | waiting | in force | fallback |
//! | from passes | none | in force | in force | fallback |
//! | until passes | none | none | none | none |
//! | the heartbeat is overdue | none | fallback | fallback | fallback |
//! | the heartbeat is overdue, and until passes | none | none | none | none |
//! | the heartbeat is overdue, and from passes | none | fallback | fallback | fallback |
//! | a restart within the heartbeat | none | waiting | in force | fallback |
//! | a restart that takes longer than the heartbeat | none | fallback | fallback | fallback |
//! | a restart that takes beyond from | none | in force | in force | fallback |
//! | a restart that takes beyond until | none | none | none | none |
//! | the wall clock is set back, before from | none | waiting | in force | fallback |
//! | the wall clock is set forward, beyond from | none | in force | in force | fallback |
//! | the wall clock is set forward, beyond until | none | none | none | none |
//!
//! A reload is no event, and neither is it that a name leaves the configuration or comes back: a limit belongs to a
//! name, and counts wherever that name is listed.

mod carried;
mod limit;
mod order;
mod shown;
mod strictest;
mod table;
mod timestamp;

pub use carried::{CarriedLimit, CarriedLimits, Restored};
pub use limit::{Limit, Stage};
pub use order::{Failsafe, Order, read_heartbeat, read_source};
pub use shown::ShownLimit;
pub use strictest::InForce;
pub use table::{Cause, Change, Full, Limits};
pub use timestamp::{Now, Timestamp};

#[cfg(test)]
mod tests;
