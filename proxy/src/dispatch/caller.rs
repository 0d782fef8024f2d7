//! Who asks, and whether it may ask now.
//!
//! Where clients are configured, each request belongs to one of them. That is found out from its head, before its body is
//! read: a client that must not ask need not send anything more. The order of refusals goes by what they cost and tell:
//! what is no HTTP first (400), then the limits of the proxy (503, 429), then who asks (401, 403) and how much it asks
//! (429), and only then what is asked for (404, 405, 417): so a stranger learns nothing of what is here.
//!
//! Guessing a token is not slowed down for a name, since a guess names no client; it is bounded by `limits.client.rate`,
//! which holds for all that have no name, and no guess finds 256 random bits.

use std::sync::Arc;

use switchyard_balance::Load;
use switchyard_clients::{
    Account, Allowance, CertificateNames, Clients, Entry, Full, Permit, Refused, Sent, Unknown,
};
use switchyard_http1::Head;
use switchyard_wire::{Code, Failure, Retry};
use tokio::time::Instant;

use super::{origin::is_trusted, quota::Quota, request::RequestContext};

/// The header with a client's token.
const AUTHORIZATION: &str = "authorization";

impl RequestContext<'_> {
    /// Refuses the request if it is over a limit of the proxy, or no client that may ask has sent it, or it comes too soon.
    /// To be called once, when its head is there.
    pub fn admit(&mut self, head: Head<'_>) -> Result<(), Failure> {
        self.within_limit()?;
        self.identify(head)
    }

    /// The second half of [`RequestContext::admit`].
    #[inline]
    pub fn identify(&mut self, head: Head<'_>) -> Result<(), Failure> {
        let has_rate = self.snapshot.config.limits.client.rate.is_some();
        if self.snapshot.clients.is_none() && !has_rate {
            return Ok(());
        }
        self.identify_of(head)
    }

    #[inline(never)]
    fn identify_of(&mut self, head: Head<'_>) -> Result<(), Failure> {
        let snapshot = Arc::clone(&self.snapshot);
        let Some(clients) = &snapshot.clients else {
            return self.within_rate_of_address(head);
        };
        let sent = Sent::of(head.all(AUTHORIZATION));
        let certificate = self.client.certificate();
        match clients.find(sent, certificate) {
            Ok(entry) => {
                entry.account().asks();
                self.caller = Some(Arc::clone(entry.account()));
                self.within_rate(entry)
            }
            Err(unknown) => {
                self.within_rate_of_address(head)?;
                let shown = certificate.map(CertificateNames::first);
                Err(stranger(unknown, clients, shown))
            }
        }
    }

    fn within_rate(&mut self, entry: &Entry) -> Result<(), Failure> {
        let Some(rate) = entry.rate() else {
            return Ok(());
        };
        let now = self.snapshot.grid.clock().since_start(Instant::now());
        let taken = entry.account().take(rate, now);
        self.quota = Some(Box::new(Quota::of_rate("rate", rate, taken)));
        taken.map(drop).map_err(|too_soon| {
            entry.account().refuse(Refused::Rate);
            let name = entry.account().name();
            let written = self.written_rate(name);
            too_often(
                &format!("client {name} sends more than {written} (clients: rate)"),
                too_soon.retry_in,
            )
        })
    }

    /// The rate of a client as it is written.
    fn written_rate(&self, name: &str) -> String {
        let listed = &self.snapshot.config.listed_clients;
        let client = listed.iter().find(|client| client.name == name);
        let rate = client.and_then(|client| client.rate);
        rate.map_or_else(|| "its rate".to_owned(), |rate| rate.to_string())
    }

    fn within_rate_of_address(&mut self, head: Head<'_>) -> Result<(), Failure> {
        let config = &self.snapshot.config;
        let Some(rate) = config.limits.client.rate else {
            return Ok(());
        };
        let source = self.client.source(&config.forwarded, head);
        // A proxy in front that names no client speaks for many.
        let is_itself = source == self.client.own_source();
        if is_itself && is_trusted(&config.forwarded, self.client.address()) {
            return Ok(());
        }
        let allowance = Allowance::new(rate.requests(), rate.per(), None);
        let now = self.snapshot.grid.clock().since_start(Instant::now());
        let taken = self.share.take(source, allowance, now);
        self.quota = Some(Box::new(Quota::of_rate("address", allowance, taken)));
        taken.map(drop).map_err(|too_soon| {
            too_often(
                &format!("{source} sends more than {rate} (limits.client.rate)"),
                too_soon.retry_in,
            )
        })
    }

    /// Sets the load of a charge aside, as its client's. Without clients, nothing. A charge that is a repetition, or whose
    /// first request is under way, adds nothing.
    pub(super) fn reserve(
        &mut self,
        load: Load,
        is_repetition: bool,
    ) -> Result<Option<Permit>, Failure> {
        let Some(account) = &self.caller else {
            return Ok(None);
        };
        if is_repetition {
            return Ok(Some(account.repeat()));
        }
        let most = self.snapshot.clients.as_ref();
        let most = most.and_then(|clients| clients.of(account)?.most_load());
        let now = self.snapshot.grid.clock().since_start(Instant::now());
        match account.reserve(load, most, now) {
            Ok(permit) => Ok(Some(permit)),
            Err(full) => {
                account.refuse(Refused::Load);
                let most = most.unwrap_or_default();
                let failure = over_load(account, load, most, full);
                if let (Code::RateLimited, Retry::After(seconds)) = (failure.code, failure.retry) {
                    self.quota = Some(Box::new(Quota::of_load(most, full.held, seconds)));
                }
                Err(failure)
            }
        }
    }
}

