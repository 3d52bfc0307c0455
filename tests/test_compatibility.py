"""A model folder that an earlier version wrote still loads, and says what it said then."""

import json
from pathlib import Path

import pytest

from classifier.article import Article
from classifier.predictor import Predictor

DATA = Path(__file__).parent / "data"


def read(name):
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def test_model_of_format_1():
    predictor = Predictor.load(DATA / "model-v1")
    articles = [Article(row["text"], row["title"], id=row["id"]) for row in read("articles.jsonl")]
    recorded = read("model-v1-predictions.jsonl")
    assert len(recorded) == len(articles) == 12
    for prediction, record in zip(predictor.predict(articles), recorded, strict=True):
        assert prediction.id == record["id"]
        for task in ("topic", "country", "region"):
            assert [label.code for label in prediction[task]] == [label["code"] for label in record[task]]
            for label, then in zip(prediction[task], record[task], strict=True):
                assert label.probability == pytest.approx(then["probability"], abs=2e-3)


def test_records_hold_labels_of_every_task():
    recorded = read("model-v1-predictions.jsonl")
    for task in ("topic", "country", "region"):
        assert sum(bool(record[task]) for record in recorded) >= 6


def test_it_is_small():
    assert sum(path.stat().st_size for path in (DATA / "model-v1").iterdir()) < 300_000
