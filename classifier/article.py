"""`Article`: what is labelled."""

from dataclasses import dataclass, field
from typing import Self, TypeAlias

from classifier.errors import InvalidTextError

__all__ = ["Article", "Spans"]

Spans: TypeAlias = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Article:
    """An article to label.

    Two articles are equal if they say the same: the page that they were taken from doesn't count.

    Parameters
    ----------
    text : str
        The body.
    title : str
        The headline; may be empty.
    id : str or None
        The caller's own key.
    home : str or None
        A hint: the country of the outlet, an ISO 3166 alpha-2 code.
    source : str or None
        The page, for an article made by `from_page`: the string as it was given, or what was extracted from HTML.
    title_spans, text_spans : tuple of (int, int, int)
        Pieces (start in title or text, start in `source`, length) that cover all of title and text; empty without
        `source`. `classifier.pages.page_ranges` reads them.

    Raises
    ------
    InvalidTextError
        If `text` or `title` is not a str.
    """

    text: str
    title: str = ""
    id: str | None = None
    home: str | None = None
    source: str | None = field(default=None, repr=False, compare=False)
    title_spans: Spans = field(default=(), repr=False, compare=False)
    text_spans: Spans = field(default=(), repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what is no text."""
        for name in ("text", "title"):
            if not isinstance(getattr(self, name), str):
                raise InvalidTextError(f"Article.{name} must be str, got {getattr(self, name)!r:.40}")

    @classmethod
    def from_page(cls, page: str, *, id: str | None = None, home: str | None = None) -> Self:
        r"""Make an article of a page as it was scraped: find the headline, drop share buttons, captions, boxes.

        Parameters
        ----------
        page : str
            Plain text, or HTML with the extra ``html``. One paragraph is a text without a title.
        id, home : str or None
            As for the class.

        Raises
        ------
        InvalidTextError
            If `page` is not a str.
        DataError
            If `page` is HTML, and the extra isn't installed or no article is found in it.

        Examples
        --------
        >>> Article.from_page("العراق يقيم سواتر ترابية\nEmail\nبدأت القوات العراقية إقامة سواتر.")
        Article(text='بدأت القوات العراقية إقامة سواتر.', title='العراق يقيم سواتر ترابية', id=None, home=None)
        """
        from classifier.pages import clean_page  # keeps `import classifier.article` cheap

        clean = clean_page(page)
        return cls(clean.text, clean.title, id, home, clean.page, clean.title_spans, clean.text_spans)
