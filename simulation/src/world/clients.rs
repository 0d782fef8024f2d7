//! The clients: a task for each, which asks as the contract of the proxies allows.
//!
//! A client without a key asks again only where nothing is booked for certain. With a key it asks again whatever came, with
//! the same key, and sends back what an answer said of the possible holder.

mod http1;
mod http2;
mod sending;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::time::sleep;

use super::{
    chance::Chance,
    event::{Answer, Ask, Loss, RequestId, What},
    plan::{ClientPlan, Machine, Protocol},
    record::Record,
};

use sending::{Connection, Manner};

/// The longest that a client waits because an answer says so.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// The pause before a repetition that no answer puts off.
const PAUSE: Duration = Duration::from_millis(50);

/// Where clients live.
#[derive(Clone, Debug)]
pub struct Street {
    /// The proxies and where they take charges.
    pub proxies: Vec<(usize, SocketAddr)>,
    /// The seed of the day.
    pub seed: u64,
    /// Where they say what they do.
    pub record: Record,
    /// Whether they stop.
    pub is_over: Arc<AtomicBool>,
    /// How long they wait for an answer.
    pub patience: Duration,
    /// Whether each client's connections come from its own machine.
    pub has_machines: bool,
}

/// How a sending ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// With an answer.
    Answered(Answer),
    /// Without one.
    Lost(Loss),
    /// The client left first.
    Left,
}

/// A client at work.
struct Client {
    plan: ClientPlan,
    street: Arc<Street>,
    chance: Chance,
    connection: Option<(usize, Connection)>,
    /// The sessions that it knows of.
    sessions: Vec<String>,
    /// The proxy that it asks, by its place.
    at: usize,
}

/// Lets the client ask until the day ends or it has sent all its requests.
pub async fn run(plan: ClientPlan, street: Arc<Street>) {
    let chance = Chance::of(street.seed, "client", plan.id);
    let at = plan.id;
    let mut client = Client {
        plan,
        street,
        chance,
        connection: None,
        sessions: Vec::new(),
        at,
    };
    for number in 0..client.plan.requests {
        let pause = client.chance.around(client.plan.pause);
        sleep(pause).await;
        if client.is_late() {
            break;
        }
        client.request(number).await;
    }
}

impl Client {
    fn is_late(&self) -> bool {
        self.street.is_over.load(SeqCst)
    }

    async fn request(&mut self, number: usize) {
        let mut ask = self.choose(number);
        for sending in 0..=self.plan.repeats {
            let request = RequestId {
                client: self.plan.id,
                number,
                sending,
            };
            let outcome = self.send(request, &ask).await;
            self.tell(request, &outcome);
            let Some(pause) = self.learn(&mut ask, outcome) else {
                return;
            };
            if self.plan.wanders {
                self.at += 1;
            }
            sleep(pause).await;
            if self.is_late() {
                return;
            }
        }
    }

    fn choose(&mut self, number: usize) -> Ask {
        let (tends, keyed) = (
            self.chance.is(self.plan.tends),
            self.chance.is(self.plan.keyed),
        );
        let (unplugs, which) = (self.chance.is(0.5), self.chance.below(self.sessions.len()));
        let load = self.chance.load(self.plan.load);
        let lasts = self
            .chance
            .around(self.plan.lasts / 2)
            .max(Duration::from_millis(1));
        if tends && !self.sessions.is_empty() {
            return if unplugs {
                Ask::Unplug {
                    session: self.sessions.swap_remove(which),
                }
            } else {
                let session = self.sessions.get(which).cloned().unwrap_or_default();
                Ask::Look { session }
            };
        }
        let key = keyed.then(|| format!("k-c{}-{number}", self.plan.id));
        Ask::Charge {
            key,
            load,
            lasts,
            holder: None,
        }
    }

    async fn send(&mut self, request: RequestId, ask: &Ask) -> Outcome {
        let manner = Manner {
            leaves: self
                .chance
                .is(self.plan.leaves)
                .then(|| self.chance.around(Duration::from_millis(60))),
            dribbles: self
                .chance
                .is(self.plan.dribbles)
                .then(|| self.chance.around(Duration::from_millis(100))),
            sips: self
                .chance
                .is(self.plan.sips)
                .then(|| self.chance.around(Duration::from_millis(300))),
        };
        let proxies = &self.street.proxies;
        let Some(&(proxy, address)) = proxies.get(self.at % proxies.len().max(1)) else {
            return Outcome::Lost(Loss::NotConnected);
        };
        self.street.record.tell(What::Asked {
            request,
            proxy,
            ask: ask.clone(),
        });
        let mut connection = match self.connection.take() {
            Some((to, kept)) if to == proxy && kept.is_usable() => kept,
            _ => {
                let from = self
                    .street
                    .has_machines
                    .then(|| Machine::Client(self.plan.id).ip());
                match Connection::open(self.plan.protocol, from, address, self.street.patience)
                    .await
                {
                    Some(opened) => opened,
                    None => return Outcome::Lost(Loss::NotConnected),
                }
            }
        };
        let street = &self.street;
        let exchange = connection.exchange(request, ask, manner, street.patience, &street.record);
        let (outcome, goes_on) = exchange.await;
        if goes_on && self.plan.protocol != Protocol::Http1Once {
            self.connection = Some((proxy, connection));
        }
        outcome
    }

    fn tell(&self, request: RequestId, outcome: &Outcome) {
        self.street.record.tell(match outcome {
            Outcome::Answered(answer) => What::Answered {
                request,
                answer: Box::new(answer.clone()),
            },
            Outcome::Lost(how) => What::Lost { request, how: *how },
            Outcome::Left => What::Left { request },
        });
    }

    /// After which pause it asks again, if at all.
    fn learn(&mut self, ask: &mut Ask, outcome: Outcome) -> Option<Duration> {
        let (is_safe, after) = match outcome {
            Outcome::Answered(answer) => {
                if let (200, Some(session)) = (answer.status, &answer.session)
                    && matches!(ask, Ask::Charge { .. })
                {
                    self.sessions.push(session.clone());
                }
                if !matches!(answer.status, 429 | 502..=504) {
                    return None;
                }
                let safe = answer.is_certainly_not_booked();
                if let (Ask::Charge { holder, .. }, Some(named)) = (&mut *ask, answer.holder) {
                    *holder = Some(named);
                }
                (safe, answer.retry_after.map(Duration::from_secs))
            }
            Outcome::Lost(loss) => (loss == Loss::NotConnected, None),
            // It has what it wanted, or changes its mind: a key lets it come back.
            Outcome::Left => (false, None),
        };
        let may_repeat = match ask {
            Ask::Charge { key, .. } => is_safe || key.is_some(),
            Ask::Look { .. } | Ask::Unplug { .. } => true,
        };
        let pause = after.unwrap_or(PAUSE).min(LONGEST_WAIT);
        may_repeat.then(|| pause + self.chance.around(PAUSE))
    }
}

#[cfg(test)]
mod tests;
