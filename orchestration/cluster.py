"""The cluster of the settings, looked at before a verb starts anything.

Belongs here: whether it can be worked on. Does not: what is worked there.
"""

from orchestration.profiles import Settings


def require_cluster(settings: Settings) -> None:
    """Join the cluster that the settings name, and leave it. Raises ValueError, with the address and the remedy, where
    it cannot be joined or a node runs other code; does nothing where none is named."""
    from assets.cluster.connection import open_ray

    address = settings.workspace.ray_address
    if address is not None:
        with open_ray(settings.workspace.num_workers[1], address):
            pass
