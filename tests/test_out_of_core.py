"""Training beyond memory: the model of training in memory, in memory that does not grow."""

import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from classifier import out_of_core, shards, spill
from classifier.article import Article
from classifier.cli import main
from classifier.config import Config
from classifier.data import Record
from classifier.errors import ConfigError, DataError
from classifier.out_of_core import train_out_of_core
from classifier.predictor import Predictor
from classifier.training import train

CHAR, NEWS = Config.from_preset("char"), Config.from_preset("news")


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(shards, "_SHARD_ARTICLES", 32)
    monkeypatch.setattr(out_of_core, "_LANES", 2)


def records(corpus, times=1):
    rows = zip(corpus.articles, *corpus.labels.values(), strict=True)
    once = [Record(i, a, dict(zip(corpus.labels, labels, strict=True))) for i, (a, *labels) in enumerate(rows, start=1)]
    return once * times


def batches(rows, size=32):
    return lambda: (rows[i : i + size] for i in range(0, len(rows), size))


def fit(rows, config, path, tasks=("topic", "country"), *, with_report=False):
    path.mkdir()
    return train_out_of_core(batches(rows), tasks, config, scratch=path, with_report=with_report)


def converged(config):
    return replace(config, heads=replace(config.heads, max_iter=120, tol=1e-3))


@pytest.mark.parametrize("config", [CHAR, NEWS], ids=["char", "news"])
def test_heads_are_those_of_training_in_memory(corpus, tmp_path, monkeypatch, config):
    monkeypatch.setattr(out_of_core, "_LAST_ROUNDS", 120)
    config = converged(config)
    scorer, _ = fit(records(corpus), config, tmp_path / "scratch")
    whole = train(corpus.articles, corpus.labels, config)
    assert [b.keys.tolist() for b in scorer.blocks] == [b.keys.tolist() for b in whole.blocks]
    np.testing.assert_allclose(scorer.intercepts, whole.intercepts, atol=2e-3)
    for ours, scale, theirs, other in zip(scorer.coefs, scorer.scales, whole.coefs, whole.scales, strict=True):
        assert np.abs(ours * scale - theirs * other).max() < 2 * other.max()  # heads are rounded to such steps
    for task in scorer.tasks.values():
        assert (task.labels, task.heads) == (whole.tasks[task.name].labels, whole.tasks[task.name].heads)


def test_calibration_sees_scores_of_heads_that_did_not_see_the_article(corpus, tmp_path, monkeypatch):
    """Labels by chance can be learnt by heart, not foreseen."""
    seen = []
    decide = out_of_core.fit_decisions
    monkeypatch.setattr(out_of_core, "fit_decisions", lambda *args: seen.append(args) or decide(*args))
    rng = np.random.default_rng(0)
    rows = [replace(r, labels={"topic": [str(rng.integers(4))]}) for r in records(corpus)]
    fit(rows, CHAR, tmp_path / "scratch", tasks=["topic"])
    (plan, scores, *_), *_ = seen
    right = [plan.heads[k] == gold[0] for k, gold in zip(scores.argmax(axis=1), plan.gold, strict=True)]
    assert len(right) > 10
    assert np.mean(right) < 0.6


def test_articles_whose_labels_are_unknown(corpus, tmp_path):
    rows = records(corpus)
    topics = [replace(r, labels={**r.labels, "country": None}) for r in rows]
    scorer, _ = fit(topics, NEWS, tmp_path / "one")
    assert list(scorer.tasks) == ["topic"]
    halves = [replace(r, labels={**r.labels, "topic": None}) if r.position % 2 else r for r in rows]
    scorer, _ = fit([*halves, Record(0, error="bad")], CHAR, tmp_path / "two")
    known = [r.article for r in halves if r.labels["topic"] is not None]
    config = replace(CHAR, blocks=(replace(CHAR.blocks[0], min_df=2),))
    fewer = train(known, {"topic": [r.labels["topic"] for r in halves if r.labels["topic"] is not None]}, config)
    assert scorer.labels("topic") == fewer.labels("topic")


