use super::*;
use crate::{Reading, Reservation, visibility::History};

const INTERVAL: Duration = Duration::from_millis(500);

/// Three upstreams and a judge, round by round. Each gauge shows what was booked `late` rounds before, but for that of
/// the first, which shows `part` of it.
struct Rounds {
    ledgers: Vec<Arc<Ledger>>,
    histories: Option<Vec<History>>,
    estimator: TrustEstimator,
    booked: Vec<f64>,
    round: u32,
    lag: Duration,
}

impl Rounds {
    fn new(lag: Option<Duration>) -> Self {
        let ledgers: Vec<_> = (0..3)
            .map(|_| Arc::new(Ledger::new(Load::new(1_000.0))))
            .collect();
        let history = |lag| {
            ledgers
                .iter()
                .map(|ledger| History::new(lag, ledger))
                .collect()
        };
        Self {
            histories: lag.map(history),
            ledgers,
            estimator: TrustEstimator::new(),
            booked: vec![0.0],
            round: 0,
            lag: lag.unwrap_or_default(),
        }
    }

    /// Ten bookings at each upstream, a sample of each, and a judgement.
    fn round(&mut self, part: f64, late: usize, lasts: Option<Duration>) -> Vec<Change> {
        self.round += 1;
        let now = INTERVAL * self.round;
        for (at, ledger) in self.ledgers.iter().enumerate() {
            for _ in 0..10 {
                Reservation::of(Arc::clone(ledger), Load::new(1.0).unwrap()).booked();
                if let Some(lasts) = lasts {
                    ledger.lasts_for(Load::new(1.0).unwrap(), lasts, now);
                }
            }
            let mut sent = ledger.scrape_sent();
            if let Some(history) = self.histories.as_mut().map(|all| &mut all[at]) {
                history.note(now, ledger);
                sent = history.scrape_sent(sent, now);
            }
            let shown = self.booked[self.booked.len().saturating_sub(late + 1)];
            let part = if at == 0 { part } else { 1.0 };
            let reading = Reading {
                load: Load::new(shown * part).unwrap(),
                capacity: None,
            };
            ledger.sample(sent, reading);
        }
        self.booked.push(10.0 * f64::from(self.round));
        let roster = Roster::new(self.ledgers.clone()).for_requests_of(Load::new(1.0).unwrap());
        let within = TrustEstimator::within(INTERVAL, self.lag);
        self.estimator.round(&roster, now, within).to_vec()
    }
}

const LONG: Option<Duration> = Some(Duration::from_hours(1));

#[test]
fn a_lie_is_told_once_and_so_is_its_end() {
    let mut rounds = Rounds::new(None);
    let changes: Vec<_> = (0..30).flat_map(|_| rounds.round(0.0, 0, LONG)).collect();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!((changes[0].at, changes[0].trust), (0, Trust::Least));
    assert_eq!(changes[0].shown, Load::ZERO);
    assert!(rounds.ledgers[0].estimate() >= Load::new(300.0).unwrap());
    let changes: Vec<_> = (0..30).flat_map(|_| rounds.round(1.0, 0, LONG)).collect();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!((changes[0].at, changes[0].trust), (0, Trust::Trusted));
}

#[test]
fn what_a_gauge_shows_late_as_told_is_not_claimed_before() {
    // Two seconds, and all of them a little later than an untold gauge may be.
    let mut rounds = Rounds::new(Some(4 * INTERVAL));
    for round in 0..100 {
        assert_eq!(rounds.round(1.0, 3, LONG), [], "{round}");
    }
    let found = (0..40).find(|_| !rounds.round(0.0, 3, LONG).is_empty());
    assert!(found.is_some(), "or it tests nothing");
}

#[test]
fn without_durations_nothing_is_known_and_nothing_is_judged() {
    let mut rounds = Rounds::new(None);
    for round in 0..100 {
        assert_eq!(rounds.round(0.0, 0, None), [], "{round}");
    }
    assert!(
        rounds
            .estimator
            .slots
            .iter()
            .all(|slot| slot.watch.is_none())
    );
}

#[test]
fn the_others_are_those_beside_it_and_the_lower_middle_counts() {
    let of = |all: &[f64], own, is_counted| {
        let others = Others::of(all, own, is_counted);
        (others.count, others.shown)
    };
    assert_eq!(of(&[], None, true), (0, 1.0));
    assert_eq!(of(&[0.5], Some(0.5), true), (0, 1.0));
    assert_eq!(of(&[0.0, 0.5], Some(0.0), true), (1, 0.5));
    assert_eq!(of(&[0.0, 0.5, 0.9], Some(0.0), true), (2, 0.5));
    assert_eq!(of(&[0.0, 0.5, 0.9], Some(0.9), true), (2, 0.0));
    assert_eq!(of(&[0.2, 0.5, 0.9, 4.0], Some(0.5), true), (3, 0.9));
    assert_eq!(of(&[0.5, 0.9, 4.0], Some(0.0), false), (3, 0.9));
    assert_eq!(
        of(&[2.0, 3.0, 4.0], None, true),
        (3, 1.0),
        "others' load is no duty"
    );
}
