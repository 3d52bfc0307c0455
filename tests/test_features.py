import math
import pickle

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.svm import LinearSVC
from sklearn.utils import estimator_checks

from classifier import features
from classifier.errors import ConfigError, InvalidTextError
from classifier.features import CharNgramTfidf
from classifier.normalize import NormalizeOptions, normalize_text

TEXTS = [
    "أعلن وزير الخارجية أن الوزير سيزور القاهرة غدًا",
    "الوزير في القاهرة",
    "فاز الفريق على الفريق الآخر بثلاثة أهداف",
    "قال المدرب إن الفريق لعب جيدا جدا",
    "ارتفعت أسعار النفط 5.2% في لندن",
    "النفط والغاز، والنفط ثم النفط",
    "",
    "من في على",
]
TOPICS = ["diplomacy", "diplomacy", "sports", "sports", "economy", "economy", "economy", "sports"]
CHECKS = [
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_set_params,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    estimator_checks.check_mixin_order,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_valid_tag_types,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_estimator_cloneable,
]


def sklearn_twin(ngram_range=(2, 5), **params):
    return TfidfVectorizer(
        analyzer="char_wb", lowercase=False, preprocessor=normalize_text, ngram_range=ngram_range, **params
    )


def assert_same_matrix(actual, expected):
    expected.sort_indices()
    assert actual.shape == expected.shape
    assert actual.has_sorted_indices
    np.testing.assert_array_equal(actual.indptr, expected.indptr)
    np.testing.assert_array_equal(actual.indices, expected.indices)
    np.testing.assert_allclose(actual.data, expected.data, rtol=2e-6)


@pytest.mark.parametrize("ngram_range", [(1, 1), (2, 3), (2, 5), (3, 9), (9, 9)])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"sublinear_tf": True},
        {"norm": None},
        {"norm": "l1"},
        {"use_idf": False},
        {"smooth_idf": False},
        {"min_df": 2},
        {"min_df": 0.3},
        {"max_df": 2},
        {"max_df": 0.4},
        {"max_features": 7},
        {"min_df": 2, "max_df": 0.5, "max_features": 5, "sublinear_tf": True, "norm": "l1", "smooth_idf": False},
        {"sublinear_tf": True, "norm": None, "use_idf": False},
    ],
    ids=str,
)
def test_equals_sklearn(ngram_range, params):
    if ngram_range == (9, 9) and params.get("min_df") == 2 and "max_features" in params:
        params = {**params, "max_df": 1.0}
    texts = [text * (1 + 2 * (i % 2)) for i, text in enumerate(TEXTS)]
    ours, theirs = CharNgramTfidf(ngram_range=ngram_range, **params), sklearn_twin(ngram_range, **params)
    assert_same_matrix(ours.fit_transform(texts), theirs.fit_transform(texts))
    assert ours.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()
    assert ours.vocabulary_ == theirs.vocabulary_
    if ours.use_idf:
        np.testing.assert_allclose(ours.idf_, theirs.idf_, rtol=1e-6)
    unseen = ["الوزير لعب مباراة جديدة", "zzz", "نفط" * 2000]
    assert_same_matrix(ours.transform(unseen), theirs.transform(unseen))


@given(data=st.data(), sublinear_tf=st.booleans(), low=st.integers(1, 4), more=st.integers(0, 3))
def test_equals_sklearn_on_any_text(data, raw_texts, sublinear_tf, low, more):
    texts = ["قال", *data.draw(st.lists(raw_texts, max_size=8))]
    params = {"ngram_range": (low, low + more), "sublinear_tf": sublinear_tf}
    ours, theirs = CharNgramTfidf(**params), sklearn_twin(**params)
    assert_same_matrix(ours.fit_transform(texts), theirs.fit_transform(texts))
    others = data.draw(st.lists(raw_texts, min_size=1, max_size=4))
    assert_same_matrix(ours.transform(others), theirs.transform(others))


def test_three_documents_by_hand():
    X = CharNgramTfidf(ngram_range=(2, 2)).fit_transform(["باب", "با بر", "با"])
    # n-grams: " ب" in 3 documents, "اب" in 1, "ا " in 2, "با" in 3, "ب " in 1, "بر" and "ر " in 1.
    names = [" ب", "ا ", "اب", "ب ", "با", "بر", "ر "]
    rare, in_two = math.log(4 / 2) + 1, math.log(4 / 3) + 1
    rows = [
        {" ب": 1, "اب": rare, "با": 1, "ب ": rare},
        {" ب": 2, "ا ": in_two, "با": 1, "بر": rare, "ر ": rare},
        {" ب": 1, "ا ": in_two, "با": 1},
    ]
    expected = [[row.get(name, 0) / math.hypot(*row.values()) for name in names] for row in rows]
    np.testing.assert_allclose(X.toarray(), expected, rtol=1e-6)


