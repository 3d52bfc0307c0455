import io
import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from classifier.article import Article
from classifier.blocks import Block
from classifier.calibration import Calibration
from classifier.cli import main
from classifier.config import BlockConfig, Config
from classifier.errors import ClassifierError, InvalidTextError, UnknownLabelError
from classifier.explain import Explanation, PlaceMention, Span, explain, grouped, pieces, render_html, render_text
from classifier.gazetteer import KINDS, Gazetteer, Name
from classifier.ngrams import MAX_NGRAM
from classifier.normalize import normalize_text
from classifier.predictor import Predictor
from classifier.scorer import NONE, PlaceHead, Scorer, Task
from classifier.symbols import SYMBOL_BITS, symbol_table, written_table
from classifier.training import train

PAGE = """العِـــراق يقيم سواتر ترابية مع سوريا
ت + ت - الحجم الطبيعي
بدأت القوّات العراقية المشتركة، أمس، إقامة سواتر ترابية على طول الحدود مع سوريا لاقتحام مدينة القائم.
ﷺ وقال الرئيس إن ﺍﻟﺠﻴﺶ العراقي تقدم عشرة كيلومترات نحو بغداد وللعراق حدود طويلة.
Email
"""
HOSTILE = "</style></title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;{{ 7 * 7 }}[/red][bold]"


@pytest.fixture(scope="module")
def mixed_predictor(corpus):
    """Preset news with what it reads as characters as they are written."""
    config = Config.from_preset("news")
    blocks = [replace(block, as_written=block.analyzer == "char_wb") for block in config.blocks]
    return Predictor(train(corpus.articles, corpus.labels, replace(config, blocks=tuple(blocks))))


@pytest.fixture(scope="module", params=["char", "news", "mixed"])
def predictor(request):
    return request.getfixturevalue(f"{request.param}_predictor")


def total(explanation):
    return explanation.intercept + sum(span.contribution for span in explanation.spans)


def views(explanation):
    return [explanation, *explanation.alternatives]


def check_spans(explanation):
    ends = 0
    for span in explanation.spans:
        assert ends <= span.start < span.end <= len(explanation.text)
        assert span.contribution != 0
        ends = span.end


@given(st.data())
def test_spans_and_intercept_sum_to_the_score(predictor, raw_texts, corpus, data):
    pieces_of_text = st.one_of(raw_texts, st.sampled_from([PAGE, *(a.text[:400] for a in corpus.articles)]))
    texts = st.lists(pieces_of_text, max_size=3).map("\n".join)
    article = data.draw(st.one_of(texts, st.builds(Article, texts), st.builds(Article, texts, raw_texts)))
    for task in predictor.tasks:
        explanation = predictor.explain(article, task)
        given_article = Article.from_page(article) if isinstance(article, str) else article
        scores = predictor.scorer.decision_function([given_article], task)[0]
        for view in views(explanation):
            assert view.score == scores[predictor.labels(task).index(view.label)]
            assert total(view) == pytest.approx(view.score, rel=1e-4, abs=1e-4)
            check_spans(view)


def test_every_label_can_be_explained(predictor, corpus):
    article = corpus.articles[3]
    for task in predictor.tasks:
        scores = predictor.scorer.decision_function([article], task)[0]
        for label, score in zip(predictor.labels(task), scores, strict=True):
            explanation = predictor.explain(article, task, label)
            assert explanation.label == label
            assert total(explanation) == pytest.approx(score, rel=1e-4, abs=1e-4)


def test_probabilities_and_statements_are_those_of_predict(predictor, corpus):
    for article in corpus.articles[:20]:
        prediction = predictor.predict([article])[0]
        for task in [*predictor.tasks, *predictor.derived_tasks]:
            explained = {view.label: view for view in views(predictor.explain(article, task))}
            for label in prediction[task]:
                assert explained[label.code].is_stated
                assert explained[label.code].probability == pytest.approx(label.probability)
            assert sum(view.is_stated for view in explained.values()) == len(prediction[task])


