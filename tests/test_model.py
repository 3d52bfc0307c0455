"""`NewsClassifier` as a scikit-learn estimator."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks

from classifier.article import Article
from classifier.config import BlockConfig, Config
from classifier.errors import ConfigError, DataError, InvalidTextError
from classifier.model import NewsClassifier

TEXTS = ["فاز الفريق بالمباراة", "خسر الفريق المباراة", "ارتفعت أسعار النفط", "خفض البنك أسعار الفائدة"]
SECTIONS = ["sports", "sports", "economy", "economy"]
CHECKS = [
    "check_no_attributes_set_in_init",
    "check_get_params_invariance",
    "check_set_params",
    "check_parameters_default_constructible",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_mixin_order",
    "check_estimator_repr",
    "check_valid_tag_types",
    "check_estimator_tags_renamed",
    "check_estimator_cloneable",
]


@pytest.fixture(scope="module")
def small():
    return NewsClassifier(preset="char").fit(TEXTS, {"section": SECTIONS})


@pytest.mark.parametrize("check", CHECKS)
def test_estimator_contract(check):
    getattr(estimator_checks, check)("NewsClassifier", NewsClassifier())


def test_params_and_clone():
    config = Config(blocks=(BlockConfig("lead"),))
    model = NewsClassifier(preset="char", config=config, seed=3, n_jobs=2)
    assert model.get_params() == {"preset": "char", "config": config, "base": None, "seed": 3, "n_jobs": 2}
    assert clone(model).get_params() == model.get_params()


def test_fit_returns_self_and_keeps_the_parameters(small):
    model = NewsClassifier(preset="char")
    assert model.fit(TEXTS, {"section": SECTIONS}) is model
    assert model.get_params() == NewsClassifier(preset="char").get_params()


def test_fit_again_forgets(small):
    model = clone(small).fit(TEXTS, {"section": SECTIONS})
    model.fit(TEXTS, {"genre": ["x", "y", "x", "y"]})
    assert list(model.classes_) == ["genre"]


def test_classes_are_the_columns(small):
    assert list(small.classes_) == ["section"]
    assert small.classes_["section"].tolist() == ["economy", "sports"]
    assert small.decision_function(TEXTS, "section").shape == (4, 2)
    assert small.predict_proba(TEXTS, "section").argmax(axis=1).tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_unfitted(method):
    args = () if method == "predict" else ("topic",)
    with pytest.raises(NotFittedError, match="This NewsClassifier instance is not fitted yet"):
        getattr(NewsClassifier(), method)(TEXTS, *args)


def test_strings_are_pages_and_articles_are_themselves(small):
    as_articles = clone(small).fit([Article(text) for text in TEXTS], {"section": SECTIONS})
    mixed = clone(small).fit([TEXTS[0], *(Article(text) for text in TEXTS[1:])], {"section": SECTIONS})
    expected = small.decision_function(TEXTS, "section")
    for model in (as_articles, mixed):
        np.testing.assert_array_equal(model.decision_function(TEXTS, "section"), expected)


@pytest.mark.parametrize(
    "y",
    [
        {"section": SECTIONS},
        {"section": [[s] for s in SECTIONS]},
        {"section": np.array(SECTIONS)},
        {"section": pd.Series(SECTIONS, index=[9, 8, 7, 6])},
        pd.DataFrame({"section": SECTIONS}),
        pd.DataFrame({"section": [[s] for s in SECTIONS]}),
        pd.DataFrame({"section": pd.Categorical(SECTIONS)}),
        {"section": [1, 1, 0, 0]},
    ],
    ids=["list", "lists", "array", "series", "frame", "frame of lists", "categorical", "numbers"],
)
def test_forms_of_y(small, y):
    model = clone(small).fit(TEXTS, y)
    np.testing.assert_array_equal(model.decision_function(TEXTS, "section"), small.decision_function(TEXTS, "section"))


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT])
def test_missing_cells_are_unknown(small, missing):
    model = clone(small).fit([*TEXTS, "نص بلا تصنيف"], {"section": [*SECTIONS, missing]})
    assert model.classes_["section"].tolist() == ["economy", "sports"]
    assert model.scorer_.tasks["section"].calibration.always_first


@pytest.mark.parametrize("none", ["-", [], (), np.array([])])
def test_cells_that_say_none(small, none):
    model = clone(small).fit([*TEXTS, "نص بلا تصنيف"], {"section": [*SECTIONS, none]})
    assert model.classes_["section"].tolist() == ["economy", "sports"]
    assert not model.scorer_.tasks["section"].calibration.always_first


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"y": {"section": SECTIONS[:3]}}, r"y\['section'\] has 3 rows, articles has 4: give one a row"),
        ({"y": SECTIONS}, "y must be a DataFrame or a mapping of task to column, got list"),
        ({"y": pd.Series(SECTIONS)}, "y must be a DataFrame or a mapping of task to column, got Series"),
        ({"y": {}}, "no task to train"),
        ({"y": {"section": ["one"] * 4}}, r"task 'section' has 1 label\(s\) in 4 articles"),
        ({"groups": ["a"]}, "groups has 1 rows, articles has 4"),
        ({"sample_weight": [1.0]}, "sample_weight has 1 rows, articles has 4"),
        ({"sample_weight": [1, 1, 1, -1]}, "sample_weight must be finite, 0 or more"),
        ({"sample_weight": [1, 1, 1, float("nan")]}, "sample_weight must be finite, 0 or more"),
        ({"sample_weight": [0, 0, 0, 0]}, "above 0 for some article"),
    ],
    ids=str,
)
def test_fit_refuses(kwargs, message):
    with pytest.raises(DataError, match=message):
        NewsClassifier(preset="char").fit(TEXTS, **{"y": {"section": SECTIONS}, **kwargs})


def test_unknown_preset_is_refused_at_fit():
    with pytest.raises(ConfigError, match=r"preset must be one of char, news, .*got 'x'"):
        NewsClassifier(preset="x").fit(TEXTS, {"section": SECTIONS})


@pytest.mark.parametrize(
    ("articles", "message"),
    [
        ("نص", r"articles must be a sequence, got one str: pass \[article\]"),
        (["نص", None, "نص", "نص"], r"articles\[1\] must be str or Article, got None"),
        (["نص", "نص", 3.5, "نص"], r"articles\[2\] must be str or Article, got 3.5"),
        (["نص", "نص", "نص", b"x"], r"articles\[3\] must be str or Article, got b'x'"),
        ([TEXTS] * 4, r"articles\[0\] must be str or Article, got \["),
    ],
)
@pytest.mark.parametrize("method", ["fit", "predict", "predict_proba", "decision_function"])
def test_wrong_types_name_the_index(small, method, articles, message):
    args = {"fit": ({"section": SECTIONS},), "predict": ()}.get(method, ("section",))
    target = clone(small) if method == "fit" else small
    with pytest.raises(TypeError, match=message) as caught:
        getattr(target, method)(articles, *args)
    assert isinstance(caught.value, InvalidTextError)


@pytest.mark.parametrize("store", ["joblib", "pickle"])
def test_round_trip(small, store, tmp_path):
    if store == "joblib":
        joblib.dump(small, tmp_path / "model.joblib")
        again = joblib.load(tmp_path / "model.joblib")
    else:
        again = pickle.loads(pickle.dumps(small))
    assert again.predict(TEXTS) == small.predict(TEXTS)
    assert again.get_params() == small.get_params()


@pytest.mark.parametrize("text", ["", " \n", "؟!،", "\u064b\u0651", "ttxxqq 😀", "\ud800"], ids=ascii)
def test_text_without_evidence_gets_no_label(char_classifier, news_classifier, text):
    for model in (char_classifier, news_classifier):
        prediction = model.predict([Article(text)])[0]
        assert prediction.topics == prediction.countries == prediction.regions == ()
        assert prediction.topic is prediction.country is prediction.region is None
        assert np.isfinite(model.decision_function([Article(text)], "topic")).all()


def test_input_is_left_alone(small):
    texts, y = list(TEXTS), {"section": [[s] for s in SECTIONS]}
    clone(small).fit(texts, y)
    assert texts == TEXTS
    assert y == {"section": [[s] for s in SECTIONS]}


def test_nothing_to_predict(small):
    assert small.predict([]) == []
    assert small.decision_function([], "section").shape == (0, 2)


def test_weights_and_groups_are_used(corpus):
    weight = np.linspace(0.1, 2, len(corpus.articles))
    groups = [article.id.split("-")[1] for article in corpus.articles]
    labels = {"topic": corpus.labels["topic"]}
    plain, weighted, grouped = (
        NewsClassifier(preset="char").fit(corpus.articles, labels, **kwargs).scorer_
        for kwargs in ({}, {"sample_weight": weight}, {"groups": groups})
    )
    assert (plain.coefs[0] != weighted.coefs[0]).any()
    np.testing.assert_array_equal(plain.coefs[0], grouped.coefs[0])
    assert plain.tasks["topic"].calibration.slope != grouped.tasks["topic"].calibration.slope
