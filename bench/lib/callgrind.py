"""Instructions a request, counted by callgrind, and which part of the proxy they were run for."""

import re
from collections import defaultdict
from dataclasses import dataclass, field

from . import parts

# Callers of callers of callers: deeper than any stack here.
DEPTH = 200
NAME = re.compile(r"(c?(?:ob|fn))=(?:\((\d+)\))?\s*(.*)")


@dataclass
class Function:
    """What was counted in one function: by address, and by the address of a call."""

    object: str
    own: dict = field(default_factory=lambda: defaultdict(int))  # address → instructions
    calls: dict = field(default_factory=lambda: defaultdict(int))  # (address, (object, function)) → instructions in it


def parse(text):
    """A file of callgrind's, written with --dump-instr=yes: (object, function) → [`Function`]."""
    functions, names = {}, {}
    current = {}
    address, called = 0, False
    for line in text.splitlines():
        first = line[:1]
        if first and first in "0123456789+-*":
            where, _, cost = line.partition(" ")
            address = _moved(address, where)
            function = functions.setdefault((current["ob"], current["fn"]), Function(current["ob"]))
            if called:
                function.calls[address, (current["cob"], current["cfn"])] += int(cost.split()[-1])
                current["cob"] = current["ob"]
            else:
                function.own[address] += int(cost.split()[-1])
            called = False
        elif line.startswith("calls="):
            called = True
        elif named := NAME.match(line):
            key, number, name = named.groups()
            kind = key.removeprefix("c")
            if number and name:
                names[kind, number] = name
            current[key] = names.get((kind, number), name)
            if key == "ob":
                current["cob"] = current["ob"]
    return functions


def _moved(address, where):
    """Addresses are told in full, or by how far they are from the last."""
    if where == "*":
        return address
    if where[0] in "+-":
        return address + int(where, 0)
    return int(where, 16)


def total(functions):
    """All instructions that were counted."""
    return sum(sum(function.own.values()) for function in functions.values())


def by_part(functions, part_of):
    """Instructions by part. `part_of(object, address)` is the part that an address names, or None.

    What names none was run for its callers: it is theirs, by how much each of them had done.
    """
    found = defaultdict(float)
    callers = defaultdict(list)
    left = {}
    for name, function in functions.items():
        unnamed = 0
        for address, cost in function.own.items():
            part = part_of(function.object, address)
            if part:
                found[part] += cost
            else:
                unnamed += cost
        left[name] = unnamed
        for (address, callee), cost in function.calls.items():
            callers[callee].append((cost, part_of(function.object, address), name))
    for _ in range(DEPTH):
        moved = defaultdict(float)
        for name, amount in left.items():
            whole = sum(cost for cost, _, _ in callers[name])
            if not whole:
                if amount:
                    found[parts.REST] += amount
                continue
            for cost, part, caller in callers[name]:
                (found if part else moved)[part or caller] += amount * cost / whole
        left = {name: amount for name, amount in moved.items() if amount > 0.5}
        if not left:
            break
    if left:
        found[parts.REST] += sum(left.values())
    return dict(found)
