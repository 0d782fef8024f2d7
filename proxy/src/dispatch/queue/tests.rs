use tokio::time::advance;

use super::*;
use crate::dispatch::capacity_forecast::Client;

const NOBODY: Client = Client {
    number: 0,
    is_named: false,
};

fn at(start: Instant, millis: u64) -> Instant {
    start + Duration::from_millis(millis)
}

fn wish<'a>(arrived: Instant, until: Instant, key: Option<u64>) -> Wish<'a> {
    Wish {
        is_traced: false,
        client: NOBODY,
        load: Load::from_micros(1),
        selection: None,
        version: 1,
        key,
        holder: None,
        arrived,
        until,
    }
}

/// Room for so many.
struct Places(usize);

impl Room<Arc<Slot>> for Places {
    fn take(&mut self, _: Load, slot: &Arc<Slot>) -> bool {
        let takes = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        if takes {
            slot.call();
        }
        takes
    }

    fn take_kept(&mut self, load: Load, slot: &Arc<Slot>) -> bool {
        self.take(load, slot)
    }

    fn largest(&mut self, _: &Arc<Slot>) -> i64 {
        i64::try_from(self.0).unwrap()
    }

    fn keep(&mut self, _: Load, _: &Arc<Slot>) -> bool {
        false
    }

    fn release(&mut self) {}
}

fn serve(queue: &Queue, places: usize) {
    queue.serve(Instant::now(), |_| Places(places), |_| None);
}

#[tokio::test(start_paused = true)]
async fn places_are_by_arrival_and_one_looks_for_room_for_all() {
    let now = Instant::now();
    let queue = Queue::new(now);
    let late = queue.join(&wish(at(now, 2), at(now, 100), None), now);
    let early = queue.join(&wish(at(now, 1), at(now, 900), None), now);
    assert!(late.is_poller() && !early.is_poller());
    assert!(matches!(late.woken().await, Woken::Poll));
    assert_eq!(now.elapsed(), POLL_INTERVAL);
    serve(&queue, 1);
    assert!(early.is_called() && !late.is_called());
    assert!(matches!(early.woken().await, Woken::Called));
    assert_eq!(queue.length(), 1);
    drop((early, late));
    assert_eq!(queue.length(), 0, "a dropped place is free");
}

#[tokio::test(start_paused = true)]
async fn when_the_one_that_looks_leaves_another_takes_over_at_once() {
    let now = Instant::now();
    let queue = Queue::new(now);
    let places =
        [1, 2, 3].map(|arrived| queue.join(&wish(at(now, arrived), at(now, 500), None), now));
    let [first, second, third] = places;
    let woken = tokio::join!(third.woken(), second.woken(), async {
        advance(Duration::from_millis(1)).await;
        assert!(first.is_poller());
        drop(first);
        tokio::task::yield_now().await;
        assert!(second.is_poller());
        serve(&queue, 2);
    });
    assert!(matches!(woken, (Woken::Called, Woken::Called, ())));
    assert_eq!(queue.length(), 0);
}

#[tokio::test(start_paused = true)]
async fn those_with_the_same_key_are_called_and_no_others() {
    let now = Instant::now();
    let queue = Queue::new(now);
    let join = |key| queue.join(&wish(now, at(now, 500), key), now);
    let [other, one, same, none] = [Some(6), Some(7), Some(7), None].map(join);
    queue.call(7);
    assert!(one.is_called() && same.is_called());
    assert!(!other.is_called() && !none.is_called());
    drop((one, same));
    queue.call(7);
    assert!(queue.waiting.lock().keyed.len() == 1);
}

#[tokio::test(start_paused = true)]
async fn no_request_waits_longer_than_its_client_or_the_configuration_or_so_that_no_time_is_left() {
    let now = Instant::now();
    let rules = config::Admission {
        queue: 1,
        timeout: Duration::from_secs(1),
    };
    let wait = |patience: Option<&'static str>, deadline: u64| {
        let name = http::HeaderName::from_static(REQUEST_TIMEOUT);
        let value = patience.map(|text| (name, http::HeaderValue::from_static(text)));
        let headers: http::HeaderMap = value.into_iter().collect();
        let usual = Duration::from_millis(100);
        let until = until(
            &rules,
            Head::Parsed(&headers),
            now,
            at(now, deadline),
            usual,
        );
        (until - now).as_millis()
    };
    assert_eq!(wait(None, 5_000), 1_000);
    assert_eq!(wait(None, 300), 200);
    assert_eq!(wait(None, 50), 0);
    assert_eq!(wait(Some("250ms"), 5_000), 250);
    assert_eq!(wait(Some("1h"), 5_000), 1_000);
    assert_eq!(wait(Some("soon"), 5_000), 1_000);
    assert_eq!(wait(Some("5124095576030431h15s1000ms"), 5_000), 1_000);
}
