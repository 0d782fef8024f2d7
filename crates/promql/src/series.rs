//! One series of an answer, as JSON has it.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// A value and when it was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The time by the clock of the server, in milliseconds since the Unix epoch.
    pub stamp: i64,
    /// The value; any number, and none ([`f64::NAN`]).
    pub value: f64,
}

/// One series of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Series<'a> {
    /// The value of the label that is looked for; `None` if the series does not have it.
    pub label: Option<Cow<'a, str>>,
    /// Its last sample.
    pub last: Point,
    /// When the sample before that was read, as [`Point::stamp`].
    pub before: Option<i64>,
    /// Whether this is the only sample because one was asked for: its time is then that of the question.
    pub is_instant: bool,
}

/// Reads a series, and of its labels the one with this name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeriesWith<'l>(pub(crate) &'l str);

impl<'de> DeserializeSeed<'de> for SeriesWith<'_> {
    type Value = Series<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for SeriesWith<'_> {
    type Value = Series<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a series")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let (mut label, mut points, mut is_instant) = (None, None, false);
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Metric => label = map.next_value_seed(LabelOf(self.0))?,
                Key::Values => points = Some(map.next_value::<LastPoints>()?),
                Key::Value => {
                    let Pair(last) = map.next_value()?;
                    points = Some(LastPoints {
                        last: Some(last),
                        before: None,
                    });
                    is_instant = true;
                }
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let points = points.unwrap_or_default();
        let last = points
            .last
            .ok_or_else(|| M::Error::custom("a series without a sample that is a number"))?;
        Ok(Series {
            label,
            last,
            before: points.before,
            is_instant,
        })
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Metric,
    Values,
    Value,
    #[serde(other)]
    Other,
}

/// The value of the label with this name.
struct LabelOf<'l>(&'l str);

impl<'de> DeserializeSeed<'de> for LabelOf<'_> {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LabelOf<'_> {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("labels")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut found = None;
        while let Some(is_it) = map.next_key_seed(Is(self.0))? {
            if is_it {
                found = Some(map.next_value::<Text<'de>>()?.0);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Whether a text is this one.
struct Is<'l>(&'l str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a label")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        Ok(text == self.0)
    }
}

/// A text, copied only where JSON escapes a part of it.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The last of many points, and the time of the one before.
#[derive(Default)]
struct LastPoints {
    last: Option<Point>,
    before: Option<i64>,
}

impl<'de> Deserialize<'de> for LastPoints {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Points;

        impl<'de> Visitor<'de> for Points {
            type Value = LastPoints;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("samples")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut all: S) -> Result<LastPoints, S::Error> {
                let mut points = LastPoints::default();
                while let Some(Pair(point)) = all.next_element()? {
                    // They come in the order of their times; if not, the latest counts.
                    match points.last {
                        Some(last) if last.stamp >= point.stamp => {}
                        last => {
                            points.before = last.map(|last| last.stamp);
                            points.last = Some(point);
                        }
                    }
                }
                Ok(points)
            }
        }

        from.deserialize_seq(Points)
    }
}

/// A point, written as `[1732908123.456, "42"]`.
struct Pair(Point);

impl<'de> Deserialize<'de> for Pair {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Two;

        impl<'de> Visitor<'de> for Two {
            type Value = Pair;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time and a value")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut two: S) -> Result<Pair, S::Error> {
                let missing = |at| S::Error::invalid_length(at, &"a time and a value");
                let seconds: f64 = two.next_element()?.ok_or_else(|| missing(0))?;
                let Number(value) = two.next_element()?.ok_or_else(|| missing(1))?;
                Ok(Pair(Point {
                    stamp: millis(seconds),
                    value,
                }))
            }
        }

        from.deserialize_seq(Two)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast of a float saturates"
)]
fn millis(seconds: f64) -> i64 {
    (seconds * 1_000.0).round() as i64
}

/// A number in quotes.
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Quoted;

        impl Visitor<'_> for Quoted {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number in quotes")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                let number = text.parse().map(Number);
                number.map_err(|_| E::custom(format_args!("{text:?} is no number")))
            }
        }

        from.deserialize_str(Quoted)
    }
}
