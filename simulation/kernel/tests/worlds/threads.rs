//! Threads, time and randomness.

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, mpsc},
    thread,
    time::{Duration, Instant, SystemTime},
};

use crate::rig::{block_on, world};

#[test]
fn an_hour_of_sleep_takes_no_time_and_clocks_agree() {
    let started = Instant::now();
    world(1, |_| {
        let (monotonic, wall) = (Instant::now(), SystemTime::now());
        thread::sleep(Duration::from_hours(1));
        block_on(tokio::time::sleep(Duration::from_hours(1)));
        for elapsed in [monotonic.elapsed(), wall.elapsed().unwrap()] {
            assert!(elapsed >= Duration::from_hours(2), "{elapsed:?}");
            assert!(elapsed < Duration::from_millis(7_200_100), "{elapsed:?}");
        }
    });
    assert!(started.elapsed() < Duration::from_mins(1));
}

/// Threads that meet in all the ways of the standard library and tokio.
fn meet(log: &crate::rig::Log) {
    let order = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
    let threads: Vec<_> = (0..6)
        .map(|at| {
            let (order, log) = (Arc::clone(&order), log.clone());
            thread::spawn(move || {
                let mut known: HashMap<u64, u64> = (0..50).map(|key| (key, at)).collect();
                known.remove(&at);
                let first = known.keys().next().copied();
                thread::sleep(Duration::from_millis(at % 2));
                order.0.lock().unwrap().push(at);
                order.1.notify_all();
                log.line(&format!("{at} {first:?} {:?}", thread::current().id()));
            })
        })
        .collect();
    let mut met = order.0.lock().unwrap();
    while met.len() < 6 {
        let (next, late) = order.1.wait_timeout(met, Duration::from_secs(1)).unwrap();
        assert!(!late.timed_out());
        met = next;
    }
    drop(met);
    for thread in threads {
        thread.join().unwrap();
    }
    let (sender, receiver) = mpsc::channel();
    block_on(async {
        for at in 0..4 {
            let sender = sender.clone();
            tokio::task::spawn_blocking(move || sender.send(at).unwrap());
        }
        tokio::task::spawn_blocking(move || {
            let all: Vec<_> = (0..4).map(|_| receiver.recv().unwrap()).collect();
            log_all(&all)
        })
        .await
        .unwrap()
        .into_iter()
        .for_each(|line| log.line(&line));
    });
}

fn log_all(all: &[u64]) -> Vec<String> {
    all.iter().map(|at| format!("blocking {at}")).collect()
}

#[test]
fn the_same_seed_gives_the_same_order_and_another_seed_another() {
    let first = world(7, meet);
    assert_eq!(first, world(7, meet));
    let others: Vec<_> = (8..16).map(|seed| world(seed, meet)).collect();
    assert!(others.iter().any(|other| *other != first), "{first}");
    let order = |log: &str| {
        log.lines()
            .map(|line| line.split(' ').nth(1).unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(
        others.iter().any(|other| order(other) != order(&first)),
        "{first}"
    );
}
