"""What `train` does: read, score a held-out part, fit on all, save."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classifier.article import Article
from classifier.card import model_card
from classifier.config import Config
from classifier.data import LabelledArticles, read_articles
from classifier.errors import DataError
from classifier.evaluate import Evaluation, evaluate
from classifier.persistence import check_writable, save_scorer
from classifier.training import Labels, held_out_fold, train

__all__ = ["Run"]

Status = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the command.

    Parameters
    ----------
    sources : sequence of str
        Files of labelled articles.
    output : Path
        The model folder.
    task_columns : mapping of str to str
    text, title, group, encoding
        As on the command line.
    config : Config
    jobs : int
    """

    sources: Sequence[str]
    output: Path
    task_columns: Mapping[str, str]
    text: str
    title: str
    group: str | None
    encoding: str
    config: Config
    jobs: int = 1

    def execute(
        self, *, with_report: bool, status: Status, on_data: Callable[[LabelledArticles], None]
    ) -> Evaluation | None:
        """Train and save; return the held-out scores if `with_report`.

        Raises
        ------
        DataError
            If the data or the output place can't be used.
        """
        check_writable(self.output)
        with status(f"reading {', '.join(self.sources)}"):
            data = self._read()
        on_data(data)
        labels = {task: column for task, column in data.labels.items() if any(cell is not None for cell in column)}
        if not labels:
            raise DataError(f"{', '.join(self.sources)}: no record has both a text and labels: nothing to learn from")
        evaluation = None
        if with_report:
            with status(f"scoring a held-out part of {len(data)} articles"):
                evaluation = self._held_out(data.articles, labels, data.groups)
        with status(f"training on {len(data)} articles"):
            scorer = train(data.articles, labels, self.config, groups=data.groups, n_jobs=self.jobs)
        sources = [f"{source} (sha256 {_hash(source)})" for source in self.sources]
        card = model_card(scorer, sources=sources, evaluation=evaluation, command=f"train.py {' '.join(self.sources)}")
        extra: dict[str, Any] = {"data": sources, "metrics": evaluation.to_dict() if evaluation else None}
        save_scorer(scorer, self.output, card=card, extra=extra)
        return evaluation

    def _read(self) -> LabelledArticles:
        parts = [
            read_articles(
                source,
                task_columns=self.task_columns,
                text=self.text,
                title=self.title,
                group=self.group,
                encoding=self.encoding,
            )
            for source in self.sources
        ]
        return parts[0] if len(parts) == 1 else _concatenate(parts)

    def _held_out(
        self, articles: Sequence[Article], labels: Mapping[str, Labels], groups: Sequence[str] | None
    ) -> Evaluation:
        held_out = held_out_fold(articles, groups, self.config)
        inside, outside = np.flatnonzero(~held_out).tolist(), np.flatnonzero(held_out).tolist()
        try:
            scorer = train(
                [articles[i] for i in inside],
                {task: [column[i] for i in inside] for task, column in labels.items()},
                self.config,
                groups=[groups[i] for i in inside] if groups is not None else None,
                n_jobs=self.jobs,
            )
        except DataError as error:
            raise DataError(f"apart from those held out to score on: {error}; --no-report trains on all") from error
        predictions = scorer.predict([articles[i] for i in outside], self.jobs)
        return evaluate(predictions, {task: [column[i] for i in outside] for task, column in labels.items()})


def _concatenate(parts: Sequence[LabelledArticles]) -> LabelledArticles:
    tasks = dict.fromkeys(task for part in parts for task in part.labels)
    labels = {task: [cell for part in parts for cell in part.labels.get(task, [None] * len(part))] for task in tasks}
    groups = [g for part in parts for g in part.groups or []]
    if groups and len(groups) != sum(map(len, parts)):
        raise DataError("the group column must be in all files or in none")
    return LabelledArticles(
        [a for part in parts for a in part.articles],
        labels,
        groups or None,
        [p for part in parts for p in part.positions],
        [r for part in parts for r in part.rejects],
    )


def _hash(source: str) -> str:
    path = Path(source)
    if not path.is_file():
        return "not one file"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
