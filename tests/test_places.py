import math
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import places
from classifier.gazetteer import KINDS, MAX_LETTERS, Gazetteer, Name, load_gazetteer
from classifier.ngrams import spans_of
from classifier.places import LEAD_WORDS, MOST_WORDS, PLACE_FEATURES, find_mentions, place_features
from classifier.symbols import symbol_table

TITLE, LEAD, BODY, DATELINE = range(4)
ROWS = [
    Name("مصر", "state", {"EG": 1.0}),
    Name("قنا", "city", {"EG": 1.0}),
    Name("ليون", "city", {"FR": 0.85}),
    Name("فرنسا", "state", {"FR": 1.0}),
    Name("فرنسي", "people", {"FR": 1.0}),
    Name("فرنسيه", "people", {"FR": 1.0}),
    Name("هندي", "people", {"IN": 1.0}),
    Name("كرد", "people", {"IQ": 0.45}),
    Name("المحيط الهندي", "place", {}),
    Name("البيت", "place", {"US": 0.1}),
    Name("البيت الابيض", "institution", {"US": 1.0}),
    Name("طرابلس", "city", {"LY": 0.6, "LB": 0.4}),
    Name("طرابلس الغرب", "city", {"LY": 1.0}),
    Name("ليبيا", "state", {"LY": 1.0}),
    Name("المملكه", "title", {"SA": 0.7, "JO": 0.12, "MA": 0.08}),
    Name("المغرب", "state", {"MA": 1.0}),
    Name("دبي", "city", {"AE": 1.0}),
    Name("الامارات", "state", {"AE": 1.0}),
    Name("رويترز", "media", {}),
    Name("واس", "media", {"SA": 0.9}),
    Name("بلسان", "place", {"XK": 0.2}),
    Name("مجلس الامه في مصر", "institution", {"EG": 1.0}),
    Name("راجاوناريمامبيانا", "person", {"MG": 1.0}),
]
GAZETTEER = Gazetteer.from_table(ROWS)


def encode(articles):
    symbols, ends = symbol_table().encode([part for article in articles for part in article])
    spans = spans_of(ends)
    return symbols, np.ascontiguousarray(spans[::2]), np.ascontiguousarray(spans[1::2])


def mentions_of(articles, gazetteer=GAZETTEER):
    return find_mentions(*encode(articles), gazetteer)


def names(mentions, gazetteer=GAZETTEER):
    return [gazetteer.name_of(entry) for entry in mentions.entry]


def features_of(articles, gazetteer=GAZETTEER, home=None):
    """A dict a pair: what is in each of `PLACE_FEATURES`, under (article, country)."""
    if home is not None:
        home = np.array([gazetteer.countries.index(code) if code else -1 for code in home], dtype=np.int16)
    pairs = place_features(mentions_of(articles, gazetteer), gazetteer, home)
    keys = [(int(a), gazetteer.countries[c]) for a, c in zip(pairs.article, pairs.country, strict=True)]
    return {
        key: dict(zip(PLACE_FEATURES, row.tolist(), strict=True)) for key, row in zip(keys, pairs.features, strict=True)
    }


