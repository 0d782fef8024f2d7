"""Panels, queries and rows of dashboards, and their layout.

Grafana's own JSON is long and repetitive. Here a panel is one call with its title, the question that it answers, its
queries and its unit. Everything else is the same for all panels, so they look alike.
"""

RATE = "$__rate_interval"
WIDTH = 24  # of a dashboard, in Grafana's columns
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
# A colour means the same on every panel.
GOOD, ODD, BAD, PLAIN = "green", "yellow", "red", "blue"


def query(expression, legend="", **more):
    """A PromQL expression and the name of its series in the legend; `instant=True` for the last value only."""
    instant = more.pop("instant", False)
    return {
        "datasource": DATASOURCE,
        "expr": " ".join(expression.split()),
        "legendFormat": legend or "__auto",
        "instant": instant,
        "range": not instant,
        **more,
    }


def quantile(share, histogram, by="", where=""):
    """The expression of a quantile of a histogram, over the last scrapes."""
    labels = ", ".join(label for label in ("le", by) if label)
    return f"histogram_quantile({share}, sum by ({labels}) (rate({histogram}_bucket{where}[{RATE}])))"


def panel(kind, title, question, queries, unit="short", options=None, custom=None, **defaults):
    """A panel of any kind; `question` is its description, shown behind its (i)."""
    overrides = defaults.pop("overrides", [])
    targets = [{**target, "refId": chr(ord("A") + at)} for at, target in enumerate(queries)]
    return {
        "type": kind,
        "title": title,
        "description": question,
        "datasource": DATASOURCE,
        "targets": targets,
        "fieldConfig": {
            "defaults": {"unit": unit, "custom": custom or {}, **defaults},
            "overrides": overrides,
        },
        "options": options or {},
    }


def lines(title, question, queries, unit="short", stacked=False, log=False, **defaults):
    """Series over time; `stacked` if their sum has a meaning, `log` for values over several decades."""
    custom = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 30 if stacked else 5,
        "showPoints": "never",
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "scaleDistribution": {"type": "log", "log": 10} if log else {"type": "linear"},
    }
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    floor = {} if log else {"min": 0}
    return panel("timeseries", title, question, queries, unit, options, custom, **{**floor, **defaults})


def stat(title, question, queries, unit="short", steps=None, **defaults):
    """One number, or two; `steps` are colours, each from a value on."""
    options = {
        "colorMode": "value",
        "graphMode": "area",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return panel("stat", title, question, queries, unit, options, thresholds=thresholds(steps), **defaults)


def bars(title, question, queries, unit="short", steps=None, **defaults):
    """The last value of each series as a bar."""
    options = {
        "displayMode": "gradient",
        "orientation": "horizontal",
        "showUnfilled": True,
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return panel("bargauge", title, question, queries, unit, options, thresholds=thresholds(steps), **defaults)


def heatmap(title, question, histogram, unit="s"):
    """The buckets of a histogram over time."""
    options = {
        "calculate": False,
        "cellGap": 0,
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5, "fill": "dark-orange",
                  "scale": "exponential", "reverse": False},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": False},
        "yAxis": {"unit": unit, "axisPlacement": "left", "reverse": False},
    }
    buckets = query(f"sum by (le) (increase({histogram}_bucket[{RATE}]))", "{{le}}", format="heatmap")
    return panel("heatmap", title, question, [buckets], options=options)


def timeline(title, question, queries, words):
    """States over time; `words` maps each value to its name and colour."""
    mapped = {str(value): {"text": word, "color": colour, "index": at}
              for at, (value, (word, colour)) in enumerate(words.items())}
    options = {
        "mergeValues": True,
        "showValue": "never",
        "rowHeight": 0.8,
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel("state-timeline", title, question, queries, "none", options, {"fillOpacity": 80, "lineWidth": 0},
                 mappings=[{"type": "value", "options": mapped}], color={"mode": "fixed", "fixedColor": "text"})


def table(title, question, queries):
    """The labels of series whose values mean nothing."""
    made = panel("table", title, question, queries, options={"showHeader": True, "cellHeight": "sm"})
    hidden = {"excludeByName": {"Time": True, "Value": True, "__name__": True}, "indexByName": {}, "renameByName": {}}
    return {**made, "transformations": [{"id": "merge", "options": {}}, {"id": "organize", "options": hidden}]}


def text(content):
    """A paragraph of Markdown."""
    return {"type": "text", "title": "", "options": {"mode": "markdown", "content": content}}


def thresholds(steps=None):
    """Colours by value: `[(0, GOOD), (1, BAD)]` is green, and red from 1 on."""
    (_, first), *rest = steps or [(0, PLAIN)]
    listed = [{"color": first, "value": None}, *({"color": colour, "value": value} for value, colour in rest)]
    return {"mode": "absolute", "steps": listed}


def dashed(pattern):
    """Draws matching series as dashed lines without a fill: limits, not measurements."""
    return {
        "matcher": {"id": "byRegexp", "options": pattern},
        "properties": [
            {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [10, 10]}},
            {"id": "custom.fillOpacity", "value": 0},
        ],
    }


def row(title, *shelves, collapsed=False):
    """A row of a dashboard; each shelf is a height and its panels, which share the width equally."""
    return {"title": title, "shelves": shelves, "collapsed": collapsed}


def placed(rows):
    """All panels of all rows, with numbers and positions."""
    panels, y = [], 0
    for part in rows:
        head = {"type": "row", "title": part["title"], "collapsed": part["collapsed"], "panels": [],
                "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1}}
        inside = head["panels"] if part["collapsed"] else panels
        panels.append(head)
        y += 1
        for height, *shelf in part["shelves"]:
            width = WIDTH // len(shelf)
            for at, panel in enumerate(shelf):
                inside.append({**panel, "gridPos": {"x": at * width, "y": y, "w": width, "h": height}})
            y += height
    for number, panel in enumerate(each(panels), start=1):
        panel["id"] = number
    return panels


def each(panels):
    """All panels, also those in collapsed rows."""
    for one in panels:
        yield one
        yield from one.get("panels", [])


def annotation(name, expression, title, words, colour):
    """Marks on all panels while the expression has a value."""
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "expr": " ".join(expression.split()),
        "step": "5s",
        "titleFormat": title,
        "textFormat": words,
        "useValueForTime": False,
    }


def dashboard(uid, title, description, rows, annotations, links):
    """A dashboard as Grafana reads it from a file."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["switchyard"],
        "editable": True,
        "graphTooltip": 1,  # one crosshair on all panels
        "schemaVersion": 39,
        "time": {"from": "now-15m", "to": "now"},
        "refresh": "5s",
        "timezone": "browser",
        "templating": {"list": [_datasource(), _substation()]},
        "annotations": {"list": annotations},
        "links": links,
        "panels": placed(rows),
    }


def _datasource():
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus",
            "current": {"text": "Prometheus", "value": "switchyard-prometheus"}, "hide": 0}


def _substation():
    return {"name": "substation", "label": "Substation", "type": "query", "datasource": DATASOURCE,
            "query": {"query": "label_values(substation_current_load, substation)", "refId": "substation"},
            "refresh": 2, "sort": 3, "multi": True, "includeAll": True, "allValue": ".*", "hide": 0,
            "current": {"text": ["All"], "value": ["$__all"]}}


def link(title, uid):
    """A link to another dashboard that keeps the time range and the selected substations."""
    return {"title": title, "type": "link", "url": f"/d/{uid}", "keepTime": True, "includeVars": True,
            "asDropdown": False, "icon": "dashboard", "tags": [], "targetBlank": False, "tooltip": ""}
