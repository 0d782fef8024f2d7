//! Names on the wire: paths, headers and gauges.

/// Where clients book a charge.
pub const REQUEST_CHARGE: &str = "/request_charge";
/// The older name of [`REQUEST_CHARGE`].
pub const ASSIGN_SUBSTATION: &str = "/assign_substation";
/// The path of sessions, at the proxy and at the substations; a session's id follows.
pub const SESSIONS: &str = "/sessions/";

/// The header that carries a request's id, both ways.
pub const REQUEST_ID: &str = "x-request-id";
/// The header that names the substation that answered.
pub const SUBSTATION: &str = "x-substation";
/// The header under which a request may be repeated without booking twice.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The header with which an error names the substation that holds the request's key and may have booked, and with which a
/// repetition says so to another proxy.
pub const POSSIBLE_HOLDER: &str = "x-possible-holder";
/// The header with which a substation says that it has answered a key again, and booked nothing more.
pub const IDEMPOTENT_REPLAYED: &str = "idempotent-replayed";
/// The header in which a client says how long it will wait for room, as in `750ms`.
pub const REQUEST_TIMEOUT: &str = "x-request-timeout";
/// The header in which a substation may report its load on an answer (ORCA).
pub const ENDPOINT_LOAD_METRICS: &str = "endpoint-load-metrics";

/// The default gauge of a substation's current load.
pub const LOAD_GAUGE: &str = "substation_current_load";
/// The default gauge of a substation's capacity.
pub const CAPACITY_GAUGE: &str = "substation_capacity";
/// The series with which a substation says its name, in the label [`INFO_NAME`].
pub const INFO_GAUGE: &str = "substation_info";
/// The label of [`INFO_GAUGE`] whose value is the name that session ids begin with.
pub const INFO_NAME: &str = "name";
