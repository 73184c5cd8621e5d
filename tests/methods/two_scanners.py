"""Unpaired slices of two scanners that differ in contrast alone, small enough for a test."""

from dataclasses import replace

import numpy as np
import torch

from benchmark.config.base import Schedule
from benchmark.data.sampling import DomainSlices
from benchmark.methods.base import FitContext, TaskInfo, TrainingSet
from benchmark.training.device import make_fabric
from benchmark.training.trainer import Trainer

SLICES = (3, 37, 29)
LEVELS = {"source": (-1.0, -0.6, 0.1, 0.7), "target": (-1.0, 0.5, -0.1, -0.5)}
WEIGHTS = (0.2, 0.8, 0.8, 0.8)
DEVICE = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
"""Where a fitted method's networks are."""


def domain(side, *, subjects=2, classes=(1, 2, 3), seed=0):
    """Concentric rings, one for each class, that differ in size from slice to slice."""
    random = np.random.default_rng((seed, len(side)))
    rows, columns = np.mgrid[: SLICES[1], : SLICES[2]]
    radius = np.hypot(rows - SLICES[1] / 2, columns - SLICES[2] / 2)
    images, labels = [], []
    for _ in range(subjects):
        rings = [np.digitize(-radius, -np.array([13.0, 9.5, 6.0]) + random.normal(0, 0.5)) for _ in range(SLICES[0])]
        shape = np.where(np.isin(rings, classes), rings, 0).astype(np.uint8)
        image = np.array(LEVELS[side])[shape] + np.where(shape > 0, random.normal(0, 0.03, shape.shape), 0)
        labels.append(shape)
        images.append(np.clip(image, -1, 1).astype(np.float32))
    return DomainSlices(images, labels)


def in_double(domain):
    return DomainSlices([image.astype(np.float64) for image in domain.images], domain.labels)


def training_set(*, source_classes=(1, 2, 3), target_classes=(1, 2, 3), crop=(32, 32)):
    task = TaskInfo(
        classes=4, class_weights=WEIGHTS, label_kind="dense", crop=crop, batch_size=2, slice_shape=SLICES[1:]
    )
    return TrainingSet(domain("source", classes=source_classes), domain("target", classes=target_classes), task)


def context(steps, *, seed=0, width=4, log=lambda step, losses: None, **changes):
    schedule = Schedule(unit="steps", constant=steps - steps // 2, decay=steps // 2)
    return FitContext(width=width, schedule=schedule, identity=("two_scanners", "A-B", 0, seed), log=log, **changes)


def trainer_of(method, train, how, fabric=None):
    """A trainer of the method's networks as they are now."""
    return Trainer(method.recipe(train, how), fabric or make_fabric())


def started(method, train, how, fabric=None):
    """A trainer of new networks, whose weights are large enough to let a signal through."""
    method.begin(train.task, replace(how, initial_std=0.2))
    return trainer_of(method, train, how, fabric)
