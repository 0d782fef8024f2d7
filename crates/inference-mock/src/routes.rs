//! From a request to its answer.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;

use crate::answer::{self, Form};
use crate::ask::{Ask, Call};
use crate::engine::Engine;
use crate::events::Events;
use crate::metrics;
use crate::problem::Problem;
use crate::realtime;
use crate::reply::Reply;

/// The largest body of a request, in bytes: a picture or two.
const LARGEST_BODY: usize = 64 << 20;
const JSON: &str = "application/json";

/// Answers one request. It can't fail: a refusal is an answer too.
pub(crate) async fn respond(
    engine: Arc<Engine>,
    request: Request<Incoming>,
) -> Result<Reply, Infallible> {
    let answered = match authorised(&engine, &request) {
        Ok(()) => route(&engine, request).await,
        Err(problem) => Err(problem),
    };
    Ok(answered.unwrap_or_else(|problem| whole(problem.status, JSON, problem.body())))
}

/// Only the API itself asks for the key, as with vLLM.
fn authorised(engine: &Engine, request: &Request<Incoming>) -> Result<(), Problem> {
    let Some(key) = &engine.settings().api_key else {
        return Ok(());
    };
    let brought = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let fits = brought.and_then(|value| value.strip_prefix("Bearer ")) == Some(key);
    if fits || !request.uri().path().starts_with("/v1/") {
        return Ok(());
    }
    Err(Problem::unauthorised())
}

async fn route(engine: &Arc<Engine>, request: Request<Incoming>) -> Result<Reply, Problem> {
    let path = request.uri().path();
    match path {
        "/v1/chat/completions" => generate(engine, Call::Chat, request).await,
        "/v1/completions" => generate(engine, Call::Completion, request).await,
        "/v1/realtime" => realtime::open(engine, request),
        _ if request.method() != Method::GET && request.method() != Method::HEAD => {
            Err(if path == "/v1/models" {
                Problem::no_method()
            } else {
                Problem::no_path()
            })
        }
        "/v1/models" => Ok(whole(
            StatusCode::OK,
            JSON,
            answer::models(&engine.settings().model).to_string(),
        )),
        "/metrics" => Ok(whole(
            StatusCode::OK,
            metrics::CONTENT_TYPE,
            metrics::page(engine),
        )),
        "/health" => Ok(whole(StatusCode::OK, JSON, String::new())),
        _ => match path.strip_prefix("/v1/models/") {
            Some(model) if model == engine.settings().model => Ok(whole(
                StatusCode::OK,
                JSON,
                answer::model(model).to_string(),
            )),
            Some(other) => Err(Problem::no_model(other)),
            None => Err(Problem::no_path()),
        },
    }
}

async fn generate(
    engine: &Arc<Engine>,
    call: Call,
    request: Request<Incoming>,
) -> Result<Reply, Problem> {
    if request.method() != Method::POST {
        return Err(Problem::no_method());
    }
    let body = Limited::new(request.into_body(), LARGEST_BODY)
        .collect()
        .await;
    let body = body
        .map_err(|_| Problem::too_large(LARGEST_BODY))?
        .to_bytes();
    let ask = Ask::read(call, &body, engine)?;
    drop(body);
    let form = Form::new(call, &engine.settings().model);
    let mut pieces = engine.begin(ask.work);
    if ask.stream {
        let events = Events::new(form, pieces, ask.usage.then_some(ask.work));
        return Ok(answer(
            StatusCode::OK,
            "text/event-stream; charset=utf-8",
            Either::Right(events),
        ));
    }
    let mut text = String::new();
    // A client that leaves drops this future, and with it the receiver.
    while let Some(piece) = pieces.recv().await {
        text.push_str(&piece.text);
    }
    Ok(whole(StatusCode::OK, JSON, form.document(&text, ask.work)))
}

pub(crate) fn whole(status: StatusCode, content_type: &'static str, body: String) -> Reply {
    answer(status, content_type, Either::Left(Full::new(body.into())))
}

fn answer(
    status: StatusCode,
    content_type: &'static str,
    body: Either<Full<Bytes>, Events>,
) -> Reply {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
