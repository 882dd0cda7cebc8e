"""Writing with a cache: the same text as without one, and as transformers' generate."""

import pytest
import torch
import transformers

from course_lib.nn.generation import beam_search, greedy, sample
from course_lib.pretraining.gpt import GPT, GPTConfig
from course_lib.pretraining.gpt_stepper import GPTStepper, pad_left

V = 40
PROMPTS = [[3, 1, 4, 1, 5, 9, 2], [6, 5], [8, 9, 7, 9]]


def theirs_of(kind):
    """Random weights, wide enough that the texts are not one repeated token; token 0 never follows."""
    torch.manual_seed(3)
    sizes = {"vocab_size": V, "n_positions": 24, "n_embd": 16, "n_layer": 2, "n_head": 2}
    if kind == "gpt1":
        model = transformers.OpenAIGPTLMHeadModel(transformers.OpenAIGPTConfig(**sizes))
    else:
        config = transformers.GPT2Config(**sizes, bos_token_id=None, eos_token_id=None)
        model = transformers.GPT2LMHeadModel(config)
    for parameter in model.parameters():
        if parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.7)
    never_ends(model)
    return model.double().eval()


@torch.no_grad()
def never_ends(model):
    """Token 0 gets a logit of -400 after every text, and the others none of that."""
    base = model.transformer
    words, norm = model.get_input_embeddings().weight, base.ln_f if hasattr(base, "ln_f") else base.h[-1].ln_2
    words[:, 0], words[0] = 0.0, 0.0
    norm.weight[0], norm.bias[0], words[0, 0] = 0.0, 20.0, -20.0


class WithoutCache:
    """Reads the whole text again for every token."""

    def __init__(self, model, mask=None):
        self.model, self.mask, self.ids = model, mask, None

    def step(self, ids):
        self.ids = ids if self.ids is None else torch.cat([self.ids, ids], dim=1)
        mask = self.mask
        if mask is not None:
            mask = torch.nn.functional.pad(mask, (0, self.ids.shape[1] - mask.shape[1]), value=True)
        return self.model.logits(self.model(self.ids, mask).last_hidden_state[:, -1])

    def reorder(self, rows):
        self.ids = self.ids[rows]
        self.mask = None if self.mask is None else self.mask[rows]


@pytest.fixture(params=["gpt1", "gpt2"])
def pair(request, device):
    theirs = theirs_of(request.param).to(device)
    ids, mask = (x.to(device) for x in pad_left(PROMPTS))
    return GPT.from_transformers(theirs), theirs, ids, mask


def test_every_step_with_a_cache_gives_the_logits_of_a_whole_pass(pair):
    model, _, ids, mask = pair
    cached, whole = GPTStepper(model, attention_mask=mask), WithoutCache(model, mask)
    for part in (ids, torch.full((3, 1), 7), torch.tensor([[1, 2], [3, 4], [5, 6]])):
        part = part.to(ids.device)
        torch.testing.assert_close(cached.step(part), whole.step(part), rtol=1e-9, atol=1e-9)
    rows = torch.tensor([2, 0], device=ids.device)
    cached.reorder(rows)
    whole.reorder(rows)
    part = torch.tensor([[9], [11]], device=ids.device)
    torch.testing.assert_close(cached.step(part), whole.step(part), rtol=1e-9, atol=1e-9)


def test_a_prompt_writes_the_same_beside_longer_ones_as_alone(pair):
    model, _, ids, mask = pair
    together = greedy(GPTStepper(model, attention_mask=mask), ids, None, 12)
    for prompt, text in zip(PROMPTS, together, strict=True):
        alone = torch.tensor([prompt], device=ids.device)
        assert greedy(GPTStepper(model), alone, None, 12) == [text]
    assert len({tuple(text) for text in together}) == 3


@pytest.mark.oracle
def test_greedy_texts_are_those_of_transformers_generate(pair):
    model, theirs, ids, mask = pair
    expected = theirs.generate(
        ids, attention_mask=mask.long(), max_new_tokens=12, do_sample=False, pad_token_id=0
    )
    got = greedy(GPTStepper(model, attention_mask=mask), ids, None, 12)
    assert got == expected[:, ids.shape[1] :].tolist()
    assert len({word for text in got for word in text}) > 3


@pytest.mark.oracle
def test_beams_are_those_of_transformers_generate_where_no_text_ends(pair):
    """Where texts end, the two differ on purpose: a finished text keeps its place among our beams."""
    model, theirs, ids, mask = pair
    expected = theirs.generate(
        ids, attention_mask=mask.long(), max_new_tokens=8, num_beams=4, do_sample=False,
        pad_token_id=0, length_penalty=0.0,
    )  # fmt: skip
    stepper = GPTStepper(model, attention_mask=mask)
    got, _ = beam_search(stepper, ids, 0, 8, beams=4, length_penalty=0.0)
    assert got == expected[:, ids.shape[1] :].tolist()


def test_sampling_repeats_with_its_seed(pair):
    model, _, ids, mask = pair

    def write(seed):
        generator = torch.Generator(ids.device).manual_seed(seed)
        return sample(GPTStepper(model, attention_mask=mask), ids, None, 10, generator=generator)

    assert write(1) == write(1) != write(2)


def test_prompts_are_padded_on_their_left(device):
    ids, mask = pad_left([[1, 2, 3], [4]], value=9)
    assert ids.tolist() == [[1, 2, 3], [9, 9, 4]]
    assert mask.tolist() == [[True] * 3, [False, False, True]]


def test_bad_input_is_refused_by_name():
    model = GPT(GPTConfig.tiny())
    with pytest.raises(ValueError, match="attention_mask must be padded on the left"):
        GPTStepper(model, attention_mask=torch.tensor([[True, False]]))
    with pytest.raises(ValueError, match=r"max_length must be within 1\.\.24, got 25"):
        GPTStepper(model, max_length=25)
    with pytest.raises(ValueError, match="max_length must be at least 5"):
        GPTStepper(model, max_length=4).step(torch.zeros(1, 5, dtype=torch.int64))
