"""The examples in the parts of the pages hold."""

import doctest
from types import ModuleType

import pytest

from core.http import guard as serving
from pages.parts.run import presets as foretelling
from pages.parts.shell import format as words


@pytest.mark.parametrize("module", [foretelling, serving, words], ids=lambda module: module.__name__)
def test_examples(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
