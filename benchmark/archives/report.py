"""Content, faults and warnings of an archive, for a person or as JSON, before anything is computed."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.archives.inventory import Entry, Survey, survey
from benchmark.archives.subject import Subject
from benchmark.archives.voxel_checks import checked_image, checked_labels, checked_mask, label_volumes, wrapped
from benchmark.config.dataset import DatasetConfig, Domain
from benchmark.data.splits import divide
from benchmark.runtime.errors import DataError
from benchmark.runtime.text import counted

_SAME_SPACING = 0.02  # relative difference of the voxel sizes of one scanner without a warning
_MOST_OUTSIDE = 0.1  # share of the labels, by assumption; of phantoms' lesions, none lies outside of the brain
_NAMED = 5  # subjects that a warning names


@dataclass(frozen=True)
class Coverage:
    """What a person may have to look at in the voxels of one subject.

    Attributes:
        volumes: mm³ of each label; empty without a label map.
        outside: share of the labelled voxels outside of the mask; 0 without one.
        wrapped: whether bright voxels of the image seem to have become negative.
    """

    volumes: dict[str, float]
    outside: float
    wrapped: bool


@dataclass(frozen=True)
class Report:
    """Result of a check.

    Attributes:
        root: the archive.
        warnings: what a person should look at, although it prevents nothing.
        volumes: mm³ of each label of each subject; empty if no voxels were read.
    """

    config: DatasetConfig
    root: Path
    survey: Survey
    warnings: tuple[str, ...]
    volumes: dict[str, dict[str, float]]

    def as_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "dataset": self.config.name,
            "path": str(self.root),
            "domains": {code: self._domain(code, domain) for code, domain in self.config.domains.items()},
            "subjects": {name: self._subject(name, entry) for name, entry in self.survey.entries.items()},
            "excluded": self.survey.excluded,
            "warnings": self.warnings,
            "faults": [
                {"thing": f.thing, "fault": f.fault, "remedy": f.remedy, "subject": f.subject}
                for f in self.survey.faults
            ],
        }

    def _subject(self, name: str, entry: Entry) -> dict[str, Any]:
        found: dict[str, Any] = {"domain": entry.domain, "shape": entry.shape, "spacing_mm": entry.spacing}
        found |= {"labels": entry.has_labels, "mask": entry.has_mask}
        if name in self.volumes:
            found["label_volumes_mm3"] = {label: round(volume, 3) for label, volume in self.volumes[name].items()}
        return found

    def _domain(self, code: str, domain: Domain) -> dict[str, Any]:
        found = {"title": domain.title, "subjects": len(self.survey.of(code))}
        if self.config.phantom:
            return found
        return found | {
            "published_subjects": domain.published_subjects,
            "published_shape": domain.published_shape,
            "published_spacing_mm": domain.published_spacing,
        }


def check_archive(config: DatasetConfig, root: Path, *, voxels: bool = False) -> Report:
    """Reads a whole archive.

    Args:
        root: folder with the archive, packed or unpacked, or its packed file.
        voxels: read all voxels, not only headers.
    """
    covered: dict[str, Coverage] = {}

    def inspect(subject: Subject) -> str:
        scan = subject.image()
        image = checked_image(scan)
        covered[subject.id] = _coverage(config, subject, wrapped(scan))
        return hashlib.md5(image.data.tobytes()).hexdigest()

    found = survey(config, root, inspect if voxels else None)
    found = replace(found, faults=found.faults or tuple(_indivisible(config, found)))
    warnings = (*_header_warnings(config, found), *_coverage_warnings(config, found, covered))
    return Report(config, root, found, warnings, {name: of.volumes for name, of in covered.items()})


def fault_report(config: DatasetConfig, root: Path, fault: DataError) -> Report:
    """The report on a path without a readable archive."""
    return Report(config, root, Survey({}, (fault,), ()), (), {})


def _indivisible(config: DatasetConfig, found: Survey) -> Iterator[DataError]:
    """Scanners whose subjects cannot be divided as the config says."""
    for domain in sorted({domain for pair in config.pairs for domain in pair.split("-")}):
        try:
            divide(config, domain, list(found.of(domain)))
        except DataError as fault:
            yield fault


def summary(report: Report) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of a table with one row a scanner: medians over subjects, and the range where they differ.

    Published numbers are left out for phantoms, whose configs repeat those of the imitated archives.
    """
    published = not report.config.phantom
    labels = report.config.labels if report.volumes else {}
    heads = [
        "scanner",
        "subjects",
        *(["published"] if published else []),
        "voxels",
        "voxel size (mm)",
        "labels",
        "masks",
    ]
    heads += [f"{name} (mm³)" for name in labels]
    rows = []
    for code, domain in report.config.domains.items():
        entries = report.survey.of(code)
        volumes = [report.volumes[name] for name in entries if name in report.volumes]
        row = [f"{domain.title} ({code})", str(len(entries))]
        row += [str(domain.published_subjects or "–")] if published else []
        row += [_spread([e.shape for e in entries.values()]), _spread([e.spacing for e in entries.values()])]
        row += [str(sum(e.has_labels for e in entries.values())), str(sum(e.has_mask for e in entries.values()))]
        row += [_spread([(of[name],) for of in volumes if name in of]) for name in labels]
        rows.append(row)
    return heads, rows


