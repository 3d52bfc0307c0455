"""Label Arabic news articles by topic and region.

Names are imported when first used, so that ``import classifier`` costs next to nothing.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from classifier.article import Article as Article
    from classifier.data import read_articles as read_articles
    from classifier.errors import ClassifierError as ClassifierError
    from classifier.errors import ConfigError as ConfigError
    from classifier.errors import DataError as DataError
    from classifier.errors import InvalidTextError as InvalidTextError
    from classifier.errors import ModelFormatError as ModelFormatError
    from classifier.errors import UnknownLabelError as UnknownLabelError
    from classifier.evaluate import evaluate as evaluate
    from classifier.features import CharNgramTfidf as CharNgramTfidf
    from classifier.model import NewsClassifier as NewsClassifier
    from classifier.normalize import normalize_text as normalize_text
    from classifier.prediction import Label as Label
    from classifier.prediction import Prediction as Prediction
    from classifier.predictor import Predictor as Predictor

_HOME = {
    "Article": "article",
    "CharNgramTfidf": "features",
    "ClassifierError": "errors",
    "ConfigError": "errors",
    "DataError": "errors",
    "InvalidTextError": "errors",
    "Label": "prediction",
    "ModelFormatError": "errors",
    "NewsClassifier": "model",
    "Prediction": "prediction",
    "Predictor": "predictor",
    "UnknownLabelError": "errors",
    "evaluate": "evaluate",
    "normalize_text": "normalize",
    "read_articles": "data",
}
__all__ = [
    "Article",
    "CharNgramTfidf",
    "ClassifierError",
    "ConfigError",
    "DataError",
    "InvalidTextError",
    "Label",
    "ModelFormatError",
    "NewsClassifier",
    "Prediction",
    "Predictor",
    "UnknownLabelError",
    "evaluate",
    "normalize_text",
    "read_articles",
]


def __getattr__(name: str) -> object:
    """Import a public name from the module that defines it."""
    if name not in _HOME:
        raise AttributeError(f"module 'classifier' has no attribute {name!r}")
    return getattr(import_module(f"classifier.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """Keeps the module `classifier.evaluate`, once it is imported, from taking the place of the function."""

    @property
    def evaluate(self) -> object:
        return __getattr__("evaluate")

    @evaluate.setter
    def evaluate(self, module: ModuleType) -> None:
        """Do nothing."""


sys.modules[__name__].__class__ = _Package
