"""Decoding against hand computations, transformers' warpers, and a beam search written with lists."""

import math

import pytest
import torch

from course_lib.nn.generation import beam_search, greedy, next_token_probabilities, sample

V, END = 6, 0


class Remembering:
    """A stepper whose next token depends on every token before it and on the row's own source.

    A row that is mixed up, a token that is lost, and a step that is taken twice all change what follows.
    """

    def __init__(self, sources: torch.Tensor, *, likes_end: float = -1.5) -> None:
        self.sources = sources
        self.past = torch.empty(len(sources), 0, dtype=torch.int64, device=sources.device)
        self.likes_end, self.steps = likes_end, 0

    def step(self, ids):
        assert len(ids) == len(self.sources)
        self.past = torch.cat([self.past, ids], dim=1)
        self.steps += 1
        return torch.stack(
            [self.logits(int(s), row) for s, row in zip(self.sources, self.past.tolist(), strict=True)]
        )

    def logits(self, source: int, past: list[int]) -> torch.Tensor:
        seed = source + sum((token + 1) * 7 ** (i + 1) for i, token in enumerate(past))
        scores = 2 * torch.randn(V, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        scores[END] += self.likes_end
        return scores.to(self.sources.device)

    def reorder(self, rows):
        self.sources, self.past = self.sources[rows], self.past[rows]


class Forgetful(Remembering):
    """The bug: rows are repeated where the beams begin, and never exchanged after that."""

    def reorder(self, rows):
        if len(rows) != len(self.past):
            super().reorder(rows)


@pytest.fixture
def sources(device):
    return torch.tensor([100, 200, 300], device=device)


@pytest.fixture
def start(device):
    return torch.tensor([[1, 2], [2, 3], [3, 3]], device=device)


def by_lists(source, start, beams, longest, alpha):
    """One row's beam search: lists of (log p, text), each text's scores computed from its whole past."""
    stepper = Remembering(torch.tensor([source]))
    kept = [(0.0, [])]
    for _ in range(longest):
        offered = []
        for score, text in kept:
            if text[-1:] == [END]:
                offered.append((score, text))
                continue
            log_p = stepper.logits(source, start + text).log_softmax(-1)
            offered += [(score + float(log_p[word]), [*text, word]) for word in range(V)]
        kept = sorted(offered, key=lambda item: -item[0])[:beams]
    best, text = max((score / ((5 + len(text)) / 6) ** alpha, text) for score, text in kept)
    return [word for word in text if word != END], best


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.5])
@pytest.mark.parametrize("beams", [1, 2, 3, 9])
def test_beam_search_is_the_one_written_with_lists(sources, start, beams, alpha):
    texts, scores = beam_search(Remembering(sources), start, END, 5, beams=beams, length_penalty=alpha)
    for row, source in enumerate(sources.tolist()):
        text, score = by_lists(source, start[row].tolist(), beams, 5, alpha)
        assert texts[row] == text
        assert float(scores[row]) == pytest.approx(score, abs=1e-9)


def test_a_stepper_that_forgets_to_reorder_is_noticed(sources, start):
    right, _ = beam_search(Remembering(sources), start, END, 5, beams=3)
    wrong, _ = beam_search(Forgetful(sources), start, END, 5, beams=3)
    assert right != wrong


def test_rows_do_not_know_of_each_other(sources, start):
    together, scores = beam_search(Remembering(sources), start, END, 5, beams=3)
    for row in range(3):
        alone, score = beam_search(Remembering(sources[row : row + 1]), start[row : row + 1], END, 5, beams=3)
        assert alone == together[row : row + 1]
        torch.testing.assert_close(score, scores[row : row + 1])


def test_a_large_length_penalty_prefers_longer_texts(sources, start):
    def length(alpha):
        stepper = Remembering(sources, likes_end=2.0)
        return sum(map(len, beam_search(stepper, start, END, 6, beams=30, length_penalty=alpha)[0]))

    assert length(0.0) < length(4.0)


def test_greedy_takes_the_best_token_after_the_whole_past(sources, start):
    stepper = Remembering(sources)
    for row, text in enumerate(greedy(stepper, start, None, 7)):
        past = start[row].tolist()
        for word in text:
            assert word == int(stepper.logits(int(sources[row]), past).argmax())
            past.append(word)
        assert len(text) == 7


def test_a_text_stops_at_its_end_and_the_others_go_on(sources, start):
    free = greedy(Remembering(sources, likes_end=0.5), start, None, 12)
    stopped = greedy(Remembering(sources, likes_end=0.5), start, END, 12)
    assert stopped == [row[: row.index(END)] if END in row else row for row in free]
    assert len({len(row) for row in stopped}) > 1
    assert any(stopped)


def test_no_step_is_taken_once_every_text_has_ended(sources, start):
    for decode in (greedy, sample, beam_search):
        stepper = Remembering(sources, likes_end=1e9)
        texts = decode(stepper, start, END, 50)
        assert (texts[0] if decode is beam_search else texts) == [[], [], []]
        assert stepper.steps <= 2  # a beam's second place is another text for one step more


