//! A part of the day.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// A part of the day, such as 16:00-22:00.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hours {
    from: Duration,
    to: Duration,
}

impl Hours {
    /// From midnight to midnight.
    pub const DAY: Self = Self {
        from: Duration::ZERO,
        to: DAY,
    };

    /// Its length.
    #[must_use]
    pub fn span(self) -> Duration {
        self.to.saturating_sub(self.from)
    }

    /// Its beginning, since midnight.
    #[must_use]
    pub fn from(self) -> Duration {
        self.from
    }

    /// Its end, since midnight.
    #[must_use]
    pub fn to(self) -> Duration {
        self.to
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |span: Duration| {
            let minutes = span.as_secs() / 60;
            format!("{:02}:{:02}", minutes / 60, minutes % 60)
        };
        write!(out, "{}-{}", clock(self.from), clock(self.to))
    }
}

impl FromStr for Hours {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rule = "must be HH:MM-HH:MM within one day, such as 16:00-22:00";
        let (from, to) = text.split_once('-').ok_or(rule)?;
        let clock = |text: &str| {
            let (hours, minutes) = text.split_once(':')?;
            let two_digits =
                |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            if !(two_digits(hours) && two_digits(minutes)) {
                return None;
            }
            let (hours, minutes): (u64, u64) = (hours.parse().ok()?, minutes.parse().ok()?);
            let clock = Duration::from_mins(60 * hours + minutes);
            (minutes < 60 && clock <= DAY).then_some(clock)
        };
        let (from, to) = (clock(from).ok_or(rule)?, clock(to).ok_or(rule)?);
        if from < to {
            Ok(Self { from, to })
        } else {
            Err(rule)
        }
    }
}
