"""What a run is: frozen, validated descriptions with a key that identifies their numbers.

A :class:`RunSpec` says everything that can change the numbers a run produces, and nothing else. Labels, descriptions,
devices and paths live elsewhere. Its :attr:`~RunSpec.key` is the name under which the run is stored, so that a run that
several experiments ask for is trained once, and one that is stored is never trained again.
"""

import hashlib
import json
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cnn_study.errors import InputError

SEMANTICS = 1
"""Version of what training a spec means. It goes up when the same spec would give other numbers."""

Activation = Literal["relu", "tanh", "sigmoid", "scaled_tanh", "leaky_relu", "elu", "gelu", "silu"]
"""The units. ``scaled_tanh`` is LeCun's 1.7159 tanh(2x/3)."""

PositiveInt = Annotated[int, Field(gt=0)]


class Spec(BaseModel):
    """Base of all specifications: immutable, no unknown fields, finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=False)

    def canonical(self) -> dict[str, Any]:
        """The fields that differ from their defaults, as plain JSON values.

        Leaving defaults out lets a later version add a switch without giving stored runs another key.
        """
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
        return value.canonical()
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def one_line(error: ValidationError) -> str:
    """The complaints of a validation error, in one line, each with the field it is about."""
    complaints = []
    for item in error.errors(include_url=False):
        # The name of an unknown field may hold anything, line breaks too.
        place = repr(".".join(str(part) for part in item["loc"]))[1:-1]
        reason = item["msg"].removeprefix("Value error, ")
        given = "" if item["type"] in ("missing", "value_error", "json_invalid") else f" (got {item['input']!r})"
        complaints.append(f"{place}: {reason}{given}" if place else f"{reason}{given}")
    return "; ".join(complaints)


class Normal(Spec):
    """Weights drawn from a normal distribution with mean 0 and a fixed standard deviation.

    Attributes:
        kind: Marks the initializer in JSON.
        stddev: Standard deviation, in units of the weights.
    """

    kind: Literal["normal"] = "normal"
    stddev: float = Field(gt=0)


class VarianceScaled(Spec):
    """Normal weights whose variance follows from the fan of the layer.

    Attributes:
        kind: Marks the initializer in JSON.
        rule: ``glorot``: variance 2 / (fan in + fan out) (Glorot & Bengio 2010); ``he``: 2 / fan in (He et al. 2015);
            ``lecun``: 1 / fan in (LeCun et al. 1998, "Efficient BackProp").
    """

    kind: Literal["variance_scaled"] = "variance_scaled"
    rule: Literal["glorot", "he", "lecun"]


Initializer = Annotated[Normal | VarianceScaled, Field(discriminator="kind")]
GLOROT = VarianceScaled(rule="glorot")
HE = VarianceScaled(rule="he")


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


class Conv(Spec):
    """A convolutional layer with its unit and, after it, an optional pooling layer.

    Attributes:
        kind: Marks the layer in JSON.
        maps: Number of feature maps.
        field: Side of the square receptive field, in pixels.
        stride: Step of the field, in pixels.
        padding: ``same`` pads with zeros, ``valid`` not at all.
        shared: One set of weights for all positions. ``False``: a set for every position (locally connected).
        activation: The unit; ``None`` for a linear layer.
        pool: The pooling layer, if any.
        batch_norm: Batch normalization between the convolution and the unit (Ioffe & Szegedy 2015).
        initializer: Of the weights. Biases start at zero.
    """

    kind: Literal["conv"] = "conv"
    maps: PositiveInt
    field: PositiveInt
    stride: PositiveInt = 1
    padding: Literal["same", "valid"] = "same"
    shared: bool = True
    activation: Activation | None = "relu"
    pool: Pool | None = None
    batch_norm: bool = False
    initializer: Initializer = GLOROT


class Dense(Spec):
    """A fully connected layer with its unit.

    Attributes:
        kind: Marks the layer in JSON.
        units: Number of units.
        activation: The unit; ``None`` for a linear layer.
        batch_norm: Batch normalization between the matrix product and the unit.
        initializer: Of the weights. Biases start at zero.
    """

    kind: Literal["dense"] = "dense"
    units: PositiveInt
    activation: Activation | None = "relu"
    batch_norm: bool = False
    initializer: Initializer = GLOROT


Layer = Annotated[Conv | Dense, Field(discriminator="kind")]


class ModelSpec(Spec):
    """A plain feed-forward network: layers one after another, ending in one logit a class.

    Attributes:
        input_shape: ``(height, width, channels)`` of an image.
        layers: From the input up. The last must be a linear dense layer; its units are the classes.
    """

    input_shape: tuple[PositiveInt, PositiveInt, PositiveInt]
    layers: tuple[Layer, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        last = self.layers[-1]
        if not isinstance(last, Dense) or last.activation is not None:
            raise ValueError("the last layer must be dense and linear (activation=None): its outputs are the logits")
        dense = False
        for number, layer in enumerate(self.layers, 1):
            if isinstance(layer, Conv) and dense:
                raise ValueError(f"layer {number}: a convolution cannot follow a dense layer")
            dense = dense or isinstance(layer, Dense)
        self.shapes()
        return self

    @property
    def classes(self) -> int:
        """Number of classes."""
        last = self.layers[-1]
        assert isinstance(last, Dense)  # noqa: S101 - _check has made sure
        return last.units

    def shapes(self) -> list[tuple[int, ...]]:
        """The output shape of every layer, after its pooling: ``(height, width, channels)`` or ``(units,)``.

        Raises:
            ValueError: A field or a pooling region does not fit into what it looks at.
        """
        shapes: list[tuple[int, ...]] = []
        shape: tuple[int, ...] = self.input_shape
        for number, layer in enumerate(self.layers, 1):
            if isinstance(layer, Dense):
                shape = (layer.units,)
            else:
                name = f"layer {number} (conv {layer.field}x{layer.field})"
                side = [output_size(i, layer.field, layer.stride, layer.padding, name) for i in shape[:2]]
                if layer.pool:
                    name = f"pooling of layer {number} ({layer.pool.size}x{layer.pool.size})"
                    pool = layer.pool
                    side = [output_size(i, pool.size, pool.stride, pool.padding, name) for i in side]
                shape = (*side, layer.maps)
            shapes.append(shape)
        return shapes


def output_size(size: int, field: int, stride: int, padding: str, name: str = "layer") -> int:
    """Positions of a field along one side: ceil(i / s) for ``same``, floor((i - k) / s) + 1 for ``valid``.

    Args:
        size: Side of the input i, in pixels.
        field: Side of the field k, in pixels.
        stride: Step s, in pixels.
        padding: ``same`` or ``valid``.
        name: What the error calls the layer.

    Raises:
        ValueError: The field is larger than the input and nothing is padded.
    """
    if field > size and padding == "valid":
        raise ValueError(
            f"{name}: the field does not fit into its input of {size} pixels; choose a smaller one or pad it"
        )
    return -(-size // stride) if padding == "same" else (size - field) // stride + 1


class DataSpec(Spec):
    """The images a run sees.

    Attributes:
        name: A registered data set.
        content: SHA-256 over its decoded arrays, so that a key stands for bytes and not for a name.
        train_size: Training examples drawn, stratified by class, after the validation split; ``None``: all.
        validation_size: Examples carved from the training data, stratified, the same for every arm and seed.
        test_size: Test examples drawn, stratified; ``None``: all.
        scaling: ``standardized``: minus the mean image, divided by the standard deviation of all pixels;
            ``mean_subtracted``: minus the mean image only, in units of 0-255 (Krizhevsky 2012). Both computed
            from the training examples.
        subset_seed: Seeds the choice of the subsets.
    """

    name: str
    content: str = Field(pattern=r"^[0-9a-f]{64}$")
    train_size: PositiveInt | None = None
    validation_size: int = Field(default=0, ge=0)
    test_size: PositiveInt | None = None
    scaling: Literal["standardized", "mean_subtracted"] = "standardized"
    subset_seed: int = Field(default=0, ge=0)


class TrainSpec(Spec):
    """How a run is trained: minimize the mean cross-entropy at a constant learning rate.

    Attributes:
        optimizer: ``sgd``: stochastic gradient descent with (heavy-ball) momentum; ``adam``: Kingma & Ba 2015.
        learning_rate: Constant over the run.
        momentum: Of SGD; must be 0 for Adam.
        batch_size: Examples a step. The last, incomplete batch of an epoch is left out.
        epochs: Passes over the training examples, at most.
        evaluations_per_epoch: Evaluations of the training error in an epoch, evenly spaced.
        evaluation_size: Training examples in that evaluation: the first so many of the training set (which is in random
            order); ``None``: all.
        target_train_error: Stop at the first evaluation whose training error is not above this; ``None``: never.
    """

    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = Field(gt=0)
    momentum: float = Field(default=0.0, ge=0, lt=1)
    batch_size: PositiveInt = 128
    epochs: PositiveInt
    evaluations_per_epoch: PositiveInt = 1
    evaluation_size: PositiveInt | None = None
    target_train_error: float | None = Field(default=None, ge=0, lt=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.optimizer == "adam" and self.momentum:
            raise ValueError("momentum is an option of sgd; leave it at 0 for adam")
        return self


class Seeds(Spec):
    """Separate random streams, so that two arms can share one and differ in another.

    Attributes:
        init: Initial weights.
        order: Order of the training examples.
    """

    init: int = Field(default=0, ge=0)
    order: int = Field(default=0, ge=0)

    @classmethod
    def all(cls, seed: int) -> Self:
        """The same number for every stream."""
        return cls(init=seed, order=seed)


class RunSpec(Spec):
    """One training run: data, model, training and seeds."""

    data: DataSpec
    model: ModelSpec
    train: TrainSpec
    seeds: Seeds = Seeds()

    @model_validator(mode="after")
    def _check(self) -> Self:
        size, train = self.data.train_size, self.train
        if size is not None:
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


def digest(value: Any) -> str:
    """SHA-256, in hexadecimal, of the canonical JSON of a value: sorted keys, no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
