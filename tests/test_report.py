import io
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from rich.cells import cell_len
from rich.console import Console

from classifier.errors import ClassifierError, DataError
from classifier.evaluate import evaluate
from classifier.labels import REGIONS, TOPICS, name_of
from classifier.prediction import Label, Prediction
from classifier.report import render_html, render_text

pytest.importorskip("jinja2")
markupsafe = pytest.importorskip("markupsafe")

HOSTILE = "</style></title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;[/red][bold]"
VOID = {"meta", "link", "img", "br", "hr", "input", "line", "circle", "polyline"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def evaluation_of(task, gold, predicted, probability=0.8):
    def label(code):
        name = name_of(task, code)
        return Label(code, name.name_ar, name.name_en, probability, 0.0)

    return evaluate([Prediction({task: tuple(map(label, codes))}) for codes in predicted], {task: gold})


@pytest.fixture
def topics():
    codes = list(TOPICS)
    gold = [[code] for code in codes for _ in range(5)]
    predicted = [[code] for code in codes for _ in range(4)] + [[codes[0]]] * 11 + [[]]
    return evaluation_of("topic", gold, predicted)


def as_text(evaluation, width=80, encoding="utf-8"):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    render_text(evaluation, Console(file=stream, width=width))
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)


def as_html(evaluation, path, errors=()):
    render_html(evaluation, path, errors)
    return path.read_text(encoding="utf-8")


