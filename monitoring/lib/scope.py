"""Things that are started and ended together, and their ports."""

import socket
from contextlib import ExitStack


def free_port():
    """A free port, for programs that do not say which one they get for 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Scope:
    """Starts with its `with` block; ends with it, or when the start fails. Subclasses start in `_start`."""

    def __init__(self):
        # What `_start` starts registers here how it ends.
        self.running = ExitStack()

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.running.close()
            raise
        return self

    def __exit__(self, *_):
        self.running.close()

    def _start(self):
        raise NotImplementedError
