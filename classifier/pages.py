"""Scraped page -> headline and text: lines of page furniture are dropped, offsets into the page are kept.

Lines are dropped whole or not at all, by their shape and by the phrases of `PATTERNS`. In doubt a line is kept: a share
button among the features costs less than a paragraph that isn't there. docs/pages.md has the rules and measurements.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import takewhile
from typing import TYPE_CHECKING

from classifier._codepoints import BYTE_ORDER_MARK
from classifier.errors import DataError, InvalidTextError
from classifier.normalize import normalize_text

if TYPE_CHECKING:
    from classifier.article import Spans

__all__ = ["CleanPage", "Dropped", "clean_page", "extract_html", "page_ranges"]

LONGEST_FURNITURE = 200  # characters; a longer line is text, unseen
LONGEST_TITLE = 150  # the longest of 40,000 headlines has 122
LONGEST_CAPTION = 120  # of one whose credit follows no bar; paragraphs end in "(agency)" too
LONGEST_BOX = 5  # lines under a heading such as "read also"
LONGEST_LAST_BOX = 12  # of a box that ends the page

# One row a reason and a place; phrases are compared after `normalize_text`, numbers aside.
# alone: the line is this phrase. label: the phrase comes before the first separator (`:`, `|`, `-`, `..`) or is all of
# the line. opens: the line begins with it. holds: it occurs anywhere. words: every word of the line is one of these, and
# one at least stands before the `+`.
PATTERNS = """
share | alone | شارك; شاركها; مشاركة; مشاركات; شارك الخبر; شارك المقال; شارك هذا المقال; شارك هذا الموضوع; شارك مع \
    أصدقائك; انسخ الرابط; نسخ الرابط; تم نسخ الرابط; رابط مختصر; الرابط المختصر; أرسل إلى صديق; أرسل لصديق; إرسال; \
    أعجبني; share this; copy link; share this article; share on
share | words | فيسبوك فيس تويتر واتساب تليجرام تيليجرام تلغرام تيلغرام ماسنجر لينكدإن لينكد بنترست انستغرام \
    facebook twitter whatsapp telegram messenger linkedin pinterest instagram viber email tweet print pocket \
    reddit tumblr youtube share مشاركة تغريدة غرد طباعة اطبع تابعنا تابعونا + على عبر في بوك آب إن شارك المقال \
    الخبر الموضوع هذا إرسال أرسل بريد البريد الإلكتروني إلكتروني ايميل x google plus on via link gmail save more
text size | alone | ت ت الحجم الطبيعي; ت ت; الحجم الطبيعي; حجم الخط; تكبير الخط; تصغير الخط; تكبير الخط تصغير \
    الخط; أ أ; أ أ أ; a a; a a a; خط أكبر; خط أصغر; حجم الخط أ أ
counter | alone | تعليق; تعليقات; تعليقا; مشاهدة; مشاهدات; قراءة; قراءات; إعجاب; زيارة; زيارات; عدد المشاهدات; عدد \
    القراءات; عدد الزيارات; عدد التعليقات; views; comments; shares; likes; view; comment; reads
counter | label | عدد المشاهدات; عدد القراءات; عدد الزيارات; عدد التعليقات; المشاهدات; القراءات
comments | alone | التعليقات; أضف تعليق; أضف تعليقا; أضف تعليقك; اترك تعليقا; اترك تعليقك; لا توجد تعليقات; لا \
    يوجد تعليقات; اكتب تعليقك; اترك ردا; إلغاء الرد; تعليقات الزوار; leave a comment; leave a reply; add comment; \
    no comments
reading time | alone | دقائق للقراءة; دقيقة للقراءة; دقائق قراءة; دقيقة قراءة; مدة القراءة; وقت القراءة; مدة \
    القراءة دقائق; مدة القراءة دقيقة; وقت القراءة دقائق; وقت القراءة دقيقة; min read; minutes read
