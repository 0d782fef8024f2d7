"""The measured proxies. Each is configured for this job as its manual recommends: bench/peers/."""

import shutil
import signal

from . import command
from .peer import Peer, speaks

POOLED = "upstream: {pipeline: off}"
TOLERANT = "balance: {tolerance: 0.001}"
OUR_TLS = "tls: {certificate: @DIR@/tls.crt, key: @DIR@/tls.key}"
OUR_SECURE = "upstream: {tls: {ca: @DIR@/tls.crt, server_name: localhost}}"
HAPROXY_SECURE = " ssl verify required ca-file @DIR@/tls.crt verifyhost localhost alpn http/1.1"
NGINX_SECURE = "proxy_ssl_verify on; proxy_ssl_trusted_certificate @DIR@/tls.crt; proxy_ssl_name localhost; " \
               "proxy_ssl_protocols TLSv1.3;"
# What makes the substations inference servers. Their gauges have other names, and they export no capacity.
OUR_STREAMS = {
    "ROUTES": "routes: [{path: /v1/realtime, lasts: connection}, {path: /v1/, lasts: answer}]",
    "GAUGE": ', metric: "vllm:num_requests_running + vllm:num_requests_waiting"', "CAPACITY": ", capacity: 1000000"}
# Without it HAProxy lets the kernel keep an event for up to 200 ms, to put it into a packet with the next.
HAPROXY_STREAMS = {"STREAMS": "option http-no-delay"}
# Idle clients of one address are thousands here; by default an address has a quarter of 1,000 connections with HTTP/2.
OUR_HTTP2 = "http2: {cleartext: true, connections: 100000}"
ENVOY_TLS = (
    'transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3'
    ".DownstreamTlsContext, common_tls_context: {alpn_protocols: [h2, http/1.1], tls_certificates: "
    "[{certificate_chain: {filename: @DIR@/tls.crt}, private_key: {filename: @DIR@/tls.key}}]}}}")
PINGAP_TLS = 'global_certificates = true\nenabled_h2 = true\n[certificates.all]\ntls_cert = "@DIR@/tls.crt"\n' \
             'tls_key = "@DIR@/tls.key"\nis_default = true'


def peers(binaries, envoy=None):
    """All proxies, in the order of the report; `binaries` is the folder of ours."""
    switchyard = str(binaries / "switchyard")

    def ours(name, note, more="", **other):
        check = (lambda config: [switchyard, "check", "--config", config]) if more else None
        return Peer(name, "switchyard.yaml", lambda config, port, threads: [switchyard, "run", "--config", config],
                    [switchyard, "--version"], ready_path="/ready", more=more, check=check, note=note,
                    speaks=speaks({"LISTEN": OUR_TLS}, {"LISTEN": OUR_HTTP2}),
                    secures=None if more else {"UPSTREAM": OUR_SECURE}, streams=None if more else OUR_STREAMS, **other)

    haproxy, nginx, sozu, pingap = (newest(name) for name in ("haproxy", "nginx", "sozu", "pingap"))
    envoy = str(envoy or newest("envoy"))
    return [
        ours("switchyard", "as shipped: scrapes gauges, keeps a ledger, limits, retries, records choices"),
        ours("switchyard-pooled", "the same with `upstream: {pipeline: off}`: a connection to a substation carries one "
             "request at a time", POOLED),
        ours("switchyard-tolerant", "the same with `balance: {tolerance: 0.001}`: it may prefer a substation whose load is "
             "a thousandth above the lowest", TOLERANT),
        Peer("haproxy", "haproxy.cfg", lambda config, port, threads: [haproxy, "-db", "-f", config], [haproxy, "-v"],
             speaks=speaks({"LISTEN": " ssl crt @DIR@/tls.pem alpn h2,http/1.1"}, {"LISTEN": " proto h2"}),
             secures={"UPSTREAM": HAPROXY_SECURE}, streams=HAPROXY_STREAMS,
             note="`leastconn`; a pool of connections for all threads; no log"),
        Peer("nginx", "nginx.conf", lambda config, port, threads: [nginx, "-e", "stderr", "-c", config], [nginx, "-v"],
             speaks=speaks({"LISTEN": " ssl http2", "TLS": "ssl_certificate @DIR@/tls.crt; ssl_certificate_key @DIR@/tls.key;"},
                           {"LISTEN": " http2"}),
             secures={"UPSTREAM": NGINX_SECURE, "UPSTREAM_SCHEME": "https"}, streams={},
             note="`least_conn`, by the connections of one worker; a substation fails for it only by failed requests; no log"),
        Peer("envoy", "envoy.yaml",
             lambda config, port, threads: [envoy, "-c", config, "--concurrency", str(threads),
                                            "--disable-hot-restart", "--log-level", "warning"],
             [envoy, "--version"], optional=True, speaks=speaks({"TLS": ENVOY_TLS}, {}), streams={},
             note="`LEAST_REQUEST`, the better of two drawn at random; no log"),
        Peer("sozu", "sozu.toml", lambda config, port, threads: [sozu, "start", "--config", config], [sozu, "--version"],
             optional=True, speaks=speaks({"PROTOCOL": "https", "TLS": ', certificate = "@DIR@/tls.crt", key = "@DIR@/tls.key"'}),
             note="`LEAST_LOADED`, once for each connection of a client, not for each request; adds headers of its own; no HTTP/2 in clear"),
        Peer("pingap", "pingap.toml", lambda config, port, threads: [pingap, "-c", config], [pingap, "--version"],
             optional=True, end=signal.SIGINT, speaks=speaks({"TLS": PINGAP_TLS}, {"TLS": "enabled_h2 = true"}),
             note="substations in turn, since it knows no least connections; built on Pingora, as we are"),
        # What any `ProxyHttp` costs that selects as we do. It does not rewrite paths, and waits for minutes on SIGTERM.
        Peer("plain", "switchyard.yaml",
             lambda config, port, threads: [str(binaries / "examples/plain_proxy"), config, f"127.0.0.1:{port}"],
             path="/charge", end=signal.SIGINT, streams=OUR_STREAMS,
             note="a bare `ProxyHttp` proxy of Pingora that selects as we do; HTTP/1.1 in clear only"),
    ]


def newest(name):
    """The path of a program that was installed for the bench; its name if it is to be found on the PATH."""
    return next((str(folder / name) for folder in command.PROGRAMS if shutil.which(str(folder / name))), name)
