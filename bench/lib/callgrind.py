"""Instructions by part of the proxy, from a file of callgrind's.

callgrind_annotate counts by function. A release build inlines most of what a request runs into a few large functions,
so this reads the counts of single addresses, which lib/symbols.py resolves to inlined frames. What belongs to no part,
such as memcpy and the allocator, is charged to the calling parts in proportion.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field

from . import parts

# Steps from callee to caller: more than any stack here has.
DEPTH = 200
NAME = re.compile(r"(c?(?:ob|fn))=(?:\((\d+)\))?\s*(.*)")


@dataclass
class Function:
    """Counts of one function, by address; and of what it calls, by the address of the call."""

    object: str
    own: dict = field(default_factory=lambda: defaultdict(int))  # address → instructions
    calls: dict = field(default_factory=lambda: defaultdict(int))  # (address, (object, function)) → instructions in it


def parse(text):
    """Reads a file that callgrind wrote with --dump-instr=yes: (object, function) → `Function`."""
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
    """The address of a line, which may be written as the distance from the line before."""
    if where == "*":
        return address
    if where[0] in "+-":
        return address + int(where, 0)
    return int(where, 16)


def total(functions):
    """The sum of all counts."""
    return sum(sum(function.own.values()) for function in functions.values())


def by_part(functions, part_of):
    """Instructions by part. `part_of(object, address)` returns the part of an address, or None.

    Instructions without a part are charged to the callers, in proportion to what each caller's calls cost.
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