def _spread(rows: Sequence[Sequence[float]]) -> str:
    if not rows:
        return "–"
    columns = np.array(rows, np.float64)
    low, high = columns.min(axis=0), columns.max(axis=0)
    middle = _times(np.median(columns, axis=0))
    return middle if np.allclose(low, high, rtol=1e-3) else f"{middle} ({_times(low)} to {_times(high)})"


def _header_warnings(config: DatasetConfig, found: Survey) -> Iterator[str]:
    for code, domain in config.domains.items():
        entries = found.of(code)
        if not entries:
            continue
        if not config.phantom and domain.published_subjects not in (None, len(entries)):
            left_out = f" (excluded of the dataset: {len(found.excluded)})" if found.excluded else ""
            yield f"{code}: {counted(len(entries), 'subject')}, but {domain.published_subjects} are published{left_out}"
        usual_shape, count = Counter(e.shape for e in entries.values()).most_common(1)[0]
        unusual = [name for name, e in entries.items() if e.shape != usual_shape]
        if unusual and count > len(unusual):  # cropped heads all have different shapes
            yield f"{code}: most have {_times(usual_shape)} voxels, but not {_named(unusual)}"
        usual = np.median([e.spacing for e in entries.values()], axis=0)
        expected = domain.expected_spacing or domain.published_spacing
        if not config.phantom and expected and not matches_published(usual, expected):
            yield f"{code}: voxels are {_times(usual)} mm, but {_times(expected)} mm are expected"
        if unusual := [n for n, e in entries.items() if not np.allclose(e.spacing, usual, rtol=_SAME_SPACING)]:
            yield f"{code}: most have voxels of {_times(usual)} mm, but not {_named(unusual)}"


def matches_published(spacing: Iterable[float], published: Sequence[float]) -> bool:
    """Whether voxels have the published size, rounded or truncated at its last digit, with axes in any order.

    Sizes reveal scans of a wrong scanner. Shapes do not: those in the paper are of raw scans, and the preprocessed ones
    of MS-SEG are cropped.
    """
    pairs = zip(sorted(spacing), (Decimal(str(float(said))) for said in sorted(published)), strict=True)
    return all(abs(found - float(said)) < 10.0 ** int(said.as_tuple().exponent) for found, said in pairs)


def _coverage(config: DatasetConfig, subject: Subject, wrapped: bool) -> Coverage:
    """Reads mask and labels of a subject."""
    mask = subject.mask and np.asarray(checked_mask(subject.mask()).data) > 0
    if subject.labels is None:
        return Coverage({}, 0.0, wrapped)
    labels = checked_labels(subject.labels(), config.labels.values())
    labelled = np.asarray(labels.data) > 0
    outside = float((~mask[labelled]).mean()) if mask is not None and labelled.any() else 0.0
    return Coverage(label_volumes(labels, config.labels), outside, wrapped)


def _coverage_warnings(config: DatasetConfig, found: Survey, covered: dict[str, Coverage]) -> Iterator[str]:
    """Masks and labels that are readable, but probably wrong; a person has to look."""
    for code in config.domains:
        of = {name: covered[name] for name in found.of(code) if name in covered}
        if blank := [name for name, c in of.items() if c.volumes and not any(c.volumes.values())]:
            said = "no voxel has a label, as for a healthy subject, or if the label map is wrong"
            yield f"{code}: {said}: {_named(blank)}"
        if dark := [name for name, c in of.items() if c.wrapped]:
            said = "voxels are below -16384, as if the brightest of 16 bits without a sign were read with one"
            yield f"{code}: {said}: {_named(dark)}"
        if outside := [f"{name} ({c.outside:.0%})" for name, c in of.items() if c.outside > _MOST_OUTSIDE]:
            said = "labels lie outside of the mask, as if one is of another subject, or the two are swapped"
            yield f"{code}: {said}: {_named(outside)}"


def _named(subjects: list[str]) -> str:
    more = f" and {len(subjects) - _NAMED} more" if len(subjects) > _NAMED else ""
    return ", ".join(subjects[:_NAMED]) + more


def _times(numbers: Any) -> str:
    return " × ".join(f"{n:.4g}" for n in numbers)
