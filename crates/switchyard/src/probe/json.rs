//! What was found, for programs.

use anyhow::Context;
use serde_json::{Value, json};
use switchyard_config::Series;
use switchyard_survey::{Row, Why, nearest, rows};

use super::Probed;

pub(super) fn text(probed: &Probed) -> anyhow::Result<String> {
    let Probed {
        config,
        name,
        surveyor,
        look,
        prometheus,
    } = probed;
    let load = rows(&look.page, |line| surveyor.judge_load(line));
    let capacity = rows(&look.page, |line| surveyor.judge_capacity(line));
    let value = json!({
        "substation": name,
        "url": look.url,
        "status": look.status,
        "seconds": look.took.as_secs_f64(),
        "bytes": look.size,
        "content_type": look.content_type,
        "series": look.page.series.len(),
        "metrics": look.page.names().len(),
        "unread_lines": look.page.unread.len(),
        "load": gauge(&config.load.metric, &load, probed),
        "capacity": gauge(&config.load.capacity_metric, &capacity, probed),
        "sample": look.sample.as_ref().ok().map(|reading| json!({
            "load": reading.load.units(),
            "capacity": reading.capacity.map(switchyard_balance::Load::units),
            "age_seconds": look.took.as_secs_f64(),
        })),
        "failure": look.sample.as_ref().err().map(ToString::to_string),
        "capacity_failure": look.capacity_fault.as_ref().map(ToString::to_string),
        "prometheus": prometheus.as_ref().map(super::prometheus::json),
    });
    let text = serde_json::to_string_pretty(&value).context("can't write JSON")?;
    Ok(text + "\n")
}

fn gauge(wanted: &Series, rows: &[Row<'_>], probed: &Probed) -> Value {
    let names = probed.look.page.names();
    let missing = wanted
        .terms()
        .filter(|term| !names.contains(term.name.as_str()));
    let similar =
        missing.map(|term| json!({"name": term.name, "similar": nearest(&term.name, &names)}));
    json!({
        "wanted": wanted.to_string(),
        "series": rows.iter().map(row).collect::<Vec<_>>(),
        "missing": similar.collect::<Vec<_>>(),
    })
}

fn row(row: &Row<'_>) -> Value {
    let labels = row.series.labels.iter().cloned();
    json!({
        "name": row.series.name,
        "labels": labels.collect::<std::collections::BTreeMap<_, _>>(),
        // JSON has no NaN and no infinity.
        "value": row.series.value.is_finite().then_some(row.series.value),
        "matches": row.why.as_ref().is_none_or(Why::is_read),
        "why": row.why.as_ref().map(ToString::to_string),
    })
}
