"""Stems and masked names: against a slow reference, and the kernel against the matrix."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from classifier import blocks, ngrams, stems
from classifier.article import Article
from classifier.blocks import Block, BlockScorer
from classifier.config import BlockConfig, Config
from classifier.gazetteer import Gazetteer, Name, load_gazetteer
from classifier.normalize import normalize_text

GAZETTEER = load_gazetteer()
PREFIXES = ["وبال", "فبال", "وكال", "ولل", "فال", "وال", "بال", "كال", "لل", "ال", "و", "ف", "ب", "ل", "ك"]
SUFFIXES = ["هما", "تها", "تهم", "ها", "هم", "هن", "كم", "نا", "ات", "ون", "ين", "ان", "يه", "ه", "ي"]


def slow_stem(word):
    prefix = next((p for p in PREFIXES if word.startswith(p) and len(word) - len(p) >= 3), "")
    word = word[len(prefix) :]
    suffix = next((s for s in SUFFIXES if word.endswith(s) and len(word) - len(s) >= 3), "")
    word = word[: len(word) - len(suffix)]
    return "0" if re.search(r"\d", word) else word


def slow_tokens(text):
    return [slow_stem(word) for word in normalize_text(text).split() if len(word) > 1]


def page(*articles, gazetteer=None):
    return blocks.read([Article(*a) if isinstance(a, tuple) else Article(a) for a in articles], Config(), gazetteer)


def tokens_without_names(*texts):
    reading = page(*texts)
    return stems.read_tokens(reading.encoded[False].symbols, reading.encoded[False].page)


def split(tokens):
    return [part.tolist() for part in np.split(tokens.token, tokens.ends[:-1])]


arabic_words = st.text("ابتثدرسعفقكلمنهوي0a", min_size=1, max_size=9)


@given(st.lists(st.lists(arabic_words, max_size=12).map(" ".join), min_size=1, max_size=5))
def test_tokens_are_the_same_where_slow_stems_are(texts):
    known: dict[str, int] = {}
    for fast, text in zip(split(tokens_without_names(*texts)), texts, strict=True):
        slow = slow_tokens(text)
        assert len(fast) == len(slow)
        assert all(known.setdefault(stem, token) == token for stem, token in zip(slow, fast, strict=True))
    assert len(set(known.values())) == len(known)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("والمدارس", "مدارس", True),
        ("مدرستها", "مدرسة", True),
        ("بالقوات", "القوات", True),
        ("للوزير", "وزير", False),  # of "وزير" the first letter goes, three are left
        ("ولد", "لد", False),  # nothing goes if fewer than three letters would be left
        ("2024", "١٩", True),
        ("كورونا19", "70", True),
    ],
)
def test_stems(one, other, same):
    first, second = split(tokens_without_names(one, other))
    assert (first == second) == same


def test_names_become_their_kinds():
    of = [page(text, gazetteer=GAZETTEER).tokens(BlockConfig("page", "stem", ngram_range=(1, 2))) for text in
          ("وصل إلى بغداد أمس", "وصل إلى القاهرة أمس", "وصل إلى فرنسا أمس", "وصل إلى مدريد وباريس أمس")]  # fmt: skip
    assert of[0].token.tolist() == of[1].token.tolist() != of[2].token.tolist()
    assert of[3].token[2] == of[3].token[3] == of[0].token[2]
    assert of[0].token[2] == 2 + GAZETTEER.kinds[page("بغداد", gazetteer=GAZETTEER).mentions.entry[0]]


def test_names_of_no_country_stay_words():
    reading = page("المحيط الهندي", "المحيط والهادئ", gazetteer=GAZETTEER)
    ocean, words = split(reading.tokens(BlockConfig("page", "stem", ngram_range=(1, 1))))
    assert ocean[0] == words[0]
    assert len(ocean) == 2


def test_names_of_several_words_are_one_token_and_titles_are_masked():
    block = BlockConfig("page", "stem", ngram_range=(1, 1))
    reading = page(("قال في المملكة العربية السعودية", "زيارة كوريا الجنوبية"), gazetteer=GAZETTEER)
    tokens = reading.tokens(block)
    assert len(tokens.token) == 5  # visit, state, said, in, state
    assert tokens.token[1] == tokens.token[-1]
    begins = reading.encoded[False].page[0, 0] + np.array([0, 6, 21, 25, 28])
    assert set(tokens.begin.tolist()) <= set(begins.tolist())


@pytest.mark.parametrize("zone", ["title", "lead", "page"])
def test_zones_read_what_they_should(zone):
    reading = page(("وصل الوزير صباحا", "عنوان بغداد"), ("وصل الوزير", ""), gazetteer=GAZETTEER)
    block = BlockConfig(zone, "stem", ngram_range=(1, 1))
    first, second = split(reading.tokens(block))
    assert len(first) == (2 if zone == "title" else 5)
    assert first[1] == page("بغداد", gazetteer=GAZETTEER).tokens(block).token[0]
    assert len(second) == 2


@pytest.fixture(scope="module")
def fitted(corpus):
    texts = [f"{a.title}\n{a.text}" for a in corpus.articles]
    tokens = tokens_without_names(*texts)
    counts = stems.count_tokens(tokens, (1, 2))
    reference = TfidfVectorizer(
        analyzer=lambda text: (
            slow_tokens(text) + [f"{a} {b}" for a, b in zip(slow_tokens(text), slow_tokens(text)[1:], strict=False)]
        ),
        sublinear_tf=True,
        norm="l2",
    ).fit(texts)
    return texts, tokens, counts, reference


def test_counts_in_parts_equal_counts_at_once(fitted, monkeypatch):
    _, tokens, counts, _ = fitted
    monkeypatch.setattr(stems, "_SPANS_AT_ONCE", 7)
    for one, other in zip(stems.count_tokens(tokens, (1, 2)), counts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_matrix_equals_scikit_learn(fitted):
    texts, tokens, counts, reference = fitted
    assert len(counts.keys) == len(reference.vocabulary_)
    idf = np.log((1 + len(texts)) / (1 + counts.document_frequency)) + 1
    block = Block(BlockConfig("page", "stem", ngram_range=(1, 2)), counts.keys, idf.astype(np.float32))
    ours = stems.tokens_matrix(tokens, (1, 2), block.keys, block.weighting())
    theirs = reference.transform(texts)
    np.testing.assert_array_equal(np.diff(ours.indptr), np.diff(theirs.indptr))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(np.sort(a.data), np.sort(b.data), rtol=1e-5)
    np.testing.assert_allclose((ours @ ours.T).toarray(), (theirs @ theirs.T).toarray(), atol=1e-5)


@pytest.mark.parametrize("ngram_range", [(1, 1), (1, 2), (2, 2)])
def test_scores_equal_matrix_times_coef(corpus, ngram_range):
    config = Config(blocks=(BlockConfig("page", "stem", weight=0.7, ngram_range=ngram_range),))
    reading = blocks.read(corpus.articles, config, GAZETTEER)
    tokens = reading.tokens(config.blocks[0])
    counts = stems.count_tokens(tokens, ngram_range)
    kept = counts.document_frequency > 1
    block = Block(config.blocks[0], counts.keys[kept], np.linspace(1, 3, kept.sum(), dtype=np.float32))
    X = stems.tokens_matrix(tokens, ngram_range, block.keys, block.weighting())
    coef = np.random.default_rng(0).integers(-127, 128, (len(block.keys), 5)).astype(np.int8)
    scale = np.linspace(0.5, 2, 5).astype(np.float32)
    scores = np.ones((len(corpus.articles), 5), dtype=np.float32)
    known = BlockScorer(block, ngrams.build_vocabulary(block.keys), coef, scale).add_scores(reading, scores)
    np.testing.assert_allclose(scores, X @ coef.astype(np.float64) * scale * 0.7 + 1, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(known, np.diff(X.indptr) > 0)


def test_texts_without_tokens():
    assert len(tokens_without_names("", "و", "؟!").token) == 0
    counts = stems.count_tokens(tokens_without_names("", "و"), (1, 2))
    assert len(counts.keys) == 0
    assert counts.n_documents == 2


def test_names_of_single_letters_are_masked_too():
    agency = Gazetteer.from_table([Name("ا ف ب", "media", {"FR": 0.5})])
    reading = page("(ا ف ب) - قال الوزير", gazetteer=agency)
    kind = reading.names.kind[0]
    token = reading.tokens(BlockConfig("page", "stem", ngram_range=(1, 2))).token
    assert token[0] == 2 + kind
    assert len(token) == len(tokens_without_names("(ا ف ب) - قال الوزير").token) + 1
