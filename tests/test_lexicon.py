"""Words that speak for topics: the table, and what blocks of them add to a model."""

import re
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import blocks
from classifier.article import Article
from classifier.config import BlockConfig, Config
from classifier.errors import ConfigError
from classifier.labels import TOPICS
from classifier.lexicon import load_lexicon
from classifier.normalize import normalize_text
from classifier.predictor import Predictor
from classifier.stems import Tokens
from classifier.training import block_matrix, count_block, fit_block, train

LEXICON = BlockConfig("page", "lexicon", ngram_range=(1, 2), weight=0.3)
CONFIG = Config(blocks=(LEXICON,))


@pytest.fixture(scope="module")
def rows():
    table = files("classifier").joinpath("lexicon.tsv").read_text(encoding="utf-8")
    return [line.split("\t") for line in table.splitlines()]


def test_table(rows):
    header, *rows = rows
    assert header == ["entry", "topics"]
    entries = [entry for entry, _ in rows]
    assert entries == sorted(set(entries))
    for entry, topics in rows:
        assert normalize_text(entry) == entry
        assert entry.count(" ") <= 1
        pairs = topics.split(" ")
        assert all(re.fullmatch(r"[a-z]+:[123]", pair) for pair in pairs)
        codes = [pair.split(":")[0] for pair in pairs]
        assert set(codes) <= set(TOPICS)
        assert len(set(codes)) == len(codes)


def test_most_entries_have_a_feature_of_their_own(rows):
    lexicon = load_lexicon()
    assert (np.diff(lexicon.keys) > 0).all()
    assert lexicon.strengths.shape == (len(lexicon.keys), len(TOPICS))
    assert (lexicon.strengths.min(), lexicon.strengths.max()) == (0, 1)
    assert len(lexicon.keys) > 0.8 * len(rows)  # the others are forms of one stem


def read(text, title=""):
    return blocks.read([Article(text, title)], CONFIG, None)


@pytest.mark.parametrize(("text", "topic"), [("وبالهداف", "sports"), ("خطبة الجمعة", "religion"), ("ميسي", "sports")])
def test_entries_are_found_behind_clitics_and_as_pairs(text, topic):
    reading = read(text)
    block = fit_block(count_block(reading, LEXICON), LEXICON)
    (strength,) = block_matrix(reading, block).toarray()
    assert list(TOPICS)[strength.argmax()] == topic


def test_what_no_article_holds_speaks_all_the_same(corpus):
    word, topic = "الهداف", "sports"
    (key,) = read(word).tokens(LEXICON).token
    rows = [
        i
        for i, a in enumerate(corpus.articles)
        if corpus.labels["topic"][i] and key not in read(a.text, a.title).tokens(LEXICON).token
    ]
    articles = [corpus.articles[i] for i in rows]
    scorer = train(articles, {"topic": [corpus.labels["topic"][i][:1] for i in rows]}, CONFIG)
    prediction = Predictor(scorer).predict([Article(f"قال {word} اليوم")])[0]
    assert prediction.topic.code == topic
    column = scorer.labels("topic").index(topic)
    said, unsaid = scorer.decision_function([Article(f"قال {word} اليوم"), Article("قال اليوم")], "topic")[:, column]
    assert said > unsaid + 0.1
    assert scorer.blocks[0].projection is None
    assert scorer.gazetteer is None


def test_scores_are_those_of_the_columns(corpus):
    """Weights of columns, folded into those of n-grams."""
    reading = blocks.read(corpus.articles, CONFIG, None)
    block = fit_block(count_block(reading, LEXICON), LEXICON)
    coef = np.random.default_rng(0).normal(size=(len(TOPICS), 3)).astype(np.float32)
    folded = blocks.Block(LEXICON, block.keys, block.idf)
    assert block.n_columns == len(TOPICS)
    np.testing.assert_allclose(
        block_matrix(reading, folded) @ block.expand(coef), block_matrix(reading, block) @ coef, atol=1e-4
    )


def test_words_that_are_no_entries_change_nothing():
    block = fit_block(count_block(read("الهداف سجل"), LEXICON), LEXICON)
    one, two = (block_matrix(read(text), block).toarray() for text in ("الهداف", "الهداف هناك الذي"))
    np.testing.assert_allclose(one, two)


@pytest.mark.parametrize(("options", "message"), [({"keep": 5}, "keep must be none"), ({"as_written": True}, "false")])
def test_options_that_do_not_go_with_it(options, message):
    with pytest.raises(ConfigError, match=message):
        BlockConfig("page", "lexicon", ngram_range=(1, 2), **options)


@given(st.lists(st.tuples(st.lists(st.integers(0, 9), max_size=5), st.integers(0, 12)), max_size=6))
def test_tokens_until_a_stop(spans):
    begins = [10 * i + np.sort(b) for i, (b, _) in enumerate(spans)]
    begin = np.concatenate([np.zeros(0), *begins]).astype(np.int64)
    ends = np.cumsum([len(b) for b in begins]).astype(np.int64)
    stops = np.array([10 * i + stop for i, (_, stop) in enumerate(spans)], dtype=np.int64)
    cut = Tokens(np.arange(len(begin)), begin, ends).until(stops)
    expected = [b[b < stop] for b, stop in zip(begins, stops, strict=True)]
    assert cut.begin.tolist() == [x for b in expected for x in b]
    assert cut.ends.tolist() == np.cumsum([len(b) for b in expected]).tolist()
