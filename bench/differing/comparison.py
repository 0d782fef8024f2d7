"""Sends every case through every reader."""

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from lib.processes import BenchError, Process, free_ports

from . import answers, backend, outcome, readers, requests, talk
from .outcome import ANSWERS, REQUESTS


# A machine may be busy: what looks as if ours were laxer is asked again, and waited for much longer.
LONG_PATIENCE = 3


def run(switchyard, is_suspicious):
    """The outcomes as `{(kind, case name): {reader: outcome}}`, and the names of the proxies that are not here.

    `is_suspicious(kind, case name, outcomes)` says which cases to ask a second time.
    """
    with ExitStack() as running:
        directory = Path(running.enter_context(tempfile.TemporaryDirectory()))
        directory.chmod(0o755)  # nginx's worker is another user if this runs as root
        started, missing = [], []
        for proxy in readers.proxies(switchyard):
            if shutil.which(proxy.program):
                started.append((proxy, *_start(proxy, directory, running)))
            elif proxy.name in readers.OURS:
                raise BenchError(f"there is no program {proxy.program}; `cargo build` makes it")
            else:
                missing.append(proxy.name)
        found = _ask(started, requests.ALL, answers.ALL, talk.PATIENCE)
        again = {key for key, outcomes in found.items() if is_suspicious(*key, outcomes)}
        if again:
            cases = [case for case in requests.ALL if (REQUESTS, case.name) in again]
            odd = [case for case in answers.ALL if (ANSWERS, case.name) in again]
            found.update(_ask(started, cases, odd, LONG_PATIENCE))
    return found, missing


def _ask(started, cases, odd_answers, patience):
    """Sends these cases through every reader, through all proxies at once."""
    found = {(REQUESTS, case.name): {} for case in cases} | {(ANSWERS, case.name): {} for case in odd_answers}

    def through(proxy, port, server):
        for case in cases:
            if case.is_charge or proxy.name != readers.OURS_CHARGE:
                found[REQUESTS, case.name][proxy.name] = talk.request(port, server, proxy.target, case, patience)
        for case in odd_answers:
            if case.method == "POST" or proxy.name != readers.OURS_CHARGE:
                found[ANSWERS, case.name][proxy.name] = talk.answer(port, server, proxy.target, case, patience)

    with ThreadPoolExecutor(len(started)) as threads:
        for ended in [threads.submit(through, *one) for one in started]:
            ended.result()
    for case in cases:
        found[REQUESTS, case.name][readers.H11] = talk.request_to_h11(case)
    for case in odd_answers:
        found[ANSWERS, case.name][readers.H11] = talk.answer_to_h11(case)
    return found


def _start(proxy, directory, running):
    """Starts a proxy before a server of its own; returns its port and the server."""
    server = backend.Backend()
    port = free_ports(2)
    folder = directory / proxy.name
    folder.mkdir()
    config = folder / "config"
    config.write_text(proxy.config.format(port=port, admin=port + 1, backend=server.port, directory=folder))
    process = running.enter_context(Process(proxy.name, proxy.argv(proxy.program, str(config)), folder / "log"))
    plain = requests.PLAIN[0]

    def ready():
        return talk.request(port, server, proxy.target, plain).what == outcome.PASSED

    process.wait_until(ready)
    return port, server
