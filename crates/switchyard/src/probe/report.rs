//! What was found, for people.

use std::fmt::{self, Write};

use switchyard_bounded::Shown;
use switchyard_config::Series;
use switchyard_survey::{Row, Why, candidates, nearest, rows};

use super::{Probed, time::took};

/// The most series of a gauge that are listed.
const MOST_ROWS: usize = 20;
/// The most gauges that are named where the wanted one is not there.
const MOST_CANDIDATES: usize = 5;

pub(super) fn text(probed: &Probed) -> String {
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = write(&mut text, probed);
    text
}

fn write(out: &mut String, probed: &Probed) -> fmt::Result {
    let Probed {
        config,
        name,
        surveyor,
        look,
        prometheus,
    } = probed;
    if let Some(name) = name {
        write!(out, "{name}: ")?;
    }
    write!(out, "GET {}: ", look.url)?;
    match look.status {
        Some(status) => write!(out, "{status}")?,
        None => write!(out, "no whole answer")?,
    }
    write!(out, ", {}, {} bytes", took(look.took), look.size)?;
    if let Some(kind) = &look.content_type {
        write!(out, ", {}", Shown::value(kind))?;
    }
    let metrics = look.page.names().len();
    writeln!(
        out,
        ", {} series of {metrics} metrics",
        look.page.series.len()
    )?;
    // Why there is no page is told below.
    if let Some(why) = look.no_page().filter(|_| look.has_page()) {
        writeln!(out, "  {why}")?;
    }
    unread(out, &look.page.unread)?;
    if look.has_page() && !look.page.series.is_empty() {
        let load = &config.load;
        let read = rows(&look.page, |line| surveyor.judge_load(line));
        gauge(out, "load.metric", &load.metric, &read, probed)?;
        let read = rows(&look.page, |line| surveyor.judge_capacity(line));
        gauge(
            out,
            "load.capacity_metric",
            &load.capacity_metric,
            &read,
            probed,
        )?;
    }
    writeln!(out)?;
    if let Some(asked) = prometheus {
        super::prometheus::write(out, config, asked)?;
    }
    match &look.sample {
        Ok(reading) => {
            write!(out, "sample: load {}", reading.load.units())?;
            match reading.capacity {
                Some(capacity) => write!(out, ", capacity {}", capacity.units())?,
                None => write!(out, ", no capacity")?,
            }
            writeln!(out, ", at most {} old", took(look.took))?;
            if let Some(fault) = &look.capacity_fault {
                writeln!(out, "  without its capacity: {fault}")?;
            }
        }
        Err(failure) => writeln!(out, "no sample: {failure}")?,
    }
    Ok(())
}

/// A gauge that is wanted, and the series that have its name.
fn gauge(
    out: &mut String,
    key: &str,
    wanted: &Series,
    read: &[Row<'_>],
    probed: &Probed,
) -> fmt::Result {
    let page = &probed.look.page;
    let matching = read
        .iter()
        .filter(|row| row.why.as_ref().is_none_or(Why::is_read));
    writeln!(
        out,
        "\n{key}: {wanted}: {} of {} series match",
        matching.count(),
        read.len()
    )?;
    for row in read.iter().take(MOST_ROWS) {
        let Row { series, why } = row;
        match why {
            None => writeln!(out, "  + {series} {}", series.value)?,
            Some(why) if why.is_read() => writeln!(out, "  ! {series} {}: {why}", series.value)?,
            Some(why) => writeln!(out, "  - {series} {}: {why}", series.value)?,
        }
    }
    if read.len() > MOST_ROWS {
        writeln!(out, "  … and {} more", read.len() - MOST_ROWS)?;
    }
    let names = page.names();
    for term in wanted.terms() {
        if names.contains(term.name.as_str()) {
            continue;
        }
        let near = nearest(&term.name, &names);
        write!(out, "  no series is named {}", Shown::value(&term.name))?;
        match &near[..] {
            [] => writeln!(out)?,
            near => writeln!(out, "; similar: {}", near.join(", "))?,
        }
    }
    if key == "load.metric" && read.is_empty() {
        let all = candidates(&[page]);
        let likely: Vec<_> = all
            .iter()
            .filter(|one| one.is_likely)
            .take(MOST_CANDIDATES)
            .map(|one| one.metric.as_str())
            .collect();
        if !likely.is_empty() {
            writeln!(out, "  looks like a load here: {}", likely.join(", "))?;
        }
    }
    Ok(())
}

fn unread(out: &mut String, lines: &[Vec<u8>]) -> fmt::Result {
    let Some(first) = lines.first() else {
        return Ok(());
    };
    let shown = Shown::value(String::from_utf8_lossy(first)).to_string();
    match lines.len() {
        1 => writeln!(out, "  1 line can't be read as a metric: {shown}"),
        many => writeln!(
            out,
            "  {many} lines can't be read as metrics, the first: {shown}"
        ),
    }
}
