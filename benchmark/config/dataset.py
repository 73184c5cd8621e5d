"""A dataset: its archive, its scanners, its labels, how it is prepared and how it is split."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from benchmark.config.base import NAME, Strict, distinct

LabelKind = Literal["dense", "sparse"]
Fraction = Annotated[float, Field(gt=0, lt=1)]
_Pixels = Annotated[int, Field(ge=16, le=2048)]
Size2D = tuple[_Pixels, _Pixels]
Modality = Literal["T1w MRI", "T1w post-contrast MRI", "T2w MRI", "T2*w MRI", "PDw MRI", "FLAIR MRI", "OCT"]
_Count = Annotated[int, Field(ge=1)]
_Millimetres = Annotated[float, Field(gt=0)]
# MNI z (mm) that the ICBM152 2009a template spans.
_TemplateZ = Annotated[float, Field(ge=-72, le=116)]


class Domain(Strict):
    """A scanner."""

    title: str
    field_strength: str | None = None
    published_subjects: int | None = Field(None, ge=1, description="count that the paper or the archive's owner prints")
    published_shape: tuple[_Count, _Count, _Count] | None = None
    published_spacing: tuple[_Millimetres, _Millimetres, _Millimetres] | None = Field(None, description="mm")
    expected_spacing: tuple[_Millimetres, _Millimetres, _Millimetres] | None = Field(
        None, description="mm; if the printed one cannot be right, the spacing that `data check` expects in headers"
    )


class Holdout(Strict):
    """One random division of the subjects of each scanner."""

    protocol: Literal["holdout"]
    train_fraction: Fraction = 0.7
    seed: int = 2021

    @property
    def folds(self) -> int:
        return 1


class LeaveOneOut(Strict):
    """Fold k leaves out the k-th subject of each scanner, in order of their ids."""

    protocol: Literal["leave_one_out"]
    # Each fold is one training of every method.
    folds: int = Field(ge=2, le=1000)


class CrossValidation(Strict):
    """The subjects of each scanner, divided at random into as many parts as folds. Fold k tests part k."""

    protocol: Literal["cross_validation"]
    folds: int = Field(ge=2, le=1000)
    seed: int = 2021


class MRIPreparation(Strict):
    """Brain MRI: RAS, brain extraction, N4, tissue classes, affine to MNI, resampling, intensities, slices."""

    kind: Literal["mri"]
    working_spacing: float | None = Field(
        None,
        gt=0.2,
        le=8,
        description="mm; scans are first brought to this isotropic voxel size on axes of their own, so that scanners "
        "of different resolution are processed and classified alike; by default the scan's own voxels are kept",
    )
    brain_extraction: Literal["robex", "given", "foreground"] = Field(
        description="robex (Iglesias 2011); given (the archive's brain mask); foreground (above Otsu's "
        "threshold, for images without a skull); the largest connected component counts"
    )
    mask_closing: float = Field(
        0, ge=0, le=20, description="mm; radius of the ball that closes the brain mask before its holes are filled"
    )
    n4: bool = Field(description="correct the bias field (Tustison 2010)")
    n4_levels: int = Field(
        4, ge=1, le=6, description="fitting levels of N4; the field's control points are twice as close in each"
    )
    tissue: Literal["hmrf", "none"] = Field(
        description="hmrf labels CSF, GM, WM on the subject's own grid (Zhang 2001); none keeps the archive's labels"
    )
    register_to_mni: bool = Field(
        True,
        description="affine registration to the ICBM152 2009a template; otherwise the brain's centre is only moved to "
        "that of the template",
    )
    grid_spacing: float = Field(
        gt=0.2, le=8, description="mm within a slice of the MNI grid that every subject is resampled to"
    )
    grid_size: Size2D = Field(description="rows and columns of a slice on that grid, about the template's centre")
    slice_range: tuple[_TemplateZ, _TemplateZ] = Field(
        description="lowest and highest MNI z (mm) whose slices are kept, within the template's -72 to 116"
    )
    slice_step: int = Field(1, ge=1, le=200, description="keep every n-th slice")
    intensity_percentile: float = Field(
        99.5, ge=50, le=100, description="this percentile inside the mask becomes intensity_level; 0 becomes -1"
    )
    intensity_level: float = Field(1, gt=-1, le=1, description="what that percentile becomes, in [-1, 1]")

    @field_validator("slice_range")
    @classmethod
    def _ordered(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] >= value[1]:
            raise ValueError("the lower end must come first")
        return value


class OCTPreparation(Strict):
    """Retinal OCT: every volume to the target scanner's dimensions by nearest neighbour; grey values to [-1, 1]."""

    kind: Literal["oct"]
    grid_size: Size2D = Field(description="rows and columns of the target scanner's B-scans")
    b_scans: int = Field(ge=1, le=2048, description="B-scans of the target scanner's volumes")


CROP_MULTIPLE = 16


