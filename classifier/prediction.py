"""What a prediction says: plain values, no model needed to read them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from classifier.errors import UnknownLabelError

__all__ = ["Label", "Prediction"]


class Label(NamedTuple):
    """One stated label.

    Attributes
    ----------
    code : str
    name_ar, name_en : str
        Names of the shipped scheme; the code itself for a label of a user's own.
    probability : float
        Calibrated, 0..1. Of the first label of a task: that it is the primary one; of the others: that it holds.
    score : float
        Raw decision value, unbounded; labels are ordered by it.
    """

    code: str
    name_ar: str
    name_en: str
    probability: float
    score: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The labels of one article, a tuple a task, the first of it the primary label.

    Attributes
    ----------
    tasks : mapping of str to tuple of Label
        An empty tuple says that the text has no evidence for any label.
    id : str or None
        The article's id.
    """

    tasks: Mapping[str, tuple[Label, ...]] = field(default_factory=dict)
    id: str | None = None

    def __getitem__(self, task: str) -> tuple[Label, ...]:
        """Return the labels of a task; UnknownLabelError names the tasks there are."""
        if task not in self.tasks:
            raise UnknownLabelError(f"task must be one of {', '.join(self.tasks)}, got {task!r}")
        return self.tasks[task]

    @property
    def topic(self) -> Label | None:
        """The primary topic, if there is one."""
        return next(iter(self.topics), None)

    @property
    def topics(self) -> tuple[Label, ...]:
        """All topics, primary first."""
        return self["topic"]

    @property
    def country(self) -> Label | None:
        """The central country, if there is one."""
        return next(iter(self.countries), None)

    @property
    def countries(self) -> tuple[Label, ...]:
        """All countries, the central one first."""
        return self["country"]

    @property
    def region(self) -> Label | None:
        """The region of the central country, if there is one."""
        return next(iter(self.regions), None)

    @property
    def regions(self) -> tuple[Label, ...]:
        """The regions of all countries."""
        return self["region"]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON: a list of codes with probabilities a task."""
        record: dict[str, Any] = {"id": self.id} if self.id is not None else {}
        for task, labels in self.tasks.items():
            record[task] = [{"code": x.code, "probability": round(x.probability, 4)} for x in labels]
        return record
