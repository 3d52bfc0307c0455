"""`Predictor`: what goes in, what comes out, and that order, batches and threads change nothing."""

import pickle
import random
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest

from classifier import blocks
from classifier.article import Article
from classifier.errors import DataError, InvalidTextError, ModelFormatError, UnknownLabelError
from classifier.predictor import Predictor

BAD_CELLS = [None, float("nan"), pd.NA, 7, b"bytes", "", " \n"]


@pytest.fixture
def texts(corpus):
    return [f"{a.title}\n{a.text}" for a in corpus.articles[:20]]


def test_bare_string(news_predictor):
    with pytest.raises(TypeError, match=r"articles must be a sequence, got one str: pass \[article\]"):
        news_predictor.predict("نص")


def test_bare_article(news_predictor):
    with pytest.raises(TypeError, match=r"got one Article: pass \[article\]"):
        news_predictor.predict(Article("نص"))


@pytest.mark.parametrize("bad", [None, 3, 2.5, b"x", float("nan"), ["نص"]], ids=repr)
def test_wrong_elements_name_the_index(news_predictor, bad):
    with pytest.raises(TypeError, match=r"articles\[2\] must be str or Article, got "):
        news_predictor.predict(["نص", Article("نص"), bad])


@pytest.mark.parametrize(
    ("articles", "kind"),
    [(None, "NoneType"), (5, "int"), ({"a": "نص"}, "dict"), (pd.DataFrame({"text": ["نص"]}), "DataFrame")],
)
def test_no_sequence(news_predictor, articles, kind):
    with pytest.raises(InvalidTextError, match=f"must be a sequence of str and Article, got {kind}: pass its column"):
        news_predictor.predict(articles)


def test_sequences_of_any_kind(news_predictor, texts):
    expected = news_predictor.predict(texts)
    for same in (tuple(texts), np.array(texts), np.array(texts, dtype=object), pd.Series(texts, index=range(50, 70))):
        assert news_predictor.predict(same) == expected
    assert news_predictor.predict(iter(texts)) == expected


def test_ids_come_back(news_predictor, corpus):
    articles = corpus.articles[:5]
    assert [p.id for p in news_predictor.predict(articles)] == [a.id for a in articles]
    assert news_predictor.predict([articles[0].text])[0].id is None


def test_labels_and_tasks(news_predictor, char_predictor):
    assert news_predictor.tasks == ["topic", "country"]
    assert news_predictor.derived_tasks == ["region"]
    assert "security" in news_predictor.labels("topic")
    assert len(news_predictor.labels("country")) > len(char_predictor.labels("country"))


def test_unknown_task(news_predictor):
    with pytest.raises(UnknownLabelError, match="task must be one of topic, country, got 'topics'"):
        news_predictor.labels("topics")
    with pytest.raises(UnknownLabelError, match="task must be one of topic, country, region, got 'topics'"):
        news_predictor.predict(["نص"])[0]["topics"]


@pytest.mark.parametrize("task", ["topic", "country"])
@pytest.mark.parametrize("kind", ["char", "news"])
def test_probabilities(request, kind, task, corpus):
    predictor = request.getfixturevalue(f"{kind}_predictor")
    probabilities = predictor.predict_proba(corpus.articles, task)
    assert probabilities.shape == (len(corpus.articles), len(predictor.labels(task)))
    assert probabilities.dtype == np.float32
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_probabilities_agree_with_predictions(news_predictor, corpus):
    probabilities = news_predictor.predict_proba(corpus.articles, "country")
    column = {code: k for k, code in enumerate(news_predictor.labels("country"))}
    n_secondary = 0
    for row, prediction in zip(probabilities, news_predictor.predict(corpus.articles), strict=True):
        for label in prediction.countries[1:]:
            assert row[column[label.code]] == np.float32(label.probability)
            n_secondary += 1
    assert n_secondary > 5


