"""Fine-tuning GPT: transformers' heads, four kinds of input, and a loss of two parts."""

import pytest
import torch
import torch.nn.functional as F
import transformers

from course_lib.pretraining.gpt import GPT, GPTConfig
from course_lib.pretraining.gpt_finetune import GPTForTask, accuracy, last_tokens, task_loss
from course_lib.pretraining.gpt_inputs import (
    SpecialTokens,
    classification,
    entailment,
    multiple_choice,
    similarity,
    stack,
)
from course_lib.training.batches import Batches
from course_lib.training.fit import FitConfig, fit

S = SpecialTokens(start=50, delimiter=51, extract=52)
SIZES = {"vocab_size": 53, "n_positions": 24, "n_embd": 16, "n_layer": 2, "n_head": 2}
NONE = {"attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0, "summary_first_dropout": 0.0}


def theirs_of(kind, head):
    torch.manual_seed(0)
    if kind == "gpt1":
        config = transformers.OpenAIGPTConfig(**SIZES, **NONE, num_labels=3, pad_token_id=0)
        model = getattr(transformers, f"OpenAIGPT{head}")(config)
    else:
        ends = {"bos_token_id": None, "eos_token_id": None}
        config = transformers.GPT2Config(**SIZES, **NONE, **ends, num_labels=3, pad_token_id=0)
        model = getattr(transformers, f"GPT2{head}")(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.double().eval()


def tuned_of(theirs, num_classes, weight):
    model = GPTForTask(GPT.from_transformers(theirs), num_classes).to(weight.device, weight.dtype).eval()
    model.head.load_state_dict({"weight": weight.detach()})
    return model


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["gpt1", "gpt2"])
def test_a_classifier_is_that_of_transformers_forward_and_backward(kind, device):
    theirs = theirs_of(kind, "ForSequenceClassification").to(device)
    model = tuned_of(theirs, 3, theirs.score.weight)
    batch = stack([(classification([3, 4, 5], S), 2), (classification([6], S), 0)])
    ids, mask, labels = (batch[k].to(device) for k in ("input_ids", "attention_mask", "labels"))
    expected = theirs(ids[:, 0], attention_mask=mask[:, 0].long(), labels=labels)
    scores, _ = model(ids, mask)
    torch.testing.assert_close(scores, expected.logits, rtol=1e-9, atol=1e-9)
    expected.loss.backward()
    F.cross_entropy(scores, labels).backward()
    torch.testing.assert_close(model.head.weight.grad, theirs.score.weight.grad, rtol=1e-9, atol=1e-9)
    table = theirs.get_input_embeddings().weight.grad
    torch.testing.assert_close(model.gpt.words.weight.grad, table, rtol=1e-9, atol=1e-9)


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["gpt1", "gpt2"])
def test_a_choice_and_its_second_loss_are_those_of_transformers_double_heads(kind, device):
    theirs = theirs_of(kind, "DoubleHeadsModel").to(device)
    summary = theirs.multiple_choice_head.summary
    if summary.out_features != 1:
        pytest.fail("the oracle changed: a choice must have one score an answer")
    torch.nn.init.zeros_(summary.bias)
    model = tuned_of(theirs, None, summary.weight)
    first, second = multiple_choice([1, 2], [3], [[4], [5, 6]], S), multiple_choice([7], [8], [[9], [9]], S)
    batch = {k: v.to(device) for k, v in stack([(first, 1), (second, 0)]).items()}
    ids, mask = batch["input_ids"], batch["attention_mask"]
    expected = theirs(
        ids,
        attention_mask=mask.flatten(0, 1).long(),
        mc_token_ids=mask.sum(-1) - 1,
        mc_labels=batch["labels"],
        labels=torch.where(mask, ids, -100),
    )
    scores, _ = model(ids, mask)
    torch.testing.assert_close(scores, expected.mc_logits, rtol=1e-9, atol=1e-9)
    total, _, parts = task_loss(0.5)(model, batch)
    by_them = expected.mc_loss + 0.5 * expected.loss
    torch.testing.assert_close(total.float(), by_them.float(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(total, parts["task_loss"] + 0.5 * parts["lm_loss"], rtol=1e-12, atol=1e-12)


def test_the_four_inputs_are_those_of_the_papers_figure():
    assert classification([1, 2], S) == [[50, 1, 2, 52]]
    assert entailment([1, 2], [3], S) == [[50, 1, 2, 51, 3, 52]]
    assert similarity([1, 2], [3], S) == [[50, 1, 2, 51, 3, 52], [50, 3, 51, 1, 2, 52]]
    assert multiple_choice([1], [2], [[3], [4, 5]], S) == [[50, 1, 2, 51, 3, 52], [50, 1, 2, 51, 4, 5, 52]]


def tiny(num_classes):
    torch.manual_seed(0)
    model = GPTForTask(GPT(GPTConfig.tiny(53)), num_classes, dropout=0.0)
    torch.nn.init.normal_(model.head.weight)
    return model.double().eval()


def test_similarity_does_not_depend_on_the_order_but_entailment_does(device):
    model = tiny(2).to(device)

    def scores(texts):
        batch = stack([(texts, 0)])
        return model(batch["input_ids"].to(device), batch["attention_mask"].to(device))[0]

    torch.testing.assert_close(
        scores(similarity([1, 2], [3], S)), scores(similarity([3], [1, 2], S)), rtol=1e-12, atol=1e-12
    )
    forward, backward = scores(entailment([1, 2], [3], S)), scores(entailment([3], [1, 2], S))
    assert (forward - backward).abs().max() > 1e-4


def test_a_longer_neighbour_in_the_batch_changes_no_score(device):
    model = tiny(3).to(device)
    short, long = (classification([1, 2], S), 0), (classification(range(9), S), 1)
    both, alone = (stack(x) for x in ([short, long], [short]))
    scores = [model(b["input_ids"].to(device), b["attention_mask"].to(device))[0][0] for b in (both, alone)]
    torch.testing.assert_close(*scores, rtol=1e-12, atol=1e-12)


def test_the_last_token_is_found_with_padding_on_either_side():
    mask = torch.tensor([[1, 1, 0], [0, 1, 1], [1, 0, 0]]).bool()
    assert last_tokens(mask).tolist() == [1, 2, 0]


def test_lambda_zero_leaves_the_language_model_out():
    model, batch = tiny(2), stack([(classification([1, 2, 3], S), 1)])
    total, count, parts = task_loss(0.0)(model, batch)
    assert count == 1
    assert set(parts) == {"task_loss"}
    total.backward()
    assert model.gpt.words.weight.grad[4:50].abs().sum() == 0  # words of no text: no softmax reached them


def test_it_learns_to_tell_which_word_came_first(device):
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(0, 8, (300, 5), generator=generator).tolist()
    examples = [(classification(row, S), int(row[0] > 3)) for row in rows]
    torch.manual_seed(0)
    model = GPTForTask(GPT(GPTConfig.tiny(53)), 2, dropout=0.0).to(device)
    test = [stack(examples[200:])]
    before = accuracy(model, test)
    data = Batches(examples[:200], 50, stack, seed=0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    history = fit(model, data, task_loss(0.5), optimizer, FitConfig(steps=160))
    assert before < 0.8 < 0.95 < accuracy(model, test)
    assert {"task_loss", "lm_loss"} <= set(history.training[0])


def test_bad_input_is_refused_by_name():
    with pytest.raises(ValueError, match="answers must be two or more, got 1"):
        multiple_choice([1], [2], [[3]], S)
    with pytest.raises(ValueError, match=r"examples must all have the same number of texts, got \[1, 2\]"):
        stack([(classification([1], S), 0), (similarity([1], [2], S), 0)])
    with pytest.raises(ValueError, match="examples must all have"):
        stack([])
    with pytest.raises(ValueError, match="num_classes must be 2 or more"):
        GPTForTask(GPT(GPTConfig.tiny()), 1)
    with pytest.raises(ValueError, match="lm_weight must be 0 or more"):
        task_loss(-1.0)
    with pytest.raises(ValueError, match=r"input_ids must be \(B, N, T\)"):
        tiny(2)(torch.zeros(1, 3, dtype=torch.int64), torch.ones(1, 3, dtype=torch.bool))
