"""A real Ray cluster on this machine, whose nodes can be killed."""

import psutil
import pytest


class Nodes:
    """A cluster of a head and a node that can be killed, with a CPU each; the node says that it has two GPUs.

    Args:
        **head: More arguments of the head.
    """

    def __init__(self, **head):
        from ray.cluster_utils import Cluster

        self._store = {"object_store_memory": 100_000_000}
        arguments = {"num_cpus": 1, "include_dashboard": False, **self._store, **head}
        self.cluster = Cluster(initialize_head=True, head_node_args=arguments)
        self.add()

    @property
    def address(self):
        return self.cluster.address

    def add(self):
        """Start the node, again if it was killed."""
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)  # With it, there could be no GPUs.
            self.node = self.cluster.add_node(num_cpus=1, num_gpus=2, **self._store)

    def kill(self):
        """What ``kill -9`` of everything on the node does."""
        raylet = psutil.Process(self.node.all_processes["raylet"][0].process.pid)
        for process in [raylet, *raylet.children(recursive=True)]:
            process.kill()
        self.cluster.remove_node(self.node, allow_graceful=False)
        self.node = None

    @classmethod
    def running(cls, **head):
        """Starts a cluster, yields it, and stops it."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
            patch.setenv("RAY_worker_niceness", "0")
            nodes = cls(**head)
            yield nodes
            nodes.cluster.shutdown()
