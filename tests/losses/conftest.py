import pytest
import torch
from safetensors.torch import save_file

from srgan_gp.losses.features import FEATURE_NETWORKS, Features


@pytest.fixture(scope="session")
def feature_weights(tmp_path_factory):
    """Files of feature networks with random weights, by name."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("features")
    paths = {}
    for name, architecture in FEATURE_NETWORKS.items():
        paths[name] = folder / f"{name}.safetensors"
        with torch.device("meta"):
            shapes = architecture.build(weights=None).state_dict()
        tensors = {k: torch.randn(v.shape) / 30 for k, v in shapes.items() if k.startswith("feat")}
        save_file(tensors, paths[name])
    return paths


@pytest.fixture(scope="session", params=sorted(FEATURE_NETWORKS))
def features(request, feature_weights):
    return Features.load(request.param, feature_weights[request.param])


@pytest.fixture
def images():
    return torch.rand(3, 3, 40, 48, generator=torch.Generator().manual_seed(0))