navigation | alone | الرئيسية; الصفحة الرئيسية; القائمة; القائمة الرئيسية; بحث; ابحث; تسجيل الدخول; تسجيل الخروج; \
    اشترك; اشترك الآن; السابق; التالي; المقال السابق; المقال التالي; الخبر السابق; الخبر التالي; الموضوع السابق; \
    الموضوع التالي; العودة إلى الأعلى; إلى الأعلى; إغلاق; إعلان; إعلانات; مساحة إعلانية; تحميل المزيد; عرض المزيد; \
    المزيد; خريطة الموقع; من نحن; اتصل بنا; سياسة الخصوصية; شروط الاستخدام; home; menu; search; advertisement; \
    skip to content; sign in; login; next; previous; close; loading; load more; read more; contact us; privacy \
    policy
navigation | label | الرئيسية; الصفحة الرئيسية; أنت هنا; home
video | alone | متصفحك لا يدعم الفيديو; شاهد الفيديو; مشاهدة الفيديو; استمع إلى المقال; استمع للمقال; تشغيل \
    الفيديو; this video is not available; play video
video | opens | متصفحك لا يدعم; your browser does not support
related | label | اقرأ أيضا; اقرأ أيضا في; اقرأ كذلك; اقرأ المزيد; اقرأ; اقرأوا أيضا; طالع أيضا; شاهد; شاهد أيضا; \
    للمزيد; لقراءة المزيد; قد يهمك; قد يهمك أيضا; قد يعجبك; قد يعجبك أيضا; مواضيع ذات صلة; موضوعات ذات صلة; مقالات \
    ذات صلة; أخبار ذات صلة; ذات صلة; أخبار متعلقة; مواضيع متعلقة; موضوعات متعلقة; مواضيع مرتبطة; أخبار مرتبطة; \
    مواد ذات صلة; الأكثر قراءة; الأكثر مشاهدة; الأكثر تعليقا; الأكثر تداولا; الأكثر شعبية; آخر الأخبار; المزيد من \
    الأخبار; اخترنا لك; اخترنا لكم; من اختيار المحرر; اختيارات المحرر; related; related articles; related news; \
    read also; see also; most read
tags | label | كلمات دالة; الكلمات الدالة; كلمات مفتاحية; الكلمات المفتاحية; الكلمات الدلالية; كلمات دلالية; وسوم; \
    الوسوم; وسوم الخبر; تاجات; تاغات; سمات; هاشتاغ; tags; keywords; tag
author | label | كتب; كتبت; بقلم; كتابة; إعداد; أعده; أعدته; تحرير; ترجمة; ترجمه; مراسل; تصوير; كاتب المقال; اسم \
    الكاتب; المحرر; البريد الإلكتروني; للتواصل; للتواصل مع الكاتب; by; written by; author; email; e mail
author | opens | بقلم; by; written by
source | label | المصدر; المصادر; مصدر الخبر; source
source | opens | نقلا عن
source | alone | أ ف ب; أ ب; د ب أ
source | words | رويترز وكالات الوكالات الأناضول afp reuters فرانس + أ ف ب د و وكالة press france
caption | alone | صورة أرشيفية; صورة من الأرشيف; أرشيفية; أرشيف; صورة تعبيرية; صورة توضيحية; الصورة من الأرشيف; \
    file photo
caption | label | صورة; الصورة; صورة أرشيفية; مصدر الصورة; تعليق الصورة; عدسة; photo; image
credit | alone | أ ب; ا ف ب; د ب أ; إ ب أ; رويترز; وكالات; الوكالات; الأناضول; وكالة الأناضول; غيتي; غيتي إيميجز; \
    جيتي; الفرنسية; الألمانية; الأوروبية; أسوشيتد برس; فرانس برس; أرشيفية; أرشيف; صورة أرشيفية; من المصدر; إنترنت; \
    الإنترنت; وام; واس; سانا; بترا; كونا; afp; ap; epa; reuters; getty; getty images; afp getty images; رويترز \
    أرشيف; أ ف ب أرشيف; photo; file
date | label | نشر; نشر في; نشر بتاريخ; تاريخ النشر; آخر تحديث; آخر تعديل; تم التحديث; تم النشر; تاريخ التحديث; \
    published; last updated; updated; posted
