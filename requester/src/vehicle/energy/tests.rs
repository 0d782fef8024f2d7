//! Drawn energies against the figures of their source.

use super::*;

#[test]
#[expect(clippy::cast_precision_loss, reason = "a hundred thousand")]
fn drawn_energies_have_the_mean_and_the_quantiles_of_the_tables() {
    for (profile, mean, median, top_tenth) in [
        (Profile::Home, 23.9, 19.4, 51.0),
        (Profile::Public, 11.9, 7.2, 29.0),
        (Profile::Work, 12.4, 8.8, 26.0),
    ] {
        let mut rng = Rng::with_seed(3);
        let energy = Energy::Drawn(profile.energy());
        let mut drawn: Vec<_> = (0..100_000).map(|_| energy.draw(&mut rng)).collect();
        drawn.sort_by(f64::total_cmp);
        let found = drawn.iter().sum::<f64>() / drawn.len() as f64;
        assert!((found / mean - 1.0).abs() < 0.03, "{profile}: mean {found}");
        assert!(
            (drawn[50_000] / median - 1.0).abs() < 0.02,
            "{profile}: median {}",
            drawn[50_000]
        );
        // The tables' own tail is a little heavier than a log-normal's.
        assert!(
            (drawn[90_000] / top_tenth - 1.0).abs() < 0.16,
            "{profile}: {}",
            drawn[90_000]
        );
        assert!(drawn.iter().all(|kwh| (0.01..=100.0).contains(kwh)));
    }
}

#[test]
fn an_energy_is_a_number_or_a_profile() {
    assert_eq!("7.5".parse(), Ok(Energy::Fixed(7.5)));
    assert_eq!("home".parse(), Ok(Energy::Drawn(Profile::Home.energy())));
    assert!("much".parse::<Energy>().is_err());
    for wrong in [0.0, -1.0, f64::NAN] {
        let error = Energy::Fixed(wrong).check().unwrap_err().to_string();
        assert!(error.starts_with("--energy-kwh"), "{error}");
    }
}
