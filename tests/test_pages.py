import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from classifier import pages
from classifier.errors import DataError, InvalidTextError
from classifier.normalize import normalize_text
from classifier.pages import Dropped, clean_page, page_ranges

TITLE = "العراق يقيم سواتر ترابية مع سوريا"
FIRST = (
    "بدأت القوات العراقية المشتركة، أمس، إقامة سواتر ترابية على طول الحدود مع سوريا في المناطق الخاضعة لسيطرة بغداد."
)
SECOND = "وأفادت مصادر أمنية عراقية أن هذه القوات أصبحت على مسافة عشرة كيلومترات من مدينة القائم عند الحدود السورية."
OTHER = "مجلس الأمن يبحث الوضع الإنساني في حلب"
SAMPLE = Path(__file__).parents[2] / "shared" / "samples" / "scraped-page-qaim.txt"


def reasons(*lines):
    """Return the reasons of the lines, None for those that are kept."""
    page = "\n".join(lines)
    given_reason = {dropped.start: dropped.reason for dropped in clean_page(page).dropped}
    starts = [sum(len(line) + 1 for line in lines[:i]) for i in range(len(lines))]
    return [given_reason.get(start) for start in starts]


def between(*lines):
    """Return the reasons of lines between two paragraphs."""
    return reasons(TITLE, FIRST, *lines, SECOND)[2:-1]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param("فيسبوك تويتر واتساب", "share", id="networks"),
        pytest.param("Email", "share", id="email"),
        pytest.param("شـارِك هذا المقال", "share", id="tashkeel-tatweel"),
        pytest.param("ت + ت - الحجم الطبيعي", "text size", id="text-size"),
        pytest.param("3", "counter", id="number"),
        pytest.param("٣٤٥ مشاهدة", "counter", id="arabic-digits"),
        pytest.param("(1,234)", "counter", id="thousands"),
        pytest.param("1.2K", "counter", id="thousand-letter"),
        pytest.param("التعليقات (0)", "comments", id="comments"),
        pytest.param("مدة القراءة: 3 دقائق", "reading time", id="reading-time"),
        pytest.param("الرئيسية » أخبار دولية", "navigation", id="home"),
        pytest.param("الأخبار > العالم > العراق", "navigation", id="trail"),
        pytest.param("متصفحك لا يدعم تشغيل هذا الفيديو", "video", id="video"),
        pytest.param(f"اقرأ أيضا: {OTHER}", "related", id="related-colon"),
        pytest.param(f"• إقرأ أيضاً » {OTHER}", "related", id="related-bullet"),
        pytest.param("كلمات دالة: العراق، القائم", "tags", id="tags"),
        pytest.param("#العراق #داعش", "tags", id="hashtags"),
        pytest.param("بقلم: أحمد الخطيب", "author", id="by"),
        pytest.param("By Ahmed Hassan", "author", id="by-latin"),
        pytest.param("أحمد الخطيب ahmed@site.example", "author", id="address"),
        pytest.param("المصدر: الجزيرة + وكالات", "source", id="source"),
        pytest.param("فرانس24/ أ ف ب/ رويترز", "source", id="agencies"),
        pytest.param("■ قافلة تابعة للتنظيم تم تدميرها | أ ب", "caption", id="caption-bar"),
        pytest.param("جنود قرب الحدود © AFP/Getty Images", "caption", id="caption-two-agencies"),
        pytest.param("صورة أرشيفية", "caption", id="caption-alone"),
        pytest.param("اشترك في النشرة البريدية ليصلك كل جديد", "newsletter", id="newsletter"),
        pytest.param("** جميع المقالات المنشورة تمثل رأي كتابها فقط.", "rights", id="disclaimer"),
        pytest.param("© صحيفة البيان 2017 جميع الحقوق محفوظة", "rights", id="rights"),
        pytest.param("@alkhatib_news", "author", id="handle"),
        pytest.param("نشر في: الأحد 5 نوفمبر 2017", "date", id="published"),
        pytest.param("عدد المشاهدات: 1200", "counter", id="views"),
        pytest.param("تابعنا على فيسبوك", "share", id="follow"),
        pytest.param("https://site.example/news/1", "link", id="link"),
        pytest.param(TITLE, "repeated headline", id="headline"),
    ],
)
def test_furniture_is_dropped(line, reason):
    assert between(line) == [reason]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("رفع العلم", id="heading"),
        pytest.param("2017", id="year"),
        pytest.param("71.960.448", id="large-number"),
        pytest.param("15 أكتوبر", id="day-in-chronicle"),
        pytest.param("الأحد 5 نوفمبر 2017", id="date-in-body"),
        pytest.param("كتب ترامب في تغريدة أن الاتفاق سيئ", id="wrote"),
        pytest.param("تحرير ميناء الحديدة", id="liberation"),
        pytest.param('"تحرير"', id="liberation-alone"),
        pytest.param("اشترك في الهجوم ثلاثة مسلحين", id="took-part"),
        pytest.param("شاهد المتظاهرون الدبابات في الشارع", id="saw"),
        pytest.param("وأعلنت شركتا فيسبوك وتويتر", id="networks-in-text"),
        pytest.param("اقرأ: ثم جاء الجواب كاملا من الوزير.", id="sentence-after-label"),
        pytest.param("وكتب حساب @PuccaNoodles على موقع تويتر: أرقد في سلام يا صديقي", id="handle-in-text"),
        pytest.param("#ارحل_يا_فلان", id="one-hashtag"),
        pytest.param("«أجا» و«سلمى» جبلان", id="quotes"),
        pytest.param("حقوق الإنسان في العالم العربي", id="human-rights"),
        pytest.param("قتل ثلاثة جنود في هجوم قرب كابول (رويترز)", id="alert"),
        pytest.param("نادي الوكالات المصرية - القاهرة", id="dateline"),
        pytest.param("-----", id="rule"),
        pytest.param("وكتب @trump في تغريدة أمس", id="short-handle-in-text"),
        pytest.param("@trump يرد على منتقديه", id="handle-first"),
        pytest.param("الدخل > المصروف في ميزانية هذا العام > العجز", id="comparison"),
        pytest.param("نشر في: صحف عربية ودولية", id="label-without-date"),
        pytest.param("تحديث: ارتفاع عدد القتلى إلى 10", id="update"),
        pytest.param("تابعنا على مدى أيام سير المعارك", id="followed"),
        pytest.param("للاشتراك في البطولة تقدم عشرون فريقا", id="to-take-part"),
        pytest.param("حقوق النشر تواجه أزمة", id="copyright-in-text"),
        pytest.param("النشرة الإخبارية للقناة أوقفت بعد ساعات", id="bulletin"),
        pytest.param("بقلم الكاتب الذي عرف المدينة كلها وكتب عنها منذ نصف قرن", id="sentence-by"),
    ],
)
def test_text_is_kept(line):
    assert between(line) == [None]


