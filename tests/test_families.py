"""A new family is one module in each of ``sdk``, ``train`` and ``export``: here is one, made up.

It finds the brightest place of a frame, whatever it is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import sdk.families
import train.families
from export import families as export_families
from export.__main__ import main as export
from sdk import EngineError, Grounder
from sdk.__main__ import main as vehicle
from sdk.engine.folder import read_manifest

VEHICLE = """
import numpy as np
from sdk.families.family import Query
from sdk.letterbox import Letterbox
from sdk.json_reader import JsonReader
from sdk.runtime.runtime import Signature

class Brightest:
    def __init__(self, manifest, threshold):
        said = f"the block {manifest.family!r} of that family"
        self.cell = int(JsonReader(dict(manifest.block), said).number("cell", 1, 64, whole=True))
        self.hw = manifest.input_hw
        self.label, self.threshold = f"{manifest.name}@{manifest.fingerprint}", threshold

    def read(self, ref):
        return Query(ref, None)

    def answer(self, runtime, call):
        runtime.clock.start(call.begin_s)
        window = np.array([[0.0, 0.0, *call.frame_wh]])
        [seen] = runtime.see("eye", runtime.upload(call.frame, call.color), window)
        light = seen["brightness"][0]
        row, column = divmod(int(light.argmax()), self.hw[1] // self.cell)
        low = np.array([column, row]) * self.cell / np.array(self.hw[::-1])
        unit = np.concatenate([low, low + self.cell / np.array(self.hw[::-1])])
        xyxy = Letterbox((0.0, 0.0, *call.frame_wh), self.hw).to_frame(unit).astype(np.float32)
        timing, score = runtime.clock.drain(), float(light.max())
        found = score >= self.threshold
        return [
            call.answered(q, found=found, score=score, xyxy=xyxy, zooms=(), engine=self.label,
                          timing_ms=timing, reason=None if found else "it is dark")
            for q in call.queries
        ]

    def forget(self):
        pass

class Family:
    def networks(self, manifest):
        return {"eye": Signature({"pixels": (1, 3, *manifest.input_hw)}, ("brightness",))}

    def answerer(self, folder, manifest, threshold):
        return Brightest(manifest, threshold)

    def describe(self, manifest):
        return (f"the brightest cell of {manifest.block['cell']} px",)

FAMILY = Family()
"""

TRAINING = """
import torch
from safetensors.torch import load_file
from sdk.engine.manifest import ImageInput, Manifest
from train.families.family import TorchNetwork, described

class Eye(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(3) / 3)

    def forward(self, pixels):
        light = (pixels * self.gain[:, None, None]).sum(1, keepdim=True)
        return torch.nn.functional.avg_pool2d(light, 8).flatten(1)

class Model:
    def __init__(self, folder):
        self.eye = Eye().eval()
        self.eye.load_state_dict(load_file(folder / "model.safetensors"))

    def to(self, device):
        self.eye.to(device)

    def networks(self):
        return (TorchNetwork("eye", self.eye, {"pixels": torch.zeros(1, 3, 64, 64)},
                             ("brightness",)),)

    exportable = networks

    def manifest(self):
        image = ImageInput((64, 64), (0.0,) * 3, (255.0,) * 3)
        return Manifest("lamp", "brightest", described(self.networks()), {"pixels": image}, None,
                        {"threshold": 0.5}, {"cell": 8})

    def write_files(self, folder):
        return ()

class Family:
    def load(self, folder):
        return Model(folder)

FAMILY = Family()
"""

EXPORT = """
from export.certificate.criteria import Criteria
from export.families.family import ExportFamily

FAMILY = ExportFamily({"fp32": Criteria({"brightness": 1e-4}, {}, 0.99, 1.0, 1.0, 0.5)})
"""


@pytest.fixture
def brightest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkpoint of the family, which is there for as long as the test lasts."""
    from safetensors.numpy import save_file

    for package, text in (
        (sdk.families, VEHICLE),
        (train.families, TRAINING),
        (export_families, EXPORT),
    ):
        place = tmp_path / package.__name__
        place.mkdir()
        (place / "brightest.py").write_text(text)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(place)])
    folder = tmp_path / "lamp"
    folder.mkdir()
    (folder / "config.json").write_text('{"name": "lamp", "family": "brightest"}')
    save_file({"gain": np.full(3, 1 / 3, np.float32)}, folder / "model.safetensors")
    yield folder
    for name in [name for name in sys.modules if name.endswith(".families.brightest")]:
        del sys.modules[name]


def test_it_is_exported_proven_inspected_and_asked(brightest, tmp_path, capsys) -> None:
    assert "brightest" in sdk.families.names()
    engine = tmp_path / "lamp.engine"
    assert export(["build-engine", str(brightest), "-o", str(engine), "--searches", "3"]) == 0
    manifest = read_manifest(engine)
    assert manifest.proven
    assert (manifest.family, list(manifest.networks), manifest.text) == ("brightest", ["eye"], None)
    assert set(manifest.files) == {"eye.onnx"}
    assert export(["verify", str(engine), "--checkpoint", str(brightest), "--searches", "2"]) == 0
    capsys.readouterr()
    assert export(["inspect", str(engine)]) == 0
    said = capsys.readouterr().out
    assert "family    brightest: the brightest cell of 8 px" in said
    assert "eye.onnx" in said
    frame = np.zeros((640, 640, 3), np.uint8)
    frame[400:480, 240:320] = 255
    with Grounder(engine) as grounder:
        one, other = grounder.locate(frame, ["the lamp", "anything"])
        dark = grounder.locate(frame // 4, "the lamp")
    assert one.found
    assert one.xyxy.tolist() == other.xyxy.tolist() == [240, 400, 320, 480]
    assert set(one.timing_ms) == {"total", "crop", "eye", "host"}
    assert not dark.found
    assert dark.reason == "it is dark"


def test_its_block_is_its_own_to_refuse(brightest, tmp_path) -> None:
    engine = tmp_path / "lamp.engine"
    assert export(["onnx", str(brightest), "-o", str(engine)]) == 0
    path = engine / "engine.json"
    path.write_text(path.read_text().replace('"cell": 8', '"cell": 0'))
    with pytest.raises(EngineError):
        Grounder(engine, allow_unproven=True)  # its seal is broken, before anybody reads the block


def test_a_picture_and_a_line_of_json(brightest, tmp_path, capsys) -> None:
    from sdk.frame import write_image

    engine, image = tmp_path / "lamp.engine", tmp_path / "night.png"
    assert export(["build-engine", str(brightest), "-o", str(engine), "--searches", "1"]) == 0
    frame = np.zeros((64, 64, 3), np.uint8)
    frame[8:16, 8:16] = 255
    write_image(image, frame)
    capsys.readouterr()
    picture = tmp_path / "answer.png"
    asked = ["locate", str(image), "the lamp", "--engine", str(engine), "--save", str(picture)]
    assert vehicle([*asked, "--json"]) == 0
    assert '"found": true' in capsys.readouterr().out
    assert picture.stat().st_size > 0
