"""The command line: `train`, `predict`, `evaluate`, `explain`, `data`. Data on stdout, the rest on stderr."""

import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from classifier.cli_data import data
from classifier.errors import ClassifierError, ConfigError, DataError

if TYPE_CHECKING:
    from rich.console import Console

    from classifier.config import Config
    from classifier.data import LabelledArticles, Reject
    from classifier.evaluate import Evaluation
    from classifier.prediction import Prediction
    from classifier.predictor import Predictor
    from classifier.report import ErrorRow
    from classifier.streaming import StreamOptions

__all__ = ["cli", "main"]

STARTER = Path("datasets") / "starter" / "articles.jsonl"
DEFAULT_TASKS = {"topic": "topics", "country": "countries"}
_MOST_REJECTS_SHOWN = 5
_MOST_ERRORS_SHOWN = 10
_SAME_MODEL = ("output", "json_path", "jobs", "scratch", "report")
_FILE = click.Path(path_type=Path)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0, 1 for an error, 2 for wrong usage, 130 when interrupted."""
    try:
        cli.main(args=list(sys.argv[1:] if args is None else args), prog_name="classifier", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted: nothing was left half-written", 130)
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code)
    except ClassifierError as error:
        return _fail(str(error), 1)
    except OSError as error:  # not of a pipe whose reader went away: click leaves in silence then
        return _fail(f"{error.filename or 'system'}: {error.strerror or error}", 1)
    return 0


def _fail(message: str, code: int) -> int:
    sys.stderr.write("error: " + " ".join(message.split()) + "\n")
    return code


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Label Arabic news articles by topic and region."""


cli.add_command(data)


