//! The store that the proxies of a fleet share: as much of Redis as they use.
//!
//! It does what the two scripts of a claim do, not by running them: it knows them by their first words. It can be slow,
//! die, and come back without its last writes.

mod serve;
mod table;

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

pub(crate) use serve::serve;

use super::{event::What, plan::Fault, record::Record};
use table::Table;

/// The port at which it listens.
pub(crate) const PORT: u16 = 6379;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Store {
    record: Record,
    state: Mutex<State>,
    address: watch::Sender<SocketAddr>,
    runs: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    table: Table,
    /// The digests of scripts that it has seen, and which script that is.
    scripts: BTreeSet<(String, Script)>,
    slow: Duration,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Script {
    Claim,
    Release,
}

impl Store {
    /// An empty one.
    #[must_use]
    pub(crate) fn new(address: SocketAddr, record: Record) -> Arc<Self> {
        Arc::new(Self {
            record,
            state: Mutex::default(),
            address: watch::Sender::new(address),
            runs: watch::Sender::new(true),
        })
    }

    /// A fault of the store begins or ends.
    pub(crate) fn follow(&self, fault: &Fault, begins: bool) {
        match *fault {
            Fault::StoreSlow { by } => self.state().slow = if begins { by } else { Duration::ZERO },
            Fault::StoreDies { loses } if begins => self.kill(loses),
            Fault::StoreDies { .. } => self.restart(),
            _ => {}
        }
    }

    /// Kills it; what was written in its last moments is lost.
    pub(crate) fn kill(&self, loses: Duration) {
        self.runs.send_replace(false);
        let mut state = self.state();
        state.scripts.clear();
        let since = self.record.now().saturating_sub(loses);
        if !loses.is_zero() {
            state.table.lose_since(since);
            self.record.tell(What::StoreLost { since });
        }
    }

    /// Starts it again.
    pub(crate) fn restart(&self) {
        self.runs.send_replace(true);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a command.
    fn answer(&self, words: &[String]) -> String {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let now = self.record.now();
        let mut state = self.state();
        let [name, arguments @ ..] = words.as_slice() else {
            return "-ERR nothing was asked\r\n".to_owned();
        };
        match (name.to_ascii_uppercase().as_str(), arguments) {
            ("PING", _) => "+PONG\r\n".to_owned(),
            ("SELECT" | "AUTH" | "CLIENT", _) => "+OK\r\n".to_owned(),
            ("EVALSHA", [digest, _, rest @ ..]) => {
                let known = state.scripts.iter().find(|(known, _)| known == digest);
                match known.map(|(_, script)| *script) {
                    Some(script) => state.table.script(script, rest, now),
                    None => "-NOSCRIPT No matching script\r\n".to_owned(),
                }
            }
            ("EVAL", [source, _, rest @ ..]) => {
                let script = if source.starts_with("-- claim") {
                    Script::Claim
                } else {
                    Script::Release
                };
                state.scripts.insert((digest(source), script));
                state.table.script(script, rest, now)
            }
            ("HGETALL", [key]) => state.table.all(key, now),
            ("HSETNX", [key, field, value]) => state.table.set(key, field, value, false, now),
            ("HSET", [key, field, value]) => state.table.set(key, field, value, true, now),
            ("HDEL", [key, fields @ ..]) => state.table.delete(key, fields, now),
            _ => format!("-ERR unknown command {name}\r\n"),
        }
    }
}

fn digest(source: &str) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, source.as_bytes());
    let hex = |byte: &u8| format!("{byte:02x}");
    hash.as_ref().iter().map(hex).collect()
}

#[cfg(test)]
mod tests;
