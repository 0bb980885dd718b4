import pytest
from .netbench import Bench

from mizu.base.clock import Clock


@pytest.fixture
def bench():
    bench = Bench(Clock())
    yield bench
    for stream in bench.streams:
        stream.abort()
    bench.reactor.close()
