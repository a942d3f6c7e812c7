"""Does every layer compute forward, and backward from the gradient above it alone?

Claim: a network is a chain of layers, each of which gives its activations forward and, from the gradient of the layer
above it, the gradients of its parameters and of its input backward (Rumelhart, Hinton & Williams 1986).

Check: for every layer that the factory can build, in double precision: the chain of backward steps equals end-to-end
automatic differentiation, and both agree with finite differences to a relative error below 1e-4.
Figure: agreement. Run time: seconds.
"""

from cnn_study.checks.names import check
from cnn_study.experiment import Agreement, Claim, Design, Experiment, Rule

CLAIMS = (
    Claim(
        "layers-are-a-chain",
        "The gradients of every layer follow from the gradient of the layer above it.",
        (),
        {"magnitude": "the statement is exact", "mechanism": "the check is the mechanism"},
    ),
)


def design(profile: str, fallback: str | None) -> Design:
    """The experiment, the same in every profile but the trial, which takes a part of the layers."""
    rule = Rule("layers-are-a-chain", "direction", "every layer", Agreement("layer_api"))
    trial = profile == "smoke"
    checks = (check("layer_api", sample=trial),)
    return Design((), None, (), (rule,), "a trial run with a part of the layers" if trial else "", checks)


EXPERIMENT = Experiment(
    name="layer_api",
    title="Layers compute forward and backward",
    claims=CLAIMS,
    design=design,
    figures=("agreement",),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(EXPERIMENT.name)
