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
    time::{MissedTickBehavior, interval},
};

use crate::support::{Kept, fleet};

/// How long each load lasts.
const LASTS: Duration = Duration::from_secs(3);
/// Threads that call, as the proxy's workers do.
const WORKERS: usize = 2;

/// One run: how many callers there are, how often each calls (`None`: again at once), and whether each thread has a
/// connection to itself.
fn measure(callers: usize, pace: Option<Duration>, a_lane: bool) {
    let server = RedisServer::start();
    let address = server.store();
    let keys = Arc::new(AtomicU64::new(0));
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let shared = runtime.block_on(async {
        let kept = Kept::with(&fleet(&address));
        kept.until(StoreState::Up).await;
        Arc::new(kept)
    });
    let began = Instant::now();
    let threads: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (address, keys, shared) = (address.clone(), Arc::clone(&keys), Arc::clone(&shared));
            thread::spawn(move || {
                let runtime = Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let kept = if a_lane {
                        let own = Kept::with(&fleet(&address));
                        own.until(StoreState::Up).await;
                        Arc::new(own)
                    } else {
                        shared
                    };
                    let callers = (0..callers / WORKERS).map(|at| {
                        let (keys, kept) = (Arc::clone(&keys), Arc::clone(&kept));
                        tokio::spawn(async move {
                            let mut times = Vec::new();
                            let mut ticks = interval(pace.unwrap_or(Duration::from_secs(1)));
                            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                            if let Some(pace) = pace {
                                tokio::time::sleep(pace.mul_f64(at as f64 / 64.0)).await;
                                ticks.reset();
                            }
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
                    });
                    let callers: Vec<_> = callers.collect();
                    let mut times = Vec::new();
                    for caller in callers {
                        times.extend(caller.await.unwrap());
                    }
                    times
                })
            })
        })
        .collect();
    let mut times: Vec<Duration> = threads
        .into_iter()
        .flat_map(|t| t.join().unwrap())
        .collect();
    let rate = times.len() as f64 / began.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| times[(times.len() as f64 * share) as usize].as_secs_f64() * 1e3;
    let cpu = server.ask(["info", "cpu"]);
    let used = |name: &str| -> f64 {
        let line = cpu
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        line.trim().parse().unwrap()
    };
    let cpu = used("used_cpu_user:") + used("used_cpu_sys:");
    println!(
        "{callers} callers, {}, a connection for {}: {rate:.0} claims/s, p50 {:.3} ms, p99 {:.3} ms; the store took {:.1} µs of CPU a claim",
        pace.map_or("as fast as they can".to_owned(), |pace| format!(
            "every {pace:?}"
        )),
        if a_lane { "each thread" } else { "the process" },
        at(0.5),
        at(0.99),
        cpu * 1e6 / times.len() as f64,
    );
    let _entered = runtime.enter();
    drop(shared);
}

#[test]
#[ignore = "measures, and takes a minute"]
fn cost_of_a_claim() {
    for a_lane in [false, true] {
        for (callers, pace) in [
            (2, None),
            (64, None),
            (512, None),
            (64, Some(Duration::from_millis(32))),
            (64, Some(Duration::from_millis(8))),
        ] {
            measure(callers, pace, a_lane);
        }
    }
}
