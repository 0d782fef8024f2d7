//! Readers of single values. Each returns the value, or the rule that it breaks, worded to follow the value in a
//! message.

mod address;
mod source;

pub use address::{Endpoint, check_connectable, parse_endpoint};
pub(super) use address::{address, named_host, resolver, upstream};
pub use source::check_host;
pub(super) use source::{api_url, collector_url, host, targets, url};

use super::{
    KeyRoom, bounds,
    max_requests::{self, MaxRequests},
    pipeline::{self, Pipeline},
    show,
    tree::Node,
};
use bytesize::ByteSize;
use std::{fmt::Display, ops::RangeInclusive, path::PathBuf, str::FromStr, time::Duration};
use switchyard_bounded::yaml::Number;
use switchyard_wire::LARGEST_LOAD;

/// The longest name, in bytes: what one label of a host name may have.
const LONGEST_NAME: usize = 63;
/// The longest duration. More is a mistake in the unit.
const LONGEST: Duration = Duration::from_hours(1);
/// The longest text of a duration, in bytes: `59m 59s 999ms 999us 999ns`. Humantime panics where its sum just
/// passes what a `Duration` holds, which takes one byte more (`5124095576030431h15s1000ms`).
const LONGEST_TEXT: usize = 25;
/// The shortest time between two rounds of scrapes: more frequent polling costs more than it is worth.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);
/// The shortest time between two refreshes of a discovery source.
const SHORTEST_REFRESH: Duration = Duration::from_millis(100);

/// The shortest time between two writings of the state.
const SHORTEST_WRITING: Duration = Duration::from_millis(100);

type Read<T> = Result<T, String>;

/// A list with at least one item and at most `most`.
pub(super) fn list(node: &Node, example: &str, most: usize) -> Read<Vec<Node>> {
    match node {
        Node::List(items) if items.is_empty() => {
            Err(format!("must name at least one, as in `{example}`"))
        }
        Node::List(items) if items.len() > most => {
            Err(format!("has {} items; the most is {most}", items.len()))
        }
        Node::List(items) => Ok(items.clone()),
        other => Err(format!(
            "must be a list, as in `{example}`, not {}",
            other.kind()
        )),
    }
}

/// Anything that implements `FromStr`.
pub(super) fn parsed<T: FromStr<Err: Display>>(node: &Node) -> Read<T> {
    text(node)?
        .parse()
        .map_err(|error: T::Err| error.to_string())
}

/// A list of ranges of IP addresses, which are not read yet; it may be empty.
pub(super) fn networks(node: &Node) -> Read<Vec<Node>> {
    match node {
        Node::List(items) => Ok(items.clone()),
        other => Err(format!(
            "must be a list, as in `[10.0.0.0/8]`, not {}",
            other.kind()
        )),
    }
}

/// A list of ranges of IP addresses, with at least one, which are not read yet.
pub(super) fn some_networks(node: &Node) -> Read<Vec<Node>> {
    match networks(node)? {
        empty if empty.is_empty() => {
            Err("must name at least one range, as in `[10.0.0.0/8]`".to_owned())
        }
        some => Ok(some),
    }
}

/// The name of a substation. It appears in URLs and as a label's value, so it must need no quoting.
pub(super) fn name(node: &Node) -> Read<String> {
    let name = text(node)?;
    check_name(name).map(|()| name.to_owned())
}

/// Checks that `name` is allowed for a substation; else the rule that it breaks.
pub fn check_name(name: &str) -> Read<()> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins_well && name.len() <= LONGEST_NAME && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(format!(
        "must be 1 to {LONGEST_NAME} letters, digits, '_', '.' or '-', the first a letter or digit"
    ))
}

/// The path of a URL. It is sent as it is, so nothing in it may end the request line.
pub(super) fn path(node: &Node) -> Read<String> {
    let path = text(node)?;
    if !path.starts_with('/') {
        Err("must begin with '/', as in /metrics".to_owned())
    } else if !path.bytes().all(|b| b.is_ascii_graphic()) {
        Err("must be visible ASCII without spaces; write anything else as %XX".to_owned())
    } else {
        Ok(path.to_owned())
    }
}

/// The path of a file, relative to the working directory. Whether it exists is not checked here.
pub(super) fn file(node: &Node) -> Read<PathBuf> {
    match text(node)? {
        "" => Err("must be the path of a file".to_owned()),
        path => Ok(path.into()),
    }
}

