//! What each test runs in many orders. They are here and not in the tests because the files are private modules.

#![expect(clippy::missing_panics_doc, reason = "a test panics where it fails")]

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Poll,
    time::Duration,
};

use shuttle::{
    future::block_on,
    sync::Barrier,
    thread::{self, JoinHandle},
};

use crate::{
    bucket::{Allowance, Bucket},
    buffered::{Buffered, FREE},
    in_flight::InFlight,
    shared::{Move, Shared},
    swap::Swap,
    sync::Mutex,
};

fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    for thread in threads {
        assert!(thread.join().is_ok(), "a thread has failed");
    }
}

/// Holds a guard until it is told to go on.
type Guard = fn(&Arc<InFlight>, &dyn Fn());

/// A drain that waits for all kinds of guards ends, and not before the last of them is dropped, whichever that is.
pub fn a_drain_ends_with_the_last_guard() {
    let in_flight = Arc::new(InFlight::default());
    let open = Arc::new(AtomicUsize::new(3));
    // What a drain has to wait for is counted before it begins.
    let all_are_counted = Arc::new(Barrier::new(4));
    let guards: [Guard; 3] = [
        |in_flight, until| {
            let _guard = in_flight.connection(9);
            until();
        },
        |in_flight, until| {
            let _guard = in_flight.request();
            until();
        },
        |in_flight, until| {
            let _guard = in_flight.graceful();
            until();
        },
    ];
    let closing = guards.map(|guard| {
        let (in_flight, open) = (Arc::clone(&in_flight), Arc::clone(&open));
        let all_are_counted = Arc::clone(&all_are_counted);
        thread::spawn(move || {
            guard(&in_flight, &|| {
                all_are_counted.wait();
                open.fetch_sub(1, SeqCst);
            });
        })
    });
    all_are_counted.wait();
    in_flight.drain_connections();
    block_on(in_flight.drained());
    assert_eq!(open.load(SeqCst), 0, "guards are open");
    join(closing);
    assert_eq!((in_flight.requests(), in_flight.connections()), (0, 0));
}

/// A drain that waits for connections, and is then told not to, ends at once whatever is open.
pub fn a_drain_that_is_called_off_ends() {
    let in_flight = Arc::new(InFlight::default());
    let open = in_flight.connection(9);
    let calling_off = {
        let in_flight = Arc::clone(&in_flight);
        thread::spawn(move || in_flight.drain())
    };
    in_flight.drain_connections();
    // Where the call came first, it is repeated, as the deadline of a stop does.
    let again = {
        let in_flight = Arc::clone(&in_flight);
        thread::spawn(move || {
            join([calling_off]);
            in_flight.drain();
        })
    };
    block_on(in_flight.drained());
    join([again]);
    drop(open);
}

/// Of a limit of connections no thread gets more, and one that is refused takes no place for that moment.
pub fn a_refused_connection_takes_no_place_from_another() {
    let in_flight = Arc::new(InFlight::default());
    // Of two places one is taken. If the other thread gets none, the second place is this one's.
    let first = in_flight.connection(2);
    let other = {
        let in_flight = Arc::clone(&in_flight);
        thread::spawn(move || in_flight.connection(2).is_some())
    };
    let own = [(), ()].map(|()| in_flight.connection(2).is_some());
    let was_other = other.join().is_ok_and(|had_a_place| had_a_place);
    assert!(was_other || own == [true; 2], "there was a place: {own:?}");
    drop(first);
    assert_eq!(in_flight.connections(), 0);
}

