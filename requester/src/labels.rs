//! What else cars ask for, in fields of the body or in headers: a connector, a zone.
//!
//! A value is drawn from the seed, the label's name and the car's number alone. So every kind of load can have labels, a
//! replay too, and another label changes no other draw.

use std::fmt::{self, Write};
use std::sync::Arc;

use fastrand::Rng;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::error::Error;
use crate::vehicle::Vehicle;

/// The fields that every request has already.
const OWN_FIELDS: [&str; 3] = ["vehicle_id", "power_kw", "energy_kwh"];

/// The headers that the load generator or its HTTP library writes.
const OWN_HEADERS: [HeaderName; 8] = [
    header::HOST,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::EXPECT,
    header::UPGRADE,
    header::TE,
];

/// Where a request says it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// In a field of the JSON body.
    Field,
    /// In a header.
    Header(HeaderName),
}

/// A field or a header, and how often each value of it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    place: Place,
    name: String,
    values: Vec<Value>,
    total: f64,
}

#[derive(Clone, Debug, PartialEq)]
struct Value {
    text: String,
    /// As it is sent in the body or the header; nothing if the text is empty.
    sent: Option<Sent>,
    /// The sum of the weights up to and including its own.
    upto: f64,
}

#[derive(Clone, Debug, PartialEq)]
enum Sent {
    /// A comma, the name and the value, in JSON.
    Json(String),
    Header(HeaderValue),
}

impl Label {
    /// A field of the body, from `NAME=VALUE:WEIGHT,VALUE:WEIGHT…`. A value without a weight has weight 1. An empty value
    /// leaves the field out. A number, `true` or `false` is sent as such, and anything else as a string.
    pub fn field(text: &str) -> Result<Self, String> {
        let (name, values) = parts(text)?;
        if OWN_FIELDS.contains(&name) {
            return Err(format!("{name} is in every request already"));
        }
        let quoted = serde_json::Value::from(name);
        Self::new(Place::Field, name, values, |text| {
            // A number keeps how it was written.
            let is_plain = serde_json::from_str::<serde_json::Value>(text)
                .is_ok_and(|value| value.is_number() || value.is_boolean());
            let value = if is_plain {
                text.to_owned()
            } else {
                serde_json::Value::from(text).to_string()
            };
            Ok(Sent::Json(format!(",{quoted}:{value}")))
        })
    }

    /// A header, written in the same way.
    pub fn header(text: &str) -> Result<Self, String> {
        let (name, values) = parts(text)?;
        let header: HeaderName = name
            .parse()
            .map_err(|_| format!("{name:?} is not the name of a header"))?;
        if OWN_HEADERS.contains(&header) {
            return Err(format!("{name} is set by the load generator itself"));
        }
        Self::new(Place::Header(header), name, values, |text| {
            HeaderValue::from_str(text)
                .map(Sent::Header)
                .map_err(|_| format!("{text:?} can't be the value of a header"))
        })
    }

    fn new(
        place: Place,
        name: &str,
        values: &str,
        send: impl Fn(&str) -> Result<Sent, String>,
    ) -> Result<Self, String> {
        let mut label = Self {
            place,
            name: name.to_owned(),
            values: Vec::new(),
            total: 0.0,
        };
        for part in values.split(',') {
            let (text, weight) = weighted(part.trim())?;
            if label.values.iter().any(|value| value.text == text) {
                return Err(format!("{text:?} is there twice"));
            }
            label.total += weight;
            label.values.push(Value {
                text: text.to_owned(),
                sent: Some(text)
                    .filter(|text| !text.is_empty())
                    .map(&send)
                    .transpose()?,
                upto: label.total,
            });
        }
        if !label.total.is_finite() || label.total <= 0.0 {
            return Err("the weights of all values together must be above 0".to_owned());
        }
        Ok(label)
    }

    /// Its name, as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a header, and not a field.
    #[must_use]
    pub fn is_header(&self) -> bool {
        matches!(self.place, Place::Header(_))
    }

