//! A plain Pingora proxy that chooses backends as Switchyard does.
//!
//! ```sh
//! cargo run -p switchyard-pingora --example plain_proxy -- config/switchyard.yaml 127.0.0.1:8080
//! ```
//!
//! The bench's plain proxy, so it reads Switchyard's configuration; `sessions.rs` needs none. Comments mark the parts that
//! are Switchyard's; the rest is what every `ProxyHttp` has. From the file it uses the substations, `load`, `policy`, `threads` and `limits.connections`. Every request has the load
//! `charge.default_load`. The second argument may also be a path: then it listens on a Unix socket at that path.

use std::{env, path::Path, sync::Arc};

use async_trait::async_trait;
use pingora_core::{
    Error, ErrorType, Result,
    server::{Server, configuration::ServerConf},
    services::background::background_service,
    upstreams::peer::HttpPeer,
};
use pingora_http::ResponseHeader;
use pingora_load_balancing::{Backends, LoadBalancer};
use pingora_proxy::{ProxyHttp, Session, http_proxy_service};
use switchyard_config::Config;
use switchyard_pingora::{
    Gauges, LeastLoad, Load, Reservation, Rule, Scrape, Upstream, Upstreams, select_and_reserve,
};
use switchyard_scrape::wanted;

struct Proxy {
    balancer: Arc<LoadBalancer<LeastLoad>>,
    load: Load,
}

/// The state of a request.
#[derive(Default)]
struct Ctx {
    /// Switchyard: its reservation, until the result is known.
    reservation: Option<Reservation<Upstream>>,
    /// Upstreams to which no connection could be made.
    tried: Vec<Arc<Upstream>>,
}

#[async_trait]
impl ProxyHttp for Proxy {
    type CTX = Ctx;

    fn new_ctx(&self) -> Ctx {
        Ctx::default()
    }

    async fn upstream_peer(&self, _: &mut Session, ctx: &mut Ctx) -> Result<Box<HttpPeer>> {
        // Switchyard: the choice, which also reserves.
        let is_new =
            |upstream: &Arc<Upstream>| !ctx.tried.iter().any(|tried| Arc::ptr_eq(tried, upstream));
        let chosen = select_and_reserve(&self.balancer, self.load, |backend| {
            Upstream::of(backend).is_some_and(is_new)
        });
        let Some((backend, reservation)) = chosen else {
            return Error::e_explain(ErrorType::HTTPStatus(503), "no healthy substation has room");
        };
        ctx.reservation = Some(reservation);
        let Some(address) = backend.addr.as_inet().copied() else {
            return Error::e_explain(ErrorType::InternalError, "not an IP address");
        };
        Ok(Box::new(HttpPeer::new(address, false, String::new())))
    }

    fn fail_to_connect(
        &self,
        _: &mut Session,
        _: &HttpPeer,
        ctx: &mut Ctx,
        mut error: Box<Error>,
    ) -> Box<Error> {
        // Switchyard: nothing was sent, so nothing is booked, and another substation may be tried.
        if let Some(reservation) = ctx.reservation.take() {
            ctx.tried.push(Arc::clone(reservation.upstream()));
            reservation.cancel();
            error.set_retry(true);
        }
        error
    }

    async fn response_filter(
        &self,
        _: &mut Session,
        answer: &mut ResponseHeader,
        ctx: &mut Ctx,
    ) -> Result<()> {
        // Switchyard: the answer ends the reservation. Without an answer it is dropped with the context, as unknown.
        if let Some(reservation) = ctx.reservation.take() {
            answer.insert_header("x-substation", reservation.upstream().name())?;
            match answer.status.as_u16() {
                200..300 => reservation.booked(),
                400..500 | 503 => reservation.cancel(),
                _ => reservation.unknown(),
            }
        }
        Ok(())
    }
}

fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let (Some(file), Some(listen)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("usage: plain_proxy CONFIG.yaml ADDRESS:PORT|/PATH/TO/SOCKET");
    };
    let config = Config::from_file(Path::new(&file))?;

    // Switchyard: discovery, selection and health check, in Pingora's own balancer.
    let default_load = Load::new(config.charge.default_load).unwrap_or_default();
    let rule = Rule {
        policy: config.policy.into(),
        default_load,
        lasts: config.charge.lasts.fixed().unwrap_or_default(),
    };
    let upstreams = config.substations.iter().map(|substation| {
        let capacity = substation.capacity.and_then(Load::new);
        Upstream::new(&substation.name, substation.address, capacity)
    });
    let backends = Backends::new(Box::new(Upstreams::new(upstreams)));
    let mut balancer = LoadBalancer::<LeastLoad>::from_backends_with_config(backends, Some(rule));
    let load = &config.load;
    let capacity = wanted(&load.capacity_metric, load.aggregate);
    let gauges = Gauges::new(wanted(&load.metric, load.aggregate)).with_capacity(capacity);
    let mut scrape = Scrape::new(gauges);
    scrape.path.clone_from(&load.path);
    scrape.timeout = load.timeout;
    balancer.set_health_check(Box::new(scrape));
    balancer.health_check_frequency = Some(load.interval());
    balancer.parallel_health_check = true;

    let conf = ServerConf {
        threads: config.threads,
        upstream_keepalive_pool_size: config.limits.connections,
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let scraping = background_service("scraping", balancer);
    let proxy = Proxy {
        balancer: scraping.task(),
        load: default_load,
    };
    let mut service = http_proxy_service(&server.configuration, proxy);
    if listen.starts_with('/') {
        service.add_uds(&listen, None);
    } else {
        service.add_tcp(&listen);
    }
    server.add_service(scraping);
    server.add_service(service);
    server.run_forever()
}
