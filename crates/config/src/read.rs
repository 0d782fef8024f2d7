//! The keys of the file: where each appears, and what its value must be.

use super::{
    Admin, AdminTls, Admission, Balance, Charge, ClientLimits, Config, Drain, Fleet, Forwarded,
    Health, Http2, Limits, Load, MaxRequests, Pipeline, Policy, Retry, State, Timeouts, Tls,
    Upstream, WhenUnreachable,
    bounds::{
        LARGEST_BODY, LARGEST_HEAD, LEAST_BUFFERED, MOST_ADMIN_CONNECTIONS, MOST_ATTEMPTS,
        MOST_BUFFERED, MOST_CONNECTIONS, MOST_EXCHANGES, MOST_FAILURES, MOST_STREAMS, MOST_THREADS,
        SMALLEST_HEAD,
    },
    clients::{clients, rate},
    discovery::discovery,
    feeders::feeders,
    listen::listen,
    logs::{access_log, log},
    names::Names,
    prometheus::prometheus,
    routes::routes,
    select::select,
    substation::{References, substations},
    tracing::tracing,
    upstream_tls::{authorization, upstream_tls},
    values,
    walk::Section,
};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    thread,
};

pub(super) fn config(file: &mut Section<'_>) -> Config {
    let listen = file.value("listen", vec![(Ipv4Addr::LOCALHOST, 8080).into()], listen);
    let listen_proxy_protocol = file.value("listen_proxy_protocol", false, values::boolean);
    let tls = file.optional_section("tls", tls);
    let http2 = file.section("http2", http2);
    let admin = file.section("admin", admin);
    let own = listen.iter().map(|listen| ("listen", *listen));
    let own: Vec<_> = own.chain([("admin.listen", admin.listen)]).collect();
    let (mut names, mut references) = (Names::default(), References::new());
    let substations = substations(file, &own, &mut names, &mut references);
    let feeders = feeders(file, &own, &mut names, &references);
    let select = select(file);
    let discovery = file.section("discovery", discovery);
    let clients = clients(file);
    let clients_file = file.optional("clients_file", values::file);
    let routes = routes(file);
    let charge = file.section("charge", charge);
    let load = file.section("load", load);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    Config {
        listen,
        listen_proxy_protocol,
        tls,
        http2,
        admin,
        substations,
        feeders: feeders.complete(file, &load),
        select,
        discovery,
        listed_clients: clients.clone(),
        clients,
        clients_file,
        routes,
        charge,
        load,
        policy: file.value("policy", Policy::default(), values::parsed),
        balance: file.section("balance", balance),
        timeouts: file.section("timeouts", timeouts),
        upstream: file.section("upstream", upstream),
        limits: file.section("limits", limits),
        forwarded: file.section("forwarded", forwarded),
        admission: file.section("admission", admission),
        retry: file.section("retry", retry),
        fleet: file.optional_section("fleet", fleet),
        state: file.optional_section("state", state),
        health: file.section("health", health),
        drain: file.section("drain", drain),
        access_log: file.optional_section("access_log", access_log),
        log: file.section("log", log),
        tracing: file.optional_section("tracing", tracing),
        threads: file.value(
            "threads",
            cores.min(MOST_THREADS),
            values::whole(1..=MOST_THREADS),
        ),
    }
}

pub(super) fn admin(s: &mut Section<'_>) -> Admin {
    let default = Admin::default();
    Admin {
        listen: s.value("listen", default.listen, values::address),
        tls: s.optional_section("tls", admin_tls),
        token_file: s.optional("token_file", values::file),
        connections: s.value(
            "connections",
            default.connections,
            values::whole(1..=MOST_ADMIN_CONNECTIONS),
        ),
    }
}

fn tls(s: &mut Section<'_>) -> Option<Tls> {
    let certificate = s.required(
        "certificate",
        "certificate: /etc/switchyard/tls.crt",
        values::file,
    );
    let key = s.required("key", "key: /etc/switchyard/tls.key", values::file);
    let client_ca = s.optional("client_ca", values::file);
    Some(Tls {
        certificate: certificate?,
        key: key?,
        client_ca,
    })
}

