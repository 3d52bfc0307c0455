import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.article import Article
from classifier.errors import InvalidTextError
from classifier.passages import FAR, GAP_FEATURES, WEIGHTS, Passage, gap_features, paragraphs, passages, stories

# Two invented stories whose paragraphs go on with what was said.
WAR = """بدأت القوات العراقية، أمس، إقامة سواتر ترابية على الحدود مع سوريا قرب مدينة القائم، آخر معاقل تنظيم داعش في \
محافظة الأنبار، بعدما تقدمت القوات العراقية نحو مدينة القائم من ثلاثة محاور.
وقال مصدر أمني في محافظة الأنبار إن عناصر تنظيم داعش هربوا من مدينة القائم نحو الحدود مع سوريا، وإن القوات العراقية \
تستعد لاقتحام مدينة القائم من ثلاثة محاور خلال يومين.
وأضاف المصدر أن القوات العراقية أقامت سواتر ترابية جديدة على الحدود مع سوريا لمنع عناصر تنظيم داعش من الهرب من مدينة \
القائم في محافظة الأنبار."""
FOOTBALL = """فاز فريق الأهلي على ضيفه الزمالك بهدفين في المباراة التي جمعتهما، مساء الجمعة، على ملعب القاهرة في الجولة \
الخامسة من بطولة الدوري المصري لكرة القدم.
وسجل مهاجم فريق الأهلي هدفي المباراة في الشوط الثاني، فيما أهدر مهاجم فريق الزمالك ركلة جزاء في الشوط الأول من المباراة \
التي جمعتهما في بطولة الدوري المصري.
وقال مدرب فريق الأهلي بعد المباراة إن مهاجم الفريق يستحق جائزة أفضل لاعب في الجولة الخامسة من بطولة الدوري المصري لكرة \
القدم."""
OIL = """ارتفعت أسعار النفط، الاثنين، مع هبوط مخزونات الخام في الولايات المتحدة وتراجع الدولار، وصعد سعر برميل خام برنت إلى \
سبعين دولارا للبرميل في التعاملات الآجلة.
وتوقع محللون أن تواصل أسعار النفط الصعود إذا خفضت منظمة أوبك إنتاج الخام، وأن يبلغ سعر برميل خام برنت ثمانين دولارا للبرميل.
وهبطت مخزونات الخام في الولايات المتحدة للأسبوع الثالث، بحسب بيانات إدارة معلومات الطاقة، مما دعم أسعار النفط وسعر \
برميل خام برنت."""
TITLES = ("القوات العراقية تقترب من القائم", "الأهلي يهزم الزمالك في القاهرة")
PAGE = f"{TITLES[0]}\nت + ت - الحجم الطبيعي\n{WAR}\n3\n{TITLES[1]}\n{FOOTBALL}\nEmail\n"


@pytest.fixture(scope="module", params=["char", "news"])
def predictor(request):
    return request.getfixturevalue(f"{request.param}_predictor")


def test_stories_of_a_page_are_labelled_apart(predictor):
    first, second = predictor.passages(PAGE)
    assert PAGE[first.start : first.end] == PAGE[: PAGE.index("\n3\n")]
    assert PAGE[second.start : second.end] == f"{TITLES[1]}\n{FOOTBALL}"
    alone = predictor.predict([Article(WAR, TITLES[0]), Article(FOOTBALL, TITLES[1])])
    assert [first.prediction, second.prediction] == alone


def test_stories_without_headlines(predictor):
    page = f"{WAR}\n{FOOTBALL}\n{OIL}"
    starts = [page.index(story) for story in (WAR, FOOTBALL, OIL)]
    found = predictor.passages(Article(page))
    assert [p.start for p in found] == starts
    assert [p.end for p in found] == [*(start - 1 for start in starts[1:]), len(page)]


@pytest.mark.parametrize("text", [WAR, FOOTBALL, WAR.replace("\n", "\n\n"), f"{WAR}\nرفع العلم\n{WAR}"])
def test_one_story_is_labelled_as_predict_does(predictor, text):
    page = f"{TITLES[0]}\n{text}"
    assert predictor.passages(page) == [Passage(0, len(page), predictor.predict([page])[0])]


def test_most_articles_are_one_story(predictor, corpus):
    counts = [len(predictor.passages(article)) for article in corpus.articles]
    assert np.mean(np.array(counts) == 1) > 0.95


