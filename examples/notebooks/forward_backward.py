# %% [markdown]
# # Forward and backward, by hand
#
# Backpropagation needs two things of every layer: forward, what it gives for an input; and backward, what the gradient
# of its output says about its parameters and its input. A dense layer and a convolution are written down here in NumPy
# and held against the layers of the project, which are held against automatic differentiation and finite differences.

# %%
import os

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0")

import numpy as np
import tensorflow as tf

import cnn_study
from cnn_study import layer_api
from cnn_study.models.factory import build_model
from cnn_study.spec import Conv, Dense, ModelSpec

NETWORK = ModelSpec(
    input_shape=(6, 6, 1),
    layers=(Conv(maps=2, field=3, activation="tanh", padding="valid"), Dense(units=3, activation=None)),
)
# Finite differences need float64.
model = build_model(NETWORK, seed=1, dtype="float64")
rng = np.random.default_rng(0)
images = rng.standard_normal((4, 6, 6, 1))
labels = rng.integers(0, 3, 4)
weights = {variable.path: variable.numpy() for variable in model.trainable_variables}
{name: value.shape for name, value in weights.items()}

# %% [markdown]
# ## Forward
#
# A unit of the convolution sees a square of 3 x 3 pixels:
#
#     z[n, i, j, m] = sum over u, v, c of x[n, i + u, j + v, c] w[u, v, c, m], plus b[m]
#
# Then tanh, then a dense layer of one logit a class.

# %%
kernel, bias, dense_kernel, dense_bias = weights.values()
windows = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2))  # n, i, j, c, u, v
z = np.einsum("nijcuv,uvcm->nijm", windows, kernel) + bias
a = np.tanh(z)
flat = a.reshape(len(a), -1)
logits = flat @ dense_kernel + dense_bias

activations = layer_api.forward(model, tf.constant(images))
for name, activation in activations.items():
    print(f"{name:8} {activation.shape}")
np.abs(logits - list(activations.values())[-1]).max()

# %% [markdown]
# ## Backward
#
# The mean cross-entropy hands the first gradient down: softmax minus the right answer. Every layer turns the gradient
# of its output into those of its parameters and that of its input.

# %%
softmax = np.exp(logits - logits.max(axis=1, keepdims=True))
softmax /= softmax.sum(axis=1, keepdims=True)
upstream = (softmax - np.eye(3)[labels]) / len(labels)

# The dense layer: y = x W + b.
d_dense_kernel, d_dense_bias = flat.T @ upstream, upstream.sum(axis=0)
d_flat = upstream @ dense_kernel.T

# tanh' = 1 - tanh^2, then the convolution: every shared weight collects from all places.
d_z = d_flat.reshape(a.shape) * (1 - a**2)
d_kernel, d_bias = np.einsum("nijcuv,nijm->uvcm", windows, d_z), d_z.sum(axis=(0, 1, 2))

# %% [markdown]
# ## Do they agree?
#
# Once with automatic differentiation of the whole network:

# %%
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=model(tf.constant(images)))
    )
expected = tape.gradient(loss, model.trainable_variables)
by_hand = (d_kernel, d_bias, d_dense_kernel, d_dense_bias)
errors = [float(np.abs(mine - theirs).max()) for mine, theirs in zip(by_hand, expected, strict=True)]
assert max(errors) < 1e-12
dict(zip(weights, errors, strict=True))

# %% [markdown]
# Once with the layers of the project, one at a time, and with central differences:

# %%
for row in layer_api.compare(model, tf.constant(images), seed=0):
    print(f"{row.layer:8} {row.gradient:8} autodiff {row.autodiff:.1e}, differences {row.differences:.1e}")

# %% [markdown]
# ## Every layer, in every case
#
# The experiment `layer_api` does this for every kind of layer on a grid of sizes. Its stored results:

# %%
checks = cnn_study.load("quick").checks
gradients = checks[checks.check == "layer_api"]
kinds = gradients.configuration.str.split(r"\W", n=1, regex=True).str[0]
gradients.groupby(kinds).agg(cases=("agrees", "size"), agree=("agrees", "sum"), largest_error=("layer_error", "max"))
