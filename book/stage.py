"""Copies what the book consists of to a folder from which mdBook builds it.

The pages stay where they are in the repository, and the copy has the same folders, so links between pages need no change.
What else a page links to is copied if it is a file; a folder is linked to where the repository is published, if the
environment names that place, as in `BOOK_REPOSITORY=https://example.org/switchyard/blob/main`.
"""

import os
import re
import shutil
from pathlib import Path, PurePosixPath

from book import links

ROOT = Path(__file__).resolve().parent.parent
SUMMARY = ROOT / "book" / "SUMMARY.md"
PICTURES = {".svg", ".png"}


def listed(summary=None):
    """The pages of the book, in their order, as paths from the repository's root."""
    text = SUMMARY.read_text(encoding="utf-8") if summary is None else summary
    return [resolved("book/SUMMARY.md", match["target"])[0] for match in links.found(text)]


def resolved(page, target):
    """The path from the root that a link of a page leads to, and its anchor with the `#`."""
    path, mark, anchor = target.partition("#")
    joined = os.path.normpath(PurePosixPath(page).parent / path) if path else str(page)
    return joined, mark + anchor


def shown(target):
    """The same link in the book, where mdBook makes a folder's `index.html` of its `README.md`."""
    path, mark, anchor = target.partition("#")
    return re.sub(r"(^|/)README\.md$", r"\1index.md", path) + mark + anchor


class Stage:
    """A folder that is being filled."""

    def __init__(self, folder, repository=None):
        self.folder = Path(folder)
        self.repository = repository.rstrip("/") if repository else None
        self.pages = listed()
        self.files = set()

    def target(self, page, target):
        """What a link of a page becomes in the book."""
        path, anchor = resolved(page, target)
        source = ROOT / path
        if path in self.pages:
            return shown(target)
        if source.is_dir():
            inner = f"{path}/README.md"
            if inner in self.pages:
                return shown(f"{target.rstrip('/')}/README.md{anchor}")
            return f"{self.repository}/{path}" if self.repository else None
        if not source.is_file():
            raise FileNotFoundError(f"{page}: {target}")
        if self.repository and source.suffix not in PICTURES:
            return f"{self.repository}/{path}{anchor}"
        if source.suffix == ".md":
            # It would be shown as its source.
            return None
        self.files.add(path)
        return target

    def fill(self):
        """Writes the folder anew."""
        source = self.folder / "src"
        shutil.rmtree(source, ignore_errors=True)
        source.mkdir(parents=True)
        shutil.copy(ROOT / "book" / "book.toml", self.folder)
        shutil.copytree(ROOT / "book" / "theme", self.folder / "theme", dirs_exist_ok=True)
        for page in self.pages:
            text = (ROOT / page).read_text(encoding="utf-8")
            text = links.relinked(text, lambda target, page=page: self.target(page, target))
            self.write(source / page, text)
        for path in self.files:
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, source / path)
        summary = SUMMARY.read_text(encoding="utf-8")
        self.write(source / "SUMMARY.md", re.sub(r"\]\(\.\./", "](", summary))

    @staticmethod
    def write(path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
