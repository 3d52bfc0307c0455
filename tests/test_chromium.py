"""What a browser makes of the pages: measured in headless Chromium, in frames of a phone's width and a desktop's."""

import html
import json
import re
import shutil
import subprocess

import pytest

from classifier.evaluate import evaluate
from classifier.explain import Explanation, PlaceMention, Span, pieces, render_html
from classifier.prediction import Label, Prediction

pytest.importorskip("jinja2")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: apt-get install chromium)")

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --window-size=1400,900 --dump-dom"
)
WIDTHS = (400, 1200)
MEASURE = """
const rect = (element) => element.getBoundingClientRect();
const visible = (element) => element.offsetParent !== null;
function measure(frame) {
  const page = frame.contentDocument, root = page.documentElement, width = root.clientWidth;
  const inside = (element) => element.closest(".wide, svg") || element.matches(".pick")
    || (rect(element).left >= -1 && rect(element).right <= width + 1);
  const views = [...page.querySelectorAll("label[for]")].map((label) => {
    label.click();
    const text = [...page.querySelectorAll(".view > .text")].find(visible);
    const marks = text ? [...text.querySelectorAll("mark")] : [];
    return {
      checked: page.querySelector("input:checked").id, label: label.htmlFor, shown: text && text.parentElement.id,
      n_shown: [...page.querySelectorAll(".view")].filter(visible).length,
      text: text && text.textContent, marks: marks.map((mark) => mark.textContent),
      kinds: marks.map((mark) => mark.className), right: marks.map((mark) => rect(mark).right),
      top: marks.map((mark) => rect(mark).top),
      lines: marks.map((mark) => frame.contentWindow.getComputedStyle(mark).textDecorationStyle),
    };
  });
  const pick = page.querySelector("input");
  if (pick) pick.focus();
  return {
    width, scroll: root.scrollWidth, direction: frame.contentWindow.getComputedStyle(page.body).direction, views,
    outside: [...page.body.querySelectorAll("*")].filter((e) => visible(e) && !inside(e)).map((e) => e.outerHTML),
    focused: Boolean(pick) && page.activeElement === pick, tables: page.querySelectorAll("table").length,
  };
}
addEventListener("load", () => {
  const result = [...document.querySelectorAll("iframe")].map(measure);
  document.body.innerHTML = "<pre id=result></pre>";
  document.getElementById("result").textContent = JSON.stringify(result);
});
"""


def measure(page, folder):
    """Lay the page out at each of `WIDTHS`."""
    frames = (
        f'<iframe style="width:{w}px;height:800px;border:0" srcdoc="{html.escape(page)}"></iframe>' for w in WIDTHS
    )
    path = folder / "frames.html"
    body = f'<!DOCTYPE html><meta charset="utf-8"><script>{MEASURE}</script>{"".join(frames)}'
    path.write_text(body, encoding="utf-8", errors="replace")
    command = [CHROMIUM, *FLAGS.split(), f"--user-data-dir={folder}/profile", path.as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    found = re.search(r'<pre id="result">(.*?)</pre>', done.stdout.decode(), re.DOTALL)
    assert found, done.stderr.decode()
    return json.loads(html.unescape(found[1]))


LONG = "و" + "الاستراتيجية" * 12
HOSTILE = "</div></script><script>document.body.innerHTML = ''</script><img src=x onerror=alert(1)>"
TEXT = f"العراق يقيم سواتر ترابية\n\nت + ت - الحجم الطبيعي\nبدأت  القوات العِـــراقية {LONG} {HOSTILE} أمس.\nEmail"


def explanation(task, label, sign, alternatives=()):
    """Mark every word that isn't furniture, each with another strength and the other sign."""
    start = TEXT.index("ت + ت")
    dropped = ((start, TEXT.index("\n", start)), (len(TEXT) - 5, len(TEXT)))
    words = [m for m in re.finditer(r"\S+", TEXT) if not any(a <= m.start() < b for a, b in dropped)]
    spans = tuple(
        Span(m.start(), m.end(), label, sign * (-1) ** i * (0.4 + 0.1 * i), "place" if i == 0 else "words")
        for i, m in enumerate(words)
    )
    places = (PlaceMention(0, 6, "العراق", "state", (("IQ", 1.0), ("SY", 0.25)), 0.4),)
    return Explanation(TEXT, task, label, 1.5, 0.93, sign > 0, -0.5, spans, places, dropped, tuple(alternatives))


@pytest.fixture(scope="module")
def shown():
    """Explanations of two tasks, and what a browser makes of their page."""
    return [
        explanation("topic", "security", 1, [explanation("topic", "diplomacy", -1), explanation("topic", LONG, -1)]),
        explanation("country", "IQ", 1),
    ]


@pytest.fixture(scope="module")
def explained(shown, tmp_path_factory):
    return measure(render_html(shown), tmp_path_factory.mktemp("explained"))


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    from classifier.report import render_html as render_report

    folder = tmp_path_factory.mktemp("report")
    codes = ["security", "diplomacy", "politics", "economy", "sports", LONG]
    predictions = [Prediction({"topic": (Label(code, code, code, 0.8, 1.0),)}) for code in codes * 3]
    errors = [
        {
            "task": "topic", "title": LONG, "text": TEXT, "gold": ["sports"], "predicted": LONG, "probability": 0.9,
            "evidence": explanation("topic", "security", 1).to_markup(),
        }
    ]  # fmt: skip
    evaluation = evaluate(predictions, {"topic": [[code] for code in codes * 2 + codes[::-1]]})
    render_report(evaluation, folder / "report.html", errors)
    return measure((folder / "report.html").read_text(encoding="utf-8"), folder)


def test_marked_text_is_the_spans(shown, explained):
    expected = [view for e in shown for view in (e, *e.alternatives)]
    for frame in explained:
        for view, e in zip(frame["views"], expected, strict=True):
            assert view["text"] == TEXT
            assert view["marks"] == [TEXT[s.start : s.end] for s in e.spans]
            assert view["kinds"] == [piece.kind for piece in pieces(e) if piece.span]


def test_switch_shows_one_view(explained):
    for frame in explained:
        assert frame["focused"]
        for i, view in enumerate(frame["views"]):
            assert (view["checked"], view["label"], view["shown"]) == (f"pick-{i}", f"pick-{i}", f"view-{i}")
            assert view["n_shown"] == 1


def test_signs_differ_by_their_lines_too(explained):
    for view in explained[0]["views"]:
        lines = {*zip(view["kinds"], view["lines"], strict=True)}
        assert lines == {("for", "solid"), ("against", "wavy")}


def test_text_runs_from_right_to_left(explained):
    for frame in explained:
        for view in frame["views"]:
            # The headline's four words are one line even on a phone.
            assert len(set(view["top"][:4])) == 1
            assert view["right"][:4] == sorted(view["right"][:4], reverse=True)


@pytest.mark.parametrize("name", ["explained", "report"])
def test_nothing_overflows(name, request):
    for frame, width in zip(request.getfixturevalue(name), WIDTHS, strict=True):
        assert frame["tables"] > 1
        assert (frame["width"], frame["direction"]) == (width, "rtl")
        assert frame["scroll"] <= width
        assert frame["outside"] == []
