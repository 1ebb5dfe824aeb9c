"""Is this a gold bead? A small classifier of 32 x 32 crops."""

from __future__ import annotations

from torch import Tensor, nn


class BeadClassifier(nn.Module):
    """(crop, 1, 32, 32), mean 0 each, in units of the beads' usual height -> (crop,) logits.

    Three times convolution, batch normalisation, ReLU and pooling, then 64 hidden numbers, as Hao
    et al. 2018 (BIBM) find beads among candidates; the widths are ours.
    """

    def __init__(self, features: tuple[int, ...] = (16, 32, 64), hidden: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((1, *features[:-1]), features, strict=True):
            layers += [
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        side = 32 // 2 ** len(features)
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Sequential(
            nn.Linear(features[-1] * side * side, hidden),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(hidden, 1),
        )

    def forward(self, crops: Tensor) -> Tensor:
        out: Tensor = self.head(self.body(crops))
        return out[:, 0]