def _columns(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how the input is read."""
    for option in (
        click.option(
            "--encoding", default="utf-8", show_default=True, help="Of the input; old archives are often cp1256."
        ),
        click.option("--title", default="title", show_default=True, help="The column of the headline."),
        click.option("--text", default="text", show_default=True, help="The column of the text."),
    ):
        command = option(command)
    return command


_task = click.option(
    "--task",
    "tasks",
    multiple=True,
    metavar="NAME=COLUMN",
    help="A task and the column of its labels; may be repeated.",
)
_model = click.option("--model", type=_FILE, help="A model folder; without it the shipped news model.")
_jobs = click.option("--jobs", default=1, show_default=True, help="Threads; -1 for all processors.")
_json = click.option("--json", "json_path", type=_FILE, help="Write all figures there.")


def _as_given(context: click.Context) -> str:
    """Return the options that were given, but for those that change nothing in the model."""
    words: list[str] = []
    for option in context.command.params:
        given = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if isinstance(option, click.Option) and given and option.name not in _SAME_MODEL:
            value = context.params[option.name or ""]
            values = value if option.multiple else [value]
            words += [option.opts[0]] if option.is_flag else [w for v in values for w in (option.opts[0], str(v))]
    return shlex.join(words)


@cli.command()
@click.argument("data", nargs=-1)
@click.option(
    "--output", type=_FILE, default=Path("models/default"), show_default=True, help="The model folder to write."
)
@_task
@_columns
@click.option("--preset", type=click.Choice(["news", "char"]), default="news", show_default=True)
@click.option("--config", "config_path", type=_FILE, help="A TOML file in a preset's place.")
@click.option("--base", metavar="MODEL", help="For few labels: read the scores of a model, too; a folder, or shipped.")
@click.option("--group", help="A column; rows of a group are held out together.")
@click.option("--report/--no-report", default=True, help="Score a held-out part first.")
@_json
@_jobs
@click.option("--seed", default=0, show_default=True, help="Same data and seed, same model.")
@click.option("--out-of-core", is_flag=True, help="For data beyond memory: features wait on disk, 20 kB an article.")
@click.option("--scratch", type=_FILE, help="A folder for them; without it the output's.")
def train(
    data: tuple[str, ...],
    output: Path,
    tasks: tuple[str, ...],
    text: str,
    title: str,
    encoding: str,
    preset: str,
    config_path: Path | None,
    base: str | None,
    group: str | None,
    report: bool,
    json_path: Path | None,
    jobs: int,
    seed: int,
    out_of_core: bool,
    scratch: Path | None,
) -> None:
    """Train on labelled articles DATA (without: the starter corpus), report on a held-out part, save a model folder."""
    from classifier.training_run import Run

    if base is not None and out_of_core:
        raise click.UsageError("--base needs all articles in memory: leave out --out-of-core")
    run = Run(
        sources=data or (_starter(),),
        output=output,
        task_columns=_task_columns(tasks),
        text=text,
        title=title,
        group=group,
        encoding=encoding,
        config=_config(preset, config_path, seed),
        base=base,
        jobs=jobs,
        options=_as_given(click.get_current_context()),
    )
    if out_of_core:
        evaluation = run.execute_out_of_core(
            with_report=report, scratch=scratch, status=_status, on_rejects=_report_rejects
        )
    else:
        evaluation = run.execute(
            with_report=report, status=_status, on_data=lambda data: _report_rejects(data.rejects, len(data.rejects))
        )
    if evaluation is not None:
        _print_report(evaluation, json_path)
    sys.stderr.write(f"saved {output}\n")


@cli.command()
@click.argument("sources", metavar="INPUT", nargs=-1, required=True)
@_model
@click.option(
    "--output",
    default="-",
    show_default=True,
    help="A .jsonl or .csv file, or - for JSON lines on stdout; a folder with --engine dask.",
)
@_columns
@click.option("--id", "id_", default="id", show_default=True, help="The column of the article's id.")
@click.option("--threshold", type=click.FloatRange(0, 1), help="State only labels at least this probable.")
@click.option("--top", type=click.IntRange(min=1), help="State at most so many labels a task.")
@_jobs
@click.option("--resume", is_flag=True, help="Go on where an interrupted run stopped.")
@click.option(
    "--engine",
    type=click.Choice(["single", "dask"]),
    default="single",
    show_default=True,
    help="dask: many files, or patterns such as 'archive/*.parquet', by many processes or machines.",
)
@click.option("--scheduler", metavar="ADDRESS", help="A running Dask scheduler; without it workers are started here.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes to start here; without it one a processor.")
def predict(
    sources: tuple[str, ...],
    model: Path | None,
    output: str,
    text: str,
    title: str,
    encoding: str,
    id_: str,
    threshold: float | None,
    top: int | None,
    jobs: int,
    resume: bool,
    engine: str,
    scheduler: str | None,
    workers: int | None,
) -> None:
    """Label a file of any size, in constant memory. INPUT may be - for JSON lines on stdin."""
    from classifier.streaming import StreamOptions, predict_file

    options = StreamOptions(text, title, id_, encoding, threshold, top)
    if engine == "dask":
        _check_dask_options(output, jobs, scheduler, workers)
        _predict_archive(sources, output, options, model, scheduler, workers, resume)
        return
    if len(sources) > 1 or scheduler is not None or workers is not None:
        raise click.UsageError("several inputs, --scheduler and --workers need --engine dask")
    source = sources[0]
    predictor = _load(model, jobs)
    with _progress("labelling") as advance:
        result = predict_file(predictor, source, output, options, resume=resume, on_batch=advance)
    before = f", {result.resumed} from before" if resume else ""
    sys.stderr.write(f"labelled {result.labelled} articles, {result.rejected} bad records{before}\n")


@cli.command()
@click.argument("data")
@_model
@_task
@_columns
@_json
@click.option("--report", type=_FILE, help="Write a page with plots and the most confident errors there.")
@_jobs
def evaluate(
    data: str,
    model: Path | None,
    tasks: tuple[str, ...],
    text: str,
    title: str,
    encoding: str,
    json_path: Path | None,
    report: Path | None,
    jobs: int,
) -> None:
    """Score a model on labelled articles DATA."""
    from classifier.data import read_articles
    from classifier.evaluate import evaluate as score

    predictor = _load(model, jobs)
    labelled = read_articles(data, task_columns=_task_columns(tasks), text=text, title=title, encoding=encoding)
    _report_rejects(labelled.rejects, len(labelled.rejects))
    with _status(f"labelling {len(labelled)} articles"):
        predictions = predictor.predict(labelled.articles)
    known = {task: column for task, column in labelled.labels.items() if task in predictor.tasks}
    evaluation = score(predictions, known)
    _print_report(evaluation, json_path)
    if report is not None:
        from classifier.report import render_html

        render_html(evaluation, report, _error_rows(predictor, labelled, predictions, known))
        sys.stderr.write(f"wrote {report}\n")


@cli.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@_model
@click.option("--task", help="One task only; without it all of the model.")
@click.option("--label", help="The label to explain; without it the primary one. Needs --task.")
@click.option("--html", type=_FILE, help="Write a page for a browser there.")
@click.option("--encoding", default="utf-8", show_default=True, help="Of the page.")
def explain(
    file: Path, model: Path | None, task: str | None, label: str | None, html: Path | None, encoding: str
) -> None:
    """Show what in an article made its labels. FILE is one page as text, - for stdin."""
    from rich.console import Console

    from classifier.explain import render_html, render_text

    if label is not None and task is None:
        raise click.UsageError("--label needs --task")
    page = _read_page(file, encoding)
    predictor = _load(model, 1)
    explanations = [predictor.explain(page, name, label) for name in ([task] if task else predictor.tasks)]
    if html is None:
        console = Console()
        for explanation in explanations:
            render_text(explanation, console)
        return
    # Half of a surrogate pair, which scraped text may hold, has no UTF-8.
    html.write_text(render_html(explanations), encoding="utf-8", errors="replace")
    sys.stderr.write(f"wrote {html}\n")


def _check_dask_options(output: str, jobs: int, scheduler: str | None, workers: int | None) -> None:
    if output == "-":
        raise click.UsageError("--engine dask needs --output DIR")
    if jobs != 1:
        raise click.UsageError("--engine dask has --workers in place of --jobs")
    if scheduler is not None and workers is not None:
        raise click.UsageError("--workers is for workers started here, --scheduler has its own")


def _predict_archive(
    sources: Sequence[str],
    output: str,
    options: "StreamOptions",
    model: Path | None,
    scheduler: str | None,
    workers: int | None,
    resume: bool,
) -> None:
    from classifier.archive import predict_archive

    def on_start(dashboard: str) -> None:
        sys.stderr.write(f"dashboard: {dashboard}\n")

    with _progress("labelling files") as advance:
        result = predict_archive(
            sources,
            output,
            options,
            model=model,
            scheduler=scheduler,
            n_workers=workers,
            resume=resume,
            on_start=on_start,
            on_file=advance,
        )
    for file, reason in result.failures.items():
        sys.stderr.write(f"{file}: {reason}\n")
    before = f", {result.resumed} files from before" if resume else ""
    sys.stderr.write(f"labelled {result.labelled} articles, {result.rejected} bad records{before}\n")
    if result.failures:
        raise DataError(f"{len(result.failures)} files were not labelled: mend them and run again with --resume")


def _error_rows(
    predictor: "Predictor", labelled: "LabelledArticles", predictions: "list[Prediction]", gold: Mapping[str, Any]
) -> "list[ErrorRow]":
    """Return the most confident errors of each task, with the evidence for the label that was stated."""
    from classifier.evaluate import confident_errors

    rows: list[ErrorRow] = []
    for task in gold:
        for error in confident_errors(predictions, gold, task, _MOST_ERRORS_SHOWN):
            article = labelled.articles[error.index]
            evidence = predictor.explain(article, task, error.predicted).to_markup()
            row = {"task": task, "title": article.title, "text": article.text, "evidence": evidence}
            rows.append({**row, "gold": error.gold, "predicted": error.predicted, "probability": error.probability})  # type: ignore[typeddict-item]
    return rows


def _read_page(file: Path, encoding: str) -> str:
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return data.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: not {encoding}: {error.reason} at byte {error.start}; see --encoding") from error
    except LookupError as error:
        raise DataError(f"there is no encoding {encoding!r}") from error


def _starter() -> str:
    if not STARTER.is_file():
        raise DataError(f"{STARTER}: not here: run from a checkout of the project, or name files of labelled articles")
    return str(STARTER)


def _config(preset: str, path: Path | None, seed: int) -> "Config":
    from classifier.config import Config

    return (Config.from_file(path) if path else Config.from_preset(preset)).replace_seed(seed)


def _task_columns(tasks: Sequence[str]) -> dict[str, str]:
    if not tasks:
        return dict(DEFAULT_TASKS)
    pairs = [task.partition("=") for task in tasks]
    for name, separator, column in pairs:
        if not (name and separator and column):
            raise ConfigError(f"--task must be NAME=COLUMN, got {name + separator + column!r}")
    return {name: column for name, _, column in pairs}


def _load(model: Path | None, jobs: int) -> "Predictor":
    from classifier.predictor import Predictor

    return Predictor.load(model, n_jobs=jobs)


def _report_rejects(rejects: "Sequence[Reject]", n_rejects: int) -> None:
    """Say on stderr which records were left out: the first, and how many."""
    for reject in rejects[:_MOST_REJECTS_SHOWN]:
        sys.stderr.write(f"record {reject.position}: {reject.reason}\n")
    if n_rejects:
        more = n_rejects - _MOST_REJECTS_SHOWN
        sys.stderr.write(f"{n_rejects} bad records left out{f', {more} not shown' if more > 0 else ''}\n")


def _print_report(evaluation: "Evaluation", path: Path | None) -> None:
    from rich.console import Console

    from classifier.report import render_text

    render_text(evaluation, Console())
    if path is not None:
        try:
            path.write_text(json.dumps(evaluation.to_dict(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise DataError(f"{path}: can't write there: {error.strerror or error}") from error


def _stderr() -> "Console":
    from rich.console import Console

    return Console(stderr=True)


@contextmanager
def _status(what: str) -> Iterator[None]:
    console = _stderr()
    if not console.is_terminal:
        sys.stderr.write(what + "\n")
        yield
        return
    with console.status(what):
        yield


@contextmanager
def _progress(what: str) -> Iterator[Any]:
    """Show a count on stderr while it is a terminal; give the function that advances it."""
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn(what), MofNCompleteColumn(), TimeElapsedColumn())
    console = _stderr()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task(what, total=None)
        yield lambda done, total=None: progress.update(bar, completed=done, total=total)
