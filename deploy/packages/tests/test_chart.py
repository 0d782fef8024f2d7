"""The archive of the Helm chart, which CHART_ARCHIVE names: does Helm read from it what it reads from the tree?"""

import os
import tarfile
import unittest
from pathlib import Path

from deploy.lib import chart, helm, matrix

ARCHIVE = os.environ.get("CHART_ARCHIVE")
HELM = helm.find()


@unittest.skipUnless(ARCHIVE, "CHART_ARCHIVE does not name the chart")
class Archive(unittest.TestCase):
    def test_it_has_the_files_of_the_chart_and_no_others(self):
        with tarfile.open(ARCHIVE) as archive:
            members = archive.getmembers()
        there = {f"switchyard/{path.relative_to(chart.CHART)}" for path in chart.CHART.rglob("*") if path.is_file()}
        self.assertEqual({member.name for member in members if member.isfile()}, there)
        self.assertEqual({(member.uid, member.gid) for member in members}, {(0, 0)})
        self.assertEqual(len({member.mtime for member in members}), 1)

    @unittest.skipUnless(HELM, "neither Helm's library nor helm is installed, so the chart's archive is not rendered")
    def test_helm_renders_the_same_from_it(self):
        version = chart.read(chart.CHART / "Chart.yaml")["version"]
        self.assertEqual(Path(ARCHIVE).name, f"switchyard-{version}.tgz")
        values = matrix.merged(dict(matrix.renderings())["everything"], {"fleet": {"existingSecret": "store"}})
        self.assertEqual(HELM.render(Path(ARCHIVE), values), HELM.render(chart.CHART, values))


if __name__ == "__main__":
    unittest.main()
