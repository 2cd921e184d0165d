"""
A fresh process without anything that only training needs must answer the bundle's golden texts.

It loads the bundle as a consumer does: heads of words and word shapes are compared with the rest.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

from groundswell.errors import BundleError

_PROGRAM: Final = """
import sys
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
    check_golden(model, read_golden(directory, model.manifest))
except GroundswellError as error:
    sys.exit(str(error))
"""


def check_in_clean_process(directory: Path) -> None:
    """Load the bundle as a consumer would; raises ``BundleError`` with what that process said."""
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