    /// Its values. The empty one stands for requests without it.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|value| value.text.as_str())
    }

    /// The position of the value that a car asks for.
    pub(crate) fn draw(&self, vehicle: &Vehicle) -> usize {
        let kind = if self.is_header() {
            "header "
        } else {
            "field "
        };
        let of_label = kind.bytes().chain(self.name.bytes()).fold(FNV_BASIS, fnv);
        let of_car = vehicle
            .run
            .to_le_bytes()
            .into_iter()
            .chain(vehicle.number.to_le_bytes());
        let mut rng = Rng::with_seed(of_car.fold(of_label, fnv));
        // The first draws of seeds that differ by little are alike.
        rng.u64(..);
        let drawn = rng.f64() * self.total;
        let found = self.values.iter().position(|value| drawn < value.upto);
        // Rounding may give the total itself, hence the last value.
        found.unwrap_or(self.values.len().saturating_sub(1))
    }

    fn drawn(&self, vehicle: &Vehicle) -> Option<&Sent> {
        self.values.get(self.draw(vehicle))?.sent.as_ref()
    }
}

const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
}

fn parts(text: &str) -> Result<(&str, &str), String> {
    let parts = text.split_once('=');
    let parts = parts.map(|(name, values)| (name.trim(), values.trim()));
    parts.filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
        "must be NAME=VALUE:WEIGHT,…, as in connector_type=ccs:0.6,type2:0.4".to_owned()
    })
}

/// A value and its weight, which follows the last colon.
fn weighted(part: &str) -> Result<(&str, f64), String> {
    let Some((text, weight)) = part.rsplit_once(':') else {
        return Ok((part, 1.0));
    };
    let number = weight.trim().parse::<f64>().ok();
    let number = number.filter(|weight| weight.is_finite() && *weight >= 0.0);
    number
        .map(|weight| (text.trim(), weight))
        .ok_or_else(|| format!("{part:?}: the weight after the colon must be a number from 0 up"))
}

/// All labels of a run.
#[derive(Clone, Debug, Default)]
pub struct Labels(Arc<[Label]>);

impl Labels {
    /// The labels, in this order.
    #[must_use]
    pub fn new(labels: impl IntoIterator<Item = Label>) -> Self {
        Self(labels.into_iter().collect())
    }

    /// The labels.
    pub fn iter(&self) -> impl Iterator<Item = &Label> {
        self.0.iter()
    }

    /// An error if a field or a header is there twice.
    pub(crate) fn check(&self) -> Result<(), Error> {
        for (at, label) in self.0.iter().enumerate() {
            let before = self.0.iter().take(at);
            let mut same = before.filter(|other| match (&other.place, &label.place) {
                (Place::Field, Place::Field) => other.name == label.name,
                (Place::Header(one), Place::Header(other)) => one == other,
                _ => false,
            });
            if same.next().is_some() {
                return Err(Error::Option {
                    option: if label.is_header() {
                        "--header"
                    } else {
                        "--field"
                    },
                    value: label.name.clone(),
                    rule: "given once, with all its values",
                });
            }
        }
        Ok(())
    }

    /// Writes the body of a car's request, with its fields unless it is malformed.
    pub(crate) fn write_body(&self, vehicle: &Vehicle, out: &mut impl Write) -> fmt::Result {
        if vehicle.malformed.is_some() {
            return vehicle.write_body(out);
        }
        vehicle.write_open_body(out)?;
        for label in self.0.iter() {
            if let Some(Sent::Json(json)) = label.drawn(vehicle) {
                out.write_str(json)?;
            }
        }
        out.write_char('}')
    }

    /// Adds a car's headers.
    pub(crate) fn insert_headers(&self, vehicle: &Vehicle, headers: &mut HeaderMap) {
        for label in self.0.iter() {
            if let (Place::Header(name), Some(Sent::Header(value))) =
                (&label.place, label.drawn(vehicle))
            {
                headers.insert(name, value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests;
