//! Substations that keep account, a store in memory, and processes whose requests take their steps in random order.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use parking_lot::Mutex;
use switchyard_idempotency::{Asked, Keyed, Release};

use super::*;

const SUBSTATIONS: u16 = 4;
const KEYS: u64 = 3;
const STEPS: usize = 400;

/// How often what goes wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) fails: f64,
    pub(super) loses_answer: f64,
    pub(super) dies: f64,
    pub(super) hands_over: f64,
    /// Whether the store lets a key with a holder keep it.
    pub(super) compares: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            fails: 0.0,
            loses_answer: 0.0,
            dies: 0.0,
            hands_over: 0.0,
            compares: true,
        }
    }
}

fn holder(number: u16) -> Arc<HolderId> {
    Arc::new(HolderId {
        name: format!("s{number}").into(),
        address: ([127, 0, 0, 1], 1 + number).into(),
    })
}

fn key(number: u64) -> KeyHash {
    KeyHash::of(&number.to_be_bytes())
}

/// A proposal of substation 0 for this key.
pub(super) fn proposal(number: u64) -> Proposal {
    Proposal {
        key: key(number),
        fingerprint: Fingerprint(1),
        asker: Asker {
            process: 1,
            number: 1,
        },
        candidate: holder(0),
        kept_for: Duration::from_mins(10),
    }
}

const LIMITS: Limits = Limits {
    most: 1_000,
    kept_for: Duration::from_mins(10),
};

