"""Makes every figure of a benchmark."""

from matplotlib.figure import Figure

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.reporting import figure_results, figure_samples, figure_sensitivity, figure_training, style
from benchmark.reporting.files import FIGURE_FORMATS, Item, figure_items, figure_path
from benchmark.reporting.results import Results


def make_figures(config: BenchmarkConfig) -> None:
    """Writes each of ``figure_files(config)``.

    Raises:
        DataError: scores, slices, splits or artifacts are missing or damaged.
    """
    results = Results.load(config)
    for item in figure_items(config):
        with style.styled():
            made = draw(results, item)
            style.save(made, [figure_path(config, item, ending) for ending in FIGURE_FORMATS])


def draw(results: Results, item: Item) -> Figure:
    """One figure."""
    match item.kind:
        case "figure_samples":
            return figure_samples.draw(results)
        case "figure_results":
            return figure_results.draw(results, results.dataset(item.dataset))
        case "figure_sensitivity":
            return figure_sensitivity.draw_curves(results)
        case "figure_reconstructions":
            return figure_sensitivity.draw_reconstructions(results, results.pair(item.dataset, item.pair))
        case "figure_training":
            return figure_training.draw(results, results.dataset(item.dataset))
    raise ValueError(f"no figure is of the kind {item.kind!r}")