date | words | السبت الأحد الاثنين الثلاثاء الأربعاء الخميس الجمعة يناير فبراير مارس أبريل إبريل مايو يونيو يوليو \
    أغسطس سبتمبر أكتوبر نوفمبر ديسمبر كانون شباط آذار نيسان أيار حزيران تموز آب أيلول تشرين جانفي فيفري أفريل ماي \
    جوان جويلية أوت غشت شتنبر نونبر دجنبر محرم صفر ربيع جمادى رجب شعبان رمضان شوال ذو منذ ساعة ساعات دقيقة دقائق \
    يوم أيام + الثاني الأول الثانية الأولى الآخر الآخرة القعدة الحجة هـ م ص الساعة بتوقيت غرينتش جرينتش مكة دبي \
    القاهرة مساء صباحا ظهرا gmt utc am pm الموافق نشر في آخر تحديث بتاريخ قبل حوالي
newsletter | alone | النشرة البريدية; القائمة البريدية; النشرة الإخبارية; بريدك الإلكتروني; البريد الإلكتروني
newsletter | opens | اشترك في النشرة; اشترك في نشرتنا; اشتركوا في النشرة; اشترك في القائمة البريدية; للاشتراك في \
    النشرة; للاشتراك في نشرتنا; أدخل بريدك; سجل بريدك; انضم إلى قناتنا; اشترك في قناتنا; اشترك بقناتنا; تابعونا \
    على; تابعونا عبر; تابع صفحتنا; حمل التطبيق; حمل تطبيقنا; حملوا تطبيقنا; لتحميل التطبيق; لمتابعة آخر الأخبار; \
    تابع آخر الأخبار; يمكنكم استلام إشعارات; يمكنكم تسلم إشعارات; subscribe to; sign up for; follow us; download \
    the app
rights | opens | copyright; هذا المقال بقلم; المقال يعبر عن رأي
rights | holds | جميع الحقوق محفوظة; كل الحقوق محفوظة; حقوق النشر محفوظة; حقوق الطبع محفوظة; حقوق الطبع والنشر \
    محفوظة; all rights reserved; تمثل رأي كتابها فقط; تعبر عن رأي كاتبها; يعبر عن رأي كاتبه; تعبر عن آراء كتابها; \
    تعبر عن رأي أصحابها; ولا تعبر بالضرورة عن رأي الموقع; ولا تعبر بالضرورة عن رأي الصحيفة; الآراء الواردة أدناه; \
    والآراء الواردة أدناه; الآراء الواردة في هذا المقال
"""

_SEPARATORS = ":|/-–—.…«»‹›>•*■"  # noqa: RUF001
_SEPARATOR = re.compile(f"[{re.escape(_SEPARATORS)}]")
_DIGIT = re.compile(r"\d")
_SENTENCE_ENDS = (".", "۔", "،", "؛", ":", ",", ";")
_CLOSERS = "\"'»”’)]} \t"  # noqa: RUF001
# "Watch: ..." may be the headline, and a headline is all that some pages have: before it, only these are dropped.
_ABOVE_HEADLINE = ("share", "text size", "counter", "comments", "reading time", "navigation", "date", "link")
_LABELS_OF_BOXES = ("related", "tags")
_LABELS_ALONE = (*_LABELS_OF_BOXES, "navigation")


@dataclass(frozen=True, slots=True)
class Dropped:
    """A line that was dropped: ``page[start:end]``, and the reason, one of those in docs/pages.md."""

    start: int
    end: int
    reason: str


@dataclass(frozen=True, slots=True)
class CleanPage:
    """What `clean_page` makes of a page.

    Parameters
    ----------
    page : str
        What the offsets count in: the page as given, or the text that was extracted from an HTML page.
    title, text : str
        Pieces of `page`, unchanged. A page of one paragraph has no title.
    title_spans, text_spans : tuple of (int, int, int)
        Pieces (start in title or text, start in page, length), in order, that cover all of title and text.
    lines : tuple of (int, int)
        (start, end) in `page` of every line that was kept, title included, without surrounding white space.
    dropped : tuple of Dropped
        The other lines that aren't blank.
    """

    page: str
    title: str
    text: str
    title_spans: "Spans"
    text_spans: "Spans"
    lines: tuple[tuple[int, int], ...]
    dropped: tuple[Dropped, ...]


@dataclass(slots=True)
class _Line:
    """A line that isn't blank: ``page[start:end]``; the next line of the page begins at `stop`."""

    start: int
    end: int
    stop: int
    text: str
    folded: str  # normalized; empty for a line without letters and digits, and for one too long to be furniture
    reason: str | None = None

    @property
    def is_paragraph(self) -> bool:
        size = len(self.text)
        return size >= LONGEST_CAPTION or (size >= 60 and _ends_sentence(self.text))

    @property
    def has_content(self) -> bool:
        return bool(self.folded) or len(self.text) > LONGEST_FURNITURE


