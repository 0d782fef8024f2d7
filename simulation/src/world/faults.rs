//! The faults of a day, each in its time.

mod changes;

use std::{sync::Arc, time::Duration};

use switchyard_simulated_kernel as kernel;
use tokio::time::{sleep, sleep_until};

use super::{
    event::What,
    plan::{Fault, FaultPlan, Machine},
    proxies::Proxy,
    town::Town,
};

/// How often an operator repeats a command that was not taken.
const AGAIN: Duration = Duration::from_millis(300);
/// How often at most.
const TIMES: usize = 60;

impl Town {
    /// Lets a fault happen, from its beginning to its end.
    pub(super) async fn suffer(self: Arc<Self>, fault: FaultPlan) {
        sleep_until(self.record.moment(fault.from).into()).await;
        let FaultPlan {
            id, what, lasts, ..
        } = fault;
        let proxy = what
            .machines()
            .find_map(|machine| self.process_of(&what, machine));
        // Processes of a proxy are started and ended by one fault at a time.
        let turn = match &proxy {
            Some(proxy) => Some(proxy.turn.lock().await),
            None => None,
        };
        if let Some(proxy) = &proxy {
            proxy.grown().await;
        }
        self.record.tell(What::FaultBegan {
            id,
            fault: what.clone(),
        });
        let until = self.record.now() + lasts;
        self.begin(&what, lasts).await;
        sleep_until(self.record.moment(until).into()).await;
        self.end(&what).await;
        self.record.tell(What::FaultEnded { id, fault: what });
        drop(turn);
    }

    /// The proxy whose processes a fault starts or ends.
    fn process_of(&self, fault: &Fault, machine: Machine) -> Option<Arc<Proxy>> {
        let ends = matches!(
            fault,
            Fault::KillProxy { .. }
                | Fault::StopProxy { .. }
                | Fault::Upgrade { .. }
                | Fault::PowerCut { .. }
        );
        match machine {
            Machine::Proxy(id) if ends => self.proxy(id).cloned(),
            _ => None,
        }
    }

    async fn begin(&self, fault: &Fault, lasts: Duration) {
        self.change(fault, true);
        match *fault {
            Fault::Reset { a, b } => kernel::reset_connections(a.ip(), b.ip()),
            Fault::KillProxy { proxy } => self.each(proxy, Proxy::kill),
            Fault::StopProxy { proxy } => {
                if let Some(proxy) = self.proxy(proxy) {
                    proxy.stop().await;
                }
            }
            Fault::Upgrade { proxy, kills } => {
                if let Some(proxy) = self.proxy(proxy) {
                    proxy.upgrade(kills.map(|victim| (lasts, victim))).await;
                }
            }
            Fault::Drain { proxy, substation } => {
                self.drain(proxy, substation, true, 1).await;
            }
            Fault::Limit { proxy, on, value } => {
                self.limit(proxy, &on.name(), Some(value), 1).await;
            }
            _ => {}
        }
    }

    async fn end(&self, fault: &Fault) {
        self.change(fault, false);
        match *fault {
            Fault::KillProxy { proxy }
            | Fault::StopProxy { proxy }
            | Fault::Upgrade { proxy, .. }
            | Fault::PowerCut {
                machine: Machine::Proxy(proxy),
            } => {
                if let Some(proxy) = self.proxy(proxy) {
                    proxy.start();
                }
            }
            Fault::Drain { proxy, substation } => self.drain(proxy, substation, false, TIMES).await,
            Fault::Limit { proxy, on, .. } => self.limit(proxy, &on.name(), None, TIMES).await,
            _ => {}
        }
    }

    /// Takes back once more what operators have ordered: a proxy that was killed, or a store, may have forgotten the first
    /// time.
    pub(super) async fn tidy(&self) {
        for fault in &self.plan.faults {
            match fault.what {
                Fault::Drain { proxy, substation } => {
                    self.drain(proxy, substation, false, TIMES).await;
                }
                Fault::Limit { proxy, on, .. } => self.limit(proxy, &on.name(), None, TIMES).await,
                _ => {}
            }
        }
    }

    /// Commands until the command is taken, or so often.
    async fn drain(&self, proxy: usize, substation: usize, drain: bool, times: usize) {
        let Some(told) = self.proxy(proxy) else {
            return;
        };
        for _ in 0..times {
            let status = told.drain(&format!("s{substation}"), drain).await;
            self.record.tell(What::DrainAnswered {
                proxy,
                substation,
                drain,
                status,
            });
            // An unknown substation is not drained.
            if matches!(status, Some(200 | 400 | 404)) {
                return;
            }
            sleep(AGAIN).await;
        }
    }

    /// Sets a limit or takes it away: until the command is taken, or so often.
    async fn limit(&self, proxy: usize, name: &str, value: Option<f64>, times: usize) {
        let Some(told) = self.proxy(proxy) else {
            return;
        };
        for _ in 0..times {
            let status = told.limit(name, value).await;
            let name = name.to_owned();
            self.record.tell(What::LimitAnswered {
                proxy,
                name,
                value,
                status,
            });
            // A proxy that has forgotten it, or knows no such name, limits nothing.
            if matches!(status, Some(200 | 400 | 404)) {
                return;
            }
            sleep(AGAIN).await;
        }
    }

    pub(super) fn proxy(&self, id: usize) -> Option<&Arc<Proxy>> {
        self.proxies.iter().find(|proxy| proxy.id == id)
    }

    fn each(&self, id: usize, act: impl Fn(&Proxy)) {
        if let Some(proxy) = self.proxy(id) {
            act(proxy);
        }
    }
}
