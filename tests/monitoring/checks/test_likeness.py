"""Likeness: what changes in a copy does not hide it, the estimate is as sure as it says, and unrelated texts are never alike."""

import random
from collections.abc import Sequence

import numpy as np
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from monitoring.checks import likeness
from monitoring.checks.likeness import BANDS, ERROR, HASHES, ROWS, bands, estimate, normal, shingles, signature
from monitoring.policy.checks import check_policies

KEY, OTHER = b"k" * 32, b"o" * 32
ENGLISH = (
    "visited", "the", "plant", "machines", "ran", "stock", "was", "counted", "orders", "shown", "rent", "paid", "staff", "wages",
    "owner", "spoke", "of", "a", "new", "customer",
)  # fmt: skip
CHINESE = "走访借款人经营场所现场设备运转正常存货充足订单稳定账户流水与销售规模相符保证人押品价值未见明显变化还款来源落实"
BLANKS = [" ", "  ", "\n", "\t", "\u3000", ",", "。", "—", ""]


def text_of(words: Sequence[str], seed: int, length: int = 60, between: str = "") -> str:
    """Words drawn at random, with a number now and then."""
    draw = random.Random(seed)
    return between.join(draw.choice(words) if draw.random() > 0.1 else str(draw.randrange(10**6)) for _ in range(length))


def texts(seed: int) -> str:
    return text_of(ENGLISH, seed, between=" ") if seed % 2 else text_of(CHINESE, seed, 150)


def jaccard(one: str, other: str) -> float:
    a, b = shingles(normal(one)), shingles(normal(other))
    return len(a & b) / len(a | b)


def signed(text: str, key: bytes = KEY) -> likeness.Hashes:
    return signature(normal(text), key)


def alike(one: str, other: str) -> float:
    return float(estimate(signed(one), signed(other)[np.newaxis])[0])


@st.composite
def disguised(draw: st.DrawFn, text: str) -> str:
    """The same text with other numbers, capitals, widths, blanks and punctuation."""
    pieces, numbers = [], random.Random(draw(st.integers(0, 10**6)))
    for character in text:
        if character.isdigit():
            pieces.append(str(numbers.randrange(10)))
        elif character.isalnum():
            pieces.append(numbers.choice([character, character.upper(), character, _wide(character)]))
        if not character.isdigit():
            pieces.append(numbers.choice(BLANKS))
    return "".join(pieces)


def _wide(character: str) -> str:
    return chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character


@examples(40)
@given(st.data(), st.integers(0, 10**6))
def test_numbers_blanks_capitals_and_widths_do_not_hide_a_copy(data: st.DataObject, seed: int) -> None:
    text = texts(seed)
    copy = data.draw(disguised(text))
    assert normal(copy) == normal(text)
    assert alike(text, copy) == 1.0 and bands(signed(text)) == bands(signed(copy))


@examples(40)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_likeness_is_symmetric(one: int, other: int) -> None:
    assert alike(texts(one), texts(other)) == alike(texts(other), texts(one))
    assert alike(texts(one), texts(one)) == 1.0


def test_unrelated_texts_are_never_alike() -> None:
    least = min(policy.alike_from for policy in check_policies())
    found = np.stack([signed(texts(seed)) for seed in range(400)])
    for place, one in enumerate(found[:-1]):
        assert estimate(one, found[place + 1 :]).max() < least / 2


def test_the_estimate_is_as_sure_as_it_says() -> None:
    """Over texts of every likeness: unbiased, and its spread that of HASHES independent trials."""
    pairs = [(text, edited(text, seed)) for seed in range(400) for text in [texts(seed)]]
    true = np.array([jaccard(*pair) for pair in pairs])
    gaps = np.array([alike(*pair) for pair in pairs]) - true
    usual = np.sqrt(true * (1 - true) / HASHES)
    known = usual > 0
    z = gaps[known] / usual[known]
    assert true.min() < 0.3 and true.max() > 0.9 and usual.max() < ERROR + 1e-9
    assert abs(z.mean()) < 4 / np.sqrt(len(z)) and 0.85 < z.std() < 1.15 and np.abs(z).max() < 4.5
    assert (gaps[~known] == 0).all()


def edited(text: str, seed: int) -> str:
    """A share of it written anew."""
    at = int(len(text) * (seed % 20) / 20)
    return text[: len(text) - at] + texts(seed + 10**6)[:at]


def test_who_is_alike_enough_is_found_by_a_band() -> None:
    for policy in check_policies():
        assert 1 - (1 - policy.alike_from**ROWS) ** BANDS > 0.999
        assert policy.least_length >= likeness.SHINGLE
    missed = sum(
        not set(bands(signed(text))) & set(bands(signed(copy)))
        for seed in range(200)
        for text, copy in [(texts(seed), edited(texts(seed), seed % 3))]
        if jaccard(text, copy) >= 0.8
    )
    assert missed == 0


def test_without_the_key_a_hash_says_nothing() -> None:
    text = texts(1)
    assert float(estimate(signed(text), signed(text, OTHER)[np.newaxis])[0]) == 0.0
    assert not set(bands(signed(text))) & set(bands(signed(text, OTHER)))


@examples(20)
@given(st.integers(0, 10**6))
def test_what_is_stored_is_read_again(seed: int) -> None:
    one, other = signed(texts(seed)), signed(texts(seed + 1))
    both = likeness.read(likeness.stored(one) + likeness.stored(other)).reshape(-1, HASHES)
    assert (both[0] == one).all() and (both[1] == other).all()


def test_reports_from_life() -> None:
    visit = "2026年11月18日,客户经理张三走访借款人厂区,设备运转正常,员工35人,存货约1,200万元,近三月回款880万元,未发现异常。"
    copied = "2026-12-20 客户经理张三走访借款人厂区,设备运转正常,员工41人,存货约950万元,近三月回款1060万元,未发现异常。"
    other = "电话联系借款人,其表示下游拖欠货款,正与对方协商分期,预计年底前可归还本期利息;已要求补充应收账款清单及合同。"
    assert alike(visit, copied) >= 0.8 and alike(visit, other) < 0.1
    calm = (
        "Visited the shop on 3 March. Trade is as usual, the shelves are full and the rent is paid until June; the owner showed"
        " receipts of 12,400 and the contract with the school. His son now works in the shop."
    )
    same = calm.upper().replace("3 MARCH", "14 APRIL").replace("12,400", "9,150").replace(". ", " - ")
    new = "Called him on 14 April. The shop is shut since the landlord ended the lease; he sells the stock and looks for another."
    assert 0.8 <= alike(calm, same) < 1 and alike(calm, new) < 0.2