@pytest.mark.parametrize("task", ["topic", "country"])
def test_spans_are_words_of_the_page_as_it_was_given(predictor, task):
    explanation = predictor.explain(PAGE, task)
    assert explanation.text == PAGE
    words = normalize_text(PAGE).split()
    for span in explanation.spans:
        text = PAGE[span.start : span.end]
        assert set(normalize_text(text).split()) <= set(words)
        assert text == text.strip(" \n.،؟«»")
    assert [PAGE[start:end] for start, end in explanation.dropped] == ["ت + ت - الحجم الطبيعي", "Email"]
    furniture = {i for start, end in explanation.dropped for i in range(start, end)}
    assert not any(furniture & set(range(span.start, span.end)) for span in explanation.spans)


def test_words_written_together_are_one_span_marks_written_alone_another():
    text = "«ك\u064eتب»، — قال العراق/سوريا \N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM} كتب"  # with a FATHA
    explanation = explain(tiny_scorer("«ك\u064eت", " — ", "ق/س", " كتب", as_written=True), Article(text), "topic")
    found = [(text[s.start : s.end], s.contribution) for s in explanation.spans]
    # Four n-grams, once each: a row of length 2, a unit of the first head is worth 2 * 1 * 0.5.
    assert found == [("ك\u064eتب", 0.5), ("—", 0.5), ("العراق/سوريا", 0.5), ("كتب", 0.5)]
    assert total(explanation) == pytest.approx(explanation.score)


def test_words_of_one_character_are_one_span():
    ligature = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}"
    explanation = explain(tiny_scorer(" الل", " صلي", " وسلم"), Article(f"قال {ligature} ثم قال"), "topic")
    assert [(span.start, span.end) for span in explanation.spans] == [(4, 5)]
    assert total(explanation) == pytest.approx(explanation.score)


def pack(gram, table):
    codes = (table.alphabet.index(letter) + 1 for letter in gram)
    return sum(code << SYMBOL_BITS * (MAX_NGRAM - 1 - i) for i, code in enumerate(codes))


def tiny_scorer(*grams, coef=(2.0, -1.0), place=None, gazetteer=None, heads=("a", "b"), labels=None, as_written=False):
    """Score the n-grams of one block by hand-made weights, the same for each n-gram: idf 1, counts as they are."""
    table = written_table() if as_written else symbol_table()
    keys = np.array(sorted(pack(gram, table) for gram in grams), dtype=np.int64)
    low = min(map(len, grams), default=4)
    config = BlockConfig("page", ngram_range=(low, 5), sublinear_tf=False, weight=0.5, as_written=as_written)
    weights = np.tile(np.array(coef, dtype=np.float32), (len(keys), 1))
    labels = labels or heads
    calibration = Calibration(1.0, 0.0, (1.0, 0.0, 0.0), np.full(len(labels), 0.5, dtype=np.float32), True, 4)
    name = "country" if place else "topic"
    return Scorer(
        Config(blocks=(config,)),
        (Block(config, keys, np.ones(len(keys), dtype=np.float32)),),
        (weights,),
        (np.array([1.0, 10.0], dtype=np.float32),),
        np.array([0.25, -0.5], dtype=np.float32),
        {name: Task(name, tuple(labels), tuple(heads), slice(0, len(heads)), calibration, place)},
        gazetteer,
    )


def test_parts_worked_out_by_hand():
    # Four times " كتا", twice "تاب ": the row (4, 2) has the length sqrt(20). A unit of the first head is worth
    # 2 * 1 * 0.5, of the second -1 * 10 * 0.5.
    article = Article("كتاب كتاب، كتابة كتابة غير")
    explanation = explain(tiny_scorer(" كتا", "تاب "), article, "topic")
    assert (explanation.label, explanation.intercept) == ("a", 0.25)
    assert [(s.start, s.end, s.label, s.reason) for s in explanation.spans] == [
        (0, 9, "a", "words"),
        (11, 22, "a", "words"),
    ]
    parts = [span.contribution for span in explanation.spans]
    assert parts == pytest.approx([4 / 20**0.5, 2 / 20**0.5])
    other = explanation.alternatives[0]
    assert (other.label, other.intercept) == ("b", -0.5)
    assert [span.contribution for span in other.spans] == pytest.approx([-5 * part for part in parts])
    assert other.against == other.spans
    assert other.evidence == ()


