//! A streaming backend, behind a proxy that speaks in clear to both sides, and one that speaks TLS to both.

use std::net::SocketAddr;

use switchyard_faults::{Step, Streaming};

use super::{
    exchange::{Body, Exchange},
    terminator::Terminator,
};
use crate::{
    rig::{Proxy, until},
    secure::Certificate,
};

/// Routes for streams of every kind. The only backend stays in rotation whatever it does.
const ROUTES: &str = "\
health: {failures: 1000}
routes:
  - {path: /v1/, load: 1, lasts: answer}
  - {path: /weighed, load: {field: max_tokens, per: 1000, default: 2}, lasts: answer}
  - {path: /ws, load: 1, lasts: connection}
";

/// How a request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Over HTTP/1.1, as the first request of its connection.
    First,
    /// Over HTTP/1.1, behind another one.
    Later,
    /// The first over HTTP/1.1 and TLS, which the proxy speaks to its substation too.
    Tls,
    /// Over HTTP/2.
    Http2,
    /// Over HTTP/2 and TLS, which the proxy speaks to its substation too.
    Http2Tls,
}

impl Way {
    pub(super) const ALL: [Self; 5] = [
        Self::First,
        Self::Later,
        Self::Tls,
        Self::Http2,
        Self::Http2Tls,
    ];
    /// Those over HTTP/1.1.
    pub(super) const HTTP1: [Self; 3] = [Self::First, Self::Later, Self::Tls];

    pub(super) const fn is_http2(self) -> bool {
        matches!(self, Self::Http2 | Self::Http2Tls)
    }

    pub(super) const fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::Http2Tls)
    }
}

/// The path of a request that is answered at once, whatever the backend does otherwise.
pub(super) const EASY: &str = "/v1/easy";

/// The steps that answer [`EASY`].
pub(super) fn easy() -> Vec<Step> {
    vec![
        Step::head("200 OK", "content-length: 2\r\n"),
        Step::text("ok"),
    ]
}

pub(super) struct Rig {
    pub(super) backend: Streaming,
    pub(super) certificate: Certificate,
    plain: Proxy,
    secure: Proxy,
    _terminator: Terminator,
}

/// An answer in chunks of a thousand bytes that never ends.
pub(super) fn endless() -> Vec<Step> {
    let chunk = [&b"3e8\r\n"[..], &[b'x'; 1000], b"\r\n"].concat();
    vec![
        Step::head("200 OK", "transfer-encoding: chunked\r\n"),
        Step::Forever(chunk),
    ]
}

impl Rig {
    /// A backend that performs these steps for each request, behind proxies with `extra` in their configuration.
    pub(super) fn start(steps: Vec<Step>, extra: &str) -> Self {
        Self::scripted(move |_| steps.clone(), extra)
    }

    /// The same with steps that depend on the head of the request.
    pub(super) fn scripted(
        script: impl Fn(&str) -> Vec<Step> + Send + Sync + 'static,
        extra: &str,
    ) -> Self {
        let backend = Streaming::start(move |head| {
            if head.contains(EASY) {
                easy()
            } else {
                script(head)
            }
        });
        let certificate = Certificate::new();
        let (tls, routes) = (certificate.yaml(), ROUTES);
        let clear = format!("http2: {{cleartext: true}}\n{routes}{extra}");
        let plain = Proxy::start(&[backend.address], &clear);
        let terminator = Terminator::start(backend.address, &certificate);
        let ca = certificate.path("tls.crt").display().to_string();
        let trust = format!("upstream: {{tls: {{ca: {ca}, server_name: localhost}}}}");
        let secure = format!("{tls}\n{trust}\n{routes}{extra}");
        let secure = Proxy::start(&[terminator.address], &secure);
        Self {
            backend,
            certificate,
            plain,
            secure,
            _terminator: terminator,
        }
    }

    pub(super) fn proxy(&self, way: Way) -> &Proxy {
        if way.is_tls() {
            &self.secure
        } else {
            &self.plain
        }
    }

    pub(super) const fn proxy_mut(&mut self, way: Way) -> &mut Proxy {
        if way.is_tls() {
            &mut self.secure
        } else {
            &mut self.plain
        }
    }

    pub(super) fn address(&self, way: Way) -> SocketAddr {
        self.proxy(way).charge
    }

    /// A `GET` of `/v1/x`.
    pub(super) fn get(&self, way: Way) -> Exchange {
        self.ask(way, "GET", "/v1/x", Body::None)
    }

    /// A `POST` to `/v1/x`.
    pub(super) fn post(&self, way: Way, body: Body<'_>) -> Exchange {
        self.ask(way, "POST", "/v1/x", body)
    }

    pub(super) fn ask(&self, way: Way, method: &str, path: &str, body: Body<'_>) -> Exchange {
        Exchange::begin(self, way, (method, path), &[], body)
    }

    /// The load that the proxy of this way believes its substation to bear.
    pub(super) fn load(&self, way: Way) -> f64 {
        let status = self.proxy(way).status();
        status["substations"][0]["estimated_load"].as_f64().unwrap()
    }

    /// Waits until nothing is left of any request: no load, nothing in flight, no work at the backend.
    pub(super) fn settles(&self) {
        until("the backend is at rest", || {
            (self.backend.at_work() == 0).then_some(())
        });
        for proxy in [&self.plain, &self.secure] {
            until("the ledger has returned", || {
                let status = proxy.status();
                let substation = &status["substations"][0];
                let is_free = substation["estimated_load"] == 0.0
                    && substation["unseen_load"] == 0.0
                    && substation["in_flight"] == 0;
                let in_flight = proxy.metric("switchyard_requests_in_flight");
                (is_free && in_flight == 0.0).then_some(())
            });
        }
    }
}