/// Requests that wait for their clients while others come: no request is taken for one too many or one too few.
pub fn no_request_at_work_is_left_out_of_the_count() {
    const MOST: usize = 1;
    let in_flight = Arc::new(InFlight::default());
    let waiting = (0..2).map(|_| {
        let in_flight = Arc::clone(&in_flight);
        thread::spawn(move || {
            let mut request = in_flight.request();
            let mut is_first = true;
            let work = pin!(poll_fn(|context| {
                if std::mem::take(&mut is_first) {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(())
            }));
            block_on(request.on_client(MOST, work));
        })
    });
    let waiting: Vec<_> = waiting.collect();
    let own = in_flight.request();
    assert!(in_flight.at_work() >= 1, "it is at work itself");
    let last = in_flight.request();
    assert!(
        last.nth() >= 2,
        "both are at work, and only one other may wait"
    );
    drop((own, last));
    join(waiting);
    assert_eq!((in_flight.requests(), in_flight.at_work()), (0, 0));
}

/// A request that finds no room for its bytes takes none from another that fits.
pub fn a_refused_buffer_takes_no_room_from_another() {
    const LIMIT: usize = 10_000;
    let all = Arc::new(Buffered::default());
    let large = {
        let mut share = all.share(LIMIT);
        thread::spawn(move || assert!(share.hold(FREE + LIMIT + 1).is_err(), "never fits"))
    };
    let mut share = all.share(LIMIT);
    assert!(share.hold(FREE + LIMIT).is_ok(), "there is room for it");
    let mut moved = share.take();
    assert!(moved.hold(FREE).is_ok(), "it shrinks");
    drop((share, moved));
    join([large]);
    assert!(all.share(LIMIT).hold(FREE + LIMIT).is_ok(), "all is back");
}

/// A bucket lets its burst pass, and not one more.
pub fn a_bucket_lets_its_burst_pass() {
    let bucket = Arc::new(Bucket::default());
    let passed = Arc::new(AtomicUsize::new(0));
    let threads = (0..3).map(|_| {
        let (bucket, passed) = (Arc::clone(&bucket), Arc::clone(&passed));
        thread::spawn(move || {
            let two = Allowance::new(2, Duration::from_secs(1), Some(2));
            if bucket.take(two, Duration::from_secs(9)).is_ok() {
                passed.fetch_add(1, SeqCst);
            }
        })
    });
    join(threads.collect::<Vec<_>>());
    assert_eq!(passed.load(SeqCst), 2);
}

/// Changes at once each build on the one before, and no reader sees an older value after a newer one.
pub fn changes_of_what_is_in_force_come_one_after_the_other() {
    let swap = Arc::new(Swap::<usize, usize>::new(0));
    let changes = (0..2).map(|_| {
        let swap = Arc::clone(&swap);
        thread::spawn(move || {
            let (mut kept, before) = swap.change();
            *kept += 1;
            swap.publish(&kept, *before + 1);
        })
    });
    let changes: Vec<_> = changes.collect();
    let mut last = 0;
    for _ in 0..3 {
        let now = **swap.now();
        assert!(now >= last, "{now} after {last}");
        last = now;
    }
    join(changes);
    assert_eq!(*swap.get(), 2, "a change is lost");
}

/// The thread of the access log sleeps until a line comes, and misses none, also of those that came before it was known.
pub fn no_line_of_the_access_log_waits_for_ever() {
    const LINES: usize = 3;
    let shared = Arc::new(Shared::new(crate::AccessLogMetrics));
    let buffer = Arc::new(Mutex::new(0));
    let worker = {
        let (shared, buffer) = (Arc::clone(&shared), Arc::clone(&buffer));
        thread::spawn(move || {
            for _ in 0..LINES {
                let before = {
                    let mut lines = buffer.lock();
                    *lines += 1;
                    *lines - 1
                };
                if before == 0 {
                    shared.has_lines();
                }
            }
        })
    };
    let writer = {
        let (shared, buffer) = (Arc::clone(&shared), Arc::clone(&buffer));
        thread::spawn(move || {
            let mut written = 0;
            let mut is_told = false;
            while written < LINES || !is_told {
                shared.wait();
                is_told |= shared.awake();
                written += std::mem::take(&mut *buffer.lock());
            }
        })
    };
    assert!(shared.writer.set(writer.thread().clone()).is_ok());
    shared.orders.lock().output = Some(Move::Nowhere);
    shared.is_ordered.store(true, SeqCst);
    shared.wake();
    join([worker, writer]);
}
