//! What clients asked, and what they were told.

use std::{collections::BTreeMap, time::Duration};

use crate::world::event::{Answer, Ask, Event, Loss, RequestId, What};

use super::Family;

/// One sending of a request.
#[derive(Clone, Debug)]
pub(in crate::judges) struct Request {
    pub(in crate::judges) asked: Duration,
    pub(in crate::judges) proxy: usize,
    /// The family that takes it: known for certain once it is sent, since a client can wait for a process that starts.
    pub(in crate::judges) family: Family,
    pub(in crate::judges) ask: Ask,
    /// What its client was told, and when.
    pub(in crate::judges) told: Option<(Duration, Told)>,
}

/// What a client was told.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::judges) enum Told {
    /// It is booked as this session.
    Booked(String),
    /// It is certainly not booked, in these words.
    NotBooked(String),
    /// It may be booked.
    MayBeBooked,
    /// Nothing.
    Lost(Loss),
    /// It did not wait.
    Left,
}

impl Request {
    /// Whether its client had an answer, or none to wait for, by then.
    pub(in crate::judges) fn was_over(&self, then: Duration) -> bool {
        self.told.as_ref().is_some_and(|(at, _)| *at <= then)
    }
}

/// All requests of the day.
#[derive(Default)]
pub(in crate::judges) struct Requests {
    all: BTreeMap<RequestId, Request>,
}

impl Requests {
    pub(super) fn asked(
        &mut self,
        id: RequestId,
        at: Duration,
        proxy: usize,
        family: Family,
        ask: &Ask,
    ) {
        let request = Request {
            asked: at,
            proxy,
            family,
            ask: ask.clone(),
            told: None,
        };
        self.all.insert(id, request);
    }

    /// The last byte of a request is on its way, to this family.
    pub(super) fn sent(&mut self, id: RequestId, family: impl Fn(usize) -> Family) {
        if let Some(request) = self.all.get_mut(&id) {
            request.family = family(request.proxy);
        }
    }

    pub(super) fn see(&mut self, event: &Event) {
        let (id, told) = match &event.what {
            What::Answered { request, answer } => (request, told(answer)),
            What::Lost { request, how } => (request, Told::Lost(*how)),
            What::Left { request } => (request, Told::Left),
            _ => return,
        };
        if let Some(request) = self.all.get_mut(id) {
            request.told = Some((event.at, told));
        }
    }

    pub(in crate::judges) fn get(&self, id: RequestId) -> Option<&Request> {
        self.all.get(&id)
    }

    /// The sendings of one request of a client, in their order.
    pub(in crate::judges) fn sendings(
        &self,
        id: RequestId,
    ) -> impl Iterator<Item = (RequestId, &Request)> {
        let sending = |sending| RequestId { sending, ..id };
        let all = self.all.range(sending(0)..=sending(usize::MAX));
        all.map(|(id, request)| (*id, request))
    }

    /// The load of all charges that are neither answered nor given up.
    pub(in crate::judges) fn load_under_way(&self) -> f64 {
        let open = self.all.values().filter(|request| request.told.is_none());
        open.map(|request| load(&request.ask)).sum()
    }

    /// How many were sent to a proxy since then.
    pub(in crate::judges) fn asked_since(&self, proxy: usize, then: Duration) -> u64 {
        let all = self.all.values();
        let sent = all.filter(|request| request.proxy == proxy && request.asked >= then);
        sent.map(|_| 1).sum()
    }
}

/// The load of a charge.
fn load(ask: &Ask) -> f64 {
    match ask {
        Ask::Charge { load, .. } => *load,
        _ => 0.0,
    }
}

/// What an answer to a charge means by the contract.
fn told(answer: &Answer) -> Told {
    let words = || {
        let code = answer.code.as_deref().unwrap_or_default();
        let message = answer.message.as_deref().unwrap_or_default();
        format!("{} {code}: {message}", answer.status)
    };
    match (answer.status, &answer.session) {
        (200..=299, Some(session)) => Told::Booked(session.clone()),
        (200..=299, None) => Told::MayBeBooked,
        _ if answer.is_certainly_not_booked() && is_words_of_proxy_or_refusal(answer) => {
            Told::NotBooked(words())
        }
        _ => Told::MayBeBooked,
    }
}

/// Whether an answer is the proxy's own, or one of those by which a substation says that it has not booked. Any other error
/// of a substation is passed on, and what it has done by then is unknown.
fn is_words_of_proxy_or_refusal(answer: &Answer) -> bool {
    answer.substation.is_none() || matches!(answer.status, 400..=499 | 503)
}