class Crops(Strict):
    """Crops of a training batch; the paper sets them per dataset (section III-B)."""

    crop: Size2D = Field(
        description="rows and columns in pixels, multiples of 16; slices that are smaller are padded with background"
    )
    batch_size: int = Field(ge=1, le=1024)

    @field_validator("crop")
    @classmethod
    def _multiple(cls, value: Size2D) -> Size2D:
        if value[0] % CROP_MULTIPLE or value[1] % CROP_MULTIPLE:
            raise ValueError(
                f"rows and columns must be multiples of {CROP_MULTIPLE}, which the generator halves four times"
            )
        return value


class ClassWeights(Strict):
    """Weights of the cross-entropy (Eq. 3)."""

    background: float = Field(gt=0, lt=1)
    foreground: float = Field(gt=0, lt=1)


class PublicFile(Strict):
    """A public file that is the whole archive."""

    url: str = Field(
        pattern=r"^https?://[^\s/?#]+(/[^\s/?#]+)+$",
        description="address of the one file that is the whole archive; it keeps its name in data/raw/<dataset>",
    )
    md5: str = Field(pattern="^[0-9a-f]{32}$", description="hash of that file")

    @property
    def name(self) -> str:
        """File name."""
        return self.url.rpartition("/")[2]


class Archive(Strict):
    """Origin of an archive that no stage of ``dvc.yaml`` generates."""

    owner: str = Field(description="the person or institution that distributes it")
    terms: str = Field(description="terms of use")
    url: str
    contents: str = Field(description="contents of data/raw/<dataset> once the archive is there")
    sources: str | None = Field(
        None, description="table of public files (file, repository, commit, path, bytes, sha256)"
    )
    download: PublicFile | None = Field(None, description="one public file that is the whole archive")

    @model_validator(mode="after")
    def _one_origin(self) -> "Archive":
        if self.sources and self.download:
            raise ValueError("sources and download cannot both be given")
        return self


class DatasetConfig(Strict):
    """One file in ``config/datasets``; the file's name is the dataset's name."""

    name: str = Field(pattern=NAME)
    title: str
    reader: str = Field(description="module in benchmark/archives/readers")
    modality: Modality = Field(description="of the images; only a description")
    family: Literal["ixi", "msseg", "retouch"] | None = Field(
        None, description="the dataset of the paper whose column in its tables this dataset belongs to"
    )
    phantom: bool = Field(False, description="generated, with truth/ beside the images")
    archive: Archive | None = Field(None, description="left out if a stage of dvc.yaml generates the archive")
    labels: dict[Annotated[str, Field(pattern=r"^\w[\w -]*$")], Annotated[int, Field(ge=1, le=254)]] = Field(
        min_length=1,
        description="foreground classes and their values in the label maps: 1, 2, ... without gaps; 0 is background",
    )
    label_kind: LabelKind = Field(
        "dense", description="sparse: small lesions in few slices, which semantic dropout cannot drop meaningfully"
    )
    lesions: tuple[str, ...] = Field((), description="classes whose connected components are counted as lesions")
    domains: dict[Annotated[str, Field(pattern="^[A-Z0-9]+$")], Domain] = Field(
        min_length=2, description="by their code, of capitals and digits"
    )
    pairs: tuple[str, ...] = Field(min_length=1, description="source-target")
    split: Holdout | LeaveOneOut | CrossValidation = Field(discriminator="protocol")
    exclude: tuple[str, ...] = Field((), description="ids, as in the archive, of subjects that are left out")
    pseudonyms: bool = Field(
        False,
        description="subjects have numbers instead of their ids everywhere but in data/raw and data/private; "
        "see docs/privacy.md before you change it",
    )
    preparation: MRIPreparation | OCTPreparation = Field(discriminator="kind")
    training: Crops
    class_weights: ClassWeights
    fid: bool = Field(
        False, description="report FID, as the paper does for IXI only; it needs more slices than features"
    )

    _distinct = field_validator("pairs")(distinct)

    @field_validator("labels")
    @classmethod
    def _consecutive(cls, value: dict[str, int]) -> dict[str, int]:
        if sorted(value.values()) != list(range(1, len(value) + 1)):
            raise ValueError("values must be 1, 2, ... without gaps; 0 is the background")
        return value

    @model_validator(mode="after")
    def _tissues(self) -> "DatasetConfig":
        wanted = {"CSF": 1, "GM": 2, "WM": 3}
        if isinstance(self.preparation, MRIPreparation) and self.preparation.tissue == "hmrf" and self.labels != wanted:
            raise ValueError(f"with preparation.tissue: hmrf, labels must be {wanted}")
        return self

    @model_validator(mode="after")
    def _pairs_and_lesions(self) -> "DatasetConfig":
        for pair in self.pairs:
            ends = pair.split("-")
            if len(ends) != 2 or ends[0] == ends[1] or not set(ends) <= set(self.domains):
                raise ValueError(f"pair {pair!r} must be SOURCE-TARGET out of the domains {', '.join(self.domains)}")
        if unknown := set(self.lesions) - set(self.labels):
            raise ValueError(f"lesions {sorted(unknown)} are not among the labels")
        return self

    @property
    def classes(self) -> int:
        """Number of classes with the background."""
        return len(self.labels) + 1

    @property
    def weights(self) -> tuple[float, ...]:
        """Cross-entropy weight of each class, background first."""
        return (self.class_weights.background, *[self.class_weights.foreground] * len(self.labels))
