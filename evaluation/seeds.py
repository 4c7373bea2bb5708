"""Which scenes serve for what: nothing that was trained on or tuned on is ever asked about.

A scene is made from its seed alone, so a range of seeds is a set of scenes. Every use has a range
here, and no two ranges meet.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Seeds:
    """The scenes ``first`` to ``end - 1``, and who uses them."""

    first: int
    end: int
    used_by: str

    def __len__(self) -> int:
        return self.end - self.first


TRAINING = Seeds(
    0, 600_000, "train piza, benchmarks methods and zoo (from 100,000 and 200,000 on): trained on"
)
FEATURES = Seeds(600_000, 640_000, "the features of a calibrated score were chosen on these")
THRESHOLD = Seeds(640_000, 700_000, "train calibrate: score and threshold are fitted on these")
CERTIFICATE = Seeds(700_000, 710_000, "export build-engine, verify, prove: engine against source")
RANGES = Seeds(710_000, 800_000, "export build-engine: ranges of eight-bit networks")
CHECKS = Seeds(800_000, 900_000, "train piza: checks while it trains")
ACCURACY = Seeds(900_000, 910_000, "benchmarks accuracy, latency (times alone), demo")
REFS = Seeds(910_000, 920_000, "benchmarks refs")
DEADLINE = Seeds(920_000, 930_000, "benchmarks deadline")
BEAM = Seeds(930_000, 950_000, "benchmarks beam")
METHODS = Seeds(950_000, 955_000, "benchmarks methods: what the trained are asked about")
STILLS = Seeds(955_000, 960_000, "benchmarks video: pictures that stand still")
TIMES = Seeds(960_000, 970_000, "benchmarks engines, scaling: times alone")
RELIABILITY = Seeds(970_000, 980_000, "benchmarks calibration")
PEERS = Seeds(980_000, 1_000_000, "benchmarks peers")
LANGUAGE = Seeds(1_100_000, 1_200_000, "benchmarks language: true boxes judged by sentences")
PROPOSALS = Seeds(1_200_000, 1_300_000, "benchmarks proposals")
ZOO = Seeds(1_300_000, 1_400_000, "benchmarks zoo: close-ups that are asked about")
CLIPS = Seeds(50_000_000, 100_000_000, "evaluation.scenes.motion: a hundred for each clip")

TABLE = (
    *(TRAINING, FEATURES, THRESHOLD, CERTIFICATE, RANGES, CHECKS, ACCURACY, REFS, DEADLINE),
    *(BEAM, METHODS, STILLS, TIMES, RELIABILITY, PEERS, LANGUAGE, PROPOSALS, ZOO, CLIPS),
)

DEMO = ACCURACY.first + 7
METHODS_TRAINING = TRAINING.first + 100_000  # piza-tiny was trained on others
VIDEO_CLIPS = 9000  # of clips, which are numbered by themselves
