import pytest

from keras_sr.errors import DataError
from keras_sr.evaluation.protocol import PROTOCOLS, Protocol
from keras_sr.evaluation.published import ROWS, against, rows_for, verdict
from keras_sr.evaluation.score import bicubic, score
from keras_sr.evaluation.sets.anchor import expected
from keras_sr.evaluation.sets.known import SETS, find_set, known_set
from keras_sr.evaluation.sets.layouts import find_pairs, set_name


@pytest.mark.shared
@pytest.mark.parametrize("name", ["Set5", "Set14", pytest.param("BSD100", marks=pytest.mark.slow)])
@pytest.mark.parametrize("protocol", ["paper", "matlab", "rgb"])
def test_anchors_are_what_bicubic_gives(shared_data, name, protocol):
    known = SETS[name.lower()]
    scores = score(bicubic(4), find_pairs(shared_data / "benchmark" / name, 4), 4, protocol)
    assert scores.total == known.pictures
    assert scores.psnr == pytest.approx(expected(known, 4, PROTOCOLS[protocol])[0], abs=1e-4)


def test_anchors_agree_with_the_literature():
    """Set14 and Urban100 go round in other crops; the other two must agree to the rounding of Y."""
    for name in ("set5", "bsd100"):
        for anchor in SETS[name].anchors.values():
            assert anchor.matlab == pytest.approx(anchor.literature, abs=0.025)
            assert anchor.paper > anchor.matlab


def test_protocols_of_ones_own_have_no_anchor():
    known = SETS["set5"]
    assert expected(known, 4, Protocol("custom", shave=0)) == ()
    assert expected(known, 8, PROTOCOLS["paper"]) == ()
    # Shaving as much as the protocol does anyway is the same protocol.
    assert expected(known, 4, Protocol("custom", shave=4)) == expected(known, 4, PROTOCOLS["paper"])


def test_a_folder_wins_over_a_name(tmp_path, monkeypatch):
    (tmp_path / "set5").mkdir()
    monkeypatch.chdir(tmp_path)
    name, folder = find_set("set5", 4, [])
    assert (name, folder.resolve()) == ("set5", tmp_path / "set5")
    assert known_set(name) is SETS["set5"]


def test_a_linked_set_keeps_its_name(tmp_path, monkeypatch):
    (tmp_path / "store" / "sr_set_five").mkdir(parents=True)
    (tmp_path / "Set5").symlink_to(tmp_path / "store" / "sr_set_five")
    assert set_name(tmp_path / "Set5") == "Set5"
    monkeypatch.chdir(tmp_path / "store" / "sr_set_five")
    assert set_name("..") == "store"


def test_a_known_name_is_looked_for_in_the_places(tmp_path):
    (tmp_path / "two" / "BSD100").mkdir(parents=True)
    assert find_set("b100", 4, [tmp_path / "one", tmp_path / "two"]) == (
        "BSD100",
        tmp_path / "two" / "BSD100",
    )
    with pytest.raises(DataError, match="Set5 at x4 is not in"):
        find_set("Set5", 4, [tmp_path / "two"])
    with pytest.raises(
        DataError, match=r"neither a folder nor a known set \(Set5, Set14, BSD100, Urban100\)"
    ):
        find_set("Set6", 4, [tmp_path])


def test_published_rows_keep_to_their_protocol_and_scale():
    assert {row.protocol for row in ROWS} == {"paper", "rgb"}
    assert rows_for("Set5", 2, "paper") == []
    assert rows_for("Set5", 4, "custom") == []
    rgb, paper = (rows_for("Set5", 4, protocol) for protocol in ("rgb", "paper"))
    assert rgb
    assert not {row.method for row in rgb} & {row.method for row in paper}
    assert [row.figures["Set5"][0] for row in paper] == sorted(row.figures["Set5"][0] for row in paper)
    assert all(row.source for row in ROWS)
    assert [row.figures["Set5"][0] for row in rows_for("Set5", 3, "paper")] == [32.55, 32.88]
    for scale in (2, 3):
        assert [row.scale for row in rows_for("Set14", scale, "rgb")] == [scale]


@pytest.mark.parametrize(
    ("psnr", "state", "text"),
    [
        (32.05, "reached", "reached SRResNet (32.05)"),
        (32.046, "reached", "reached SRResNet (32.05)"),
        (32.01, "within", "within 0.04 dB of SRResNet"),
        (30.93, "below", "below SRResNet by 1.12 dB"),
    ],
)
def test_verdicts_against_the_row_of_the_recipe(psnr, state, text):
    rows = rows_for("Set5", 4, "paper")
    assert verdict(psnr, "Set5", rows, "srresnet_mse") == (state, text)


def test_more_psnr_than_a_gan_is_no_success_and_less_is_said():
    rows = rows_for("Set5", 4, "paper")
    state, text = verdict(29.73, "Set5", rows, "srgan_vgg54")
    assert state == "none"
    assert text == "0.33 dB above SRGAN (29.40), which gives PSNR away: compare LPIPS"
    assert verdict(29.37, "Set5", rows, "srgan_vgg54")[0] == "within"
    assert verdict(28.0, "Set5", rows, "srgan_vgg54")[0] == "below"


def test_verdicts_without_a_row_of_its_own_name_the_neighbours():
    rows = rows_for("Set5", 4, "paper")
    state, text = verdict(30.60, "Set5", rows)
    assert state == "reached"
    assert text == "reached FSRCNN (30.55); below SRResNet by 1.45 dB"
    assert verdict(20.0, "Set5", rows)[0] == "below"
    assert verdict(40.0, "Set5", rows)[1] == against(40.0, rows[-1], "Set5")[1]
    assert verdict(30.0, "mine", []) == ("none", "")
