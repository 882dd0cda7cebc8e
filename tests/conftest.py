"""Fixtures that every test may use, and the rule that continuous integration skips no oracle and no wall."""

import os
from collections.abc import Generator

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

torch.set_num_threads(1)

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
SOAK_SECONDS = 3600
NEVER_SKIPPED = ("oracle", "browser", "wall")


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> torch.device:
    """The processor, and a CUDA device where there is one."""
    return torch.device(request.param)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI a skipped oracle, browser or wall test is a failure: the comparison did not happen."""
    report = yield
    required = any(item.get_closest_marker(name) for name in NEVER_SKIPPED)
    if report.skipped and required and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped under CI, where it must run: {report.longrepr}"
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs the grader's wall; soak tests run only when asked for (`make soak`), and take long."""
    for item in items:
        if "walled" in getattr(item, "fixturenames", ()):
            item.add_marker("wall")
        if item.get_closest_marker("soak") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SOAK_SECONDS))
    if not os.environ.get("SOAK"):
        soak = [item for item in items if item.get_closest_marker("soak")]
        config.hook.pytest_deselected(items=soak)
        items[:] = [item for item in items if item not in soak]


@pytest.fixture(scope="session")
def walled() -> bool:
    """Whether a wall can be built; without one the test is skipped, and fails in continuous integration."""
    from course_lib.grading.wall import problem

    if why := problem():
        pytest.skip(f"NO WALL HERE, THE GRADER IS NOT TESTED: {why}")
    return True