def clean_page(page: str) -> CleanPage:
    r"""Find the headline and the text of a page as it was scraped, and drop the furniture between them.

    Takes time linear in the page. A page of which nothing would be left is kept as it is.

    Parameters
    ----------
    page : str
        Plain text with line breaks, or HTML, which needs the extra ``html``.

    Raises
    ------
    InvalidTextError
        If `page` is not a str.
    DataError
        If `page` is HTML and the extra isn't installed, or no article is found in it.

    Examples
    --------
    >>> page = clean_page("العراق يقيم سواتر ترابية\nت + ت - الحجم الطبيعي\nبدأت القوات العراقية إقامة سواتر.\n3")
    >>> page.title, page.text
    ('العراق يقيم سواتر ترابية', 'بدأت القوات العراقية إقامة سواتر.')
    >>> [(dropped.start, dropped.reason) for dropped in page.dropped]
    [(25, 'text size'), (81, 'counter')]
    """
    if not isinstance(page, str):
        raise InvalidTextError(f"page must be str, got {type(page).__name__}")
    if _looks_like_html(page):
        page = extract_html(page)
    lines = _split(page)
    _judge(lines)
    if all(line.reason for line in lines):
        for line in lines:
            line.reason = None
    return _assemble(page, lines)


def page_ranges(spans: "Spans", start: int, stop: int) -> list[tuple[int, int]]:
    """Say where in the page a piece of title or text stands.

    Parameters
    ----------
    spans : tuple of (int, int, int)
        `title_spans` or `text_spans` of a `CleanPage` or an `Article`.
    start, stop : int
        The piece, as in ``text[start:stop]``.

    Returns
    -------
    list of (int, int)
        (start, end) in the page; more than one where a dropped line lay between.

    Examples
    --------
    >>> page_ranges(((0, 10, 5), (5, 20, 5)), 3, 7)
    [(13, 15), (20, 22)]
    """
    ranges = []
    first = max(bisect_right(spans, start, key=lambda span: span[0]) - 1, 0)
    for position, in_page, length in spans[first:]:
        if position >= stop:
            break
        low, high = max(start - position, 0), min(stop - position, length)
        if low < high:
            ranges.append((in_page + low, in_page + high))
    return ranges


def extract_html(html: str) -> str:
    """Extract the headline and the text of an HTML page, one line each paragraph, by trafilatura.

    Raises
    ------
    DataError
        If trafilatura isn't installed or finds no article.
    """
    try:
        trafilatura = import_module("trafilatura")
    except ImportError as error:
        raise DataError(
            "reading HTML needs trafilatura: pip install 'arabic-news-classifier[html]' (or pass the page's text)"
        ) from error
    text = trafilatura.extract(html, include_comments=False, include_tables=False)
    if not text:
        raise DataError("no article was found in the HTML page: pass its text")
    metadata = trafilatura.extract_metadata(html)
    title = (metadata.title if metadata is not None else None) or ""
    return f"{title}\n{text}" if title else str(text)


def _looks_like_html(page: str) -> bool:
    head = page[:2000].lstrip(BYTE_ORDER_MARK + " \t\r\n")
    return head.startswith("<") and any(tag in head.lower() for tag in ("<html", "<!doctype html", "<body"))


