"""Harmonizes the test subjects of one cell's source."""

import time

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.data.slices import Images
from benchmark.methods.isolation import guarded, translate
from benchmark.pipeline.inputs import Inputs
from benchmark.results.harmonized import Harmonized, write_harmonized
from benchmark.results.provenance import FIT, Record, read_provenance, recorded
from benchmark.runtime import paths
from benchmark.runtime.errors import MethodFailed
from benchmark.runtime.paths import Cell


def harmonize_cell(config: BenchmarkConfig, cell: Cell, failure: str | None = None) -> None:
    """Harmonizes the test subjects of the source, as they were scanned or, for an oracle, as they would have been.

    Methods that no job of their own trains are fitted here first. A cell that failed or is skipped gets a file that
    says so.

    Args:
        failure: why the harmonization failed in another process; nothing is harmonized then.

    Raises:
        DataError: slices, splits, truth or the training's provenance are missing or damaged.
        ModelError: the trained method is missing or damaged.
    """
    inputs = Inputs(config, cell)
    images: dict[str, Images] = {}
    with recorded(cell.harmonize_run, config, cell) as record:
        try:
            if failure:
                raise MethodFailed(failure)
            _make_ready(inputs, record)
            record.begun = time.perf_counter()  # loading and fitting are not harmonizing
            if record.status == "ok":
                images = {subject: _harmonized(inputs, subject) for subject in inputs.fold.test_source}
        except MethodFailed as outcome:
            record.failed(outcome)
        record.facts["slices"] = sum(len(image) for image in images.values())
    write_harmonized(cell.harmonized, Harmonized(images, record.status, record.reason))


def _make_ready(inputs: Inputs, record: Record) -> None:
    """Makes the method ready to translate; notes why it is not."""
    if inputs.not_applicable:
        record.status, record.reason = "skipped", inputs.not_applicable
    elif inputs.trained:
        run = read_provenance(inputs.cell.run)
        record.status, record.reason = run["status"], run["reason"]
    if record.status != "ok":
        return
    method = inputs.ready_method()
    if not inputs.trained:
        parameters = guarded(lambda: method.parameters)
        options = method.options.model_dump(mode="json")
        record.facts |= {"options": options, FIT: {**record.cost, "parameters": parameters}}


def _harmonized(inputs: Inputs, subject: str) -> Images:
    if inputs.method.needs_truth:
        from benchmark.data.truth import read_truth

        _, images = read_truth(paths.truth(inputs.cell.dataset), subject, inputs.cell.target)
    else:
        images = inputs.store.image(subject)
    try:
        return translate(inputs.method, images)
    except MethodFailed as outcome:
        raise MethodFailed(f"{outcome.reason} (subject {subject})") from outcome
