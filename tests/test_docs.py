"""The documents say what the code does: every command, option, path, link, target and generated page is checked."""

import ast
import doctest
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
from schemas import validate

from loanwatch.command import app
from loanwatch.reference import DOCS, pages
from serving.app import interface

ROOT = DOCS.parent
WRITTEN = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "bench/README.md", "mlruns/README.md")),
    *sorted(page for page in DOCS.rglob("*.md") if page.name not in pages()),
]
GENERATED = [DOCS / name for name in pages()]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
PACKAGES = ("features", "models", "monitoring", "pipelines", "serving", "loanwatch")
FOLDERS = "|".join((*PACKAGES, "notebooks", "tests", "bench", "docs", r"\.ci"))

TYPED = ("sh", "console")
"""Blocks that hold what a reader may type."""
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")

each_page = pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
each_page_of_all = pytest.mark.parametrize("page", [*WRITTEN, *GENERATED], ids=lambda page: str(page.relative_to(ROOT)))
each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.name)


def fences(text: str, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(text) if kind == language]


def inline(text: str) -> list[str]:
    return INLINE.findall(FENCE.sub("", text))


def shell(text: str) -> list[str]:
    """What a reader may type: the commands of blocks, and inline code."""
    return [*in_blocks(text), *inline(text)]


def in_blocks(text: str) -> list[str]:
    return [command for language in TYPED for block in fences(text, language) for command in commands(block)]


def commands(block: str) -> Iterator[str]:
    """The commands of a block: one goes on after a backslash, and on to the line that closes its quotes."""
    said = ""
    for line in block.replace("\\\n", " ").splitlines():
        said += f"{line}\n"
        if _closed(said):
            yield said.rstrip()
            said = ""
    assert not said, f"a quote is never closed: {said}"


def _closed(said: str) -> bool:
    try:
        shlex.split(said, comments=True)
    except ValueError:
        return False
    return True


def spoken(lines: list[str]) -> Iterator[list[str]]:
    """The words after each `loanwatch` of some commands."""
    for line in lines:
        words = shlex.split(line, comments=True)
        names = [i for i, word in enumerate(words) if word.rpartition("/")[2] == "loanwatch"]
        if names and names[0] + 1 < len(words):
            yield words[names[0] + 1 :]


def meant(words: list[str]) -> tuple[Any, list[str]]:
    """The command of the typer app that ``words`` begin with, as far as it has it, and the words left."""
    command: Any = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    return command, words


def unknown_words(words: list[str]) -> list[str]:
    """The command or the options among ``words`` that the typer app does not have."""
    command, words = meant(words)
    if words and hasattr(command, "commands") and not words[0].startswith("-"):
        return words[:1]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    return [word for word in words if word.startswith("-") and word.partition("=")[0] not in known]


@pytest.mark.parametrize("page", GENERATED, ids=lambda page: str(page.name))
def test_generated_pages_are_what_the_code_says(page: Path) -> None:
    assert page.read_text("utf-8") == pages()[page.name], "run `make docs`"


@each_page_of_all
def test_commands_and_options_exist(page: Path) -> None:
    assert [(words, bad) for words in spoken(shell(page.read_text("utf-8"))) if (bad := unknown_words(words))] == []


def test_the_readme_names_every_command() -> None:
    said = {words[0] for words in spoken(shell((ROOT / "README.md").read_text("utf-8")))}
    command: Any = typer.main.get_command(app)
    assert set(command.commands) - said == set()


def test_a_command_or_option_that_does_not_exist_is_found() -> None:
    assert list(spoken(["loanwatch trian --book b"])) == [["trian", "--book", "b"]]
    assert unknown_words(["trian", "--book", "b"]) == ["trian"]
    assert unknown_words(["features", "trade"]) == ["trade"]
    assert unknown_words(["train", "--boook", "b"]) == ["--boook"]
    assert unknown_words(["train", "--book", "b"]) == []


@pytest.mark.parametrize("language", TYPED)
def test_a_command_of_several_lines_is_one(language: str) -> None:
    block = "loanwatch score \\\n  --loan L1  # the lender's\ncurl -d '{\n  loanwatch}' | loanwatch events -\nmake demo\n"
    said = shell(f"```{language}\n{block}```\n`loanwatch doctor`")
    assert list(spoken(said)) == [["score", "--loan", "L1"], ["events", "-"], ["doctor"]]
    assert said[-2:] == ["make demo", "loanwatch doctor"]


