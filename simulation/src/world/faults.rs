//! The faults of a day, each in its time.

use std::{sync::Arc, time::Duration};

use switchyard_simulated_kernel::{self as kernel, Link};
use tokio::time::{sleep, sleep_until};

use super::{
    event::What,
    plan::{Discovery, Fault, FaultPlan, Machine},
    proxies::{self, Proxy},
    town::{Town, link, lock},
};

/// How much longer a poll takes while the configuration is replaced.
const LONGER: Duration = Duration::from_millis(100);
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
            Fault::KillProxy { proxy } => self.each(proxy, |proxy| proxy.kill()),
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
            _ => {}
        }
    }

    async fn end(&self, fault: &Fault) {
        self.change(fault, false);
        match *fault {
            Fault::KillProxy { proxy }
            | Fault::StopProxy { proxy }
            | Fault::Upgrade { proxy, .. } => {
                if let Some(proxy) = self.proxy(proxy) {
                    proxy.start();
                }
            }
            Fault::PowerCut {
                machine: Machine::Proxy(proxy),
            } => {
                if let Some(proxy) = self.proxy(proxy) {
                    proxy.start();
                }
            }
            Fault::Drain { proxy, substation } => self.drain(proxy, substation, false, TIMES).await,
            _ => {}
        }
    }

    /// What is done at once, and undone at once.
    fn change(&self, fault: &Fault, begins: bool) {
        for machine in fault.machines() {
            if let Machine::Substation(id) = machine {
                self.substations
                    .iter()
                    .filter(|substation| substation.id() == id)
                    .for_each(|substation| {
                        substation.behave(|manners| manners.follow(fault, begins))
                    });
            }
        }
        if let Some(store) = &self.store {
            store.follow(fault, begins);
        }
        let usual = link(&self.plan);
        match *fault {
            Fault::Dies { substation } => self.run_substation(substation, !begins),
            Fault::Cut { from, to } => way(
                from,
                to,
                begins.then_some(Link {
                    is_cut: true,
                    ..usual
                }),
            ),
            Fault::Loss { a, b, share } => both(
                a,
                b,
                begins.then_some(Link {
                    loss: share,
                    ..usual
                }),
            ),
            Fault::Delay { a, b, by } => {
                let delay = usual.delay + by;
                both(a, b, begins.then_some(Link { delay, ..usual }));
            }
            Fault::PowerCut { machine } => self.power(machine, !begins),
            Fault::Reload => {
                for proxy in &self.proxies {
                    // A full disk is no fault that is simulated.
                    let _ = proxy.configure(if begins { LONGER } else { Duration::ZERO });
                }
            }
            Fault::ClockJump { proxy, by } => {
                let size = Duration::from_millis(if begins { by.unsigned_abs() } else { 0 });
                self.each(proxy, |proxy| proxy.set_wall_offset(size, by < 0));
            }
            Fault::Unlisted { substation } => self.unlist(&[substation], begins),
            Fault::NothingListed => {
                let all: Vec<_> = self
                    .plan
                    .substations
                    .iter()
                    .map(|substation| substation.id)
                    .collect();
                self.unlist(&all, begins);
            }
            _ => {}
        }
    }

    fn unlist(&self, substations: &[usize], begins: bool) {
        let mut unlisted = lock(&self.unlisted);
        unlisted.retain(|id| !substations.contains(id));
        if begins {
            unlisted.extend_from_slice(substations);
        }
        drop(unlisted);
        if self.plan.settings.discovery == Discovery::Names {
            for &id in substations {
                let address = (!begins).then(|| Machine::Substation(id).ip());
                kernel::set_name(&proxies::host(id), address.into_iter().collect());
            }
        }
        let _ = self.list();
    }

    fn power(&self, machine: Machine, is_on: bool) {
        if is_on {
            kernel::reappear(machine.ip());
        } else {
            kernel::vanish(machine.ip());
        }
        match machine {
            Machine::Substation(id) => self.run_substation(id, is_on),
            Machine::Proxy(id) if !is_on => self.each(id, |proxy| proxy.kill()),
            Machine::Store => {
                if let Some(store) = &self.store {
                    if is_on {
                        store.restart()
                    } else {
                        store.kill(Duration::ZERO)
                    }
                }
            }
            _ => {}
        }
    }

    fn run_substation(&self, id: usize, runs: bool) {
        for substation in self
            .substations
            .iter()
            .filter(|substation| substation.id() == id)
        {
            if runs {
                substation.restart()
            } else {
                substation.kill()
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

    pub(super) fn proxy(&self, id: usize) -> Option<&Arc<Proxy>> {
        self.proxies.iter().find(|proxy| proxy.id == id)
    }

    fn each(&self, id: usize, act: impl Fn(&Proxy)) {
        if let Some(proxy) = self.proxy(id) {
            act(proxy);
        }
    }
}

fn way(from: Machine, to: Machine, link: Option<Link>) {
    kernel::set_link(from.ip(), to.ip(), link);
}

fn both(a: Machine, b: Machine, link: Option<Link>) {
    way(a, b, link);
    way(b, a, link);
}
