"""The script that offers the rush hour with oha."""

import os
import subprocess
import unittest
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "rush-hour.sh"


class RushHour(unittest.TestCase):
    def test_without_oha_it_says_how_to_get_it(self):
        environment = os.environ | {"OHA": "no-oha-of-that-name"}
        ran = subprocess.run([SCRIPT, "http://127.0.0.1:1/"], env=environment, text=True, capture_output=True,
                             check=False, timeout=60)
        self.assertEqual((ran.returncode, ran.stdout), (127, ""))
        self.assertIn("cargo install oha --locked", ran.stderr)
        self.assertIn("OHA=", ran.stderr)


if __name__ == "__main__":
    unittest.main()
