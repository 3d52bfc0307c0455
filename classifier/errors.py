"""The errors a caller may want to catch.

ClassifierError
├── InvalidTextError (ValueError, TypeError)   a text is not a str
├── UnknownLabelError (ValueError)             a label or a task that the model or the scheme does not have
├── ConfigError (ValueError)                   a parameter outside its range, an unknown key
├── DataError (ValueError)                     an input file or an output place that can't be used
└── ModelFormatError (ValueError)              a model folder that can't be trusted or read
"""

__all__ = [
    "ClassifierError",
    "ConfigError",
    "DataError",
    "InvalidTextError",
    "ModelFormatError",
    "UnknownLabelError",
]


class ClassifierError(Exception):
    """Base of all errors raised on purpose by this package; its message is one line for a user."""


class InvalidTextError(ClassifierError, ValueError, TypeError):
    """An element of a sequence of texts is not a text."""


class UnknownLabelError(ClassifierError, ValueError):
    """A label or task is not one of those that the model or the label scheme has."""


class ConfigError(ClassifierError, ValueError):
    """A parameter is outside its range or unknown."""


class DataError(ClassifierError, ValueError):
    """A file, a column or an output place cannot be used."""


class ModelFormatError(ClassifierError, ValueError):
    """A model folder is damaged, foreign, or of a format that this version does not read."""