# --- matching


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("زار مصر", ["مصر"], id="as it is"),
        pytest.param("زار مِصـر", ["مصر"], id="folded"),
        pytest.param("ومصر وبمصر ولمصر فمصر كمصر ومصر", ["مصر"] * 6, id="clitics"),
        pytest.param("وكمصر فبمصر فلمصر", ["مصر"] * 3, id="two clitics"),
        pytest.param("فكمصر بلمصر لبمصر", [], id="no such clitics"),
        pytest.param("للمملكة وللمملكة فللمملكة", ["المملكه"] * 3, id="lil"),
        pytest.param("بالمملكة والمملكة وبالمملكة", ["المملكه"] * 3, id="article after a clitic"),
        pytest.param("مملكة", [], id="a name with the article needs it"),
        pytest.param("المصر", [], id="a name without it has none"),
        pytest.param("الفرنسي والفرنسية للفرنسي", ["فرنسي", "فرنسيه", "فرنسي"], id="a people with article"),
        pytest.param("قنا والكرد الكرد", ["قنا", "كرد"], id="short"),
        pytest.param("وقنا بقنا", [], id="short behind a clitic is mostly another word"),
        pytest.param("بليون", ["ليون"], id="four letters behind a clitic"),
        pytest.param("بلسان", ["بلسان"], id="whole word before clitic"),
        pytest.param("البيت الأبيض", ["البيت الابيض"], id="longest"),
        pytest.param("بالبيت الأبيض", ["البيت الابيض"], id="longest behind a clitic"),
        pytest.param("البيت الأسود", ["البيت"], id="shorter if the rest differs"),
        pytest.param("مجلس الأمة في", [], id="a part is no name"),
        pytest.param("مجلس الأمة في مصر مصر", ["مجلس الامه في مصر", "مصر"], id="names do not overlap"),
        pytest.param("مجلس الأمة في ليبيا", ["ليبيا"], id="go on after a false start"),
        pytest.param("المحيط الهندي ثم الهندي", ["المحيط الهندي", "هندي"], id="a name of no country"),
        pytest.param("راجاوناريمامبيانا", ["راجاوناريمامبيانا"], id="long"),
        pytest.param("طرابلس، الغرب", ["طرابلس الغرب"], id="punctuation is a boundary"),
        pytest.param("مصرمصر " + "مصر" * 7, [], id="inside a word"),
        pytest.param("ل لل ولل ال وال ب", [], id="only clitics"),
    ],
)
def test_names_are_found(text, expected):
    assert names(mentions_of([("", text)])) == expected
    assert names(mentions_of([(text, "")])) == expected


def test_of_names_as_long_the_shorter_clitic_wins():
    gazetteer = Gazetteer.from_table([Name("ولد مصر", "person", {}), Name("لد مصر", "city", {})])
    assert names(mentions_of([("", "ولد مصر، ولدي")], gazetteer), gazetteer) == ["ولد مصر"]
    gazetteer = Gazetteer.from_table([Name("وادي مصر", "person", {}), Name("ادي مصر", "city", {})])
    assert names(mentions_of([("", "وادي مصر، وادي")], gazetteer), gazetteer) == ["وادي مصر"]


def test_a_word_too_long_for_a_key_is_no_name():
    gazetteer = Gazetteer.from_table([Name("م" * MAX_LETTERS, "state", {"EG": 1}), Name("م" * 17, "state", {"SD": 1})])
    text = " ".join("م" * n for n in range(MAX_LETTERS - 2, 3 * MAX_LETTERS))
    assert names(mentions_of([("", text)], gazetteer), gazetteer) == ["م" * 17, "م" * 18]


def test_spans_hold_the_name_and_its_clitic():
    symbols, titles, texts = encode([("", "ان"), ("عن مصر", "قال: وبالبيت الأبيض، للمملكة")])
    mentions = find_mentions(symbols, titles, texts, GAZETTEER)
    table = symbol_table()
    spans = [table.decode(symbols[b:e]) for b, e in zip(mentions.begin, mentions.end, strict=True)]
    assert spans == ["مصر", "وبالبيت الابيض", "للمملكه"]
    assert mentions.article.tolist() == [1, 1, 1]
    assert mentions.word.tolist() == [1, 1, 3]
    assert mentions.n_words.tolist() == [1, 4]


def test_zones_and_limits():
    text = " ".join(["مصر"] * (MOST_WORDS + 5))
    mentions = mentions_of([("مصر", text)])
    assert mentions.zone.tolist() == [TITLE] + [LEAD] * LEAD_WORDS + [BODY] * (MOST_WORDS - LEAD_WORDS)
    assert mentions.word.tolist() == [0, *range(MOST_WORDS)]
    assert mentions.n_words.tolist() == [MOST_WORDS]


def test_no_name_crosses_the_last_word():
    words = ["كلام"] * (MOST_WORDS - 1) + ["البيت", "الأبيض"]
    assert names(mentions_of([("", " ".join(words))])) == ["البيت"]


