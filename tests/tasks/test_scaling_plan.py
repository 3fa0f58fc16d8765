"""The plan of docs/scaling.md: the simulation gives what can be told by hand."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "scaling_plan.py"


@pytest.fixture(scope="module")
def plan():
    spec = importlib.util.spec_from_file_location("scaling_plan", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["scaling_plan"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["scaling_plan"]


@pytest.fixture
def costs(plan):
    """Ten seconds of a core, 5 MB in, 45 MB out."""
    return plan.Costs(read=1, network=7, write=2, bytes_in=5e6, bytes_out=45e6)


@pytest.mark.parametrize("workers", [1, 4, 8])
def test_where_the_store_is_no_limit_cores_share_the_work(plan, costs, workers):
    out = plan.simulate(400, workers, costs)
    assert out.seconds == pytest.approx(400 * 10 / workers)
    assert out.core == pytest.approx(4000)
    assert out.bytes == pytest.approx(400 * 50e6)
    assert out.deaths == 0


def test_what_is_fetched_and_put_meanwhile_costs_its_first_and_its_last_time(plan, costs):
    # 5 MB at 10 MB/s before the first, 45 MB after the last; both take less than the core does.
    out = plan.simulate(100, 1, costs, plan.Store(stream=10e6, latency=0.25))
    assert out.seconds == pytest.approx(0.75 + 1000 + 4.75)


def test_a_slow_connection_of_a_worker_is_its_limit(plan, costs):
    # 45 MB at 3 MB/s take 15 s, and ten of the core wait for them.
    out = plan.simulate(200, 1, costs, plan.Store(stream=3e6))
    assert out.seconds == pytest.approx(200 * 15, rel=0.01)


def test_the_store_becomes_the_limit_where_it_is_said_to(plan, costs):
    store = plan.Store(total=100e6)
    assert store.limit(costs) == pytest.approx(20)
    at_most = 1000 * 50e6 / 100e6
    for workers, seconds in ((10, 1000 * 10 / 10), (40, at_most), (160, at_most)):
        assert plan.simulate(1000, workers, costs, store).seconds == pytest.approx(seconds, rel=0.06)
    # Half the limit: half of the store.
    out = plan.simulate(1000, 10, costs, store)
    assert out.bytes / out.seconds == pytest.approx(50e6, rel=0.02)


def test_deaths_cost_what_was_begun_and_a_start(plan, costs):
    # A picture survives with exp(-10/100); until then a death costs, on average, its share and 20 s.
    failures = plan.Failures(between=100, start=20)
    out = plan.simulate(4000, 4, costs, None, failures)
    survives = 2.718281828 ** -(10 / 100)
    assert out.deaths / 4000 == pytest.approx(1 / survives - 1, rel=0.1)
    # Memoryless: the core works 100 s a death, whatever a picture takes.
    assert out.core == pytest.approx(4000 * 100 * (1 / survives - 1), rel=0.1)
    assert out.seconds == pytest.approx((out.core + 20 * out.deaths) / 4, rel=0.02)


def test_broken_pictures_cost_their_reading(plan, costs):
    out = plan.simulate(2000, 2, costs, plan.Store(), plan.Failures(broken=0.5))
    assert out.core == pytest.approx(1000 * 1 + 1000 * 10, rel=0.1)


def test_costs_of_another_size_are_in_proportion(plan):
    found = {
        "megapixels": 12, "read": 0.3, "write": 6, "bytes_in": 4e6, "bytes_out": 6e7, "networks": {"a": 2.0},
    }  # fmt: skip
    assert plan.costs_of(found, "a", 24) == plan.Costs(0.6, 48, 12, 8e6, 1.2e8)
