"""A scheme of one's own may be of any kind, and may learn slowly: no right one loses a point for that."""

from pathlib import Path

import pytest

from course_lib.grading.assignment import load_assignment
from course_lib.grading.grade import grade_bytes
from course_lib.grading.known import Answer, notebook_of
from course_lib.grading.stations import Station

ROOT = Path(__file__).parents[2]
ANSWER = """
def bias_numbers():
    return {start}


def relative_bias(numbers, places):
    apart = places - places.unsqueeze(-1)
    each = apart.unsqueeze(-1)  # beside as many numbers as there are
    return {bias}
"""
SCHEMES = {  # where the numbers start, and the bias
    "one hill that moves": ("torch.tensor([0.0, 3.0])", "-0.3 * numbers[1] * (apart - numbers[0]) ** 2"),
    "one peak that moves": ("torch.tensor([0.5, 1.0])", "-numbers[1].abs() * (apart - 5 * numbers[0]).abs()"),
    "hills that move": (
        "torch.cat([torch.linspace(-6, 6, 8), torch.ones(8)])",
        "torch.exp(-((each - numbers[:8]) ** 2)) @ numbers[8:]",
    ),
    "hills that stay": (
        "torch.zeros(41)",
        "torch.exp(-((each - torch.arange(-20.0, 21.0)) ** 2)) @ numbers",
    ),
    "waves that fade": (
        "torch.zeros(32)",
        "torch.sin(each * torch.arange(32.0) / 10 + math.pi / 4) @ numbers * torch.exp(-apart.abs() / 10)",
    ),
    "lines between many numbers": (
        "torch.zeros(127)",
        "torch.relu(1 - (each - torch.arange(-63.0, 64.0)).abs()) @ numbers",
    ),
    "a network of random weights": (
        "torch.randn(48, generator=torch.Generator().manual_seed(3)) / 2",
        "2 * torch.tanh(each.clamp(-8, 8) * numbers[:16] + 4 * numbers[16:32]) @ numbers[32:]",
    ),
}


@pytest.fixture(scope="module")
def station(walled):
    made = Station()
    yield made
    made.close()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_right_scheme_earns_everything(scheme, station):
    start, bias = SCHEMES[scheme]
    assignment = load_assignment(ROOT / "solutions" / "position-encoding")
    answer = Answer(scheme, {"scheme": ANSWER.format(start=start, bias=bias)})
    graded = grade_bytes(notebook_of(answer, assignment.source).encode(), assignment, station)
    assert [name for name, passed in graded.passed.items() if not passed] == []