@pytest.mark.oracle
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(("top_k", "top_p"), [(None, None), (3, None), (None, 0.7), (5, 0.6), (40, 1.0)])
def test_the_distribution_is_that_of_transformers_warpers(device, temperature, top_k, top_p):
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    logits = 2 * torch.randn(50, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    logits = logits.to(device)
    warpers = [TemperatureLogitsWarper(temperature)] if temperature != 1 else []
    warpers += [TopKLogitsWarper(top_k)] if top_k else []
    warpers += [TopPLogitsWarper(top_p)] if top_p and top_p < 1 else []
    theirs = logits
    for warper in warpers:
        theirs = warper(None, theirs)
    ours = next_token_probabilities(logits, temperature=temperature, top_k=top_k, top_p=top_p)
    torch.testing.assert_close(ours, theirs.softmax(-1), rtol=1e-9, atol=1e-12)


def test_the_distribution_by_hand(device):
    logits = torch.tensor([[0.15, 0.5, 0.1, 0.25]], dtype=torch.float64, device=device).log()

    def p(**options):
        return next_token_probabilities(logits, **options)[0].tolist()

    squares = [0.15**2, 0.5**2, 0.1**2, 0.25**2]
    assert p() == pytest.approx([0.15, 0.5, 0.1, 0.25])
    assert p(temperature=0.5) == pytest.approx([s / sum(squares) for s in squares])
    assert p(top_k=2) == pytest.approx([0, 2 / 3, 0, 1 / 3])
    assert p(top_p=0.49) == pytest.approx([0, 1, 0, 0])
    assert p(top_p=0.6) == pytest.approx([0, 2 / 3, 0, 1 / 3])  # 0.5 falls short, so one more
    assert p(top_p=0.8) == pytest.approx([0.15 / 0.9, 0.5 / 0.9, 0, 0.25 / 0.9])
    # After top_k = 2 the first has 2/3, which is enough for 0.6; of all words 0.5 would not be.
    assert p(top_k=2, top_p=0.6) == pytest.approx([0, 1, 0, 0])


def test_the_likeliest_token_stays_whatever_the_cut(device):
    logits = torch.randn(20, V, generator=torch.Generator().manual_seed(1)).to(device)
    cut = next_token_probabilities(logits, top_p=1e-9)
    assert (cut.argmax(-1) == logits.argmax(-1)).all()
    assert (cut.max(-1).values == 1).all()


def test_tokens_as_likely_as_the_kth_stay(device):
    p = next_token_probabilities(torch.tensor([[1.0, 0.0, 0.0, -1.0]], device=device), top_k=2)[0]
    assert (p > 0).tolist() == [True, True, True, False]


def test_an_impossible_token_stays_impossible(device):
    logits = torch.tensor([[0.0, -math.inf, 0.0]], device=device)
    for options in ({}, {"temperature": 100.0}, {"top_k": 3}, {"top_p": 1.0}):
        assert next_token_probabilities(logits, **options)[0, 1] == 0


def test_samples_have_the_frequencies_of_the_distribution(device):
    from scipy.stats import chisquare

    n, options = 5000, {"temperature": 1.5, "top_k": 4}
    stepper = Remembering(torch.tensor([100], device=device))
    p = next_token_probabilities(stepper.logits(100, [1]).unsqueeze(0), **options)[0].cpu()

    class Many(Remembering):
        def step(self, ids):
            return super().step(ids).expand(n, V)

    generator = torch.Generator(device).manual_seed(0)
    start = torch.tensor([[1]], device=device)
    texts = sample(Many(stepper.sources), start, None, 1, generator=generator, **options)
    counts = torch.tensor([word for (word,) in texts]).bincount(minlength=V)
    assert (counts[p == 0] == 0).all()
    assert chisquare(counts[p > 0], n * p[p > 0]).pvalue > 1e-3


def test_samples_depend_on_their_own_past(sources, start):
    """Where each next token is certain, sampling is greedy, and it is greedy along its own text."""
    texts = sample(Remembering(sources), start, None, 7, temperature=1e-4)
    assert texts == greedy(Remembering(sources), start, None, 7)


def test_the_same_seed_gives_the_same_text(device, sources, start):
    def text(seed):
        generator = torch.Generator(device).manual_seed(seed)
        return sample(Remembering(sources), start, None, 20, temperature=2.0, generator=generator)

    assert text(0) == text(0)
    assert text(0) != text(1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature must be above 0"),
        ({"temperature": math.nan}, "temperature must be above 0"),
        ({"temperature": math.inf}, "temperature must be above 0"),
        ({"top_k": 0}, "top_k must be 1 or more"),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1"),
        ({"top_p": 1.1}, "top_p must be above 0 and at most 1"),
    ],
)
def test_arguments_outside_their_range_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        next_token_probabilities(torch.zeros(1, V), **options)


def test_lengths_and_widths_below_one_are_named(sources, start):
    with pytest.raises(ValueError, match="max_length must be 1 or more, got 0"):
        greedy(Remembering(sources), start, END, 0)
    with pytest.raises(ValueError, match="max_length must be 1 or more, got 0"):
        beam_search(Remembering(sources), start, END, 0)
    with pytest.raises(ValueError, match="beams must be 1 or more, got 0"):
        beam_search(Remembering(sources), start, END, 5, beams=0)
