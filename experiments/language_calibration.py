"""Can a probe of the generated language be solved by counting, and can each be solved at all?

A new language, text and set of questions for each seed. Counting is the better of a bag of words and n-grams;
the oracle is told everything about a sentence but the answer.
"""

from course_lib.data.calibration import calibrate
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.training.experiment import Claim, run

CLAIM = Claim(
    id="language-calibration",
    statement=(
        "Every probe leaves ten points between chance and counting and ten between counting and oracle."
    ),
    metric="the smaller of the two gaps in accuracy, on the probe where it is smallest",
    control="a gap of 0.10",
    smallest_effect=0.0,
    seeds=(0, 1, 2, 3, 4),
)
VOCABULARY, QUESTIONS = 2000, 1000


def measure(seed: int, device: str, minutes: float) -> dict:
    """Calibrate all probes on one language."""
    results = calibrate(Language(LanguageConfig(VOCABULARY, seed=seed)), n=QUESTIONS, seed=seed)
    figures: dict = {r.probe: [r.chance, r.bag, r.ngram, r.oracle] for r in results}
    figures["smallest gap"] = min(min(r.counting - r.chance, r.oracle - r.counting) for r in results)
    return figures


if __name__ == "__main__":
    run("language_calibration", CLAIM, measure, __file__)
