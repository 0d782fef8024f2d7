//! Gauges of programs that many run, and names by which gauges of load usually go.

/// What a load counts, which decides how much of it one request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Power: the request says how much it wants.
    Power,
    /// Requests that are answered when they end: one request is one.
    Requests,
    /// Sessions, players, connections, which outlive the answer: one request is one.
    Sessions,
    /// Something else.
    Other,
}

/// A gauge, or a sum of gauges, that is known to be a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The program that shows it.
    pub program: &'static str,
    /// The gauges that are added, as `load.metric` has them.
    pub load: &'static [&'static str],
    /// The gauge of the capacity, if there is one.
    pub capacity: Option<&'static str>,
    /// What it counts.
    pub unit: Unit,
    /// Whether the program speaks OpenAI's API.
    pub is_openai: bool,
}

const fn inference(program: &'static str, load: &'static [&'static str]) -> Known {
    Known {
        program,
        load,
        capacity: None,
        unit: Unit::Requests,
        is_openai: true,
    }
}

/// What is known, the likeliest first.
pub(super) const KNOWN: [Known; 7] = [
    Known {
        program: "a substation",
        load: &[switchyard_wire::names::LOAD_GAUGE],
        capacity: Some(switchyard_wire::names::CAPACITY_GAUGE),
        unit: Unit::Power,
        is_openai: false,
    },
    inference(
        "vLLM",
        &["vllm:num_requests_running", "vllm:num_requests_waiting"],
    ),
    inference(
        "SGLang",
        &["sglang:num_running_reqs", "sglang:num_queue_reqs"],
    ),
    inference(
        "llama.cpp",
        &["llamacpp:requests_processing", "llamacpp:requests_deferred"],
    ),
    inference(
        "Text Generation Inference",
        &["tgi_batch_current_size", "tgi_queue_size"],
    ),
    Known {
        program: "Selenium Grid",
        load: &["selenium_grid_session_count"],
        capacity: Some("selenium_grid_max_session"),
        unit: Unit::Sessions,
        is_openai: false,
    },
    Known {
        program: "node_exporter",
        load: &["node_load1"],
        capacity: None,
        unit: Unit::Other,
        is_openai: false,
    },
];

/// Ends of names that gauges of load usually have, each with what it counts: the likeliest first.
pub(super) const USUAL: [(&str, Unit); 20] = [
    ("_current_load", Unit::Other),
    ("_requests_in_flight", Unit::Requests),
    ("_in_flight", Unit::Requests),
    ("_inflight", Unit::Requests),
    ("_requests_in_progress", Unit::Requests),
    ("_in_progress", Unit::Requests),
    ("_active_requests", Unit::Requests),
    ("_requests_active", Unit::Requests),
    ("_players_online", Unit::Sessions),
    ("_players_connected", Unit::Sessions),
    ("_players", Unit::Sessions),
    ("_active_sessions", Unit::Sessions),
    ("_sessions_active", Unit::Sessions),
    ("_sessions", Unit::Sessions),
    ("_active_connections", Unit::Sessions),
    ("_connections_active", Unit::Sessions),
    ("_connections", Unit::Sessions),
    ("_active_jobs", Unit::Requests),
    ("_queue_depth", Unit::Requests),
    ("_load", Unit::Other),
];

/// Ends of names of capacities.
pub(super) const CAPACITIES: [&str; 8] = [
    "_capacity",
    "_players_max",
    "_max_players",
    "_max_sessions",
    "_sessions_max",
    "_slots",
    "_limit",
    "_max",
];

/// Beginnings and ends of names that are no load of a backend, whatever else they say: of a runtime, of an exporter itself.
pub(super) const NEVER: [&str; 9] = [
    "process_",
    "go_",
    "python_",
    "jvm_",
    "nodejs_",
    "promhttp_",
    "prometheus_",
    "scrape_",
    "otel_",
];
/// Ends of such names.
pub(super) const NEVER_ENDS: [&str; 5] = ["_info", "_bytes", "_seconds", "_created", "_timestamp"];