@pytest.mark.parametrize("line", ["الأحد 5 نوفمبر 2017", "05/11/2017 22:10", "منذ 3 ساعات"])
def test_dates_are_furniture_around_the_text_only(line):
    assert reasons(line, TITLE, FIRST, SECOND, line) == ["date", None, None, None, "date"]
    assert between(line) == [None]


def test_day_without_a_year_may_be_a_title():
    assert reasons("15 أكتوبر", FIRST, SECOND) == [None, None, None]


def test_a_credit_in_brackets_makes_a_caption_before_the_text_only():
    caption = "جنود عراقيون قرب الحدود (رويترز)"
    assert reasons(TITLE, caption, FIRST, caption, SECOND) == [None, "caption", None, None, None]
    assert reasons(TITLE, "الحرب البريطانية-الفرنسية", FIRST) == [None, None, None]


def test_box_ends_at_the_text():
    box = ["اقرأ أيضا:", OTHER, "مقتل أربعة في هجوم شرق بغداد"]
    assert between(*box) == ["related"] * 3
    assert between(*box, "رفع العلم") == ["related"] * 3 + [None]
    unfinished = FIRST.rstrip(".") + " وأعلنت القيادة"
    assert between("اقرأ أيضا:", OTHER, unfinished) == ["related", "related", None]
    assert between("اقرأ أيضا:", *[OTHER] * 7) == ["related"] * 6 + [None] * 2


def test_box_at_the_end_of_the_page_is_longer():
    assert reasons(TITLE, FIRST, "الأكثر قراءة", *[OTHER] * 7) == [None] * 2 + ["related"] * 8


def test_tags_are_a_box_at_the_end_only():
    assert reasons(TITLE, FIRST, "الوسوم", "العراق", "داعش") == [None, None, "tags", "tags", "tags"]
    assert between("الوسوم", "العراق", "داعش") == ["tags", None, None]


def test_page_without_paragraphs_keeps_what_follows_a_box_heading():
    assert reasons(TITLE, "اقرأ أيضا:", OTHER) == [None, "related", None]


@pytest.mark.parametrize("headline", ["شاهد.. أمطار تصيب أنقرة بالشلل", f"{OTHER} | رويترز", f"صورة: {OTHER}"])
def test_headline_is_no_furniture(headline):
    page = clean_page(f"الرئيسية > سياسة\n{headline}\n{FIRST}")
    assert (page.title, page.text) == (headline, FIRST)


def test_headline_after_the_name_of_a_section_is_kept():
    assert reasons("حول العالم", "شاهد.. أمطار تصيب أنقرة بالشلل", FIRST) == [None, None, None]


