"""The files that a visitor of the repository sees: they parse, and they point at what is there."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
yaml = pytest.importorskip("yaml", reason="needs the docs extra")


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.yml")), ids=lambda path: path.name)
def test_forms_and_workflows_are_yaml(path):
    assert yaml.safe_load(path.read_text("utf-8"))


def test_the_form_of_a_problem_asks_for_the_doctor_and_for_the_command():
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/problem.yml").read_text("utf-8"))
    required = {field["id"] for field in form["body"] if field.get("validations", {}).get("required")}
    assert {"doctor", "command", "happened"} <= required


def test_the_workflow_runs_the_whole_check_and_the_wheel():
    jobs = yaml.safe_load((ROOT / ".github/workflows/check.yml").read_text("utf-8"))["jobs"]
    lines = [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    assert ".ci/run" in lines
    assert any(line.startswith("make wheel") for line in lines)


def test_the_linters_before_a_commit_are_those_of_make_lint():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"][0]["hooks"]
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for tool in re.findall(r"^\t\$\(BIN\)/(ruff check|ruff format|pyright|lint-imports)", makefile, re.M):
        assert any(tool in hook["entry"] for hook in hooks), tool


def test_the_citation_is_of_this_version_and_licence():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert (citation["version"], citation["license"]) == (project()["version"], project()["license"])
    assert citation["authors"]


def test_the_changelog_knows_this_version_and_has_the_usual_parts():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"^## {re.escape(project()['version'])}\b", text, re.M)
    assert set(re.findall(r"^### (.*)$", text, re.M)) <= {"Added", "Changed", "Fixed", "Removed", "Security"}


def test_a_reader_finds_the_files_that_the_table_of_changes_names():
    table = (
        (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("## I want to change")[2].partition("## ")[0]
    )
    named = {name for name in re.findall(r"`([\w./]+\.(?:py|yml))`", table) if "NN" not in name}
    missing = {
        name
        for name in named
        if not any(
            (folder / name).exists()
            for folder in (ROOT, ROOT / "src/keras_sr", ROOT / "src/keras_sr/images/picture")
        )
    }
    assert named
    assert missing == set()
