"""Engines in which a single bit is not what it was: none is opened."""

from __future__ import annotations

import json
import random
import shutil

import pytest

from sdk import EngineError, Grounder
from sdk.engine.folder import read_manifest, verify_files

FLIPS = 2000


def test_two_thousand_flipped_bits_are_refused(engine, tmp_path):
    """Any bit of any file, ``engine.json`` included, which is as likely as the largest network."""
    rng = random.Random(0)
    files = sorted(path.name for path in engine.iterdir())
    assert "engine.json" in files
    whole = {name: (engine / name).read_bytes() for name in files}
    opened = []
    for number in range(FLIPS):
        name = files[number % len(files)]
        data = bytearray(whole[name])
        bit = rng.randrange(8 * len(data))
        data[bit // 8] ^= 1 << bit % 8
        (engine / name).write_bytes(data)
        try:
            verify_files(engine, read_manifest(engine))
            opened.append((name, bit))
        except EngineError:
            pass
        (engine / name).write_bytes(whole[name])
    assert opened == []
    Grounder(engine).close()


def test_each_bit_of_the_manifest(engine):
    path = engine / "engine.json"
    whole = path.read_bytes()
    for at in range(len(whole)):
        data = bytearray(whole)
        data[at] ^= 1 << at % 8
        path.write_bytes(data)
        with pytest.raises(EngineError):
            verify_files(engine, read_manifest(engine))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"threshold": 0.', '"threshold": 0.1'),
        lambda text: text.replace('"passed": true', '"passed": true '),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: json.dumps({**json.loads(text), "seal": "0" * 64}),
        lambda text: json.dumps({k: v for k, v in json.loads(text).items() if k != "seal"}),
        lambda text: text + "\n",
        lambda text: text[:-2] + ', "seal": "' + "0" * 64 + '"}\n',
    ],
)
def test_an_edited_manifest_is_not_opened(engine, change):
    path = engine / "engine.json"
    changed = change(path.read_text())
    path.write_bytes(changed.encode())
    with pytest.raises(EngineError, match=r"engine\.json was altered: .*copy the engine again"):
        Grounder(engine)


def test_a_copy_is_as_good(engine, tmp_path):
    shutil.copytree(engine, tmp_path / "copy")
    Grounder(tmp_path / "copy").close()
