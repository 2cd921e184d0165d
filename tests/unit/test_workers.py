import threading

import pytest

from groundswell.models.providers import workers_of
from groundswell.models.session import load
from tests.news_world import TINY


@pytest.mark.parametrize(("provider", "workers"), [("cpu", 4), ("cuda", 1), ("tensorrt", 1)])
def test_a_cpu_runs_a_batch_a_thread_and_a_gpu_one(provider, workers):
    assert workers_of(provider, 4) == workers


@pytest.mark.parametrize(
    ("threads", "workers", "at_once", "each"),
    [(4, 0, 4, 1), (4, 2, 2, 2), (4, 1, 1, 4), (1, 3, 3, 1)],
)
def test_threads_are_shared_out(threads, workers, at_once, each):
    model = load(TINY, threads=threads, workers=workers)

    assert model.workers == at_once
    assert model._session.get_session_options().intra_op_num_threads == each


def test_batches_side_by_side_answer_as_one_by_one():
    model = load(TINY, threads=2, workers=0)
    rows = [model.encode([f"Profit soars {n}", "Shares crash"]) for n in range(40)]
    alone = [model.run(r).heads["sentiment"].tolist() for r in rows]
    together: dict[int, list[list[float]]] = {}

    def run(first):
        for n in range(first, 40, 2):
            together[n] = model.run(rows[n]).heads["sentiment"].tolist()

    threads = [threading.Thread(target=run, args=(first,)) for first in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [together[n] for n in range(40)] == alone
