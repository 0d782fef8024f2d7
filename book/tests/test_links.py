"""Which links a page has, and what they become."""

import unittest

from book import links, stage


def targets(text):
    return [match["target"] for match in links.found(text)]


class Found(unittest.TestCase):
    def test_links_pictures_and_html_are_found_and_what_leads_elsewhere_is_not(self):
        text = 'A [page](a.md#b), ![a picture](c.svg), <a href="d.md">d</a>, <source srcset="e.png">,\n'
        self.assertEqual(targets(text), ["a.md#b", "c.svg", "d.md", "e.png"])
        self.assertEqual(targets("[x](https://example.org/a.md) [y](mailto:a@b.c) [z](//a/b)"), [])

    def test_what_is_code_is_no_link(self):
        self.assertEqual(targets("`[a](b.md)` [c](d.md) ``[e](f.md) ` ``"), ["d.md"])
        self.assertEqual(targets("```sh\n[a](b.md)\n```\n[c](d.md)\n  ```\n  [e](f.md)\n  ```\n"), ["d.md"])

    def test_a_link_whose_words_are_code_is_found(self):
        self.assertEqual(targets("[`discovery`](#discovery)"), ["#discovery"])


class Relinked(unittest.TestCase):
    def test_targets_are_replaced_and_the_rest_stays(self):
        text = "[a](b.md), `[c](d.md)`, [e](f.md)."
        self.assertEqual(links.relinked(text, lambda target: "x/" + target), "[a](x/b.md), `[c](d.md)`, [e](x/f.md).")

    def test_a_link_to_nowhere_becomes_its_words(self):
        self.assertEqual(links.relinked("See [the `charts`](deploy) [a](b.md).", {"b.md": "c.md"}.get), "See the `charts` [a](c.md).")


class Resolved(unittest.TestCase):
    def test_a_target_is_resolved_against_its_page(self):
        self.assertEqual(stage.resolved("docs/grid.md", "../README.md#start"), ("README.md", "#start"))
        self.assertEqual(stage.resolved("docs/grid.md", "#meters"), ("docs/grid.md", "#meters"))

    def test_a_readme_is_the_index_of_its_folder(self):
        self.assertEqual(stage.shown("../README.md#start"), "../index.md#start")
        self.assertEqual(stage.shown("README.md"), "index.md")
        self.assertEqual(stage.shown("a/NOREADME.md"), "a/NOREADME.md")
