"""
`python -m tests.refresh_zygote`: processes of the command ``groundswell``, without the seconds of importing torch.

Reads JSON lines. One with `arguments` and a `log` for what is printed forks a process of its own, to be
killed, and is answered by its number; one with `wait`, a number, by how that process ended.
"""

import json
import os
import sys

import export.make  # noqa: F401 - imported once for all
import training.refresh.job
import training.train  # noqa: F401
from groundswell import cli


def main():
    """Fork until the input ends."""
    say("ready")
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            _, status = os.waitpid(asked["wait"], 0)
            say(os.waitstatus_to_exitcode(status))
            continue
        number = os.fork()
        if number == 0:
            run(asked["arguments"], asked["log"])
        say(number)
    os._exit(0)  # without taking torch apart


def say(word):
    """Answer."""
    os.write(1, json.dumps(word).encode() + b"\n")


def run(arguments, log):
    """Be the command, and end as it does."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for place, descriptor in ((0, nothing), (1, out), (2, out)):
        os.dup2(descriptor, place)
    sys.argv = ["groundswell", *arguments]
    code = 1
    try:
        cli.main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
