//! The rate of arrivals over the run.
//!
//! A curve consists of pieces, and within a piece the rate is linear. That is enough for a table
//! (flat pieces), a ramp (sloping pieces) and a constant. Its *inverse* is the time by which a
//! number of arrivals is expected. It maps the points of a Poisson process of rate one to a Poisson
//! process whose rate follows the curve, exactly, for every curve. No points are thinned out, and a
//! rate of zero costs no time.

use std::time::Duration;

use crate::error::Error;
use crate::number::share;

/// At a higher rate a run would only measure the load generator.
const MAX_RATE: f64 = 1_000_000.0;

/// A span in which the rate is linear.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    /// Its length.
    pub length: Duration,
    /// Arrivals a second at its beginning.
    pub from: f64,
    /// Arrivals a second at its end.
    pub to: f64,
}

impl Piece {
    /// The same rate from beginning to end.
    #[must_use]
    pub fn flat(length: Duration, rate: f64) -> Self {
        Self {
            length,
            from: rate,
            to: rate,
        }
    }

    /// How many arrivals are expected within its first `seconds`.
    fn expected(&self, seconds: f64) -> f64 {
        let slope = (self.to - self.from) / self.length.as_secs_f64();
        seconds * (self.from + 0.5 * slope * seconds)
    }

    /// The seconds after which this many arrivals are expected: the root of `from·s + ½·slope·s² =
    /// arrivals`, in the form without cancellation.
    fn seconds_of(&self, arrivals: f64) -> f64 {
        let slope = (self.to - self.from) / self.length.as_secs_f64();
        let root = (self.from * self.from + 2.0 * slope * arrivals)
            .max(0.0)
            .sqrt();
        // Zero arrivals are expected after zero seconds, even where the rate begins at zero.
        share(2.0 * arrivals, self.from + root)
    }
}

/// A rate of arrivals over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Each piece with its beginning in seconds and the arrivals expected before it.
    pieces: Vec<(f64, f64, Piece)>,
    duration: Duration,
    expected: f64,
}

impl Curve {
    /// A curve of these pieces, one after the other.
    pub fn new(pieces: impl IntoIterator<Item = Piece>) -> Result<Self, Error> {
        let mut curve = Self {
            pieces: Vec::new(),
            duration: Duration::ZERO,
            expected: 0.0,
        };
        for piece in pieces {
            for rate in [piece.from, piece.to] {
                if !(0.0..=MAX_RATE).contains(&rate) {
                    return Err(Error::Option {
                        option: "--rate",
                        value: rate.to_string(),
                        rule: "a number above 0, at most 1000000",
                    });
                }
            }
            if piece.length.is_zero() {
                continue;
            }
            let begins = curve.duration.as_secs_f64();
            curve.pieces.push((begins, curve.expected, piece));
            curve.expected += piece.expected(piece.length.as_secs_f64());
            curve.duration = curve.duration.saturating_add(piece.length);
        }
        if curve.expected > 0.0 {
            return Ok(curve);
        }
        Err(Error::Option {
            option: "--rate",
            value: "0".to_owned(),
            rule: "a number above 0, at most 1000000",
        })
    }

    /// Its length.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// How many arrivals are expected over all of it.
    #[must_use]
    pub fn expected(&self) -> f64 {
        self.expected
    }

    /// How many arrivals a second are expected at that time; 0 after its end.
    #[must_use]
    pub fn rate_at(&self, at: Duration) -> f64 {
        let at = at.as_secs_f64();
        let found = self.pieces.iter().rev().find(|(begins, ..)| *begins <= at);
        found.map_or(0.0, |(begins, _, piece)| {
            let part = (at - begins) / piece.length.as_secs_f64();
            if part < 1.0 {
                piece.from + part * (piece.to - piece.from)
            } else {
                0.0
            }
        })
    }

    /// The highest rate in it.
    #[must_use]
    pub fn peak(&self) -> f64 {
        let tops = self
            .pieces
            .iter()
            .map(|(.., piece)| piece.from.max(piece.to));
        tops.fold(0.0, f64::max)
    }

    /// How many arrivals are expected before that time.
    #[must_use]
    pub fn expected_before(&self, at: Duration) -> f64 {
        let at = at.as_secs_f64();
        let found = self.pieces.iter().rev().find(|(begins, ..)| *begins <= at);
        found.map_or(0.0, |(begins, before, piece)| {
            before + piece.expected((at - begins).min(piece.length.as_secs_f64()))
        })
    }
}

/// The inverse of a curve, for calls with increasing arrivals.
#[derive(Clone, Debug)]
pub(crate) struct Inverse {
    curve: Curve,
    /// The piece of the last call; the next call finds its piece here or later.
    piece: usize,
}

impl Inverse {
    pub(crate) fn new(curve: Curve) -> Self {
        Self { curve, piece: 0 }
    }

    /// The time before which this many arrivals are expected; none if the curve expects fewer.
    pub(crate) fn time_of(&mut self, arrivals: f64) -> Option<Duration> {
        loop {
            let (begins, before, piece) = self.curve.pieces.get(self.piece)?;
            let next = self.curve.pieces.get(self.piece + 1);
            let upto = next.map_or(self.curve.expected, |(_, before, _)| *before);
            if arrivals < upto {
                let at = begins + piece.seconds_of((arrivals - before).max(0.0));
                // Rounding may put it at the end.
                let at = Duration::try_from_secs_f64(at).ok();
                return at.filter(|at| *at < self.curve.duration);
            }
            self.piece += 1;
        }
    }
}

#[cfg(test)]
mod tests;
