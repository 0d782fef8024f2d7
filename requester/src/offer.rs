//! What is offered and when: arrival times joined with the cars that arrive, and both as CSV.
//!
//! The CSV is what makes a run portable: `--offers` writes the sequence that a seed yields, and `replay`
//! offers it again, or offers what some other system has recorded.

use std::io::{self, BufRead, Write};
use std::time::Duration;

use thiserror::Error;

use crate::vehicle::Vehicle;

/// The columns that are written. Only the first has to be there when it is read.
const COLUMNS: [&str; 5] = [
    "at_seconds",
    "power_kw",
    "energy_kwh",
    "malformed",
    "unplug_after",
];

/// What a car asks for where a replayed file does not say, in kW and kWh.
const DEFAULT: f64 = 11.0;

/// A request that is to leave at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    /// Since the start of the run.
    pub at: Duration,
    /// Who asks.
    pub vehicle: Vehicle,
}

/// Joins arrival times with cars; it ends with the shorter of the two.
pub(crate) fn offers(
    times: impl Iterator<Item = Duration>,
    vehicles: impl Iterator<Item = Vehicle>,
) -> impl Iterator<Item = Offer> {
    times
        .zip(vehicles)
        .map(|(at, vehicle)| Offer { at, vehicle })
}

/// Why a file can't be replayed.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// It can't be read.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// It does not begin with the names of its columns.
    #[error(
        "line 1: {0:?} must be the columns' names, of which at_seconds is one; known are {known}",
        known = COLUMNS.join(", ")
    )]
    Header(String),
    /// A line is not what the header says.
    #[error("line {line}: {fault}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        fault: String,
    },
    /// There is nothing in it.
    #[error("it holds no request")]
    Empty,
}

