"""Signatures that the documented check accepts, and nothing else; secrets that nobody else can read."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from receiver import SECRET

from features.errors import LoanwatchError
from monitoring.webhooks.signing import headers, secrets

Verified = Callable[..., bool]
NOW = 1_614_265_330
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = b'{"test": 2432232314}'
OTHER = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "a.secret"
    path.write_text(text)
    path.chmod(mode)
    return path


def keys(*lines: str) -> list[bytes]:
    return [base64.b64decode(line.removeprefix("whsec_")) for line in lines]


def test_the_example_of_the_standard(tmp_path: Path) -> None:
    found = headers(secrets(written(tmp_path, SECRET)), ID, NOW, BODY)
    assert found == {
        "webhook-id": ID, "webhook-timestamp": str(NOW),
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }  # fmt: skip


@given(
    key=st.binary(min_size=24, max_size=64), body=st.binary(max_size=200), at=st.integers(0, 2**40),
    late=st.integers(-400, 400), id=st.from_regex(r"\Amsg_[0-9a-f]{32}\Z"),
)  # fmt: skip
@examples(60)
def test_what_is_signed_is_accepted_within_five_minutes(
    verified: Verified, key: bytes, body: bytes, at: int, late: int, id: str
) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    assert verified([secret], headers([key], id, at, body), body, at + late or 1) == (abs(late) <= 300)


@given(place=st.integers(0, len(BODY) - 1), flip=st.integers(1, 255))
@examples(30)
def test_another_body_is_not(verified: Verified, place: int, flip: int) -> None:
    signed = headers(keys(SECRET), ID, NOW, BODY)
    other = BODY[:place] + bytes([BODY[place] ^ flip]) + BODY[place + 1 :]
    assert verified([SECRET], signed, BODY, NOW)
    assert not verified([SECRET], signed, other, NOW)


@pytest.mark.parametrize("change", [{"webhook-id": "msg_x"}, {"webhook-timestamp": str(NOW + 1)}, {"webhook-signature": "v1,"}])
def test_neither_is_another_id_time_or_secret(verified: Verified, change: dict[str, str]) -> None:
    signed = headers(keys(SECRET), ID, NOW, BODY)
    assert not verified([SECRET], signed | change, BODY, NOW)
    assert not verified([OTHER], signed, BODY, NOW)


def test_while_a_secret_is_changed_either_is_enough(verified: Verified, tmp_path: Path) -> None:
    both = headers(secrets(written(tmp_path, f"{SECRET}\n{OTHER}\n")), ID, NOW, BODY)
    assert all(verified([one], both, BODY, NOW) for one in (SECRET, OTHER))
    assert both["webhook-signature"].count("v1,") == 2


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        (SECRET, 0o640, "mode 0640 lets others read it"), (SECRET, 0o604, "mode 0604"), ("", 0o600, "expected lines of whsec_"),
        (SECRET.removeprefix("whsec_"), 0o600, "expected lines"), ("whsec_" + "A" * 28, 0o600, "24 to 64 bytes"),
        (f"{SECRET}\nwhsec_{'A' * 92}", 0o600, "24 to 64 bytes"), ("whsec_" + "!" * 32, 0o600, "expected lines"),
        ("whsec_" + "A" * 33, 0o600, "expected lines"),
    ],
)  # fmt: skip
def test_a_secret_that_is_short_or_no_secret_is_refused_and_not_told(tmp_path: Path, text: str, mode: int, words: str) -> None:
    with pytest.raises(LoanwatchError) as error:
        secrets(written(tmp_path, text, mode))
    assert words in error.value.en
    assert not [line for line in text.split() if line in str(error.value)]


def test_a_secret_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(LoanwatchError, match="no secret there; make one with"):
        secrets(tmp_path / "none")
