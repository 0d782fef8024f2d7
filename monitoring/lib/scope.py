"""Things that are started and ended together."""

from contextlib import ExitStack


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
