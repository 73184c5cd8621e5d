"""One training in a process of its own, which takes a step on request and returns what the step cost."""

import os
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from benchmark.methods.cycle import CycleMethod
    from benchmark.training.trainer import Recipe
    from benchmark.training.trainer import Trainer as Own

CLASSES = 4
PLAIN = "plain"


@dataclass(frozen=True)
class Setup:
    """What is trained, and how.

    Attributes:
        method: name of an adversarial method.
        way: ``plain`` is the eager float32 loop of ``studies/plain.py``; else the benchmark's own training in this
            precision, which may be ``auto``.
        side: of a crop, in pixels.
        batch: crops of each scanner.
        width: channels of the first layer.
        store: slice store that both scanners' crops are drawn from.
        portable: computes with the kernels that machines agree on.
        threads: of PyTorch.
    """

    method: str
    way: str
    side: int
    batch: int
    width: int
    store: Path
    portable: bool = False
    threads: int = 1


@dataclass(frozen=True)
class Cost:
    """Of one step, in seconds; ``processor`` counts all threads, and the last three are parts of ``wall``."""

    wall: float
    processor: float
    data: float
    backward: float
    optimizer: float

    @property
    def forward(self) -> float:
        """What is left, losses included."""
        return self.wall - self.data - self.backward - self.optimizer


