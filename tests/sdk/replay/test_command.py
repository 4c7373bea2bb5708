"""``python -m sdk locate --bundle`` and ``replay``."""

from __future__ import annotations

import json

from sdk.__main__ import main
from sdk.engine.folder import write_manifest
from sdk.frame import write_image

REF = "the red square"


def test_the_commands(engine, frame, tmp_path, capsys):
    image, path = tmp_path / "frame.png", tmp_path / "bundle.zip"
    write_image(image, frame)
    use = ["--engine", str(engine)]
    assert main(["locate", str(image), REF, *use, "--bundle", str(path), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["found"] is True
    assert f"wrote {path}" in captured.err
    assert main(["replay", str(path), *use, "--save", str(tmp_path / "again.png")]) == 0
    assert "the same" in capsys.readouterr().out
    assert (tmp_path / "again.png").exists()
    assert main(["replay", str(path), *use, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["same"] is True
    assert report["engine"]["same"] is True
    assert report["answers"][0]["ref"] == REF


def test_a_difference_exits_with_1(rewrite, said, engine, bundle_path, capsys):
    data = said(bundle_path)
    data["answers"][0]["found"] = False
    data["answers"][0]["reason"] = "other"
    rewrite(bundle_path, bundle_json=json.dumps(data))
    assert main(["replay", str(bundle_path), "--engine", str(engine)]) == 1
    out = capsys.readouterr().out
    assert "DIFFERENT" in out
    assert "DIFFERS" in out


def test_another_engine_is_said(engine, bundle_path, make_manifest, capsys):
    write_manifest(engine, make_manifest(name="other", calibration={"threshold": 0.4}))
    assert main(["replay", str(bundle_path), "--engine", str(engine)]) == 0
    captured = capsys.readouterr()
    assert "another engine" in captured.out
    assert "warning: another engine: squares@" in captured.err


def test_bad_bundles_exit_with_2_and_engines_with_3(engine, bundle_path, tmp_path, capsys):
    (tmp_path / "no.zip").write_bytes(b"no")
    for wrong in ("no.zip", "absent.zip", "."):
        assert main(["replay", str(tmp_path / wrong), "--engine", str(engine)]) == 2
    assert main(["replay", str(bundle_path), "--engine", str(tmp_path / "absent")]) == 3
    assert capsys.readouterr().out == ""


def test_a_hostile_expression_is_shown_harmlessly(rewrite, said, engine, bundle_path, capsys):
    data = said(bundle_path)
    data["answers"][0]["ref"] = "the red square\x1b[2J\r"
    rewrite(bundle_path, bundle_json=json.dumps(data))
    main(["replay", str(bundle_path), "--engine", str(engine)])
    assert "\x1b" not in capsys.readouterr().out
