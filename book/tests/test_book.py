"""The book of this repository: it has every page once, and no page is a dead end."""

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from book import links, stage

# Pages that are not part of the book: what they begin with, and why.
LEFT_OUT = {
    ".github/": "a form of the forge",
    "book/SUMMARY.md": "the table of contents itself",
    "bench/results/": "only the newest result of each bench is in it",
}


def pages():
    """Every page of the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    done = subprocess.run(command, cwd=stage.ROOT, capture_output=True, text=True, check=True)
    return [page for page in done.stdout.split("\n") if page and (stage.ROOT / page).exists()]


def text(page):
    return (stage.ROOT / page).read_text(encoding="utf-8")


class Summary(unittest.TestCase):
    def test_every_page_is_in_it_once(self):
        listed = stage.listed()
        self.assertEqual(len(listed), len(set(listed)))
        here = {page for page in pages() if not page.startswith(tuple(LEFT_OUT))}
        self.assertGreater(len(here), 50)
        self.assertEqual(here - set(listed), set(), "in the repository and not in book/SUMMARY.md")
        self.assertEqual({page for page in listed if not (stage.ROOT / page).exists()}, set())

    def test_every_page_that_a_page_of_the_book_links_to_is_in_it(self):
        listed = set(stage.listed())
        for page in listed:
            for match in links.found(text(page)):
                path, _ = stage.resolved(page, match["target"])
                if path.endswith(".md") and not path.startswith(tuple(LEFT_OUT)):
                    with self.subTest(page):
                        self.assertTrue(path in listed, path)

    def test_its_titles_are_those_of_the_decisions(self):
        titles = dict(re.findall(r"\[(.*)\]\(\.\./(docs/decisions/\d.*)\)", text("book/SUMMARY.md")))
        self.assertGreater(len(titles), 20)
        for title, page in titles.items():
            with self.subTest(page):
                self.assertEqual(f"# {int(Path(page).name[:4])}. {title}", text(page).split("\n", 1)[0])


class Pages(unittest.TestCase):
    def test_each_leads_on_to_another_and_is_led_to(self):
        listed = stage.listed()
        led_to = set()
        for page in listed:
            leads = {stage.resolved(page, match["target"])[0] for match in links.found(text(page))}
            leads = {path if path.endswith(".md") else f"{path}/README.md" for path in leads} - {page}
            # The list of decisions and that of results lead to the next, and a crate is published without what is around it.
            if not page.startswith(("docs/decisions/0", "bench/results/", "crates/")):
                with self.subTest(page):
                    self.assertTrue(leads & set(listed), "a dead end")
            led_to |= leads
        # The first page is where readers begin.
        self.assertEqual(set(listed[1:]) - led_to, set(), "no other page links to it")

    def test_each_begins_with_its_title(self):
        for page in stage.listed():
            with self.subTest(page):
                self.assertTrue(text(page).startswith("# "))
                plain = re.sub(links.CODE, "", text(page))
                self.assertEqual(len(re.findall(r"(?m)^# ", plain)), 1)


class Staged(unittest.TestCase):
    def test_every_link_of_a_copied_page_leads_to_a_file_of_the_book(self):
        for repository in (None, "https://example.org/blob/main"):
            with self.subTest(repository), tempfile.TemporaryDirectory() as folder:
                made = stage.Stage(folder, repository)
                made.fill()
                source = Path(folder, "src")
                followed = 0
                for page in made.pages:
                    staged = (source / page).read_text(encoding="utf-8")
                    for match in links.found(staged):
                        path, _ = stage.resolved(page, match["target"])
                        path = re.sub(r"(^|/)index\.md$", r"\1README.md", path)
                        self.assertTrue((source / path).is_file(), f"{page}: {match['target']}")
                        followed += 1
                self.assertGreater(followed, 300)
