"""The examples in the parts of the pages hold."""

import doctest
from types import ModuleType

import pytest

from core.http import guard as serving
from pages.parts.footage import clip_fields
from pages.parts.gallery import moment
from pages.parts.run import presets
from pages.parts.shell import markdown


@pytest.mark.parametrize(
    "module", [presets, serving, clip_fields, moment, markdown], ids=lambda module: module.__name__
)
def test_examples(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