fn admin_tls(s: &mut Section<'_>) -> Option<AdminTls> {
    let certificate = s.required(
        "certificate",
        "certificate: /etc/switchyard/admin.crt",
        values::file,
    );
    let key = s.required("key", "key: /etc/switchyard/admin.key", values::file);
    Some(AdminTls {
        certificate: certificate?,
        key: key?,
    })
}

fn http2(s: &mut Section<'_>) -> Http2 {
    let default = Http2::default();
    Http2 {
        cleartext: s.value("cleartext", default.cleartext, values::boolean),
        streams: s.value("streams", default.streams, values::whole(1..=MOST_STREAMS)),
        connections: s.value(
            "connections",
            default.connections,
            values::whole(1..=MOST_CONNECTIONS),
        ),
    }
}

fn charge(s: &mut Section<'_>) -> Charge {
    let default = Charge::default();
    Charge {
        upstream_path: s.value("upstream_path", default.upstream_path, values::path),
        load_field: s.value("load_field", default.load_field, values::field),
        default_load: s.value("default_load", default.default_load, values::load),
        lasts: s.value("lasts", default.lasts, values::parsed),
    }
}

fn load(s: &mut Section<'_>) -> Load {
    let default = Load::default();
    // Also where it has faults: what is beside it is not for scrapes.
    let is_asked = s.has("prometheus");
    if is_asked && s.has("interval") {
        let rule = "is the time between scrapes, and Prometheus is asked in their place: write \
                    load.prometheus.interval, or remove one of the two";
        s.fault("interval", String::new(), rule);
    }
    Load {
        path: s.value("path", default.path, values::path),
        metric: s.value("metric", default.metric, values::parsed),
        capacity_metric: s.value("capacity_metric", default.capacity_metric, values::parsed),
        aggregate: s.value("aggregate", default.aggregate, values::parsed),
        interval: s
            .optional("interval", values::interval)
            .or(default.interval)
            .filter(|_| !is_asked),
        timeout: s.value("timeout", default.timeout, values::duration),
        visibility_lag: s.value("visibility_lag", default.visibility_lag, values::lag),
        stale_after: s
            .optional("stale_after", values::duration)
            .or(default.stale_after.filter(|_| !is_asked)),
        authorization: authorization(s),
        prometheus: s.optional_section("prometheus", prometheus),
    }
}

fn timeouts(s: &mut Section<'_>) -> Timeouts {
    let default = Timeouts::default();
    Timeouts {
        connect: s.value("connect", default.connect, values::duration),
        request: s.value("request", default.request, values::duration),
        client: s.value("client", default.client, values::duration),
        idle: s.value("idle", default.idle, values::duration),
        stream_idle: s.value("stream_idle", default.stream_idle, values::duration),
    }
}

fn balance(s: &mut Section<'_>) -> Balance {
    Balance {
        tolerance: s.value("tolerance", Balance::default().tolerance, values::tolerance),
    }
}

fn upstream(s: &mut Section<'_>) -> Upstream {
    Upstream {
        pipeline: s.value("pipeline", Pipeline::default(), values::pipeline),
        max_requests: s.value("max_requests", MaxRequests::default(), values::max_requests),
        tls: s.optional_section("tls", |s| Some(upstream_tls(s))),
    }
}

fn limits(s: &mut Section<'_>) -> Limits {
    let default = Limits::default();
    let head = s.value(
        "head",
        default.head,
        values::size(SMALLEST_HEAD..=LARGEST_HEAD),
    );
    let body = s.value("body", default.body, values::size(1..=LARGEST_BODY));
    let answer = s.value("answer", default.answer, values::size(1..=LARGEST_BODY));
    let buffered = s.value(
        "buffered",
        default.buffered,
        values::size(LEAST_BUFFERED..=MOST_BUFFERED),
    );
    let connections = s.value(
        "connections",
        default.connections,
        values::whole(1..=MOST_CONNECTIONS),
    );
    // By default one for each connection, which adds no limit.
    let requests = s.value("requests", connections, values::whole(1..=MOST_CONNECTIONS));
    Limits {
        head,
        body,
        answer,
        buffered,
        connections,
        requests,
        client: s.section("client", |s| client_limits(s, connections, requests)),
    }
}

