"""
What stands in deploy/kubernetes, and what its schemas say of it.

``rendered`` needs kustomize, alone or in kubectl; all else needs Python packages alone. The base is written
so that each of its objects is whole before it is rendered.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import jsonschema
import kubernetes_validate
import yaml

ROOT: Final = Path(__file__).parents[1]
KUBERNETES: Final = ROOT / "deploy/kubernetes"
OVERLAYS: Final = ("prepare", "overlays/cpu", "overlays/gpu")
VERSIONS: Final = ("1.31", "1.37")
"""The oldest and the newest Kubernetes that objects are held against."""
PROGRAMS: Final = ("consume", "count", "watch", "notify", "serve")

_KEDA: Final = yaml.safe_load((ROOT / "tests/data/keda.schema.yaml").read_text(encoding="utf-8"))


class Placed(NamedTuple):
    """An object and the file that it stands in."""

    file: str
    object: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.object['kind']} {self.object['metadata']['name']}"


def written(folders: tuple[str, ...] = ("common", "prepare", "base")) -> Iterator[Placed]:
    """Yield every whole object, as it is written."""
    for folder in folders:
        for path in sorted((KUBERNETES / folder).glob("*.yaml")):
            if path.name != "kustomization.yaml":
                file = str(path.relative_to(ROOT))
                for found in yaml.safe_load_all(path.read_text(encoding="utf-8")):
                    yield Placed(file, found)


def renderer() -> list[str] | None:
    """Return the command that renders a folder, None where neither tool is there."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    return ["kubectl", "kustomize"] if shutil.which("kubectl") else None


def rendered(overlay: str) -> list[Placed]:
    """Return what would be applied."""
    command = renderer()
    assert command, "neither kustomize nor kubectl is on the PATH"
    done = subprocess.run(
        [*command, str(KUBERNETES / overlay)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return [Placed(overlay, found) for found in yaml.safe_load_all(done.stdout)]


def faults_of(placed: Placed) -> list[str]:
    """Return what the schema of its kind has against an object; in strict form, so a misspelt field counts."""
    found, where = placed.object, f"{placed.file}: {placed.name}"
    if found["kind"] in _KEDA:
        checker = jsonschema.Draft202012Validator({**_KEDA[found["kind"]], "$defs": _KEDA["$defs"]})
        return [
            f"{where}: {error.json_path}: {error.message}" for error in checker.iter_errors(found)
        ]
    faults = []
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(found, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            faults.append(f"{where}: Kubernetes {version}: {error.message}")
        except kubernetes_validate.SchemaNotFoundError:
            faults.append(f"{where}: Kubernetes {version} has no such kind")
    return faults


def pod_of(found: dict[str, Any]) -> dict[str, Any]:
    """Return the specification of an object's pods; of one that has none, an empty one."""
    match found["kind"]:
        case "Deployment" | "Job":
            pod: dict[str, Any] = found["spec"]["template"]["spec"]
        case "CronJob":
            pod = found["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        case _:
            pod = {}
    return pod


def component_of(found: dict[str, Any]) -> str:
    """Return which program an object is of."""
    return str(found["metadata"]["labels"]["app.kubernetes.io/component"])