@each_page_of_all
def test_commands_in_blocks_say_all_that_they_need(page: Path) -> None:
    for words in spoken(in_blocks(page.read_text("utf-8"))):
        command, rest = meant(words)
        command.make_context(words[0], rest)  # raises where an argument is missing, or one too many


@each_page_of_all
def test_requests_are_such_as_the_service_takes(page: Path) -> None:
    paths = interface()["paths"]
    for line in in_blocks(page.read_text("utf-8")):
        words = shlex.split(line, comments=True)
        for url in (word for word in words if word.startswith("localhost:8000/")):
            path = re.sub(r"/\$\w+", "/{id}", url.removeprefix("localhost:8000").partition("?")[0])
            body = next((said for option, said in pairwise(words) if option == "-d"), None)
            operation = paths[path]["post" if {"-d", "--data-binary"} & set(words) else "get"]
            if body is not None:
                validate(json.loads(body), operation["requestBody"]["content"]["application/json"]["schema"])


@each_page_of_all
def test_links_resolve(page: Path) -> None:
    links = [link for link in LINK.findall(FENCE.sub("", page.read_text("utf-8"))) if "://" not in link]
    assert [link for link in links if not _resolves(page, link)] == []


def _resolves(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_paths_modules_and_tests_named_in_the_text_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    paths = [code for code in inline(text) if re.fullmatch(rf"({FOLDERS})/[\w./-]*", code)]
    modules = [m.replace(".", "/") + ".py" for m in re.findall(r"python -m ((?:bench|loanwatch)\.\w+)", text)]
    assert [path for path in [*paths, *modules] if not (ROOT / path).exists()] == []
    code = "\n".join(file.read_text("utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    tests = [name for name in inline(text) if re.fullmatch(r"test_\w+", name)]
    assert [name for name in tests if f"def {name}(" not in code] == []


def test_the_tree_of_the_readme_exists() -> None:
    tree = (ROOT / "README.md").read_text("utf-8").partition("<!-- tree -->")[2]
    named = [line.split()[0] for line in fences(tree, "text")[0].splitlines()]
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


@each_page
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {match[1] for line in shell(page.read_text("utf-8")) if (match := re.match(r"make ([a-z-]+)", line))}
    assert named - targets == set()


@each_page
def test_examples_in_python_run_as_shown(page: Path) -> None:
    blocks = [block for block in fences(page.read_text("utf-8"), "python") if ">>>" in block]
    for block in blocks:
        example = doctest.DocTestParser().get_doctest(block, {}, page.name, str(page), 0)
        assert doctest.DocTestRunner(verbose=False).run(example).failed == 0


def test_the_changelog_has_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert f"\n## {version}\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_decisions_are_numbered_listed_and_complete() -> None:
    assert [page.name[:4] for page in DECISIONS] == [f"{n:04d}" for n in range(1, len(DECISIONS) + 1)]
    listed = (DOCS / "decisions" / "README.md").read_text("utf-8")
    assert [page.name for page in DECISIONS if f"({page.name})" not in listed] == []
    wanted = ["## Context", "## Decision", "## Consequences"]
    assert [page.name for page in DECISIONS if re.findall(r"^## .+$", page.read_text("utf-8"), re.MULTILINE) != wanted] == []


def cells(notebook: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(notebook.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


@each_notebook
def test_notebooks_define_nothing_and_store_no_output(notebook: Path) -> None:
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    for cell in cells(notebook):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        assert not any(isinstance(node, definitions) for node in ast.walk(ast.parse("".join(cell["source"]))))


@each_notebook
def test_what_notebooks_import_exists(notebook: Path) -> None:
    code = ast.parse("\n".join("".join(cell["source"]) for cell in cells(notebook)))
    imports = [node for node in ast.walk(code) if isinstance(node, ast.ImportFrom) and node.module]
    ours = [node for node in imports if str(node.module).partition(".")[0] in PACKAGES]
    assert ours
    assert [name for node in ours for name in node.names if name.name not in _names(str(node.module))] == []


def _names(module: str) -> set[str]:
    """Names bound at the top of a module, read without running it."""
    path = ROOT / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    nodes = ast.parse(file.read_text("utf-8")).body
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    targets = [target for node in nodes if isinstance(node, ast.Assign) for target in node.targets]
    passed_on = {name.name for node in nodes if path.is_dir() and isinstance(node, ast.ImportFrom) for name in node.names}
    passed_on |= {inside.stem for inside in path.glob("*.py")}
    return defined | passed_on | {target.id for target in targets if isinstance(target, ast.Name)}
