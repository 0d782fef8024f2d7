"""Six charging sites on two feeders below one transformer: a rush of cars, and an order of the grid operator in the middle.

Every limit must hold at every reading, every car that is told so must have its place, and no site may be full while
another one is empty.
"""

import json
import threading
import time

import rig

SITES = {"pier": (5001, 250), "ferry": (5002, 200), "fishmarket": (5003, 150),
         "visitors": (5004, 300), "staff": (5005, 200), "ambulances": (5006, 100)}
FEEDERS = {"transformer": (900, list(SITES)), "harbour": (500, ["pier", "ferry", "fishmarket"]),
           "hospital": (600, ["visitors", "staff", "ambulances"])}
# What the operator leaves of the harbour's 500 kW.
ORDER = 320


class Meter(threading.Thread):
    """Reads the sites' own gauges, so it sees what is there and not what the proxy believes in."""

    def __init__(self, addresses):
        super().__init__(daemon=True)
        self.addresses, self.readings, self._over = addresses, [], threading.Event()

    def run(self):
        while not self._over.wait(0.05):
            self.readings.append((time.monotonic(), self.read()))

    def read(self):
        return {name: rig.gauge(rig.text(f"http://{address}/metrics"), "substation_current_load")
                for name, address in self.addresses.items()}

    def end(self):
        self._over.set()
        self.join()


def of(reading, feeder):
    """The load of a feeder: the sum of its sites'."""
    return sum(reading[site] for site in FEEDERS[feeder][1])


def show(example):
    names, configured = list(SITES), [f"127.0.0.1:{port}" for port, _ in SITES.values()]
    # At a time scale of 3600 an hour is a second: a car stays for two.
    addresses = example.substations(configured, "--capacity-kw", ",".join(str(kw) for _, kw in SITES.values()),
                                    "--time-scale", 3600)
    addresses = dict(zip(names, addresses, strict=True))
    proxy = example.proxy(dict(zip(configured, addresses.values(), strict=True)))

    example.say(f"{len(SITES)} sites on two feeders; a rush of cars for {example.seconds:g} s, a fifth more than fits")
    meter = Meter(addresses)
    meter.start()
    report = example.folder / "report.json"
    # 11 kW for two hours each; 49 cars a second are 1,080 kW.
    requester = example.start(
        "requester", example.binary("requester"), "steady", "--target", f"http://{proxy.address}",
        "--admin", f"http://{proxy.admin}", "--rate", 49, "--duration", f"{example.seconds}s", "--quiet",
        "--power-kw", 11, "--energy-kwh", 22, "--field", "connector_type=ccs:0.4,type2:0.6",
        "--output", report, "--fail-if", "lost>0", "--fail-if", "violations>0", "--fail-if", "disagreements>0")
    time.sleep(example.seconds / 2)
    example.say(f"the grid operator orders: at most {ORDER} kW at the harbour")
    status, _, said = rig.ask(proxy.admin, "PUT", "/limits/harbour", {"value": ORDER, "source": "operator"})
    ordered = time.monotonic()
    example.expect(f"the order is in force ({said if status >= 300 else status})", status < 300)
    requester.process.wait(timeout=rig.PATIENCE + example.seconds)
    meter.end()

    readings = [reading for _, reading in meter.readings]
    rows = [(feeder, capacity, f"{max(of(reading, feeder) for reading in readings):.0f}")
            for feeder, (capacity, _) in FEEDERS.items()]
    rows += [(f"  {site}", capacity, f"{max(reading[site] for reading in readings):.0f}")
             for site, (_, capacity) in SITES.items()]
    example.table(("kW", "limit", "highest"), rows)

    for feeder, (capacity, _) in FEEDERS.items():
        example.expect(f"{feeder} stayed within {capacity} kW at all {len(readings)} readings",
                       readings and all(of(reading, feeder) <= capacity for reading in readings))
    after = [of(reading, "harbour") for at, reading in meter.readings if at > ordered + 0.1]
    grown = [now for before, now in zip(after, after[1:]) if now > max(before, ORDER)]
    example.expect("after the order the harbour grew no more beyond it", bool(after) and not grown)
    fullest = max(of(reading, "transformer") for reading in readings)
    example.expect(f"the transformer was used: {fullest:.0f} of 900 kW", fullest > 800)
    example.expect("the requester's checks: nothing lost, no site above its capacity, all counts agree"
                   + ("" if requester.process.returncode == 0 else f"\n{requester.log()}"),
                   requester.process.returncode == 0)
    offered, answers = (json.loads(report.read_text(encoding="utf-8"))[key] for key in ("offered", "answers"))
    example.say(f"\n  {offered['requests']} cars asked; the answers: {json.dumps(answers)}")
    example.stay(proxy)


rig.main(show, __doc__.split("\n\n")[0], 4)
