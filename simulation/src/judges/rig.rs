//! Histories for the judges' tests, written as a list of what happens.
//!
//! Two substations of 100, `s0` and `s1`, polled every half a second; every charge has a load of 10. A history passes if no
//! judge at all objects to it, and fails if the named one does, first of all and in these words.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{
    event::{
        Answer, Ask, Booking, Checkpoint, Ending, Event, Loss, Probe, Release, RequestId, What,
    },
    plan::{Discovery, Fault, Feeder, Lasts, Plan, Store, SubstationPlan},
};

use super::Bench;

/// The load of every charge.
const LOAD: f64 = 10.0;

pub(super) struct Day {
    plan: Plan,
    at: Duration,
    events: Vec<Event>,
    is_keyed: bool,
    holder: Option<String>,
    metrics: String,
    held: (usize, usize, i64),
}

fn id(text: &str) -> RequestId {
    RequestId::read(text).unwrap()
}

impl Day {
    pub(super) fn new() -> Self {
        let mut plan = Plan::of(1);
        plan.proxies = vec![0];
        plan.clients.clear();
        plan.faults.clear();
        plan.substations = (0..2)
            .map(|id| SubstationPlan {
                id,
                capacity: 100.0,
                feeder: None,
                has_journal: false,
                pace: Duration::ZERO,
                reports: false,
            })
            .collect();
        plan.calm_from = Duration::from_secs(20);
        let settings = &mut plan.settings;
        settings.lasts = Lasts::Session;
        settings.discovery = Discovery::List;
        settings.feeders.clear();
        settings.store = None;
        settings.has_state_file = false;
        settings.state_interval = Duration::from_secs(5);
        settings.interval = Duration::from_millis(500);
        settings.request = Duration::from_secs(2);
        settings.drain_delay = Duration::ZERO;
        let mut day = Self {
            plan,
            at: Duration::ZERO,
            events: Vec::new(),
            is_keyed: false,
            holder: None,
            metrics: String::new(),
            held: (20, 3, 1_000_000),
        };
        day.started(0, 0, false);
        day
    }

    pub(super) fn with_store(&mut self, refuses: bool) -> &mut Self {
        self.plan.settings.store = Some(Store {
            timeout: Duration::from_millis(50),
            refuses,
        });
        self.with_proxies(2)
    }

    pub(super) fn with_proxies(&mut self, count: usize) -> &mut Self {
        self.plan.proxies = (0..count).collect();
        for proxy in 1..count {
            self.started(proxy, 0, false);
        }
        self
    }

    pub(super) fn with_files(&mut self) -> &mut Self {
        self.plan.settings.has_state_file = true;
        self
    }

    pub(super) fn with_journals(&mut self) -> &mut Self {
        for substation in &mut self.plan.substations {
            substation.has_journal = true;
        }
        self
    }

    pub(super) fn with_feeder(&mut self, capacity: f64) -> &mut Self {
        self.plan.settings.feeders = vec![Feeder {
            parent: None,
            capacity,
        }];
        for substation in &mut self.plan.substations {
            substation.feeder = Some(0);
        }
        self
    }

    /// From now on charges have keys.
    pub(super) fn keyed(&mut self) -> &mut Self {
        self.is_keyed = true;
        self
    }

    /// From now on charges name this possible holder.
    pub(super) fn holder(&mut self, holder: &str) -> &mut Self {
        self.holder = Some(holder.to_owned());
        self
    }

    fn push(&mut self, what: What) -> &mut Self {
        self.at += Duration::from_millis(1);
        let at = self.at;
        self.events.push(Event { at, what });
        self
    }

    pub(super) fn wait(&mut self, millis: u64) -> &mut Self {
        self.at += Duration::from_millis(millis);
        self
    }

    pub(super) fn until_calm(&mut self) -> &mut Self {
        self.at = self.plan.calm_from + Duration::from_secs(3);
        self
    }

    fn key(&self, id: RequestId) -> Option<String> {
        self.is_keyed
            .then(|| format!("k-c{}-{}", id.client, id.number))
    }

    pub(super) fn ask(&mut self, request: &str, proxy: usize) -> &mut Self {
        let request = id(request);
        let ask = Ask::Charge {
            key: self.key(request),
            load: LOAD,
            lasts: Duration::from_hours(1),
            holder: self.holder.clone(),
        };
        self.push(What::Asked {
            request,
            proxy,
            ask,
        })
    }

    /// The last byte of what was asked is on its way.
    pub(super) fn sent(&mut self, request: &str) -> &mut Self {
        let request = id(request);
        self.push(What::Sent { request })
    }

    pub(super) fn look(&mut self, request: &str, session: &str) -> &mut Self {
        self.push(What::Asked {
            request: id(request),
            proxy: 0,
            ask: Ask::Look {
                session: session.to_owned(),
            },
        })
    }

    pub(super) fn book(&mut self, request: &str, substation: usize, session: &str) -> &mut Self {
        let request = id(request);
        let booking = Booking {
            session: session.to_owned(),
            request: Some(request),
            key: self.key(request),
            load: LOAD,
            until: None,
            total: LOAD,
        };
        self.push(What::Booked {
            substation,
            booking,
        })
    }

    pub(super) fn release(&mut self, session: &str) -> &mut Self {
        let substation = session[1..2].parse().unwrap();
        self.push(What::Released {
            substation,
            session: session.to_owned(),
            load: LOAD,
            why: Release::Completed,
        })
    }