/// Writes offers as CSV, the names of the columns first.
pub fn write_csv(offers: impl IntoIterator<Item = Offer>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", COLUMNS.join(","))?;
    for Offer { at, vehicle } in offers {
        let Vehicle {
            power_kw,
            energy_kwh,
            malformed,
            unplug_after,
            ..
        } = vehicle;
        let (seconds, nanos) = (at.as_secs(), at.subsec_nanos());
        write!(out, "{seconds}.{nanos:09},{power_kw},{energy_kwh},")?;
        if let Some(malformed) = malformed {
            write!(out, "{malformed}")?;
        }
        out.write_all(b",")?;
        if let Some(part) = unplug_after {
            write!(out, "{part}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Reads offers from CSV: a header, then a line a request, in any order of columns and of times. Columns
/// with other names are passed over. `seed` names the cars.
pub fn read_csv(input: impl BufRead, seed: u64) -> Result<Vec<Offer>, ReplayError> {
    let mut lines = (1..).zip(input.lines());
    let header = lines
        .next()
        .map(|(_, line)| line)
        .transpose()?
        .unwrap_or_default();
    let names: Vec<_> = header
        .trim_start_matches('\u{feff}')
        .split(',')
        .map(str::trim)
        .collect();
    let place = |name| names.iter().position(|found| *found == name);
    if place("at_seconds").is_none() {
        return Err(ReplayError::Header(header));
    }
    let places = COLUMNS.map(place);
    let mut offers = Vec::new();
    for (line, text) in lines {
        let text = text?;
        if text.trim().is_empty() {
            continue;
        }
        let cells: Vec<_> = text.split(',').map(str::trim).collect();
        let offer = read_line(&cells, places).map_err(|fault| ReplayError::Line { line, fault });
        offers.push(offer?);
    }
    if offers.is_empty() {
        return Err(ReplayError::Empty);
    }
    // Stable: who stood first among equals still comes first.
    offers.sort_by_key(|offer| offer.at);
    for (number, offer) in (1..).zip(&mut offers) {
        (offer.vehicle.run, offer.vehicle.number) = (seed, number);
    }
    Ok(offers)
}

fn read_line(cells: &[&str], places: [Option<usize>; 5]) -> Result<Offer, String> {
    let [at, power, energy, malformed, unplug] = places.map(|place| {
        let cell = place.and_then(|place| cells.get(place).copied());
        cell.filter(|cell| !cell.is_empty())
    });
    let number = |name: &str, cell: Option<&str>, max: f64| {
        let Some(cell) = cell else { return Ok(None) };
        let value = cell.parse::<f64>().ok();
        let value = value.filter(|value| (0.0..=max).contains(value));
        let fault = || format!("{name} is {cell:?}; it must be a number from 0 to {max}");
        value.map(Some).ok_or_else(fault)
    };
    let at = number("at_seconds", at, 366.0 * 86_400.0)?.ok_or("at_seconds is missing")?;
    let malformed = malformed.map(|cell| {
        cell.parse()
            .map_err(|rule| format!("malformed {cell:?} {rule}"))
    });
    let vehicle = Vehicle {
        run: 0,
        number: 0,
        power_kw: number("power_kw", power, 1e6)?.unwrap_or(DEFAULT),
        energy_kwh: number("energy_kwh", energy, 1e6)?.unwrap_or(DEFAULT),
        malformed: malformed.transpose()?,
        unplug_after: number("unplug_after", unplug, 1.0)?,
    };
    Ok(Offer {
        at: Duration::from_secs_f64(at),
        vehicle,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vehicle::{Cars, Energy, Vehicles};
    use crate::{ArrivalTimes, Arrivals, Curve, Profile};

    fn some() -> Vec<Offer> {
        let curve = Curve::steady(100.0, Duration::from_secs(10)).unwrap();
        let cars = Cars {
            energy_kwh: Energy::Drawn(Profile::Home.energy()),
            malformed: 0.1,
            early_unplug: 0.2,
            ..Cars::default()
        };
        offers(
            ArrivalTimes::new(Arrivals::Poisson, curve, 3),
            Vehicles::new(cars, 3),
        )
        .collect()
    }

    #[test]
    fn what_is_written_is_read_again_to_the_nanosecond() {
        let offers = some();
        let mut text = Vec::new();
        write_csv(offers.iter().copied(), &mut text).unwrap();
        let read = read_csv(text.as_slice(), 3).unwrap();
        assert_eq!(read.len(), offers.len());
        for (read, offer) in read.iter().zip(&offers) {
            assert_eq!(read.vehicle, offer.vehicle);
            assert!(
                read.at.abs_diff(offer.at) <= Duration::from_nanos(2),
                "{read:?} {offer:?}"
            );
        }
    }

    #[test]
    fn a_recording_of_another_system_needs_only_times() {
        let text = "site, at_seconds\nA, 2.5\n\nB, 1\n";
        let read = read_csv(text.as_bytes(), 9).unwrap();
        let times: Vec<_> = read.iter().map(|offer| offer.at.as_secs_f64()).collect();
        assert_eq!(times, [1.0, 2.5]);
        let vehicle = read[1].vehicle;
        assert_eq!((vehicle.run, vehicle.number), (9, 2));
        assert_eq!((vehicle.power_kw, vehicle.energy_kwh), (11.0, 11.0));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, told) in [
            ("", "line 1: \"\" must be the columns' names"),
            ("1.0,11\n", "line 1"),
            ("at_seconds\n", "it holds no request"),
            (
                "at_seconds\n1\nx\n",
                "line 3: at_seconds is \"x\"; it must be a number from 0",
            ),
            ("at_seconds\n-1\n", "line 2"),
            ("at_seconds\nNaN\n", "line 2"),
            ("at_seconds,power_kw\n,3\n", "line 2: at_seconds is missing"),
            ("at_seconds,power_kw\n1,-3\n", "line 2: power_kw is \"-3\""),
            (
                "at_seconds,malformed\n1,odd\n",
                "line 2: malformed \"odd\" must be truncated",
            ),
            (
                "at_seconds,unplug_after\n1,2\n",
                "line 2: unplug_after is \"2\"",
            ),
        ] {
            let error = read_csv(text.as_bytes(), 1).unwrap_err().to_string();
            assert!(error.starts_with(told), "{text:?}: {error}");
        }
    }
}