@pytest.mark.parametrize(
    ("text", "n"),
    [
        pytest.param("دبي، الإمارات (رويترز) - قالت مصر", 3, id="place and agency"),
        pytest.param("دبي مراسل رويترز مصر", 2, id="a word between"),
        pytest.param("من دبي رويترز مصر", 2, id="a word before"),
        pytest.param("دبي كتب مراسل رويترز مصر", 0, id="two words between"),
        pytest.param("رويترز دبي مصر", 0, id="agency first"),
        pytest.param("دبي الإمارات مصر قالت إن", 0, id="no agency"),
        pytest.param("دبي مصر دبي مصر دبي مصر دبي مصر دبي مصر رويترز", 0, id="agency too late"),
    ],
)
def test_dateline(text, n):
    mentions = mentions_of([("دبي رويترز", text)])
    assert mentions.zone.tolist() == [TITLE] * 2 + [DATELINE] * n + [LEAD] * (len(mentions.zone) - 2 - n)


# --- the kernel against plain Python

CLITICS = ["و", "ف", "ب", "ل", "ك", "وب", "ول", "فب", "فل", "وك"]
WORDS = sorted({word for row in ROWS for word in row.name.split()} | {"قال", "ال", "لل", "و", "مصرف", "الغرب"})
TABLE = {tuple(row.name.split()): row for row in ROWS}


def cores(word):
    if len(word) > MAX_LETTERS:
        return
    yield word, ""
    for clitic in CLITICS:
        if word.startswith(clitic) and len(word) - len(clitic) >= 3:
            yield word[len(clitic) :], clitic
    for clitic in ("لل", "ولل", "فلل"):
        if word.startswith(clitic) and len(word) - len(clitic) >= 2:
            yield "ال" + word[len(clitic) :], clitic


def plain_match(words, i):
    """The longest name at word i, of those the one behind the shortest clitic."""
    found = []
    for core, clitic in cores(words[i]):
        for name, row in TABLE.items():
            is_bare = len(name) == 1 and row.kind == "people" and core == "ال" + name[0]
            if is_bare or (core == name[0] and tuple(words[i + 1 : i + len(name)]) == name[1:]):
                if len(name) == 1 and clitic and len(name[0]) < 4 and row.kind != "state":
                    continue
                found.append((-len(name), len(clitic), is_bare, name))
    return min(found)[3] if found else None


def plain_names(text):
    words = text.split()
    i = 0
    while i < len(words):
        name = plain_match(words, i)
        if name:
            yield i, " ".join(name)
        i += len(name) if name else 1


@given(st.lists(st.tuples(st.sampled_from(["", "ال", "وال", "لل", *CLITICS]), st.sampled_from(WORDS)), max_size=30))
def test_kernel_matches_as_plain_python_does(parts):
    text = " ".join(clitic + word for clitic, word in parts)
    mentions = mentions_of([("", text)])
    assert list(zip(mentions.word.tolist(), names(mentions), strict=True)) == list(plain_names(text))


ARTICLES = st.lists(
    st.tuples(*[st.lists(st.sampled_from([row.name for row in ROWS] + ["قال", "ان"]), max_size=9).map(" ".join)] * 2),
    min_size=1,
    max_size=5,
)


@given(ARTICLES)
def test_articles_do_not_touch_each_other(articles):
    together = features_of(articles)
    alone = [((i, code), row) for i, a in enumerate(articles) for (_, code), row in features_of([a]).items()]
    assert list(together.items()) == alone


@given(ARTICLES)
def test_features_hang_together(articles):
    rows = features_of(articles)
    for _, group in groupby(rows.items(), key=lambda item: item[0][0]):
        of_article = [row for _, row in group]
        shares = sum(row["share"] for row in of_article)
        assert shares == pytest.approx(1, abs=1e-5) or shares == 0
        ranks = [[row[f"rank {i}"] for i in range(1, 5)] for row in of_article]
        assert np.sum(ranks, axis=0).tolist() == [float(len(of_article) > i) for i in range(4)]
        assert len({row["likely countries"] for row in of_article}) == 1
    values = np.array([[*row.values()] for row in rows.values()])
    assert np.isfinite(values).all()
    assert (values >= 0).all()


# --- features


