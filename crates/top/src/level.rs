//! A line of the table: a substation, or a feeder that several share.

use switchyard_status::{Feeder, Limit, Substation};

use super::format::load;

/// What a line is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Level<'a> {
    Feeder(&'a Feeder),
    Substation(&'a Substation),
}

impl<'a> Level<'a> {
    pub(super) fn name(self) -> &'a str {
        match self {
            Self::Feeder(one) => &one.name,
            Self::Substation(one) => &one.name,
        }
    }

    /// The state of a substation; of a feeder that it is full or that its meter is silent, which matters more.
    pub(super) fn state(self) -> &'a str {
        match self {
            Self::Feeder(one) if one.is_full() => "full",
            Self::Feeder(one) if one.is_silent() => "silent",
            Self::Feeder(_) => "up",
            Self::Substation(one) => &one.state,
        }
    }

    pub(super) fn utilisation(self) -> Option<f64> {
        match self {
            Self::Feeder(one) => one.utilisation(),
            Self::Substation(one) => one.utilisation(),
        }
    }

    pub(super) fn current_load(self) -> Option<f64> {
        match self {
            Self::Feeder(one) => one.current_load,
            Self::Substation(one) => one.current_load,
        }
    }

    pub(super) fn estimated_load(self) -> f64 {
        match self {
            Self::Feeder(one) => one.estimated_load,
            Self::Substation(one) => one.estimated_load,
        }
    }

    pub(super) fn bound(self) -> Option<f64> {
        match self {
            Self::Feeder(one) => one.bound(),
            Self::Substation(one) => one.bound(),
        }
    }

    /// The bound, with a sign before a limit in force that is below the capacity.
    pub(super) fn room(self, unit: &str) -> String {
        let capacity = match self {
            Self::Feeder(one) => one.capacity,
            Self::Substation(one) => one.capacity,
        };
        let sign = if self.bound() == capacity { "" } else { "≤" };
        format!("{sign}{}", load(self.bound(), unit))
    }

    pub(super) fn sample_age_seconds(self) -> Option<f64> {
        match self {
            Self::Feeder(one) => one.sample_age_seconds,
            Self::Substation(one) => one.sample_age_seconds,
        }
    }

    pub(super) const fn substation(self) -> Option<&'a Substation> {
        match self {
            Self::Feeder(_) => None,
            Self::Substation(one) => Some(one),
        }
    }

    /// The limit in force, in words.
    pub(super) fn limit(self, unit: &str) -> Option<String> {
        let limit = match self {
            Self::Feeder(one) => one.limit.as_ref(),
            Self::Substation(one) => one.limit.as_ref(),
        };
        limit.map(|limit| said(limit, unit))
    }
}

/// A limit in force, in words.
fn said(limit: &Limit, unit: &str) -> String {
    let (value, source) = (load(Some(limit.value), unit), &limit.source);
    if limit.fallback_in_force {
        return format!("fallback {value}, since {source} is silent");
    }
    let end = limit.until.as_ref();
    let end = end.map_or_else(String::new, |end| format!(" until {end}"));
    format!("limit {value} by {source}{end}")
}
