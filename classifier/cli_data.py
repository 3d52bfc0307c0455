"""The `data` commands: list, fetch and convert the public corpora."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

__all__ = ["data"]


@click.group()
def data() -> None:
    """List, fetch and convert public corpora of Arabic news."""


def _places(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where archives come from and go to."""
    mirror = click.option("--mirror", metavar="DIR-or-URL", help="Folder or address that holds copies of the archives.")
    cache = click.option("--cache", type=click.Path(path_type=Path), help="Folder of the downloads.")
    return mirror(cache(command))


@data.command("list")
def list_corpora() -> None:
    """List the corpora, their terms and how to cite them."""
    from rich.console import Console
    from rich.table import Table

    from classifier import corpora

    table = Table(show_lines=True)
    table.add_column("name", no_wrap=True)
    table.add_column("corpus, address, licence, citation", overflow="fold")  # an address that ends in … is no use
    for corpus in corpora.registry().values():
        table.add_row(
            corpus.name, "\n".join((corpus.title, corpus.homepage, corpus.licence, f"Cite: {corpus.citation}"))
        )
    Console().print(table)


@data.command()
@click.argument("name")
@_places
def fetch(name: str, mirror: str | None, cache: Path | None) -> None:
    """Download the archive of corpus NAME, unless it is here already, and print where it is."""
    from classifier import corpora

    click.echo(corpora.fetch(name, mirror=mirror, cache=cache))


@data.command()
@click.argument("name")
@click.argument("out")
@_places
def convert(name: str, out: str, mirror: str | None, cache: Path | None) -> None:
    """Write the articles of corpus NAME as a table: id, title, text, section, outlet, date, split, lang.

    OUT ends in .parquet, .jsonl, .jsonl.gz, ..., or is - for JSON lines on stdout.
    """
    from classifier import corpora

    count = corpora.convert(name, out, mirror=mirror, cache=cache)
    click.echo(f"{count:,} articles of {name} written to {out}", err=True)
    click.echo(f"Cite: {corpora.registry()[name].citation}", err=True)
