"""Grafana's own schema of a dashboard, as its Foundation SDK publishes it for Python: a class for each thing, an annotation
for each field.

The classes build dashboards; nothing in them refuses a wrong one. So a dashboard is read into them and looked at: a key that
got lost on the way is none of Grafana's, and a value that is not of its field's type is wrong.
"""

import enum
import json
import re
import types
import typing

from grafana_foundation_sdk.cog import encoder, plugins
from grafana_foundation_sdk.models import dashboard, units

plugins.register_default_plugins()

# Grafana's units, and the words that are shown as they are behind a number.
UNITS = {str(value) for name, value in vars(units).items() if not name.startswith("_") and isinstance(value, str)}
WORDS = {"cores"}
# A mark is the data source's matter, so Grafana's schema leaves it open; these are what the one for Prometheus reads.
MARK = re.compile(r"\.annotations\.list\[\d+\]\.(step|titleFormat|textFormat|useValueForTime)")


def faults(board):
    """What in a dashboard is not as Grafana's schema has it."""
    read = dashboard.Dashboard.from_json(board)
    again = json.loads(json.dumps(read, cls=encoder.JSONEncoder))
    return [*lost(board, again, ""), *wrong(read, dashboard.Dashboard, "")]


def lost(given, read, where):
    """The keys of `given` that are not in what was read of it."""
    if isinstance(given, dict) and isinstance(read, dict):
        for key, value in given.items():
            if key not in read:
                # What is empty may be left out, as null is.
                if value not in (None, {}, []) and not MARK.fullmatch(f"{where}.{key}"):
                    yield f"{where}.{key}: is no key here"
            else:
                yield from lost(value, read[key], f"{where}.{key}")
    elif isinstance(given, list) and isinstance(read, list):
        if len(given) != len(read):
            yield f"{where}: {len(given)} were given, {len(read)} read"
        for at, (one, other) in enumerate(zip(given, read, strict=False)):
            yield from lost(one, other, f"{where}[{at}]")


def wrong(value, hint, where):
    """The values that are not of the type that their field is annotated with."""
    if isinstance(value, dict) and isinstance(hint, type) and hasattr(hint, "from_json"):
        value = hint.from_json(value)  # some are left as they came
    if not fits(value, hint):
        yield f"{where}: {value!r} is no {getattr(hint, '__name__', hint)}"
        return
    if isinstance(value, dict):
        for key, one in value.items():
            yield from wrong(one, parameter(hint, 1), f"{where}.{key}")
    elif isinstance(value, list):
        for at, one in enumerate(value):
            yield from wrong(one, parameter(hint, 0), f"{where}[{at}]")
    elif type(value).__module__.startswith("grafana_foundation_sdk"):
        for name, expected in typing.get_type_hints(type(value)).items():
            yield from wrong(getattr(value, name), expected, f"{where}.{name}")


def fits(value, hint):
    """Is this value one of that type?"""
    if hint is typing.Any or isinstance(hint, typing.TypeVar):
        return True
    origin, choices = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, choice) for choice in choices)
    if origin is typing.Literal:
        return value in choices
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return value in {member.value for member in hint}
    expected = origin or hint
    if expected is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if expected is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, expected) if isinstance(expected, type) else True


def parameter(hint, at):
    """The type of what a list or dictionary of this type holds; anything, where it does not say."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    for option in options:
        held = typing.get_args(option)
        if len(held) > at and typing.get_origin(option) in (list, dict):
            return held[at]
    return typing.Any
