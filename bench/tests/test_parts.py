"""Whose work an instruction is, by its source."""

import unittest
from pathlib import Path

from lib import parts
from lib.symbols import Frame

ROOT = Path(__file__).resolve().parent.parent.parent
REGISTRY = "/home/me/.cargo/registry/src/index/"


class Parts(unittest.TestCase):
    def part(self, file, function="f"):
        return parts.of_frame(Frame(function, file))

    def test_the_first_that_names_a_part_wins(self):
        std, ours, tokio = "/rustc/1/library/core/src/ptr.rs", "/a/proxy/src/dispatch/reply.rs", REGISTRY + "tokio-1.54.1/src/x.rs"
        chain = [Frame("f", file) for file in (std, REGISTRY + "bytes-1.12.2/src/lib.rs", ours, tokio)]
        self.assertEqual(parts.of_chain(chain), parts.REPLY)
        self.assertEqual(parts.of_chain(chain[3:]), parts.TOKIO)
        self.assertIsNone(parts.of_chain(chain[:2]))
        self.assertIsNone(parts.of_chain([]))

    def test_what_libraries_are_called_is_not_mistaken_for_ours(self):
        self.assertIsNone(self.part(REGISTRY + "tower-balance/src/lib.rs"))
        self.assertIsNone(self.part(REGISTRY + "tokio_like-1.0.0/src/lib.rs"))
        self.assertEqual(self.part(REGISTRY + "tokio-util-0.7.1/src/lib.rs"), parts.TOKIO)
        self.assertEqual(self.part(REGISTRY + "pingora-core-0.9.1/src/lib.rs"), parts.PINGORA)

    def test_headers_are_looked_through_for_others(self):
        self.assertIsNone(self.part("/a/proxy/src/codec/head.rs"))
        self.assertIsNone(self.part("/a/proxy/src/codec.rs", "header"))
        self.assertIsNone(self.part("/a/proxy/src/codec.rs", "switchyard::codec::Answer::header"))
        self.assertEqual(self.part("/a/proxy/src/codec.rs", "switchyard::codec::Decoder::decode"), parts.DECODE)

    def test_every_file_on_the_way_of_a_request_has_its_part(self):
        for folder in ("proxy/src/dispatch", "balance/src", "proxy/src/codec", "proxy/src/metrics"):
            files = [path for path in (ROOT / folder).rglob("*.rs") if path.name != "head.rs"]
            self.assertTrue(files, folder)
            for path in files:
                self.assertIn(self.part(str(path)), parts.OURS, path)

    def test_every_pattern_of_ours_fits_a_file_that_is_there(self):
        files = [str(path) for folder in ("proxy/src", "balance/src") for path in (ROOT / folder).rglob("*.rs")]
        for pattern, part in parts.SOURCES:
            if "/registry/" not in pattern.pattern:
                self.assertTrue(any(map(pattern.search, files)), f"{part}: {pattern.pattern}")
