//! How the rate of arrivals goes over the run.
//!
//! A curve is a row of pieces, in each of which the rate goes in a straight line. That is enough for a table
//! (flat pieces), a ramp (sloping ones) and a constant. What makes it useful is its *inverse*: the time by
//! which so many arrivals are expected. Put the points of a Poisson process of rate one through it, and what
//! comes out is a Poisson process whose rate follows the curve, exactly, whatever the curve; nothing is
//! thinned out or stepped over, and a rate of zero costs no time.

use std::time::Duration;

use crate::Error;
use crate::number::share;

/// Beyond this a run would only measure the tester.
const MAX_RATE: f64 = 1_000_000.0;

/// A span in which the rate goes in a straight line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    /// How long it is.
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

    /// The seconds after which so many arrivals are expected: the root of `from·s + ½·slope·s² = arrivals`,
    /// in the form that does not cancel.
    fn seconds_of(&self, arrivals: f64) -> f64 {
        let slope = (self.to - self.from) / self.length.as_secs_f64();
        let root = (self.from * self.from + 2.0 * slope * arrivals)
            .max(0.0)
            .sqrt();
        // Nothing is expected at once, even where the rate begins at nothing.
        share(2.0 * arrivals, self.from + root)
    }
}

/// A rate of arrivals over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Each piece with when it begins and how many arrivals are expected before it.
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

    /// How long it is.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// How many arrivals are expected over all of it.
    #[must_use]
    pub fn expected(&self) -> f64 {
        self.expected
    }

    /// How many arrivals a second are expected at that time; none after its end.
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

/// The inverse of a curve, asked for ever later arrivals.
#[derive(Clone, Debug)]
pub(crate) struct Inverse {
    curve: Curve,
    /// Where the last one was found; the next is there or behind it.
    piece: usize,
}

impl Inverse {
    pub(crate) fn new(curve: Curve) -> Self {
        Self { curve, piece: 0 }
    }

    /// The time before which so many arrivals are expected; none if so many never are.
    pub(crate) fn time_of(&mut self, arrivals: f64) -> Option<Duration> {
        loop {
            let (begins, before, piece) = self.curve.pieces.get(self.piece)?;
            let next = self.curve.pieces.get(self.piece + 1);
            let upto = next.map_or(self.curve.expected, |(_, before, _)| *before);
            if arrivals < upto {
                let at = begins + piece.seconds_of((arrivals - before).max(0.0));
                // Rounding may put it on the end.
                let at = Duration::try_from_secs_f64(at).ok();
                return at.filter(|at| *at < self.curve.duration);
            }
            self.piece += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ramp() -> Curve {
        Curve::new([
            Piece {
                length: 30 * SECOND,
                from: 0.0,
                to: 100.0,
            },
            Piece::flat(40 * SECOND, 100.0),
            Piece::flat(10 * SECOND, 0.0),
            Piece {
                length: 30 * SECOND,
                from: 100.0,
                to: 0.0,
            },
        ])
        .unwrap()
    }

    #[test]
    fn what_is_expected_is_the_area_below() {
        let curve = ramp();
        assert_eq!(curve.duration(), 110 * SECOND);
        assert!((curve.expected() - (1500.0 + 4000.0 + 1500.0)).abs() < 1e-9);
        assert!((curve.expected_before(15 * SECOND) - 375.0).abs() < 1e-9);
        assert!((curve.expected_before(75 * SECOND) - 5500.0).abs() < 1e-9);
        assert!((curve.expected_before(400 * SECOND) - 7000.0).abs() < 1e-9);
        assert_eq!(curve.rate_at(15 * SECOND), 50.0);
        assert_eq!(curve.rate_at(75 * SECOND), 0.0);
        assert_eq!(curve.rate_at(110 * SECOND), 0.0);
        assert_eq!(curve.peak(), 100.0);
    }

    #[test]
    fn the_inverse_undoes_it_everywhere() {
        let curve = ramp();
        let mut inverse = Inverse::new(curve.clone());
        let mut arrivals = 0.0;
        while arrivals < 7000.0 {
            let at = inverse.time_of(arrivals).unwrap();
            let found = curve.expected_before(at);
            assert!((found - arrivals).abs() < 1e-3, "{arrivals}: {found}");
            arrivals += 0.7;
        }
        assert_eq!(inverse.time_of(7000.0), None);
        assert_eq!(inverse.time_of(f64::INFINITY), None);
    }

    #[test]
    fn a_rate_that_is_none_is_refused() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e7] {
            let error = Curve::new([Piece::flat(SECOND, rate)]).unwrap_err();
            assert!(error.to_string().starts_with("--rate"), "{error}");
        }
        assert!(Curve::new([]).is_err());
    }
}
