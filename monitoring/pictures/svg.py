"""Draws panels as SVG, in light or dark as the reader's browser asks."""

import math
from html import escape

WIDTH, HEIGHT = 560, 250
LEFT, RIGHT, TOP, BOTTOM = 76, 20, 34, 42
COLOURS = ["#3274d9", "#56a64b", "#e0883e", "#a352cc", "#e02f44", "#33a2a2", "#8f6b32", "#808080"]
STYLE = """
  text { font: 11px system-ui, sans-serif; fill: #57606a }
  .title { font-size: 13px; font-weight: 600; fill: #24292f }
  .frame { fill: none; stroke: #d0d7de } .grid { stroke: #d0d7de; stroke-width: .5 }
  .line { fill: none; stroke-width: 1.3; stroke-linejoin: round } .limit { stroke-dasharray: 6 5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #8d96a0 } .title { fill: #e6edf3 } .frame, .grid { stroke: #3d444d }
  }
"""
PREFIXES = [(1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ")]
UNITS = {"s": "s", "watt": "W", "reqps": "/s", "ops": "/s", "none": "", "short": "", "cores": ""}


def readable(value, unit):
    """A number with its unit, for an axis."""
    if unit == "percentunit":
        return f"{value * 100:g} %"
    if unit == "kwatt":
        value, unit = value * 1000, "watt"
    word = UNITS[unit]
    if value == 0:
        return f"0 {word}".strip()
    small = unit in ("s", "watt")
    size, prefix = next((step for step in PREFIXES if abs(value) >= step[0] * 0.9999 and (small or step[0] >= 1)), (1, ""))
    space = " " if word and not word.startswith("/") else ""
    return f"{value / size:.3g}{space}{prefix}{word}"


def ticks(low, high, count=4):
    """Round numbers from low to high."""
    rough = (high - low) / count or 1
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


class Frame:
    """Maps times and values to coordinates."""

    def __init__(self, times, values, log=False):
        self.start, self.end = times
        self.scale = (lambda value: math.log10(max(value, values[0]))) if log else (lambda value: value)
        self.log, self.range = log, values
        self.low, self.high = map(self.scale, values)

    def x(self, at):
        """The horizontal coordinate of a time."""
        return LEFT + (at - self.start) / (self.end - self.start) * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        """The vertical coordinate of a value."""
        return HEIGHT - BOTTOM - (self.scale(value) - self.low) / ((self.high - self.low) or 1) * (HEIGHT - TOP - BOTTOM)

    def path(self, points):
        """A line through all points, with a gap if some seconds are missing."""
        drawn, before = [], None
        for at, value in points:
            move = "M" if before is None or at - before > 3 else "L"
            drawn.append(f"{move}{self.x(at):.1f} {self.y(value):.1f}")
            before = at
        return "".join(drawn)


def panel(title, unit, series, times, stacked=False, log=False, words=None):
    """A panel; `series` are (name, points, dashed). With `words`, names of states, it draws bands instead of lines."""
    series = [one for one in series if one[1]]
    if words:
        body = bands(series, Frame(times, (0, 1)), words)
    else:
        body = lines(stack(series) if stacked else [(*one, None) for one in series], times, unit, log)
    head = f'<text class="title" x="8" y="20">{escape(title)}</text>'
    box = f'<rect class="frame" x=".5" y=".5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="4"/>'
    return box + head + body


def stack(series):
    """Each series on top of those before it, with its lower edge as a fourth item."""
    total, made = {}, []
    for name, points, dashed in series:
        below = [(at, total.get(at, 0)) for at, _ in points]
        total.update({at: total.get(at, 0) + value for at, value in points})
        made.append((name, [(at, total[at]) for at, _ in points], dashed, below))
    return made


def lines(series, times, unit, log):
    """Lines with their axes, filled down to their lower edge if they have one."""
    values = [value for _, points, _, _ in series for _, value in points]
    top = max(values, default=1) or 1
    low = min((value for value in values if value > 0), default=top / 10) if log else 0
    frame = Frame(times, (low / 1.2, top * 1.2) if log else (0, top * 1.08), log)
    drawn = [axes(frame, unit)]
    colours = {name: COLOURS[at % len(COLOURS)] for at, name in enumerate(
        sorted({name.removesuffix(" capacity") for name, *_ in series}))}
    for name, points, dashed, below in series:
        colour = colours[name.removesuffix(" capacity")]
        if below:
            edge = frame.path(points) + "L" + frame.path(below[::-1]).replace("M", "L")[1:] + "Z"
            drawn.append(f'<path d="{edge}" fill="{colour}" fill-opacity=".35"/>')
        kind = "line limit" if dashed else "line"
        drawn.append(f'<path class="{kind}" stroke="{colour}" d="{frame.path(points)}"/>')
    named = [(name, colours[name]) for name in colours if any(name == one for one, *_ in series)]
    return "".join(drawn) + legend(named)


def bands(series, frame, words):
    """A row for each series, coloured by its state."""
    drawn, height = [], (HEIGHT - TOP - BOTTOM) / max(len(series), 1)
    for at, (name, points, _) in enumerate(sorted(series)):
        y = TOP + at * height
        drawn.append(f'<text x="8" y="{y + height / 2 + 4:.0f}">{escape(name)}</text>')
        for begin, end, value in runs(points):
            colour = words[int(value)][1]
            drawn.append(f'<rect x="{frame.x(begin):.1f}" y="{y + 3:.1f}" width="{frame.x(end) - frame.x(begin) + .5:.1f}" '
                         f'height="{height - 6:.1f}" fill="{colour}" fill-opacity=".75"/>')
    seen = {int(value) for _, points, _ in series for _, value in points}
    return "".join(drawn) + clock(frame) + legend([words[value] for value in sorted(seen)])


def runs(points):
    """Time ranges with the same value: from, to, value."""
    begin, value = points[0]
    for at, now in points[1:]:
        if now != value:
            yield begin, at, value
            begin, value = at, now
    yield begin, points[-1][0], value


def axes(frame, unit):
    """Grid lines at round numbers, or at powers of ten on a logarithmic scale."""
    powers = range(math.ceil(frame.low), math.floor(frame.high) + 1)
    drawn = []
    for value in [10.0**power for power in powers] if frame.log else ticks(*frame.range):
        y = frame.y(value)
        drawn.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
                     f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{readable(value, unit)}</text>')
    return "".join(drawn) + clock(frame)


def clock(frame):
    """Seconds since the start."""
    return "".join(
        f'<text x="{frame.x(frame.start + second):.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{second:g} s</text>'
        for second in ticks(0, frame.end - frame.start, 6))


def legend(named):
    """The names and colours of the series."""
    drawn, x = [], LEFT
    for name, colour in named:
        drawn.append(f'<rect x="{x}" y="{HEIGHT - 17}" width="10" height="3" fill="{colour}"/>'
                     f'<text x="{x + 14}" y="{HEIGHT - 12}">{escape(name)}</text>')
        x += 26 + 6.2 * len(name)
    return "".join(drawn)


def sheet(panels, columns=2, gap=10):
    """All panels in one picture."""
    rows = math.ceil(len(panels) / columns)
    width, height = columns * (WIDTH + gap) - gap, rows * (HEIGHT + gap) - gap
    placed = "\n".join(
        f'<g transform="translate({at % columns * (WIDTH + gap)} {at // columns * (HEIGHT + gap)})">{one}</g>'
        for at, one in enumerate(panels))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n'
            f"<style>{STYLE}</style>\n{placed}\n</svg>\n")
