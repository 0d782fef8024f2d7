"""Writes the dashboards: `make dashboards`."""

from . import files

for path, content in files().items():
    path.write_text(content, encoding="utf-8")
    print(path.name)
