"""Medians and ratios of the measurements."""

from statistics import median

MEASURES = ("rate", "p50_ms", "p99_ms", "p999_ms", "proxy_cpu_us", "substation_cpu_us", "peak_mib", "foreign_cpu", "late")
# Ratios compare with these peers: with the cheaper one for CPU time, with the faster one for requests.
BASE = ("haproxy", "nginx")


def counting(cells):
    """Those of the cells of one point and way that count: without errors, and not void if there are others."""
    valid = [cell for cell in cells if cell.valid]
    return [cell for cell in valid if not cell.noisy] or valid


def medians(cells, order):
    """A row for each point and way: medians over the rounds that count, and ratios to the best peer of `BASE` there.

    Points stand in the order of the cells, ways in `order`.
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
    counted = counting(cells)
    row = {"point": point, "way": way, "rounds": len(counted), "invalid": sum(not cell.valid for cell in cells),
           "noisy": sum(cell.noisy for cell in cells), "noisy_counted": any(cell.noisy for cell in counted),
           "failed": sum(sum(cell.errors.values()) for cell in cells)}
    for measure in MEASURES:
        row[measure] = median(getattr(cell, measure) for cell in counted) if counted else None
    for measure in ("proxy_cpu_us", "rate", "p99_ms"):
        values = [getattr(cell, measure) for cell in counted]
        row[f"{measure}_range"] = [min(values), max(values)] if values else None
    return row


def ratio(value, base):
    """`value` over `base`; None if either is missing or 0."""
    return value / base if value and base else None


class Medians:
    """Looks up single figures in the rows, and compares them."""

    def __init__(self, rows, cells=()):
        self._rows = {(row["point"], row["way"]): row for row in rows}
        places = {}
        for cell in cells:
            places.setdefault((cell.point, cell.way), []).append(cell)
        self._cells = {(*place, cell.round): cell for place, there in places.items() for cell in counting(there)}

    def at(self, point, way, measure):
        """A figure, or None if it was not measured."""
        return self._rows.get((point.key, way), {}).get(measure)

    def compared(self, own, others, measure, best=min):
        """The figure of `own` over that of the best of the `others`; each of them is a (point, way).

        Returns the ratio of the medians, or None; the range of the ratios within single rounds, which shows how far to
        trust it; and the way of the best.
        """
        known = {other: self.at(*other, measure) for other in others if self.at(*other, measure)}
        if not known or not self.at(*own, measure):
            return None, None, None
        base = best(known, key=known.get)
        by_round = [getattr(cell, measure) / getattr(other, measure)
                    for (point, way, number), cell in self._cells.items() if (point, way) == (own[0].key, own[1])
                    for other in [self._cells.get((base[0].key, base[1], number))] if other and getattr(other, measure)]
        return self.at(*own, measure) / known[base], [min(by_round), max(by_round)] if by_round else None, base[1]
