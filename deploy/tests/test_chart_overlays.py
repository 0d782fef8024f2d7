"""The chart beside the overlays of kustomize: the same objects, field by field, but for the differences that are listed."""

import unittest

from deploy.lib import chart, overlays
from deploy.tests.test_chart import HELM, RENDERED
from deploy.tests.test_kubernetes import BUILDABLE


@RENDERED
@BUILDABLE
class Overlays(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.found = {overlay: list(overlays.differences(overlay, HELM)) for overlay in overlays.OVERLAYS}

    def test_every_overlay_has_its_values_and_every_file_of_values_is_used(self):
        built = {f"overlays/{path.name}" for path in (chart.ROOT / "deploy/kubernetes/overlays").iterdir()} | {"base"}
        self.assertEqual(set(overlays.OVERLAYS), built)
        used = {name for names in overlays.OVERLAYS.values() for name in names}
        self.assertEqual(used, {path.stem for path in chart.OVERLAYS.glob("*.yaml")})

    def test_each_difference_is_listed_once(self):
        for overlay, found in self.found.items():
            for place, theirs, ours in found:
                with self.subTest(overlay=overlay, place=place, kustomize=theirs, chart=ours):
                    self.assertEqual(len(overlays.accepted(place)), 1)

    def test_each_entry_of_the_list_is_needed_and_has_its_reason(self):
        places = {place for found in self.found.values() for place, _, _ in found}
        needed = {what for place in places for what in overlays.accepted(place)}
        entries = chart.read(chart.DIFFERENCES)
        self.assertEqual({one["what"] for one in entries}, needed)
        for one in entries:
            self.assertEqual(set(one), {"what", "places", "kustomize", "chart", "why"})
            self.assertGreater(len(one["why"]), 30)

    def test_a_field_that_differs_is_found(self):
        objects = [{"kind": "A", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "x", "args": ["--a", "1"]}], "empty": {}}}]
        fields = overlays.named(objects)["A a"]
        self.assertEqual(fields["spec.containers[x].args[1]"], "1")
        self.assertEqual(fields["spec.empty"], {})
        self.assertEqual(overlays.accepted("Deployment switchyard: spec.replicas"), [])
        self.assertEqual(overlays.accepted("Secret other"), [])


if __name__ == "__main__":
    unittest.main()