@pytest.mark.parametrize("gap", ["\n", " \u2028", "، ", "\n\n"], ids=["line", "separator", "comma", "paragraph"])
def test_phrases_end_where_the_writer_ended_them(gap):
    explanation = explain(tiny_scorer(" كتا"), Article(f"كتاب{gap}كتاب كتاب"), "topic")
    assert [explanation.text[s.start : s.end] for s in explanation.spans] == ["كتاب", "كتاب كتاب"]


def test_phrases_hold_neighbours_of_one_sign_only():
    scorer = tiny_scorer(" كتا", " قلم ")
    scorer.coefs[0][0] = -scorer.coefs[0][0]
    explanation = explain(scorer, Article("كتاب قلم قلم كتاب كتاب"), "topic")
    assert [explanation.text[s.start : s.end] for s in explanation.spans] == ["كتاب", "قلم قلم", "كتاب كتاب"]
    assert len({s.contribution > 0 for s in explanation.spans}) == 2


COUNTRIES = ("EG", "IQ", "SY")
PLACES = Gazetteer.from_table(
    [
        Name("العراق", "state", {"IQ": 1.0}),
        Name("سوريا", "state", {"SY": 1.0}),
        Name("مدينة القائم", "city", {"IQ": 0.5, "SY": 0.25}),
        Name("مصر", "state", {"EG": 1.0}),
    ]
)
HEAD = {"unmentioned": -3.0, "ngram": 0.5, "headless": -1.5, "none": -0.25, "intercept": -0.125}


@pytest.fixture
def place_scorer():
    from classifier.places import PLACE_FEATURES

    weights = np.linspace(0.5, 1.5, len(PLACE_FEATURES), dtype=np.float32)
    head = PlaceHead(weights, **HEAD)
    return tiny_scorer(" كتا", place=head, gazetteer=PLACES, heads=("IQ", NONE), labels=COUNTRIES)


ARTICLE = Article("كتاب من العراق ومن مدينة القائم. وللعراق كتاب عن سوريا", "العراق")


def test_place_mentions_share_what_being_named_adds(place_scorer):
    explanation = explain(place_scorer, ARTICLE, "country", "IQ")
    parts = {explanation.text[p.start : p.end]: p.contribution for p in explanation.places if p.contribution}
    assert list(parts) == ["العراق", "مدينة القائم", "وللعراق"]
    first, second, city, clitic = (p.contribution for p in explanation.places if p.contribution)
    # By the weight of the name, and 4 to 2 in the headline and the lead.
    assert [first / second, city / second, clitic / second] == pytest.approx([2, 0.5, 1])
    constant = HEAD["intercept"] + HEAD["unmentioned"] + HEAD["ngram"] * 0.25 + HEAD["none"] * -0.5
    assert explanation.intercept == pytest.approx(constant)
    assert total(explanation) == pytest.approx(explanation.score, rel=1e-5)
    words = sum(span.contribution for span in explanation.spans if span.reason == "words")
    head = explain(place_scorer, ARTICLE, "country", "EG")
    # All n-grams are equal: 2 * 0.5 units of IQ's own head, -1 * 10 * 0.5 of the head of none.
    assert words == pytest.approx(HEAD["ngram"] * 1 + HEAD["none"] * -5)
    assert sum(span.contribution for span in head.spans) == pytest.approx(HEAD["none"] * -5)


def test_letters_that_normalization_drops_or_folds_stay_in_the_mention(place_scorer):
    names = ["العِـــراق", "ﺍﻟﻌﺮﺍﻕ", "وللعــراقَ", "العراق\N{ZERO WIDTH NON-JOINER}"]
    explanation = explain(place_scorer, Article.from_page("ت + ت\n" + "، ".join(names) + "\nEmail\nكتاب"), "country")
    assert [explanation.text[p.start : p.end] for p in explanation.places] == names
    assert [explanation.text[s.start : s.end] for s in explanation.spans if s.reason == "place"] == names


