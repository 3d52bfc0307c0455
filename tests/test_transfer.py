"""A model whose features include another's scores: exactness of the fold, gain with few labels, what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from classifier import blocks
from classifier.config import Config
from classifier.errors import ConfigError
from classifier.model import NewsClassifier
from classifier.predictor import Predictor
from classifier.training import block_matrix, train
from classifier.transfer import BaseFeatures, extend_config

NEWS = Config.from_preset("news")
TOPICS = ("sports", "health", "economy")


@pytest.fixture(scope="module")
def base(news_classifier):
    return news_classifier.scorer_


@pytest.fixture(scope="module")
def sections(corpus):
    """Articles of three topics under names that the base does not know."""
    pairs = [
        (a, f"desk {t[0]}") for a, t in zip(corpus.articles, corpus.labels["topic"], strict=True) if t[0] in TOPICS
    ]
    return [a for a, _ in pairs], [label for _, label in pairs]


def test_weights_in_place_of_scores_give_the_same(base, sections):
    config = extend_config(NEWS, base, ["section"])
    reading = blocks.read(sections[0], config, base.gazetteer)
    start = BaseFeatures.of(base, reading)
    M = np.random.default_rng(0).normal(size=(start.X.shape[1], 5)).astype(np.float32)
    coefs, intercept = start.fold(M)
    parts = [block_matrix(reading, block) @ coef for block, coef in zip(start.blocks(["section"]), coefs, strict=True)]
    np.testing.assert_allclose(sum(parts) + intercept, start.X @ M, atol=1e-4)


def test_columns_are_of_one_scale(base, sections):
    reading = blocks.read(sections[0], extend_config(NEWS, base, ["section"]), base.gazetteer)
    X = BaseFeatures.of(base, reading).X.toarray()
    weight = 0.2 * np.sqrt(1000 / len(sections[0]))
    assert X.shape[1] == len(base.tasks["topic"].heads)
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.sqrt((X**2).sum(axis=1).mean()), weight, rtol=1e-3)


def test_few_labels_are_enough_with_a_base(base, sections):
    articles, labels = sections
    inside = [labels.index(label) for label in sorted(set(labels))]
    inside += [i for i in range(len(labels)) if i not in inside][:6]
    outside = [i for i in range(len(labels)) if i not in inside]
    right = {}
    for name, start in {"alone": None, "with base": base}.items():
        model = NewsClassifier(preset="char", base=start)
        model.fit([articles[i] for i in inside], {"section": [labels[i] for i in inside]})
        stated = model.predict([articles[i] for i in outside])
        right[name] = np.mean([p["section"][0].code == labels[i] for p, i in zip(stated, outside, strict=True)])
    assert right["with base"] > right["alone"] + 0.2  # the base has read them: what counts is that it is heard


def test_model_is_whole_without_its_base(news_folder, sections, tmp_path):
    from classifier.persistence import save_scorer

    articles, labels = sections
    model = NewsClassifier(base=news_folder).fit(articles, {"section": labels})
    loaded = Predictor.load(save_scorer(model.scorer_, tmp_path / "model", card=""))
    scores = [scorer.decision_function(articles, "section") for scorer in (loaded.scorer, model.scorer_)]
    np.testing.assert_array_equal(*scores)
    assert {block.tasks for block in loaded.scorer.config.blocks[len(NEWS.blocks) :]} == {("section",)}


def test_explanation_of_a_model_with_a_base_sums_to_its_score(base, sections):
    articles, labels = sections
    predictor = Predictor(NewsClassifier(base=base).fit(articles, {"section": labels}).scorer_)
    explanation = predictor.explain(articles[0], task="section")
    total = explanation.intercept + sum(span.contribution for span in explanation.spans)
    assert total == pytest.approx(explanation.score, abs=1e-4)


def test_countries_with_a_base(base, corpus):
    column = {"country": corpus.labels["country"][:60]}
    scorer = train(corpus.articles[:60], column, NEWS, base=base)
    stated = [[x.code for x in p.countries] for p in scorer.predict(corpus.articles[:60])]
    assert np.mean([bool(set(a) & set(b)) or a == b for a, b in zip(stated, column["country"], strict=True)]) > 0.8


def test_other_lengths_of_zones(base):
    with pytest.raises(ConfigError, match="lead_characters must be 600 as in the base, got 300"):
        extend_config(replace(NEWS, lead_characters=300), base, ["section"])


def test_base_of_places_alone(corpus):
    countries = train(corpus.articles[:60], {"country": corpus.labels["country"][:60]}, NEWS)
    with pytest.raises(ConfigError, match="a base must have a task without place mentions"):
        extend_config(NEWS, countries, ["section"])
