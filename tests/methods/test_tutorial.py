"""The method that docs/own-method.md writes works."""

import re
from pathlib import Path

import numpy as np
from two_scanners import context, training_set

PAGE = Path(__file__).parents[2] / "docs/own-method.md"


def test_the_tutorials_method_harmonizes(tmp_path):
    names = {"__name__": "linear_scaling"}
    exec(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[0], names)
    method, train = names["LinearScaling"](names["LinearScalingOptions"]()), training_set()
    method.fit(train, context(1))
    source, target = (np.asarray(side.images[0]) for side in (train.source, train.target))
    harmonized = method.translate(source)
    np.testing.assert_array_equal(harmonized == -1, source == -1)
    ends = [np.percentile(images[images > -1], [5, 95]) for images in (harmonized, target)]
    np.testing.assert_allclose(*ends, atol=0.05)
    method.save(tmp_path / "model")
    again = names["LinearScaling"](names["LinearScalingOptions"]())
    again.load(tmp_path / "model")
    np.testing.assert_array_equal(again.translate(source), harmonized)
