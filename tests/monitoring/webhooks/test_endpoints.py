"""The file of who is told: nobody without it, and nobody by mistake."""

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import httpx
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from receiver import SECRET, named

from features.errors import UsageError
from monitoring.webhooks.endpoints import FILE, endpoints, permitted
from monitoring.webhooks.events import NAMES

FINE = "https://core.bank.example/hooks"


def test_without_a_file_nobody_is_told(tmp_path: Path) -> None:
    assert endpoints(tmp_path) == ()
    (tmp_path / FILE).write_text("endpoint = []\n")
    assert endpoints(tmp_path) == ()


def test_what_the_file_says(tmp_path: Path) -> None:
    named(tmp_path, f"{FINE}?token=t", "case.opened", "tier.moved")
    (found,) = endpoints(tmp_path)
    assert (found.name, found.url) == ("core", httpx.URL(f"{FINE}?token=t"))
    assert found.types == frozenset({"case.opened", "tier.moved"})
    assert len(found.keys) == 1 and "token" not in repr(found) and str(found.keys[0]) not in repr(found)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://core.bank.example/", "seen: http://core.bank.example"), ("https:///x", "expected https://"), ("x", "expected"),
        ("ftp://core/", "seen: ftp://core"), ("https://a:b@core/", "without user"), ("https://core/#x", "fragment"),
        ("http://10.0.0.7/", "expected https://"), ("http://localhost.evil.example/", "expected https://"),
        ("http://2130706433/", "expected https://"), ("https://169.254.169.254/latest", "no receiver's address"),
        ("https://[fe80::1]/", "no receiver's address"), ("https://100.100.100.200/", "no receiver's address"),
        ("https://[::ffff:169.254.169.254]/", "no receiver's address"), ("https://0.0.0.0/", "no receiver's address"),
        ("https://core:port/", "not a URL"), ("https://[fd00:ec2::254]/", "no receiver's address"),
    ],
)  # fmt: skip
def test_urls_that_are_refused_and_not_told(tmp_path: Path, url: str, words: str) -> None:
    named(tmp_path, f"{url}", "case.opened")
    with pytest.raises(UsageError) as error:
        endpoints(tmp_path)
    assert "core.url" in error.value.en and words in error.value.en
    assert "latest" not in str(error.value) and "a:b" not in str(error.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/", "http://localhost/", "http://[::1]:9/", "https://10.0.0.7/", FINE])
def test_urls_that_are_not(tmp_path: Path, url: str) -> None:
    named(tmp_path, url, *NAMES)
    assert str(endpoints(tmp_path)[0].url) == url


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("endpoint = 1", "endpoint: Input should be"), ("[[endpoint", "is not TOML"),
        ("[[endpoints]]", "endpoints: no such key; did you mean endpoint?"),
        (f'[[endpoint]]\nname = "a"\nurl = "{FINE}"\ntypes = ["case.opened"]\nsecrets = "s"', "did you mean secret?"),
        (f'[[endpoint]]\nname = "a"\nurl = "{FINE}"\ntypes = ["case.open"]\nsecret = "s"', "did you mean case.opened"),
        (f'[[endpoint]]\nname = "a"\nurl = "{FINE}"\ntypes = []\nsecret = "s"', "endpoint.0.types"),
        (f'[[endpoint]]\nname = "A b"\nurl = "{FINE}"\ntypes = ["case.opened"]\nsecret = "s"', "endpoint.0.name"),
        (f'[[endpoint]]\nname = "a"\nurl = "{FINE}"\ntypes = ["case.opened"]\nsecret = "s"\n' * 2, "one of its own; seen: a, a"),
    ],
)  # fmt: skip
def test_mistakes_in_the_file_are_named(tmp_path: Path, said: str, words: str) -> None:
    (tmp_path / "s").write_text(SECRET)
    (tmp_path / "s").chmod(0o600)
    (tmp_path / FILE).write_text(said)
    with pytest.raises(UsageError) as error:
        endpoints(tmp_path)
    assert words in error.value.en and any("\u4e00" <= c <= "\u9fff" for c in error.value.zh)


@given(st.ip_addresses())
@examples(200)
def test_nothing_goes_to_links_groups_or_this_machine_whatever_a_name_means(
    address: IPv4Address | IPv6Address,
) -> None:
    found: IPv4Address | IPv6Address = getattr(address, "ipv4_mapped", None) or address
    wrong = found.is_link_local or found.is_multicast or found.is_loopback or found.is_unspecified
    assert not (wrong and permitted(str(address), "core.bank.example"))


@pytest.mark.parametrize(
    ("address", "host", "fine"),
    [
        ("169.254.169.254", "core", False), ("::ffff:169.254.169.254", "core", False), ("fe80::1%eth0", "core", False),
        ("100.100.100.200", "core", False), ("127.0.0.1", "core", False), ("::ffff:127.0.0.1", "core", False),
        ("127.0.0.1", "localhost", True), ("::1", "::1", True), ("127.8.8.8", "127.0.0.1", True), ("10.1.2.3", "core", True),
        ("192.168.0.9", "core", True), ("fd12::1", "core", True), ("203.0.113.9", "core", True), ("2001:db8::1", "core", True),
    ],
)  # fmt: skip
def test_where_something_may_be_sent(address: str, host: str, fine: bool) -> None:
    assert permitted(address, host) == fine
