import json
import random
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score
from sklearn.preprocessing import MultiLabelBinarizer

from classifier.errors import DataError, UnknownLabelError
from classifier.evaluate import (
    CoveragePoint,
    LabelScores,
    PrimaryPair,
    ReliabilityBin,
    bootstrap_interval,
    confident_errors,
    evaluate,
)
from classifier.labels import regions_of
from classifier.prediction import Label, Prediction


def labels(*codes, probability=0.5):
    return tuple(Label(code, code, code, probability, 0.0) for code in codes)


def topics(*codes, probability=0.5):
    return Prediction({"topic": labels(*codes, probability=probability)})


# Gold and predicted topics of five articles; the labels of the last are unknown.
GOLD = {"topic": [["a", "b"], ["b"], [], ["c"], None]}
PREDICTIONS = [
    topics("a", probability=0.95),  # right, b is missed
    topics("a", "b", probability=0.85),  # b is found, not as the first
    topics(),  # right: there is none
    topics("d", probability=0.15),  # wrong
    topics("a", probability=1.0),  # not scored
]


@pytest.fixture
def scores():
    return evaluate(PREDICTIONS, GOLD, min_support=1).tasks["topic"]


def test_hand_computed_labels(scores):
    assert scores.n_articles == 4
    assert scores.n_none == 1
    assert scores.labels == (
        LabelScores("b", support=2, predicted=1, precision=1.0, recall=0.5, f1=2 / 3),
        LabelScores("a", support=1, predicted=2, precision=0.5, recall=1.0, f1=2 / 3),
        LabelScores("c", support=1, predicted=0, precision=None, recall=0.0, f1=0.0),
        LabelScores("d", support=0, predicted=1, precision=0.0, recall=None, f1=0.0),
    )
    assert (scores.micro_precision, scores.micro_recall, scores.micro_f1) == (2 / 4, 2 / 4, 4 / 8)
    assert scores.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)


def test_hand_computed_primary(scores):
    assert scores.primary_accuracy == 2 / 4
    assert scores.primary_macro_f1 == pytest.approx((2 / 3 + 0 + 0) / 3)  # a; b and c are never first
    assert scores.top_in_gold == 1 / 3
    assert scores.none_recall == 1.0
    assert scores.primary_pairs == (
        PrimaryPair(None, None, 1),
        PrimaryPair("a", "a", 1),
        PrimaryPair("b", "a", 1),
        PrimaryPair("c", "d", 1),
    )
    assert scores.most_confused() == [PrimaryPair("b", "a", 1), PrimaryPair("c", "d", 1)]
    assert scores.most_confused(1) == [PrimaryPair("b", "a", 1)]


def test_hand_computed_probabilities(scores):
    assert scores.reliability == (
        ReliabilityBin(0.1, 0.2, 1, 0.15, 0.0),
        ReliabilityBin(0.8, 0.9, 1, 0.85, 0.0),
        ReliabilityBin(0.9, 1.0, 1, 0.95, 1.0),
    )
    assert scores.calibration_error == pytest.approx((0.15 + 0.85 + 0.05) / 3)
    assert [point.coverage for point in scores.coverage] == pytest.approx(np.arange(1, 11) / 10)
    assert scores.coverage[0] == CoveragePoint(0.1, 1, 0.95, 1.0)
    assert scores.coverage[4] == CoveragePoint(0.5, 2, 0.85, 0.5)
    assert scores.coverage[-1] == CoveragePoint(1.0, 4, 0.0, scores.primary_accuracy)


def test_probability_one_is_in_the_last_bin():
    scores = evaluate([topics("a", probability=1.0)], {"topic": [["a"]]}).tasks["topic"]
    assert scores.reliability == (ReliabilityBin(0.9, 1.0, 1, 1.0, 1.0),)
    assert scores.calibration_error == 0.0


def test_macro_counts_labels_with_enough_articles():
    predictions = [topics("a")] * 6
    gold = {"topic": [["a"]] * 5 + [["b"]]}
    assert evaluate(predictions, gold).tasks["topic"].macro_f1 == pytest.approx(10 / 11)
    assert evaluate(predictions, gold, min_support=1).tasks["topic"].macro_f1 == pytest.approx(5 / 11)
    assert evaluate(predictions, gold, min_support=6).tasks["topic"].macro_f1 is None


