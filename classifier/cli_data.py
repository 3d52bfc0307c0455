"""The `data` commands: list, fetch and convert the public corpora."""

from pathlib import Path
from typing import Annotated

import typer

from classifier import corpora

__all__ = ["data_app"]

data_app = typer.Typer(no_args_is_help=True, help="List, fetch and convert public corpora of Arabic news.")

_Name = Annotated[str, typer.Argument(help="A corpus, as `data list` names it.")]
_Mirror = Annotated[
    str | None, typer.Option(metavar="DIR-or-URL", help="Folder or https address that holds copies of the archives.")
]
_Cache = Annotated[Path | None, typer.Option(help="Folder of the downloads (default: the user's cache folder).")]


@data_app.command("list")
def list_corpora() -> None:
    """List the corpora, their terms and how to cite them."""
    from rich.console import Console
    from rich.table import Table

    table = Table(show_lines=True)
    table.add_column("name", no_wrap=True)
    table.add_column("corpus, address, licence, citation", overflow="fold")  # an address that ends in … is no use
    for corpus in corpora.registry().values():
        table.add_row(
            corpus.name, "\n".join((corpus.title, corpus.homepage, corpus.licence, f"Cite: {corpus.citation}"))
        )
    Console().print(table)


@data_app.command()
def fetch(name: _Name, mirror: _Mirror = None, cache: _Cache = None) -> None:
    """Download the archive of a corpus, unless it is here already, and print where it is."""
    typer.echo(corpora.fetch(name, mirror=mirror, cache=cache))


@data_app.command()
def convert(
    name: _Name,
    out: Annotated[str, typer.Argument(help="File to write: .parquet, .jsonl, .jsonl.gz, ..., or - (JSON lines).")],
    mirror: _Mirror = None,
    cache: _Cache = None,
) -> None:
    """Write the articles of a corpus as a table: id, title, text, section, outlet, date, split, lang."""
    count = corpora.convert(name, out, mirror=mirror, cache=cache)
    typer.echo(f"{count:,} articles of {name} written to {out}", err=True)
    typer.echo(f"Cite: {corpora.registry()[name].citation}", err=True)
