"""Checks dashboards against Grafana's own schema, which its Foundation SDK publishes for Python as annotated classes.

The classes are made for building dashboards and refuse nothing. So this reads a dashboard into them and compares: a key
that gets lost is unknown to Grafana, and a value that is not of its field's annotated type is wrong.
"""

import enum
import json
import re
import types
import typing

from grafana_foundation_sdk.cog import encoder, plugins
from grafana_foundation_sdk.models import dashboard, units

from . import compare

plugins.register_default_plugins()

# Grafana's units, and words that Grafana shows as they are behind a number.
UNITS = {str(value) for name, value in vars(units).items() if not name.startswith("_") and isinstance(value, str)}
WORDS = {"cores"}
# Grafana's schema leaves annotations to the data source; these are the keys that the one for Prometheus reads.
MARK = re.compile(r"\.annotations\.list\[\d+\]\.(step|titleFormat|textFormat|useValueForTime)")


def faults(board):
    """All differences between a dashboard and Grafana's schema."""
    read = dashboard.Dashboard.from_json(board)
    again = json.loads(json.dumps(read, cls=encoder.JSONEncoder))
    return [*compare.lost(board, again, "", _optional), *wrong(read, dashboard.Dashboard, "")]


def _optional(path, value):
    """The reader may drop what is empty, and knows no keys of annotations."""
    return value in (None, {}, []) or MARK.fullmatch(path)


def wrong(value, hint, where):
    """The values that do not have the annotated type of their field."""
    if isinstance(value, dict) and isinstance(hint, type) and hasattr(hint, "from_json"):
        value = hint.from_json(value)  # the reader leaves some as they are
    if not fits(value, hint):
        yield f"{where}: {value!r} is not a {getattr(hint, '__name__', hint)}"
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
    """Whether a value has a type."""
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
    """The type of the items of a list or dictionary; `Any` if it is not annotated."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    for option in options:
        held = typing.get_args(option)
        if len(held) > at and typing.get_origin(option) in (list, dict):
            return held[at]
    return typing.Any
