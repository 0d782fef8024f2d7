//! All that takes part in a day, started.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use switchyard_simulated_kernel::{self as kernel, Link, Node};
use tokio::runtime::{Builder, Runtime};

use super::{
    clients::{self, Memory, Street},
    plan::{Discovery, Machine, Plan},
    proxies::{self, Proxy},
    record::Record,
    store::{self, Store},
    substations::{self, Substation},
};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Town {
    pub(super) plan: Arc<Plan>,
    pub(super) record: Record,
    pub(super) proxies: Vec<Arc<Proxy>>,
    pub(super) substations: Vec<Arc<Substation>>,
    pub(super) store: Option<Arc<Store>>,
    /// The substations that are not listed now.
    pub(super) unlisted: Mutex<Vec<usize>>,
    folder: PathBuf,
    /// Whether clients stop.
    pub(super) is_over: Arc<AtomicBool>,
    clients: Mutex<Option<Node>>,
    /// What clients remember that have stopped.
    memories: Arc<Mutex<Vec<Memory>>>,
}

/// How long a client waits for an answer beyond what a proxy may take: a judge sees what is late.
const PATIENCE: Duration = Duration::from_secs(3);

impl Town {
    /// Everything but the clients, in `folder`.
    pub(super) fn start(plan: Arc<Plan>, record: Record, folder: &Path) -> io::Result<Arc<Self>> {
        kernel::set_default_link(link(&plan));
        if plan.settings.discovery == Discovery::Names {
            for substation in &plan.substations {
                let ip = Machine::Substation(substation.id).ip();
                kernel::set_name(&proxies::host(substation.id), vec![ip]);
            }
        }
        fs::write(
            folder.join("targets.json"),
            proxies::targets(&plan, |_| true),
        )?;
        let substations: Vec<_> = plan
            .substations
            .iter()
            .map(|substation| {
                let address = (Machine::Substation(substation.id).ip(), substations::PORT).into();
                Substation::new(
                    substation.clone(),
                    plan.settings.lasts,
                    address,
                    plan.seed,
                    record.clone(),
                )
            })
            .collect();
        let store = plan.settings.store.map(|_| {
            let address = (Machine::Store.ip(), store::PORT).into();
            Store::new(address, record.clone())
        });
        let proxies: io::Result<Vec<_>> = plan
            .proxies
            .iter()
            .map(|&id| Proxy::new(id, Arc::clone(&plan), record.clone(), folder))
            .collect();
        let town = Arc::new(Self {
            plan,
            record,
            proxies: proxies?,
            substations,
            store,
            unlisted: Mutex::default(),
            folder: folder.to_owned(),
            is_over: Arc::default(),
            clients: Mutex::default(),
            memories: Arc::default(),
        });
        town.start_actors();
        town.proxies.iter().for_each(Proxy::start);
        Ok(town)
    }

    fn start_actors(&self) {
        let substations = self.substations.clone();
        let store = self.store.clone();
        Node::start("actors", Machine::Substation(0).ip(), move || {
            let Ok(runtime) = runtime() else { return };
            runtime.block_on(async {
                for substation in substations {
                    tokio::spawn(substations::serve(substation));
                }
                if let Some(store) = store {
                    tokio::spawn(store::serve(store));
                }
                std::future::pending::<()>().await;
            });
        });
    }

    fn street(&self) -> Arc<Street> {
        Arc::new(Street {
            proxies: self
                .proxies
                .iter()
                .map(|proxy| (proxy.id, proxy.charges()))
                .collect(),
            seed: self.plan.seed,
            record: self.record.clone(),
            is_over: Arc::clone(&self.is_over),
            patience: self.plan.settings.deadline() + PATIENCE,
            has_machines: true,
        })
    }

    /// Lets the clients begin.
    pub(super) fn open(&self) {
        let (street, memories) = (self.street(), Arc::clone(&self.memories));
        let clients = self.plan.clients.clone();
        let node = Node::start("clients", Machine::Client(0).ip(), move || {
            let Ok(runtime) = runtime() else { return };
            runtime.block_on(async {
                let all: Vec<_> = clients
                    .into_iter()
                    .map(|client| tokio::spawn(clients::run(client, Arc::clone(&street))))
                    .collect();
                for client in all {
                    if let Ok(memory) = client.await {
                        lock(&memories).push(memory);
                    }
                }
            });
        });
        *lock(&self.clients) = Some(node);
    }

    /// Lets the clients stop, and waits until they have.
    pub(super) async fn close(&self) {
        self.is_over.store(true, SeqCst);
        let clients = *lock(&self.clients);
        if let Some(clients) = clients {
            ended(clients).await;
        }
    }

    /// Lets the clients come back with some of their keys, and waits until they have their answers.
    pub(super) async fn come_back(&self) {
        let (street, memories) = (self.street(), std::mem::take(&mut *lock(&self.memories)));
        let clients = Node::start("clients", Machine::Client(0).ip(), move || {
            let Ok(runtime) = runtime() else { return };
            runtime.block_on(async {
                let all: Vec<_> = memories
                    .into_iter()
                    .map(|memory| {
                        let street = Arc::clone(&street);
                        tokio::spawn(async move { clients::again(memory, &street).await })
                    })
                    .collect();
                for client in all {
                    let _ = client.await;
                }
            });
        });
        ended(clients).await;
    }

    /// Writes the targets that are listed now.
    pub(super) fn list(&self) -> io::Result<()> {
        let unlisted = lock(&self.unlisted).clone();
        let text = proxies::targets(&self.plan, |id| !unlisted.contains(&id));
        proxies::write(&self.folder.join("targets.json"), &text)
    }
}

async fn ended(node: Node) {
    while !node.has_ended() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How packets travel without a fault.
pub(super) fn link(plan: &Plan) -> Link {
    Link {
        delay: plan.link.delay,
        jitter: plan.link.jitter,
        ..Link::default()
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// The value of a lock that no panic leaves broken.
pub(super) fn lock<T>(lock: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
