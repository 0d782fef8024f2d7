//! Requests that stream: one attempt of them is an exchange that Pingora's proxy runs.
//!
//! Pingora carries bodies both ways, server-sent events, interim heads and upgrades. It knows nothing of how a substation
//! is chosen: an attempt is given its substation ([`Task`]), and ends with what was [seen](Seen) of it. The dispatcher
//! decides what that means, and whether another attempt follows, as it does for requests that are sent whole.
//!
//! - The client's side is our own session ([`http1`], and for HTTP/2 the ingress's): one reader says where a request ends.
//! - The connection to the substation is `transport`'s ([`link`]), and so is what is believed of it.
//! - Each worker has its own proxy and its own [idle connections](Pool), made when its first stream comes.

mod answer;
mod exchange;
mod hooks;
mod http1;
mod link;
mod pool;

use std::{
    fmt,
    future::Future,
    sync::{Arc, OnceLock},
};

use pingora_core::{
    apps::HttpServerApp,
    protocols::http::ServerSession,
    server::{ShutdownWatch, configuration::ServerConf},
};
use pingora_proxy::{HttpProxy, http_proxy};
use tokio::{sync::watch, time::Instant};

pub(crate) use exchange::{Exchange, Seen, Task};
use hooks::{EXCHANGE, Hooks};
pub(crate) use http1::Http1Client;
use pool::Pool;

use crate::stream_client::Moved;

/// The streams of one worker.
#[derive(Default)]
pub(crate) struct Streams {
    pool: Arc<Pool>,
    proxy: OnceLock<(Arc<HttpProxy<Hooks>>, ShutdownWatch)>,
}

impl Streams {
    /// An attempt of this task, whose client counts in `moved`.
    pub(crate) fn exchange(&self, task: Task, moved: &Arc<Moved>) -> Arc<Exchange> {
        Arc::new(Exchange::new(task, moved, &self.pool))
    }

    /// Runs an attempt with the client that was lent to `session`, to its end.
    pub(crate) fn run<'a>(
        &'a self,
        session: ServerSession,
        exchange: &Arc<Exchange>,
    ) -> impl Future<Output = ()> + Send + use<'a> {
        let (proxy, never) = self.proxy.get_or_init(make);
        let exchange = Arc::clone(exchange);
        let run = EXCHANGE.scope(exchange, proxy.process_new_http(session, never));
        async move {
            // What was lent is no stream that Pingora could give back.
            run.await;
        }
    }

    /// Closes idle connections that serve no more.
    pub(crate) fn sweep(&self, now: Instant) {
        self.pool.sweep(now);
    }
}

/// A proxy that makes one attempt, and a signal that it should end, which never comes: an attempt is ended by being dropped.
fn make() -> (Arc<HttpProxy<Hooks>>, ShutdownWatch) {
    let rules = ServerConf {
        threads: 1,
        max_retries: 1,
        ..ServerConf::default()
    };
    let (_, never) = watch::channel(false);
    (Arc::new(http_proxy(&Arc::new(rules), Hooks)), never)
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Streams");
        shown.field("pool", &self.pool).finish_non_exhaustive()
    }
}
