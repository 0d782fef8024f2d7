//! What is kept of a server's TLS sessions, so that the next handshake can be short.
//!
//! One store serves all threads, and belongs to one server: a ticket of one server is worth nothing at another, also if
//! both are called by one name.
//!
//! With a ticket no certificate is shown, so none is checked, and a ticket may be valid for a week. So tickets are not
//! used any more once a certificate of the handshake that they stem from has expired: the next handshake is whole
//! then, and refuses it. What is believed has a store of its own each time it changes, for the same reason.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicI64, Ordering::Relaxed},
};

use parking_lot::Mutex;
use rustls::{
    NamedGroup,
    client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue},
    pki_types::ServerName,
};

use crate::presented::now;

/// The most tickets that are kept: each is used once, and servers send two with a whole handshake and one or two with
/// a short one. A ticket takes some KiB, as it holds the server's certificates.
const MOST: usize = 4;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Sessions {
    kept: Mutex<Kept>,
    /// When the first certificate of the last whole handshake expires, in seconds since the Unix epoch.
    ends: AtomicI64,
}

#[derive(Debug, Default)]
struct Kept {
    group: Option<NamedGroup>,
    old: Option<Tls12ClientSessionValue>,
    tickets: VecDeque<Tls13ClientSessionValue>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            ends: AtomicI64::new(i64::MAX),
        }
    }
}

impl Sessions {
    /// A whole handshake has been made, with certificates of which the first expires then.
    pub(crate) fn verified(&self, ends: i64) {
        self.ends.store(ends, Relaxed);
    }

    fn has_expired(&self) -> bool {
        self.ends.load(Relaxed) < now()
    }
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        self.kept.lock().group = Some(group);
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.kept.lock().group
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.kept.lock().old = Some(value);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        let kept = self.kept.lock().old.clone();
        kept.filter(|_| !self.has_expired())
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.kept.lock().old = None;
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        let mut kept = self.kept.lock();
        if kept.tickets.len() >= MOST {
            kept.tickets.pop_front();
        }
        kept.tickets.push_back(value);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        let mut kept = self.kept.lock();
        if self.has_expired() {
            kept.tickets.clear();
        }
        kept.tickets.pop_back()
    }
}
