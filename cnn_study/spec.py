"""What a run is: frozen, validated descriptions with a key that identifies their numbers.

A :class:`RunSpec` says everything that can change the numbers a run produces, and nothing else. Labels, descriptions,
devices and paths live elsewhere. Its :attr:`~RunSpec.key` is the name under which the run is stored, so that a run that
several experiments ask for is trained once, and one that is stored is never trained again.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cnn_study.errors import InputError, nearest, shortened

SEMANTICS = 3
"""Version of the meaning of a spec. It goes up when the same spec would give other numbers."""

Activation = Literal["relu", "tanh", "sigmoid", "scaled_tanh", "leaky_relu", "elu", "gelu", "silu"]
"""The units. ``scaled_tanh`` is LeCun's 1.7159 tanh(2x/3)."""

Padding = Literal["same", "valid", "reflect"]
"""The kinds of padding that a convolution can have at the border: see :class:`Conv`."""

LARGEST = 2**31 - 1
"""The largest size or count: TensorFlow counts along an axis with 32 bits."""

PositiveInt = Annotated[int, Field(gt=0, le=LARGEST)]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Seed = Annotated[int, Field(ge=0, lt=2**128)]
"""A seed: no more than the 128 bits that NumPy's generators keep."""

COMPLAINTS = 10
"""Largest number of complaints about a specification that are told one by one; the others are counted."""


