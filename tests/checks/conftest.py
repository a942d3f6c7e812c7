import pytest

from cnn_study.checks.networks import built
from cnn_study.spec import Conv


@pytest.fixture
def build_wrongly(monkeypatch):
    """Lets a module of checks build other convolutions than the specification asks for."""

    def install(module, when, **changes):
        def wrong(spec, seed=0):
            layers = [
                layer.but(**changes) if isinstance(layer, Conv) and when(layer) else layer for layer in spec.layers
            ]
            return built(spec.but(layers=tuple(layers)), seed)

        monkeypatch.setattr(module, "built", wrong)

    return install
