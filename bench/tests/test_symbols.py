"""The output of addr2line and readelf."""

import unittest
from pathlib import Path

from lib import symbols

SAMPLES = Path(__file__).resolve().parent / "samples"
HEADERS = """
  Type           Offset   VirtAddr           PhysAddr           FileSiz  MemSiz   Flg Align
  PHDR           0x000040 0x0000000000000040 0x0000000000000040 0x0002a0 0x0002a0 R   0x8
  LOAD           0x000000 0x0000000000000000 0x0000000000000000 0x34c980 0x34c980 R   0x1000
  LOAD           0x34c980 0x000000000034d980 0x000000000034d980 0x8b06d0 0x8b06d0 R E 0x1000
"""


class Chains(unittest.TestCase):
    def test_inlined_frames_are_listed_innermost_first(self):
        found = symbols.parse((SAMPLES / "addr2line.txt").read_text())
        self.assertEqual(len(found), 59)
        files = [frame.file.rpartition("/")[2] for frame in found[0x3887cd]]
        self.assertEqual(files, ["mod.rs", "mod.rs", "mod.rs", "bytes_mut.rs"])
        self.assertEqual(found[0x3887cd][-1].function, "reserve_inner")

    def test_an_unknown_address_has_a_frame_without_a_file(self):
        output = "0x0000000000000010\nsome\n??:?\n0x20\nother\n/a b/c.rs:7 (discriminator 3)\n"
        self.assertEqual(symbols.parse(output), {0x10: [("some", "??")], 0x20: [("other", "/a b/c.rs")]})


class Addresses(unittest.TestCase):
    def test_an_offset_in_the_file_is_mapped_by_its_segment(self):
        loaded = symbols.parse_segments(HEADERS)
        self.assertEqual(symbols.address(loaded, 0x100), 0x100)
        self.assertEqual(symbols.address(loaded, 0x34c980), 0x34d980)
        self.assertEqual(symbols.address(loaded, 0xb22bab), 0xb23bab)