class Trainer:
    """A training in this process."""

    def __init__(self, setup: Setup) -> None:
        if setup.portable:
            from benchmark.runtime.processor import use_portable_kernels

            use_portable_kernels()
        import torch

        from benchmark.runtime.memory import keep_freed_memory

        torch.set_num_threads(setup.threads)
        self._spent = dict.fromkeys(("data", "backward", "optimizer"), 0.0)
        self.method, self._recipe, self._fabric = _training(setup)
        if setup.way == PLAIN:
            from studies.plain import PlainTraining

            plain, device = PlainTraining(self.method, self._fabric.device), self._fabric.device
            self._step: Callable[[], Any] = lambda: plain.step(self._recipe.batches.next().to(device))
        else:
            from benchmark.training.trainer import Trainer as Own

            keep_freed_memory()
            own = Own(self._recipe, self._fabric)
            self._measure_parts(own)
            self._step = lambda: own.step(own.draw())

    def step_once(self) -> Cost:
        """Takes a step."""
        before, waited = dict(self._spent), self._recipe.batches.waited
        begun = time.perf_counter(), time.process_time()
        self._step()
        _synchronize()
        wall, processor = time.perf_counter() - begun[0], time.process_time() - begun[1]
        parts = {name: self._spent[name] - before[name] for name in ("backward", "optimizer")}
        return Cost(wall, processor, self._recipe.batches.waited - waited, **parts)

    def flops(self) -> float:
        """Floating-point operations of a step: of its convolutions and matrix products, as PyTorch counts them."""
        from torch.utils.flop_counter import FlopCounterMode

        with FlopCounterMode(display=False) as counter:
            self._step()
        return float(counter.get_total_flops())

    def peak_mib(self) -> float:
        """The most memory that this process has had."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def resident_mib(self) -> float:
        """The memory that it has now."""
        import psutil

        return float(psutil.Process().memory_info().rss / 2**20)

    def epoch_of_batches(self) -> float:
        """Seconds that drawing all batches of an epoch takes, one after the other."""
        begun = time.perf_counter()
        for _ in range(max(map(len, self._recipe.batches._samplers.values()))):
            self._recipe.batches.next()
        return time.perf_counter() - begun

    def peaks(self) -> tuple[float, float]:
        """FLOP/s of a product of matrices and of a convolution of the generator at paper size, in its precision."""
        import torch
        from torch.nn.functional import conv2d

        kind = torch.bfloat16 if self.precision() == "bf16-mixed" else torch.float32
        device = self._fabric.device
        matrix = torch.randn(2048, 2048, device=device).to(kind)
        images, weights = (torch.randn(shape, device=device).to(kind) for shape in ((4, 512, 16, 16), (512, 512, 3, 3)))
        with torch.inference_mode():
            product = _least(lambda: matrix @ matrix)
            convolution = _least(lambda: conv2d(images, weights, padding=1))
        return 2 * 2048**3 / product, 2 * 4 * 16**2 * 512**2 * 9 / convolution

    def precision(self) -> str:
        """In which it trains."""
        return str(self._fabric._precision.precision)

    def _measure_parts(self, own: "Own[Any]") -> None:
        fabric, backward = self._fabric, self._fabric.backward

        def timed(*arguments: Any, **more: Any) -> None:
            begun = time.perf_counter()
            backward(*arguments, **more)
            self._spent["backward"] += time.perf_counter() - begun

        def begin(*_: object) -> None:
            self._spent["optimizer"] -= time.perf_counter()

        def end(*_: object) -> None:
            self._spent["optimizer"] += time.perf_counter()

        fabric.backward = timed  # type: ignore[method-assign]
        for optimizer in own.optimizers.values():
            optimizer.register_step_pre_hook(begin)
            optimizer.register_step_post_hook(end)


def _least(work: Callable[[], Any]) -> float:
    """Processor time of the quickest of five."""
    times = []
    for _ in range(6):
        begun = time.process_time()
        work()
        _synchronize()
        times.append(time.process_time() - begun)
    return min(times[1:])


def _training(setup: Setup) -> tuple["CycleMethod", "Recipe[Any]", "Fabric"]:
    from benchmark.config.base import Schedule
    from benchmark.data.sampling import DomainSlices
    from benchmark.data.slices import SliceStore
    from benchmark.methods.base import FitContext, TaskInfo, TrainingSet
    from benchmark.methods.cycle import CycleMethod
    from benchmark.methods.registry import create
    from benchmark.training.device import make_fabric, precision_here

    store = SliceStore(setup.store)
    source, target = (
        DomainSlices.of(store, [s for s in store.subjects if store.domain(s) == domain]) for domain in ("AA", "BB")
    )
    crop = (setup.side, setup.side)
    task = TaskInfo(CLASSES, (1.0,) * CLASSES, "dense", crop, setup.batch, store.slice_shape)
    schedule = Schedule(unit="steps", constant=10_000, decay=0)
    precision = precision_here("32-true" if setup.way == PLAIN else setup.way)  # type: ignore[arg-type]
    how = FitContext(setup.width, schedule, ("benchmark",), precision)
    # 8 times the width, as 512 is at the paper's 64
    options = {"embedding_dim": 8 * setup.width} if setup.method == "segrenorm" else {}
    method, fabric = create(setup.method, options), make_fabric(precision)
    assert isinstance(method, CycleMethod)
    method.begin(task, how)
    return method, method.recipe(TrainingSet(source, target, task), how), fabric


def _synchronize() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def write_store(path: Path, side: int, slices: int) -> None:
    """A store with so many slices of each of two scanners: half background, half noise, which is hard to compress."""
    import numpy as np

    from benchmark.data.slices import SubjectSlices, write_slices

    def subjects() -> Iterator[SubjectSlices]:
        random = np.random.default_rng(0)
        each = 100
        for domain in ("AA", "BB"):
            for n in range(0, slices, each):
                shape = (min(each, slices - n), side, side)
                inside = np.zeros(shape, np.uint8)
                inside[:, side // 4 :, side // 8 : -side // 8] = 1
                image = np.where(inside, random.uniform(-0.9, 1, shape), -1).astype(np.float32)
                labels = inside * random.integers(1, CLASSES, (shape[0], 1, side), dtype=np.uint8)
                yield SubjectSlices(f"{domain}{n:06}", domain, image, labels, inside, (1.0, 1.0, 1.0))

    write_slices(path, subjects())


class Remote:
    """A trainer in a process of its own."""

    def __init__(self, setup: Setup) -> None:
        context = get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(setup, other), daemon=True)
        self._process.start()

    def __call__(self, what: str) -> Any:
        """Calls a method of the trainer."""
        self._pipe.send(what)
        return self._pipe.recv()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.send("")
        self._process.join()


def _serve(setup: Setup, pipe: Connection) -> None:
    os.environ["OMP_NUM_THREADS"] = str(setup.threads)
    trainer = Trainer(setup)
    while what := pipe.recv():
        pipe.send(getattr(trainer, what)())
