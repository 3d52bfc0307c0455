"""The model card: README.md of a model folder."""

from collections.abc import Mapping, Sequence

from classifier.evaluate import Evaluation
from classifier.scorer import NONE, Scorer

__all__ = ["model_card"]


def model_card(
    scorer: Scorer, *, sources: Sequence[str], evaluation: Evaluation | None, command: str, notes: str = ""
) -> str:
    """Return the text of the card.

    Parameters
    ----------
    scorer : Scorer
    sources : sequence of str
        What it was trained on, a line each, licences included.
    evaluation : Evaluation or None
        Held-out scores.
    command : str
        What makes the model again.
    notes : str
        Limits and more, in Markdown.
    """
    lines = ["# Arabic news classifier: model card", "", "## Made by", "", f"    {command}", "", "## Trained on", ""]
    lines += [f"- {source}" for source in sources]
    lines += ["", "## Tasks", ""]
    lines += [
        f"- `{t.name}`: {len(t.labels)} labels, {len(set(t.heads) - {NONE})} with n-gram weights"
        for t in scorer.tasks.values()
    ]
    if evaluation is not None:
        lines += ["", "## Scores on held-out articles", "", *_scores(evaluation)]
    return "\n".join([*lines, "", notes]).rstrip() + "\n"


def _scores(evaluation: Evaluation) -> list[str]:
    lines: list[str] = []
    for name, task in evaluation.to_dict()["tasks"].items():
        lines += [f"### {name}", "", "| label | support | precision | recall | F1 |", "|---|---|---|---|---|"]
        lines += [_row(row) for row in task["labels"]]
        lines.append("")
    return lines


def _row(row: Mapping[str, object]) -> str:
    return f"| {row['code']} | {row['support']} | {_ratio(row['precision'])} | {_ratio(row['recall'])} | {_ratio(row['f1'])} |"


def _ratio(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "-"