fn too_often(message: &str, retry_in: u32) -> Failure {
    Failure {
        retry: Retry::After(retry_in),
        ..Failure::new(
            Code::RateLimited,
            format!("{message}: try again in {retry_in} s"),
        )
    }
}

/// The failure of a charge with which its client would have more load at once than it may.
fn over_load(account: &Account, load: Load, most: Load, full: Full) -> Failure {
    let (name, held) = (account.name(), full.held);
    if load > most {
        let message = format!(
            "this charge's load of {load} is above the {most} that client {name} may have at once (clients: load): ask for less"
        );
        return Failure::new(Code::TooLargeLoad, message);
    }
    // How long requests under way take is not known.
    let retry_in = full.retry_in.unwrap_or(1);
    let message = format!(
        "client {name} has a load of {held} of the {most} that it may have at once (clients: load), and this charge's {load} is \
         too much: try again in {retry_in} s, or end a session"
    );
    Failure {
        retry: Retry::After(retry_in),
        ..Failure::new(Code::RateLimited, message)
    }
}

/// The failure of a request that belongs to no client. It does not say whether a token is nearly one.
fn stranger(unknown: Unknown, clients: &Clients, shown: Option<&str>) -> Failure {
    const TOKEN: &str = "send `Authorization: Bearer` with the token of a client";
    const CERTIFICATE: &str = "show a certificate that has the name of a client (tls.client_ca)";
    let instead = match (clients.has_tokens(), clients.has_certificates()) {
        (_, false) => TOKEN.to_owned(),
        (false, true) => CERTIFICATE.to_owned(),
        (true, true) => format!("{TOKEN}, or {CERTIFICATE}"),
    };
    let (code, message) = match unknown {
        Unknown::NoToken => (
            Code::Unauthorized,
            format!("only configured clients may ask here: {instead}"),
        ),
        Unknown::WrongToken => (
            Code::Unauthorized,
            format!("no client has this token: {instead}"),
        ),
        Unknown::SeveralTokens => (
            Code::Unauthorized,
            "a request has one `Authorization: Bearer` at most".to_owned(),
        ),
        Unknown::Certificate => (
            Code::Forbidden,
            format!(
                "no client has a name of this certificate ({:?}): {instead}",
                shown.unwrap_or_default()
            ),
        ),
    };
    Failure::new(code, message)
}
