"""Compares an object with what a typed reader made of it: a key that got lost is one that the reader does not know."""


def lost(given, read, where, optional=lambda path, value: False):
    """Names the keys of `given` that are missing in `read`, except those for which `optional` returns true."""
    if isinstance(given, dict) and isinstance(read, dict):
        for key, value in given.items():
            path = f"{where}.{key}"
            if key in read:
                yield from lost(value, read[key], path, optional)
            elif not optional(path, value):
                yield f"{path}: is no key here"
    elif isinstance(given, list) and isinstance(read, list):
        if len(given) != len(read):
            yield f"{where}: {len(given)} were given, {len(read)} read"
        for at, (one, other) in enumerate(zip(given, read, strict=False)):
            yield from lost(one, other, f"{where}[{at}]", optional)
