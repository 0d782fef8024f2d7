//! What goes wrong, when and for how long.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Machine, Settings};

/// A fault and its time.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct FaultPlan {
    /// Its number.
    pub id: usize,
    /// When it begins.
    pub from: Duration,
    /// How long it lasts. What has no length, as a reset, ends as it begins.
    pub lasts: Duration,
    /// What it is.
    pub what: Fault,
}

/// What can go wrong.
#[expect(missing_docs, reason = "the sentence of each says what its fields are")]
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A substation takes so much longer to answer charges.
    Slow { substation: usize, by: Duration },
    /// A substation's gauge does not say the truth.
    Lies { substation: usize, gauge: Gauge },
    /// A substation refuses a share of charges, with 503 or 429.
    Refuses {
        substation: usize,
        share: f64,
        status: u16,
        retry_after: Option<u64>,
    },
    /// A substation closes the connection in the middle of a share of its answers: behind so many bytes. It has booked.
    Cuts {
        substation: usize,
        share: f64,
        behind: usize,
    },
    /// A substation closes the connection when a share of its requests has come. It has not booked.
    Drops { substation: usize, share: f64 },
    /// A substation books and answers nothing, until the fault ends.
    Holds { substation: usize, share: f64 },
    /// The process of a substation is killed, and starts again at the fault's end: with its bookings and keys only if it has
    /// a journal.
    Dies { substation: usize },
    /// Packets from one machine to another get lost. The other way is open.
    Cut { from: Machine, to: Machine },
    /// A share of the packets between two machines has to be sent again.
    Loss { a: Machine, b: Machine, share: f64 },
    /// Packets between two machines take longer.
    Delay {
        a: Machine,
        b: Machine,
        by: Duration,
    },
    /// All connections between two machines are reset.
    Reset { a: Machine, b: Machine },
    /// A machine has no power: no FIN, no RST. Its processes are gone when it comes back.
    PowerCut { machine: Machine },
    /// A proxy is killed, and started again at the fault's end.
    KillProxy { proxy: usize },
    /// A proxy is stopped gracefully, and started again when it has ended.
    StopProxy { proxy: usize },
    /// Another process takes over from a proxy. At the fault's end one of the two is killed, if it is still there.
    Upgrade { proxy: usize, kills: Option<Victim> },
    /// The configuration of all proxies is replaced by one with another `load.interval`, and by the first at the end.
    Reload,
    /// The wall clock of a proxy jumps by so many milliseconds, and back at the end.
    ClockJump { proxy: usize, by: i64 },
    /// An operator tells a proxy to drain a substation, and to undrain it at the end.
    Drain { proxy: usize, substation: usize },
    /// An operator sets a limit at a proxy, on a substation or a feeder, and takes it away at the end.
    Limit {
        proxy: usize,
        on: Limited,
        value: f64,
    },
    /// The store answers late.
    StoreSlow { by: Duration },
    /// The store is killed, and starts again at the end with what it had, less the writes of its last moments.
    StoreDies { loses: Duration },
    /// A substation is missing in the targets or has no address in the resolver.
    Unlisted { substation: usize },
    /// The file of targets is empty, and the resolver knows no name.
    NothingListed,
}

/// What a limit is set on.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limited {
    /// A substation.
    Substation(usize),
    /// A feeder, by its place in the settings.
    Feeder(usize),
}

impl Limited {
    /// Its name at the proxies.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Substation(id) => format!("s{id}"),
            Self::Feeder(at) => Settings::feeder_name(at),
        }
    }
}

/// Which of the two processes of an upgrade is killed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Victim {
    /// The one that hands over.
    Old,
    /// The one that takes over.
    New,
}

/// How a gauge does not say the truth.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gauge {
    /// It shows the load times this.
    Times(f64),
    /// It stays where it is.
    Stuck,
    /// The page comes without it.
    Missing,
    /// The page is an error.
    Error,
    /// The page does not come.
    Silent,
    /// The page ends in the middle.
    Half,
}

impl Fault {
    /// Whether something is lost by it that no judge may ask for: what a store or a substation has forgotten.
    #[must_use]
    pub fn forgets(&self) -> bool {
        match self {
            Self::StoreDies { loses } => !loses.is_zero(),
            Self::Dies { .. }
            | Self::KillProxy { .. }
            | Self::PowerCut { .. }
            | Self::Upgrade { kills: Some(_), .. } => true,
            _ => false,
        }
    }

    /// Whether it has no length.
    #[must_use]
    pub fn is_instant(&self) -> bool {
        matches!(self, Self::Reset { .. } | Self::Upgrade { kills: None, .. })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = Duration::as_millis;
        match self {
            Self::Slow { substation, by } => {
                write!(f, "s{substation} is slow by {} ms", millis(by))
            }
            Self::Lies { substation, gauge } => {
                write!(f, "s{substation} has a gauge that is {gauge:?}")
            }
            Self::Refuses {
                substation,
                share,
                status,
                ..
            } => {
                write!(f, "s{substation} refuses {share} with {status}")
            }
            Self::Cuts {
                substation,
                share,
                behind,
            } => {
                write!(
                    f,
                    "s{substation} cuts {share} of its answers behind byte {behind}"
                )
            }
            Self::Drops { substation, share } => {
                write!(f, "s{substation} drops {share} of its requests")
            }
            Self::Holds { substation, share } => {
                write!(f, "s{substation} holds {share} of its requests")
            }
            Self::Dies { substation } => write!(f, "s{substation} dies"),
            Self::Cut { from, to } => write!(f, "the way from {from} to {to} is cut"),
            Self::Loss { a, b, share } => {
                write!(f, "{share} of packets between {a} and {b} is lost")
            }
            Self::Delay { a, b, by } => {
                write!(f, "packets between {a} and {b} take {} ms more", millis(by))
            }
            Self::Reset { a, b } => write!(f, "connections between {a} and {b} are reset"),
            Self::PowerCut { machine } => write!(f, "{machine} has no power"),
            Self::KillProxy { proxy } => write!(f, "p{proxy} is killed"),
            Self::StopProxy { proxy } => write!(f, "p{proxy} is stopped"),
            Self::Upgrade { proxy, kills: None } => write!(f, "p{proxy} is upgraded"),
            Self::Upgrade {
                proxy,
                kills: Some(victim),
            } => {
                write!(f, "p{proxy} is upgraded and the {victim:?} process killed")
            }
            Self::Reload => f.write_str("the configuration is replaced"),
            Self::ClockJump { proxy, by } => write!(f, "the clock of p{proxy} jumps by {by} ms"),
            Self::Drain { proxy, substation } => {
                write!(f, "s{substation} is drained through p{proxy}")
            }
            Self::Limit { proxy, on, value } => {
                write!(f, "p{proxy} limits {} to {value}", on.name())
            }
            Self::StoreSlow { by } => write!(f, "the store is slow by {} ms", millis(by)),
            Self::StoreDies { loses } => write!(f, "the store dies and loses {} ms", millis(loses)),
            Self::Unlisted { substation } => write!(f, "s{substation} is not listed"),
            Self::NothingListed => f.write_str("nothing is listed"),
        }
    }
}