@given(st.data())
def test_passages_are_in_the_order_of_the_page(predictor, raw_texts, data):
    lines = st.one_of(raw_texts, st.sampled_from([*WAR.splitlines(), *FOOTBALL.splitlines(), *TITLES]))
    page = "\n".join(data.draw(st.lists(lines, max_size=12)))
    end = 0
    for passage in predictor.passages(page):
        assert end <= passage.start <= passage.end <= len(page)
        assert page[passage.start : passage.end] == page[passage.start : passage.end].strip()
        end = passage.end


@pytest.mark.parametrize("text", ["", " \n", "؟", "كلمة"])
def test_almost_no_text_is_one_passage(predictor, text):
    (passage,) = predictor.passages(text)
    assert text[passage.start : passage.end] == text.strip()
    assert passage.prediction == predictor.predict([text])[0]


def test_identity_and_home_are_those_of_the_article(news_predictor):
    found = passages(news_predictor.scorer, Article(f"{WAR}\n{FOOTBALL}", id="a7", home="IQ"))
    assert [p.prediction.id for p in found] == ["a7", "a7"]


def test_what_is_no_page_is_refused(news_predictor):
    with pytest.raises(InvalidTextError, match="must be str or Article, got 3"):
        news_predictor.passages(3)


LONG = "فقرة طويلة تنتهي بنقطة."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (LONG, [LONG]),
        (f"عنوان\n{LONG}\n{LONG}", [f"عنوان\n{LONG}", LONG]),
        (f"{LONG}\n\nعنوان\n\nعنوان آخر\n{LONG}\n", [LONG, f"عنوان\n\nعنوان آخر\n{LONG}"]),
        (f"{LONG}\n{LONG}\nكاتب المقال\n", [LONG, f"{LONG}\nكاتب المقال"]),
        ("عنوان\nعنوان آخر", ["عنوان\nعنوان آخر"]),
        (f"  {LONG}\r\n  كلمة " + "كلمة " * 15, [LONG, "كلمة " + "كلمة " * 14 + "كلمة"]),
        (f"قال «نعم.»\n{LONG}", ["قال «نعم.»", LONG]),
    ],
    ids=["none", "one", "headline", "two headings", "end", "headings only", "white space", "quote"],
)
def test_paragraphs_have_their_headings(text, expected):
    assert [text[u.start : u.end] for u in paragraphs(text)] == expected


def test_gaps_by_hand(char_predictor):
    blocks = char_predictor.scorer.blocks
    text = "كتاب قلم.\nكتاب قلم.\nكما قال أمس.\nوقال غيره."
    features = gap_features(text, paragraphs(text), blocks)
    assert features.shape == (3, len(GAP_FEATURES)) == (3, len(WEIGHTS))
    columns = dict(zip(GAP_FEATURES, features.T, strict=True))
    assert columns["and"].tolist() == [0, 0, 1]
    assert columns["connective"].tolist() == [0, 1, 0]
    assert columns["day"].tolist() == [0, 1, 0]
    assert np.exp(columns["before"]).tolist() == pytest.approx([3, 5, 8])
    assert np.exp(columns["rest"]).tolist() == pytest.approx([8, 6, 3])
    near = columns["near"]
    assert near.tolist() == columns["far"].tolist()
    assert columns["dip"].tolist() == pytest.approx(
        [near[1] - near[0], (near[0] + near[2]) / 2 - near[1], near[1] - near[2]]
    )


def test_what_is_compared_ends_with_its_window(char_predictor):
    blocks = char_predictor.scorer.blocks
    text = f"{WAR}\n{'كتاب ' * FAR}.\n{'كتاب قلم ' * FAR}.\n{FOOTBALL}"
    inner = "\n".join(text.splitlines()[3:5])
    expected = gap_features(inner, paragraphs(inner), blocks)[0, :2]
    assert gap_features(text, paragraphs(text), blocks)[3, :2].tolist() == expected.tolist()
    assert 0.1 < expected.min() < 0.999


def test_stories_are_not_shorter_than_a_few_sentences(char_predictor):
    blocks = char_predictor.scorer.blocks
    short = "فاز فريق الأهلي على ضيفه الزمالك، مساء الجمعة، بهدفين."
    assert len(stories(f"{WAR}\n{short}", blocks)) == 1
    assert len(stories(f"{WAR}\n{FOOTBALL}", blocks)) == 2
