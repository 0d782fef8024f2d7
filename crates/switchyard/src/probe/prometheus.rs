//! What Prometheus says of a substation, where `load.prometheus` has it asked in place of the substations.

use std::{
    fmt::{self, Write},
    time::Duration,
};

use serde_json::{Value, json};
use switchyard_config::{Config, Prometheus, Substation};
use switchyard_promql::Client;
use tokio::time::timeout;

/// How far back samples are asked for: the longest interval between scrapes that is usual, and then some.
const RANGE: Duration = Duration::from_mins(5);

/// What Prometheus has of one substation.
pub(super) struct Sample {
    load: f64,
    /// How old its last sample is, by the clock of this machine.
    age: Duration,
    /// How many series the answer has, those of other substations included.
    series: usize,
}

/// Asks for the load of `substation`, as a round of queries does, or says why there is none.
pub(super) async fn ask(settings: &Prometheus, substation: &Substation) -> Result<Sample, String> {
    let client = Client::new(settings);
    let asked = async {
        let mut session = client.connect().await?;
        let mut found = Vec::new();
        let own = [
            substation.address.to_string(),
            substation.authority(),
            substation.name.clone(),
        ];
        let mut take = |series: switchyard_promql::Series<'_>| {
            if series
                .label
                .as_deref()
                .is_some_and(|label| own.iter().any(|one| one == label))
            {
                found.push(series.last);
            }
        };
        let answer = session.samples(RANGE, &mut take).await?;
        Ok::<_, switchyard_promql::QueryError>((found, answer))
    };
    let (found, answer) = timeout(client.timeout(), asked)
        .await
        .map_err(|_| {
            format!(
                "no complete answer within {:?} (load.prometheus.timeout)",
                client.timeout()
            )
        })?
        .map_err(|error| error.to_string())?;
    let label = &settings.matching.label;
    match &found[..] {
        [last] => Ok(Sample {
            load: last.value,
            age: Duration::from_millis(u64::try_from(answer.received_at - last.stamp).unwrap_or(0)),
            series: answer.series,
        }),
        [] => Err(format!(
            "none of the {} series of {} has a label {label} that is {} or its name (load.prometheus.match.label)",
            answer.series, settings.query, substation.address
        )),
        several => Err(format!(
            "{} series of {} have a label {label} that names it: narrow the query",
            several.len(),
            settings.query
        )),
    }
}

pub(super) fn write(
    out: &mut String,
    config: &Config,
    asked: &Result<Sample, String>,
) -> fmt::Result {
    let Some(settings) = &config.load.prometheus else {
        return Ok(());
    };
    writeln!(
        out,
        "This configuration scrapes no substation: the proxy asks Prometheus at {} for {} (load.prometheus).\n\
         What stands above and below is what a scrape would read.",
        settings.url, settings.query
    )?;
    match asked {
        Ok(sample) => writeln!(
            out,
            "sample from Prometheus: load {}, {} old; {} series in all",
            sample.load,
            super::time::took(sample.age),
            sample.series
        ),
        Err(why) => writeln!(out, "no sample from Prometheus: {why}"),
    }
}

pub(super) fn json(asked: &Result<Sample, String>) -> Value {
    match asked {
        Ok(sample) => json!({
            "load": sample.load.is_finite().then_some(sample.load),
            "age_seconds": sample.age.as_secs_f64(),
            "series": sample.series,
        }),
        Err(why) => json!({"failure": why}),
    }
}
