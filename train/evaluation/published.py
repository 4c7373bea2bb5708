"""The zoom search as the authors published it, for comparisons with their results.

``sdk.zoom.search`` is what a vehicle runs: fractional windows, one input shape, text encoded once.
This is the published arithmetic to the pixel: crops of whole rows and columns, a history of
integers, Pillow's resize to a size of its own for every crop. It takes one expression at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from torch import Tensor

from sdk.families import Call, Query
from sdk.frame import Frame, check_frame
from sdk.results.grounding import Grounding, Zoom
from sdk.text import Tokenizer, normalise
from sdk.timing import Deadline, LatencyEstimator
from sdk.zoom.calibration import Calibration
from sdk.zoom.decision import Judge
from sdk.zoom.search import Search
from train.families.grounding_dino import GroundingModel
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.grounding_dino.networks import ranked

Xywh = tuple[int, int, int, int]


@dataclass(frozen=True)
class PublishedPolicy:
    """How the published code searches, and how much of its needless work is repeated.

    ``scale_px``: a crop is resized to fit into these two sides, in either orientation.
    ``text_each_step``: the text is encoded again in every step, as published.
    ``end_known``: when the published code learns that the box at hand is the answer already: it
    has prepared the next crop by then and encoded text and image (its detector: "after features"),
    or has run the whole network on it (its demo: "after forward"). "at once" leaves that out.

    None of the needless work changes an answer: it is for measuring what it costs.
    """

    scale_px: tuple[int, int] = (800, 1333)
    max_steps: int = 5
    stop_threshold: float = 0.95
    progress_step: float = 0.05
    text_each_step: bool = False
    end_known: Literal["at once", "after features", "after forward"] = "at once"


PUBLISHED = PublishedPolicy()


@dataclass(frozen=True)
class TextFeatures:
    """Text features (1, T, D) with the ids that the ground network needs again, (1, T)."""

    features: Tensor
    segments: Tensor
    positions: Tensor


class PublishedSearcher:
    """``searcher(frame, ref) -> Search``, as ``train.evaluation.asking.Searcher`` is.

    End-of-search is looked at after each step but the last; the published code does so before
    each but the first (where it fails if the answer is yes), which comes to the same.
    """

    def __init__(
        self, model: PizaGrounder, tokenizer: Tokenizer, policy: PublishedPolicy = PUBLISHED
    ) -> None:
        self.model, self.tokenizer, self.policy = model.eval(), tokenizer, policy
        self.max_steps = policy.max_steps if model.config.zooms else 1
        self.device = next(model.parameters()).device

    @torch.inference_mode()
    def __call__(self, frame: Frame, ref: str) -> Search:
        """One search on a BGR frame ``(h, w, 3)`` uint8; raises InputError for what is neither a
        frame nor an expression."""
        height, width = check_frame(frame).shape[:2]
        text = self._encode_text(ref)
        window: Xywh = (0, 0, width, height)
        history = [window]
        progress = self._decide(history)[1]
        zooms: list[Zoom] = []
        while len(zooms) < self.max_steps:
            x, y, w, h = window
            size_wh = resized_wh((w, h), self.policy.scale_px)
            if min(size_wh) < 1:
                return Search(tuple(zooms), "the search shrank to less than a pixel")
            if zooms and self.policy.text_each_step:
                text = self._encode_text(ref)
            image, pixels_hw = self._encode_image(frame, window, size_wh)
            boxes, scores = self._ground(image, text, progress, pixels_hw)
            boxes = in_frame(boxes, size_wh, window)
            if not np.isfinite(boxes[0]).all():
                return Search(tuple(zooms), "the network offered no finite box")
            history.append(history_entry(boxes[0]))
            stop, following = self._decide(history)
            zooms.append(
                Zoom(
                    window_xyxy=np.array([x, y, x + w, y + h], np.float32),
                    xyxy=boxes[0],
                    raw_score=float(scores[0]),
                    candidates_xyxy=boxes,
                    candidates_scores=scores,
                    progress=float(progress),
                    stop_probability=stop,
                )
            )
            window, progress = whole_pixels(boxes[0]), following
            if stop >= self.policy.stop_threshold:
                if len(zooms) < self.max_steps:
                    self._look_in_vain(frame, ref, window, text, progress)
                break
        return Search(tuple(zooms))

    def _look_in_vain(
        self, frame: Frame, ref: str, window: Xywh, text: TextFeatures, progress: Tensor
    ) -> None:
        """What the published code does with the answer's window before it learns that it has the
        answer (where that window is empty, it fails)."""
        size_wh = resized_wh(window[2:], self.policy.scale_px)
        if self.policy.end_known == "at once" or min(size_wh) < 1:
            return
        if self.policy.text_each_step:
            text = self._encode_text(ref)
        image, pixels_hw = self._encode_image(frame, window, size_wh)
        if self.policy.end_known == "after forward":
            self._ground(image, text, progress, pixels_hw)

    def _encode_text(self, ref: str) -> TextFeatures:
        normalise(ref)  # for its checks
        tokens = self.tokenizer.encode_prompt(prompt(ref))
        count = int((tokens.segments > 0).sum())
        ids, segments, positions = (
            torch.from_numpy(row[None, :count].astype(np.int64)).to(self.device)
            for row in (tokens.ids, tokens.segments, tokens.positions)
        )
        return TextFeatures(self.model.encode_text(ids, segments, positions), segments, positions)

    def _decide(self, history_xywh: list[Xywh]) -> tuple[float, Tensor]:
        """End-of-search probability, and progress (1,) on its grid: halves to even, not clipped."""
        boxes = torch.tensor([history_xywh], dtype=torch.float32, device=self.device)
        valid = torch.ones(boxes.shape[:2], dtype=torch.bool, device=self.device)
        stop, progress = self.model.history(boxes, valid)
        step = self.policy.progress_step
        return float(stop.sigmoid()), (progress / step).round() * step

    def _encode_image(
        self, frame: Frame, window: Xywh, size_wh: tuple[int, int]
    ) -> tuple[Tensor, tuple[int, int]]:
        """Features of a window, resized on the host; height and width of the pixels."""
        x, y, w, h = window
        pixels = resized(frame[y : y + h, x : x + w], size_wh)
        config = self.model.config
        mean, std = torch.tensor(config.mean), torch.tensor(config.std)
        normalised = (torch.from_numpy(pixels).float() - mean) / std
        features = self.model.encode_image(normalised.permute(2, 0, 1)[None].to(self.device))
        return features, pixels.shape[:2]

    def _ground(
        self, image: Tensor, text: TextFeatures, progress: Tensor, pixels_hw: tuple[int, int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Boxes (K, 4) xyxy in [0, 1] of the pixels, scores (K,), best first."""
        prediction = self.model.ground(
            image, text.features, text.segments, text.positions, progress, pixels_hw
        )
        boxes, scores = ranked(prediction)
        return boxes[0].cpu().numpy(), scores[0].cpu().numpy()


