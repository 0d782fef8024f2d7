"""Grafana's dashboards as code. `make dashboards` writes grafana/dashboards/*.json, which Grafana reads and which is
committed. A test fails if the two differ."""

import json
from pathlib import Path

from . import rush_hour, why

FOLDER = Path(__file__).resolve().parents[1] / "grafana" / "dashboards"


def files():
    """The content of each file."""
    made = {"rush-hour.json": rush_hour.DASHBOARD, "why-did-it-choose.json": why.DASHBOARD}
    return {FOLDER / name: json.dumps(board, indent=1, ensure_ascii=False) + "\n" for name, board in made.items()}