def _split(page: str) -> list[_Line]:
    lines = []
    start = 0
    for raw in page.splitlines(keepends=True):
        text = raw.strip()
        if text:
            first = start + len(raw) - len(raw.lstrip())
            folded = normalize_text(text) if len(text) <= LONGEST_FURNITURE else ""
            lines.append(_Line(first, first + len(text), start + len(raw), text, folded))
        start += len(raw)
    return lines


def _judge(lines: list[_Line]) -> None:
    """Give every line of furniture its reason."""
    paragraphs = [i for i, line in enumerate(lines) if line.is_paragraph]
    body = range(paragraphs[0], paragraphs[-1] + 1) if paragraphs else range(len(lines))
    headline: _Line | None = None
    for i, line in enumerate(lines):
        line.reason = _reason(line, may_be_headline=headline is None, in_body=i in body, before_body=i < body.start)
        if line.reason:
            continue
        if headline is None and _says_something(line):
            headline = line
        elif headline and _repeats(line, headline):
            line.reason = "repeated headline"
    if paragraphs:
        _judge_boxes(lines)


def _says_something(line: _Line) -> bool:
    """Whether this is more than the name of a section or a site, which often precedes the headline."""
    return len(line.text) > LONGEST_FURNITURE or len(line.folded.split()) >= 3


def _reason(line: _Line, *, may_be_headline: bool, in_body: bool, before_body: bool) -> str | None:
    """Judge a line by itself; None is kept."""
    if not line.folded:
        return None
    words = line.folded.split()
    if _DIGIT.search(line.folded):
        words = [word for word in words if not _DIGIT.search(word)]
    reason = _by_words(line, words, in_body=in_body) if words else _by_numbers(line, in_body=in_body)
    reason = reason or _by_shape(line) or _by_part(line)
    if may_be_headline:
        return reason if reason in _ABOVE_HEADLINE else None
    return reason or _by_credit(line, before_body=before_body)


def _by_words(line: _Line, words: Sequence[str], *, in_body: bool) -> str | None:
    """Judge by all words of the line."""
    patterns = _patterns()
    phrase = " ".join(words)
    if reason := patterns.alone.get(phrase):
        return reason
    if (reason := patterns.label.get(phrase)) in _LABELS_ALONE:
        return reason
    for reason, strong, known in patterns.words:
        if known.issuperset(words) and not strong.isdisjoint(words):
            return reason if reason != "date" or (not in_body and _has_moment(line, words)) else None
    return None


def _has_moment(line: _Line, words: Sequence[str]) -> bool:
    """Whether days and months come with a year or "ago": "15 October" heads a part of a chronicle."""
    numbers = [word for word in line.folded.split() if word.isdigit()]
    return any(len(number) == 4 for number in numbers) or (bool(numbers) and "منذ" in words)


def _by_numbers(line: _Line, *, in_body: bool) -> str | None:
    """Judge a line that has no word without a digit."""
    if _is_count(line.text):
        return "counter"
    is_date = line.folded.replace(" ", "").isdigit() and " " in line.folded and _has_moment(line, ())
    return "date" if is_date and not in_body else None


def _by_shape(line: _Line) -> str | None:
    """Judge by addresses, hashtags and trails."""
    text = line.text
    pieces = text.split()
    if len(pieces) == 1 and text.lower().startswith(("http://", "https://", "www.")):
        return "link"
    if len(pieces) > 1 and all(piece.startswith("#") for piece in pieces):
        return "tags"
    if "@" in text and len(pieces) <= 8 and (any(map(_is_address, pieces)) or _is_handle(text)):
        return "author"
    return "navigation" if _is_trail(text) else None


def _is_count(text: str) -> bool:
    """Whether a number counts something: not a year, a date or a score."""
    text = text.strip("()[]+")
    digits = text.translate(dict.fromkeys(map(ord, ",.٬٫"))).removesuffix("K").removesuffix("k")
    return digits.isdecimal() and len(digits) < 8 and (digits != text or not 1800 <= int(digits) <= 2100)


def _is_address(piece: str) -> bool:
    name, _, host = piece.strip(_CLOSERS + "(:").partition("@")
    return bool(name) and "." in host


