"""What a run has measured so far. With `--resume FILE` it lives in a file, so that a run can be made in slices.

A slice adds the scenarios that it is asked for, and what an interrupted slice lacks. All slices must measure the same
build on the same machine with the same settings, or their figures would not compare.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Optional

from .measure import Cell
from .processes import BenchError


@dataclass
class State:
    """The measurements of a run, in one slice or several."""

    file: Optional[Path] = None
    must_match: dict = field(default_factory=dict)  # build, machine and settings
    commit: str = ""  # that of the first slice
    cells: list = field(default_factory=list)
    idle: dict = field(default_factory=dict)  # protocol → way → KiB
    own: dict = field(default_factory=dict)  # a figure's name (lib/own.py) → its value in each round
    beside: dict = field(default_factory=dict)  # a figure's name (lib/streams.py) → way → its values
    rate: Optional[float] = None  # the constant rate, in requests a second
    versions: dict = field(default_factory=dict)
    scenarios: list = field(default_factory=list)  # names of those that some slice was asked for
    failures: list = field(default_factory=list)
    left_out: list = field(default_factory=list)

    def forget_void(self, points):
        """Drops what did not count at these points, so that it is measured again."""
        keys = {point.key for point in points}
        self.cells = [cell for cell in self.cells if cell.point not in keys or cell.valid and not cell.noisy]

    def done(self):
        """What needs no measurement any more."""
        return [(cell.point, cell.way, cell.round) for cell in self.cells]

    def keep(self):
        """Writes the file, if there is one, so that it is complete at any time."""
        if self.file is None:
            return
        kept = {name: value for name, value in vars(self).items() if name not in ("file", "cells")}
        new = self.file.with_name(self.file.name + ".new")
        new.write_text(json.dumps({**kept, "cells": [asdict(cell) for cell in self.cells]}, ensure_ascii=False) + "\n")
        os.replace(new, self.file)


def resume(file, must_match):
    """The state in a file, or a new one that will be kept there. What failed in an earlier slice is tried again."""
    if file is None or not file.exists():
        return State(file, must_match)
    try:
        raw = json.loads(file.read_text())
        cells = [Cell(**cell) for cell in raw.pop("cells")]
        state = State(file, cells=cells, **raw)
    except (ValueError, TypeError, KeyError) as error:
        raise BenchError(f"{file.name} is not the state of a bench ({error}); name another file") from error
    for name, value in must_match.items():
        if state.must_match.get(name) != value:
            raise BenchError(f"{file.name} has {name} {state.must_match.get(name)}, this run has {value}; "
                             "name another file, or remove it")
    state.failures, state.left_out = [], []
    return state
