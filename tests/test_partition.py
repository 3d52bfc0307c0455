"""`score_partition`: the same labels as `predict`, whatever table they come in."""

import pickle
import shutil
from functools import partial

import pandas as pd
import pyarrow as pa
import pytest

from classifier import partition
from classifier.errors import DataError, ModelFormatError
from classifier.partition import model_digest, partition_schema, score_partition
from classifier.streaming import StreamOptions

TASKS = ("topic", "country", "region")


@pytest.fixture
def frame(corpus):
    rows = [{"id": a.id, "title": a.title, "text": a.text} for a in corpus.articles[:12]]
    return pd.DataFrame(rows, index=range(100, 112))


def test_labels_are_those_of_the_predictor(frame, corpus, news_folder, news_predictor):
    labels = score_partition(frame, news_folder)
    assert list(labels.index) == list(frame.index)
    for (_, row), prediction in zip(labels.iterrows(), news_predictor.predict(corpus.articles[:12]), strict=True):
        expected = prediction.to_dict()
        assert row["id"] == expected["id"]
        for task in TASKS:
            assert row[f"{task}_all"] == [label["code"] for label in expected[task]]
            assert row[f"{task}_all_probability"] == [label["probability"] for label in expected[task]]
            if expected[task]:
                assert row[task] == row[f"{task}_all"][0]
                assert row[f"{task}_probability"] == row[f"{task}_all_probability"][0]
            else:
                assert row[task] is None
                assert pd.isna(row[f"{task}_probability"])


def test_options(frame, news_folder):
    options = StreamOptions(text="body", title="head", id="key", threshold=0.5, top=1)
    renamed = frame.rename(columns={"text": "body", "title": "head", "id": "key"})
    labels = score_partition(renamed, news_folder, options)
    assert list(labels["id"]) == list(frame["id"])
    assert {len(codes) for codes in labels["topic_all"]} <= {0, 1}
    assert labels["topic_probability"].dropna().min() >= 0.5


def test_bad_rows_have_a_reason_and_no_labels(frame, news_folder):
    frame["text"] = frame["text"].astype(object)
    frame.iloc[[0, 5, 11], frame.columns.get_loc("text")] = [None, " ", 7]
    labels = score_partition(frame, news_folder)
    assert list(labels["error"].iloc[[0, 5, 11]]) == ["text is null", "text is empty", "text must be str, got int"]
    assert labels.drop(columns=["id", "error"]).iloc[[0, 5, 11]].isna().all(axis=None)
    assert list(labels["id"]) == list(frame["id"])
    whole = score_partition(frame.drop(index=[100, 105, 111]), news_folder)
    pd.testing.assert_frame_equal(labels[labels["error"].isna()], whole)


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT], ids=["None", "NaN", "NA", "NaT"])
def test_missing_cells(frame, news_folder, missing):
    frame = frame.astype(object)
    frame.loc[100, :] = missing
    frame.loc[101, ["id", "title"]] = missing
    labels = score_partition(frame, news_folder)
    assert labels.loc[100, "error"] == "text is null"
    assert labels.loc[101, "id"] is None
    assert labels["error"].isna().sum() == 11


def test_table_without_texts(frame, news_folder):
    with pytest.raises(DataError, match="the table: no column 'text'; it has 'id', 'title', 'body'"):
        score_partition(frame.rename(columns={"text": "body"})[["id", "title", "body"]], news_folder)


@pytest.mark.parametrize("n_rows", [0, 1])
def test_schema_is_that_of_the_table(frame, news_folder, n_rows):
    schema = partition_schema(news_folder)
    labels = score_partition(frame[:n_rows], news_folder)
    assert schema.names == list(labels.columns)
    assert pa.Table.from_pandas(labels, schema, preserve_index=False).num_rows == n_rows


def test_is_picklable_without_the_model(frame, news_folder):
    score = partial(score_partition, model=news_folder, options=StreamOptions(top=1))
    packed = pickle.dumps(score)
    assert len(packed) < 1000
    pd.testing.assert_frame_equal(pickle.loads(packed)(frame), score(frame))


def test_model_is_loaded_once_until_it_is_replaced(frame, news_folder, char_folder, tmp_path, monkeypatch):
    loaded = []
    load = partition.Predictor.load
    monkeypatch.setattr(partition.Predictor, "load", lambda folder: loaded.append(folder) or load(folder))
    folder = shutil.copytree(news_folder, tmp_path / "model")
    for part in (frame[:6], frame[6:]):
        score_partition(part, folder)
    assert len(loaded) == 1
    before = model_digest(folder)
    shutil.rmtree(folder)
    shutil.copytree(char_folder, folder)
    score_partition(frame, folder)
    assert len(loaded) == 2
    assert model_digest(folder) != before


def test_missing_model(frame, tmp_path):
    with pytest.raises(ModelFormatError, match="nowhere"):
        score_partition(frame, tmp_path / "nowhere")
