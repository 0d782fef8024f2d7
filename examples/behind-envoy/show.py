"""Envoy in front of the proxy: Envoy makes the id of each request and says who its client is, the proxy chooses.

Every request must be in both access logs once, under the same id, with the same client, status and substation.
"""

import concurrent.futures
import http.client
import json
import os
import statistics

import rig

CONFIGURED = ["127.0.0.1:5001", "127.0.0.1:5002", "127.0.0.1:5003"]
# Addresses of this machine: Linux has all of 127.0.0.0/8.
CLIENTS = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
EACH = 20


def lines(path):
    """The objects in an access log, as far as whole lines have been written."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def charge(address, client, count):
    """Charges of one client over one connection, with its own idea of who it is. Returns the answers' statuses."""
    host, port = address.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=rig.PATIENCE, source_address=(client, 0))
    statuses = []
    for _ in range(count):
        connection.request("POST", "/request_charge", json.dumps({"power_kw": 11, "energy_kwh": 11}),
                           {"x-forwarded-for": "203.0.113.99"})
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    connection.close()
    return statuses


def show(example):
    addresses = example.substations(CONFIGURED, "--capacity-kw", "600,400,200")
    logs = {name: example.folder / f"{name}-access.log" for name in ("envoy", "switchyard")}
    proxy = example.proxy({**dict(zip(CONFIGURED, addresses, strict=True)),
                           "/tmp/switchyard-access.log": str(logs["switchyard"])})
    free = {} if example.stays else {"port_value: 9902": "port_value: 0", "port_value: 10000": "port_value: 0"}
    config = example.configuration("envoy.yaml", {
        "port_value: 8080": f"port_value: {proxy.address.split(':')[1]}",
        "port_value: 9901": f"port_value: {proxy.admin.split(':')[1]}",
        "/tmp/envoy-access.log": str(logs["envoy"]), **free})
    admin = example.folder / "envoy-admin"
    envoy = example.start("envoy", os.environ["ENVOY"], "--config-path", config, "--concurrency", 1,
                          "--file-flush-interval-msec", 100, "--admin-address-path", admin, "--use-dynamic-base-id")

    def said(path):
        if envoy.process.poll() is not None:
            raise rig.Failed(f"Envoy has ended:\n{envoy.log()}")
        try:
            return rig.text(f"http://{admin.read_text()}{path}")
        except (OSError, ValueError):
            return ""

    rig.until("Envoy finds the proxy ready", lambda: "health_flags::healthy" in said("/clusters"))
    front = rig.until("Envoy listens", lambda: said("/listeners")).strip().split("::")[1]

    example.say(f"{len(CLIENTS)} clients ask for {EACH} charges each, through Envoy")
    with concurrent.futures.ThreadPoolExecutor(len(CLIENTS)) as pool:
        statuses = [status for one in pool.map(lambda client: charge(front, client, EACH), CLIENTS) for status in one]
    count = len(CLIENTS) * EACH
    example.expect(f"all {count} charges were booked", statuses == [200] * count)
    rig.until("both logs have been written", lambda: all(len(lines(path)) >= count for path in logs.values()))
    outer, inner = ({line["request_id"]: line for line in lines(path)} for path in logs.values())
    example.expect("each is in both logs once, under the same id",
                   outer.keys() == inner.keys() and len(outer) == count == len(lines(logs["envoy"])))
    pairs = [(outer[key], inner[key]) for key in outer.keys() & inner.keys()]
    for name in ("remote", "status", "substation"):
        example.expect(f"both say the same {name}", all(one[name] == other[name] for one, other in pairs))
    example.expect("no client could say that it was another one",
                   sorted(other["remote"] for _, other in pairs) == sorted(CLIENTS * EACH))
    example.table(("request", "client", "substation", "Envoy ms", "Switchyard ms", "substation ms"),
                  [(one["request_id"][:8] + "…", one["remote"], other["substation"], one["milliseconds"],
                    f"{1000 * other['seconds']:.1f}", f"{1000 * other['upstream_seconds']:.1f}") for one, other in pairs[:5]])
    example.say(f"  median: Envoy {statistics.median(one['milliseconds'] for one, _ in pairs):.0f} ms, "
                f"Switchyard {1000 * statistics.median(other['seconds'] for _, other in pairs):.1f} ms")
    booked = [rig.gauge(rig.text(f"http://{address}/metrics"), "substation_current_load") for address in addresses]
    shares = [load / most for load, most in zip(booked, (600, 400, 200), strict=True)]
    example.expect(f"the substations are evenly full: {', '.join(f'{100 * share:.0f} %' for share in shares)}",
                   max(shares) - min(shares) <= 0.08)
    example.stay(proxy)


rig.main(show, __doc__.split("\n\n", maxsplit=1)[0], 0)