@pytest.mark.parametrize("task", ["topic", "country"])
def test_labels_are_ordered_by_rank(task, news_predictor, corpus):
    headlines = [Article(a.title) for a in corpus.articles]  # Less sure than whole articles, so more than one label.
    predictions = news_predictor.predict(headlines)
    column = {code: k for k, code in enumerate(news_predictor.labels(task))}
    ranks = np.concatenate([scored.ranks[task] for scored in news_predictor.scorer.score_batches(headlines)])
    rows = [[row[column[label.code]] for label in p[task]] for row, p in zip(ranks, predictions, strict=True)]
    assert any(len(row) > 1 for row in rows)
    assert rows == [sorted(row, reverse=True) for row in rows]


def test_regions_are_those_of_the_countries(news_predictor, corpus):
    from classifier.labels import regions_of

    for prediction in news_predictor.predict(corpus.articles):
        assert {r.code for r in prediction.regions} == set(regions_of(c.code for c in prediction.countries))
        if prediction.country:
            assert prediction.region.code == regions_of([prediction.country.code])[0]
            assert prediction.region.score == prediction.country.score


def test_order_changes_nothing(news_predictor, texts):
    shuffled = random.Random(0).sample(range(len(texts)), len(texts))
    expected = news_predictor.predict(texts)
    assert news_predictor.predict([texts[i] for i in shuffled]) == [expected[i] for i in shuffled]


@pytest.mark.parametrize("kind", ["char", "news"])
def test_batch_equals_one_by_one(request, kind, corpus):
    predictor = request.getfixturevalue(f"{kind}_predictor")
    articles = corpus.articles[:25]
    assert predictor.predict(articles) == [predictor.predict([article])[0] for article in articles]


def test_size_of_batches_changes_nothing(news_predictor, corpus, monkeypatch):
    expected = news_predictor.predict(corpus.articles)
    monkeypatch.setattr(blocks, "_BATCH_ARTICLES", 7)
    assert news_predictor.predict(corpus.articles) == expected


@pytest.mark.parametrize("kind", ["char", "news"])
def test_threads_change_nothing(request, kind, corpus):
    folder = request.getfixturevalue(f"{kind}_folder")
    articles = corpus.articles * 3
    one, two = (Predictor.load(folder, n_jobs=n).predict(articles) for n in (1, 2))
    assert one == two


def test_one_predictor_in_16_threads(news_predictor, corpus):
    expected = news_predictor.predict(corpus.articles)
    with ThreadPoolExecutor(16) as pool:
        for predictions in pool.map(news_predictor.predict, [corpus.articles] * 16):
            assert predictions == expected


def test_pickles_for_other_processes(news_predictor, texts):
    assert pickle.loads(pickle.dumps(news_predictor)).predict(texts) == news_predictor.predict(texts)


def test_frame(news_predictor, corpus):
    articles = corpus.articles[:3]
    index = pd.MultiIndex.from_tuples([("x", 1), ("x", 2), ("y", 1)])
    frame = pd.DataFrame({"body": [a.text for a in articles], "head": [a.title for a in articles]}, index=index)
    table = news_predictor.predict_frame(frame, text="body", title="head")
    assert list(table.columns) == [
        *(f"{task}{end}" for task in ("topic", "country", "region") for end in ("", "_probability", "_all")),
        "error",
    ]
    assert table.index.equals(index)
    for row, prediction in zip(table.itertuples(), news_predictor.predict(articles), strict=True):
        assert row.topic == prediction.topic.code
        assert row.topic_probability == prediction.topic.probability
        assert row.country_all == [label.code for label in prediction.countries]
        assert row.error is None


def test_frame_with_bad_rows(news_predictor, corpus):
    text = corpus.articles[0].text
    frame = pd.DataFrame({"text": [text, *BAD_CELLS, text]}, index=list("abcdefghi"), dtype=object)
    table = news_predictor.predict_frame(frame)
    assert table.index.tolist() == list("abcdefghi")
    good = table.loc[["a", "i"]]
    assert good["topic"].notna().all()
    assert good["error"].isna().all()
    bad = table.loc[list("bcdefgh")]
    assert bad.drop(columns="error").isna().all(axis=None)
    assert bad["error"].tolist()[-3:] == ["the text must be str, got b'bytes'", *["the text is empty"] * 2]
    assert bad["error"].str.startswith("the text ").all()