def test_same_data_same_model(corpus, tmp_path):
    first, second = (fit(records(corpus), NEWS, tmp_path / name)[0] for name in ("one", "two"))
    for ours, theirs in zip(first.coefs, second.coefs, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert first.predict(corpus.articles) == second.predict(corpus.articles)


def test_report_is_on_articles_that_were_left_out(corpus, tmp_path):
    _, evaluation = fit(records(corpus), CHAR, tmp_path / "scratch", with_report=True)
    n_left_out = evaluation.tasks["topic"].n_articles
    assert 0.05 * len(corpus.articles) < n_left_out < 0.4 * len(corpus.articles)
    # Of four copies all or none are left out: else these would be known by heart.
    _, copies = fit(records(corpus, times=4), CHAR, tmp_path / "copies", with_report=True)
    assert copies.tasks["topic"].n_articles == 4 * n_left_out


def test_groups_are_held_out_together(corpus, tmp_path):
    rows = [replace(r, group=str(r.position % 7)) for r in records(corpus)]
    _, evaluation = fit(rows, CHAR, tmp_path / "scratch", with_report=True)
    sizes = [sum(r.position % 7 == g for r in rows) for g in range(7)]
    left_out = evaluation.tasks["topic"].n_articles
    assert any(left_out == sum(s for g, s in enumerate(sizes) if mask >> g & 1) for mask in range(1, 128))


def test_memory_does_not_grow_with_the_corpus(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(spill, "_SAMPLED_EVERY", 1 << 8)
    monkeypatch.setattr(spill, "_KEYS_IN_MEMORY", 1 << 14)
    config = replace(CHAR, heads=replace(CHAR.heads, max_iter=1))

    def peak(times):
        rows = records(corpus, times)
        tracemalloc.start()
        fit(rows, config, tmp_path / str(times), tasks=["topic"])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak(1)  # what is made once
    few, many = peak(2), peak(16)
    features = sum(f.stat().st_size for f in (tmp_path / "16").rglob("0.data"))
    assert features > 5e6
    assert many - few < features / 4


def test_keep_is_refused(corpus, tmp_path):
    config = replace(CHAR, blocks=(replace(CHAR.blocks[0], keep=100),))
    with pytest.raises(ConfigError, match="`keep` needs all articles in memory"):
        fit(records(corpus), config, tmp_path / "scratch")


def test_nothing_to_learn_from(corpus, tmp_path):
    nothing = [replace(r, labels={"topic": None, "country": None}) for r in records(corpus)]
    with pytest.raises(DataError, match="nothing to learn from"):
        fit(nothing, CHAR, tmp_path / "one")
    with pytest.raises(DataError, match="nothing to learn from"):
        fit([Record(1, error="bad")], CHAR, tmp_path / "two")
    few = [Record(i, Article("خبر عن الرياضة"), {"topic": [code]}) for i, code in enumerate("ab")]
    with pytest.raises(DataError, match="too few articles for --out-of-core"):
        fit(few, CHAR, tmp_path / "three", tasks=["topic"])


def test_command_line(corpus, write_lines, tmp_path, capsys):
    rows = [
        {"id": a.id, "title": a.title, "text": a.text, "topics": t, "countries": c}
        for a, t, c in zip(corpus.articles, corpus.labels["topic"], corpus.labels["country"], strict=True)
    ]
    files = [write_lines("a.jsonl", *rows[:60], {"text": ""}), write_lines("b.jsonl", '{"', *rows[60:])]
    arguments = ["train", *map(str, files), "--output", str(tmp_path / "model"), "--out-of-core"]
    assert main([*arguments, "--json", str(tmp_path / "figures.json")]) == 0
    err = capsys.readouterr().err
    assert "record 61: text is empty" in err
    assert "2 bad records left out" in err
    assert {"topic", "country"} <= json.loads((tmp_path / "figures.json").read_text())["tasks"].keys()
    predictions = Predictor.load(tmp_path / "model").predict(corpus.articles)
    right = [
        p.topic is not None and p.topic.code == t[0] for p, t in zip(predictions, corpus.labels["topic"], strict=True)
    ]
    assert np.mean(right) > 0.8
    assert {p.name for p in tmp_path.iterdir()} == {"a.jsonl", "b.jsonl", "model", "figures.json"}


def test_scratch_that_is_not_there(write_lines, tmp_path, capsys):
    data = write_lines("a.jsonl", {"text": "خبر", "topics": "economy"})
    arguments = ["--out-of-core", "--scratch", str(tmp_path / "nowhere")]
    assert main(["train", str(data), "--output", str(tmp_path / "model"), *arguments]) == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith("nowhere: can't write there: No such file or directory")