    /// A client is told a session, a status, or a status with `?`: it may be booked.
    pub(super) fn told(&mut self, request: &str, what: &str) -> &mut Self {
        let answer = if let Some(rest) = what.strip_prefix('s') {
            Answer {
                status: 200,
                session: Some(what.to_owned()),
                substation: Some(format!("s{}", &rest[..1])),
                ..Answer::default()
            }
        } else {
            let (status, code) = what.split_once(' ').unwrap_or((what, "some_code"));
            let (status, message) = match status.strip_suffix('?') {
                Some(status) => (status, "it may be booked"),
                None => (status, "nothing was sent: it is not booked"),
            };
            Answer {
                status: status.parse().unwrap(),
                code: Some(code.to_owned()),
                message: Some(message.to_owned()),
                ..Answer::default()
            }
        };
        self.push(What::Answered {
            request: id(request),
            answer: Box::new(answer),
        })
    }

    fn nothing(&mut self, request: &str, how: Loss) -> &mut Self {
        self.push(What::Lost {
            request: id(request),
            how,
        })
    }

    pub(super) fn lost(&mut self, request: &str) -> &mut Self {
        self.nothing(request, Loss::Closed)
    }

    pub(super) fn silence(&mut self, request: &str) -> &mut Self {
        self.nothing(request, Loss::Silent)
    }

    pub(super) fn nonsense(&mut self, request: &str) -> &mut Self {
        self.nothing(request, Loss::Malformed)
    }

    pub(super) fn fault(&mut self, id: usize, fault: Fault) -> &mut Self {
        self.push(What::FaultBegan { id, fault })
    }

    pub(super) fn mended(&mut self, id: usize) -> &mut Self {
        self.push(What::FaultEnded {
            id,
            fault: Fault::Reload,
        })
    }

    /// A substation dies and comes back; without a journal it has lost its sessions.
    pub(super) fn die(&mut self, substation: usize) -> &mut Self {
        self.push(What::SubstationDown { substation })
            .push(What::SubstationUp { substation })
    }

    pub(super) fn started(&mut self, proxy: usize, process: usize, is_upgrade: bool) -> &mut Self {
        self.push(What::Started {
            proxy,
            process,
            is_upgrade,
        })
    }

    pub(super) fn limit(&mut self, proxy: usize, name: &str, value: f64) -> &mut Self {
        self.push(What::LimitAnswered {
            proxy,
            name: name.to_owned(),
            value: Some(value),
            status: Some(200),
        })
    }

    pub(super) fn stop(&mut self, proxy: usize, process: usize) -> &mut Self {
        self.push(What::ToldToStop { proxy, process })
    }

    pub(super) fn ended(&mut self, proxy: usize, process: usize, how: Ending) -> &mut Self {
        self.push(What::Ended {
            proxy,
            process,
            how,
        })
    }

    pub(super) fn reached(&mut self, checkpoint: Checkpoint) -> &mut Self {
        self.push(What::Reached(checkpoint))
    }

    /// From now on proxies say this on their metrics pages.
    pub(super) fn metrics(&mut self, metrics: &str) -> &mut Self {
        metrics.clone_into(&mut self.metrics);
        self
    }

    /// From now on processes hold so many descriptors, threads and bytes.
    pub(super) fn holds(&mut self, descriptors: usize, threads: usize, memory: i64) -> &mut Self {
        self.held = (descriptors, threads, memory);
        self
    }

    /// Proxy 0 says of itself what is usual, but this of the substation `name`.
    pub(super) fn probe(&mut self, checkpoint: Checkpoint, name: &str, says: &Value) -> &mut Self {
        let one = |at: usize| {
            let mut one = json!({"name": format!("s{at}"), "state": "up", "current_load": 0.0, "estimated_load": 0.0,
                "unseen_load": 0.0, "in_flight": 0, "request_limit": null, "distrusted": false,
                "health": {"share": 1.0, "refuses_from": null}});
            if one["name"] == name {
                let says = says.as_object().unwrap().clone();
                one.as_object_mut().unwrap().extend(says);
            }
            one
        };
        let (descriptors, threads, memory) = self.held;
        let probe = Probe {
            status: json!({"feeders": [], "substations": [one(0), one(1)]}),
            metrics: self.metrics.clone(),
            descriptors,
            threads,
            memory,
        };
        self.push(What::Probed {
            proxy: 0,
            process: 0,
            checkpoint,
            probe: Some(Box::new(probe)),
        })
    }

    /// Proxy 0 does not answer.
    pub(super) fn silent(&mut self, checkpoint: Checkpoint) -> &mut Self {
        self.push(What::Probed {
            proxy: 0,
            process: 0,
            checkpoint,
            probe: None,
        })
    }

    fn verdict(&self) -> Option<super::Verdict> {
        let mut bench = Bench::of(&self.plan);
        self.events.iter().find_map(|event| bench.see(event))
    }

    pub(super) fn passes(&self) {
        if let Some(verdict) = self.verdict() {
            panic!("{verdict}");
        }
    }

    pub(super) fn fails(&self, judge: &str, words: &str) {
        let verdict = self.verdict().expect("no judge objects");
        assert!(
            verdict.judge == judge && verdict.words.contains(words),
            "{verdict}"
        );
    }
}