fn client_limits(s: &mut Section<'_>, connections: usize, requests: usize) -> ClientLimits {
    let mut share = |key, limit| {
        let default = ClientLimits::share(limit);
        s.value(key, default, values::whole(1..=MOST_CONNECTIONS))
    };
    let (connections, requests) = (
        share("connections", connections),
        share("requests", requests),
    );
    ClientLimits {
        connections,
        requests,
        rate: s.optional("rate", rate),
    }
}

fn forwarded(s: &mut Section<'_>) -> Forwarded {
    let default = Forwarded::default();
    Forwarded {
        trust: s
            .items("trust", values::networks, values::parsed)
            .unwrap_or(default.trust),
        send: s.value("send", default.send, values::parsed),
    }
}

fn admission(s: &mut Section<'_>) -> Admission {
    let default = Admission::default();
    Admission {
        queue: s.value("queue", default.queue, values::whole(0..=MOST_CONNECTIONS)),
        timeout: s.value("timeout", default.timeout, values::duration),
    }
}

fn retry(s: &mut Section<'_>) -> Retry {
    let default = Retry::default();
    Retry {
        attempts: s.value(
            "attempts",
            default.attempts,
            values::whole(1..=MOST_ATTEMPTS),
        ),
        budget: s.value("budget", default.budget, values::share),
        keys: s.value("keys", default.keys, values::key_room),
        keys_for: s.value("keys_for", default.keys_for, values::duration),
    }
}

fn fleet(s: &mut Section<'_>) -> Option<Fleet> {
    let store = s.required("store", "store: redis://10.0.0.5:6379", values::parsed);
    let password_file = s.optional("password_file", values::file);
    let prefix = s.value("prefix", Fleet::PREFIX.to_owned(), values::prefix);
    let timeout = s.value("timeout", Fleet::TIMEOUT, values::duration);
    let when_unreachable = s.value(
        "when_unreachable",
        WhenUnreachable::default(),
        values::parsed,
    );
    Some(Fleet {
        store: store?,
        password_file,
        prefix,
        timeout,
        when_unreachable,
    })
}

fn state(s: &mut Section<'_>) -> Option<State> {
    let file = s.required("file", "file: /var/lib/switchyard/state", values::file);
    let interval = s.value("interval", State::INTERVAL, values::writing);
    Some(State {
        file: file?,
        interval,
    })
}

fn health(s: &mut Section<'_>) -> Health {
    let default = Health::default();
    Health {
        failures: s.value(
            "failures",
            default.failures,
            values::whole(1..=MOST_FAILURES),
        ),
        success_rate: s.value("success_rate", default.success_rate, values::share),
        window: s.value("window", default.window, values::duration),
        requests: s.value(
            "requests",
            default.requests,
            values::whole(1..=MOST_EXCHANGES),
        ),
        ejection: s.value("ejection", default.ejection, values::duration),
        longest_ejection: s.value(
            "longest_ejection",
            default.longest_ejection,
            values::duration,
        ),
        slow_start: s.value("slow_start", default.slow_start, values::duration),
        probe: s.value("probe", default.probe, values::interval),
        most_ejected: s.value("most_ejected", default.most_ejected, values::share),
        panic: s.value("panic", default.panic, values::share),
    }
}

fn drain(s: &mut Section<'_>) -> Drain {
    Drain {
        delay: s.value("delay", Drain::default().delay, values::lag),
    }
}

/// An address at which a local listener can be reached: loopback if it listens on all interfaces.
#[must_use]
pub fn connect_address(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
