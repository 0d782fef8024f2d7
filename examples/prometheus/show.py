"""Three substations whose load the proxy takes from the Prometheus that scrapes them already; it scrapes nothing itself.

Nothing may be lost, no substation may be above its capacity, and they must be evenly full, although Prometheus' samples
are a second old.
"""

import json
import shutil

import rig

CONFIGURED = ["127.0.0.1:5001", "127.0.0.1:5002", "127.0.0.1:5003"]
CAPACITIES = "500,300,200"


def show(example):
    binary = shutil.which("prometheus")
    if not binary:
        raise rig.Failed("there is no prometheus here (Debian: prometheus)")
    addresses = example.substations(CONFIGURED, "--capacity-kw", CAPACITIES, "--time-scale", 3600)
    where = dict(zip(CONFIGURED, addresses, strict=True))
    port = 9090 if example.stays else 0
    prometheus = example.start(
        "prometheus", binary, f"--config.file={example.configuration('prometheus.yml', where)}",
        f"--storage.tsdb.path={example.folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}")
    at = prometheus.find(r"Listening on\S* address=(127\.0\.0\.1:\d+)")[0]

    def answers(query):
        try:
            return json.loads(rig.text(f"http://{at}/api/v1/query?query={query}"))["data"]["result"]
        except OSError:  # it answers with 503 while it begins
            return []

    rig.until("Prometheus has scraped all", lambda: len(answers("substation_current_load")) == len(CONFIGURED))
    proxy = example.proxy({**where, "127.0.0.1:9090": at})
    rig.until("the proxy has a sample of each",
              lambda: all(one["sample_age_seconds"] is not None for one in proxy.status()["substations"]))

    example.say(f"Prometheus scrapes once a second, the proxy asks it; cars come for {example.seconds:g} s")
    report = example.folder / "report.json"
    # 56 cars of 11 kW, which stay longer than this takes: 62 % of 1,000 kW.
    cars = 56
    requester = example.start(
        "requester", example.binary("requester"), "steady", "--target", f"http://{proxy.address}",
        *(part for address in addresses for part in ("--substation", f"http://{address}")),
        "--rate", cars / example.seconds, "--duration", f"{example.seconds}s", "--arrivals", "even", "--quiet",
        "--power-kw", 11, "--energy-kwh", 11 * (5 + 2 * example.seconds),
        "--output", report, "--fail-if", "lost>0", "--fail-if", "refused>0", "--fail-if", "violations>0",
        "--fail-if", "spread>8")
    requester.process.wait(timeout=rig.PATIENCE + example.seconds)
    rows = [(name, f"{one['capacity']:.0f}", f"{one['estimated_load']:.0f}", f"{one['sample_age_seconds']:.1f} s")
            for name, one in ((one["name"], one) for one in proxy.status()["substations"])]
    example.table(("substation", "kW", "estimate", "age of its sample"), rows)
    example.expect("the requester's checks: nothing lost or refused, none above its capacity, within 8 points"
                   + ("" if requester.process.returncode == 0 else f"\n{requester.log()}"),
                   requester.process.returncode == 0)
    booked = sum(rig.gauge(rig.text(f"http://{address}/metrics"), "substation_sessions_started_total")
                 for address in addresses)
    accepted = json.loads(report.read_text(encoding="utf-8"))["answers"].get("200")
    example.expect(f"{accepted} cars were told that they have a place, and {booked:.0f} have one", booked == accepted)
    page = rig.text(f"http://{proxy.admin}/metrics")
    example.expect("every series was matched to a substation",
                   rig.gauge(page, "switchyard_load_query_series") == len(CONFIGURED)
                   and rig.gauge(page, "switchyard_load_query_unmatched_series") == 0)
    interval = rig.gauge(page, "switchyard_load_query_scrape_interval_seconds")
    example.expect(f"the proxy has learned how often Prometheus scrapes: every {interval:.1f} s", 0.8 < interval < 1.5)
    example.stay(proxy)


rig.main(show, __doc__.split("\n\n", maxsplit=1)[0], 4)
