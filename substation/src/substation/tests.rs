use super::*;
use crate::units::Energy;

fn demand(kw: f64) -> Demand {
    Demand {
        power: Power::from_kw(kw).unwrap(),
        energy: Energy::from_kwh(kw).unwrap(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_after_its_hour_also_if_the_book_is_not_read() {
    let substation = Substation::new(Config::new("s", 100.0)).unwrap();
    substation
        .charge(demand(11.0), ChargeContext::default())
        .unwrap();
    assert_eq!(substation.current_load_kw(), 11.0);
    tokio::time::advance(Duration::from_secs(3599)).await;
    assert_eq!(substation.current_load_kw(), 11.0);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(substation.current_load_kw(), 0.0);
    assert_eq!(
        (substation.active_sessions(), substation.sessions_started()),
        (0, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn drained_waits_for_the_last_session_and_no_longer() {
    let substation = Substation::new(Config::new("s", 100.0)).unwrap();
    let start = Instant::now();
    substation
        .charge(demand(11.0), ChargeContext::default())
        .unwrap();
    substation.drain();
    assert!(matches!(
        substation.charge(demand(11.0), ChargeContext::default()),
        Err(NotBooked::Refused(Refusal::Draining))
    ));
    substation.drained().await;
    let waited = start.elapsed().as_secs_f64();
    assert!((3600.0..3600.2).contains(&waited), "{waited} s");
}

#[test]
fn concurrent_requests_never_book_more_than_the_capacity() {
    let substation = Substation::new(Config::new("s", 1000.0)).unwrap();
    let booked: usize = std::thread::scope(|scope| {
        let book = || {
            (0..500)
                .filter(|_| {
                    substation
                        .charge(demand(3.7), ChargeContext::default())
                        .is_ok()
                })
                .count()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(book)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(booked, 270); // 270 x 3.7 = 999
    assert_eq!(substation.current_load_kw(), 999.0);
}
