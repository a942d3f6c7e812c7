"""The least that a worker can be asked for: one check that takes less than a second, and its figure."""

from cnn_study.page import Agreement, ablation, claim, direction


@claim("LeNet-5 has the published counts.", magnitude="the statement is exact", mechanism="counts have none")
def lenet5_is_as_published(at):
    """Every count agrees."""
    yield direction(Agreement("lenet5_counts"), under="LeNet-5")


@ablation("Counts of LeNet-5", claims=(lenet5_is_as_published,), checks=("lenet5_counts",), figures=("agreement",))
def counts(at):
    """Nothing is trained: the check is all."""
    return ()
