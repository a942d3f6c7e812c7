"""Optimizers of a compiled loop: each step is one of TensorFlow's fused updates, with a rate of its own by variable.

Keras's optimizers do the same arithmetic operation by operation, each a pass through all weights. In a dense network
with small batches these passes take as long as the products.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

import keras
import tensorflow as tf

from cnn_study.spec import TrainSpec


class Optimizer(Protocol):
    """Moves the trainable variables of a network."""

    def reset(self) -> None:
        """Forget all steps that were taken."""
        ...

    def apply(self, gradients: Sequence[tf.Tensor], rate: tf.Tensor) -> None:
        """Take one step.

        Args:
            gradients: The gradients of the loss, one for each variable.
            rate: The learning rate: a scalar of the type of the variables.
        """
        ...


class _Fused(ABC):
    """An optimizer that takes its steps with one operation a variable.

    Args:
        variables: The trained variables.
        factors: Factors of the learning rate, one for each variable.
    """

    def __init__(self, variables: Sequence[keras.Variable], factors: Sequence[float]):
        self._variables: list[tf.Variable] = [variable.value for variable in variables]
        self._factors = factors

    def apply(self, gradients: Sequence[tf.Tensor], rate: tf.Tensor) -> None:
        """Take one step, see :meth:`Optimizer.apply`."""
        for number, (gradient, factor) in enumerate(zip(gradients, self._factors, strict=True)):
            self._move(number, gradient, rate if factor == 1 else rate * factor)

    @abstractmethod
    def _move(self, number: int, gradient: tf.Tensor, rate: tf.Tensor) -> None:
        """Move one variable."""

    def _zeros(self) -> list[tf.Variable]:
        """One stored number, at first zero, for every number that is trained."""
        return [tf.Variable(tf.zeros_like(variable), trainable=False) for variable in self._variables]


class GradientDescent(_Fused):
    """w <- w - rate g."""

    def reset(self) -> None:
        """There is nothing to forget."""

    def _move(self, number: int, gradient: tf.Tensor, rate: tf.Tensor) -> None:
        tf.raw_ops.ResourceApplyGradientDescent(var=self._variables[number].handle, alpha=rate, delta=gradient)


class Momentum(_Fused):
    """The heavy ball of ``keras.optimizers.SGD``: v <- momentum v - rate g, then w <- w + v.

    Args:
        variables: The trained variables.
        factors: Factors of the learning rate, one for each variable.
        momentum: The share of its velocity that a variable keeps in a step.
    """

    def __init__(self, variables: Sequence[keras.Variable], factors: Sequence[float], momentum: float):
        super().__init__(variables, factors)
        self._momentum = momentum
        self._velocities = self._zeros()

    def reset(self) -> None:
        """Bring all variables to rest."""
        for velocity in self._velocities:
            velocity.assign(tf.zeros_like(velocity))

    def _move(self, number: int, gradient: tf.Tensor, rate: tf.Tensor) -> None:
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=self._variables[number].handle,
            accum=self._velocities[number].handle,
            lr=rate,
            grad=gradient,
            momentum=tf.constant(self._momentum, gradient.dtype),
        )


class Adam(_Fused):
    """Kingma & Ba 2015 with the constants of ``keras.optimizers.Adam``."""

    BETAS, EPSILON = (0.9, 0.999), 1e-7
    """Shares of the two moments that are kept in a step, and what is added to the root of the second."""

    def __init__(self, variables: Sequence[keras.Variable], factors: Sequence[float]):
        super().__init__(variables, factors)
        self._means, self._squares = self._zeros(), self._zeros()
        dtype = self._variables[0].dtype
        self._powers = [tf.Variable(tf.constant(beta, dtype), trainable=False) for beta in self.BETAS]

    def reset(self) -> None:
        """Forget the moments of the gradients."""
        for moment in (*self._means, *self._squares):
            moment.assign(tf.zeros_like(moment))
        for power, beta in zip(self._powers, self.BETAS, strict=True):
            power.assign(beta)

    def apply(self, gradients: Sequence[tf.Tensor], rate: tf.Tensor) -> None:
        """Take one step, see :meth:`Optimizer.apply`."""
        super().apply(gradients, rate)
        for power, beta in zip(self._powers, self.BETAS, strict=True):
            power.assign(power * beta)

    def _move(self, number: int, gradient: tf.Tensor, rate: tf.Tensor) -> None:
        beta1, beta2, epsilon = (tf.constant(value, gradient.dtype) for value in (*self.BETAS, self.EPSILON))
        tf.raw_ops.ResourceApplyAdam(
            var=self._variables[number].handle,
            m=self._means[number].handle,
            v=self._squares[number].handle,
            beta1_power=self._powers[0],
            beta2_power=self._powers[1],
            lr=rate,
            beta1=beta1,
            beta2=beta2,
            epsilon=epsilon,
            grad=gradient,
        )


def optimizer(train: TrainSpec, variables: Sequence[keras.Variable], factors: Sequence[float]) -> Optimizer:
    """The optimizer of a training.

    Args:
        train: The training, of which the kind of the optimizer and its momentum are used.
        variables: The trained variables.
        factors: Factors of the learning rate, one for each variable.
    """
    if train.optimizer == "adam":
        return Adam(variables, factors)
    return Momentum(variables, factors, train.momentum) if train.momentum else GradientDescent(variables, factors)
