"""Matrix products and nothing else: the most multiply-accumulates a second that a machine reaches."""

from benchmarks.networks import NETWORKS, training_macs
from benchmarks.processes import Train

SIZE = 2048
"""Side of the matrices."""


def prepare(network: str) -> Train:
    """As many products as training the network would take if it were nothing else."""
    import tensorflow as tf

    needed = training_macs(NETWORKS[network])
    a = tf.random.normal((SIZE, SIZE))
    product = tf.function(lambda: tf.reduce_sum(tf.linalg.matmul(a, a)))

    def train(images: int) -> float:
        times = max(1, round(images * needed / SIZE**3))
        for _ in range(times):
            product().numpy()
        return times * SIZE**3 / needed

    return train