@pytest.mark.parametrize("n_jobs", [2, 3, -1])
def test_threads_change_nothing(n_jobs):
    texts = TEXTS * 5
    one, many = CharNgramTfidf(), CharNgramTfidf(n_jobs=n_jobs)
    X, Y = one.fit_transform(texts), many.fit_transform(texts)
    for name in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(X, name), getattr(Y, name))
    np.testing.assert_array_equal(one.idf_, many.idf_)
    assert one.vocabulary_ == many.vocabulary_


def test_batches_change_nothing(monkeypatch):
    whole = CharNgramTfidf().fit_transform(TEXTS)
    monkeypatch.setattr(features, "_BATCH_CHARACTERS", 30)
    assert_same_matrix(CharNgramTfidf().fit_transform(TEXTS), whole)


def test_each_row_depends_on_its_text_alone():
    vectorizer = CharNgramTfidf().fit(TEXTS)
    X = vectorizer.transform(TEXTS)
    order = [5, 0, 3, 3, 6]
    assert_same_matrix(vectorizer.transform([TEXTS[i] for i in order]), X[order])
    for i, text in enumerate(TEXTS):
        assert_same_matrix(vectorizer.transform([text]), X[i])


def test_matrix_is_what_linear_models_take():
    X = CharNgramTfidf().fit_transform(TEXTS)
    assert issparse(X)
    assert X.format == "csr"
    assert (X.dtype, X.indices.dtype, X.indptr.dtype) == (np.float32, np.int32, np.int32)
    assert X[6].nnz == 0


def test_takes_any_iterable_and_leaves_it_alone():
    X = CharNgramTfidf().fit_transform(TEXTS)
    texts = list(TEXTS)
    assert_same_matrix(CharNgramTfidf().fit_transform(texts), X)
    assert texts == TEXTS
    assert_same_matrix(CharNgramTfidf().fit_transform(tuple(TEXTS)), X)
    assert_same_matrix(CharNgramTfidf().fit_transform(iter(TEXTS)), X)
    assert_same_matrix(CharNgramTfidf().fit_transform(np.array(TEXTS, dtype=object)), X)
    assert_same_matrix(CharNgramTfidf(ngram_range=[2, 5]).fit_transform(TEXTS), X)


def test_fit_returns_self_and_forgets_the_first_fit():
    vectorizer = CharNgramTfidf()
    assert vectorizer.fit(["شيء آخر"]) is vectorizer
    vectorizer.fit(TEXTS)
    fresh = CharNgramTfidf().fit(TEXTS)
    assert vectorizer.vocabulary_ == fresh.vocabulary_
    np.testing.assert_array_equal(vectorizer.idf_, fresh.idf_)


def test_normalization_options_are_used():
    options = NormalizeOptions(fold_teh_marbuta=False)
    names = CharNgramTfidf(ngram_range=(1, 1), normalization=options).fit(["مدينة"]).get_feature_names_out()
    assert "ة" in names
    assert "ة" not in CharNgramTfidf(ngram_range=(1, 1)).fit(["مدينة"]).get_feature_names_out()


@pytest.mark.parametrize("copy", [lambda v: pickle.loads(pickle.dumps(v)), "joblib"], ids=["pickle", "joblib"])
def test_saved_and_loaded(copy, tmp_path):
    vectorizer = CharNgramTfidf(sublinear_tf=True).fit(TEXTS)
    X = vectorizer.transform(TEXTS)
    if copy == "joblib":
        joblib.dump(vectorizer, tmp_path / "v.joblib")
        loaded = joblib.load(tmp_path / "v.joblib")
    else:
        loaded = copy(vectorizer)
    assert_same_matrix(loaded.transform(TEXTS), X)
    assert loaded.vocabulary_ == vectorizer.vocabulary_


def test_pickle_holds_only_what_cannot_be_rebuilt():
    vectorizer = CharNgramTfidf().fit(TEXTS)
    vectorizer.transform(TEXTS)
    assert len(pickle.dumps(vectorizer)) < 12 * len(vectorizer.idf_) + 1500


def test_clone_keeps_parameters_and_drops_what_was_learned():
    vectorizer = CharNgramTfidf(ngram_range=(1, 3), normalization=NormalizeOptions(lowercase=False)).fit(TEXTS)
    copy = clone(vectorizer)
    assert copy.get_params() == vectorizer.get_params()
    with pytest.raises(NotFittedError, match="CharNgramTfidf"):
        copy.transform(TEXTS)


