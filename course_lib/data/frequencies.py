"""Expected frequency of every sense, computed and not counted."""

import numpy as np

from course_lib.data.company import Company
from course_lib.data.lexicon import Lemmas
from course_lib.data.plot import draw_plots
from course_lib.data.realise import Inventory, realise


def expected(
    company: Company, lemmas: Lemmas, inventory: Inventory, casts: np.ndarray, senses: int
) -> np.ndarray:
    generator = np.random.default_rng(0)
    plot = draw_plots(3000, company, casts, generator)
    words = realise(plot, company, inventory, generator)
    counts = np.bincount(words.senses, minlength=senses) + 0.1
    return counts / counts.sum()