def test_features_of_an_article_computed_by_hand():
    text = "قالت مصر إن الفرنسي في طرابلس " + "كلام " * 75 + "مصر مصر"
    rows = features_of([("مصر", text)])
    assert [country for _, country in rows] == ["EG", "FR", "LY", "LB"]
    egypt, france, libya = rows[0, "EG"], rows[0, "FR"], rows[0, "LY"]
    assert egypt["state in title or lead"] == pytest.approx(math.log1p(3))
    assert france["people in title or lead"] == pytest.approx(math.log1p(1))
    assert libya["city in title or lead"] == pytest.approx(math.log1p(0.6))
    assert [egypt[z] for z in ("title", "lead", "body", "everywhere")] == pytest.approx(np.log1p([1, 1, 2, 4]).tolist())
    total = 8 + 2 + 2 * 0.6 + 2 * 0.4
    assert egypt["share"] == pytest.approx(8 / total)
    assert france["root of share"] == pytest.approx(math.sqrt(2 / total))
    assert egypt["share of title and lead"] == pytest.approx(2 / 4)
    assert (egypt["rank 1"], france["rank 2"], libya["rank 3"], egypt["rank 2"]) == (1, 1, 1, 0)
    assert (egypt["near the start"], egypt["very near the start"]) == (1, 1)
    assert france["near the start"] == pytest.approx(1 / (1 + 13 / 10))
    assert france["very near the start"] == pytest.approx(math.exp(-13 / 40))
    assert (egypt["surest name"], egypt["sure name"], egypt["no likely name"]) == (1, 1, 0)
    assert (libya["surest name"], libya["sure name"], libya["no likely name"]) == (pytest.approx(0.6), 0, 0)
    assert rows[0, "LB"]["no likely name"] == 1
    assert egypt["likely countries"] == pytest.approx(math.log1p(3))
    assert egypt["only likely country"] == 0
    assert (egypt["in the title"], egypt["not in the title, others are"]) == (1, 0)
    assert (france["in the title"], france["not in the title, others are"]) == (0, 1)
    bins = ["words 0 to 5", "words 5 to 10", "words 10 to 20", "words 80 to 160", "words 160 to 1200"]
    assert [egypt[b] for b in bins] == [1, 0, 0, 1, 0]
    assert libya["words 5 to 10"] == pytest.approx(0.6)
    assert egypt["length"] == pytest.approx(math.log1p(83))
    assert egypt["density"] == pytest.approx(20 * 4 / 83)
    assert (egypt["short text"], egypt["dateline"], egypt["European Union"]) == (0, 0, 0)


def test_weight_of_nine_tenths_is_sure():
    gazetteer = Gazetteer.from_table([Name("مصر", "state", {"EG": 0.9}), Name("ليبيا", "state", {"LY": 0.89})])
    rows = features_of([("", "مصر ليبيا")], gazetteer)
    assert (rows[0, "EG"]["sure name"], rows[0, "LY"]["sure name"]) == (1, 0)


def test_nearness_is_that_of_the_first_name_that_may_be_meant():
    rows = features_of([("", "بلسان طرابلس")])
    assert rows[0, "XK"]["near the start"] == pytest.approx(1 / (1 + 999 / 10))
    assert rows[0, "LY"]["near the start"] == pytest.approx(1 / (1 + 11 / 10))


@pytest.mark.parametrize(("n", "in_lead"), [(LEAD_WORDS - 1, 1), (LEAD_WORDS, 0)])
def test_in_the_lead(n, in_lead):
    assert features_of([("", "كلام " * n + "مصر")])[0, "EG"]["in the lead"] == in_lead


def test_of_countries_as_prominent_the_first_ranks_first():
    rows = features_of([("", "ليبيا مصر فرنسا")])
    assert [row["rank 1"] for row in rows.values()] == [1, 0, 0]
    assert rows[0, "FR"]["rank 3"] == 1


def test_the_press_and_weights_below_nine_tenths_support_nothing():
    ambiguous = Name("المملكه", "title", {"SA": 0.4, "MA": 0.4})
    for kind, weight, kept in (("city", 0.9, 0.3), ("city", 0.89, 1), ("media", 1, 1)):
        gazetteer = Gazetteer.from_table([ambiguous, Name("الرباط", kind, {"MA": weight})])
        rows = features_of([("", "كلام كلام كلام المملكه في الرباط")], gazetteer)
        assert rows[0, "SA"]["surest name"] == pytest.approx(0.4 * kept), (kind, weight)


def test_european_union_is_marked():
    gazetteer = Gazetteer.from_table([Name("بروكسل", "city", {"BE": 0.5, "EU": 0.4})])
    rows = features_of([("", "بروكسل")], gazetteer)
    assert (rows[0, "BE"]["European Union"], rows[0, "EU"]["European Union"]) == (0, 1)


