//! What a claim costs. Run alone, on an idle machine:
//!
//! `cargo test --release -p switchyard-fleet --test store -- --ignored --nocapture cost`

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use switchyard_faults::RedisServer;
use switchyard_fleet::StoreState;
use tokio::{
    runtime::Builder,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::support::Kept;

/// How long each load lasts.
const LASTS: Duration = Duration::from_secs(3);
/// Threads that call, as the proxy's workers do, each with a connection to itself.
const WORKERS: usize = 2;

#[test]
#[ignore = "measures, and takes half a minute"]
fn cost_of_a_claim() {
    for (callers, pace) in [
        (2, None),
        (64, None),
        (512, None),
        (64, Some(Duration::from_millis(64))),
        (64, Some(Duration::from_millis(16))),
        (64, Some(Duration::from_millis(4))),
    ] {
        measure(callers, pace);
    }
}

/// One load: how many callers there are, and how often each calls (`None`: again at once).
fn measure(callers: usize, pace: Option<Duration>) {
    let server = RedisServer::start();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let kept = runtime.block_on(async {
        let kept = Kept::at(&server.store());
        kept.until(StoreState::Up).await;
        Arc::new(kept)
    });
    let before = cpu_of_store(&server);
    let keys = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let threads: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (kept, keys) = (Arc::clone(&kept), Arc::clone(&keys));
            thread::spawn(move || work(&kept, &keys, callers / WORKERS, pace))
        })
        .collect();
    let mut times: Vec<Duration> = threads
        .into_iter()
        .flat_map(|t| t.join().unwrap())
        .collect();
    let rate = times.len() as f64 / began.elapsed().as_secs_f64();
    let cpu = (cpu_of_store(&server) - before) * 1e6 / times.len() as f64;
    times.sort_unstable();
    let at = |share: f64| times[(times.len() as f64 * share) as usize].as_secs_f64() * 1e3;
    let pace = pace.map_or("again at once".to_owned(), |pace| format!("each {pace:?}"));
    println!(
        "{callers} callers, {pace}: {rate:.0} claims/s, p50 {:.3} ms, p99 {:.3} ms, {cpu:.1} µs of the store's CPU a claim",
        at(0.5),
        at(0.99),
    );
}

/// What one thread does: how long each claim took.
fn work(
    kept: &Arc<Kept>,
    keys: &Arc<AtomicU64>,
    callers: usize,
    pace: Option<Duration>,
) -> Vec<Duration> {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        kept.store.attach();
        let callers: Vec<_> = (0..callers)
            .map(|at| {
                let (kept, keys) = (Arc::clone(kept), Arc::clone(keys));
                tokio::spawn(async move {
                    let mut times = Vec::new();
                    let mut ticks = interval(pace.unwrap_or(Duration::from_millis(100)));
                    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                    sleep(pace.unwrap_or_default().mul_f64(at as f64 / callers as f64)).await;
                    ticks.reset();
                    let end = Instant::now() + LASTS;
                    while Instant::now() < end {
                        if pace.is_some() {
                            ticks.tick().await;
                        }
                        let key = keys.fetch_add(1, Ordering::Relaxed).to_string();
                        let asker = kept.asker();
                        let began = Instant::now();
                        kept.claim(&key, asker, "substation-1").await.unwrap();
                        times.push(began.elapsed());
                    }
                    times
                })
            })
            .collect();
        let mut times = Vec::new();
        for caller in callers {
            times.extend(caller.await.unwrap());
        }
        times
    })
}

/// In seconds.
fn cpu_of_store(server: &RedisServer) -> f64 {
    let told = server.ask(["info", "cpu"]);
    let used = |name: &str| -> f64 {
        let line = told.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().parse().unwrap()
    };
    used("used_cpu_user:") + used("used_cpu_sys:")
}
