//! The state of everything that takes part, and what can happen next.

use std::collections::BTreeSet;

use stateright::{Model, Property};

/// How the store decides that a release frees a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Release {
    /// If no asker is left, as the script does.
    #[default]
    IfNobodyAsks,
    /// Always: there is a holder, and no asker.
    Always,
    /// If it comes from the asker that claimed last: a compare-and-set of a single owner.
    ByTheLast,
}

/// The bounds of what is explored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Worlds {
    /// How often the client sends its request.
    pub(crate) requests: usize,
    /// How many proxies crash.
    pub(crate) crashes: u8,
    /// How often the store is replaced by its copy.
    pub(crate) failovers: u8,
    /// The copy has each write before its answer leaves.
    pub(crate) copies_at_once: bool,
    pub(crate) release: Release,
    /// How often a call to the store is run and stays on its way, to be run again.
    pub(crate) repeats: u8,
}

/// Never used twice.
type Asker = u8;
/// One of two.
type Substation = u8;

/// A key in the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    holder: Substation,
    /// In the order of their claims; only `ByTheLast` minds it.
    askers: Vec<Asker>,
}

/// The key in a proxy's own table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Own {
    holder: Option<Substation>,
    /// Requests between their claim and a certain end.
    asking: u8,
    asker: Option<Asker>,
    /// The holder may have booked.
    is_bound: bool,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    Claiming,
    Asking,
    Releasing,
    Ended,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Request {
    proxy: usize,
    stage: Stage,
    attempts: u8,
}

/// A call on its way to the store. `request` waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Call {
    Claim {
        request: usize,
        asker: Asker,
        candidate: Substation,
    },
    Release {
        request: usize,
        asker: Asker,
    },
}

/// See the [module](self).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    store: Option<Entry>,
    copy: Option<Entry>,
    own: [Own; 2],
    requests: Vec<Request>,
    calls: BTreeSet<Call>,
    /// On their way to a substation, each with its request.
    asks: BTreeSet<(usize, Substation)>,
    booked: [bool; 2],
    /// The substations that have held the key in the store.
    holders: BTreeSet<Substation>,
    crashes: u8,
    failovers: u8,
    repeats: u8,
    next: Asker,
}

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The client sends, and the proxy would choose this substation.
    Send { proxy: usize, candidate: Substation },
    /// The store runs a call, and its answer arrives or is lost. If the call `stays`, it is run once more some time.
    /// A release that frees the key leads to `then`.
    Run {
        call: Call,
        stays: bool,
        is_heard: bool,
        then: Substation,
    },
    /// A request arrives at a substation, which books or refuses, and its answer arrives or is lost.
    Arrive {
        request: usize,
        at: Substation,
        books: bool,
        is_heard: bool,
    },
    /// A request waits no longer.
    GiveUp { request: usize },
    /// A proxy loses all that it knows; what it has sent is on its way.
    Crash { proxy: usize },
    /// The copy has all writes.
    Copy,
    /// The copy takes over.
    FailOver,
}

impl World {
    pub(crate) fn bookings(&self) -> usize {
        self.booked.iter().filter(|booked| **booked).count()
    }

    pub(crate) fn has_moved(&self) -> bool {
        self.holders.len() == 2
    }

    /// A request looks for a substation: it asks the one that its proxy knows, or claims the key for `candidate`.
    fn begin(&mut self, request: usize, candidate: Substation) {
        let own = &mut self.own[self.requests[request].proxy];
        self.requests[request].attempts += 1;
        if !own.is_bound {
            own.asking += 1;
        }
        if let Some(holder) = own.holder {
            self.ask(request, holder);
            return;
        }
        let asker = *own.asker.get_or_insert(self.next);
        self.next = self.next.max(asker + 1);
        self.requests[request].stage = Stage::Claiming;
        let claim = Call::Claim {
            request,
            asker,
            candidate,
        };
        self.calls.insert(claim);
    }

    fn ask(&mut self, request: usize, holder: Substation) {
        self.requests[request].stage = Stage::Asking;
        self.asks.insert((request, holder));
    }

    fn run(&mut self, worlds: &Worlds, call: Call, is_heard: bool, then: Substation) {
        match call {
            Call::Claim {
                request,
                asker,
                candidate,
            } => {
                let holder = self.claim(asker, candidate);
                let is_waiting = self.requests[request].stage == Stage::Claiming;
                if is_heard && is_waiting && self.waits_as(request, asker) {
                    self.own[self.requests[request].proxy].holder = Some(holder);
                    self.ask(request, holder);
                }
            }
            Call::Release { request, asker } => {
                let is_free = self.release(worlds.release, asker);
                let is_waiting = self.requests[request].stage == Stage::Releasing;
                if is_heard && is_waiting {
                    if is_free && self.requests[request].attempts < 2 {
                        self.begin(request, then);
                    } else {
                        self.requests[request].stage = Stage::Ended;
                    }
                }
            }
        }
        if worlds.copies_at_once {
            self.copy = self.store.clone();
        }
    }

    /// Whether the request's proxy claims as this asker now: an answer to an earlier claim is not taken for a later one.
    fn waits_as(&self, request: usize, asker: Asker) -> bool {
        self.own[self.requests[request].proxy].asker == Some(asker)
    }

    /// As claim.lua.
    fn claim(&mut self, asker: Asker, candidate: Substation) -> Substation {
        let entry = self.store.get_or_insert(Entry {
            holder: candidate,
            askers: Vec::new(),
        });
        if !entry.askers.contains(&asker) {
            entry.askers.push(asker);
        }
        self.holders.insert(entry.holder);
        entry.holder
    }