def _is_handle(text: str) -> bool:
    """Whether the line is the name of an account and no more: in a sentence it names who is quoted."""
    return text.startswith("@") and len(text) > 3 and " " not in text


def _is_trail(text: str) -> bool:
    """Whether this is a trail of sections: ``News > World > Iraq``."""
    parts = text.replace("›", ">").split(">")  # noqa: RUF001
    return len(parts) > 2 and all(0 < len(part.split()) <= 4 for part in parts)


def _by_part(line: _Line) -> str | None:
    """Judge by how the line begins, or by a phrase in it."""
    patterns = _patterns()
    head, tail = _cut(line.text)
    if tail and (reason := patterns.label.get(normalize_text(head))) and _may_follow(reason, tail):
        return reason
    for phrase, reason in patterns.opens.get(line.folded.split(" ", 1)[0], ()):
        if f"{line.folded} ".startswith(f"{phrase} ") and _may_follow(reason, line.text):
            return reason
    if patterns.holds_first.isdisjoint(line.folded.split()):
        return None
    padded = f" {line.folded} "
    return next((reason for phrase, reason in patterns.holds if f" {phrase} " in padded), None)


def _cut(text: str) -> tuple[str, str]:
    """Split a line at its first separator."""
    head, *tail = _SEPARATOR.split(text.lstrip(_SEPARATORS + " "), maxsplit=1)
    return head, "".join(tail).lstrip(_SEPARATORS + " ")


def _may_follow(reason: str, tail: str) -> bool:
    """Whether a label of this kind may have this after it: names are short, and nothing but small print is a sentence."""
    if reason in ("author", "source"):
        return len(tail.split()) <= 7 and not tail.endswith(_SENTENCE_ENDS)
    if reason in ("date", "counter"):
        return len(tail.split()) <= 8 and _DIGIT.search(tail) is not None and not tail.endswith(_SENTENCE_ENDS)
    return reason not in ("related", "caption") or not _ends_sentence(tail)


def _by_credit(line: _Line, *, before_body: bool) -> str | None:
    """Judge by an agency at the end of the line: a caption's credit."""
    text = line.text.rstrip(").] ")
    bar = max(map(text.rfind, "|©"))
    if bar >= 0:
        return "caption" if all(map(_is_credit, re.split("[/,،-]", text[bar + 1 :]))) else None
    cut = max(map(text.rfind, ("(", "/", " -", " –")))  # noqa: RUF001
    # Paragraphs and alerts end in an agency too: without a bar it takes the place of a caption, and its size.
    is_short = cut > 0 and before_body and len(text) < LONGEST_CAPTION and not _ends_sentence(text[:cut])
    return "caption" if is_short and _is_credit(text[cut:]) else None


def _is_credit(text: str) -> bool:
    return normalize_text(text) in _patterns().credits


def _repeats(line: _Line, title: _Line) -> bool:
    """Whether this is the headline once more; without the site's name, which follows a bar or a dash in page titles."""
    if len(line.folded) < 15 or len(title.text) > 2 * LONGEST_FURNITURE:  # a longer one repeats no such line
        return False
    site = max(map(title.text.rfind, ("|", " - ")))
    return line.folded == title.folded or (site > 0 and line.folded == normalize_text(title.text[:site]))


def _judge_boxes(lines: list[_Line]) -> None:
    """Extend a heading such as "read also" or "tags" to the lines of its box."""
    headings = [i for i, line in enumerate(lines) if line.reason in _LABELS_OF_BOXES and not _cut(line.text)[1]]
    for i in headings:
        for item in _box(lines, i + 1, lines[i].reason):
            item.reason = lines[i].reason


def _box(lines: list[_Line], start: int, reason: str | None) -> list[_Line]:
    """Lines that look like links, from `start` on."""
    few, many = (4, 25) if reason == "related" else (1, 4)
    candidates = lines[start : start + LONGEST_LAST_BOX + 1]
    box = list(takewhile(lambda line: _is_item(line, few, many), candidates))
    following = lines[start + len(box) : start + len(box) + 1]
    if not following or following[0].reason:
        return box[:LONGEST_LAST_BOX]
    # The story goes on: a short line before it is its heading, no tag.
    return box[:LONGEST_BOX] if reason == "related" else []


