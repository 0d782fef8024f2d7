//! The tables against the known figures of their source, and the arrivals against the tables.

use super::*;
use crate::arrivals::{ArrivalTimes, Arrivals};

fn quarter(profile: Profile, clock: &str) -> f64 {
    let hours: Hours = format!("{clock}-24:00").parse().unwrap();
    let at = usize::try_from(hours.from().as_secs() / QUARTER.as_secs()).unwrap();
    profile.quarters().nth(at).unwrap()
}

fn between(profile: Profile, from: usize, to: usize) -> f64 {
    profile
        .quarters()
        .skip(4 * from)
        .take(4 * (to - from))
        .sum()
}

#[test]
fn the_tables_have_the_peaks_and_sums_of_their_source() {
    for (profile, clock, percent) in [
        (Profile::Home, "18:15", 4.56),
        (Profile::Public, "18:15", 2.81),
        (Profile::Public, "09:00", 2.47),
        (Profile::Work, "08:45", 7.75),
    ] {
        let found = 100.0 * quarter(profile, clock);
        assert!(
            (found - percent).abs() < 0.005,
            "{profile} {clock}: {found}"
        );
    }
    for (profile, from, to, percent) in [
        (Profile::Home, 17, 19, 29.2),
        (Profile::Home, 16, 20, 46.4),
        (Profile::Home, 7, 10, 3.1),
        (Profile::Public, 17, 19, 19.2),
        (Profile::Public, 16, 20, 33.0),
        (Profile::Work, 7, 10, 59.0),
    ] {
        let found = 100.0 * between(profile, from, to);
        assert!((found - percent).abs() < 0.06, "{profile} {from}: {found}");
    }
    for profile in Profile::VARIANTS {
        assert!((profile.quarters().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}

#[test]
fn a_day_of_100_000_cars_in_ten_minutes_peaks_at_730_a_second() {
    let ten_minutes = Duration::from_mins(10);
    let curve = Profile::Home
        .curve(100_000.0, Hours::DAY, ten_minutes)
        .unwrap();
    assert!((curve.expected() - 100_000.0).abs() < 1e-6);
    assert_eq!(curve.duration(), ten_minutes);
    assert!((curve.peak() - 730.0).abs() < 1.0, "{}", curve.peak());
}

/// Pearson's χ² of the arrivals against the table, quarter by quarter. With 95 degrees of freedom
/// only one true sample in a thousand exceeds 143.3, and 95 ± 14 is usual. The seeds are fixed, so
/// the result is too.
#[test]
#[expect(clippy::cast_precision_loss, reason = "some ten thousand")]
fn the_offered_curve_follows_the_table() {
    let minutes = Duration::from_mins(10);
    for &profile in Profile::VARIANTS {
        for seed in 1..=5 {
            let curve = profile.curve(100_000.0, Hours::DAY, minutes).unwrap();
            let mut counts = [0_u32; QUARTERS];
            let mut total = 0.0;
            for at in ArrivalTimes::new(Arrivals::Poisson, curve, seed) {
                let part = at.as_secs_f64() / minutes.as_secs_f64();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "from 0 to below 96"
                )]
                let quarter = (part * QUARTERS as f64) as usize;
                counts[quarter] += 1;
                total += 1.0;
            }
            // The number of cars is itself drawn; its standard deviation is √100,000 = 316.
            assert!((total - 100_000.0_f64).abs() < 4.0 * 316.0, "{total}");
            let (mut chi2, mut degrees) = (0.0, -1.0);
            for (count, part) in counts.iter().zip(profile.quarters()) {
                let expected = part * total;
                // With fewer than five expected, the χ² distribution does not hold.
                if expected >= 5.0 {
                    chi2 += (f64::from(*count) - expected).powi(2) / expected;
                    degrees += 1.0;
                }
            }
            let bound = degrees + 3.5 * (2.0_f64 * degrees).sqrt();
            assert!(
                chi2 < bound,
                "{profile}, seed {seed}: χ² {chi2} of {degrees}"
            );
        }
    }
}

#[test]
fn arrivals_of_another_curve_would_fail_that_test() {
    // What the test above would compute for cars that come evenly all day.
    let parts: Vec<f64> = Profile::Home.quarters().collect();
    let even = 100_000.0 / 96.0;
    let chi2: f64 = parts
        .iter()
        .map(|part| (even - part * 100_000.0).powi(2) / (part * 100_000.0))
        .sum();
    assert!(chi2 > 10_000.0, "{chi2}");
}

#[test]
fn hours_select_that_part_of_the_table() {
    let evening: Hours = "16:00-22:00".parse().unwrap();
    let minute = Duration::from_mins(1);
    let curve = Profile::Home.curve(12_000.0, evening, minute).unwrap();
    let expected = 12_000.0 * between(Profile::Home, 16, 22);
    assert!((curve.expected() - expected).abs() < 1e-6);
    // 18:15 is 135 of 360 minutes into it, so 22.5 of 60 s.
    let peak = curve.rate_at(Duration::from_secs_f64(22.6));
    assert_eq!(peak, curve.peak());
    // Hours need not begin at a quarter of an hour.
    let part: Hours = "18:10-18:20".parse().unwrap();
    let curve = Profile::Home.curve(900.0, part, minute).unwrap();
    let expected = (quarter(Profile::Home, "18:00") + quarter(Profile::Home, "18:15")) * 300.0;
    assert!((curve.expected() - expected).abs() < 1e-9);
}

#[test]
fn hours_are_two_times_of_one_day() {
    let hours: Hours = "00:00-24:00".parse().unwrap();
    assert_eq!(hours, Hours::DAY);
    assert_eq!(hours.to_string(), "00:00-24:00");
    for wrong in [
        "",
        "16-22",
        "16:00",
        "22:00-16:00",
        "16:00-16:00",
        "16:60-17:00",
        "00:00-24:01",
        "+1:00-02:00",
        "1:00-2:00",
        "16:00-22:00-23:00",
    ] {
        assert!(wrong.parse::<Hours>().is_err(), "{wrong}");
    }
}

#[test]
fn a_profile_parses_from_its_own_name() {
    for profile in Profile::VARIANTS {
        assert_eq!(profile.to_string().parse(), Ok(*profile));
    }
    assert!("street".parse::<Profile>().is_err());
}