def test_scores_without_meaning_are_none():
    scores = evaluate([topics()], {"topic": [[]]}).tasks["topic"]
    assert scores.primary_accuracy == 1.0
    assert scores.none_recall == 1.0
    undefined = ("micro_precision", "micro_recall", "micro_f1", "macro_f1", "primary_macro_f1", "top_in_gold")
    assert {getattr(scores, name) for name in (*undefined, "calibration_error")} == {None}
    assert evaluate([topics("a")], {"topic": [["a"]]}).tasks["topic"].none_recall is None


code_lists = st.lists(st.sampled_from("abcde"), max_size=3, unique=True)


@given(st.lists(st.tuples(code_lists, code_lists), min_size=1, max_size=30))
def test_equals_scikit_learn(rows):
    gold, predicted = zip(*rows, strict=True)
    scores = evaluate([topics(*p) for p in predicted], {"topic": list(gold)}, min_support=1).tasks["topic"]

    binarizer = MultiLabelBinarizer(classes=list("abcde")).fit([])
    y_true, y_pred = binarizer.transform(gold), binarizer.transform(predicted)
    for metric, value in (
        (precision_score, scores.micro_precision),
        (recall_score, scores.micro_recall),
        (f1_score, scores.micro_f1),
    ):
        assert (value or 0.0) == pytest.approx(metric(y_true, y_pred, average="micro", zero_division=0))
    present = np.flatnonzero(y_true.any(axis=0))
    if present.size:
        expected = f1_score(y_true, y_pred, labels=present, average="macro", zero_division=0)
        assert scores.macro_f1 == pytest.approx(expected)

    first_true, first_pred = ([(codes or ["-"])[0] for codes in column] for column in (gold, predicted))
    assert scores.primary_accuracy == pytest.approx(accuracy_score(first_true, first_pred))
    primary = sorted({code for code in first_true if code != "-"})
    if primary:
        expected = f1_score(first_true, first_pred, labels=primary, average="macro", zero_division=0)
        assert scores.primary_macro_f1 == pytest.approx(expected)


def test_order_of_articles_does_not_matter():
    rng = random.Random(0)
    rows = [(topics(rng.choice("abc"), probability=rng.choice([0.2, 0.7])), [rng.choice("abc")]) for _ in range(50)]
    shuffled = rng.sample(rows, len(rows))

    def of(rows):
        result = evaluate([p for p, _ in rows], {"topic": [g for _, g in rows]}).to_dict()["tasks"]["topic"]
        del result["primary_accuracy_interval"]  # drawn from the articles in their order
        return result

    first, second = of(rows), of(shuffled)
    for key in ("reliability", "coverage"):
        assert [list(x.values()) for x in first.pop(key)] == [pytest.approx(list(x.values())) for x in second.pop(key)]
    assert first.pop("calibration_error") == pytest.approx(second.pop("calibration_error"))
    assert first.pop("macro_f1") == pytest.approx(second.pop("macro_f1"))
    assert first == second


def test_regions_are_those_of_the_countries():
    countries = [["SY", "IQ"], ["LB", "JO"], [], None]
    predictions = [
        Prediction({"country": labels("IQ"), "region": labels("iraq")}),
        Prediction({"country": labels("JO"), "region": labels("levant")}),
        Prediction({"country": (), "region": ()}),
        Prediction({"country": labels("FR"), "region": labels("europe")}),
    ]
    derived = evaluate(predictions, {"country": countries})
    given_ = [None if codes is None else regions_of(codes) for codes in countries]
    assert list(derived.tasks) == ["country", "region"]
    assert derived.tasks["region"] == evaluate(predictions, {"region": given_}).tasks["region"]
    assert derived.tasks["region"].primary_accuracy == 2 / 3
    assert derived.tasks["region"].top_in_gold == 1.0

    own = evaluate(predictions, {"country": countries, "region": [["europe"]] * 4})
    assert own.tasks["region"].n_articles == 4
    without_region = [Prediction({"country": p["country"]}) for p in predictions]
    assert list(evaluate(without_region, {"country": countries}).tasks) == ["country"]


