//! One sending of a request, over either protocol.

use std::time::Duration;

use serde_json::{Value, json};
use switchyard_wire::names::{
    IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED, POSSIBLE_HOLDER, REQUEST_CHARGE, REQUEST_ID, SESSIONS,
    SUBSTATION,
};

use super::super::event::{Answer, Ask, RequestId};

/// How a client behaves in one sending.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Manner {
    /// It leaves so long after it has sent, unless the answer comes first.
    pub(super) leaves: Option<Duration>,
    /// It sends in pieces, with such a pause between two.
    pub(super) dribbles: Option<Duration>,
    /// It begins to read so late.
    pub(super) sips: Option<Duration>,
}

/// A request as both protocols send it.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Sent {
    pub(super) fn of(request: RequestId, ask: &Ask) -> Self {
        let mut headers = vec![(REQUEST_ID, request.to_string())];
        let (method, path, body) = match ask {
            Ask::Charge {
                key,
                load,
                lasts,
                holder,
            } => {
                headers.extend(key.clone().map(|key| (IDEMPOTENCY_KEY, key)));
                headers.extend(holder.clone().map(|holder| (POSSIBLE_HOLDER, holder)));
                let energy = load * lasts.as_secs_f64() / 3600.0;
                let vehicle = format!("c{}", request.client);
                let body = json!({"power_kw": load, "energy_kwh": energy, "vehicle_id": vehicle});
                (
                    "POST",
                    REQUEST_CHARGE.to_owned(),
                    body.to_string().into_bytes(),
                )
            }
            Ask::Look { session } => ("GET", format!("{SESSIONS}{session}"), Vec::new()),
            Ask::Unplug { session } => ("DELETE", format!("{SESSIONS}{session}"), Vec::new()),
        };
        Self {
            method,
            path,
            headers,
            body,
        }
    }
}

/// What an answer says. None: it is no JSON where it has to be.
pub(super) fn read<'a>(
    status: u16,
    header: impl Fn(&str) -> Option<&'a str>,
    body: &[u8],
) -> Answer {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let error = body.get("error");
    Answer {
        status,
        code: error.and_then(|error| text(error.get("code")?)),
        message: error.and_then(|error| text(error.get("message")?)),
        session: body.get("session_id").and_then(text),
        substation: header(SUBSTATION).map(str::to_owned),
        is_replay: header(IDEMPOTENT_REPLAYED) == Some("true"),
        holder: header(POSSIBLE_HOLDER).map(str::to_owned),
        retry_after: header("retry-after").and_then(|after| after.parse().ok()),
    }
}