def test_a_country_that_is_not_named_has_no_place_part(place_scorer):
    explanation = explain(place_scorer, ARTICLE, "country", "EG")
    assert [p.contribution for p in explanation.places] == [0] * len(explanation.places)
    assert {span.reason for span in explanation.spans} == {"words"}
    constant = HEAD["intercept"] + HEAD["unmentioned"] + HEAD["headless"] + HEAD["none"] * -0.5
    assert explanation.intercept == pytest.approx(constant)
    assert total(explanation) == pytest.approx(explanation.score, rel=1e-5)


def test_countries_that_are_neither_named_nor_stated_are_no_alternatives(place_scorer):
    named = explain(place_scorer, ARTICLE, "country", "IQ")
    assert [view.label for view in named.alternatives] == ["SY"]
    # The tiny model states its best label whatever its score.
    assert [label.code for label in place_scorer.predict([Article("كتاب")])[0]["country"]] == ["IQ"]
    unnamed = explain(place_scorer, Article("كتاب"), "country", "SY")
    assert [view.label for view in unnamed.alternatives] == ["IQ"]


def test_mentions_say_what_they_name_and_why(place_scorer):
    places = explain(place_scorer, ARTICLE, "country").places
    assert [(p.name, p.kind, p.countries) for p in places] == [
        ("العراق", "state", (("IQ", 1.0),)),
        ("العراق", "state", (("IQ", 1.0),)),
        ("مدينه القايم", "city", (("IQ", 0.5), ("SY", 0.25))),
        ("العراق", "state", (("IQ", 1.0),)),
        ("سوريا", "state", (("SY", 1.0),)),
    ]
    text = f"{ARTICLE.title}\n{ARTICLE.text}"
    assert [text[p.start : p.end] for p in places] == ["العراق", "العراق", "مدينة القائم", "وللعراق", "سوريا"]


def test_a_region_is_explained_by_its_best_country(news_predictor):
    country = news_predictor.explain(PAGE, "country", "IQ")
    region = news_predictor.explain(PAGE, "region", "iraq")
    assert (region.task, region.label, region.score) == ("region", "iraq", country.score)
    assert [(s.start, s.end, s.contribution) for s in region.spans] == [
        (s.start, s.end, s.contribution) for s in country.spans
    ]
    assert {s.label for s in region.spans} == {"iraq"}
    assert not {"IQ", "iraq"} & {view.label for view in region.alternatives}


def test_an_article_that_changed_since_it_was_taken_from_its_page_is_read_as_it_is():
    page = Article.from_page(PAGE)
    changed = Article("كتاب", "", None, None, page.source, page.title_spans, page.text_spans)
    explanation = explain(tiny_scorer(" كتا"), changed, "topic")
    assert (explanation.text, [(s.start, s.end) for s in explanation.spans]) == ("كتاب", [(0, 4)])


@pytest.mark.parametrize("article", [Article(""), Article("?!"), Article("", "…"), Article(" \n")])
def test_an_article_without_words_has_no_spans(news_predictor, article):
    explanation = news_predictor.explain(article, "topic")
    assert (explanation.spans, explanation.intercept) == ((), pytest.approx(explanation.score))
    assert not explanation.is_stated


def test_wrong_arguments(news_predictor):
    with pytest.raises(UnknownLabelError, match="task must be one of topic, country, region, got 'tpic'"):
        news_predictor.explain(PAGE, "tpic")
    with pytest.raises(UnknownLabelError, match=r"label must be one of crime, .*, got 'sport'; did you mean 'sports'"):
        news_predictor.explain(PAGE, "topic", "sport")
    with pytest.raises(UnknownLabelError, match=r"label must be one of the task's \d+ labels, got 'XX'"):
        news_predictor.explain(PAGE, "country", "XX")
    with pytest.raises(InvalidTextError, match="must be str or Article, got None"):
        news_predictor.explain(None, "topic")


def test_pieces_are_the_whole_text(predictor):
    for task in predictor.tasks:
        explanation = predictor.explain(PAGE, task)
        cut = pieces(explanation)
        assert "".join(piece.text for piece in cut) == PAGE
        marked = [piece for piece in cut if piece.span]
        assert max(piece.strength for piece in marked) == 1
        assert all(PAGE[p.span.start : p.span.end] == p.text for p in marked)
        assert all((p.kind == "for") == (p.span.contribution > 0) for p in marked)