class Page(HTMLParser):
    """Tags, attributes and text of a page; checks that tags are closed in order."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.words, self.open = [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)


# --- terminal


def test_text_has_a_row_a_label_and_the_figures(topics):
    text = as_text(topics)
    assert "topic: 60 articles, 0 of them without a label" in text
    scores = topics.tasks["topic"]
    for label in scores.labels:
        row = next(line for line in text.splitlines() if re.match(rf"\s*{label.code} ", line))
        assert TOPICS[label.code].name_en in row
        assert row.split()[-4:] == [
            str(label.support), f"{label.precision:.3f}", f"{label.recall:.3f}", f"{label.f1:.3f}"
        ]  # fmt: skip
    for pattern in (
        rf"micro +60 +{scores.micro_precision:.3f} +{scores.micro_recall:.3f} +{scores.micro_f1:.3f}",
        rf"macro +5\+ articles +{scores.macro_f1:.3f}",
        rf"accuracy +{scores.primary_accuracy:.3f} +95%: 0\.\d+ to 0\.\d+",
        rf"expected calibration error +{scores.calibration_error:.3f}",
        rf"0\.8 to 0\.9 +59 +0\.800 +{scores.reliability[0].accuracy:.3f}",
        rf"100% +60 +0\.000 +{scores.primary_accuracy:.3f}",
        r"society +science +3\b",
    ):
        assert re.search(pattern, text), pattern


def test_text_fits_80_columns_and_has_no_colour_off_a_terminal():
    codes = list(REGIONS)
    text = as_text(evaluation_of("region", [[code] for code in codes] * 1000, [[code] for code in codes] * 1000))
    assert max(map(cell_len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert "…" not in text


@pytest.mark.parametrize("encoding", ["utf-8", "cp1256"])
def test_arabic_labels_keep_the_columns(encoding):
    gold = [["سياسة"], ["أخبار محلية"], ["latin_america"], ["europe"], ["ا" * 60]]
    text = as_text(evaluation_of("region", gold, gold), encoding=encoding)
    lines = text[: text.index("micro")].splitlines()
    rows = [line for line in lines if "1.000" in line]
    assert len(rows) == 5
    assert len({cell_len(row[: row.rindex("1.000")]) for row in rows}) == 1
    assert text.count("ا" * 20) == 3  # folded, nothing is lost
    for line in lines:
        # Between Arabic letters and the next cell stands a left-to-right mark, or the cells would trade places.
        assert re.search("[\u0621-\u064a][^\u200e]*[\\d|]", line) is None


def test_text_shows_markup_and_controls_as_nothing_special():
    code = "[red]x[/nonsense]\x1b[31m\u202e"
    text = as_text(evaluation_of(code, [[code]], [[code]]))
    assert "[red]x[/nonsense][31m" in text
    assert not re.search("[\x1b\u202e]", text)


def test_text_of_nothing_stated():
    text = as_text(evaluation_of("topic", [["sports"], []], [[], []]))
    assert re.search(r"sports +sports +1 +- +0\.000 +0\.000", text)
    assert re.search(r"expected calibration error +-", text)


# --- page


def test_page_is_arabic_and_self_contained(topics, tmp_path):
    html = as_html(topics, tmp_path / "report.html")
    page = Page(html)
    assert html.startswith("<!DOCTYPE html>\n")
    assert {("lang", "ar"), ("dir", "rtl"), ("charset", "utf-8")} <= set(page.attributes)
    assert not {"script", "link", "img", "iframe", "object", "image", "use"} & set(page.tags)
    assert not {"src", "srcset", "xlink:href", "data"} & {name for name, _ in page.attributes}
    assert all(value.startswith("#") for name, value in page.attributes if name == "href")
    assert not re.search(r"https?:|url\(|@import", html)
    assert "default-src 'none'" in html


def test_page_names_every_label_in_arabic_and_isolates_its_code(topics, tmp_path):
    html = as_html(topics, tmp_path / "report.html")
    for label in TOPICS.values():
        assert f'<bdi>{label.name_ar}</bdi> <bdi class="code" dir="ltr">{label.code}</bdi>' in html
    assert html.count("<svg") == 2
    assert html.count('class="point"') == 11  # one bin, ten points of coverage


def cells(html):
    matrix = html[html.index('<table class="matrix">') : html.index("</table>", html.index('class="matrix"'))]
    rows = matrix[matrix.index("<tbody>") :].split("</tr>")[:-1]
    return [[re.sub("<.*?>", "", cell) for cell in re.findall("<td.*?</td>", row)] for row in rows]


def test_confusion_matrix(tmp_path):
    evaluation = evaluation_of("section", [["a"]] * 3 + [["b"]] + [[]], [["a"], ["a"], ["b"], [], ["a"]])
    html = as_html(evaluation, tmp_path / "report.html")
    assert cells(html) == [["2", "1", ""], ["", "", "1"], ["1", "", ""]]  # a, b, none
    assert '<td class="right" style="--share:0.667">2</td>' in html
    assert '<td class="wrong" style="--share:0.333">1</td>' in html


def test_confusion_matrix_of_many_labels_has_a_rest(tmp_path):
    gold = [[f"x{i:02}"] for i in range(30)]
    html = as_html(evaluation_of("section", gold, gold), tmp_path / "report.html")
    table = cells(html)
    assert html.count('<td class="both"') == 1  # neither right nor wrong
    assert html.count('<td class="right"') == 20
    assert len(table) == 21
    assert all(len(row) == 21 for row in table)
    assert table[20][20] == "10"
    assert sum(int(cell) for row in table for cell in row if cell) == 30


def test_hostile_text_is_escaped(tmp_path):
    evaluation = evaluation_of(HOSTILE, [[HOSTILE], ["b"]], [[HOSTILE], [HOSTILE]])
    row = {"task": HOSTILE, "title": HOSTILE, "text": HOSTILE, "gold": [HOSTILE], "predicted": HOSTILE}
    rows = [row | {"probability": 0.9}, row | {"probability": 0.9, "evidence": HOSTILE}]
    html = as_html(evaluation, tmp_path / "report.html", rows)
    page = Page(html)
    assert not {"script", "img"} & set(page.tags)
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert page.tags.count("style") == 1
    # Shown as it was written: heading, table, matrix (a row), and in each error title, gold, predicted, text.
    assert "".join(page.words).count(HOSTILE) >= 3 + 2 * 4


def test_errors_are_shown_with_their_task(topics, tmp_path):
    row = {"task": "topic", "title": "عنوان", "text": "كلمة " * 200, "gold": ["sports", "health"], "probability": 0.87}
    evidence = markupsafe.Markup("قالت <mark>الوزارة</mark>")
    rows = [row | {"predicted": "crime"}, row | {"predicted": "religion", "evidence": evidence}]
    rows += [row | {"task": "country", "title": "غير مطلوب", "predicted": "IQ"}]
    html = as_html(topics, tmp_path / "report.html", rows)
    assert html.count("<article>") == 2
    assert "<mark>الوزارة</mark>" in html
    assert "غير مطلوب" not in html
    first = html[html.index("<article>") : html.index("</article>")]
    assert [TOPICS[code].name_ar in first for code in ("sports", "health", "crime", "religion")] == [True] * 3 + [False]
    assert "87%" in first
    assert 390 < len(re.search('<div class="text" dir="auto">(.*?)</div>', first, re.DOTALL)[1]) <= 401


def test_half_of_a_surrogate_pair_is_replaced(topics, tmp_path):
    row = {"task": "topic", "title": "a\ud83d", "text": "", "gold": [], "predicted": "crime", "probability": 0.5}
    assert "<bdi>a?</bdi>" in as_html(topics, tmp_path / "report.html", [row])


def test_page_of_nothing_stated(tmp_path):
    html = as_html(evaluation_of("topic", [["sports"], []], [[], []]), tmp_path / "report.html")
    assert "لم يُعلَن أي تصنيف" in html
    assert html.count("<svg") == 1


def test_page_that_cannot_be_written(topics, tmp_path):
    path = tmp_path / "missing" / "report.html"
    with pytest.raises(DataError, match=r"can't write the report to .*report\.html: No such file") as caught:
        render_html(topics, path)
    assert "\n" not in str(caught.value)


def test_missing_template_library_says_what_to_install(topics, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ClassifierError, match=r"pip install 'arabic-news-classifier\[html\]'"):
        render_html(topics, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_import_is_cheap():
    code = "import sys, classifier.report; print({'rich', 'jinja2', 'pandas', 'sklearn'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "set()\n"


def luminance(colour):
    linear = (c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour)
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def colours(block):
    named = {name: tuple(bytes.fromhex(value)) for name, value in re.findall(r"--(\w+): #(\w{6})", block)}
    triples = re.findall(r"--(\w+): (\d+) (\d+) (\d+)", block)
    return named | {name: tuple(map(int, channels)) for name, *channels in triples}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_contrast_is_wcag_aa(topics, tmp_path, theme):
    html = as_html(topics, tmp_path / "report.html")
    palette = colours(re.findall(r":root \{(.*?)\}", html, re.DOTALL)[theme])
    page, text = palette["page"], palette["text"]
    strongest = float(re.search(r"calc\(var\(--share\) \* (\.\d+)\)", html)[1])
    for name in ("text", "muted", "link"):
        assert contrast(palette[name], page) >= 4.5, name
    assert contrast(text, palette["mark"]) >= 4.5
    assert contrast(palette["right"], page) >= 3  # the plots
    for name in ("right", "wrong"):
        shaded = [strongest * c + (1 - strongest) * p for c, p in zip(palette[name], page, strict=True)]
        assert contrast(text, shaded) >= 4.5, name


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: apt-get install chromium)")
@pytest.mark.parametrize("width", [500, 1200])
def test_nothing_overflows_in_a_browser(tmp_path, width):
    gold = [[f"تصنيف طويل الاسم {i:02}"] for i in range(30)]
    row = {"task": "section", "title": "x" * 500, "text": "y" * 500, "gold": gold[0], "predicted": "z" * 300}
    html = as_html(evaluation_of("section", gold, gold), tmp_path / "report.html", [row | {"probability": 0.5}])
    probe = """<script>
      const root = document.documentElement;
      const plots = [...document.querySelectorAll("svg text")].filter(t => {
        const inner = t.getBoundingClientRect(), outer = t.ownerSVGElement.getBoundingClientRect();
        return inner.left < outer.left - 1 || inner.right > outer.right + 1;
      });
      document.title = [root.scrollWidth <= root.clientWidth, plots.length, getComputedStyle(document.body).direction];
    </script></body>"""
    path = tmp_path / "probe.html"
    path.write_text(re.sub("<meta http-equiv.*?>", "", html).replace("</body>", probe), encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    flags += " --disable-component-update --disable-sync --hide-scrollbars --dump-dom"
    command = [CHROMIUM, *flags.split(), f"--user-data-dir={tmp_path}/profile", f"--window-size={width},800"]
    done = subprocess.run([*command, path.as_uri()], capture_output=True, check=True, timeout=120)
    assert re.search("<title>(.*?)</title>", done.stdout.decode())[1] == "true,0,rtl"
