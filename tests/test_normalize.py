import subprocess
import sys
import unicodedata
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import _codepoints as cp
from classifier.errors import ConfigError, InvalidTextError
from classifier.normalize import DEFAULT_OPTIONS, NormalizeOptions, normalize_text, normalize_with_offsets

SWITCHES = [field.name for field in fields(NormalizeOptions) if field.name != "punctuation"]
OPTIONS = {
    "default": DEFAULT_OPTIONS,
    **{f"without {name}": replace(DEFAULT_OPTIONS, **{name: not getattr(DEFAULT_OPTIONS, name)}) for name in SWITCHES},
    "punctuation": replace(
        DEFAULT_OPTIONS, punctuation="keep" if DEFAULT_OPTIONS.punctuation == "boundary" else "boundary"
    ),
    "nothing": NormalizeOptions(**dict.fromkeys(SWITCHES, False), punctuation="keep"),
    "everything": NormalizeOptions(**dict.fromkeys(SWITCHES, True), punctuation="boundary"),
}
EVERYTHING, NOTHING = OPTIONS["everything"], OPTIONS["nothing"]
with_all_options = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("كَتَبَ", "كتب", id="fatha"),
        pytest.param("مُدَرِّسٌ", "مدرس", id="shadda and tanween"),
        pytest.param("ه\u0670ذا", "هذا", id="superscript alef"),
        pytest.param("قال\u06d6", "قال", id="koranic mark"),
        pytest.param("الحـــرب", "الحرب", id="tatweel"),
        pytest.param("ا\u0640\u0654", "ا", id="mark on a tatweel"),
        pytest.param("أحمد", "احمد", id="alef with hamza above"),
        pytest.param("إلى", "الي", id="alef with hamza below"),
        pytest.param("آسيا", "اسيا", id="alef with madda"),
        pytest.param("ٱلله", "الله", id="alef wasla"),
        pytest.param("ا\u0654حمد", "احمد", id="decomposed alef with hamza"),
        pytest.param("مؤتمر", "موتمر", id="waw with hamza"),
        pytest.param("رئيس", "رييس", id="yeh with hamza"),
        pytest.param("سماء", "سماء", id="bare hamza stays"),
        pytest.param("على", "علي", id="alef maksura"),
        pytest.param("مدينة", "مدينه", id="teh marbuta"),
        pytest.param("\u0627\u06cc\u0631\u0627\u0646", "ايران", id="farsi yeh"),
        pytest.param("\u06a9تاب", "كتاب", id="keheh"),
        pytest.param("\u06afوگل", "كوكل", id="gaf"),
        pytest.param("\u067eاريس", "باريس", id="peh"),
        pytest.param("\u06a4يينا", "فيينا", id="veh"),
        pytest.param("١٩٩٠", "1990", id="arabic digits"),
        pytest.param("۱۹۹۰", "1990", id="extended arabic digits"),
        pytest.param("x²", "x2", id="superscript digit"),
        pytest.param("BBC", "bbc", id="latin capitals"),
        pytest.param("Élysée", "elysee", id="latin accents"),
        pytest.param("E\u0301lyse\u0301e", "elysee", id="decomposed latin accents"),
        pytest.param("\uff35\uff4e", "un", id="fullwidth"),
        pytest.param("ﬁ", "fi", id="latin ligature"),
        pytest.param("\ufefb", "لا", id="lam alef"),
        pytest.param("\ufdf2", "الله", id="allah ligature"),
        pytest.param("\ufdfa", "صلي الله عليه وسلم", id="phrase ligature"),
        pytest.param("\ufee3\ufe8e", "ما", id="presentation forms"),
        pytest.param("می\u200cخواهم", "ميخواهم", id="zero width non-joiner"),
        pytest.param("\u200fقال\u200e", "قال", id="direction marks"),
        pytest.param("\ufeffقال", "قال", id="byte order mark"),
        pytest.param("مع\u00adنى", "معني", id="soft hyphen"),
        pytest.param("قال: «نعم»، ثم مضى.", "قال نعم ثم مضي", id="punctuation"),
        pytest.param("٢٬٩٩٠٫٨", "2 990 8", id="separators in numbers"),
        pytest.param("نار🔥نار", "نار نار", id="emoji"),
        pytest.param("قال\u06ddنعم", "قال نعم", id="end of ayah"),
        pytest.param("قال мир נעם 中", "قال", id="other scripts"),
        pytest.param("قال\ud800نعم", "قال نعم", id="lone surrogate"),
        pytest.param(" \t قال\r\n\u00a0نعم\u2028", "قال نعم", id="white space"),
        pytest.param("", "", id="empty"),
        pytest.param("\u064e\u0640\u200c", "", id="nothing but what is dropped"),
        pytest.param("الله اللجنة ممثل 2000", "الله اللجنه ممثل 2000", id="repeated letters stay"),
    ],
)
def test_folds(before, after):
    assert normalize_text(before, EVERYTHING) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("كَتَبَ", "كَتَبَ", id="tashkeel"),
        pytest.param("قال\u06d6", "قال", id="koranic marks are dropped always"),
        pytest.param("الحـــرب", "الحـــرب", id="tatweel"),
        pytest.param("أإآٱ", "أإآٱ", id="alefs"),
        pytest.param("ا\u0654حمد", "أحمد", id="decomposed alef is composed"),
        pytest.param("ؤئ", "ؤئ", id="hamza"),
        pytest.param("على", "على", id="alef maksura"),
        pytest.param("مدينة", "مدينة", id="teh marbuta"),
        pytest.param("\u06cc\u06a9", "\u06cc\u06a9", id="variants"),
        pytest.param("١۹", "١۹", id="digits"),
        pytest.param("BBC", "BBC", id="case"),
        pytest.param("Élysée", "Elysee", id="latin accents are dropped always"),
        pytest.param("قال: «نعم»، لم؟", 'قال: "نعم", لم?', id="punctuation has one form"),
        pytest.param("نعم…", "نعم...", id="ellipsis"),
        pytest.param("قال @ نعم", "قال نعم", id="rare punctuation is a boundary always"),
    ],
)
def test_what_stays_without_folds(before, after):
    assert normalize_text(before, NOTHING) == after


