"""LeNet-5's output layer."""

import keras
import numpy as np
from keras import ops

PICTURES = """
.#####.  ...##..  .#####.  .#####.  .....#.  #######  ..####.  #######  .#####.  .#####.
##...##  ..###..  ##...##  ##...##  ....##.  #......  .##....  .....##  ##...##  ##...##
#.....#  .####..  #.....#  ......#  ...###.  #......  ##.....  .....#.  #.....#  #.....#
#.....#  ...##..  ......#  ......#  ..##.#.  #......  #......  ....##.  #.....#  #.....#
#.....#  ...##..  .....##  .....##  .##..#.  #.####.  #......  ....#..  ##...##  #.....#
#.....#  ...##..  ....##.  ..####.  ##...#.  ##...##  #.####.  ....#..  .#####.  ##...##
#.....#  ...##..  ...##..  .....##  #....#.  ......#  ##...##  ...##..  ##...##  .####.#
#.....#  ...##..  ..##...  ......#  #######  ......#  #.....#  ...#...  #.....#  ......#
#.....#  ...##..  .##....  ......#  .....#.  ......#  #.....#  ...#...  #.....#  ......#
#.....#  ...##..  ##.....  #.....#  .....#.  #.....#  #.....#  ..##...  #.....#  .....##
##...##  ...##..  #......  ##...##  .....#.  ##...##  ##...##  ..#....  ##...##  ....##.
.#####.  ######.  #######  .#####.  .....#.  .#####.  .#####.  ..#....  .#####.  .####..
"""
"""Stylized digits from 0 to 9, 7 pixels wide and 12 high, drawn for this project; the paper's differ in detail."""


def _bitmaps():
    lines = [line.split() for line in PICTURES.split("\n") if line]
    digits = ["".join(row) for row in zip(*lines, strict=True)]
    return np.array([[1 if pixel == "#" else -1 for pixel in digit] for digit in digits], "float32")


BITMAPS = _bitmaps()
"""The pictures as ``(digits, pixels)``: +1 for ink, -1 for paper."""


@keras.saving.register_keras_serializable(package="cnn_study")
class RadialBasis(keras.layers.Layer):
    """Minus the squared distance of the input to a fixed 7x12 picture of every digit.

    The output layer of LeNet-5 (LeCun et al. 1998, section II.B), with the sign that makes the nearest picture the
    largest output. The pictures are constants: the layer has no weights.

    Input shape: ``(batch, 84)``. Output shape: ``(batch, 10)``.

    Args:
        **kwargs: Arguments of ``keras.layers.Layer``.
    """

    def call(self, inputs):
        """Compare the input with every picture."""
        pictures = ops.convert_to_tensor(BITMAPS, self.compute_dtype)
        squares = ops.square(ops.subtract(ops.expand_dims(inputs, 1), pictures))
        return ops.negative(ops.sum(squares, axis=-1))

    def compute_output_shape(self, input_shape):
        """Shape of the output for inputs of ``(batch, 84)``."""
        return (input_shape[0], len(BITMAPS))
