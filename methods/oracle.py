"""What the target scanner would have seen: the ceiling of every score, which only phantoms have."""

from benchmark.data.slices import Images
from benchmark.methods.classical import ClassicalMethod


class Oracle(ClassicalMethod):
    """Gives back what it is handed, and it is handed the truth: the subject on the target scanner, with its noise."""

    name = "oracle"
    title = "Oracle"
    reference = "the same subject on the target scanner, which only phantoms know"
    kind = "control"
    needs_truth = True

    def harmonize(self, images: Images) -> Images:
        return images.copy()