class PublishedLocator:
    """An ``evaluation.scoring.Locator``: the published search, found by the vehicle's rule."""

    def __init__(self, model: GroundingModel) -> None:
        config = model.model.config
        self._tokenizer = model.tokenizer()
        self._search = PublishedSearcher(model.model, self._tokenizer)
        rule = Calibration.from_mapping(config.calibration)
        self._judge = Judge(rule, rule.threshold, config.name)

    def locate(self, frame: Frame, ref: list[str]) -> list[Grounding]:
        """One answer for each expression; raises InputError for one that cannot be encoded."""
        prompts = [self._tokenizer.encode(each) for each in ref]
        queries = [
            Query(each, tokens, tokens.unknown, tokens.understood)
            for each, tokens in zip(ref, prompts, strict=True)
        ]
        limit = Deadline(LatencyEstimator(), None)
        call = Call(frame, "bgr", queries, [None] * len(ref), 1, limit, limit.pace.now())
        return [self._judge(call, {}, query, self._outcome(frame, query)) for query in queries]

    def _outcome(self, frame: Frame, query: Query) -> Search:
        return self._search(frame, query.ref) if query.understood else Search((), complete=False)


def prompt(ref: str) -> str:
    """The expression as it is, with a period where it has none; the tokenizer lower-cases it."""
    return ref if ref.endswith(".") else f"{ref}. "


def resized_wh(crop_wh: tuple[int, int], scale_px: tuple[int, int]) -> tuple[int, int]:
    """Width and height of a crop that fits into ``scale_px``, rounded down; 0 x 0 for no crop."""
    width, height = crop_wh
    if min(crop_wh) < 1:
        return (0, 0)
    factor = min(max(scale_px) / max(crop_wh), min(scale_px) / min(crop_wh))
    return (int(width * factor), int(height * factor))


def resized(crop: Frame, size_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """A BGR crop in another size, RGB: Pillow's bilinear filter, which averages when it shrinks."""
    picture = Image.fromarray(np.ascontiguousarray(crop[:, :, ::-1]))
    return np.array(picture.resize(size_wh, Image.Resampling.BILINEAR))


def in_frame(
    boxes_unit: NDArray[np.float32], size_wh: tuple[int, int], window: Xywh
) -> NDArray[np.float32]:
    """Boxes (K, 4) in [0, 1] of the resized window -> xyxy frame pixels, all in float32."""
    x, y, w, h = window
    size = np.array(size_wh * 2, np.float32)
    scale = np.array([size_wh[0] / w, size_wh[1] / h] * 2, np.float32)
    boxes = np.clip(boxes_unit * size, np.float32(0), size) / scale
    return boxes + np.array([x, y, x, y], np.float32)


def whole_pixels(box: ArrayLike) -> Xywh:
    """The next window: every pixel from where the box begins to where it ends, both cut off."""
    x1, y1, x2, y2 = (int(value) for value in np.asarray(box).tolist())
    return (x1, y1, x2 - x1, y2 - y1)


def history_entry(box: ArrayLike) -> Xywh:
    """The box as the history holds it: corner and size cut off, so that it may end a pixel before
    the window of ``whole_pixels`` does."""
    x1, y1, x2, y2 = np.asarray(box).tolist()
    return (int(x1), int(y1), int(x2 - x1), int(y2 - y1))
