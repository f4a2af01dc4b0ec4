"""The examples in the parts of the pages hold."""

import doctest
from types import ModuleType

import pytest

from pages.parts import foretelling, serving, words


@pytest.mark.parametrize("module", [foretelling, serving, words], ids=lambda module: module.__name__)
def test_examples(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