def test_parameters_have_sklearns_names():
    ours, theirs = CharNgramTfidf().get_params(), TfidfVectorizer().get_params()
    assert set(ours) - set(theirs) == {"normalization", "n_jobs"}
    same = set(ours) & set(theirs) - {"ngram_range"}
    assert {name: ours[name] for name in same} == {name: theirs[name] for name in same}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_estimator_contract(check):
    check("CharNgramTfidf", CharNgramTfidf())


def test_tags_say_that_the_input_is_text():
    tags = CharNgramTfidf().__sklearn_tags__()
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert not tags.requires_fit or not hasattr(CharNgramTfidf(), "vocabulary_")


def test_in_a_pipeline_with_a_grid_search():
    pipeline = Pipeline([("tfidf", CharNgramTfidf()), ("svm", LinearSVC())])
    grid = {"tfidf__ngram_range": [(2, 3), (2, 5)], "tfidf__normalization": [None, NormalizeOptions(fold_yeh=False)]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(TEXTS, TOPICS)
    assert search.best_estimator_.predict(["فاز الفريق"]).tolist() == ["sports"]


def test_in_a_feature_union():
    union = FeatureUnion([("short", CharNgramTfidf(ngram_range=(2, 3))), ("long", CharNgramTfidf(ngram_range=(4, 5)))])
    X = union.fit_transform(TEXTS)
    assert X.shape == (len(TEXTS), len(union.get_feature_names_out()))
    assert union.get_feature_names_out()[0] == "short__ 2"


@pytest.mark.parametrize("method", ["transform", "get_feature_names_out"])
def test_unfitted(method):
    with pytest.raises(NotFittedError, match="This CharNgramTfidf instance is not fitted yet"):
        getattr(CharNgramTfidf(), method)(["قال"])
    assert not hasattr(CharNgramTfidf(), "vocabulary_")


@pytest.mark.parametrize(("bad", "shown"), [(None, "None"), (b"x", "b'x'"), (float("nan"), "nan"), (["x"], r"\['x'\]")])
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_names_the_text_that_is_none(bad, shown, n_jobs, monkeypatch):
    monkeypatch.setattr(features, "_BATCH_CHARACTERS", 30)
    message = rf"texts\[5\] must be str, got {shown}"
    texts = [*TEXTS[:5], bad, *TEXTS]
    with pytest.raises(InvalidTextError, match=message):
        CharNgramTfidf(n_jobs=n_jobs).fit(texts)
    with pytest.raises(InvalidTextError, match=message):
        CharNgramTfidf(n_jobs=n_jobs).fit(TEXTS).transform(texts)


def test_refuses_a_bare_string():
    with pytest.raises(InvalidTextError, match=r"must be an iterable of str, got one str: pass \[text\]"):
        CharNgramTfidf().fit("قال الوزير")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"ngram_range": (5, 2)}, r"ngram_range must satisfy 1 <= min <= max <= 9, got \(5, 2\)"),
        ({"ngram_range": (0, 2)}, r"got \(0, 2\)"),
        ({"ngram_range": (2, 10)}, r"got \(2, 10\)"),
        ({"ngram_range": 3}, "ngram_range must satisfy .* got 3"),
        ({"ngram_range": (1.5, 2)}, r"ngram_range must satisfy .* got \(1.5, 2\)"),
        ({"min_df": -1}, "min_df must be an int of at least 1 or a float in 0..1, got -1"),
        ({"max_df": 1.5}, "max_df must be .* got 1.5"),
        ({"max_df": 0}, "max_df must be .* got 0"),
        ({"max_features": 0}, "max_features must be an int of at least 1 or None, got 0"),
        ({"norm": "max"}, "norm must be 'l1', 'l2' or None, got 'max'"),
    ],
    ids=str,
)
def test_refuses_parameters(params, message):
    with pytest.raises(ConfigError, match=message):
        CharNgramTfidf(**params).fit(TEXTS)


@pytest.mark.parametrize("texts", [[], [""], ["\u064b"], ["، . !"]], ids=ascii)
def test_nothing_to_learn_from(texts):
    with pytest.raises(ValueError, match="no n-grams left"):
        CharNgramTfidf().fit(texts)


def test_no_texts_to_transform():
    vectorizer = CharNgramTfidf().fit(TEXTS)
    assert vectorizer.transform([]).shape == (0, len(vectorizer.idf_))
