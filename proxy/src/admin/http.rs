//! The HTTP server of the admin port: complete answers, and the stream of `/events`.
//!
//! Pingora's `ServeHttp` supports only complete answers, so this module has its own loop.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, Response};
use pingora_core::{
    apps::{HttpPersistentSettings, HttpServerApp, ReusedHttpStream},
    protocols::http::ServerSession,
    server::ShutdownWatch,
};
use tracing::debug;

use super::{Admin, events, failure};
use switchyard_wire::{Code, Failure};

/// How long an idle connection is kept alive, in seconds.
const KEPT: u64 = 60;

#[async_trait]
impl HttpServerApp for Admin {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        if !session.read_request().await.is_ok_and(|has_come| has_come) {
            return None;
        }
        session.set_keepalive((!*shutdown.borrow()).then_some(KEPT));
        let head = session.req_header();
        let (method, path) = (&head.method, head.uri.path());
        let answer = match path {
            _ if let Err(refused) = self.authorise(path, &head.headers) => failure(&refused),
            "/events" if method != Method::GET => {
                failure(&Failure::method_not_allowed(path, method, "GET"))
            }
            "/events" => {
                if let Some(viewer) = self.feed.viewer(&self.runtime, &self.dispatch) {
                    viewer.serve(&mut session, shutdown).await;
                    return None;
                }
                let message = format!(
                    "{} viewers are connected, which is the limit; close another page, or read /status",
                    events::MOST_VIEWERS
                );
                failure(&Failure::new(Code::Overloaded, message))
            }
            "/reload" => self.reload(method, &head.headers).await,
            _ => self.answer(method, path, head.uri.query(), &head.headers),
        };
        match finish(session, answer).await {
            Ok(stream) => stream,
            Err(error) => {
                debug!(%error, "The admin port could not answer");
                None
            }
        }
    }
}

async fn finish(
    mut session: ServerSession,
    answer: Response<Vec<u8>>,
) -> pingora_core::Result<Option<ReusedHttpStream>> {
    let (head, body) = answer.into_parts();
    session.write_response_header(Box::new(head.into())).await?;
    if !body.is_empty() {
        session.write_response_body(body.into(), true).await?;
    }
    let settings = HttpPersistentSettings::for_session(&session);
    let stream = session.finish().await?;
    Ok(stream.map(|stream| ReusedHttpStream::from_reusable_stream(stream, settings)))
}
