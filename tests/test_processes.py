"""The same results in other processes and with other numbers of threads, bit for bit."""

import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from classifier.predictor import Predictor

ROOT = Path(__file__).parents[1]


def scores_of(predictor, articles):
    return [predictor.scorer.decision_function(articles, task).tobytes() for task in predictor.tasks]


def scores_of_folder(folder, articles):
    return scores_of(Predictor.load(folder), articles)


_inherited = None


def scores_of_the_inherited(articles):
    return scores_of(_inherited, articles)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_predictor_that_goes_to_other_processes(char_folder, corpus, method):
    """It was used before, so that its caches go with it."""
    predictor = Predictor.load(char_folder)
    articles = corpus.articles[:30]
    expected = scores_of(predictor, articles)
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        for scores in pool.starmap(scores_of, [(predictor, articles)] * 4):
            assert scores == expected
        assert pool.apply(scores_of_folder, (char_folder, articles)) == expected


def test_predictor_that_forks_inherit(char_folder, corpus, monkeypatch):
    predictor = Predictor.load(char_folder)
    articles = corpus.articles[:30]
    expected = scores_of(predictor, articles)
    monkeypatch.setattr(sys.modules[__name__], "_inherited", predictor)
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert pool.map(scores_of_the_inherited, [articles] * 8) == [expected] * 8


def test_training_with_1_and_2_threads_is_the_same_bit_for_bit(tmp_path):
    rows = (ROOT / "datasets" / "starter" / "articles.jsonl").read_text(encoding="utf-8").splitlines()[::12]
    (tmp_path / "data.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    sums = set()
    for threads in ("1", "2"):
        limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "PYTHONHASHSEED")
        options = ["data.jsonl", "--output", f"model-{threads}", "--jobs", threads]
        command = [sys.executable, "-m", "classifier", "train", *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **dict.fromkeys(limits, threads)}
        subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
        folder = tmp_path / f"model-{threads}"
        assert json.loads((folder / "config.json").read_text())["metrics"] is not None
        sums.add(
            b"".join(
                hashlib.sha256((folder / n).read_bytes()).digest()
                for n in ("config.json", "weights.safetensors", "README.md")
            )
        )
    assert len(sums) == 1
