//! All clients that are or were configured: what of them outlives a reload.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use switchyard_balance::Load;
use switchyard_config as config;

use crate::{
    account::{Account, Permit},
    held::{Id, Session},
    owners::{Owners, id_of},
    table::Clients,
};

/// The most sessions whose owner is known, of some 200 bytes each.
const MOST_SESSIONS: usize = 262_144;

/// The accounts of all clients, and whose each session is. Shared by all threads.
#[derive(Debug)]
pub struct Accounts {
    known: Mutex<HashMap<Arc<str>, Arc<Account>>>,
    owners: Arc<Owners<Account>>,
    /// How many sessions had no id.
    without_id: AtomicU64,
    most: usize,
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            owners: Arc::default(),
            without_id: AtomicU64::new(0),
            most: MOST_SESSIONS,
        }
    }
}

/// Whose a session is, for one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This client's.
    Own,
    /// Another client's.
    Other,
    /// It is not known here.
    Unknown,
}

impl Accounts {
    /// The table of these clients; none if there are none, so that no request is asked for a name.
    #[must_use]
    pub fn table(&self, clients: &[config::Client], now: Duration) -> Option<Arc<Clients>> {
        let listed: HashSet<_> = clients.iter().map(|client| client.name.as_str()).collect();
        // Of a client that has gone it stays known which sessions are its own, as long as there are any.
        self.known.lock().retain(|name, account| {
            listed.contains(&**name) || account.up_to_date(now, |held| held.len() > 0)
        });
        if clients.is_empty() {
            return None;
        }
        let with_account = clients
            .iter()
            .map(|client| (client, self.account(&client.name)));
        Some(Arc::new(Clients::new(with_account)))
    }

    /// The account of this name, new or known.
    pub(crate) fn account(&self, name: &str) -> Arc<Account> {
        let mut known = self.known.lock();
        if let Some(account) = known.get(name) {
            return Arc::clone(account);
        }
        let name: Arc<str> = name.into();
        let account = Account::new(Arc::clone(&name), Arc::clone(&self.owners));
        let account = Arc::new(account);
        known.insert(name, Arc::clone(&account));
        account
    }

    /// All accounts, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Account>> {
        self.known.lock().values().cloned().collect()
    }

    /// A client has booked this session, of this load, which ends after `lasts`, if the answer says so. Without an id it
    /// can't be ended: then it counts only if it is known how long it lasts.
    pub fn booked(
        &self,
        permit: Permit,
        session: Option<&str>,
        (load, lasts): (Load, Option<Duration>),
        now: Duration,
    ) {
        let id = match (session, lasts) {
            (Some(session), _) => id_of(session.as_bytes()),
            (None, Some(_)) => {
                let number = self.without_id.fetch_add(1, Relaxed);
                // No id has a blank.
                id_of(format!("a session without id {number}").as_bytes())
            }
            (None, None) => return,
        };
        self.make_room_for(permit.account());
        permit.book(id, load, lasts, now);
    }

    /// Whose a session is, for this client.
    #[must_use]
    pub fn owner(&self, session: &str, client: &Account) -> Owner {
        match self.owners.of(id_of(session.as_bytes())) {
            None => Owner::Unknown,
            Some(owner) if std::ptr::eq(Arc::as_ptr(&owner), client) => Owner::Own,
            Some(_) => Owner::Other,
        }
    }

    /// This session was ended.
    pub fn ended(&self, session: &str, now: Duration) {
        let id = id_of(session.as_bytes());
        if let Some(owner) = self.owners.of(id) {
            owner.ended(id, now);
        }
    }

    /// Takes over a session of another process, unless its owner is known here.
    pub(crate) fn restore_session(&self, account: &Arc<Account>, id: Id, session: Session) {
        if self.owners.count() < self.most && self.owners.of(id).is_none() {
            self.owners.set(id, account);
            account.held.lock().restore(id, session);
        }
    }

    /// Forgets what is over, also where no request asks.
    pub fn expire(&self, now: Duration) {
        for account in self.all() {
            account.up_to_date(now, |_| ());
        }
    }

    /// If too many sessions are known, forgets one of the client itself if that has its share of them, and of the client
    /// that has most otherwise.
    fn make_room_for(&self, account: &Arc<Account>) {
        if self.owners.count() < self.most {
            return;
        }
        let all = self.all();
        let count = |one: &Account| one.held.lock().len();
        if count(account) >= self.most / all.len().max(1) && account.forget_first() {
            return;
        }
        if let Some(largest) = all.iter().max_by_key(|one| count(one)) {
            largest.forget_first();
        }
    }

    #[cfg(test)]
    pub(crate) fn with_room_for(most: usize) -> Self {
        Self {
            most,
            ..Self::default()
        }
    }
}