def test_groups_sum_up_what_says_the_same():
    spans = (Span(0, 4, "a", 0.5, "words"), Span(5, 10, "a", 0.25, "words"), Span(11, 14, "a", 1.0, "words"))
    explanation = Explanation("كتاب كـتاب قلم", "topic", "a", 1, 0.5, True, 0, spans)
    assert [(g.text, g.contribution, g.times) for g in grouped(explanation, spans)] == [
        ("قلم", 1.0, 1),
        ("كتاب", 0.75, 2),
    ]


def test_to_dict_is_plain(predictor):
    record = predictor.explain(PAGE, "country").to_dict()
    assert json.loads(json.dumps(record)) == json.loads(json.dumps(record, default=str))
    assert record["text"] == PAGE
    assert "text" not in record["alternatives"][0]
    assert record["spans"][0].keys() == {"start", "end", "label", "contribution", "reason"}


def hostile_explanation():
    text = f"كتاب {HOSTILE} \x1b[31m\u202e \ud800"
    spans = (Span(0, 4, HOSTILE, 0.5, "place"), Span(5, 5 + len(HOSTILE), HOSTILE, -0.25, "words"))
    places = (PlaceMention(0, 4, HOSTILE, HOSTILE, ((HOSTILE, 1.0),), 0.5),)
    view = Explanation(text, HOSTILE, HOSTILE, 0.25, 0.5, True, 0, spans, places)
    return Explanation(text, HOSTILE, HOSTILE, 0.25, 0.5, True, 0, spans, places, ((5, 9),)[:0], (view,))


