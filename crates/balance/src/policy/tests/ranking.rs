//! Choices that several proxies are to make alike.

use std::collections::VecDeque;

use fastrand::Rng;

use super::{grid, least_load, load, loads};
use crate::{Choice, Ledger, Ranking, Reading, Reason, RequestLimit, Roster, Standing};

fn ranked(grid: &Roster<Ledger>, requests: f64, rank: &dyn Fn(usize) -> u64) -> Choice<Ledger> {
    let ranking = Ranking { rank, requests };
    let mut rng = Rng::with_seed(1);
    least_load()
        .reserve_ranked(grid, load(1.0).into(), ranking, &mut rng)
        .unwrap()
}

/// Where that goes, and why, if later positions rank higher.
fn place(grid: &Roster<Ledger>, requests: f64) -> (usize, Reason) {
    let choice = ranked(grid, requests, &|at| at as u64);
    choice.reservation.cancel();
    (choice.at, choice.reason)
}

#[test]
fn the_highest_rank_is_taken_up_to_so_many_requests_above_the_best() {
    let grid = grid(&loads(&[5.0, 5.5, 6.0, 6.5]));
    assert_eq!(place(&grid, 0.0), (0, Reason::Policy));
    assert_eq!(place(&grid, 0.5), (1, Reason::Tolerance));
    assert_eq!(place(&grid, 1.0), (2, Reason::Tolerance));
    grid[2].set_standing(Standing::Out);
    assert_eq!(place(&grid, 1.0), (1, Reason::Tolerance));
    grid[1].set_request_limit(RequestLimit::Soft(0));
    assert_eq!(place(&grid, 1.0), (0, Reason::Policy));
}

/// Two proxies that book in turn, each with its own knowledge of the same substations. Returns the share of requests that
/// the other proxy would have sent elsewhere a little later, and by how many requests the fullest substation was above the
/// emptiest, in the mean.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a test, far below what an f64 holds exactly"
)]
fn two_proxies(substations: usize, requests: f64) -> (f64, f64) {
    const BOOKINGS: usize = 20_000;
    const ROUND: usize = 50;
    const LATER: usize = 100;
    let mut rng = Rng::with_seed(substations as u64);
    let proxies = [(); 2].map(|()| grid(&loads(&vec![0.0; substations])));
    for proxy in &proxies {
        proxy.set_share(0.5);
    }
    let mut truth = vec![0_i32; substations];
    let (mut sessions, mut asked) = (Vec::new(), VecDeque::new());
    let (mut elsewhere, mut repeated, mut spread) = (0, 0, 0.0);
    for booking in 0..BOOKINGS {
        let key = rng.u64(..);
        let choose = |at: usize, key: u64| {
            let rank = |at: usize| Rng::with_seed(key ^ (at as u64 * 0x9e37_79b9)).u64(..);
            let mut rng = Rng::with_seed(key.rotate_left(17) ^ at as u64);
            let ranking = Ranking {
                rank: &rank,
                requests,
            };
            let chosen = if requests > 0.0 {
                least_load().reserve_ranked(&proxies[at], load(1.0).into(), ranking, &mut rng)
            } else {
                least_load().reserve(&proxies[at], load(1.0), &mut rng)
            };
            chosen.unwrap()
        };
        let by = booking % 2;
        let choice = choose(by, key);
        truth[choice.at] += 1;
        sessions.push(choice.at);
        asked.push_back((1 - by, key, choice.at));
        choice.reservation.booked();
        if sessions.len() > 20 * substations {
            let ended = sessions.swap_remove(rng.usize(..sessions.len()));
            truth[ended] -= 1;
        }
        if asked.len() > LATER {
            let (other, key, at) = asked.pop_front().unwrap();
            let again = choose(other, key);
            repeated += 1;
            elsewhere += usize::from(again.at != at);
            again.reservation.cancel();
        }
        if booking % ROUND == 0 {
            for proxy in &proxies {
                for (ledger, truth) in proxy.iter().zip(&truth) {
                    let reading = Reading {
                        load: load(f64::from(*truth)),
                        capacity: None,
                    };
                    ledger.sample(ledger.scrape_sent(), reading);
                }
            }
            let (least, most) = (truth.iter().min().unwrap(), truth.iter().max().unwrap());
            spread += f64::from(most - least) / (BOOKINGS / ROUND) as f64;
        }
    }
    (elsewhere as f64 / f64::from(repeated), spread)
}

#[test]
fn with_a_rank_two_proxies_choose_alike_more_often_and_the_loads_stay_as_even_within_a_request() {
    for substations in [5, 20, 100] {
        let (alone, even) = two_proxies(substations, 0.0);
        let (elsewhere, spread) = two_proxies(substations, 0.5);
        let figures = format!("{substations}: {alone:.3} {elsewhere:.3}, {even:.2} {spread:.2}");
        assert!(elsewhere < alone - 0.1, "{figures}");
        assert!(spread < even + 1.0, "{figures}");
    }
}