def test_tasks_without_known_labels_are_left_out():
    evaluation = evaluate([Prediction({"topic": labels("a"), "country": ()})], {"topic": [None], "country": [["IQ"]]})
    assert list(evaluation.tasks) == ["country"]


def test_json_round_trip():
    record = evaluate(PREDICTIONS, GOLD).to_dict()
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert list(record) == ["tasks", "min_support"]
    assert record["tasks"]["topic"]["labels"][2] == {
        "code": "c", "support": 1, "predicted": 0, "precision": None, "recall": 0.0, "f1": 0.0,
    }  # fmt: skip
    assert json.dumps(record) == json.dumps(evaluate(PREDICTIONS, GOLD).to_dict())


def test_result_is_frozen(scores):
    with pytest.raises(FrozenInstanceError, match="macro_f1"):
        scores.macro_f1 = 1.0


@pytest.mark.parametrize(
    ("predictions", "gold", "message"),
    [
        pytest.param([], {"topic": []}, "no predictions", id="no-predictions"),
        pytest.param([topics("a")], {}, "none of the 1 articles has a known label", id="no-task"),
        pytest.param([topics("a")], {"topic": [None]}, "none of the 1 articles has a known label", id="all-unknown"),
        pytest.param([topics("a")], {"topic": [["a"], ["b"]]}, r"gold\['topic'\] has 2 entries for 1", id="length"),
        pytest.param([topics("a")], {"topic": ["abc"]}, r"gold\['topic'\]\[0\] must be a list of codes", id="bare-str"),
        pytest.param([topics("a")], {"topic": [float("nan")]}, r"\[0\] must be a list of codes.*got nan", id="nan"),
        pytest.param([topics("a")], {"topic": [[["a"]]]}, r"\[0\] must hold codes of type str", id="nested"),
        pytest.param(
            [topics("a", probability=float("nan"))], {"topic": [["a"]]}, "prediction 0 states topic.*nan", id="nan-p"
        ),
        pytest.param([topics("a", probability=1.5)], {"topic": [["a"]]}, r"1\.5, outside 0\.\.1", id="large-p"),
    ],
)
def test_what_cannot_be_scored_is_refused(predictions, gold, message):
    with pytest.raises(DataError, match=message) as caught:
        evaluate(predictions, gold)
    assert "\n" not in str(caught.value)


def test_unknown_task_is_refused():
    with pytest.raises(UnknownLabelError, match="must be one of topic, got 'country'"):
        evaluate(PREDICTIONS, {"country": [["IQ"]] * 5})
    with pytest.raises(UnknownLabelError, match="must be one of topic, got 'country'"):
        confident_errors(PREDICTIONS, GOLD, "country")


def test_confident_errors():
    errors = confident_errors(PREDICTIONS, GOLD, "topic")
    assert [(e.index, e.gold, e.predicted, e.probability) for e in errors] == [
        (1, ("b",), "a", 0.85),
        (3, ("c",), "d", 0.15),
    ]
    assert confident_errors(PREDICTIONS, GOLD, "topic", 1) == errors[:1]


def test_bootstrap_interval():
    values = [True] * 80 + [False] * 20
    low, high = bootstrap_interval(values, seed=3)
    # 1.96 standard errors of a share of 0.8 among 100 are 0.078.
    assert low == pytest.approx(0.8 - 0.078, abs=0.02)
    assert high == pytest.approx(0.8 + 0.078, abs=0.02)
    assert bootstrap_interval(values, seed=3) == (low, high)
    assert bootstrap_interval(np.ones(7)) == (1.0, 1.0)
    with pytest.raises(DataError, match="no values"):
        bootstrap_interval([])


def test_interval_holds_the_accuracy(scores):
    low, high = scores.primary_accuracy_interval
    assert 0 <= low <= scores.primary_accuracy <= high <= 1
