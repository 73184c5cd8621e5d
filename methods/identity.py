"""No harmonization: the floor of every score."""

from benchmark.data.slices import Images
from benchmark.methods.classical import ClassicalMethod


class Identity(ClassicalMethod):
    """Gives back the source image."""

    name = "identity"
    title = "No harmonization"
    reference = "the prepared images as they are"
    kind = "control"

    def harmonize(self, images: Images) -> Images:
        return images.copy()