def _is_item(line: _Line, few: int, many: int) -> bool:
    n_words = len(line.folded.split())
    return line.reason is None and few <= n_words <= many and not line.is_paragraph and not _ends_sentence(line.text)


def _ends_sentence(text: str) -> bool:
    text = text.rstrip(_CLOSERS)
    return text.endswith(_SENTENCE_ENDS) and not text.endswith("..")


def _assemble(page: str, lines: Sequence[_Line]) -> CleanPage:
    kept = [line for line in lines if not line.reason]
    title = _find_title(kept)
    head = [] if title is None else [title]
    title_text, title_spans = _join(page, [(line.start, line.end) for line in head])
    text, text_spans = _join(page, list(_runs(lines, title)))
    dropped = tuple(Dropped(line.start, line.end, line.reason) for line in lines if line.reason)
    return CleanPage(
        page, title_text, text, title_spans, text_spans, tuple((line.start, line.end) for line in kept), dropped
    )


def _find_title(kept: Sequence[_Line]) -> _Line | None:
    """Return the first line that says something, if it looks like a headline and another follows."""
    contents = (line for line in kept if line.has_content)
    first = next(contents, None)
    if first is None or next(contents, None) is None or len(first.text) > LONGEST_TITLE or _ends_sentence(first.text):
        return None
    return first


def _runs(lines: Iterable[_Line], title: _Line | None) -> list[tuple[int, int]]:
    """(start, end) of the stretches of the page between what isn't text; each but the last ends with its line break."""
    runs: list[tuple[int, int]] = []
    end = 0
    joined = False
    for line in lines:
        if line.reason or line is title:
            joined = False
            continue
        if joined:
            runs[-1] = (runs[-1][0], line.stop)
        else:
            runs.append((line.start, line.stop))
        joined, end = True, line.end
    return [*runs[:-1], (runs[-1][0], end)] if runs else []


def _join(page: str, runs: Iterable[tuple[int, int]]) -> tuple[str, "Spans"]:
    pieces: list[str] = []
    spans: list[tuple[int, int, int]] = []
    position = 0
    for start, end in runs:
        pieces.append(page[start:end])
        spans.append((position, start, end - start))
        position += end - start
    return "".join(pieces), tuple(spans)


@dataclass(frozen=True, slots=True)
class _Patterns:
    """`PATTERNS`, each place in the form that its look-up needs; reasons are the values."""

    alone: dict[str, str]
    label: dict[str, str]
    opens: dict[str, list[tuple[str, str]]]  # by first word
    holds: list[tuple[str, str]]
    holds_first: set[str]  # the first words of these phrases
    words: list[tuple[str, frozenset[str], frozenset[str]]]
    credits: set[str]


@cache
def _patterns() -> _Patterns:
    patterns = _Patterns({}, {}, {}, [], set(), [], set())
    for row in PATTERNS.strip().splitlines():
        reason, place, phrases = (cell.strip() for cell in row.split("|"))
        if place == "words":
            strong, weak = (frozenset(normalize_text(words).split()) for words in phrases.split("+"))
            patterns.words.append((reason, strong, strong | weak))
        else:
            _add(patterns, reason, place, map(normalize_text, phrases.split(";")))
    return patterns


def _add(patterns: _Patterns, reason: str, place: str, phrases: Iterable[str]) -> None:
    if reason == "credit":
        patterns.credits.update(phrases)
    elif place == "alone":
        patterns.alone.update(dict.fromkeys(phrases, reason))
    elif place == "label":
        patterns.label.update(dict.fromkeys(phrases, reason))
    elif place == "opens":
        for phrase in phrases:
            patterns.opens.setdefault(phrase.split()[0], []).append((phrase, reason))
    elif place == "holds":
        for phrase in phrases:
            patterns.holds.append((phrase, reason))
            patterns.holds_first.add(phrase.split()[0])
    else:
        raise AssertionError(f"{place!r} is no place of PATTERNS")
