"""Checkpoints in Hugging Face's format load offline; what does not fit is refused in words."""

import json

import pytest
import torch

from course_lib.pretraining import checkpoints
from course_lib.pretraining.bert import Bert, BertForPreTraining

transformers = pytest.importorskip("transformers")
SIZES = {
    "vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 16, "max_position_embeddings": 10,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    model = transformers.BertForPreTraining(transformers.BertConfig(**SIZES)).eval()
    model.save_pretrained(tmp_path / "checkpoint")
    return tmp_path / "checkpoint", model


@pytest.mark.oracle
def test_a_folder_loads_offline(folder, monkeypatch):
    import socket

    def refuse(*args, **kwargs):
        raise AssertionError("a folder must be read without the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    path, theirs = folder
    ids = torch.randint(0, 20, (2, 7))
    expected = theirs(ids)
    words, pairs = BertForPreTraining.from_transformers(path)(ids)
    torch.testing.assert_close(words, expected.prediction_logits, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(pairs, expected.seq_relationship_logits, rtol=1e-5, atol=1e-5)
    encoder = Bert.from_transformers(path)
    torch.testing.assert_close(
        encoder(ids).last_hidden_state, theirs.bert(ids).last_hidden_state, rtol=1e-5, atol=1e-5
    )
    assert not encoder.training


def test_another_architecture_is_named(tmp_path, folder):
    other = transformers.RobertaModel(transformers.RobertaConfig(**SIZES))
    other.save_pretrained(tmp_path / "roberta")
    with pytest.raises(ValueError, match="source must be a bert checkpoint, got roberta"):
        Bert.from_transformers(tmp_path / "roberta")
    with pytest.raises(ValueError, match="source must be a bert model of transformers, got roberta"):
        Bert.from_transformers(other)
    with pytest.raises(ValueError, match="source must be a bert model of transformers, got Linear"):
        Bert.from_transformers(torch.nn.Linear(2, 2))


def test_a_model_without_the_heads_is_refused(folder):
    with pytest.raises(ValueError, match=r"source must fit BertForPreTraining: it lacks .*masked_lm"):
        BertForPreTraining.from_transformers(folder[1].bert)


def test_weights_that_the_checkpoint_lacks_are_reported(folder, tmp_path, caplog):
    transformers.BertForMaskedLM(transformers.BertConfig(**SIZES)).save_pretrained(tmp_path / "masked")
    with caplog.at_level("WARNING"):
        model = Bert.from_transformers(tmp_path / "masked")
    assert "pooler" in caplog.text
    assert model.pooler is not None


def test_a_damaged_folder_is_named(folder, tmp_path):
    with pytest.raises(ValueError, match="source must be a folder that save_pretrained wrote"):
        Bert.from_transformers(tmp_path)
    path, _ = folder
    (path / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="source must be a folder that save_pretrained wrote"):
        Bert.from_transformers(path)


def test_a_weight_of_another_shape_is_named(folder):
    path, _ = folder
    config = json.loads((path / "config.json").read_text())
    ours = Bert.from_transformers(path)
    other = transformers.BertModel(transformers.BertConfig(**{**SIZES, "vocab_size": 21}))
    from course_lib.pretraining.bert import ENCODER_RULES

    assert config["vocab_size"] == 20
    with pytest.raises(ValueError, match=r"embeddings.words.weight must be \[20, 8\], got \[21, 8\]"):
        checkpoints.copy_weights(ours, other, ENCODER_RULES)


def test_a_hub_that_does_not_answer_says_what_to_do(monkeypatch):
    def unreachable(*args, **kwargs):
        raise OSError("We couldn't connect to the hub\nand more")

    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", unreachable)
    with pytest.raises(ConnectionError, match="hf download NAME --local-dir FOLDER"):
        Bert.from_transformers("google-bert/bert-base-uncased")


def test_a_hub_that_answers_is_used(folder, monkeypatch):
    path, theirs = folder
    asked = []
    real = transformers.AutoConfig.from_pretrained

    def config(name, **options):
        asked.append((name, options))
        return real(path)

    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", config)
    monkeypatch.setattr(
        transformers.BertModel,
        "from_pretrained",
        lambda name, **options: (asked.append((name, options)), (theirs.bert, {"missing_keys": []}))[1],
    )
    model = Bert.from_transformers("google-bert/bert-base-uncased")
    assert [name for name, _ in asked] == ["google-bert/bert-base-uncased"] * 2
    assert not any(options["local_files_only"] for _, options in asked)
    torch.testing.assert_close(model.embeddings.words.weight, theirs.bert.embeddings.word_embeddings.weight)


def test_rules_never_merge_two_weights():
    with pytest.raises(ValueError, match="rules must keep names apart"):
        checkpoints.rename({"a.x": torch.ones(1), "b.x": torch.ones(1)}, [(r"^[ab]", "c")])