class Page(HTMLParser):
    """Tags, attributes and marked texts of a page; checks that tags are closed in order."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.marks, self.words, self.open = [], [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in {"meta", "input"}:
            self.open.append(tag)
        if tag == "mark":
            self.marks.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)
        if "mark" in self.open:
            self.marks[-1] += data


def test_html_escapes_whatever_is_in_articles_and_labels():
    page = Page(hostile_explanation().to_html())
    assert not {"script", "img"} & set(page.tags)
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert HOSTILE in page.marks
    assert HOSTILE in page.words
    assert str(hostile_explanation().to_markup()).count("&lt;script&gt;") == 2  # the text and a country


def test_html_needs_nothing_else(predictor):
    html = predictor.explain(PAGE, "country").to_html()
    page = Page(html)
    assert not {"link", "script", "img", "iframe", "object"} & set(page.tags)
    assert not {"src", "href"} & {name for name, _ in page.attributes}
    assert not re.search(r"url\(|@import|https?:", html)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_html_is_right_to_left_and_marks_each_view(predictor):
    explanations = [predictor.explain(PAGE, task) for task in predictor.tasks]
    html = render_html(explanations)
    assert html.startswith('<!DOCTYPE html>\n<html lang="ar" dir="rtl">')
    n_views = sum(len(views(explanation)) for explanation in explanations)
    assert html.count('<input type="radio"') == html.count('<section class="view"') == n_views
    assert html.count(" checked>") == 1
    assert len(re.findall(r'<label for="pick-\d+"', html)) == n_views
    texts = re.findall(r'<div class="text">(.*?)</div>', html, re.DOTALL)
    for text, view in zip(texts, (v for e in explanations for v in views(e)), strict=True):
        assert Page(text).marks == [piece.text for piece in pieces(view) if piece.span]


def test_html_without_jinja(monkeypatch, predictor):
    explanation = predictor.explain(PAGE, "topic")
    monkeypatch.setitem(sys.modules, "jinja2", None)
    for render in (explanation.to_html, explanation.to_markup):
        with pytest.raises(ClassifierError, match=r"pip install 'arabic-news-classifier\[html\]'"):
            render()


def test_html_names_each_kind_of_place_in_arabic():
    places = tuple(PlaceMention(0, 4, kind, kind, (("IQ", 1.0),), 0.1) for kind in KINDS)
    html = Explanation("كتاب", "country", "IQ", 1, 0.5, True, 0, (), places).to_html()
    assert not [kind for kind in KINDS if f"<td>{kind}</td>" in html]


def luminance(color):
    channels = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in color]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), channels, strict=True))


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def themes(html):
    """Colours of the light theme, and of the dark one."""
    for block in re.findall(r":root \{(.*?)\}", html, re.DOTALL):
        found = dict(re.findall(r"--([\w-]+): ([^;]+);", block))
        yield {
            name: [int(value[i : i + 2], 16) for i in (1, 3, 5)]
            if value.startswith("#")
            else [int(c) for c in value.split()]
            for name, value in found.items()
        }


def test_contrast_is_enough_for_everyone():
    html = hostile_explanation().to_html()
    both = list(themes(html))
    assert len(both) == 2
    strongest = sum(map(float, re.search(r"calc\(([\d.]+) \+ ([\d.]+) \* var\(--strength\)\)", html).groups()))
    for theme in both:
        for ground in ("page", "panel"):
            assert contrast(theme["text"], theme[ground]) >= 7
            assert contrast(theme["muted"], theme[ground]) >= 4.5
            for kind in ("for", "against"):
                pairs = zip(theme[kind], theme[ground], strict=True)
                mark = [over * strongest + under * (1 - strongest) for over, under in pairs]
                assert contrast(theme["text"], mark) >= 4.5
                assert contrast(theme[f"{kind}-line"], theme[ground]) >= 3


def test_terminal_view_shows_signs_without_colour(predictor):
    explanation = predictor.explain(PAGE, "topic")
    text = explanation.to_text(width=100)
    assert "\x1b" not in text
    assert f"topic: {explanation.label}" in text
    assert text.count("⁺") == sum(piece.kind == "for" for piece in pieces(explanation))
    assert text.count("⁻") == sum(piece.kind == "against" for piece in pieces(explanation))
    assert "\x1b[" in explanation.to_text(color=True)


def test_terminal_view_obeys_no_codes_of_the_article():
    stream = io.StringIO()
    render_text(hostile_explanation(), Console(file=stream, width=200))
    assert not {"\x1b", "\u202e", "\ud800"} & set(stream.getvalue())
    assert "[/red][bold]" in stream.getvalue()


@pytest.fixture
def page_file(tmp_path):
    path = tmp_path / "page.txt"
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_command_shows_all_tasks(page_file, news_folder, capsys):
    assert main(["explain", str(page_file), "--model", str(news_folder)]) == 0
    out = capsys.readouterr().out
    assert "topic: " in out
    assert "country: IQ" in out


def test_command_writes_a_page(page_file, news_folder, news_predictor, tmp_path, capsys):
    path = tmp_path / "out.html"
    assert main(["explain", str(page_file), "--model", str(news_folder), "--task", "country", "--html", str(path)]) == 0
    assert path.read_text(encoding="utf-8") == news_predictor.explain(PAGE, "country").to_html()
    assert capsys.readouterr().out == ""


def test_command_reads_stdin_and_old_encodings(news_folder, monkeypatch, capsys):
    page = io.TextIOWrapper(io.BytesIO("بغداد عاصمة العراق".encode("cp1256")))
    monkeypatch.setattr(sys, "stdin", page)
    args = ["explain", "-", "--model", str(news_folder), "--task", "country", "--label", "EG", "--encoding", "cp1256"]
    assert main(args) == 0
    assert "country: EG" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--encoding", "ascii"], 1, r"page.txt: not ascii: .* at byte 0; see --encoding"),
        (["--encoding", "no-such"], 1, "there is no encoding 'no-such'"),
        (["--label", "IQ"], 2, "--label needs --task"),
        (["--task", "country", "--label", "XX"], 1, "label must be one of the task's"),
        (["--html", "{folder}/no/out.html"], 1, "no/out.html: No such file or directory"),
    ],
)
def test_command_errors(page_file, news_folder, capsys, args, code, message):
    args = [arg.format(folder=page_file.parent) for arg in args]
    assert main(["explain", str(page_file), "--model", str(news_folder), *args]) == code
    assert re.search(message, capsys.readouterr().err)
