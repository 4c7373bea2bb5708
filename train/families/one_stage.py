"""MDETR and TransVG: one look at a frame, with the sentence in mind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch

from sdk.engine.manifest import TOKENIZER_FILE, ImageInput, Manifest, TextInput
from sdk.errors import CheckpointError, EngineError
from sdk.families.one_stage import METHOD
from sdk.sentences import SentenceTokenizer
from train.checkpoint import CONFIG, TOKENIZER, check_complete, load_weights, stored_weights
from train.families.family import TorchNetwork, TrainFamily, described
from train.models.detr.config import FAMILY as NAME
from train.models.mdetr.config import MdetrConfig
from train.models.mdetr.model import Mdetr
from train.models.one_look import Model, networks
from train.models.transvg.config import TransvgConfig
from train.models.transvg.model import Transvg

CONFIGS = {each.METHOD: each for each in (MdetrConfig, TransvgConfig)}


class OneLookModel:
    """A ``TrainedModel`` of text, image and joint network.

    Args:
        model: of either method; it goes into eval mode.
        tokenizer_file: of the model.
    """

    def __init__(self, model: Model, tokenizer_file: Path) -> None:
        self.model, self._tokenizer_file = model.eval(), tokenizer_file

    def to(self, device: torch.device) -> None:
        """See ``TrainedModel.to``."""
        self.model.to(device)

    def networks(self) -> tuple[TorchNetwork, ...]:
        """See ``TrainedModel.networks``."""
        return networks(self.model)

    exportable = networks

    def manifest(self) -> Manifest:
        """See ``TrainedModel.manifest``."""
        config = self.model.config
        return Manifest(
            name=config.name,
            family=NAME,
            networks=described(self.networks()),
            inputs={"pixels": ImageInput(config.input_hw, config.mean, config.std)},
            text=TextInput(config.max_tokens),
            calibration=config.calibration,
            block={METHOD: config.METHOD},
        )

    def write_files(self, folder: Path) -> tuple[str, ...]:
        """The tokenizer."""
        shutil.copyfile(self._tokenizer_file, folder / TOKENIZER_FILE)
        return (TOKENIZER_FILE,)


def make_model(config: MdetrConfig | TransvgConfig) -> Model:
    """The model of a configuration, with random weights."""
    return Mdetr(config) if isinstance(config, MdetrConfig) else Transvg(config)


def load_model(folder: Path) -> Model:
    """The model of a checkpoint, in eval mode; every tensor must be accounted for.

    Raises CheckpointError when it is missing, damaged, or of another family.
    """
    check_complete(folder)
    model = make_model(CONFIGS[_method(folder / CONFIG)].load(folder / CONFIG))
    load_weights(model, stored_weights(folder))
    check_tokenizer(model, folder / TOKENIZER)
    return model.eval()


def check_tokenizer(model: Model, tokenizer_file: Path) -> None:
    """Raises CheckpointError for a tokenizer that cannot be read, or knows tokens that the model
    does not."""
    try:
        known = SentenceTokenizer.from_file(tokenizer_file, model.config.max_tokens).vocabulary_size
    except EngineError as error:
        raise CheckpointError(str(error)) from error
    rows = len(model.text_backbone.model.embeddings.word_embeddings.weight)
    if known > rows:
        raise CheckpointError(
            f"expected a tokenizer of at most {rows} tokens, as the model has, found {known} in"
            f" {tokenizer_file}"
        )


def _method(path: Path) -> str:
    try:
        method = json.loads(path.read_text(encoding="utf-8")).get("method")
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{path} is not the configuration of a model: {error!r}") from error
    if method not in CONFIGS:
        raise CheckpointError(
            f"{path}: expected a method out of {', '.join(CONFIGS)}, found {method!r}"
        )
    return str(method)


class _OneStage:
    """See ``train.families.family.TrainFamily``."""

    def load(self, folder: Path) -> OneLookModel:
        """A checkpoint of MDETR or TransVG."""
        return OneLookModel(load_model(folder), folder / TOKENIZER)


FAMILY: TrainFamily = _OneStage()