@pytest.mark.parametrize("rows", [[], [None], ["", ""]])
def test_frame_without_a_good_row(news_predictor, rows):
    table = news_predictor.predict_frame(pd.DataFrame({"text": pd.Series(rows, dtype=object)}))
    assert len(table) == len(rows)
    assert table["error"].notna().all()


def test_frame_keeps_repeated_index(news_predictor, texts):
    frame = pd.DataFrame({"text": texts[:2]}, index=[7, 7])
    assert news_predictor.predict_frame(frame).index.tolist() == [7, 7]


def test_frame_with_missing_titles(news_predictor, corpus):
    a = corpus.articles[0]
    frame = pd.DataFrame({"text": [a.text] * 3, "title": pd.Series([a.title, None, float("nan")], dtype=object)})
    table = news_predictor.predict_frame(frame)
    assert table["error"].isna().all()
    as_pages = news_predictor.predict([a.text])[0]
    assert table["topic_probability"].tolist()[1:] == [as_pages.topic.probability] * 2


def test_frame_with_a_page_that_can_not_be_read(news_predictor, texts):
    frame = pd.DataFrame({"text": [texts[0], "<html><body><script>x</script></body></html>"]})
    table = news_predictor.predict_frame(frame)
    assert table["topic"].isna().tolist() == [False, True]
    assert table["error"].notna().tolist() == [False, True]


def test_frame_without_the_column(news_predictor):
    with pytest.raises(DataError, match="the table has no column 'text', only body, title"):
        news_predictor.predict_frame(pd.DataFrame({"body": ["نص"], "title": ["نص"]}))


def test_joblib_only_of_the_trusted(char_classifier, tmp_path, corpus):
    path = tmp_path / "model.joblib"
    joblib.dump(char_classifier, path)
    with pytest.raises(ModelFormatError, match="can run any code when it is loaded: pass trusted=True"):
        Predictor.load(path)
    predictor = Predictor.load(path, trusted=True)
    assert predictor.predict(corpus.articles[:5]) == char_classifier.predict(corpus.articles[:5])


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (open, (self.mark, "w"))


@pytest.mark.parametrize("suffix", [".joblib", ".pkl", ".pickle", "", ".bin"])
def test_no_code_of_a_stranger_is_run(tmp_path, suffix):
    path, mark = tmp_path / f"model{suffix}", tmp_path / "mark"
    path.write_bytes(pickle.dumps(Bomb(str(mark))))
    with pytest.raises(ModelFormatError, match=r"can run any code|no such model folder"):
        Predictor.load(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"no pickle", "not a readable joblib file"), (b"", "not a readable joblib file"), (None, "No such file")],
    ids=["damaged", "empty", "missing"],
)
def test_joblib_that_is_none(tmp_path, content, reason):
    path = tmp_path / "model.joblib"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelFormatError, match=reason):
        Predictor.load(path, trusted=True)


def test_joblib_of_something_else(tmp_path):
    path = tmp_path / "model.joblib"
    joblib.dump({"a": 1}, path)
    with pytest.raises(ModelFormatError, match="holds a dict, not a fitted NewsClassifier"):
        Predictor.load(path, trusted=True)


def test_model_that_is_not_there(tmp_path):
    with pytest.raises(ModelFormatError, match=r"none: no such model folder: train one with `python train.py"):
        Predictor.load(tmp_path / "none")


def test_installation_without_a_shipped_model(monkeypatch, tmp_path):
    monkeypatch.setattr("classifier.persistence.files", lambda _: tmp_path)
    with pytest.raises(ModelFormatError, match="this installation has no shipped model: train one"):
        Predictor.load()
