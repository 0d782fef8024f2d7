"""From cells to medians and ratios."""

from statistics import median

MEASURES = ("rate", "p50_ms", "p99_ms", "p999_ms", "proxy_cpu_us", "substation_cpu_us", "peak_mib", "foreign_cpu", "late")
# Whom we measure ourselves by: the cheaper of them for CPU time, the faster for requests.
BASE = ("haproxy", "nginx")


def medians(cells, order):
    """One row for each point and way: medians over its valid rounds, and ratios to the better of the base at that point.

    Points as they appear, ways in `order`.
    """
    rows = []
    for point in dict.fromkeys(cell.point for cell in cells):
        there = [cell for cell in cells if cell.point == point]
        own = [_row(point, way, [cell for cell in there if cell.way == way])
               for way in order if any(cell.way == way for cell in there)]
        base = [row for row in own if row["way"] in BASE]
        cheapest = min((row["proxy_cpu_us"] for row in base if row["proxy_cpu_us"]), default=None)
        fastest = max((row["rate"] for row in base if row["rate"]), default=None)
        for row in own:
            row["proxy_cpu_us_ratio"] = ratio(row["proxy_cpu_us"], cheapest)
            row["rate_ratio"] = ratio(row["rate"], fastest)
        rows += own
    return rows


def _row(point, way, cells):
    valid = [cell for cell in cells if cell.valid]
    row = {"point": point, "way": way, "rounds": len(valid), "invalid": len(cells) - len(valid)}
    for measure in MEASURES:
        row[measure] = median(getattr(cell, measure) for cell in valid) if valid else None
    cpu = [cell.proxy_cpu_us for cell in valid]
    row["proxy_cpu_us_range"] = [min(cpu), max(cpu)] if cpu else None
    return row


def ratio(value, base):
    """`value` over `base`; None where either is missing or nought."""
    return value / base if value and base else None


class Medians:
    """The rows, to be asked for one figure, or for how two compare."""

    def __init__(self, rows, cells=()):
        self._rows = {(row["point"], row["way"]): row for row in rows}
        self._cells = {(cell.point, cell.way, cell.round): cell for cell in cells if cell.valid}

    def at(self, point, way, measure):
        """The figure, or None where it was not measured."""
        return self._rows.get((point.key, way), {}).get(measure)

    def compared(self, own, others, measure, best=min):
        """The figure of `own` over that of the best of the `others`, all of them (point, way).

        Gives the ratio of medians, or None, and between what the ratios within single rounds lie: how far to trust it.
        """
        known = {other: self.at(*other, measure) for other in others if self.at(*other, measure)}
        if not known or not self.at(*own, measure):
            return None, None
        base = best(known, key=known.get)
        by_round = [getattr(cell, measure) / getattr(other, measure)
                    for (point, way, number), cell in self._cells.items() if (point, way) == (own[0].key, own[1])
                    for other in [self._cells.get((base[0].key, base[1], number))] if other and getattr(other, measure)]
        return self.at(*own, measure) / known[base], [min(by_round), max(by_round)] if by_round else None
