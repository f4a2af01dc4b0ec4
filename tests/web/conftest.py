from collections.abc import Iterator

import pytest

from tests.web.running import Node, node


@pytest.fixture(scope="session")
def web() -> Iterator[Node]:
    with node() as running:
        yield running
