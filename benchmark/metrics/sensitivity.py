"""Sensitivity of the reconstruction to noise in the translation (Section III-F, Eqs. 6 and 7)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field, field_validator

from benchmark.config.base import Strict
from benchmark.data.sampling import stream
from benchmark.data.slices import Images
from benchmark.metrics.base import Metric, Quantity
from benchmark.metrics.inputs import Need
from benchmark.metrics.view import CellView
from benchmark.results.scores import Score

AREA_LIMIT = 0.2
"""The largest σ of the area under the curve: beyond it the translation is more noise than image."""
SHOWN_SIGMAS = (0.0, 0.1, 0.2, 0.5)
"""Noise levels of Fig. 9b."""

REFERENCE = "Bashkirova et al. 2019, NeurIPS; Eqs. 6, 7"
# SSIM is at most 1; like any correlation it can be negative.
CURVES = {
    "mse": Quantity(
        "sensitivity_mse", "Sensitivity, MSE", "", "lower", (0, 4), REFERENCE, shown_in="Fig. 9a", short="MSE"
    ),
    "ssim": Quantity(
        "sensitivity_ssim", "Sensitivity, SSIM", "", "higher", (-1, 1), REFERENCE, shown_in="Fig. 9a", short="SSIM"
    ),
}
AREAS = {
    key: replace(
        curve,
        name=f"sensitivity_auc_{key}",
        title=f"Sensitivity, area under {curve.short}",
        bounds=(AREA_LIMIT * curve.bounds[0], AREA_LIMIT * curve.bounds[1]),
        headline=True,
        # An output without content is the least sensitive.
        bold="useful",
        shown_in="Table VI",
    )
    for key, curve in CURVES.items()
}


class SensitivityOptions(Strict):
    """The noise that is added."""

    # Noise wider than the scale leaves nothing of the image; each level translates all test slices again.
    sigmas: tuple[Annotated[float, Field(ge=0, le=2)], ...] = Field(
        default=tuple(i / 20 for i in range(11)),
        max_length=101,
        description="standard deviations of the noise, in the [-1, 1] scale",
    )

    @field_validator("sigmas")
    @classmethod
    def _usable(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if 0 not in value or AREA_LIMIT not in value or list(value) != sorted(set(value)):
            raise ValueError(f"noise levels must rise from 0 and include {AREA_LIMIT}, up to which the area is taken")
        return value


class Sensitivity(Metric):
    """F(G(x) + n) against F(G(x)) at each noise level, and the areas under both curves, by subject.

    MSE and SSIM are means over the slices of a subject. Noise is not clamped, and the same for all methods: it depends
    on the subject and σ alone.
    """

    name = "sensitivity"
    quantities = (*CURVES.values(), *AREAS.values())
    needs = frozenset({Need.BACKWARD})
    option_model = SensitivityOptions

    def compute(self, view: CellView) -> Iterator[Score]:
        """Two rows for each subject and σ, and two areas for each subject."""
        sigmas = self.options.sigmas
        for subject in view.subjects:
            curves: dict[str, list[float]] = {"mse": [], "ssim": []}
            shown = []
            clean = view.translated_back(view.images[subject])
            for sigma in sigmas:
                noisy = clean  # without noise, no second translation is needed
                if sigma:
                    noisy = view.translated_back(add_noise(view.images[subject], sigma, *view.pair.identity, subject))
                for name, value in compare(noisy, clean).items():
                    curves[name].append(value)
                    yield CURVES[name].score(value, subject, sigma_label(sigma))
                if sigma in SHOWN_SIGMAS:
                    shown.append(noisy[shown_slice(len(noisy))])
            for name, curve in curves.items():
                yield AREAS[name].score(area(sigmas, curve), subject)
            view.artifact(
                f"reconstructions/{subject}",
                np.stack(shown),
                sigmas=[s for s in sigmas if s in SHOWN_SIGMAS],
                slice=shown_slice(len(clean)),
            )


def shown_slice(slices: int) -> int:
    """Index of the slice that Fig. 9b shows of a subject: the middle one."""
    return slices // 2


def sigma_label(sigma: float) -> str:
    """σ in the ``label`` column."""
    return f"{sigma:g}"


def add_noise(images: Images, sigma: float, *identity: object) -> Images:
    """Images plus N(0, σ²), not clamped, from a random stream for each identity and σ."""
    random = stream("sensitivity", *identity, sigma_label(sigma))
    return images + np.float32(sigma) * random.standard_normal(images.shape, np.float32)


def compare(noisy: Images, clean: Images) -> dict[str, float]:
    """Mean squared error and mean SSIM over all slices of a subject."""
    from benchmark.metrics._similarity import ssim_map

    return {
        "mse": float(np.mean((noisy.astype(np.float64) - clean) ** 2)),
        "ssim": float(np.mean(ssim_map(noisy, clean), dtype=np.float64)),
    }


def area(sigmas: Sequence[float], curve: Sequence[float]) -> float:
    """Area under a curve from σ = 0 to ``AREA_LIMIT``, by the trapezoidal rule."""
    within = [i for i, sigma in enumerate(sigmas) if sigma <= AREA_LIMIT]
    return float(np.trapezoid([curve[i] for i in within], [sigmas[i] for i in within]))
