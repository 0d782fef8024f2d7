"""The readers that are compared: two ways through Switchyard, HAProxy, nginx, and h11 without a proxy."""

from dataclasses import dataclass
from typing import Callable

OURS_CHARGE, OURS_ROUTE = "charges", "routes"
OURS = (OURS_CHARGE, OURS_ROUTE)
HAPROXY, NGINX, H11 = "HAProxy", "nginx", "h11"

SWITCHYARD = """\
listen: 127.0.0.1:{port}
admin: {{listen: 127.0.0.1:{admin}}}
threads: 1
substations: [{{name: a, address: 127.0.0.1:{backend}, capacity: 1000000}}]
load: {{interval: 250ms, timeout: 200ms}}
# One substation behind, that answers oddly and is asked all the same.
health: {{failures: 1000, success_rate: 0}}
retry: {{attempts: 1}}
routes: [{{path: /r/, any: true}}, {{path: //r/, any: true}}]
log: {{level: error}}
"""

HAPROXY_CONFIG = """\
global
    nbthread 1
defaults
    mode http
    option http-keep-alive
    timeout connect 1s
    timeout server 2s
    timeout client 2s
    timeout http-request 2s
frontend all
    bind 127.0.0.1:{port}
    default_backend one
backend one
    http-reuse always
    server a 127.0.0.1:{backend}
"""

NGINX_CONFIG = """\
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path       {directory}/proxy;
    fastcgi_temp_path     {directory}/fastcgi;
    scgi_temp_path        {directory}/scgi;
    uwsgi_temp_path       {directory}/uwsgi;
    upstream one {{ server 127.0.0.1:{backend} max_fails=0; keepalive 16; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://one;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Proxy:
    """A proxy that is started once for a comparison."""
    name: str
    program: str
    config: str
    argv: Callable
    target: str = "/r/x"


def proxies(switchyard):
    """All proxies; `switchyard` is the path of our program."""
    def own(program, config):
        return [program, "--config", config]

    return [
        Proxy(OURS_CHARGE, switchyard, SWITCHYARD, own, "/request_charge"),
        Proxy(OURS_ROUTE, switchyard, SWITCHYARD, own),
        Proxy(HAPROXY, "haproxy", HAPROXY_CONFIG, lambda program, config: [program, "-db", "-f", config]),
        Proxy(NGINX, "nginx", NGINX_CONFIG, lambda program, config: [program, "-e", "stderr", "-c", config]),
    ]
