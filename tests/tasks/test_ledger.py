from keras_sr.tasks.batch.ledger import NAME, Ledger


def made(folder, name, content=b"result"):
    source, target = folder / name, folder / "out" / name
    target.parent.mkdir(exist_ok=True)
    source.write_bytes(f"picture {name}".encode())
    target.write_bytes(content)
    return source, target


def test_what_was_recorded_is_finished(tmp_path):
    source, target = made(tmp_path, "ä.png")
    ledger = Ledger(tmp_path / "out", "one way")
    assert not ledger.finished(source, target)
    ledger.record(source, target)
    for again in (ledger, Ledger(tmp_path / "out", "one way")):
        assert again.finished(source, target)
    assert not Ledger(tmp_path / "out", "another way").finished(source, target)


def test_another_picture_or_another_result_is_not(tmp_path):
    source, target = made(tmp_path, "a.png")
    Ledger(tmp_path / "out", "way").record(source, target)
    source.rename(tmp_path / "b.png")
    (tmp_path / "a.png").write_bytes(b"another picture")
    assert not Ledger(tmp_path / "out", "way").finished(source, target)
    # The same content under another name is the same picture.
    assert Ledger(tmp_path / "out", "way").finished(tmp_path / "b.png", target)
    target.write_bytes(b"shorter")
    assert not Ledger(tmp_path / "out", "way").finished(tmp_path / "b.png", target)
    target.unlink()
    assert not Ledger(tmp_path / "out", "way").finished(tmp_path / "b.png", target)


def test_a_line_that_was_cut_short_costs_itself_alone(tmp_path):
    first, second = made(tmp_path, "a.png"), made(tmp_path, "b.png")
    ledger = Ledger(tmp_path / "out", "way")
    ledger.record(*first)
    ledger.record(*second)
    path = tmp_path / "out" / NAME
    path.write_bytes(path.read_bytes()[:-9])
    after = Ledger(tmp_path / "out", "way")
    assert after.finished(*first)
    assert not after.finished(*second)
    after.record(*second)
    assert Ledger(tmp_path / "out", "way").finished(*second)


def test_a_claim_is_taken_back_only_where_nothing_came_of_it(tmp_path):
    source, target = tmp_path / "a.png", tmp_path / "a_x2.png"
    source.write_bytes(b"a picture")
    target.write_bytes(b"a result")
    ledger = Ledger(tmp_path, "as ever", part="1-of-2")
    ledger.claim()
    ledger.take_back_claim()
    assert not ledger.path.exists()
    ledger.claim()
    ledger.record(source, target)
    ledger.flush()
    ledger.take_back_claim()
    assert Ledger(tmp_path, "as ever").finished(source, target)
