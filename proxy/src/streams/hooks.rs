//! What Pingora's proxy asks in one attempt.
//!
//! It is told which substation was chosen and how to connect, and it tells what came. Everything else is decided by the
//! dispatcher: Pingora makes one attempt, answers nothing by itself and logs nothing.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use pingora_core::{Error, ErrorType, Result};
use pingora_core::{modules::http::HttpModules, upstreams::peer::HttpPeer};
use pingora_http::ResponseHeader;
use pingora_proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};
use tokio::task_local;

use super::exchange::Exchange;

task_local! {
    /// The attempt that this task makes.
    pub(super) static EXCHANGE: Arc<Exchange>;
}

/// See the [module](self).
pub(super) struct Hooks;

#[async_trait]
impl ProxyHttp for Hooks {
    type CTX = Option<Arc<Exchange>>;

    fn new_ctx(&self) -> Self::CTX {
        EXCHANGE.try_with(Arc::clone).ok()
    }

    // None: an answer is passed on as it is.
    fn init_downstream_modules(&self, _: &mut HttpModules) {}

    async fn upstream_peer(&self, _: &mut Session, ctx: &mut Self::CTX) -> Result<Box<HttpPeer>> {
        let exchange = ctx
            .as_ref()
            .ok_or_else(|| Error::new(ErrorType::InternalError))?;
        Ok(Box::new(exchange.peer()))
    }

    async fn request_body_filter(
        &self,
        _: &mut Session,
        _: &mut Option<Bytes>,
        is_end: bool,
        ctx: &mut Self::CTX,
    ) -> Result<()> {
        if let Some(exchange) = ctx.as_ref().filter(|_| is_end) {
            exchange.link.request_ended();
        }
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        _: &mut Session,
        head: &mut ResponseHeader,
        ctx: &mut Self::CTX,
    ) -> Result<()> {
        ctx.as_ref()
            .map_or(Ok(()), |exchange| exchange.take_head(head))
    }

    fn fail_to_connect(
        &self,
        _: &mut Session,
        _: &HttpPeer,
        ctx: &mut Self::CTX,
        mut error: Box<Error>,
    ) -> Box<Error> {
        if let Some(exchange) = ctx {
            exchange.failed(&error);
        }
        error.set_retry(false);
        error
    }

    fn error_while_proxy(
        &self,
        _: &HttpPeer,
        _: &mut Session,
        mut error: Box<Error>,
        ctx: &mut Self::CTX,
        _: bool,
    ) -> Box<Error> {
        if let Some(exchange) = ctx {
            exchange.failed(&error);
        }
        error.set_retry(false);
        error
    }

    async fn fail_to_proxy(
        &self,
        _: &mut Session,
        error: &Error,
        ctx: &mut Self::CTX,
    ) -> FailToProxy {
        if let Some(exchange) = ctx {
            exchange.failed(error);
        }
        FailToProxy {
            error_code: 0,
            can_reuse_downstream: false,
        }
    }

    fn suppress_error_log(&self, _: &Session, _: &Self::CTX, _: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _: &Session,
        _: &Self::CTX,
        _: &Error,
        _: ProxyWarnLogContext,
    ) -> bool {
        true
    }
}
