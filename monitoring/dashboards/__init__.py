"""Grafana's dashboards as code: `python3 -m dashboards` in `monitoring/` writes grafana/dashboards/*.json, which is
what Grafana reads and what is committed. A test fails when the two differ."""

import json
from pathlib import Path

from . import rush_hour, why

FOLDER = Path(__file__).resolve().parents[1] / "grafana" / "dashboards"


def files():
    """What each file has to hold."""
    made = {"rush-hour.json": rush_hour.DASHBOARD, "why-did-it-choose.json": why.DASHBOARD}
    return {FOLDER / name: json.dumps(board, indent=1, ensure_ascii=False) + "\n" for name, board in made.items()}
