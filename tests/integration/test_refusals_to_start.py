"""What keeps a program from starting: exit code 2, one line that names the cause, no traceback."""

import json
import shutil

import pytest

from groundswell.models.bundle import MANIFEST, describe
from tests.integration.stack import TINY


def rewritten(folder, change):
    """Copy the tiny bundle, let ``change`` edit the manifest and the files."""
    shutil.copytree(TINY, folder)
    path = folder / MANIFEST
    manifest = json.loads(path.read_text())
    change(folder, manifest)
    path.write_text(json.dumps(manifest))
    return folder


def without_model(folder):
    folder.mkdir()
    return folder


def broken(folder):
    def change(folder, _):
        model = folder / "model.onnx"
        model.write_bytes(model.read_bytes()[:-7] + b"garbage")

    return rewritten(folder, change)


def labels_in_another_order(folder):
    def change(_, manifest):
        labels = next(h for h in manifest["heads"] if h["name"] == "sentiment")["labels"]
        labels.reverse()

    return rewritten(folder, change)


def golden_that_disagree(folder):
    def change(folder, manifest):
        path = folder / manifest["golden"]["path"]
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        for row in rows:
            row["probabilities"]["topic"] = [0.97, 0.01, 0.01, 0.01]
            row["labels"] = {}
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        entry = describe(folder, path)
        manifest["golden"] = {"path": entry.path, "bytes": entry.bytes, "sha256": entry.sha256}

    return rewritten(folder, change)


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (without_model, "no model bundle"),
        (broken, "SHA-256"),
        (labels_in_another_order, "order"),
        (golden_that_disagree, "disagrees with the golden texts"),
    ],
)
async def test_a_bundle_that_is_not_what_it_says(stack, tmp_path, make, cause):
    done = await stack.programs.run("consume", bundle=make(tmp_path / "bundle"))

    assert_refused(done, cause)


async def test_a_provider_that_is_not_here(stack):
    done = await stack.programs.run("consume", providers="tensorrt")

    assert_refused(done, "tensorrt")


@pytest.mark.parametrize("program", ["consume", "count"])
async def test_a_topic_that_does_not_exist(stack, program):
    topic = {"consume": "news_topic", "count": "opinions_topic"}[program]

    done = await stack.programs.run(program, **{topic: "nowhere"})

    assert_refused(done, "nowhere")


async def test_a_store_that_evicts(stack):
    stack.store.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")

    done = await stack.programs.run("count")

    assert_refused(done, "noeviction")


async def test_a_log_with_fewer_partitions_than_its_source(stack):
    narrow = f"{stack.opinions}-narrow"
    await stack.kafka.create(narrow, 1)

    assert_refused(await stack.programs.run("consume", opinions_topic=narrow), "fewer than the 2")
    done = await stack.programs.run("topics", opinions_topic=narrow)
    assert done.code == 1
    assert "fewer than the 2" in done.out


def assert_refused(done, cause):
    assert done.code == 2, done.err
    assert "Traceback" not in done.err
    complaint = [line for line in done.err.splitlines() if line.startswith("groundswell: ")]
    assert len(complaint) == 1
    assert cause in complaint[0]
