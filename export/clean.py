"""
A fresh process without anything that only training needs must answer the bundle's golden texts.

It loads the bundle as a consumer does: heads of words and word shapes are compared with the rest. It also
says what a text costs there: milliseconds of CPU one by one, which whatever else the machine does hardly
changes, and the peak of its own memory.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from export.gates.core.measured import Cost
from groundswell.errors import BundleError

_PROGRAM: Final = """
import json
import sys
import time
from pathlib import Path


OFFLINE = {
    "accelerate", "datasets", "export", "matplotlib", "onnx", "optimum", "optuna", "peft",
    "safetensors", "sklearn", "torch", "training", "transformers",
}


class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in OFFLINE:
            raise ImportError(f"{name} is not there in an online install")


sys.meta_path.insert(0, Blocked())
from groundswell.errors import GroundswellError
from groundswell.models.golden import check_golden, read_golden
from groundswell.models.session import load

directory = Path(sys.argv[1])
try:
    model = load(directory, threads=1)
    golden = read_golden(directory, model.manifest)
    check_golden(model, golden)
except GroundswellError as error:
    sys.exit(str(error))
rows, medians = model.encode([row.text for row in golden]), []
for _ in range(3):
    spent = []
    for row in rows:
        began = time.process_time()
        model.run([row])
        spent.append(1000 * (time.process_time() - began))
    medians.append(sorted(spent)[len(spent) // 2])
memory = None
try:  # not getrusage: its peak begins with that of the process that started this one
    status = Path("/proc/self/status").read_text()
    [memory] = [int(line.split()[1]) / 1000 for line in status.splitlines() if "VmHWM" in line]
except (OSError, ValueError):
    pass
print(json.dumps({"milliseconds": min(medians), "megabytes": memory}))
"""


def check_in_clean_process(directory: Path) -> Cost:
    """
    Load the bundle as a consumer would; returns what a text costs.

    Raises ``BundleError`` with what that process said.
    """
    done = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", _PROGRAM, str(directory.resolve())],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent.parent,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise BundleError(
            f"the bundle does not work in a process of its own: {said[-1] if said else done.returncode}"
        )
    return Cost(**msgspec.json.decode(done.stdout))
