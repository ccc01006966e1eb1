"""Keys by the command: made with scopes and authorities, rotated with both, listed without secrets."""

import json
from pathlib import Path

import pytest
from commands import Run


def test_a_key_is_made_with_authorities_which_it_keeps_and_the_list_shows(run: Run, tmp_path: Path) -> None:
    asked = ("keys", "add", "Zhao Min", "--scope", "decide", "--authority", "risk manager", "--authority", "credit committee")
    code, out, err = run(*asked, "--by", "an administrator", "--book", tmp_path, "--json")
    made = json.loads(out)
    assert (code, made["authorities"]) == (0, ["credit committee", "risk manager"]), err
    assert "(Zhao Min: decide, credit committee, risk manager)" in err
    code, out, err = run("keys", "rotate", made["id"], "--by", "another", "--book", tmp_path, "--json")
    assert (code, json.loads(out)["authorities"]) == (0, made["authorities"]), err
    assert run("keys", "add", "loan system", "--scope", "score", "--by", "a", "--book", tmp_path)[0] == 0
    code, out, err = run("keys", "list", "--book", tmp_path, "--json")
    told = [(one["name"], one["authorities"]) for one in json.loads(out)["keys"]]
    assert told == [("Zhao Min", made["authorities"]), ("Zhao Min", made["authorities"]), ("loan system", [])]
    assert "authorities" in err and made["key"] not in out + err


@pytest.mark.parametrize(
    ("option", "said", "en", "zh"),
    [
        ("--authority", "credit comittee", "no authority 'credit comittee'; did you mean credit committee?", "没有决定权限"),
        ("--scope", "wrok", "no scope 'wrok'; did you mean work?", "没有权限范围"),
    ],
)  # fmt: skip
def test_what_is_no_authority_and_no_scope_is_refused_with_its_neighbour(
    run: Run, tmp_path: Path, option: str, said: str, en: str, zh: str
) -> None:
    code, _, err = run("keys", "add", "a", "--scope", "work", option, said, "--by", "b", "--book", tmp_path)
    assert (code, en in " ".join(err.split()), zh in err) == (2, True, True)
    assert json.loads(run("keys", "list", "--book", tmp_path, "--json")[1]) == {"keys": []}
