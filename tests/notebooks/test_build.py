"""The builder on small sources of its own."""

import pytest

SOURCE = """# %% [markdown]
# # A lesson

# %% show keras_sr.losses.pixel:difference, mse

# %%
print("to stdout")
import sys
print("to stderr", file=sys.stderr)

# %% show again keras_sr.models.discriminator:STAGES
"""


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "01_small.py"
    path.write_text(SOURCE, "utf-8")
    return path


def test_markers_become_source_with_the_imports_it_needs(builder, source):
    title, shown, plain, again = builder.expand(source).cells
    assert title.cell_type == "markdown"
    assert shown.source.startswith("# keras_sr/losses/pixel.py\nimport keras\nfrom keras import ops\n")
    assert "def difference(sr: Tensor, hr: Tensor)" in shown.source
    assert shown.metadata == {"show": "keras_sr.losses.pixel:difference, mse"}
    assert plain.metadata == {}
    assert again.metadata["jupyter"] == {"source_hidden": True}
    assert again.source.splitlines()[-1].startswith("STAGES = ((64, 1)")
    assert "#: (filters, stride)" in again.source


def test_what_a_page_has_shown_is_not_imported_over(builder):
    alone = builder.code_of("keras_sr.models.srresnet", ["srresnet"], [])
    assert "from keras_sr.models.srresnet import residual_block, upsample" in alone
    after = builder.code_of("keras_sr.models.srresnet", ["srresnet"], ["residual_block", "upsample"])
    assert "import residual_block" not in after
    assert "upsampling_stages" in after.partition("def ")[0]


def test_the_same_source_gives_the_same_file(builder, source):
    import nbformat

    assert nbformat.writes(builder.expand(source)) == nbformat.writes(builder.expand(source))


@pytest.mark.parametrize(
    ("marker", "said"),
    [("keras_sr.losses.pixels:mse", "no module"), ("keras_sr.losses.pixel:msee", "defines no msee")],
)
def test_a_marker_that_finds_nothing_says_so(builder, tmp_path, marker, said):
    path = tmp_path / "01_wrong.py"
    path.write_text(f"# %% show {marker}\n", "utf-8")
    with pytest.raises(LookupError, match=said):
        builder.expand(path)


def test_unknown_lessons_and_smoke_over_kept_pages_are_refused(builder, monkeypatch):
    with pytest.raises(SystemExit, match="no lesson 42"):
        builder.sources(["42"])
    monkeypatch.setenv("KERAS_SR_SMOKE", "1")
    with pytest.raises(SystemExit):
        builder.main(["01"])


def test_text_may_change_around_outputs_and_code_may_not(builder, source, tmp_path):
    import nbformat

    page = builder.expand(source)
    page.cells[2].outputs = [nbformat.v4.new_output("stream", text="to stdout\n")]
    path = tmp_path / "01_small.ipynb"
    path.write_text(nbformat.writes(page), "utf-8")
    source.write_text(SOURCE.replace("A lesson", "Another lesson"), "utf-8")
    again = builder.with_outputs(builder.expand(source), path)
    assert "Another lesson" in again.cells[0].source
    assert again.cells[2].outputs == page.cells[2].outputs
    source.write_text(SOURCE.replace("to stdout", "elsewhere"), "utf-8")
    with pytest.raises(SystemExit, match="without --text"):
        builder.with_outputs(builder.expand(source), path)


@pytest.mark.slow
def test_a_page_runs_and_is_tidied(builder, source, tmp_path):
    page = builder.run(builder.expand(source), tmp_path / "out")
    assert [output.text for output in page.cells[2].outputs] == ["to stdout\n"]
    assert page.cells[1].outputs == []


@pytest.mark.slow
def test_an_error_in_a_cell_ends_the_build(builder, tmp_path):
    path = tmp_path / "01_broken.py"
    path.write_text("# %%\nraise ValueError('no such thing')\n", "utf-8")
    with pytest.raises(SystemExit, match="no such thing"):
        builder.run(builder.expand(path), tmp_path)
