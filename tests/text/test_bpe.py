"""BPE: by hand, by properties, and against Hugging Face tokenizers and subword_nmt."""

import io
import json
import pydoc_data.topics
import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.text.bpe import BPE, BPEConfig
from course_lib.text.merges import apply_merges, learn_merges, merge_word
from course_lib.text.tokenise import byte_symbols

TEXTS = [text for name, text in sorted(pydoc_data.topics.topics.items()) if name < "exceptions"]
BYTES = BPE.learn(TEXTS[:5], BPEConfig(vocab_size=600, level="byte"))


def hugging_face(texts, config, vocab=()):
    """Their trainer on the same text; the suffixed alphabet has no fixed order there, so we hand it over."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    suffix = {"end_of_word_suffix": config.end_of_word} if config.suffix else {}
    options = {"vocab_size": config.vocab_size, "min_frequency": config.min_frequency, "show_progress": False}
    if config.level == "byte":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        options["initial_alphabet"] = pre_tokenizers.ByteLevel.alphabet()
    else:
        tokenizer = Tokenizer(models.BPE(unk_token=config.special[0], **suffix))
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    start = [s for s in vocab if len(s.removesuffix(config.suffix)) == 1] if suffix else []
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(special_tokens=[*config.special, *start], **options, **suffix)
    )
    model = json.loads(tokenizer.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    if suffix:  # the same model without special tokens that look like letters
        tokenizer = Tokenizer(models.BPE(model["vocab"], merges, unk_token=config.special[0], **suffix))
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer, merges


def test_the_usual_four_words_merge_as_they_do_by_hand():
    counts = {"low": 5, "lower": 2, "newest": 6, "widest": 3}
    bpe = BPE.learn_counts(counts, BPEConfig(vocab_size=1000, min_frequency=2))
    assert bpe.merges[:3] == [("e", "s"), ("es", "t</w>"), ("l", "o")]
    assert bpe.pieces("lowest") == ["lo", "w", "est</w>"]
    assert bpe.decode(bpe.encode("lowest newest")) == "lowest newest"


def test_merging_goes_from_left_to_right_and_reports_the_changed_pairs():
    assert merge_word([1, 1, 1, 2], (1, 1), 9) == ([9, 1, 2], [((1, 1), -1), ((9, 1), 1)])
    assert merge_word([1, 2, 1, 2], (1, 2), 9)[0] == [9, 9]


def counted_anew(words, counts, symbols, steps):
    """The plain algorithm: all pairs counted for every merge. Also the first step at which two pairs tie."""
    words, names, merges, first_tie = [list(word) for word in words], list(symbols), [], steps
    for step in range(steps):
        pairs = Counter()
        for word, count in zip(words, counts, strict=True):
            for pair in pairwise(word):
                pairs[pair] += count
        best = min(pairs, key=lambda p: (-pairs[p], names.index(p[0]), names.index(p[1])))
        if list(pairs.values()).count(pairs[best]) > 1:
            first_tie = min(first_tie, step)
        merges.append(best)
        names.append(best[0] + best[1])
        words = [merge_word(word, best, names[-1])[0] for word in words]
    return merges, first_tie


def random_words(seed, letters, n):
    rng = random.Random(seed)
    words = sorted({"".join(rng.choices(letters, k=rng.randint(1, 8))) for _ in range(n)})
    return words, [rng.randint(1, 10**9) for _ in words]


def test_incremental_counts_choose_the_same_merges_as_counting_anew():
    words, counts = random_words(0, "abcd", 200)
    expected, _ = counted_anew(words, counts, "abcd", 60)
    assert learn_merges(words, counts, "abcd", 64)[0] == expected


@pytest.mark.oracle
@pytest.mark.parametrize("frequency", [1, 5])
@pytest.mark.parametrize(("level", "end"), [("byte", ""), ("character", ""), ("character", "</w>")])
def test_merges_and_encodings_equal_hugging_faces_trainer(level, end, frequency):
    config = BPEConfig(vocab_size=3000, level=level, end_of_word=end, min_frequency=frequency)
    bpe = BPE.learn(TEXTS, config)
    tokenizer, merges = hugging_face(TEXTS, config, bpe.vocab)
    assert bpe.merges == merges
    for text in [*pydoc_data.topics.topics.values(), "日本 ünïcode \u0000 word" + "ing" * 50]:
        assert bpe.pieces(text) == tokenizer.encode(text).tokens


@pytest.mark.oracle
@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("abcd", min_size=1, max_size=14), min_size=1, max_size=12))
def test_tiny_corpora_full_of_ties_and_runs_give_the_same_merges_too(words):
    config = BPEConfig(vocab_size=60, end_of_word="")
    bpe = BPE.learn([" ".join(words)], config)
    tokenizer, merges = hugging_face([" ".join(words)], config)
    assert bpe.merges == merges
    assert bpe.pieces("aaaa abcdabcd dcba aabb") == tokenizer.encode("aaaa abcdabcd dcba aabb").tokens


@pytest.mark.oracle
def test_merges_equal_subword_nmts_until_two_pairs_tie():
    from subword_nmt.learn_bpe import learn_bpe

    words, counts = random_words(1, "abcdef", 300)
    out = io.StringIO()
    learn_bpe([f"{w} {c}" for w, c in zip(words, counts, strict=True)], out, 100, is_dict=True)
    theirs = [tuple(line.split()) for line in out.getvalue().splitlines()[1:]]
    spelled = [[*word[:-1], word[-1] + "</w>"] for word in words]
    symbols = sorted({symbol for word in spelled for symbol in word})
    _, first_tie = counted_anew(spelled, counts, symbols, 100)
    assert first_tie > 40
    ours = BPE.learn_counts(dict(zip(words, counts, strict=True)), BPEConfig(vocab_size=200)).merges
    assert ours[:first_tie] == theirs[:first_tie]


@pytest.mark.oracle
def test_encodings_equal_subword_nmts_with_the_same_merges():
    from subword_nmt.apply_bpe import BPE as Oracle

    bpe = BPE.learn(TEXTS, BPEConfig(vocab_size=2000))
    codes = io.StringIO("#version: 0.2\n" + "\n".join(f"{a} {b}" for a, b in bpe.merges) + "\n")
    oracle = Oracle(codes, separator="@@")
    for word in sorted({word for text in TEXTS for word in text.split()})[::7]:
        if "@@" in word or not word.isascii():
            continue
        ours = bpe.pieces(word)
        theirs = [p.removesuffix("@@") for p in oracle.process_line(word).split()]
        assert [piece.removesuffix("</w>") for piece in ours] == theirs


@given(st.text())
def test_byte_level_gives_back_every_text(text):
    assert BYTES.decode(BYTES.encode(text)) == text


@given(st.binary())
def test_byte_level_gives_back_every_string_of_bytes(data):
    text = data.decode("utf-8", errors="surrogateescape")
    back = BYTES.decode(BYTES.encode(text), errors="surrogateescape")
    assert back.encode("utf-8", errors="surrogateescape") == data


@given(st.lists(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1)))
def test_character_level_gives_back_words_whose_characters_it_saw(words):
    text = " ".join(words)
    bpe = BPE.learn([f"{text} seen"], BPEConfig(vocab_size=300))
    assert bpe.decode(bpe.encode(text)) == text.replace("</w>", " ").rstrip(" ") or "</w>" in text


def test_a_character_that_was_never_seen_is_unknown_only_at_character_level():
    bpe = BPE.learn(["ab ab"], BPEConfig(vocab_size=10))
    assert bpe.pieces("aßb") == ["a", "<unk>", "b</w>"]
    assert BYTES.decode(BYTES.encode("ß\x00漢")) == "ß\x00漢"


def test_words_of_ten_thousand_characters_are_learned_from_and_encoded():
    word = "ab" * 5000
    bpe = BPE.learn([word], BPEConfig(vocab_size=20))
    assert bpe.decode(bpe.encode(word)) == word
    assert len(BYTES.encode("x" * 10_000)) >= 1


def test_the_lowest_rank_wins_and_the_leftmost_of_equals():
    ranks = {(1, 2): (1, 12), (2, 3): (0, 23), (1, 1): (2, 11)}
    assert apply_merges([1, 2, 3], ranks) == [1, 23]
    assert apply_merges([1, 1, 1], ranks) == [11, 1]
    assert apply_merges([], ranks) == []


def test_learning_does_not_depend_on_the_order_of_the_texts():
    config = BPEConfig(vocab_size=400)
    assert BPE.learn(TEXTS[:6], config).merges == BPE.learn(TEXTS[:6][::-1], config).merges


def test_min_frequency_and_vocab_size_stop_learning():
    assert BPE.learn(["ab ab cd"], BPEConfig(vocab_size=99, min_frequency=2)).merges == [("a", "b</w>")]
    assert len(BPE.learn(TEXTS[:3], BPEConfig(vocab_size=300, level="byte"))) == 300


def test_a_saved_tokenizer_comes_back_whole(tmp_path):
    bpe = BPE.learn(["naïve <unk> \u2028日本 café" * 3], BPEConfig(vocab_size=60))
    bpe.save(tmp_path / "bpe.json")
    again = BPE.load(tmp_path / "bpe.json")
    assert (again.vocab, again.merges, again.config) == (bpe.vocab, bpe.merges, bpe.config)


def test_a_truncated_or_altered_file_is_an_error(tmp_path):
    path = tmp_path / "bpe.json"
    BYTES.save(path)
    whole = path.read_bytes()
    for broken in (b"", whole[: len(whole) // 2], whole.replace(b'"th"', b'"ht"', 1), b"\x00\xff", b"[1]"):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=r"bpe\.json"):
            BPE.load(path)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "bpe.json"
    BYTES.save(path)
    before = path.read_bytes()
    monkeypatch.setattr("json.dump", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        BYTES.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="at least one word, got none"):
        BPE.learn([" ", ""])
    with pytest.raises(ValueError, match="texts must be a list of texts, got the string 'a text'"):
        BPE.learn("a text")
    with pytest.raises(ValueError, match="level must be"):
        BPEConfig(level="word")
    with pytest.raises(ValueError, match="unknown symbol"):
        BPEConfig(special=())
    with pytest.raises(ValueError, match="splitter must be"):
        BPEConfig(words="spaces")
    with pytest.raises(ValueError, match="ids must lie in"):
        BYTES.decode([10**6])
    with pytest.raises(ValueError, match="ids must lie in"):
        BYTES.decode([-1])
    with pytest.raises(ValueError, match="parts of every merge"):
        BPE(["<unk>", "a"], [("a", "b")], BPEConfig())


def test_every_byte_is_a_symbol_before_anything_is_learned():
    assert set(byte_symbols()) <= set(BPE.learn(["a"], BPEConfig(vocab_size=1, level="byte")).vocab)