def test_only_the_dateline_counts_for_a_dateline():
    rows = features_of([("", "دبي (رويترز) - قالت مصر " + "كلام " * 60)])
    assert rows[0, "AE"]["dateline"] == 1
    assert rows[0, "EG"]["dateline"] == 0
    evidence = ["lead", "everywhere", "share", "words 0 to 5", "density", "city in title or lead", "in the lead"]
    assert [rows[0, "AE"][name] for name in evidence] == [0] * len(evidence)
    assert rows[0, "EG"]["share"] == 1


def test_other_names_tell_what_an_ambiguous_one_stands_for():
    alone = features_of([("", "قالت المملكة")])
    assert alone[0, "SA"]["surest name"] == pytest.approx(0.7)
    beside = features_of([("", "قالت المملكة في المغرب")])
    assert beside[0, "SA"]["surest name"] == pytest.approx(0.7 * 0.3)
    total = 0.7 + 0.12 + 0.08
    assert beside[0, "MA"]["lead"] == pytest.approx(math.log1p(1 + 0.08 * (1 + 0.7 * (total - 0.08) / 0.08)))
    unrelated = features_of([("", "قالت المملكة في مصر")])
    assert unrelated[0, "SA"]["surest name"] == pytest.approx(0.7)
    in_dateline = features_of([("", "المغرب (رويترز) - قالت المملكة")])
    assert in_dateline[0, "SA"]["surest name"] == pytest.approx(0.7)


def test_a_sure_weight_does_not_grow_beyond_one():
    rows = [Name("ا", "city", {"EG": 0.8, "LY": 0.8}), Name("مصر", "state", {"EG": 1})]
    features = features_of([("", "ا مصر")], Gazetteer.from_table(rows))
    assert features[0, "EG"]["everywhere"] == pytest.approx(math.log1p(2))


def test_home_settles_what_the_text_leaves_open():
    articles = [("", "قالت المملكة")] * 3
    rows = features_of(articles, home=["JO", "EG", None])
    assert rows[0, "JO"]["surest name"] == pytest.approx(0.9)
    assert rows[0, "SA"]["surest name"] == pytest.approx(0.07)
    assert rows[1, "SA"] == rows[2, "SA"]
    assert rows[2, "SA"]["surest name"] == pytest.approx(0.7)
    assert features_of([("", "طرابلس الغرب")], home=["EG"]) == features_of([("", "طرابلس الغرب")])


def test_articles_without_names_have_no_pairs():
    pairs = place_features(mentions_of([("قال", "كلام"), ("", ""), ("", "المحيط الهندي")]), GAZETTEER)
    assert pairs.features.shape == (0, len(PLACE_FEATURES))
    assert place_features(mentions_of([]), GAZETTEER).features.shape == (0, len(PLACE_FEATURES))
    assert features_of([("مصر", "")], Gazetteer.from_table([])) == {}


def test_every_kind_has_a_feature():
    for kind in KINDS:
        rows = features_of([("", "ا")], Gazetteer.from_table([Name("ا", kind, {"EG": 1})]))
        of_groups = [name for name, value in rows[0, "EG"].items() if value and name.endswith("in title or lead")]
        assert len(of_groups) == 1, kind


def test_kernels_release_the_interpreter_lock():
    for kernel in (places._find_all, places._describe_all):
        assert kernel.targetoptions["nogil"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("قال الرئيس المصري في القاهرة", {"EG"}),
        ("ارتفعت الأسعار في المائة من العين المجردة", set()),
        ("صادرت مصالح الدرك الوطني بولاية تيزي وزو كمية من المخدرات", {"DZ"}),
        ("حاملة طائرات في المحيط الهندي", set()),
        ("نشرته صحيفة نيويورك تايمز", set()),
        ("سدد الكرة بقدمه اليمنى", set()),
        ("صينية البطاطس", set()),
        ("علاج جفاف العين", set()),
        ("بعد أذان المغرب", set()),
    ],
)
def test_shipped_names(text, expected):
    rows = features_of([("", text)], load_gazetteer())
    assert {country for (_, country), row in rows.items() if row["surest name"] >= 0.5} == expected
