"""The part of the proxy that an instruction belongs to, by its source file."""

import unittest
from pathlib import Path

from lib import parts
from lib.symbols import Frame

ROOT = Path(__file__).resolve().parent.parent.parent
REGISTRY = "/home/me/.cargo/registry/src/index/"
# Folders with every line of ours that runs for a request.
REQUEST_PATH = ("proxy/src/dispatch", "crates/balance/src", "crates/http1/src", "crates/upstream/src", "crates/grid/src")


def sources(folder):
    """The Rust files below a folder, tests left out: no profile has those."""
    return [path for path in (ROOT / folder).rglob("*.rs") if "tests" not in path.relative_to(ROOT / folder).with_suffix("").parts]


def linked():
    """The source folders of all crates that the proxy may link."""
    return ["proxy/src", *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "crates").glob("*/src")))]


class Parts(unittest.TestCase):
    def part(self, file, function="f"):
        return parts.of_frame(Frame(function, file))

    def test_the_first_frame_with_a_part_decides(self):
        std, ours, tokio = "/rustc/1/library/core/src/ptr.rs", "/a/proxy/src/dispatch/reply.rs", REGISTRY + "tokio-1.54.1/src/x.rs"
        chain = [Frame("f", file) for file in (std, REGISTRY + "bytes-1.12.2/src/lib.rs", ours, tokio)]
        self.assertEqual(parts.of_chain(chain), parts.REPLY)
        self.assertEqual(parts.of_chain(chain[3:]), parts.TOKIO)
        self.assertIsNone(parts.of_chain(chain[:2]))
        self.assertIsNone(parts.of_chain([]))

    def test_libraries_with_similar_names_are_not_mistaken_for_ours(self):
        self.assertIsNone(self.part(REGISTRY + "tower-balance/src/lib.rs"))
        self.assertIsNone(self.part(REGISTRY + "tokio_like-1.0.0/src/lib.rs"))
        self.assertIsNone(self.part(REGISTRY + "some-proxy-1.0.0/crates/upstream/src/lib.rs"))
        self.assertEqual(self.part(REGISTRY + "tokio-util-0.7.1/src/lib.rs"), parts.TOKIO)
        self.assertEqual(self.part(REGISTRY + "pingora-core-0.9.1/src/lib.rs"), parts.PINGORA)

    def test_scans_of_headers_count_for_their_callers(self):
        self.assertIsNone(self.part("/a/crates/http1/src/headers.rs"))
        self.assertIsNone(self.part("/a/crates/http1/src/lib.rs", "header"))
        self.assertIsNone(self.part("/a/crates/http1/src/lib.rs", "switchyard_http1::Answer::header"))
        self.assertEqual(self.part("/a/crates/http1/src/lib.rs", "switchyard_http1::Decoder::decode"), parts.DECODE)

    def test_crates_and_rooms_have_their_parts(self):
        known = {
            "crates/balance/src/ledger.rs": parts.CHOICE, "crates/grid/src/refusals.rs": parts.CHOICE,
            "crates/gauge/src/orca.rs": parts.CHOICE, "crates/http1/src/request.rs": parts.ENCODE,
            "crates/http1/src/decoder/chunked.rs": parts.DECODE, "crates/http1/src/forwarded.rs": parts.ENCODE,
            "crates/upstream/src/pipeline_queue.rs": parts.UPSTREAM, "crates/upstream/src/metrics.rs": parts.METRICS,
            "crates/telemetry/src/lib.rs": parts.METRICS, "proxy/src/metrics/requests.rs": parts.METRICS,
            "proxy/src/ingress.rs": parts.WAY_IN, "proxy/src/ingress/fast_path.rs": parts.WAY_IN,
            "proxy/src/dispatch/charge.rs": parts.CHARGE, "proxy/src/dispatch/charge/fields.rs": parts.CHARGE,
            "proxy/src/dispatch/reply.rs": parts.REPLY,
            "proxy/src/dispatch/idempotency.rs": parts.DISPATCH, "proxy/src/snapshot.rs": parts.DISPATCH,
            "crates/switchyard/src/main.rs": None, "proxy/src/server.rs": None,
        }
        for file, part in known.items():
            self.assertEqual(self.part("/a/" + file), part, file)
            self.assertEqual(self.part(file), part, file)

    def test_code_of_ours_that_no_rule_names_is_reported(self):
        for file in ("/a/crates/new-crate/src/lib.rs", "/a/proxy/src/novelty.rs", "proxy/src/novelty/part.rs"):
            chain = [Frame("f", "/rustc/1/library/core/src/ptr.rs"), Frame("f", file), Frame("f", "/a/proxy/src/dispatch/reply.rs")]
            self.assertEqual(parts.of_chain(chain), parts.UNASSIGNED, file)
            self.assertEqual(parts.unassigned([chain]), [file])


class Tree(unittest.TestCase):
    def test_every_file_on_the_path_of_a_request_has_its_part(self):
        for folder in REQUEST_PATH:
            files = [path for path in sources(folder) if path.name != "headers.rs"]
            self.assertTrue(files, folder)
            for path in files:
                self.assertIn(parts.of_frame(Frame("f", str(path))), parts.OURS, path)

    def test_every_file_that_the_proxy_links_has_a_rule(self):
        missing = [str(path.relative_to(ROOT)) for folder in linked() for path in sources(folder)
                   if parts.of_frame(Frame("f", str(path))) == parts.UNASSIGNED]
        self.assertEqual(missing, [])

    def test_every_rule_about_our_code_fits_a_file(self):
        files = [str(path) for folder in (*linked(), "requester/src", "substation/src") for path in sources(folder)]
        for pattern, part in parts.RULES:
            if "/registry/" not in pattern.pattern:
                self.assertTrue(any(map(pattern.search, files)), f"{part}: {pattern.pattern}")
