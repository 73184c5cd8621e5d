"""The part of the configs that a training depends on, and no more: what else changes must not train again."""

import json
from typing import Literal

from pydantic import BaseModel

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.dataset import DatasetConfig


def settings(*parts: object) -> str:
    """Parts of checked configs as JSON, defaults included, so that two spellings of one config are equal."""
    return json.dumps([p.model_dump(mode="json") if isinstance(p, BaseModel) else p for p in parts], sort_keys=True)


def training_settings(config: BenchmarkConfig, data: DatasetConfig, method: str) -> str:
    """Of a method on a dataset."""
    return settings(config.kernels, config.training, config.methods[method], _crops(config, data), data.class_weights)


def judge_settings(config: BenchmarkConfig, data: DatasetConfig, judge: Literal["autoencoder", "segmentor"]) -> str:
    """Of a judge of a dataset."""
    return settings(config.kernels, getattr(config.judges, judge), _crops(config, data), data.class_weights)


def _crops(config: BenchmarkConfig, data: DatasetConfig) -> BaseModel:
    return config.datasets[data.name].training or data.training
