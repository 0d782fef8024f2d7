//! From a request to what is answered.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use switchyard_wire::names::{ENDPOINT_LOAD_METRICS, LOAD_GAUGE, SESSIONS};
use tokio::time::sleep;

use super::{
    super::{
        event::{Release, RequestId, What},
        http::Request,
        plan::Lasts,
    },
    Substation,
    account::{Demand, Refused, Session},
    manners::Fate,
};

/// The load of a charge that says none.
const USUAL_LOAD: f64 = 11.0;
/// How long its session lasts.
const USUAL_TIME: Duration = Duration::from_secs(10);

/// What is written, and what happens then.
#[derive(Debug)]
pub(super) enum Reply {
    /// All of it.
    Whole(Vec<u8>),
    /// So many bytes of it; then the connection ends.
    Cut(Vec<u8>, usize),
    /// Nothing, and the connection stays.
    Silence,
    /// Nothing, and the connection ends.
    End,
}

/// An answer of HTTP/1.1; `headers` end with a line's end.
pub(super) fn answer(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status} x\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn json_answer(status: u16, headers: &str, body: &Value) -> Vec<u8> {
    answer(
        status,
        &format!("content-type: application/json\r\n{headers}"),
        body.to_string().as_bytes(),
    )
}

fn error(status: u16, headers: &str, code: &str) -> Vec<u8> {
    json_answer(
        status,
        headers,
        &json!({"error": {"code": code, "message": code}}),
    )
}

/// Ends a session where its load lasts as long as its answer, also if the answer can't be sent.
struct Held<'a>(&'a Substation, String);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // After a kill it is forgotten already, or it goes on in the journal of a process that does not run.
        self.0.state().account.release(&self.1, Release::Answered);
    }
}

impl Substation {
    /// Answers a request, and calls `write` with what is to be written. It may be dropped before its end: the client has
    /// left then, or the process has been killed.
    pub(super) async fn respond(
        self: &Arc<Self>,
        request: &Request,
        write: impl AsyncFnOnce(Reply),
    ) {
        let path = request.path();
        if path == "/metrics" {
            return write(self.page()).await;
        }
        match (request.method.as_str(), path.strip_prefix(SESSIONS)) {
            ("POST", _) if path == "/charge" => self.charge(request, write).await,
            ("GET", Some(id)) => write(self.show(id)).await,
            ("DELETE", Some(id)) => write(self.unplug(id)).await,
            _ => write(Reply::Whole(error(404, "", "not_found"))).await,
        }
    }

    async fn charge(self: &Arc<Self>, request: &Request, write: impl AsyncFnOnce(Reply)) {
        let fate = {
            let mut state = self.state();
            let manners = state.manners.clone();
            manners.fate(&mut state.chance)
        };
        if fate.drops {
            return write(Reply::End).await;
        }
        let demand = self.demand(request);
        // A refusal says that nothing is booked, so a key that has booked gets none.
        let is_known = demand
            .key
            .as_ref()
            .is_some_and(|key| self.state().account.knows(key));
        if let Some(refusal) = fate.refusal.filter(|_| !is_known) {
            let after = refusal
                .retry_after
                .map(|after| format!("retry-after: {after}\r\n"));
            self.refused(demand.request, refusal.status);
            let bytes = error(refusal.status, &after.unwrap_or_default(), "no_capacity");
            return write(Reply::Whole(bytes)).await;
        }
        let pace = self.plan.pace + fate.slow;
        if !pace.is_zero() {
            sleep(pace).await;
        }
        let booked = self.state().account.book(&demand);
        match booked {
            Ok(session) => self.confirm(session, &demand, fate, write).await,
            Err(refused) => write(self.refuse(&demand, refused)).await,
        }
    }

