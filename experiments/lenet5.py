"""LeNet-5: does the network of 1998 have the stated size, the stated error, and the stated advantage?

Claim: LeNet-5 has 60,000 trainable parameters and 340,908 connections and reaches 0.95 % test error on MNIST; dense
networks of 300 and 1,000 hidden units reach 4.7 and 4.5 % (LeCun et al. 1998, section III and Figure 9).

Check: counts, layer by layer. Arms: the network of the paper (trainable subsampling, a connection table, scaled tanh,
radial basis outputs), the usual Keras variant (61,706 parameters), and the dense networks of the same figure. The
paper's rates are those of a diagonal Levenberg-Marquardt method and not used: rates are tuned for SGD.
Rules: every count agrees; error within 0.15 points of 0.95 % in `full`; LeNet-5 beats the dense network of 300 units.
Figures: error of every arm; agreement; filters. Run time: `quick` about two minutes.
"""

from cnn_study.checks.names import check
from cnn_study.data.setting import Setting, classes_of, shape_of
from cnn_study.experiment import (
    Agreement,
    Arm,
    Claim,
    Contrast,
    Design,
    Experiment,
    Plot,
    Published,
    RateSearch,
    Rule,
    Term,
    ValidationError,
    gain,
)
from cnn_study.models.architectures import dense_net, lenet5_1998, lenet5_usual

FIGURE_9 = "LeCun, Bottou, Bengio & Haffner 1998, Figure 9"
PERCENT = "test error on MNIST (%)"
CLAIMS = (
    Claim(
        "lenet5-has-60000-parameters",
        "LeNet-5 has 60,000 trainable parameters and 340,908 connections.",
        (
            Published(
                "trainable parameters", 60_000, "LeCun et al. 1998, section II.B", "secondary", about="LeNet-5 (1998)"
            ),
            Published("connections", 340_908, "LeCun et al. 1998, section II.B", "secondary", about="LeNet-5 (1998)"),
        ),
        {"magnitude": "the counts are exact", "mechanism": "the counts are arithmetic"},
    ),
    Claim(
        "lenet5-error",
        "LeNet-5 has a lower test error on MNIST than dense networks; it reaches 0.95 %.",
        (
            Published(PERCENT, 0.95, FIGURE_9, "secondary", about="LeNet-5 (1998)"),
            Published(PERCENT, 4.7, FIGURE_9, "secondary", about="dense 300"),
            Published(PERCENT, 4.5, FIGURE_9, "secondary", about="dense 1000"),
            Published(PERCENT, 3.05, FIGURE_9, "secondary", about="dense 300-100"),
            Published(PERCENT, 2.95, FIGURE_9, "secondary", about="dense 500-150"),
        ),
        {"mechanism": "see weight_sharing and spatial_structure"},
    ),
)

SETTINGS = {
    "smoke": Setting("digits", 200, 10, 2, 2, (0.0025, 0.01, 0.04), 100, trial=True),
    "quick": Setting("mnist", 2000, 20, 10, 5, (0.0025, 0.01, 0.04), 1000, 2000, evaluation_size=500),
    "full": Setting("mnist", None, 50, 20, 6, (0.00125, 0.0025, 0.005, 0.01, 0.02, 0.04), 5000),
}
DENSE = {"smoke": ((300,),), "quick": ((300,), (300, 100)), "full": ((300,), (1000,), (300, 100), (500, 150))}
CONDITION = "MNIST"
FAITHFUL, USUAL = "LeNet-5 (1998)", "LeNet-5 (usual)"


def design(profile: str, fallback: str | None) -> Design:
    """The experiment at the sizes of a profile, on MNIST or on the data set that takes its place."""
    setting = SETTINGS[profile]
    # 32x32 pixels, as in the paper; smaller images are enlarged first.
    embedded = (fallback or setting.dataset) == "digits"
    data = setting.data(fallback, side=28 if embedded else None, canvas=32)
    options = {"input_shape": shape_of(data), "classes": classes_of(data)}
    models = {FAITHFUL: lenet5_1998(), USUAL: lenet5_usual("tanh")}
    for hidden in DENSE[profile]:
        models["dense " + "-".join(map(str, hidden))] = dense_net("tanh", hidden=hidden, **options)
    arms = tuple(
        Arm(
            name,
            name,
            CONDITION,
            data,
            model,
            setting.train(),
            probes=("filters",) if name in (FAITHFUL, USUAL) else (),
        )
        for name, model in models.items()
    )
    error = Contrast((Term(100, FAITHFUL, "test_error"),), f"the test error of {FAITHFUL}", "%")
    rules = (
        Rule("lenet5-has-60000-parameters", "direction", "every layer", Agreement("lenet5_counts")),
        Rule("lenet5-error", "direction", "1998", gain(FAITHFUL, "dense 300"), low=0),
        Rule("lenet5-error", "direction", "usual", gain(USUAL, "dense 300"), low=0),
        Rule("lenet5-error", "magnitude", "1998", error, low=0.8, high=1.1, published=True),
    )
    search = RateSearch(ValidationError(), setting.rates)
    return Design(
        arms,
        search,
        setting.replicates,
        rules,
        setting.proxy(fallback),
        (check("lenet5_counts", sample=setting.trial),),
    )


EXPERIMENT = Experiment(
    name="lenet5",
    title="LeNet-5",
    claims=CLAIMS,
    design=design,
    figures=(
        Plot("outcomes", y="test error"),
        "agreement",
        Plot("filters", arms=(FAITHFUL, USUAL)),
        "effects",
    ),
)

if __name__ == "__main__":
    from cnn_study.cli import run_one

    run_one(EXPERIMENT.name)
