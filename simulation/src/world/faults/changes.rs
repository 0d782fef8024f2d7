//! Faults that begin and end at once: of links, power, lists, clocks and the manners of substations.

use std::time::Duration;

use switchyard_simulated_kernel::{self as kernel, Link};

use super::super::{
    plan::{Discovery, Fault, Machine},
    proxies::{self, Proxy},
    town::{Town, link, lock},
};

/// How much longer a poll takes while the configuration is replaced.
const LONGER: Duration = Duration::from_millis(100);

impl Town {
    /// What is done at once, and undone at once.
    pub(super) fn change(&self, fault: &Fault, begins: bool) {
        for machine in fault.machines() {
            if let Machine::Substation(id) = machine {
                self.substations
                    .iter()
                    .filter(|substation| substation.id() == id)
                    .for_each(|substation| {
                        substation.behave(|manners| manners.follow(fault, begins));
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
            Machine::Proxy(id) if !is_on => self.each(id, Proxy::kill),
            Machine::Store => {
                if let Some(store) = &self.store {
                    if is_on {
                        store.restart();
                    } else {
                        store.kill(Duration::ZERO);
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
                substation.restart();
            } else {
                substation.kill();
            }
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
