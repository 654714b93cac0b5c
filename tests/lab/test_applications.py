"""Applications learn: short runs that end far from where they began."""

import math
from dataclasses import replace

import pytest
import torch

from srgan_gp.errors import UsageError
from srgan_gp.lab.applications import digits, words
from srgan_gp.losses.gradient_penalties import PENALTIES


def test_a_split_of_digits_is_disjoint_and_has_as_many_labels_of_each_class():
    split = digits.load(100, seed=3)
    assert len(split.test) == 500
    assert len(split.all_training) == 1297
    assert split.labels.bincount().tolist() == [10] * 10
    assert 0 <= split.all_training.min() < split.all_training.max() <= 1
    assert torch.cdist(split.labelled, split.all_training).min(1).values.max() == 0
    assert torch.equal(digits.load(100, 3).test, split.test)
    assert not torch.equal(digits.load(100, 4).test, split.test)


def test_a_classifier_of_digits_learns_with_and_without_the_critic():
    for weight in (0.0, 0.3):
        config = digits.DigitsConfig(steps=100, width=64, adversarial_weight=weight)
        assert digits.train(config) > 0.6


def test_the_penalty_of_digits_leaves_the_classification_layer_alone():
    torch.manual_seed(0)
    critic = digits.DigitCritic(8)
    real, fake, epsilon = torch.rand(4, 64), torch.rand(4, 64), torch.rand(4, 1)
    PENALTIES["wgan_gp"](critic.minus_scores, real, fake, epsilon).value.backward()
    assert critic.classes.weight.grad is None
    assert critic.minus.weight.grad.norm() > 0
    logits = critic(real)
    expected = (logits.softmax(1) * logits).sum(1) - critic.minus_scores(real)
    assert torch.allclose(critic.scores(real), expected)


def test_the_table_of_digits_has_both_rows():
    text = digits.run(steps=2, seeds=range(2))
    assert text.count("\n|") == 4
    assert "supervised, 100 labels" in text


@pytest.fixture
def dictionary(tmp_path):
    """A list with 2300 words of a simple rule, among words that are not used."""
    consonants, vowels = "bcdfghklmnprstvz", "aeiou"
    found = [a + b + c + d for a in consonants for b in vowels for c in consonants for d in "ae"]
    path = tmp_path / "words"
    path.write_text("\n".join([*found[:2300], "Capital", "it's", "ab", "verylongword"]))
    return path


def test_words_of_small_letters_are_read_and_split(dictionary):
    training, validation = words.load_words(dictionary)
    assert len(training) == 300
    assert len(validation) == 2000
    assert not {*training} & {*validation}
    assert not {*training, *validation} & {"Capital", "it's", "ab", "verylongword"}


def test_a_list_that_cannot_be_used_is_refused(tmp_path):
    with pytest.raises(UsageError, match="wamerican"):
        words.load_words(tmp_path / "missing")
    (tmp_path / "few").write_text("one\ntwo\n")
    with pytest.raises(UsageError, match="only 2 words"):
        words.load_words(tmp_path / "few")


def test_encoding_and_decoding_are_inverse():
    found = ["cat", "elephant", "a"]
    encoded = words.encode(found)
    assert encoded.shape == (3, words.LENGTH)
    assert words.decode(torch.nn.functional.one_hot(encoded, words.SYMBOLS)) == found


def test_the_divergence_is_0_for_equal_lists_and_log_2_for_disjoint_ones():
    assert words.divergence(["abcdefgh"], ["abcdefgh"], 2) == 0
    assert words.divergence(["abcdefgh"], ["ijklmnop"], 2) == pytest.approx(math.log(2))
    # Frequencies (1/2, 1/2) and (1, 0): 0.2158 nats by the definition.
    half = words.divergence(["aaaabbbb"], ["aaaaaaaa"], 1)
    assert half == pytest.approx(
        0.5 * math.log(4 / 3) + 0.25 * math.log(2 / 3) + 0.25 * math.log(2)
    )


@pytest.mark.parametrize("penalty", ["one_sided", "wgan_gp"])
def test_a_generator_of_words_learns_the_letters(dictionary, penalty):
    training, validation = words.load_words(dictionary)
    config = words.WordsConfig(penalty=penalty, steps=80, critic_steps=2, width=64)
    history, found = words.train(config, training, validation, records=1)
    before, _ = words.train(replace(config, steps=1), training, validation, records=1)
    assert history[-1]["js2"] < 0.6 * before[0]["js2"]
    assert len(found) == words.SAMPLED


def test_the_report_of_words_has_a_row_for_each_record_and_new_words(dictionary):
    text = words.run(steps=5, data=[dictionary], shown=3)
    assert text.count("| one_sided |") == text.count("| wgan_gp |") == 5
    assert "of those that are not" in text
