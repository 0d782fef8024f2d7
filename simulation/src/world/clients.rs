//! The clients: a task for each, which asks as the contract of the proxies allows.
//!
//! A client without a key asks again only where nothing is booked for certain. With a key it asks again whatever came, with
//! the same key, and sends back what an answer said of the possible holder. When everything is over it comes back with some
//! of its keys.

mod again;
mod connection;
mod contract;
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

pub(crate) use again::{Memory, again};

use again::Charge;
use connection::Connection;
use sending::Manner;

/// The number of a sending that goes beside the first.
const TWIN: usize = 99;

/// Where clients live.
#[derive(Clone, Debug)]
pub(crate) struct Street {
    /// The proxies and where they take charges.
    pub(crate) proxies: Vec<(usize, SocketAddr)>,
    /// The seed of the day.
    pub(crate) seed: u64,
    /// Where they say what they do.
    pub(crate) record: Record,
    /// Whether they stop.
    pub(crate) is_over: Arc<AtomicBool>,
    /// How long they wait for an answer.
    pub(crate) patience: Duration,
    /// Whether each client's connections come from its own machine.
    pub(crate) has_machines: bool,
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
    /// Its charges with keys.
    keyed: Vec<Charge>,
}

/// Lets the client ask until the day ends or it has sent all its requests. Returns what it remembers then.
pub(crate) async fn run(plan: ClientPlan, street: Arc<Street>) -> Memory {
    let chance = Chance::of(street.seed, "client", plan.id);
    let at = plan.id;
    let mut client = Client {
        plan,
        street,
        chance,
        connection: None,
        sessions: Vec::new(),
        at,
        keyed: Vec::new(),
    };
    for number in 0..client.plan.requests {
        let pause = client.chance.around(client.plan.pause);
        sleep(pause).await;
        if client.is_late() {
            break;
        }
        client.request(number).await;
    }
    Memory {
        plan: client.plan,
        charges: client.keyed,
    }
}

impl Street {
    /// The proxy at this place, and beyond the last the first again.
    fn proxy(&self, at: usize) -> Option<(usize, SocketAddr)> {
        self.proxies
            .get(at.checked_rem(self.proxies.len())?)
            .copied()
    }
}

impl Client {
    fn is_late(&self) -> bool {
        self.street.is_over.load(SeqCst)
    }

    async fn request(&mut self, number: usize) {
        let mut ask = self.choose(number);
        let has_twin = self.chance.is(self.plan.twins);
        let is_keyed = matches!(ask, Ask::Charge { key: Some(_), .. });
        let twin = (is_keyed && has_twin).then(|| tokio::spawn(self.twin(number, ask.clone())));
        self.repeat(number, &mut ask).await;
        if is_keyed {
            let at = self.at;
            self.keyed.push(Charge { number, ask, at });
        }
        if let Some(twin) = twin {
            let _ = twin.await;
        }
    }

    /// The same request at the same time, through the next proxy and over a connection of its own.
    fn twin(&self, number: usize, ask: Ask) -> impl Future<Output = ()> + Send + 'static {
        let request = RequestId {
            client: self.plan.id,
            number,
            sending: TWIN,
        };
        let (street, protocol) = (Arc::clone(&self.street), self.plan.protocol);
        let to = street.proxy(self.at + 1);
        async move {
            if let Some(to) = to {
                alone(&street, protocol, request, &ask, to).await;
            }
        }
    }

    async fn repeat(&mut self, number: usize, ask: &mut Ask) {
        for sending in 0..=self.plan.repeats {
            let request = RequestId {
                client: self.plan.id,
                number,
                sending,
            };
            let outcome = self.send(request, ask).await;
            tell(&self.street.record, request, &outcome);
            let Some(pause) = self.learn(ask, outcome) else {
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
        let Some((proxy, address)) = self.street.proxy(self.at) else {
            return Outcome::Lost(Loss::NotConnected);
        };
        self.street.record.tell(What::Asked {
            request,
            proxy,
            ask: ask.clone(),
        });
        let mut connection = match self.connection.take() {
            Some((to, kept)) if to == proxy && kept.is_usable() => kept,
            _ => match open(&self.street, self.plan.protocol, self.plan.id, address).await {
                Some(opened) => opened,
                None => return Outcome::Lost(Loss::NotConnected),
            },
        };
        let street = &self.street;
        let exchange = connection.exchange(request, ask, manner, street.patience, &street.record);
        let (outcome, goes_on) = exchange.await;
        if goes_on && self.plan.protocol != Protocol::Http1Once {
            self.connection = Some((proxy, connection));
        }
        outcome
    }
}

/// Sends over a connection of its own, and waits for the answer.
async fn alone(
    street: &Street,
    protocol: Protocol,
    request: RequestId,
    ask: &Ask,
    (proxy, address): (usize, SocketAddr),
) {
    street.record.tell(What::Asked {
        request,
        proxy,
        ask: ask.clone(),
    });
    let outcome = match open(street, protocol, request.client, address).await {
        Some(mut connection) => {
            let manner = Manner::default();
            let exchange =
                connection.exchange(request, ask, manner, street.patience, &street.record);
            exchange.await.0
        }
        None => Outcome::Lost(Loss::NotConnected),
    };
    tell(&street.record, request, &outcome);
}

async fn open(
    street: &Street,
    protocol: Protocol,
    client: usize,
    to: SocketAddr,
) -> Option<Connection> {
    let from = street.has_machines.then(|| Machine::Client(client).ip());
    Connection::open(protocol, from, to, street.patience).await
}

fn tell(record: &Record, request: RequestId, outcome: &Outcome) {
    record.tell(match outcome {
        Outcome::Answered(answer) => What::Answered {
            request,
            answer: Box::new(answer.clone()),
        },
        Outcome::Lost(how) => What::Lost { request, how: *how },
        Outcome::Left => What::Left { request },
    });
}

#[cfg(test)]
mod tests;