/// The name of a field in a JSON object.
pub(super) fn field(node: &Node) -> Read<String> {
    match text(node)? {
        "" => Err("must name a field of the request's JSON, as in power_kw".to_owned()),
        field => Ok(field.to_owned()),
    }
}

/// A duration with its unit, above zero.
pub(super) fn duration(node: &Node) -> Read<Duration> {
    match span(node)? {
        value if value.is_zero() || value > LONGEST => {
            Err("must be more than 0 and at most 1h".to_owned())
        }
        value => Ok(value),
    }
}

/// A delay: a duration, zero included.
pub(super) fn lag(node: &Node) -> Read<Duration> {
    match span(node)? {
        value if value > LONGEST => Err("must be at most 1h; 0s is none".to_owned()),
        value => Ok(value),
    }
}

/// A duration with its unit, of any length.
fn span(node: &Node) -> Read<Duration> {
    let unit = "needs its unit, as in 500ms, 2s or 1m";
    let text = match node {
        Node::Number(..) => return Err(unit.to_owned()),
        other => text(other)?.trim(),
    };
    if text.parse::<f64>().is_ok_and(f64::is_finite) {
        return Err(unit.to_owned());
    }
    let value = Some(text)
        .filter(|text| text.len() <= LONGEST_TEXT)
        .and_then(|text| humantime::parse_duration(text).ok());
    value.ok_or_else(|| {
        "is not a duration: write a number and its unit, as in 500ms, 2s or 1m".to_owned()
    })
}

/// The time between two rounds of scrapes.
pub(super) fn interval(node: &Node) -> Read<Duration> {
    match duration(node)? {
        value if value < SHORTEST_INTERVAL => Err(
            "must be 10ms or more: more frequent polling costs more than it is worth".to_owned(),
        ),
        value => Ok(value),
    }
}

/// The time between two refreshes of a source.
pub(super) fn refresh(node: &Node) -> Read<Duration> {
    match duration(node)? {
        value if value < SHORTEST_REFRESH => {
            Err("must be 100ms or more, to spare the source".to_owned())
        }
        value => Ok(value),
    }
}

/// The time between two writings of the state.
pub(super) fn writing(node: &Node) -> Read<Duration> {
    match duration(node)? {
        value if value < SHORTEST_WRITING => {
            Err("must be 100ms or more, to spare the disk".to_owned())
        }
        value => Ok(value),
    }
}

/// True or false.
pub(super) fn boolean(node: &Node) -> Read<bool> {
    match node {
        Node::Bool(value, _) => Ok(*value),
        other => Err(format!("must be true or false, not {}", other.kind())),
    }
}

/// A size in bytes, or with its unit.
pub(super) fn size(range: RangeInclusive<usize>) -> impl Fn(&Node) -> Read<usize> {
    move |node| {
        let bytes = match node {
            Node::Number(number, _) => number.as_u64(),
            other => text(other)?
                .parse::<ByteSize>()
                .ok()
                .map(|size| size.as_u64()),
        };
        let bytes =
            bytes.ok_or("is not a size: write bytes or a number with its unit, as in 64KiB")?;
        let size = usize::try_from(bytes)
            .ok()
            .filter(|size| range.contains(size));
        size.ok_or_else(|| {
            let [least, most] = [*range.start(), *range.end()].map(show::bytes);
            format!("must be from {least} to {most}")
        })
    }
}

/// How many `Idempotency-Key`s are remembered: a number of them, or memory with its unit.
pub(super) fn key_room(node: &Node) -> Read<KeyRoom> {
    match node {
        Node::Number(..) => whole(1..=bounds::MOST_KEYS)(node).map(KeyRoom::Keys),
        Node::Text(text) if text.trim().parse::<f64>().is_ok() => Err(
            "is memory without a unit: write 128MiB, or a number of keys without quotes".to_owned(),
        ),
        other => {
            size(bounds::LEAST_KEY_MEMORY..=bounds::MOST_KEY_MEMORY)(other).map(KeyRoom::Bytes)
        }
    }
}

/// What names in a store begin with.
pub(super) fn prefix(node: &Node) -> Read<String> {
    let prefix = text(node)?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    if !prefix.is_empty() && prefix.len() <= LONGEST_NAME && prefix.bytes().all(allowed) {
        return Ok(prefix.to_owned());
    }
    Err(format!(
        "must be 1 to {LONGEST_NAME} letters, digits, '_', '.' or '-'"
    ))
}