    /// As release.lua.
    fn release(&mut self, how: Release, asker: Asker) -> bool {
        let Some(entry) = &mut self.store else {
            return true;
        };
        let is_last = entry.askers.last() == Some(&asker);
        entry.askers.retain(|other| *other != asker);
        let is_free = match how {
            Release::IfNobodyAsks => entry.askers.is_empty(),
            Release::Always => true,
            Release::ByTheLast => is_last,
        };
        if is_free {
            self.store = None;
        }
        is_free
    }

    fn arrive(&mut self, request: usize, at: Substation, books: bool, is_heard: bool) {
        self.asks.remove(&(request, at));
        // It knows its own sessions: a repetition is answered with the first one.
        self.booked[usize::from(at)] |= books;
        if !is_heard || self.requests[request].stage != Stage::Asking {
            return;
        }
        let own = &mut self.own[self.requests[request].proxy];
        if books {
            own.is_bound = true;
            self.requests[request].stage = Stage::Ended;
            return;
        }
        if own.is_bound {
            self.requests[request].stage = Stage::Ended;
            return;
        }
        own.asking -= 1;
        let asker = own.asker.filter(|_| own.asking == 0);
        if let Some(asker) = asker {
            *own = Own::default();
            self.requests[request].stage = Stage::Releasing;
            self.calls.insert(Call::Release { request, asker });
        } else {
            self.requests[request].stage = Stage::Ended;
        }
    }

    fn give_up(&mut self, request: usize) {
        let own = &mut self.own[self.requests[request].proxy];
        match self.requests[request].stage {
            // Nothing was sent, but the store may have heard the claim.
            Stage::Claiming => {
                if !own.is_bound {
                    own.asking -= 1;
                    if own.asking == 0 {
                        *own = Own::default();
                    }
                }
            }
            Stage::Asking => own.is_bound = true,
            Stage::Releasing | Stage::Ended => {}
        }
        self.requests[request].stage = Stage::Ended;
    }

    fn crash(&mut self, proxy: usize) {
        self.crashes -= 1;
        self.own[proxy] = Own::default();
        for request in &mut self.requests {
            if request.proxy == proxy {
                request.stage = Stage::Ended;
            }
        }
    }
}

impl Model for Worlds {
    type State = World;
    type Action = Event;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            store: None,
            copy: None,
            own: Default::default(),
            requests: Vec::new(),
            calls: BTreeSet::new(),
            asks: BTreeSet::new(),
            booked: [false; 2],
            holders: BTreeSet::new(),
            crashes: self.crashes,
            failovers: self.failovers,
            repeats: self.repeats,
            next: 1,
        }]
    }

    fn actions(&self, world: &World, events: &mut Vec<Event>) {
        let both = [false, true];
        // Both proxies are alike, and both substations: the first request is of the first.
        let alike = if world.requests.is_empty() { 1 } else { 2 };
        if world.requests.len() < self.requests {
            for proxy in 0..alike {
                for candidate in (0..2).take(alike) {
                    events.push(Event::Send { proxy, candidate });
                }
            }
        }
        for call in world.calls.iter().copied() {
            // A release that is heard may lead to another choice.
            let choices = if matches!(call, Call::Release { .. }) {
                2
            } else {
                1
            };
            for stays in both.into_iter().take(1 + usize::from(world.repeats > 0)) {
                events.extend((0..choices).map(|then| Event::Run {
                    call,
                    stays,
                    is_heard: true,
                    then,
                }));
                events.push(Event::Run {
                    call,
                    stays,
                    is_heard: false,
                    then: 0,
                });
            }
        }
        for (request, at) in world.asks.iter().copied() {
            events.extend(both.map(|is_heard| Event::Arrive {
                request,
                at,
                books: true,
                is_heard,
            }));
            // A refusal that is not heard is as good as none.
            if !world.booked[usize::from(at)] {
                events.push(Event::Arrive {
                    request,
                    at,
                    books: false,
                    is_heard: true,
                });
            }
        }
        for (request, known) in world.requests.iter().enumerate() {
            if known.stage != Stage::Ended {
                events.push(Event::GiveUp { request });
            }
        }
        if world.crashes > 0 {
            events.extend([0, 1].map(|proxy| Event::Crash { proxy }));
        }
        if world.failovers > 0 && world.copy != world.store {
            events.push(Event::Copy);
        }
        if world.failovers > 0 {
            events.push(Event::FailOver);
        }
    }

    fn next_state(&self, world: &World, event: Event) -> Option<World> {
        let mut next = world.clone();
        match event {
            Event::Send { proxy, candidate } => {
                next.requests.push(Request {
                    proxy,
                    stage: Stage::Claiming,
                    attempts: 0,
                });
                next.begin(next.requests.len() - 1, candidate);
            }
            Event::Run {
                call,
                stays,
                is_heard,
                then,
            } => {
                if stays {
                    next.repeats -= 1;
                } else {
                    next.calls.remove(&call);
                }
                next.run(self, call, is_heard, then);
            }
            Event::Arrive {
                request,
                at,
                books,
                is_heard,
            } => {
                next.arrive(request, at, books, is_heard);
            }
            Event::GiveUp { request } => next.give_up(request),
            Event::Crash { proxy } => next.crash(proxy),
            Event::Copy => next.copy.clone_from(&next.store),
            Event::FailOver => {
                next.failovers -= 1;
                next.store.clone_from(&next.copy);
            }
        }
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        super::properties()
    }
}
