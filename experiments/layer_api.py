"""Does every layer compute forward, and backward from the gradient above it alone?

Claim: a network is a chain of layers, each of which gives its activations forward and, from the gradient of the layer
above it, the gradients of its parameters and of its input backward (Rumelhart, Hinton & Williams 1986).

Check: for every layer that the factory can build, in double precision: the chain of backward steps equals end-to-end
automatic differentiation, and both agree with finite differences to a relative error below 1e-4.
Figure: agreement.
"""

from cnn_study.page import Agreement, ablation, claim, direction


@claim(
    "The gradients of every layer follow from the gradient of the layer above it.",
    magnitude="the statement is exact",
    mechanism="the check is the mechanism",
)
def layers_are_a_chain(at):
    """Every layer, in every combination of its options, agrees."""
    yield direction(Agreement("layer_api"), under="every layer")


@ablation(
    "Layers compute forward and backward",
    claims=(layers_are_a_chain,),
    checks=("layer_api",),
    figures=("agreement",),
)
def layer_api(at):
    """Nothing is trained: the check is all."""
    return ()
