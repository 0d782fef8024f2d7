//! The offers of a run: arrival times joined with the cars that arrive, and both as CSV.
//!
//! The CSV makes a run portable. `--offers` writes the sequence of a seed. `replay` offers it
//! again, or offers what another system has recorded.

use std::io::{self, BufRead, Write};
use std::time::Duration;

use switchyard_bounded::Shown;
use switchyard_wire::LARGEST_LOAD;
use thiserror::Error;

use crate::error::UnknownName;
use crate::vehicle::Vehicle;

/// The columns that are written. A file that is read needs only the first.
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
    /// The car that asks.
    pub vehicle: Vehicle,
}

/// Joins arrival times with cars, up to the shorter of the two.
pub(crate) fn offers(
    times: impl Iterator<Item = Duration>,
    vehicles: impl Iterator<Item = Vehicle>,
) -> impl Iterator<Item = Offer> {
    times
        .zip(vehicles)
        .map(|(at, vehicle)| Offer { at, vehicle })
}

/// Why a file cannot be replayed.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// It cannot be read.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// It does not begin with the names of its columns.
    #[error(
        "line 1: {shown} must be the columns' names, and contain at_seconds; known are {known}",
        known = COLUMNS.join(", "),
        shown = Shown::value(format_args!("{_0:?}"))
    )]
    Header(String),
    /// A line does not match the header.
    #[error("line {line}: {fault}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        fault: String,
    },
    /// It contains no request.
    #[error("it contains no request")]
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

/// Reads offers from CSV: a header, then a line for each request, in any order of columns and of
/// times. Columns with other names are ignored. `seed` becomes part of the cars' names.
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
    // A stable sort: offers of the same time stay in the order of the file.
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
        let fault = || {
            let shown = Shown::value(format_args!("{cell:?}")).to_string();
            format!("{name} is {shown}; it must be a number from 0 to {max}")
        };
        value.map(Some).ok_or_else(fault)
    };
    let at = number("at_seconds", at, 366.0 * 86_400.0)?.ok_or("at_seconds is missing")?;
    let malformed = malformed.map(|cell| {
        cell.parse()
            .map_err(|error: UnknownName| format!("malformed {cell:?} {error}"))
    });
    let vehicle = Vehicle {
        run: 0,
        number: 0,
        power_kw: number("power_kw", power, LARGEST_LOAD)?.unwrap_or(DEFAULT),
        energy_kwh: number("energy_kwh", energy, LARGEST_LOAD)?.unwrap_or(DEFAULT),
        malformed: malformed.transpose()?,
        unplug_after: number("unplug_after", unplug, 1.0)?,
    };
    Ok(Offer {
        at: Duration::from_secs_f64(at),
        vehicle,
    })
}

#[cfg(test)]
mod tests;
