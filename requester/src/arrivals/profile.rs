//! When in the day cars come, from measured tables.
//!
//! The tables hold what part of a day's sessions begins in each quarter of an hour, in thousandths of a
//! percent. They are those that Elaad, the Dutch grid operators' knowledge centre, published on
//! platform.elaad.io, as the simulator `ev2gym` passes them on (`distribution-of-arrival.csv`), rounded.
//! The energies are of the same source (`distribution-of-energy-demand.csv`): a log-normal distribution has
//! two degrees of freedom, which the measured mean and median fix; the measured top tenth then comes out
//! within a sixth.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::Error;
use crate::arrivals::{Curve, Piece};
use crate::vehicle::LogNormal;

/// Quarters of an hour in a day.
const QUARTERS: usize = 96;
const QUARTER: Duration = Duration::from_mins(15);
const DAY: Duration = Duration::from_hours(24);

/// More cars a day than there are.
const MAX_SESSIONS: f64 = 1e12;

/// Where cars are plugged in, and therefore when, and for how much.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Profile {
    /// At home: the peak is at a quarter past six in the evening, with 4.56 % of the day's cars.
    Home,
    /// In the street: a hump in the morning, the peak at the same time as at home.
    Public,
    /// At work: 59 % come between seven and ten in the morning.
    Work,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Home, Self::Public, Self::Work];

    /// The part of a day's cars that comes in each quarter of an hour from midnight; the sum is 1.
    pub fn quarters(self) -> impl Iterator<Item = f64> + Clone {
        let table = self.table();
        let total: f64 = table.iter().copied().map(f64::from).sum();
        table.iter().map(move |part| f64::from(*part) / total)
    }

    /// What cars take there: the measured mean and median, as a log-normal distribution.
    #[must_use]
    pub fn energy(self) -> LogNormal {
        match self {
            Self::Home => LogNormal::known(23.9, 19.4),
            Self::Public => LogNormal::known(11.9, 7.2),
            Self::Work => LogNormal::known(12.4, 8.8),
        }
    }

    /// The arrivals of so many cars a day, of which those come that arrive within `hours`, in the time of
    /// `duration`.
    pub fn curve(self, sessions: f64, hours: Hours, duration: Duration) -> Result<Curve, Error> {
        if !(sessions > 0.0 && sessions <= MAX_SESSIONS) {
            return Err(Error::Option {
                option: "--sessions",
                value: sessions.to_string(),
                rule: "a number above 0, at most 1000000000000",
            });
        }
        if duration.is_zero() {
            return Err(Error::Option {
                option: "--duration",
                value: "0s".to_owned(),
                rule: "above 0, at most 366 days",
            });
        }
        let scale = duration.as_secs_f64() / hours.span().as_secs_f64();
        let begins = (0..).map(|number| QUARTER * number);
        let pieces = begins.zip(self.quarters()).filter_map(|(begin, part)| {
            let from = begin.max(hours.from);
            let to = (begin + QUARTER).min(hours.to);
            let length = to.checked_sub(from).filter(|length| !length.is_zero())?;
            let within = part * sessions * length.as_secs_f64() / QUARTER.as_secs_f64();
            let length = length.mul_f64(scale);
            Some(Piece::flat(length, within / length.as_secs_f64()))
        });
        Curve::new(pieces.collect::<Vec<_>>())
    }

    fn table(self) -> &'static [u16; QUARTERS] {
        match self {
            Self::Home => &HOME,
            Self::Public => &PUBLIC,
            Self::Work => &WORK,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Home => "home",
            Self::Public => "public",
            Self::Work => "work",
        })
    }
}

impl FromStr for Profile {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |profile: &Self| profile.to_string() == text;
        let found = Self::ALL.into_iter().find(named);
        found.ok_or("must be home, public or work")
    }
}

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

    /// How long it is.
    #[must_use]
    pub fn span(self) -> Duration {
        self.to.saturating_sub(self.from)
    }

    /// When it begins, since midnight.
    #[must_use]
    pub fn from(self) -> Duration {
        self.from
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

/// Private chargers.
#[rustfmt::skip]
const HOME: [u16; QUARTERS] = [
    868, 591, 403, 266, 196, 147, 112, 72, // 00:00
    79, 50, 36, 43, 32, 32, 28, 28, // 02:00
    24, 29, 24, 36, 21, 14, 18, 24, // 04:00
    45, 27, 34, 67, 84, 115, 204, 170, // 06:00
    229, 238, 420, 497, 339, 283, 259, 246, // 08:00
    248, 282, 292, 311, 342, 350, 411, 439, // 10:00
    478, 545, 590, 564, 556, 571, 554, 546, // 12:00
    608, 617, 690, 761, 757, 884, 981, 1033, // 14:00
    1106, 1322, 1481, 1773, 2250, 2717, 3264, 3918, // 16:00
    4551, 4557, 4197, 3718, 3365, 3099, 2649, 2431, // 18:00
    2359, 2301, 2244, 2194, 2178, 2317, 2207, 2230, // 20:00
    2266, 2296, 2334, 2220, 2134, 1800, 1450, 1234, // 22:00
];

/// Public chargers.
#[rustfmt::skip]
const PUBLIC: [u16; QUARTERS] = [
    348, 251, 220, 163, 139, 128, 105, 80, // 00:00
    74, 65, 55, 50, 44, 41, 40, 39, // 02:00
    38, 37, 44, 44, 51, 51, 54, 61, // 04:00
    85, 118, 195, 330, 565, 590, 854, 1223, // 06:00
    1571, 1713, 2157, 2420, 2469, 1962, 1714, 1573, // 08:00
    1520, 1210, 1187, 1195, 1270, 1113, 1112, 1161, // 10:00
    1321, 1283, 1348, 1397, 1469, 1306, 1289, 1283, // 12:00
    1341, 1178, 1223, 1279, 1319, 1242, 1270, 1295, // 14:00
    1360, 1342, 1420, 1537, 1725, 1916, 2215, 2484, // 16:00
    2754, 2808, 2770, 2574, 2443, 2089, 1872, 1661, // 18:00
    1515, 1285, 1167, 1085, 1055, 994, 970, 943, // 20:00
    922, 859, 828, 760, 683, 619, 534, 446, // 22:00
];

/// Chargers at work.
#[rustfmt::skip]
const WORK: [u16; QUARTERS] = [
    9, 7, 8, 5, 0, 0, 0, 1, // 00:00
    0, 1, 0, 0, 3, 0, 1, 9, // 02:00
    5, 7, 19, 97, 301, 365, 347, 412, // 04:00
    879, 942, 987, 1518, 2806, 3690, 3677, 4082, // 06:00
    5289, 6344, 7280, 7746, 6826, 4627, 3503, 3109, // 08:00
    2701, 1847, 1688, 1497, 1404, 1097, 1151, 1287, // 10:00
    1397, 1273, 1187, 1541, 1522, 1227, 1319, 1213, // 12:00
    1203, 968, 902, 915, 869, 696, 744, 735, // 14:00
    620, 583, 503, 336, 369, 295, 187, 166, // 16:00
    198, 160, 100, 124, 144, 135, 122, 104, // 18:00
    94, 85, 73, 52, 47, 28, 32, 35, // 20:00
    20, 20, 23, 13, 13, 12, 13, 5, // 22:00
];

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;
