"""Pictures of a result as SVG, in light or dark as the browser asks: lines over connections, bars of latency."""

import math
from html import escape

from .scenarios import CONNECTIONS, LATENCY

WIDTH, HEIGHT = 460, 260
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 40, 40
KEY_HEIGHT = 20
COLOURS = {"switchyard": "#3274d9", "switchyard-pooled": "#33a2a2", "haproxy": "#e0883e", "nginx": "#56a64b", "envoy": "#a352cc",
           "sozu": "#d94a6a", "pingap": "#b8a020", "plain": "#8f6b32", "direct": "#808080"}
STYLE = """
  text { font: 11px system-ui, sans-serif; fill: #57606a }
  .title { font-size: 13px; font-weight: 600; fill: #24292f }
  .grid { stroke: #d0d7de; stroke-width: .5 } .line { fill: none; stroke-width: 1.6; stroke-linejoin: round }
  @media (prefers-color-scheme: dark) {
    text { fill: #8d96a0 } .title { fill: #e6edf3 } .grid { stroke: #3d444d }
  }
"""


def pictures(run):
    """The pictures that the result has figures for: (scenario, caption, SVG)."""
    rows = {(row["point"], row["way"]): row for row in run["medians"] if row["rounds"]}
    found = []
    if CONNECTIONS.name in run["settings"]["scenarios"]:
        found.append((CONNECTIONS.name, "CPU time a request, and requests a second, over connections", _connections(rows)))
    if LATENCY.name in run["settings"]["scenarios"] and any(point == LATENCY.points[0][1].key for point, _ in rows):
        found.append((LATENCY.name, "Latency at a constant rate", _latency(rows, run["settings"]["steady_rate"])))
    return found


def _connections(rows):
    labels = [label for label, _ in CONNECTIONS.points]
    panels = []
    for title, measure in (("proxy CPU, µs a request, by connections", "proxy_cpu_us"), ("requests a second, by connections", "rate")):
        series = {}
        for way in COLOURS:
            # Without a proxy far more requests pass, which would flatten all other lines.
            values = [rows.get((point.key, way), {}).get(measure) for _, point in CONNECTIONS.points if way != "direct"]
            if any(values):
                series[way] = values
        panels.append(_panel(title, labels, series, _lines))
    return _page(panels, {way for _, way in rows} - {"direct"})


def _latency(rows, rate):
    point = LATENCY.points[0][1]
    labels = {"p50": "p50_ms", "p99": "p99_ms", "p99.9": "p999_ms"}
    series = {way: [rows[point.key, way][measure] for measure in labels.values()] for way in COLOURS if (point.key, way) in rows}
    title = f"latency in ms at {rate:,.0f} requests/s"
    return _page([_panel(title, list(labels), series, _bars, log=True)], set(series))


def _panel(title, labels, series, draw, log=False):
    values = [value for own in series.values() for value in own if value]
    ticks = decades(values) if log else steps(values)
    low, high = (_scaled(tick, log) for tick in (ticks[0], ticks[-1]))

    def y(value):
        part = (_scaled(max(value, ticks[0]), log) - low) / (high - low)
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)

    wide = (WIDTH - LEFT - RIGHT) / len(labels)
    drawn = [f'<text class="title" x="8" y="20">{escape(title)}</text>']
    for tick in ticks:
        drawn.append(f'<path class="grid" d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}"/>'
                     f'<text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:,g}</text>')
    for number, label in enumerate(labels):
        drawn.append(f'<text x="{LEFT + (number + .5) * wide:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label}</text>')
    return "".join(drawn) + draw(series, y, wide)


def _scaled(value, log):
    return math.log10(value) if log else value


def _lines(series, y, wide):
    drawn = []
    for way, values in series.items():
        points = [(LEFT + (number + .5) * wide, y(value)) for number, value in enumerate(values) if value is not None]
        path = "M" + "L".join(f"{x:.1f} {at:.1f}" for x, at in points)
        dots = "".join(f'<circle cx="{x:.1f}" cy="{at:.1f}" r="2.5" fill="{COLOURS[way]}"/>' for x, at in points)
        drawn.append(f'<path class="line" stroke="{COLOURS[way]}" d="{path}"/>{dots}')
    return "".join(drawn)


def _bars(series, y, wide):
    each = wide * .8 / len(series)
    drawn = []
    for place, (way, values) in enumerate(series.items()):
        for number, value in enumerate(values):
            x = LEFT + (number + .1) * wide + place * each
            drawn.append(f'<rect x="{x:.1f}" y="{y(value):.1f}" width="{each * .85:.1f}" height="{HEIGHT - BOTTOM - y(value):.1f}" '
                         f'fill="{COLOURS[way]}"><title>{way} {value:.2f} ms</title></rect>')
    return "".join(drawn)


def _page(panels, ways):
    width = WIDTH * len(panels)
    drawn = [f'<g transform="translate({WIDTH * number} 0)">{panel}</g>' for number, panel in enumerate(panels)]
    x, y = LEFT, HEIGHT + 2
    for way in (way for way in COLOURS if way in ways):
        takes = 30 + 6 * len(way)
        if x + takes > width:
            x, y = LEFT, y + KEY_HEIGHT
        drawn.append(f'<rect x="{x}" y="{y}" width="10" height="10" rx="2" fill="{COLOURS[way]}"/>'
                     f'<text x="{x + 14}" y="{y + 9}">{way}</text>')
        x += takes
    height = y + KEY_HEIGHT
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
            f"<style>{STYLE}</style>{''.join(drawn)}</svg>\n")


def steps(values):
    """Ticks from 0 to above the largest value: at most eight round steps."""
    top = max(values, default=1)
    power = 10.0 ** math.floor(math.log10(top / 8))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power * 8 >= top)
    return [number * step for number in range(math.ceil(top / step) + 1)]


def decades(values):
    """Powers of ten around the values: at least two."""
    first = math.floor(math.log10(min(values, default=1)))
    last = math.ceil(math.log10(max(values, default=1)))
    return [10.0 ** power for power in range(first, max(last, first + 1) + 1)]
