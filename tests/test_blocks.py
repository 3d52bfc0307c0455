"""The scoring kernel against the matrix that it never builds."""

import numpy as np
import pytest

from classifier import blocks, ngrams
from classifier.article import Article
from classifier.blocks import Block, BlockScorer
from classifier.config import BlockConfig, Config
from classifier.features import CharNgramTfidf

N_HEADS = 7


@pytest.fixture(scope="module")
def fitted(corpus):
    texts = [f"{a.title}\n{a.text}" for a in corpus.articles]
    return CharNgramTfidf(min_df=2, sublinear_tf=True).fit(texts), texts


def make_scorer(vectorizer, coef, *, sublinear=True, weight=1.0):
    block = Block(BlockConfig("page", sublinear_tf=sublinear, weight=weight), vectorizer.keys_, vectorizer.idf_)
    scale = np.linspace(0.5, 2, coef.shape[1]).astype(np.float32)
    return BlockScorer(block, ngrams.build_vocabulary(block.keys), coef, scale), scale


def score(scorer, articles):
    scores = np.zeros((len(articles), len(scorer.scale)), dtype=np.float32)
    known = scorer.add_scores(blocks.read(articles, Config(), None), scores)
    return scores, known


@pytest.mark.parametrize("dtype", [np.float32, np.int8])
@pytest.mark.parametrize(("sublinear", "n_heads"), [(True, N_HEADS), (False, N_HEADS), (True, 16), (True, 37)])
def test_scores_equal_matrix_times_coef(corpus, fitted, dtype, sublinear, n_heads):
    vectorizer, texts = fitted
    vectorizer.set_params(sublinear_tf=sublinear)
    coef = np.random.default_rng(0).integers(-127, 128, (len(vectorizer.idf_), n_heads)).astype(dtype)
    scorer, scale = make_scorer(vectorizer, coef, sublinear=sublinear, weight=0.7)
    expected = vectorizer.transform(texts).astype(np.float64) @ coef.astype(np.float64) * scale * np.float32(0.7)
    scores, known = score(scorer, corpus.articles)
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-3)
    assert known.all()


def test_scores_are_added(corpus, fitted):
    coef = np.ones((len(fitted[0].idf_), 2), dtype=np.int8)
    scorer, _ = make_scorer(fitted[0], coef)
    once, _ = score(scorer, corpus.articles[:3])
    scores = np.full((3, 2), 5, dtype=np.float32)
    scorer.add_scores(blocks.read(corpus.articles[:3], Config(), None), scores)
    np.testing.assert_allclose(scores, once + 5, rtol=1e-6)


def test_texts_without_known_ngrams(fitted):
    scorer, _ = make_scorer(fitted[0], np.ones((len(fitted[0].idf_), 2), dtype=np.int8))
    scores, known = score(scorer, [Article(""), Article("؟؟"), Article("العراق"), Article("zzqqxx")])
    assert known.tolist() == [False, False, True, False]
    assert not scores[~known].any()
    assert scores[2].all()


def test_block_without_ngrams():
    block = Block(BlockConfig("page"), np.zeros(0, np.int64), np.zeros(0, np.float32))
    vocabulary = ngrams.build_vocabulary(block.keys)
    scorer = BlockScorer(block, vocabulary, np.zeros((0, 2), np.int8), np.ones(2, np.float32))
    scores, known = score(scorer, [Article("العراق")])
    assert not known.any()
    assert not scores.any()


def test_nothing_is_left_from_one_batch_to_the_next(corpus, fitted):
    coef = np.random.default_rng(1).integers(-127, 128, (len(fitted[0].idf_), N_HEADS)).astype(np.int8)
    used, _ = make_scorer(fitted[0], coef)
    score(used, corpus.articles)
    again, _ = score(used, corpus.articles[40:60])
    fresh, _ = score(make_scorer(fitted[0], coef)[0], corpus.articles[40:60])
    assert again.tobytes() == fresh.tobytes()


def test_counts_beyond_the_table_of_exact_weights(fitted):
    vectorizer = fitted[0].set_params(sublinear_tf=True)
    coef = np.random.default_rng(2).integers(-127, 128, (len(vectorizer.idf_), 2)).astype(np.int8)
    scorer, scale = make_scorer(vectorizer, coef)
    text = "العراق " * 70_000 + "سوريا"
    expected = vectorizer.transform([text]).astype(np.float64) @ coef.astype(np.float64) * scale
    np.testing.assert_allclose(score(scorer, [Article(text)])[0], expected, rtol=1e-4, atol=1e-3)


def test_batches_hold_every_article_once(monkeypatch):
    monkeypatch.setattr(blocks, "_BATCH_ARTICLES", 4)
    monkeypatch.setattr(blocks, "_BATCH_CHARACTERS", 10)
    articles = [Article("ا" * n, id=str(i)) for i, n in enumerate([1, 1, 1, 1, 1, 9, 30, 0, 10, 1])]
    batches = list(blocks.batches(articles))
    assert [a for batch in batches for a in batch] == articles
    assert [len(batch) for batch in batches] == [4, 2, 1, 2, 1]
    assert list(blocks.batches([])) == []


def test_spans_follow_the_configuration():
    config = Config(lead_characters=5, untitled_characters=3)
    reading = blocks.read([Article("وصل الوزير", "زيارة")], config, None)
    lengths = [int(np.diff(reading.spans(BlockConfig(zone)))[0, 0]) for zone in ("title", "lead", "page")]
    assert lengths == [5, 9, 16]