    async fn confirm(
        self: &Arc<Self>,
        session: Session,
        demand: &Demand,
        fate: Fate,
        write: impl AsyncFnOnce(Reply),
    ) {
        let mut held = None;
        let lasts = demand.lasts;
        match self.lasts {
            Lasts::Session if session.is_replay => {}
            Lasts::Session => self.end_in_time(&session),
            Lasts::Answer => {
                if !session.is_replay {
                    held = Some(Held(self, session.id.clone()));
                }
                sleep(lasts).await;
            }
        }
        if fate.holds {
            let mut changes = self.runs.subscribe();
            while self.state().manners.holds() && changes.changed().await.is_ok() {}
        }
        let bytes = self.confirmation(&session, lasts);
        write(match fate.cut {
            Some(behind) if behind < bytes.len() => Reply::Cut(bytes, behind),
            _ => Reply::Whole(bytes),
        })
        .await;
        drop(held);
    }

    fn end_in_time(self: &Arc<Self>, session: &Session) {
        let Some(until) = session.until else { return };
        let (substation, id) = (Arc::clone(self), session.id.clone());
        tokio::spawn(async move {
            tokio::time::sleep_until(substation.record.moment(until).into()).await;
            substation.state().account.release(&id, Release::Completed);
        });
    }

    fn confirmation(&self, session: &Session, lasts: Duration) -> Vec<u8> {
        let load = self.state().account.load();
        let mut headers = String::new();
        if session.is_replay {
            headers += "idempotent-replayed: true\r\n";
        }
        let is_honest = self.state().manners.gauge().is_none();
        if self.plan.reports && is_honest {
            let report = format!("TEXT named_metrics.{LOAD_GAUGE}={load}");
            headers.extend([ENDPOINT_LOAD_METRICS, ": ", &report, "\r\n"]);
        }
        json_answer(200, &headers, &self.body(session, Some(lasts)))
    }

    fn body(&self, session: &Session, lasts: Option<Duration>) -> Value {
        let mut body = json!({
            "session_id": session.id,
            "substation": self.plan.name(),
            "power_kw": session.load,
        });
        if let (Some(body), Some(lasts)) = (body.as_object_mut(), lasts) {
            body.insert("duration_seconds".to_owned(), lasts.as_secs_f64().into());
        }
        body
    }

    fn refuse(&self, demand: &Demand, refused: Refused) -> Reply {
        let (status, after, code) = match refused {
            Refused::KeyReused => (422, None, "key_reused"),
            Refused::Full(room_at) => (503, room_at, "no_capacity"),
        };
        self.refused(demand.request, status);
        let after = after.map(|at| at.saturating_sub(self.record.now()));
        let after = after.map(|after| format!("retry-after: {}\r\n", after.as_secs() + 1));
        Reply::Whole(error(status, &after.unwrap_or_default(), code))
    }

    fn refused(&self, request: Option<RequestId>, status: u16) {
        self.record.tell(What::Refused {
            substation: self.plan.id,
            request,
            status,
        });
    }

    fn show(&self, id: &str) -> Reply {
        Reply::Whole(match self.state().account.get(id) {
            Some(session) => json_answer(200, "", &self.body(session, None)),
            None => error(404, "", "not_found"),
        })
    }

    fn unplug(&self, id: &str) -> Reply {
        let ended = self.state().account.release(id, Release::Unplugged);
        Reply::Whole(match ended {
            Some(session) => json_answer(200, "", &self.body(&session, None)),
            None => error(404, "", "not_found"),
        })
    }

    fn demand(&self, request: &Request) -> Demand {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let load = body
            .get("power_kw")
            .and_then(Value::as_f64)
            .unwrap_or(USUAL_LOAD);
        let energy = body.get("energy_kwh").and_then(Value::as_f64);
        let lasts = energy
            .map(|energy| Duration::from_secs_f64((energy / load * 3600.0).clamp(0.0, 86_400.0)));
        let lasts = lasts.unwrap_or(USUAL_TIME);
        Demand {
            request: request.header("x-request-id").and_then(RequestId::read),
            key: request.header("idempotency-key").map(str::to_owned),
            load,
            lasts,
            outlives_answer: self.lasts == Lasts::Session,
        }
    }
}