@pytest.mark.parametrize("name", SWITCHES)
def test_each_switch_changes_something(name):
    text = "كَتَبَ الحـــرب أإآٱ ؤئ على مدينة \u06cc\u06a9 ١۹ BBC"
    switched = replace(EVERYTHING, **{name: False})
    assert normalize_text(text, switched) != normalize_text(text, EVERYTHING)


@with_all_options
@given(data=st.data())
def test_normalizing_again_changes_nothing(data, raw_texts, options):
    once = normalize_text(data.draw(raw_texts), options)
    assert normalize_text(once, options) == once


@pytest.mark.parametrize("name", ["without strip_tashkeel", "nothing", "default"])
@pytest.mark.parametrize(
    "text", ["ب\u0651\u0640\u064b", "ا\u0651\u0640\u0654", "\u0610\u0640\u06ed", "ا\u200c\u0653"], ids=ascii
)
def test_marks_that_move_when_what_is_between_them_is_dropped(text, name):
    once = normalize_text(text, OPTIONS[name])
    assert normalize_text(once, OPTIONS[name]) == once == normalize_with_offsets(text, OPTIONS[name])[0]


@with_all_options
@given(data=st.data())
def test_words_are_separated_by_single_spaces(data, raw_texts, options):
    normalized = normalize_text(data.draw(raw_texts), options)
    assert normalized == " ".join(normalized.split())


@with_all_options
@given(data=st.data())
def test_normalizes_word_by_word(data, raw_texts, options):
    a, b = data.draw(raw_texts), data.draw(raw_texts)
    parts = (normalize_text(a, options), normalize_text(b, options))
    assert normalize_text(f"{a} {b}", options) == " ".join(part for part in parts if part)


@given(data=st.data())
def test_drops_what_it_says(data, raw_texts):
    normalized = set(normalize_text(data.draw(raw_texts), EVERYTHING))
    assert not normalized & (cp.INVISIBLE | {"\u0640"} | set("أإآٱؤئىة") | set(cp.LETTER_VARIANTS))
    assert not [c for c in normalized if unicodedata.category(c) in ("Mn", "Lu", "Lt") or unicodedata.combining(c)]


@with_all_options
@given(data=st.data())
def test_offsets_lead_to_where_characters_came_from(data, raw_texts, options):
    text = data.draw(raw_texts)
    normalized, offsets = normalize_with_offsets(text, options)
    assert normalized == normalize_text(text, options)
    bounds = offsets.tolist()
    assert len(bounds) == len(normalized) + 1
    assert bounds == sorted(bounds)
    assert bounds[-1] == len(text)
    for i, character in enumerate(normalized):
        end = next(bound for bound in [*bounds[i:], len(text)] if bound > bounds[i])
        chunk = normalize_text(f"{text[bounds[i] : end]}", options)
        assert character in chunk or character == " "


@given(data=st.data())
def test_offsets_of_plain_words_are_exact(data):
    words = data.draw(st.lists(st.text("ابجد", min_size=1), min_size=1))
    text = " ".join(f"\u200f{word}\u0640" for word in words)
    normalized, offsets = normalize_with_offsets(text)
    assert [text[offset] for offset in offsets[:-1]] == list(normalized)


def test_offsets_by_hand():
    normalized, offsets = normalize_with_offsets("\u200fقَـد\n«ﻻ»", EVERYTHING)
    assert normalized == "قد لا"
    assert offsets.tolist() == [1, 4, 5, 7, 7, 9]


@pytest.mark.parametrize("text", [None, b"x", 3, ["x"]])
def test_refuses_what_is_no_text(text):
    with pytest.raises(InvalidTextError, match=f"text must be str, got {type(text).__name__}"):
        normalize_text(text)


def test_refuses_unknown_punctuation():
    with pytest.raises(ConfigError, match="punctuation must be 'boundary' or 'keep', got 'drop'"):
        NormalizeOptions(punctuation="drop")


def test_importing_is_cheap():
    code = "import sys, classifier.normalize; print(*{'numba', 'numpy', 'sklearn'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "\n"
