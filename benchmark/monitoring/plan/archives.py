"""``python -m benchmark.monitoring.plan.archives DATASET FOLDER``: measures generation and preparation of subjects.

Of a phantom, three subjects are generated: the first, the middle and the last one, so that every scanner is among them.
Then one subject of each scanner is prepared, if there is an archive. Prints JSON.
"""

import json
import sys
import time
from pathlib import Path

from benchmark.archives.readers import reader
from benchmark.archives.subject import Subject
from benchmark.config.dataset import DatasetConfig
from benchmark.config.load import load_dataset
from benchmark.monitoring.plan.dataset_size import phantom_stage
from benchmark.monitoring.plan.measurement import size_of
from benchmark.phantoms.generate import load_kind
from benchmark.runtime import paths


def main(name: str, folder: Path) -> None:
    """Prints CPU seconds for each generated and each prepared subject, and bytes of each prepared one."""
    dataset = load_dataset(name)
    generated = _generate(dataset, folder / "raw")
    root = folder / "raw" if generated else paths.raw(name)
    prepared: dict[str, float] = {}
    for subject in reader(dataset.reader)(root) if root.is_dir() else ():
        if isinstance(subject, Subject) and subject.id not in dataset.exclude and subject.domain not in prepared:
            prepared[subject.domain] = _prepare(dataset, subject, folder)
    sizes = [size_of([path]) for path in (folder / "prepared").glob("*")]
    print(json.dumps({"generate": generated, "prepare": list(prepared.values()), "sizes": sizes}))


def _generate(dataset: DatasetConfig, folder: Path) -> list[float]:
    stage = phantom_stage(dataset)
    if stage is None:
        return []
    kind, size = load_kind(stage[0]), stage[1]
    names, seconds = kind.subjects(size), []
    for name in (names[0], names[len(names) // 2], names[-1]):
        begun = time.process_time()
        kind.write(name, size, folder)
        seconds.append(time.process_time() - begun)
    return seconds


def _prepare(dataset: DatasetConfig, subject: Subject, folder: Path) -> float:
    import SimpleITK as sitk

    from benchmark.preparation.prepare import prepare_volumes
    from benchmark.preparation.prepared import write_prepared
    from benchmark.preparation.record import Record

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    begun = time.process_time()
    made = prepare_volumes(dataset, subject, sorted(subject.truth or ()), Record())
    write_prepared(folder / "prepared" / subject.id, made, {})
    return time.process_time() - begun


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
