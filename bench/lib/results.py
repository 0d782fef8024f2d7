"""The folder of results: for each a JSON file, a report in Markdown and pictures, all under one name."""

import json
import re

from . import scenarios

# Schema 2 has points, scenarios and goals with limits; schema 1 had one table.
SCHEMA = 2


def save(run, directory, markdown, pictures=()):
    """Writes all files of a run under a new name, and returns the name.

    `pictures` are (scenario, caption, SVG); `markdown(run, links)` gets (scenario, caption, file name) for each.
    """
    directory.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"[^a-z0-9]+", "-", run["description"].lower()).strip("-") or "run"
    name, number = f"{run['date']}-{slug}", 1
    while (directory / f"{name}.md").exists() or (directory / f"{name}.json").exists():
        number += 1
        name = f"{run['date']}-{slug}-{number}"
    (directory / f"{name}.json").write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n")
    links = []
    for scenario, shown, svg in pictures:
        file = f"{name}-{scenario}.svg"
        (directory / file).write_text(svg)
        links.append((scenario, shown, file))
    (directory / f"{name}.md").write_text(markdown(run, links))
    return name


def newest(directory):
    """The name of the newest result with all scenarios; None if there is none."""
    whole = {scenario.name for scenario in scenarios.ALL}
    found = []
    for path in directory.glob("*.json"):
        run = json.loads(path.read_text())
        if run["schema"] == SCHEMA and whole <= set(run["settings"]["scenarios"]):
            found.append((run["finished"], path.stem))
    return max(found)[1] if found else None
