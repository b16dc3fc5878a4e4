"""A short run of every fuzzer, always with the same seeds."""
import pytest

from tests.fuzz import registry

ITERATIONS = 100


@pytest.mark.parametrize("name", registry.names())
@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_found(name, seed):
    registry.run(name, seed, ITERATIONS)


def test_the_canary_sings():
    with pytest.raises(AssertionError, match="the canary sings"):
        registry.run(registry.CANARY, 1, 1)