class Spec(BaseModel):
    """Base of all specifications: immutable, no unknown fields, finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=False)

    def canonical(self) -> dict[str, Any]:
        """The fields that differ from their defaults, as plain JSON values.

        Leaving defaults out lets a later version add a switch without giving stored runs another key.
        """
        return dict(self._differing)

    @cached_property
    def _differing(self) -> dict[str, Any]:
        """The canonical form, made once: the runs of an arm share its network."""
        differing = {}
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if name == "kind" or value != field.default:
                differing[name] = _plain(value)
        return differing

    def but(self, **changes: Any) -> Self:
        """A copy with some fields changed, validated like any other."""
        return type(self)(**{name: getattr(self, name) for name in type(self).model_fields} | changes)

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read a spec from JSON.

        Raises:
            InputError: The text is no JSON, a field is unknown, missing or out of range.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise InputError(f"not a valid {cls.__name__}: {one_line(error)}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Spec):
        return value._differing
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def one_line(error: ValidationError) -> str:
    """The complaints of a validation error, in one line, each with its field and the name that was meant."""
    items = error.errors(include_url=False)
    complaints = [_complaint(error.title, item) for item in items[:COMPLAINTS]]
    more = [f"and {len(items) - COMPLAINTS} more"] if len(items) > COMPLAINTS else []
    return "; ".join(complaints + more)


def _complaint(title: str, item: Any) -> str:
    # The name of an unknown field may hold anything, line breaks too.
    place = shortened(".".join(str(part) for part in item["loc"]))[1:-1]
    reason = item["msg"].removeprefix("Value error, ")
    given = "" if item["type"] in ("missing", "value_error", "json_invalid") else f"got {shortened(item['input'])}"
    remarks = "; ".join(remark for remark in (given, _meant(title, item)) if remark)
    return (f"{place}: " if place else "") + reason + (f" ({remarks})" if remarks else "")


def _meant(title: str, item: Any) -> str:
    """The known name that is nearest to an unknown one, as a question."""
    known: Iterable[str] = ()
    wrong = item["input"]
    if item["type"] == "extra_forbidden":
        *place, wrong = item["loc"]
        known = _fields(title, place)
    elif item["type"] == "literal_error":
        known = re.findall("'([^']*)'", item["ctx"]["expected"])
    elif item["type"] == "union_tag_invalid":
        wrong = item["ctx"]["tag"]
        known = re.findall("'([^']*)'", item["ctx"]["expected_tags"])
    return nearest(wrong, known) if isinstance(wrong, str) else ""


def _fields(title: str, place: Iterable[Any]) -> Iterable[str]:
    """The fields of the specification at a place in one of a class."""
    classes: dict[str, type[Spec]] = {each.__name__: each for each in _subclasses(Spec)}
    kinds = {each.model_fields["kind"].default: each for each in classes.values() if "kind" in each.model_fields}
    owner = classes.get(title)
    for part in place:
        if part in kinds:
            owner = kinds[part]
        elif owner and part in owner.model_fields:
            annotation = owner.model_fields[part].annotation
            names = [getattr(each, "__name__", "") for each in (annotation, *get_args(annotation))]
            owner = next((classes[name] for name in names if name in classes), owner)
    return owner.model_fields if owner else ()


def _subclasses(parent: type[Spec]) -> Iterator[type[Spec]]:
    for child in parent.__subclasses__():
        yield child
        yield from _subclasses(child)


class Normal(Spec):
    """Weights drawn from a normal distribution with mean 0 and a fixed standard deviation.

    Attributes:
        kind: Marks the initializer in JSON.
        stddev: Standard deviation, in units of the weights.
    """

    kind: Literal["normal"] = "normal"
    stddev: float = Field(gt=0)


class VarianceScaled(Spec):
    """Weights whose variance follows from the fan of the layer.

    Attributes:
        kind: Marks the initializer in JSON.
        rule: ``glorot``: variance 2 / (fan in + fan out) (Glorot & Bengio 2010, equation 12); ``he``: 2 / fan in (He et
            al. 2015); ``lecun``: 1 / fan in (LeCun et al. 1998, "Efficient BackProp"); ``standard``: 1 / (3 fan in),
            which with a uniform distribution is Glorot & Bengio's equation 1, the heuristic they compare with;
            ``fan_out``: 1 / fan out (Nielsen 2015, chapter 6, network3.py), where of a convolution with pooling only
            the outputs that pooling leaves count: maps times field squared, over the stride of pooling squared.
        distribution: ``normal``, or ``uniform`` between plus and minus the square root of three variances. For
            Glorot's rule that limit is the square root of 6 / (fan in + fan out), their equation 16.
    """

    kind: Literal["variance_scaled"] = "variance_scaled"
    rule: Literal["glorot", "he", "lecun", "standard", "fan_out"]
    distribution: Literal["normal", "uniform"] = "normal"


class Zeros(Spec):
    """Weights that are all zero: for a layer before the logits, whose units are told apart by their classes.

    Nielsen 2015, chapter 6, network3.py: the softmax layer. In hidden layers all units would stay the same.

    Attributes:
        kind: Marks the initializer in JSON.
    """

    kind: Literal["zeros"] = "zeros"


class FanUniform(Spec):
    """Weights drawn uniformly from -reach / fan in to reach / fan in (LeCun et al. 1998, LeNet-5: a reach of 2.4).

    Attributes:
        kind: Marks the initializer in JSON.
        reach: The limit, in units of one divided by the fan.
    """

    kind: Literal["fan_uniform"] = "fan_uniform"
    reach: float = Field(default=2.4, gt=0)


Initializer = Annotated[Normal | VarianceScaled | FanUniform | Zeros, Field(discriminator="kind")]
GLOROT = VarianceScaled(rule="glorot")
GLOROT_UNIFORM = VarianceScaled(rule="glorot", distribution="uniform")
HE = VarianceScaled(rule="he")
LECUN = VarianceScaled(rule="lecun")
STANDARD = VarianceScaled(rule="standard", distribution="uniform")


class Pool(Spec):
    """A pooling layer after the convolution.

    Attributes:
        reduce: ``max`` or ``average``. The average leaves the padded positions out.
        size: Side of the square region, in pixels.
        stride: Distance between regions, in pixels. Smaller than ``size``: overlapping pooling.
        padding: ``same`` lets the last region hang over the border, as cuda-convnet did; ``valid`` does not.
        before_unit: Pool first, then apply the unit. For a maximum and a monotone unit the output is the same and the
            unit has less to do.
    """

    reduce: Literal["max", "average"]
    size: PositiveInt = 2
    stride: PositiveInt = 2
    padding: Literal["same", "valid"] = "same"
    before_unit: bool = False


class _Weighted(Spec):
    """What convolutional and dense layers have in common.

    Attributes:
        activation: The unit; ``None`` for a linear layer.
        batch_norm: Batch normalization (Ioffe & Szegedy 2015) between the weighted sum and the unit.
        norm_after_unit: Normalize the output of the unit instead of its input, the pre-activation.
        norm_noise: Add noise after the normalization, with a mean and a deviation that change at every step, so that
            what the next layer sees is as unstable as without it ("noisy" batch normalization, Santurkar et al. 2018,
            section 2).
        dropout: Fraction of the outputs of the layer, after its pooling, that are set to zero at random while training.
        initializer: The distribution of the initial weights.
        bias_stddev: Standard deviation of the initial biases, which are drawn from a normal distribution with mean 0;
            0: they start at zero.
        rate: Factor of the learning rate for the weights of this layer; the biases have
            :attr:`TrainSpec.bias_rate`. With weights times s and a rate times s squared, a layer that takes inputs
            divided by s is trained as it would be with the inputs as they were.
    """

    activation: Activation | None = "relu"
    batch_norm: bool = False
    norm_after_unit: bool = False
    norm_noise: bool = False
    dropout: float = Field(default=0.0, ge=0, lt=1)
    initializer: Initializer = GLOROT
    bias_stddev: float = Field(default=0.0, ge=0)
    rate: float = Field(default=1.0, gt=0)

    @model_validator(mode="after")
    def _check_norm(self) -> Self:
        if (self.norm_after_unit or self.norm_noise) and not self.batch_norm:
            raise ValueError("norm_after_unit and norm_noise are options of batch_norm: set it to true")
        return self


class Conv(_Weighted):
    """A convolutional layer with its unit and, after it, an optional pooling layer.

    Attributes:
        kind: Marks the layer in JSON.
        maps: Number of feature maps.
        field: Side of the square receptive field, in pixels.
        stride: Step of the field, in pixels.
        padding: ``same`` pads with zeros and ``reflect`` with the mirror image of what lies inside the border, both to
            ceil(i / s) positions; ``valid`` does not pad.
        shared: One set of weights for all positions. ``False``: a set for every position (locally connected).
        table: The numbers, from 0, of the input maps that every map is connected to; ``None``: each to all.
        pool: The pooling layer, if any.
    """

    kind: Literal["conv"] = "conv"
    maps: PositiveInt
    field: PositiveInt
    stride: PositiveInt = 1
    padding: Padding = "same"
    shared: bool = True
    table: tuple[tuple[int, ...], ...] | None = None
    pool: Pool | None = None

    @model_validator(mode="after")
    def _check_table(self) -> Self:
        if not self.shared and self.padding == "reflect":
            raise ValueError("a locally connected layer pads with zeros or not at all: padding must be same or valid")
        if self.table is not None:
            if not self.shared:
                raise ValueError("a connection table needs shared weights")
            if len(self.table) != self.maps:
                raise ValueError(f"the connection table has {len(self.table)} rows for {self.maps} maps")
            if not all(row and len(set(row)) == len(row) and min(row) >= 0 for row in self.table):
                raise ValueError("every row of a connection table names different input maps, counted from 0")
        return self


class Dense(_Weighted):
    """A fully connected layer with its unit.

    Attributes:
        kind: Marks the layer in JSON.
        units: Number of units.
    """

    kind: Literal["dense"] = "dense"
    units: PositiveInt


class Subsample(Spec):
    """LeNet-5's subsampling: the sum over a square, times one trainable number a map, plus another, and a unit.

    LeCun et al. 1998, section II.B. Squares do not overlap.

    Attributes:
        kind: Marks the layer in JSON.
        size: Side of the square, in pixels.
        activation: The unit; ``None`` for a linear layer.
    """

    kind: Literal["subsample"] = "subsample"
    size: PositiveInt = 2
    activation: Activation | None = "scaled_tanh"


class GlobalAverage(Spec):
    """The average of every feature map: ``(height, width, channels)`` becomes ``(channels,)`` (Lin et al. 2013)."""

    kind: Literal["global_average"] = "global_average"


class RadialBasis(Spec):
    """LeNet-5's output: minus the squared distance of 84 units to a fixed 7x12 picture of every digit.

    LeCun et al. 1998, section II.B. It has nothing to train. With the softmax over its outputs, the loss is that of the
    paper's equation 9 without the constant for rubbish images.

    Attributes:
        kind: Marks the layer in JSON.
    """

    kind: Literal["radial_basis"] = "radial_basis"


RADIAL_BASIS_INPUTS, RADIAL_BASIS_CLASSES = 84, 10

Layer = Annotated[Conv | Dense | Subsample | GlobalAverage | RadialBasis, Field(discriminator="kind")]


class ModelSpec(Spec):
    """A plain feed-forward network: layers one after another, ending in one logit a class.

    Attributes:
        input_shape: ``(height, width, channels)`` of an image.
        layers: The layers, from the input up. The last is a linear dense layer, a global average over maps, one a
            class, or LeNet-5's radial basis functions: its outputs are the logits.
    """

    input_shape: tuple[PositiveInt, PositiveInt, PositiveInt]
    layers: tuple[Layer, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        last = self.layers[-1]
        linear = isinstance(last, Dense) and last.activation is None and not last.batch_norm and not last.dropout
        if not linear and not isinstance(last, GlobalAverage | RadialBasis):
            raise ValueError(
                "the last layer must give the logits: a dense one that is linear (activation=None, without batch_norm "
                "and dropout), a global average or radial basis functions"
            )
        if any(isinstance(layer, RadialBasis) for layer in self.layers[:-1]):
            raise ValueError("radial basis functions give the logits: they can only be the last layer")
        self.shapes()
        return self

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.shapes()[-1][0]

    @property
    def stochastic(self) -> bool:
        """Whether training draws random numbers in the network: for dropout or for noise."""
        return any(isinstance(layer, Conv | Dense) and (layer.dropout or layer.norm_noise) for layer in self.layers)

    def shapes(self) -> list[tuple[int, ...]]:
        """The output shape of every layer, after its pooling: ``(height, width, channels)`` or ``(units,)``.

        Raises:
            ValueError: A layer does not fit what it looks at.
        """
        shapes: list[tuple[int, ...]] = []
        shape: tuple[int, ...] = self.input_shape
        for number, layer in enumerate(self.layers, 1):
            shape = _shape_after(layer, shape, number)
            shapes.append(shape)
        return shapes


def _shape_after(layer: Layer, shape: tuple[int, ...], number: int) -> tuple[int, ...]:
    name = f"layer {number} ({layer.kind})"
    if isinstance(layer, Dense):
        return (layer.units,)
    if isinstance(layer, RadialBasis):
        if shape != (RADIAL_BASIS_INPUTS,):
            raise ValueError(f"{name}: it needs {RADIAL_BASIS_INPUTS} units below it, not {shape}")
        return (RADIAL_BASIS_CLASSES,)
    if len(shape) != 3:
        raise ValueError(f"{name}: it cannot follow a layer without feature maps")
    if isinstance(layer, GlobalAverage):
        return shape[2:]
    if isinstance(layer, Subsample):
        if shape[0] % layer.size or shape[1] % layer.size:
            raise ValueError(f"{name}: squares of {layer.size} pixels do not tile an input of {shape[:2]}")
        return (shape[0] // layer.size, shape[1] // layer.size, shape[2])
    if layer.table is not None and max(max(row) for row in layer.table) >= shape[2]:
        raise ValueError(f"{name}: its connection table names an input map beyond the {shape[2]} there are")
    name = f"layer {number} (conv {layer.field}x{layer.field})"
    side = [output_size(i, layer.field, layer.stride, layer.padding, name) for i in shape[:2]]
    if layer.pool:
        name = f"pooling of layer {number} ({layer.pool.size}x{layer.pool.size})"
        pool = layer.pool
        side = [output_size(i, pool.size, pool.stride, pool.padding, name) for i in side]
    return (*side, layer.maps)


def output_size(size: int, field: int, stride: int, padding: str, name: str = "layer") -> int:
    """Positions of a field along one side: floor((i - k) / s) + 1 for ``valid``, else ceil(i / s).

    Args:
        size: Side of the input i, in pixels.
        field: Side of the field k, in pixels.
        stride: Step s, in pixels.
        padding: ``same``, ``valid`` or ``reflect``.
        name: What the error calls the layer.

    Raises:
        ValueError: The field is larger than the input and nothing is padded, or the input is too small to be mirrored.
    """
    if field > size and padding == "valid":
        raise ValueError(
            f"{name}: the field does not fit into its input of {size} pixels; choose a smaller one or pad it"
        )
    if padding == "reflect" and max(same_padding(size, field, stride)) >= size:
        raise ValueError(f"{name}: an input of {size} pixels is too small to be mirrored; choose a smaller field")
    return (size - field) // stride + 1 if padding == "valid" else -(-size // stride)


def same_padding(size: int, field: int, stride: int, positions: int | None = None) -> tuple[int, int]:
    """Pixels that ``"same"`` padding adds before and after a side, as TensorFlow splits them.

    Args:
        size: Side of the input, in pixels.
        field: Side of the field, in pixels.
        stride: Step of the field, in pixels.
        positions: Positions of the field that there are, where they are known; ``None``: ceil(size / stride).

    Returns:
        The smallest numbers that give so many positions. An odd one is added after.
    """
    last = (-(-size // stride) if positions is None else positions) - 1
    total = max(last * stride + field - size, 0)
    return total // 2, total - total // 2


DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1))
"""Down, up, right, left: the directions of :attr:`DataSpec.displaced`, as steps over rows and columns."""

ScalingName = Literal["standardized", "mean_subtracted", "unit"]
"""The ways in which pixels are scaled for the network; see :attr:`DataSpec.scaling`."""


class DataSpec(Spec):
    """The images a run sees.

    Attributes:
        name: A registered data set.
        content: SHA-256 over its decoded arrays, so that a key stands for bytes and not for a name.
        train_size: Training examples drawn, stratified by class, after the validation split and before copies of them
            are displaced; ``None``: all.
        validation_size: Examples carved from the training data, stratified, the same for every arm.
        test_size: Test examples drawn, stratified; ``None``: all.
        scaling: ``standardized``: minus the mean image, divided by the standard deviation of all pixels;
            ``mean_subtracted``: minus the mean image only, in units of 0-255 (Krizhevsky 2012). Both computed
            from the training examples. ``unit``: from 0 to 1, with no mean subtracted (Nielsen 2015).
        subset_seed: Seeds the choice of the validation images, of the subsets and of the random places.
        crop: Pixels cut off on every side, before anything else.
        side: Side of the square that the images are then resized to, in pixels; ``None``: as they are.
        canvas: Side of a black square on which they are then placed, in pixels; ``None``: none.
        placement: Where on the canvas: in the middle, or at random, anew for every image.
        block: Side of the square blocks of pixels that are then put into another order, the same for all images, those
            of the test set too; ``None``: left in order. Blocks of 1 permute single pixels.
        block_seed: Seeds that order.
        displaced: Pixels by which copies of the training images are moved down, up, right and left, with zeros behind
            them (Nielsen 2015, expand_mnist.py: 1); 0: there are none. They make the training set five times as large:
            first the images, then the copies of all, direction by direction. Validation and test images have none.
            Images move on the canvas, if there is one, and before blocks of pixels are put into another order.
    """

    name: str
    content: str = Field(pattern=r"^[0-9a-f]{64}$")
    train_size: PositiveInt | None = None
    validation_size: Count = 0
    test_size: PositiveInt | None = None
    scaling: ScalingName = "standardized"
    subset_seed: Seed = 0
    crop: Count = 0
    side: PositiveInt | None = None
    canvas: PositiveInt | None = None
    placement: Literal["center", "random"] = "center"
    block: PositiveInt | None = None
    block_seed: Seed = 0
    displaced: Count = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.placement == "random" and self.canvas is None:
            raise ValueError("a random placement needs a canvas: give its side")
        return self

    @property
    def versions(self) -> int:
        """How often every training image is there: once, and once more for every direction it is displaced in."""
        return 1 + len(DIRECTIONS) if self.displaced else 1

    def drawn(self, stored: int) -> int:
        """Training images before any are displaced, of a data set that stores so many."""
        return stored - self.validation_size if self.train_size is None else self.train_size

    def examples(self, stored: int) -> int:
        """Training examples of an epoch, displaced copies too, of a data set that stores so many training images."""
        return self.versions * self.drawn(stored)

    def image_shape(self, stored: tuple[int, int, int]) -> tuple[int, int, int]:
        """``(height, width, channels)`` of the prepared images, from that of the stored ones.

        Raises:
            ValueError: The crop leaves nothing, the canvas is too small, or blocks do not tile the image.
        """
        height, width = (size - 2 * self.crop for size in stored[:2])
        if min(height, width) < 1:
            raise ValueError(f"a crop of {self.crop} leaves nothing of images of {stored[0]}x{stored[1]} pixels")
        if self.side is not None:
            height = width = self.side
        if self.canvas is not None:
            if max(height, width) > self.canvas:
                raise ValueError(f"images of {height}x{width} pixels do not fit on a canvas of {self.canvas}")
            height = width = self.canvas
        if self.displaced >= min(height, width):
            raise ValueError(f"images of {height}x{width} pixels displaced by {self.displaced} show nothing")
        if self.block is not None and (height % self.block or width % self.block):
            raise ValueError(f"blocks of {self.block} pixels do not tile images of {height}x{width}")
        return (height, width, stored[2])


LossName = Literal["cross_entropy", "mean_squared", "map"]
"""The losses that can be minimized; see :attr:`TrainSpec.loss`."""


class TrainSpec(Spec):
    """How a run is trained.

    Attributes:
        loss: What is minimized, as a mean over examples. ``cross_entropy``: of the softmax of the outputs.
            ``mean_squared``: half the squared distance of the outputs to 1 for the class and 0 for all others (Nielsen
            2015, equation 6). ``map``: the maximum a posteriori criterion of LeCun et al. 1998, equation 9, for a
            network that ends in radial basis units: cross-entropy with one more class, whose output is always -0.1.
        optimizer: ``sgd``: stochastic gradient descent with (heavy-ball) momentum; ``adam``: Kingma & Ba 2015.
        learning_rate: Constant over the run, unless there is a schedule.
        schedule: What the learning rate is multiplied by, epoch by epoch; the last factor stays. Empty: by nothing.
        momentum: The momentum of SGD, from 0 to below 1; must be 0 for Adam.
        weight_decay: Adds half of this times the sum of all squared weights of convolutional and dense layers to the
            loss; biases, subsampling and normalization are left out. Each step adds it times the weights to their
            gradients, before momentum or Adam. Curves of the loss are without it. Nielsen 2015 writes lambda / n
            (network2.py) or lambda / batches an epoch (network3.py) for the same number.
        bias_rate: Factor of the learning rate for the biases of convolutional, dense and subsampling layers
            (Krizhevsky's cuda-convnet: 2). The shifts of batch normalization have the rate itself.
        batch_size: Examples a step. The last, incomplete batch of an epoch is left out.
        epochs: Passes over the training examples, at most.
        evaluations_per_epoch: Evaluations of the training error in an epoch, evenly spaced.
        evaluation_size: Examples in the evaluations during training: the first so many of the training set, and of the
            validation split (both are in random order); ``None``: all. Errors of the finished run are always of all.
        test_curve: Measure the error on all test images too, before training and at every evaluation. It chooses
            nothing. With a validation split, the run also tells the test error after the epoch with the lowest
            validation error, as published trainings do that keep the best network (Nielsen 2015, network3.py).
        target_train_error: Stop at the first evaluation whose training error is not above this; ``None``: never.
    """

    loss: LossName = "cross_entropy"
    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = Field(gt=0)
    schedule: tuple[Annotated[float, Field(gt=0)], ...] = ()
    momentum: float = Field(default=0.0, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    bias_rate: float = Field(default=1.0, gt=0)
    batch_size: PositiveInt = 128
    epochs: PositiveInt
    evaluations_per_epoch: PositiveInt = 1
    evaluation_size: PositiveInt | None = None
    test_curve: bool = False
    target_train_error: float | None = Field(default=None, ge=0, lt=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.optimizer == "adam" and self.momentum:
            raise ValueError("momentum is an option of sgd; leave it at 0 for adam")
        return self

    def rate(self, epoch: int) -> float:
        """The learning rate in an epoch, counted from 0."""
        return (
            self.learning_rate * self.schedule[min(epoch, len(self.schedule) - 1)]
            if self.schedule
            else self.learning_rate
        )


class ProgramSpec(Spec):
    """What a compiled program is made for: runs for which it is equal share one, whatever images they see.

    Attributes:
        model: The network that is compiled.
        train: The training, but for what a program is given as numbers, which is the same in all: see
            :attr:`RunSpec.program`. A field of the training that is not named there is compiled in.
    """

    model: ModelSpec
    train: TrainSpec

    @cached_property
    def key(self) -> str:
        """The SHA-256, in hexadecimal, that identifies it."""
        return digest(self.canonical())


class Seeds(Spec):
    """The seeds of a run, so that two arms can share one and differ in another.

    With one number for all, streams of different purposes start from the same bits.

    Attributes:
        init: Seed of the initial weights.
        order: Seed of the order of the training examples.
        noise: Seed of dropout and of the noise of noisy batch normalization; 0 for a network without either.
    """

    init: Seed = 0
    order: Seed = 0
    noise: Seed = 0

    @classmethod
    def of(cls, seed: int, model: ModelSpec) -> Self:
        """The same number for every stream that the network draws from."""
        return cls(init=seed, order=seed, noise=seed if model.stochastic else 0)


ProbeName = Literal[
    "gradients",
    "saturation",
    "covariate_shift",
    "landscape",
    "translation",
    "border",
    "filters",
    "equivariance",
    "linear",
    "patches",
    "maps",
    "percentiles",
    "histograms",
    "wandering",
]
"""What can be measured on a run beside its errors; see :mod:`cnn_study.probes`."""


class RunSpec(Spec):
    """One training run.

    Attributes:
        data: The images that it sees.
        model: The network that is trained.
        train: How the network is trained.
        seeds: The seeds of its random streams.
        probes: What is measured beside the errors. It does not change the training: weights are the same to the bit.
    """

    data: DataSpec
    model: ModelSpec
    train: TrainSpec
    seeds: Seeds = Seeds()
    probes: tuple[ProbeName, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.probes != tuple(name for name in get_args(ProbeName) if name in self.probes):
            raise ValueError(f"probes must be different and in the order {', '.join(get_args(ProbeName))}")
        if "border" in self.probes and (self.data.placement != "random" or self.data.block):
            raise ValueError("the probe border needs images that are placed at random on a canvas, and not permuted")
        if self.train.loss == "map" and self.model.layers[-1].kind != "radial_basis":
            raise ValueError("the loss map is for a network that ends in radial basis units")
        of_cross_entropy = [name for name in ("gradients", "covariate_shift", "landscape") if name in self.probes]
        if self.train.loss != "cross_entropy" and of_cross_entropy:
            raise ValueError(f"the probe {of_cross_entropy[0]} is of cross-entropy, and the loss is {self.train.loss}")
        if self.seeds.noise and not self.model.stochastic:
            raise ValueError("a network without dropout and noise draws no noise: its noise seed must be 0")
        train = self.train
        if self.data.train_size is not None:
            size = self.data.examples(self.data.train_size)
            if train.batch_size > size:
                raise ValueError(f"batch_size {train.batch_size} is larger than the {size} training examples")
            if size // train.batch_size < train.evaluations_per_epoch:
                raise ValueError(
                    f"{train.evaluations_per_epoch} evaluations an epoch, but only {size // train.batch_size} steps"
                )
            if train.evaluation_size is not None and train.evaluation_size > size:
                raise ValueError(f"evaluation_size {train.evaluation_size} is larger than the {size} training examples")
        return self

    @cached_property
    def key(self) -> str:
        """Sixteen hexadecimal digits that identify the numbers this run produces."""
        return digest({"semantics": SEMANTICS, "run": self.canonical()})[:16]

    @cached_property
    def program(self) -> ProgramSpec:
        """What is compiled for it: all but images, seeds, learning rate, length and evaluations."""
        given = {"learning_rate": 1, "schedule": (), "epochs": 1, "target_train_error": None}
        evaluations = {"evaluations_per_epoch": 1, "evaluation_size": None, "test_curve": False}
        return ProgramSpec(model=self.model, train=self.train.but(**given, **evaluations))


class CheckSpec(Spec):
    """An exact comparison over an exhaustive grid of cases, with nothing to train; see :mod:`cnn_study.checks`.

    Attributes:
        check: Name of the check, one of :data:`cnn_study.checks.table.CHECKS`.
        version: Version of the check, which goes up when the same check would give other numbers.
        sample: Whether a small part of the grid is enough, to see that everything works.
    """

    check: str
    version: PositiveInt = 1
    sample: bool = False

    @cached_property
    def key(self) -> str:
        """Sixteen hexadecimal digits that identify the numbers this check produces."""
        return digest({"check": self.check, "version": self.version} | ({"sample": True} if self.sample else {}))[:16]


def digest(value: Any) -> str:
    """SHA-256, in hexadecimal, of the canonical JSON of a value: sorted keys, no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
