//! The clients of one configuration: found by what a request or its connection shows.

use std::{collections::HashMap, sync::Arc};

use switchyard_balance::Load;
use switchyard_config as config;

use crate::{
    account::Account,
    bucket::Allowance,
    certificate::CertificateNames,
    token::{Digest, Sent, hashed},
};

/// One client, as it is configured.
#[derive(Debug)]
pub struct Entry {
    account: Arc<Account>,
    rate: Option<Allowance>,
    load: Option<Load>,
}

impl Entry {
    /// What is known of it.
    #[must_use]
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Its rate, if it has one.
    #[must_use]
    pub fn rate(&self) -> Option<Allowance> {
        self.rate
    }

    /// The most load at once, if it has a limit.
    #[must_use]
    pub fn most_load(&self) -> Option<Load> {
        self.load
    }
}

/// Why a request has no client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unknown {
    /// It shows nothing.
    NoToken,
    /// No client has its token.
    WrongToken,
    /// It has several tokens.
    SeveralTokens,
    /// No client has a name that its certificate has.
    Certificate,
}

/// The clients of one configuration.
#[derive(Debug)]
pub struct Clients {
    entries: Vec<Entry>,
    by_token: HashMap<Digest, usize>,
    by_name: HashMap<String, usize>,
    by_client: HashMap<Arc<str>, usize>,
}

impl Clients {
    pub(crate) fn new<'c>(
        clients: impl Iterator<Item = (&'c config::Client, Arc<Account>)>,
    ) -> Self {
        let mut table = Self {
            entries: Vec::new(),
            by_token: HashMap::new(),
            by_name: HashMap::new(),
            by_client: HashMap::new(),
        };
        for (at, (client, account)) in clients.enumerate() {
            for hash in &client.token_sha256 {
                table.by_token.insert(Digest(hash.0), at);
            }
            if let Some(name) = &client.certificate_name {
                table.by_name.insert(name.clone(), at);
            }
            table.by_client.insert(Arc::clone(account.name()), at);
            let rate = client.rate;
            let rate = rate.map(|rate| Allowance::new(rate.requests(), rate.per(), client.burst));
            table.entries.push(Entry {
                account,
                rate,
                load: client.load.and_then(Load::new),
            });
        }
        table
    }

    /// All clients, in the order of the configuration.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether any client has a token.
    #[must_use]
    pub fn has_tokens(&self) -> bool {
        !self.by_token.is_empty()
    }

    /// Whether any client has a certificate.
    #[must_use]
    pub fn has_certificates(&self) -> bool {
        !self.by_name.is_empty()
    }

    /// The client with this account, as it is configured here.
    #[must_use]
    pub fn of(&self, account: &Account) -> Option<&Entry> {
        let at = self.by_client.get(account.name())?;
        self.entries.get(*at)
    }

    /// The client whose token was sent; without a token, the one that has a name of the certificate. A token is a word of
    /// the request itself, so it comes before what the connection shows, also if it is wrong.
    pub fn find(
        &self,
        sent: Sent<'_>,
        certificate: Option<&CertificateNames>,
    ) -> Result<&Entry, Unknown> {
        let found = match (sent, certificate) {
            (Sent::Token(token), _) if self.has_tokens() => {
                let found = self.by_token.get(&hashed(token));
                found.ok_or(Unknown::WrongToken)?
            }
            (Sent::Several, _) if self.has_tokens() => return Err(Unknown::SeveralTokens),
            (_, Some(certificate)) => {
                let found = certificate.all().find_map(|name| self.by_name.get(name));
                found.ok_or(Unknown::Certificate)?
            }
            (_, None) => return Err(Unknown::NoToken),
        };
        self.entries.get(*found).ok_or(Unknown::WrongToken)
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest")
    }
}
