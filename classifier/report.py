"""An evaluation to read: tables for a terminal, a page for a browser."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, NotRequired, TypedDict

from classifier.errors import ClassifierError, DataError
from classifier.evaluate import Evaluation, TaskEvaluation
from classifier.labels import LabelName, name_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

__all__ = ["ErrorRow", "render_html", "render_text"]

_LEFT_TO_RIGHT_MARK = "\u200e"  # LEFT-TO-RIGHT MARK
_ARABIC_WIDTH = 20  # characters a line: all columns of the widest table fit 80
_MAX_MATRIX = 20  # labels of a confusion matrix; more can't be read, and don't fit on paper
_OTHER = "…"
_TASK_NAMES_AR = {"topic": "الموضوع", "country": "البلد", "region": "المنطقة"}


class ErrorRow(TypedDict):
    """A wrong prediction, as `render_html` shows it.

    Attributes
    ----------
    task, title, text : str
        Anything: they are escaped. Of `text` the beginning is shown.
    gold : sequence of str
        The right labels, the primary one first.
    predicted : str
    probability : float
        0..1
    evidence : markupsafe.Markup or str
        Shown in place of the text: Markup, an object with `__html__`, as it is; a str is escaped.
    """

    task: str
    title: str
    text: str
    gold: Sequence[str]
    predicted: str
    probability: float
    evidence: NotRequired[str]


def render_text(evaluation: Evaluation, console: "Console") -> None:
    """Print the scores as tables that fit 80 columns: a row a label, key figures, calibration, coverage, confusions.

    Parameters
    ----------
    evaluation : Evaluation
    console : rich.console.Console
    """
    for task, scores in evaluation.tasks.items():
        console.print(_heading(f"{task}: {scores.n_articles:,} articles, {scores.n_none:,} of them without a label"))
        console.print(_label_table(task, scores, evaluation.min_support))
        console.print(_key_figures(scores))
        console.print(_side_by_side(_calibration_table(scores), _coverage_table(scores)))
        if scores.most_confused():
            console.print(_confusion_table(scores))


def render_html(evaluation: Evaluation, path: str | PathLike[str], errors: Sequence[ErrorRow] = ()) -> None:
    """Write the scores as one self-contained right-to-left page; whatever comes from labels and articles is escaped.

    Parameters
    ----------
    evaluation : Evaluation
    path : str or path-like
        The file to write.
    errors : sequence of ErrorRow
        Wrong predictions to show, in this order.

    Raises
    ------
    ClassifierError
        If jinja2 is missing.
    DataError
        If the file can't be written.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise ClassifierError(
            "the HTML report needs jinja2: pip install 'arabic-news-classifier[html]', or leave the report out"
        ) from error
    environment = Environment(
        loader=PackageLoader("classifier"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"score": _score, "percent": _percent}
    page = environment.get_template("report.html.j2").render(
        evaluation=evaluation, errors=errors, name_of=name_of, matrix=_confusion_matrix, task_names=_TASK_NAMES_AR
    )
    try:
        # Half of a surrogate pair, which scraped JSON may hold, has no UTF-8.
        Path(path).write_text(page, encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(f"can't write the report to {path}: {error.strerror or error}") from error


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _heading(text: str) -> "Text":
    from rich.text import Text

    return Text(_visible(text), style="bold")


def _visible(text: str) -> str:
    """Drop control characters: those of a terminal may do anything, those of direction reorder the line."""
    return "".join(char for char in text if char.isprintable())


def _cell(text: str | None) -> "Text":
    """Make a cell of a label; its code is never read as rich's markup."""
    from rich.text import Text

    visible = "(none)" if text is None else _visible(text)
    if not any(unicodedata.bidirectional(char) in {"R", "AL"} for char in visible):
        return Text(visible)
    # Or a terminal that reorders would take the numbers of the next columns into the Arabic run. Marks, not isolates:
    # old terminals and cp1256 have them too. Folded here: rich would leave a line without its marks.
    lines = (f"{_LEFT_TO_RIGHT_MARK}{line}{_LEFT_TO_RIGHT_MARK}" for line in wrap(visible, _ARABIC_WIDTH))
    return Text("\n".join(lines), no_wrap=True)


def _table(*headers: str, n_left: int = 0) -> "Table":
    """Make a table whose first `n_left` columns hold words, the others numbers."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for i, header in enumerate(headers):
        table.add_column(header, justify="left" if i < n_left else "right", no_wrap=i >= n_left)
    return table


def _label_table(task: str, scores: TaskEvaluation, min_support: int) -> "Table":
    table = _table("label", "name", "articles", "precision", "recall", "F1", n_left=2)
    for label in scores.labels:
        numbers = (_score(value) for value in (label.precision, label.recall, label.f1))
        table.add_row(_cell(label.code), _cell(_english_name(task, label.code)), f"{label.support:,}", *numbers)
    table.add_section()
    n_pairs = sum(label.support for label in scores.labels)
    micro = (_score(value) for value in (scores.micro_precision, scores.micro_recall, scores.micro_f1))
    table.add_row("micro", "", f"{n_pairs:,}", *micro)
    table.add_row("macro", f"{min_support}+ articles", "", "", "", _score(scores.macro_f1))
    return table


def _english_name(task: str, code: str) -> str:
    name = name_of(task, code)
    # A label of a user's own is named by itself: once is enough.
    return "" if name == LabelName(code, code, code) else name.name_en


def _key_figures(scores: TaskEvaluation) -> "Table":
    low, high = scores.primary_accuracy_interval
    table = _table("first label", "", "", n_left=1)
    table.add_row("accuracy", _score(scores.primary_accuracy), f"95%: {low:.3f} to {high:.3f}")
    table.add_row("macro F1", _score(scores.primary_macro_f1))
    table.add_row("is among the right ones", _score(scores.top_in_gold))
    table.add_row("none stated where there is none", _score(scores.none_recall))
    table.add_row("expected calibration error", _score(scores.calibration_error))
    return table


def _calibration_table(scores: TaskEvaluation) -> "Table":
    table = _table("probability", "articles", "mean", "right")
    for b in scores.reliability:
        table.add_row(f"{b.low:.1f} to {b.high:.1f}", f"{b.n_articles:,}", _score(b.probability), _score(b.accuracy))
    return table


def _coverage_table(scores: TaskEvaluation) -> "Table":
    table = _table("kept", "articles", "from", "right")
    for point in scores.coverage:
        table.add_row(
            _percent(point.coverage), f"{point.n_articles:,}", _score(point.threshold), _score(point.accuracy)
        )
    return table


def _side_by_side(left: "Table", right: "Table") -> "Table":
    from rich.table import Table

    grid = Table.grid(padding=(0, 4))
    grid.add_row(left, right)
    return grid


def _confusion_table(scores: TaskEvaluation) -> "Table":
    table = _table("most confused: right", "predicted", "articles", n_left=2)
    for pair in scores.most_confused():
        table.add_row(_cell(pair.gold), _cell(pair.predicted), f"{pair.count:,}")
    return table


@dataclass(frozen=True, slots=True)
class _MatrixCell:
    """A count, its share of the row (0..1), and whether it holds right, wrong or (of the rest) both predictions."""

    count: int
    share: float
    kind: str


@dataclass(frozen=True, slots=True)
class _Matrix:
    """Rows of right labels, columns of predicted ones, both in the order of `codes`; None stands for no label."""

    codes: list[str | None]
    rows: list[list[_MatrixCell]]


def _confusion_matrix(scores: TaskEvaluation) -> _Matrix:
    codes = _matrix_codes(scores)
    counts: Counter[tuple[str | None, str | None]] = Counter()
    for pair in scores.primary_pairs:
        gold, predicted = (code if code in codes else _OTHER for code in (pair.gold, pair.predicted))
        counts[gold, predicted] += pair.count
    return _Matrix(codes, [_matrix_row(gold, codes, counts) for gold in codes])


def _matrix_codes(scores: TaskEvaluation) -> list[str | None]:
    """Choose the labels of the matrix, most frequent first, then the rest as one, then none."""
    totals: Counter[str | None] = Counter()
    for pair in scores.primary_pairs:
        totals[pair.gold] += pair.count
        totals[pair.predicted] += pair.count
    named = [code for code, _ in totals.most_common() if code is not None]
    rest = [_OTHER] if len(named) > _MAX_MATRIX else []
    return [*named[:_MAX_MATRIX], *rest, *([None] if None in totals else [])]


def _matrix_row(
    gold: str | None, codes: Iterable[str | None], counts: Counter[tuple[str | None, str | None]]
) -> list[_MatrixCell]:
    row = {code: counts[gold, code] for code in codes}
    total = sum(row.values()) or 1
    return [
        _MatrixCell(count, count / total, "wrong" if code != gold else "both" if code == _OTHER else "right")
        for code, count in row.items()
    ]
