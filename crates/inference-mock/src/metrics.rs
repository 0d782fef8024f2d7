//! The page of metrics: the gauges and counters of vLLM that say what a server does.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::Engine;

/// So many tokens fit into the memory for keys and values.
const CACHE_TOKENS: u32 = 400_000;

pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The whole page.
pub(crate) fn page(engine: &Engine) -> String {
    let counts = engine.counts();
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let labels = format!("engine=\"0\",model_name={:?}", engine.settings().model);
    let held = u32::try_from(read(&counts.held_tokens)).unwrap_or(CACHE_TOKENS);
    let used = (f64::from(held) / f64::from(CACHE_TOKENS)).min(1.0);
    let mut page = String::with_capacity(2048);
    let mut family = |name: &str, kind: &str, help: &str, samples: &[(&str, f64)]| {
        let _ = writeln!(page, "# HELP vllm:{name} {help}\n# TYPE vllm:{name} {kind}");
        for (more, value) in samples {
            let _ = writeln!(page, "vllm:{name}{{{labels}{more}}} {value:?}");
        }
    };
    #[expect(clippy::cast_precision_loss, reason = "Prometheus' values are floats")]
    let one = |count: &AtomicU64| [("", read(count) as f64)];
    family(
        "num_requests_running",
        "gauge",
        "Number of requests in model execution batches.",
        &one(&counts.running),
    );
    family(
        "num_requests_waiting",
        "gauge",
        "Number of requests waiting to be processed.",
        &one(&counts.waiting),
    );
    family(
        "kv_cache_usage_perc",
        "gauge",
        "KV-cache usage. 1 means 100 percent usage.",
        &[("", used)],
    );
    family(
        "prompt_tokens_total",
        "counter",
        "Number of prefill tokens processed.",
        &one(&counts.prompt_tokens),
    );
    family(
        "generation_tokens_total",
        "counter",
        "Number of generation tokens processed.",
        &one(&counts.generated_tokens),
    );
    let [stopped, cut, aborted] =
        [&counts.stopped, &counts.cut, &counts.aborted].map(|count| one(count)[0].1);
    family(
        "request_success_total",
        "counter",
        "Count of successfully processed requests.",
        &[
            (",finished_reason=\"stop\"", stopped),
            (",finished_reason=\"length\"", cut),
            (",finished_reason=\"abort\"", aborted),
        ],
    );
    page
}
