"""From labelled articles to a scorer: folds, targets, determinism, and what is refused."""

import numpy as np
import pytest

from classifier.article import Article
from classifier.config import BlockConfig, Config, HeadConfig
from classifier.errors import DataError
from classifier.persistence import save_scorer
from classifier.training import duplicate_groups, held_out_fold, quantize, train

CHAR = Config.from_preset("char")
NEWS = Config.from_preset("news")


@pytest.fixture(scope="module")
def small(corpus):
    """Forty articles of two made-up sections."""
    return corpus.articles[:40], [["a"] if i % 2 else ["b"] for i in range(40)]


def model_bytes(scorer, folder):
    save_scorer(scorer, folder, card="")
    return [(folder / name).read_bytes() for name in ("weights.safetensors", "config.json")]


def test_duplicates_are_one_group(corpus):
    one, two = corpus.articles[:2]
    copies = [Article(one.text, one.title, id="copy"), Article(two.text, "other title")]
    groups = duplicate_groups([one, two, *copies], None)
    assert groups[0] == groups[2]
    assert len({*groups}) == 3


def test_groups_that_share_a_text_are_joined():
    articles = [Article(t) for t in ("واحد", "اثنان", "اثنان", "ثلاثة", "أربعة")]
    groups = duplicate_groups(articles, ["x", "x", "y", "y", "z"])
    assert len({*groups[:4]}) == 1
    assert groups[4] != groups[0]


def test_a_group_is_no_text():
    groups = duplicate_groups([Article("x"), Article("y")], ["y", "x"])
    assert len({*groups}) == 2


@pytest.mark.parametrize("seed", range(5))
def test_duplicates_are_never_split(corpus, seed):
    articles = corpus.articles + corpus.articles[::2]
    n = len(corpus.articles)
    out = held_out_fold(articles, None, CHAR.replace_seed(seed))
    np.testing.assert_array_equal(out[:n:2], out[n:])
    assert 0.15 < out.mean() < 0.25