def test_headline_with_the_name_of_the_site_is_repeated_without():
    assert reasons(f"{TITLE} - صحيفة البيان", TITLE, FIRST) == [None, "repeated headline", None]


@pytest.mark.parametrize("page", [FIRST, TITLE, "Email", "3", f"  {TITLE} "])
def test_one_paragraph_is_text_without_a_title(page):
    cleaned = clean_page(page)
    assert (cleaned.title, cleaned.text, cleaned.dropped) == ("", page.strip(), ())


@pytest.mark.parametrize("first", [FIRST, f"{TITLE}.", f"{TITLE}:", f"قال «{TITLE}.»", "كلمة " * 31])
def test_first_line_that_is_long_or_a_sentence_is_no_title(first):
    page = clean_page(f"{first}\n{SECOND}")
    assert (page.title, page.text) == ("", f"{first.strip()}\n{SECOND}" if first == first.strip() else page.page)


@pytest.mark.parametrize("first", [f"{TITLE}..", f"{TITLE}؟", f"{TITLE}!", f"{TITLE}…"])
def test_headlines_may_ask_and_trail_off(first):
    assert clean_page(f"{first}\n{SECOND}").title == first


def test_title_without_text_is_the_text():
    page = clean_page(f"{TITLE}\nEmail")
    assert (page.title, page.text) == ("", TITLE)
    assert page.dropped == (Dropped(len(TITLE) + 1, len(TITLE) + 6, "share"),)


def test_page_of_furniture_is_kept():
    page = clean_page("Email\n3\nالرئيسية")
    assert page.dropped == ()
    assert (page.title, page.text) == ("Email", "3\nالرئيسية")


def test_paragraphs_stay_apart_and_lines_are_reported():
    page = clean_page(f"\ufeff{TITLE}\r\n\r\n3\r\n{FIRST}\r\n\r\n {SECOND}\r\n")
    assert page.text == f"{FIRST}\r\n\r\n {SECOND}"
    assert [page.page[start:end] for start, end in page.lines] == [f"\ufeff{TITLE}", FIRST, SECOND]


def test_what_is_dropped_leaves_no_words_glued_together():
    assert clean_page(f"{TITLE}\n{FIRST}\n\n{SECOND}\n\n3\n{FIRST}").text == f"{FIRST}\n\n{SECOND}\n{FIRST}"


FURNITURE = ["Email", "3", "اقرأ أيضا:", OTHER, "الوسوم", "الأحد 5 نوفمبر 2017", "-----", "", " ", "\u200f", "| أ ب"]
lines = st.one_of(
    st.sampled_from([*FURNITURE, TITLE, FIRST, SECOND]),
    st.text(st.characters(codec="utf-8") | st.sampled_from("#@:|>-. \t\u200f"), max_size=30),
)
scraped = st.lists(st.tuples(lines, st.sampled_from(["\n", "\r\n", "\n\n", "\x85", "\u2028"]))).map(
    lambda parts: "".join(line + end for line, end in parts)
)


@given(scraped)
@example(f"{TITLE}\n3\n{FIRST}\n3\n{SECOND}\n3")
def test_spans_lead_to_the_page(page):
    cleaned = clean_page(page)
    for text, spans in ((cleaned.title, cleaned.title_spans), (cleaned.text, cleaned.text_spans)):
        assert text == "".join(page[start : start + length] for _, start, length in spans)
        assert [start for start, _, _ in spans] == [sum(length for *_, length in spans[:i]) for i in range(len(spans))]
        assert [in_page for _, in_page, _ in spans] == sorted(in_page for _, in_page, _ in spans)


@given(scraped)
def test_every_character_is_kept_dropped_or_white_space(page):
    cleaned = clean_page(page)
    pieces = [*cleaned.lines, *((dropped.start, dropped.end) for dropped in cleaned.dropped)]
    covered = [i for start, end in pieces for i in range(start, end)]
    in_text = [i for _, at, n in (*cleaned.title_spans, *cleaned.text_spans) for i in range(at, at + n)]
    assert len(covered) == len(set(covered))
    assert all(page[i].isspace() for i in set(range(len(page))) - set(covered))
    gone = {i for dropped in cleaned.dropped for i in range(dropped.start, dropped.end)}
    assert {i for i in in_text if not page[i].isspace()} == {
        i for i in covered if i not in gone and not page[i].isspace()
    }


@given(scraped)
def test_a_page_says_something_if_it_says_anything(page):
    cleaned = clean_page(page)
    assert bool(page.strip()) == bool(cleaned.text)


@given(scraped, st.data())
def test_ranges_spell_the_piece(page, data):
    cleaned = clean_page(page)
    start = data.draw(st.integers(0, len(cleaned.text)))
    stop = data.draw(st.integers(start, len(cleaned.text)))
    ranges = page_ranges(cleaned.text_spans, start, stop)
    assert "".join(page[low:high] for low, high in ranges) == cleaned.text[start:stop]
    assert all(low < high for low, high in ranges)