/// Lets others take a step.
async fn step() {
    let mut is_over = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_over, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A key's holder and its askers.
type Entry = (HolderId, BTreeSet<(u64, u64)>);

/// A store in memory.
#[derive(Debug, Default)]
pub(super) struct Store {
    entries: Mutex<HashMap<KeyHash, Entry>>,
    faults: Option<Mutex<(Rng, Rules)>>,
}

impl Store {
    fn chance(&self, of: fn(&Rules) -> f64) -> bool {
        let draw = |faults: &Mutex<(Rng, Rules)>| {
            let (rng, rules) = &mut *faults.lock();
            rng.f64() < of(rules)
        };
        self.faults.as_ref().is_some_and(draw)
    }

    async fn call<T>(&self, call: impl Fn() -> T) -> Result<T, Unavailable> {
        let failed = || Err(Unavailable("failed".into()));
        step().await;
        if self.chance(|rules| rules.fails) {
            return failed();
        }
        let mut answer = call();
        step().await;
        if self.chance(|rules| rules.loses_answer) {
            // It is repeated once, and that answer may be lost as well.
            answer = call();
            step().await;
            if self.chance(|rules| rules.loses_answer) {
                return failed();
            }
        }
        Ok(answer)
    }
}

#[async_trait]
impl Agreement for Store {
    async fn claim(&self, proposal: &Proposal) -> Result<Claimed, Unavailable> {
        let asker = (proposal.asker.process, proposal.asker.number);
        let compares = self
            .faults
            .as_ref()
            .is_none_or(|faults| faults.lock().1.compares);
        self.call(|| {
            let mut entries = self.entries.lock();
            let new = || (HolderId::clone(&proposal.candidate), BTreeSet::new());
            let (holder, askers) = entries.entry(proposal.key).or_insert_with(new);
            if !compares {
                *holder = HolderId::clone(&proposal.candidate);
            }
            askers.insert(asker);
            Claimed::Holder(holder.clone())
        })
        .await
    }

    async fn release(&self, key: KeyHash, asker: Asker) -> Result<Released, Unavailable> {
        self.call(|| {
            let mut entries = self.entries.lock();
            let Some((_, askers)) = entries.get_mut(&key) else {
                return Released::Free;
            };
            askers.remove(&(asker.process, asker.number));
            if askers.is_empty() {
                entries.remove(&key);
                return Released::Free;
            }
            Released::Held
        })
        .await
    }
}

/// Nobody to ask.
#[derive(Debug)]
pub(super) struct Gone;

#[async_trait]
impl Agreement for Gone {
    async fn claim(&self, _: &Proposal) -> Result<Claimed, Unavailable> {
        Err(Unavailable("gone".into()))
    }

    async fn release(&self, _: KeyHash, _: Asker) -> Result<Released, Unavailable> {
        Err(Unavailable("gone".into()))
    }
}

/// The process that has taken over, as the old one asks it.
#[derive(Debug)]
struct Successor(Arc<AgreedKeys>);

#[async_trait]
impl Agreement for Successor {
    async fn claim(&self, proposal: &Proposal) -> Result<Claimed, Unavailable> {
        step().await;
        let claimed = self.0.claim_for(proposal, &LIMITS).await;
        step().await;
        claimed
    }

    async fn release(&self, key: KeyHash, asker: Asker) -> Result<Released, Unavailable> {
        step().await;
        let released = self.0.release_for(key, asker).await;
        step().await;
        released
    }
}

/// Which substations have booked under which key.
type Books = Arc<Mutex<BTreeMap<u64, BTreeSet<u16>>>>;
type Request = Pin<Box<dyn Future<Output = ()>>>;

pub(super) struct World {
    books: Books,
    store: Option<Arc<Store>>,
    processes: Vec<Arc<AgreedKeys>>,
    rules: Rules,
    started: u64,
}

impl World {
    /// So many processes with a store.
    pub(super) fn with_store(processes: usize, rules: Rules) -> Self {
        let store = Store {
            faults: Some(Mutex::new((Rng::with_seed(1), rules))),
            ..Store::default()
        };
        let mut world = Self {
            store: Some(Arc::new(store)),
            ..Self::empty(rules)
        };
        world.processes = (0..processes).map(|_| world.start()).collect();
        world
    }

    /// One process.
    pub(super) fn alone(rules: Rules) -> Self {
        let mut world = Self::empty(rules);
        world.processes = vec![world.start()];
        world
    }

    fn empty(rules: Rules) -> Self {
        Self {
            books: Arc::default(),
            store: None,
            processes: Vec::new(),
            rules,
            started: 0,
        }
    }

    fn start(&mut self) -> Arc<AgreedKeys> {
        self.started += 1;
        let keys = AgreedKeys::new(self.started, Instant::now());
        if let Some(store) = &self.store {
            keys.share(Arc::clone(store) as Arc<dyn Agreement>);
        }
        Arc::new(keys)
    }

    /// The newest process takes over from the one before.
    fn hand_over(&mut self) -> Option<Arc<AgreedKeys>> {
        let old = Arc::clone(self.processes.last()?);
        let new = self.start();
        new.restore(
            old.hand_over(Instant::now()),
            Duration::ZERO,
            Instant::now(),
        );
        self.processes.push(Arc::clone(&new));
        Some(old)
    }

    pub(super) fn doubled(&self) -> usize {
        let books = self.books.lock();
        books.values().filter(|places| places.len() > 1).count()
    }

    pub(super) fn booked(&self) -> usize {
        self.books.lock().len()
    }
}

/// Starts requests and lets them take their steps in random order.
pub(super) async fn run(world: &mut World, rng: &mut Rng) {
    let mut requests: Vec<(usize, Request)> = Vec::new();
    let mut handover = None;
    for _ in 0..STEPS {
        if rng.f64() < 0.2 {
            // Clients come to the newest process, and may have asked an older one before.
            let at = rng.usize(0..world.processes.len());
            let keys = Arc::clone(&world.processes[at]);
            let number = rng.u64(0..KEYS);
            let request = request(keys, number, Arc::clone(&world.books), rng.fork());
            requests.push((at, Box::pin(request)));
        }
        if rng.f64() < world.rules.dies {
            let at = rng.usize(0..world.processes.len());
            requests.retain(|(of, _)| *of != at);
            world.processes[at] = world.start();
        }
        if rng.f64() < world.rules.hands_over {
            match handover.take() {
                None => handover = world.hand_over(),
                Some(old) => {
                    let new = world.processes.last().map(Arc::clone).unwrap();
                    AgreedKeys::follow(&old, Arc::new(Successor(new)));
                }
            }
        }
        // A task that never yields is made to wait for everything.
        tokio::task::yield_now().await;
        if requests.is_empty() {
            continue;
        }
        let next = rng.usize(0..requests.len());
        let (_, request) = &mut requests[next];
        if futures_util::poll!(request).is_ready() {
            drop(requests.swap_remove(next));
        } else if rng.f64() < 0.01 {
            // Its client leaves.
            drop(requests.swap_remove(next));
        }
    }
}

/// One request, as the dispatcher handles it.
async fn request(keys: Arc<AgreedKeys>, number: u64, books: Books, mut rng: Rng) {
    let keyed = Keyed {
        hash: key(number),
        fingerprint: Fingerprint(1),
        client: 0,
    };
    let now = Instant::now().into_std();
    let mut claim = keys.table().claim(keyed, now, &LIMITS).unwrap();
    let mut refused = BTreeSet::new();
    for _ in 0..3 {
        let at_holder = if let Some(held) = claim.holder() {
            if !claim.ask_again(&held) {
                continue;
            }
            held
        } else {
            let candidate = holder(rng.u16(0..SUBSTATIONS));
            match claim.ask(&candidate) {
                Asked::Yes => candidate,
                Asked::Other => continue,
                Asked::Propose(asker) => {
                    let proposal = Proposal {
                        asker,
                        candidate,
                        ..proposal(number)
                    };
                    match keys.claim(&proposal).await {
                        Ok(Claimed::Holder(held)) => claim.agree(Arc::new(held)),
                        Ok(Claimed::Reused) | Err(_) => return claim.withdraw(),
                    }
                }
            }
        };
        let at = at_holder.address.port();
        let is_booked = !refused.contains(&at) && rng.bool();
        if is_booked {
            books.lock().entry(number).or_default().insert(at);
        }
        step().await;
        if is_booked || rng.f64() < 0.2 {
            // It was answered, or nothing is known: then it may be booked.
            return claim.bind();
        }
        refused.insert(at);
        let may_go_elsewhere = match claim.release() {
            Release::Free => true,
            Release::Held => false,
            Release::Leave(asker) => {
                let released = keys.release(keyed.hash, asker).await;
                released == Ok(Released::Free)
            }
        };
        if !may_go_elsewhere {
            return;
        }
    }
}