def test_held_out_part_hangs_on_the_seed(corpus):
    parts = [held_out_fold(corpus.articles, None, CHAR.replace_seed(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(parts[0], parts[1])
    assert (parts[0] != parts[2]).any()


def test_groups_are_held_out_whole(corpus):
    groups = [article.id.split("-")[1] for article in corpus.articles]
    out = held_out_fold(corpus.articles, groups, CHAR)
    inside = {g for g, o in zip(groups, out, strict=True) if not o}
    outside = {g for g, o in zip(groups, out, strict=True) if o}
    assert outside
    assert inside.isdisjoint(outside)


def test_one_group_can_not_be_held_out(corpus):
    with pytest.raises(DataError, match="all articles are one group or duplicates of one: none can be held out"):
        held_out_fold(corpus.articles, ["one"] * len(corpus.articles), CHAR)


@pytest.mark.parametrize("config", [CHAR, NEWS], ids=["char", "news"])
def test_same_seed_same_model_bit_for_bit(corpus, config, tmp_path):
    folders = [
        model_bytes(train(corpus.articles[:60], {t: c[:60] for t, c in corpus.labels.items()}, config), tmp_path / n)
        for n in ("one", "two")
    ]
    assert folders[0] == folders[1]


def test_another_seed_is_another_model(small, tmp_path):
    articles, column = small
    models = [
        model_bytes(train(articles, {"section": column}, CHAR.replace_seed(seed)), tmp_path / str(seed))
        for seed in (1, 2)
    ]
    assert models[0][0] != models[1][0]


def test_unknown_cells_are_left_out_of_their_task_alone(corpus, small):
    articles, column = small
    unknown = [None if i < 10 else cell for i, cell in enumerate(column)]
    scorer = train(articles, {"section": unknown, "other": column}, CHAR)
    both = train(articles, {"section": column, "other": column}, CHAR)
    scores = {name: scorer.decision_function(articles, name) for name in ("section", "other")}
    np.testing.assert_array_equal(scores["other"], both.decision_function(articles, "other"))
    assert np.abs(scores["section"][:10]).mean() < np.abs(scores["other"][:10]).mean()


def test_unknown_is_not_none(small):
    articles, column = small
    unknown = train(articles, {"section": [None if i % 4 == 0 else c for i, c in enumerate(column)]}, CHAR)
    none = train(articles, {"section": [[] if i % 4 == 0 else c for i, c in enumerate(column)]}, CHAR)
    means = [scorer.decision_function(articles[::4], "section").mean() for scorer in (unknown, none)]
    assert means[1] < means[0] - 0.3
    assert unknown.tasks["section"].calibration.always_first
    assert not none.tasks["section"].calibration.always_first


def ranks(scorer, articles):
    (scored,) = scorer.score_batches(articles)
    return scored.ranks["section"]


def test_secondary_labels_count_less_against_an_article(small):
    articles, column = small
    secondary = {"section": [[*cell, "b"] if cell == ["a"] else cell for cell in column]}
    full, less = (train(articles, secondary, Config(heads=HeadConfig(secondary_cost=cost))) for cost in (1.0, 0.1))
    b = full.labels("section").index("b")
    gain = ranks(less, articles[1::2]) - ranks(full, articles[1::2])
    assert gain[:, b].min() > 0.1
    assert full.tasks["section"].calibration.max_labels == 2


def test_heads_for_order_only_where_articles_have_several_labels(small):
    articles, column = small
    one = train(articles, {"section": column}, Config())
    assert one.tasks["section"].heads == ("a", "b")
    assert ranks(one, articles) is None
    both = train(articles, {"section": [[*cell, "c"] for cell in column]}, Config())
    assert both.tasks["section"].heads == ("a", "b", "c") * 2
    assert ranks(both, articles).shape == (40, 3)


def test_heads_for_holding_learn_secondary_labels_those_for_order_do_not(small):
    articles, column = small
    scorer = train(articles, {"section": [["a", "b"] if cell == ["a"] else ["b"] for cell in column]}, Config())
    holds = scorer.decision_function(articles, "section") > 0
    assert holds[:, 1].all()
    np.testing.assert_array_equal(holds[:, 0], np.arange(40) % 2)
    np.testing.assert_array_equal(ranks(scorer, articles)[:, 1] > 0, np.arange(40) % 2 == 0)
    codes = [[label.code for label in prediction["section"]] for prediction in scorer.predict(articles)]
    assert codes == [["a", "b"] if i % 2 else ["b"] for i in range(40)]


def test_calibration_reads_the_articles_it_is_told_to(small):
    articles, column = small
    both = [[*cell, "c"] if i >= 20 else cell for i, cell in enumerate(column)]
    few, many = (
        train(articles, {"section": both}, Config(), calibrate_on={"section": (np.arange(40) >= 20) == late}).predict(
            articles
        )
        for late in (False, True)
    )
    n_few, n_many = (sum(len(p["section"]) for p in predictions) for predictions in (few, many))
    assert n_few < n_many
    everything = train(articles, {"section": both}, Config())
    none = train(articles, {"section": both}, Config(), calibrate_on={"section": np.zeros(40, dtype=bool)})
    assert none.predict(articles) == everything.predict(articles)


def test_primary_labels_count_as_configured(small):
    articles, column = small
    full, less = (train(articles, {"section": column}, Config(heads=HeadConfig(positive_cost=c))) for c in (1.0, 0.1))
    assert (less.decision_function(articles, "section") < full.decision_function(articles, "section")).mean() > 0.9


def test_balance_raises_rare_labels(small):
    articles, _ = small
    column = [["rare"] if i < 4 else ["frequent"] for i in range(40)]
    plain, balanced = (train(articles, {"section": column}, Config(heads=HeadConfig(balance=b))) for b in (0.0, 1.0))
    rare = plain.labels("section").index("rare")
    gain = balanced.decision_function(articles, "section") - plain.decision_function(articles, "section")
    assert gain[:, rare].mean() > 0.05


def test_a_label_named_twice_counts_as_once(small):
    articles, column = small
    twice = train(articles, {"section": [cell * 2 for cell in column]}, CHAR)
    once = train(articles, {"section": column}, CHAR)
    np.testing.assert_array_equal(*(s.decision_function(articles, "section") for s in (twice, once)))


def test_learns_what_it_was_told(small):
    articles, column = small
    predictions = train(articles, {"section": column}, CHAR).predict(articles)
    assert sum(p["section"][0].code == c[0] for p, c in zip(predictions, column, strict=True)) >= 38


def test_weight_of_zero_leaves_an_article_out(small):
    articles, column = small
    wrong = [["b"] if i == 1 else cell for i, cell in enumerate(column)]
    weight = np.ones(len(articles), dtype=np.float32)
    weight[1] = 0
    blind = train(articles, {"section": wrong}, CHAR, sample_weight=weight)
    right = train(articles, {"section": column}, CHAR, sample_weight=weight)
    np.testing.assert_array_equal(*(s.decision_function(articles, "section") for s in (blind, right)))


def test_label_with_one_article(small):
    articles, column = small
    scorer = train(articles, {"section": [["rare"], *column[1:]]}, CHAR)
    assert scorer.labels("section") == ["a", "b", "rare"]
    assert scorer.predict(articles[:1])[0]["section"][0].code == "rare"


def test_two_articles_are_enough():
    articles = [Article("فاز الفريق في المباراة"), Article("ارتفع سعر الفريق في السوق")]
    scorer = train(articles, {"section": [["a"], ["b"]]}, CHAR)
    assert [p["section"][0].code for p in scorer.predict(articles)] == ["a", "b"]


@pytest.mark.parametrize("column", [[["a"]] * 4, [[]] * 4, [None] * 4, [["a"], None, None, []]])
def test_fewer_than_two_labels(column):
    articles = [Article(f"نص {i}") for i in range(4)]
    with pytest.raises(DataError, match=r"task 'section' has [01] label\(s\) in [024] articles: at least 2"):
        train(articles, {"section": column}, CHAR)


def test_no_task(small):
    with pytest.raises(DataError, match="no task to train: name one with --task NAME=COLUMN"):
        train(small[0], {}, CHAR)


def test_no_articles():
    with pytest.raises(DataError, match=r"task 'section' has 0 label\(s\) in 0 articles"):
        train([], {"section": []}, CHAR)


def test_label_that_stands_for_none(small):
    with pytest.raises(DataError, match="task 'section' has a label '-', which stands for none"):
        train(small[0], {"section": [["-"], *small[1][1:]]}, CHAR)


def test_no_ngram_left():
    articles = [Article("ابت"), Article("دذر")]
    with pytest.raises(DataError, match="no n-gram of zone 'page' is in 2 of 2 articles: give more articles"):
        train(articles, {"section": [["a"], ["b"]]}, CHAR)


def test_blocks_that_no_task_uses_are_not_in_the_model(small):
    config = Config(blocks=(BlockConfig("page", tasks=("topic",)), BlockConfig("lead", except_tasks=("country",))))
    scorer = train(small[0], {"section": small[1]}, config)
    assert [block.config.zone for block in scorer.blocks] == ["lead"] == [b.zone for b in scorer.config.blocks]
    assert scorer.gazetteer is None


def test_blocks_of_one_task_have_heads_of_that_task_alone(news_classifier):
    scorer = news_classifier.scorer_
    blocks = (BlockConfig("page", tasks=("topic",)), BlockConfig("page"))
    n_topics, n_heads = (len(scorer.columns_of(block)) for block in blocks)
    widths = [coef.shape[1] for coef in scorer.coefs]
    assert widths == [n_topics, n_heads, *[n_topics] * 4]


def test_countries_are_found_that_no_article_was_labelled_with(news_classifier, corpus):
    seen = {code for codes in corpus.labels["country"] for code in codes or ()}
    text = "قال رئيس منغوليا في العاصمة أولان باتور إن حكومة منغوليا ستبني سدا جديدا في منغوليا هذا العام."
    prediction = news_classifier.predict([Article(text, "منغوليا تبني سدا جديدا")])[0]
    assert "MN" not in seen
    assert prediction.country.code == "MN"
    assert prediction.region.code == "east_asia_pacific"


def test_countries_without_any_mention():
    """The weights of places can't be learned here; training goes on without them."""
    articles = [Article("فاز الفريق في المباراة"), Article("خسر الفريق في المباراة")] * 5
    scorer = train(articles, {"country": [["IQ"], ["SY"]] * 5}, NEWS)
    assert np.isfinite(scorer.decision_function(articles, "country")).all()


def test_capacity_of_a_block(small):
    config = Config(blocks=(BlockConfig("page", max_features=100),), heads=HeadConfig(folds=2))
    assert train(small[0], {"section": small[1]}, config).coefs[0].shape == (100, 2)


def test_quantized_coefficients_are_close():
    coef = np.random.default_rng(0).normal(size=(1000, 5)).astype(np.float32) * [1e-6, 1, 1e6, 3, 0]
    rounded, scale = quantize(coef.astype(np.float32))
    assert rounded.dtype == np.int8
    error = np.abs(rounded * scale - coef).max(axis=0)
    assert (error <= scale / 2 * 1.001).all()
    assert np.abs(rounded[:, :4]).max(axis=0).tolist() == [127] * 4