def test_ranges_of_nothing():
    assert page_ranges((), 0, 3) == []
    assert page_ranges(((0, 10, 5), (5, 20, 5)), 5, 5) == []


@pytest.mark.parametrize("page", [None, b"", 1.5, ["page"]])
def test_other_than_str_is_refused(page):
    with pytest.raises(InvalidTextError, match="page must be str, got"):
        clean_page(page)


@pytest.mark.parametrize(
    ("page", "n_dropped"),
    [
        pytest.param(f"{FIRST}\n" + "3\n" * 10**5, 10**5, id="lines"),
        pytest.param(f"{FIRST}\n" + f"اقرأ أيضا:\n{OTHER} اليوم\n" * 10**5, 2 * 10**5, id="boxes"),
        pytest.param(":" * 10**7, 0, id="one-line"),
        pytest.param("\n" * 10**6 + TITLE, 0, id="breaks"),
    ],
)
def test_hostile_pages_come_back(page, n_dropped):
    assert len(clean_page(page).dropped) == n_dropped


def test_long_lines_are_not_even_normalized(monkeypatch):
    seen = []
    monkeypatch.setattr(pages, "normalize_text", lambda text: seen.append(len(text)) or normalize_text(text))
    clean_page("ا" * 10**6 + "\n" + TITLE)
    assert max(seen) <= pages.LONGEST_FURNITURE


def test_pattern_table_is_well_formed():
    rows = [[cell.strip() for cell in row.split("|")] for row in pages.PATTERNS.strip().splitlines()]
    assert {place for _, place, _ in rows} == {"alone", "label", "opens", "holds", "words"}
    phrases = [(place, normalize_text(p)) for _, place, cell in rows if place != "words" for p in cell.split(";")]
    assert all(phrase for _, phrase in phrases)
    assert not any(character.isdigit() for _, phrase in phrases for character in phrase)


def test_every_reason_is_documented():
    document = (Path(__file__).parents[1] / "docs" / "pages.md").read_text(encoding="utf-8")
    reasons = {row.split("|")[0].strip() for row in pages.PATTERNS.strip().splitlines()} - {"credit"}
    assert [
        reason for reason in sorted(reasons | {"link", "repeated headline"}) if f"| {reason} |" not in document
    ] == []


@pytest.mark.skipif(not SAMPLE.exists(), reason="the sample page is not part of the repository")
def test_sample_page_line_by_line():
    page = clean_page(SAMPLE.read_text(encoding="utf-8"))
    assert page.title.startswith("انهيار دفاعات «داعش»")
    assert page.text.startswith("العراق يقيم سواتر ترابية مع سوريا")
    assert page.text.endswith("لدى وصولهم الى بغداد».")
    assert all(f"\n{heading}\n" in page.text for heading in ("رفع العلم", "نداءات"))
    assert [dropped.reason for dropped in page.dropped] == ["caption", "text size", "counter", "share"]
    assert len(page.lines) == 13


HTML = f"""<!DOCTYPE html><html lang="ar" dir="rtl"><head><title>{TITLE}</title></head><body>
<nav><a href="/">الرئيسية</a></nav><article><h1>{TITLE}</h1><p>{FIRST}</p><p>3</p><p>{SECOND}</p><p>{FIRST[::-1]}</p>
</article><footer>جميع الحقوق محفوظة</footer></body></html>"""


@pytest.mark.parametrize("html", [HTML, f"\ufeff\n {HTML}", HTML.replace("<!DOCTYPE html>", '<?xml version="1.0"?>')])
def test_html_goes_through_trafilatura(html):
    pytest.importorskip("trafilatura", reason="needs the extra html", exc_type=ImportError)
    page = clean_page(html)
    assert page.title == TITLE
    assert page.text.startswith(FIRST)
    assert SECOND in page.text
    assert "<" not in page.page
    assert page.text == "".join(page.page[start : start + length] for _, start, length in page.text_spans)


def test_html_without_an_article_is_an_error():
    pytest.importorskip("trafilatura", reason="needs the extra html", exc_type=ImportError)
    with pytest.raises(DataError, match="no article was found in the HTML page"):
        clean_page("<html><body></body></html>")


def test_html_without_the_extra_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    with pytest.raises(DataError, match=r"pip install 'arabic-news-classifier\[html\]'"):
        clean_page(HTML)


@pytest.mark.parametrize("page", [f"قال <html> {TITLE}", f"< {TITLE}\n{FIRST}", f"<b>{TITLE}</b>\n{FIRST}"])
def test_angle_brackets_make_no_html(page, monkeypatch):
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    assert clean_page(page).page == page
