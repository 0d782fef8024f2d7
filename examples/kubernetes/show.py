"""What a cluster would get, by kustomize and by the Helm chart, without a cluster.

Both must give the same kinds of objects, and the proxy must accept the configuration that its volume would have.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import rig

ROOT = Path(__file__).resolve().parent.parent.parent

TOKEN = "/run/switchyard/token"
# What proxies in production need, whichever way they come.
NEEDED = {"ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"}


def run(*command):
    """What a command prints."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=rig.PATIENCE, check=False)
    if done.returncode:
        raise rig.Failed(f"{command[0]}: {done.stderr or done.stdout}")
    return done.stdout


# Where `scripts/setup.sh test` has installed Helm as a library, this is how to use it.
BY_LIBRARY = """
import sys, yaml
from pathlib import Path
from deploy.lib import helm
found = helm.find() or sys.exit("no Helm")
values = yaml.safe_load(Path(sys.argv[2]).read_text(encoding="utf-8"))
print("\\n---\\n".join(found.render(Path(sys.argv[1]), values).values()))
"""


def helm(values):
    """What the chart gives for these values; None where there is neither Helm nor its library."""
    chart = ROOT / "deploy" / "chart" / "switchyard"
    if shutil.which("helm"):
        return run("helm", "template", "switchyard", chart, "--namespace", "switchyard", "--values", values)
    python = Path(os.environ.get("tools", ROOT / "target" / "python-tools"), "bin", "python3").absolute()
    done = python.exists() and subprocess.run([python, "-B", "-c", BY_LIBRARY, chart, values], capture_output=True, text=True,
                                              timeout=rig.PATIENCE, check=False, cwd=ROOT)
    if done and done.returncode and "no Helm" not in done.stderr:
        raise rig.Failed(f"Helm: {done.stderr}")
    return done.stdout if done and not done.returncode else None


def objects(text):
    """Kind and name of each object, with its text."""
    found = []
    for part in re.split(r"(?m)^---$", text):
        kind = re.search(r"(?m)^kind: (\S+)$", part)
        name = re.search(r"(?m)^metadata:\n(?:  .*\n)*?  name: \"?([\w.-]+)\"?$", part)
        if kind and name:
            found.append((kind[1], name[1], part))
    return found


def configuration(manifest):
    """The file `switchyard.yaml` in a ConfigMap, which is a block of text there."""
    block = re.search(r"(?m)^  switchyard\.yaml: \|-?\n((?:    .*\n|\n)+)", manifest)
    return re.sub(r"(?m)^    ", "", block[1]) if block else None


def look(example, way, text):
    """Shows what one way brings, and checks it."""
    found = objects(text)
    kinds = {kind for kind, _, _ in found}
    example.say(f"\n{way}:")
    example.table(("kind", "names"), [(kind, ", ".join(name for other, name, _ in found if other == kind)) for kind in sorted(kinds)])
    example.expect(f"it has what proxies need: {', '.join(sorted(NEEDED))}", NEEDED <= kinds)
    example.expect("and no simulated substations", "StatefulSet" not in kinds)
    files = [file for kind, _, part in found if kind == "ConfigMap" and (file := configuration(part))]
    example.expect("one configuration of the proxy is among it", len(files) == 1)
    token = example.folder / "token"
    token.write_text("only-to-check-the-configuration\n", encoding="utf-8")
    path = example.folder / "checked.yaml"
    for file in files:
        path.write_text(file.replace(TOKEN, str(token)), encoding="utf-8")
        said = subprocess.run([example.binary("switchyard"), "check", "--config", path], capture_output=True, text=True,
                              timeout=rig.PATIENCE, check=False)
        example.expect("the proxy accepts it" + (f":\n{said.stderr}" if said.returncode else ""), said.returncode == 0)
        example.expect("and it would send matches to the hosts of the namespace games",
                       "hosts.games.svc.cluster.local" in said.stdout and "/allocate" in said.stdout)


def show(example):
    if shutil.which("kustomize"):
        kustomize = ["kustomize", "build"]
    elif shutil.which("kubectl"):
        kustomize = ["kubectl", "kustomize"]
    else:
        raise rig.Failed("there is neither kustomize nor kubectl here")
    look(example, "kustomize (overlay/)", run(*kustomize, example.here / "overlay"))
    chart = helm(example.here.resolve() / "values.yaml")
    if chart:
        look(example, "helm (values.yaml)", chart)
    else:
        example.say("\nThere is no Helm here, so the chart is left out.")


rig.main(show, __doc__.split("\n\n", maxsplit=1)[0], 0)