/// A whole number within `range`.
pub(super) fn whole<T>(range: RangeInclusive<T>) -> impl Fn(&Node) -> Read<T>
where
    T: TryFrom<u64> + PartialOrd + Display,
{
    move |node| {
        let value = number(node)?
            .as_u64()
            .and_then(|value| T::try_from(value).ok());
        value.filter(|value| range.contains(value)).ok_or_else(|| {
            format!(
                "must be a whole number from {} to {}",
                range.start(),
                range.end()
            )
        })
    }
}

/// How many requests may be under way to one substation.
pub(super) fn max_requests(node: &Node) -> Read<MaxRequests> {
    let words = (MaxRequests::Auto, MaxRequests::Off);
    words_or_whole(node, words, 1..=max_requests::MOST, MaxRequests::AtMost)
}

/// How many requests may share a connection.
pub(super) fn pipeline(node: &Node) -> Read<Pipeline> {
    let words = (Pipeline::Auto, Pipeline::Off);
    words_or_whole(node, words, 2..=pipeline::MOST, Pipeline::AtMost)
}

/// `auto`, `off`, or a whole number within `range`.
fn words_or_whole<T, V>(
    node: &Node,
    (auto, off): (V, V),
    range: RangeInclusive<T>,
    number: impl FnOnce(T) -> V,
) -> Read<V>
where
    T: TryFrom<u64> + PartialOrd + Display,
{
    match node {
        Node::Text(word) if word == "auto" => Ok(auto),
        Node::Text(word) if word == "off" => Ok(off),
        Node::Number(..) => whole(range)(node).map(number),
        _ => Err(format!(
            "must be auto, off or a whole number from {} to {}",
            range.start(),
            range.end()
        )),
    }
}

/// A load or a capacity.
pub(super) fn load(node: &Node) -> Read<f64> {
    check_load(Some(number(node)?.as_f64()))
}

/// Checks that `value` is a number that a load or a capacity can have; else the rule that it breaks.
pub fn check_load(value: Option<f64>) -> Read<f64> {
    const {
        assert!(
            LARGEST_LOAD.to_bits() == switchyard_balance::load::LARGEST.to_bits(),
            "the contract is that of the ledger"
        );
    }
    match value {
        Some(value) if value.is_finite() && value > LARGEST_LOAD => Err(format!(
            "must be at most {LARGEST_LOAD:e}: use a larger unit here and in the load gauge, as gigabytes in place of \
             bytes"
        )),
        Some(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("must be a number above 0, and finite".to_owned()),
    }
}

/// A share, from 0 to 1.
pub(super) fn share(node: &Node) -> Read<f64> {
    let value = Some(number(node)?.as_f64()).filter(|value| (0.0..=1.0).contains(value));
    value.ok_or_else(|| "must be a number from 0 to 1, as in 0.2 for one in five".to_owned())
}

/// A share of a capacity by which a choice may be worse than the best.
pub(super) fn tolerance(node: &Node) -> Read<f64> {
    let range = 0.0..=bounds::MOST_TOLERANCE;
    let value = Some(number(node)?.as_f64()).filter(|value| range.contains(value));
    value.ok_or_else(|| {
        let most = range.end();
        format!("must be a number from 0 to {most}, as in 0.001 for a thousandth of a capacity")
    })
}

fn number(node: &Node) -> Read<Number> {
    match node {
        Node::Number(number, _) => Ok(*number),
        Node::Text(text) if text.parse::<f64>().is_ok() => {
            Err("must be a number: remove the quotes".to_owned())
        }
        other => Err(format!("must be a number, not {}", other.kind())),
    }
}

/// Text, or a number or truth value as it is written.
pub(super) fn text_as_written(node: &Node) -> Read<&str> {
    match node {
        Node::Text(text) | Node::Number(_, text) | Node::Bool(_, text) => Ok(text),
        other => Err(format!("must be text, not {}", other.kind())),
    }
}

pub(super) fn text(node: &Node) -> Read<&str> {
    match node {
        Node::Text(text) => Ok(text),
        Node::Number(..) | Node::Bool(..) => Err(format!(
            "must be text: put it in quotes, as in \"{}\"",
            node.shown()
        )),
        other => Err(format!("must be text, not {}", other.kind())),
    }
}
