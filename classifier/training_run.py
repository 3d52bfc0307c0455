"""What `train` does: read, score a held-out part, fit on all, save."""

import hashlib
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from classifier.article import Article
from classifier.card import model_card
from classifier.config import Config
from classifier.data import LabelledArticles, Record, Reject, iter_records, read_articles
from classifier.errors import DataError
from classifier.evaluate import Evaluation, evaluate
from classifier.persistence import check_writable, load_base, save_scorer
from classifier.scorer import Scorer
from classifier.streaming import batched
from classifier.training import Labels, held_out_fold, train

__all__ = ["Run"]

_BATCH_RECORDS = 4096
_MOST_REJECTS_KEPT = 5

Status = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True)
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
    base : str or None
        A model folder whose scores are features too, or ``"shipped"``.
    jobs : int
    options : str
        As on the command line, for the card.
    """

    sources: Sequence[str]
    output: Path
    task_columns: Mapping[str, str]
    text: str
    title: str
    group: str | None
    encoding: str
    config: Config
    base: str | None = None
    jobs: int = 1
    options: str = ""

    @property
    def columns(self) -> dict[str, Any]:
        """How files are read: options of `read_articles` and `iter_records`."""
        names = {"text": self.text, "title": self.title, "group": self.group, "encoding": self.encoding}
        return {"task_columns": self.task_columns, **names}

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
        base = self._base  # Before the data, which may take long to read.
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
            scorer = train(data.articles, labels, self.config, base=base, groups=data.groups, n_jobs=self.jobs)
        self._save(scorer, evaluation)
        return evaluation

    def execute_out_of_core(
        self,
        *,
        with_report: bool,
        scratch: Path | None,
        status: Status,
        on_rejects: Callable[[Sequence[Reject], int], None],
    ) -> Evaluation | None:
        """Do the same in memory that does not grow with the data, as `train_out_of_core` says.

        Parameters
        ----------
        scratch : Path or None
            A folder on a disk with room; None for that of the output.
        on_rejects : callable
            Called with the first bad records and how many there are.

        Raises
        ------
        DataError
            If the data, the scratch folder or the output place can't be used.
        """
        from classifier.out_of_core import train_out_of_core

        check_writable(self.output)
        reader = _Reader(self)
        place = scratch or self.output.parent
        try:
            with TemporaryDirectory(prefix=".scratch-", dir=place) as folder, status("training out of core"):
                scorer, evaluation = train_out_of_core(
                    reader.read, list(self.task_columns), self.config, scratch=Path(folder), with_report=with_report
                )
        except OSError as error:
            raise DataError(f"{place}: can't write there: {error.strerror or error}") from error
        on_rejects(reader.rejects, reader.n_rejects)
        self._save(scorer, evaluation)
        return evaluation

    @cached_property
    def _base(self) -> Scorer | None:
        return load_base(self.base) if self.base is not None else None

    def _save(self, scorer: Scorer, evaluation: Evaluation | None) -> None:
        sources = [f"{source} (sha256 {_hash(source)})" for source in self.sources]
        if self.base is not None:
            sources.append(f"the scores of the model {self.base}, which its own card describes")
        command = f"train.py {shlex.join(self.sources)} {self.options}".rstrip()
        card = model_card(scorer, sources=sources, evaluation=evaluation, command=command)
        extra: dict[str, Any] = {"data": sources, "metrics": evaluation.to_dict() if evaluation else None}
        save_scorer(scorer, self.output, card=card, extra=extra)

    def _read(self) -> LabelledArticles:
        parts = [read_articles(source, **self.columns) for source in self.sources]
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
                base=self._base,
                groups=[groups[i] for i in inside] if groups is not None else None,
                n_jobs=self.jobs,
            )
        except DataError as error:
            raise DataError(f"apart from those held out to score on: {error}; --no-report trains on all") from error
        predictions = scorer.predict([articles[i] for i in outside], self.jobs)
        return evaluate(predictions, {task: [column[i] for i in outside] for task, column in labels.items()})


class _Reader:
    """Reads the files of a run again and again, and keeps the first bad records of the first time."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.rejects: list[Reject] = []
        self.n_rejects = 0
        self._n_reads = 0

    def read(self) -> Iterator[list[Record]]:
        """Yield the records, some thousands at a time."""
        self._n_reads += 1
        for source in self.run.sources:
            for batch in batched(iter_records(source, **self.run.columns), _BATCH_RECORDS):
                if self._n_reads == 1:
                    self._note_rejects(batch)
                yield batch

    def _note_rejects(self, batch: Sequence[Record]) -> None:
        bad = [Reject(record.position, record.error) for record in batch if record.error is not None]
        self.n_rejects += len(bad)
        self.rejects += bad[: _MOST_REJECTS_KEPT - len(self.rejects)]


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
