"""A mixture of two exported models is the network with averaged weights."""

import copy

import numpy as np
import pytest
import torch

from srgan_gp.exporting.onnx_graph import as_onnx
from srgan_gp.exporting.parity import CHECK_SHAPES, TOLERANCE, largest_difference
from srgan_gp.inference.session import Session
from srgan_gp.networks import build


def tiny(seed):
    torch.manual_seed(seed)
    return build("generators", "srresnet", scale=2, width=8, blocks=2).eval()


@pytest.fixture(scope="module")
def networks():
    """Two generators of one architecture, far from each other, and their graphs."""
    pair = tiny(0), tiny(1)
    with torch.no_grad():
        for parameter in (*pair[0].parameters(), *pair[1].parameters()):
            parameter.add_(0.05 * torch.randn_like(parameter))
    return pair, [as_onnx(network) for network in pair]


@pytest.fixture
def install(tmp_path, onnx_models, monkeypatch):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path))

    def write(name, graph, **changes):
        path = tmp_path / f"{name}.onnx"
        model = copy.deepcopy(graph)
        onnx_models.with_metadata(model, name=name, overlap="7")
        path.write_bytes(model.SerializeToString())
        onnx_models.write_card(path, **changes)

    return write


def averaged(near, far, fidelity):
    """Average the parameters with torch alone."""
    network = copy.deepcopy(near)
    mean = {k: torch.lerp(v, far.state_dict()[k], fidelity) for k, v in near.state_dict().items()}
    network.load_state_dict(mean)
    return network


@pytest.mark.parametrize("fidelity", [0, 0.2, 0.5, 1])
def test_a_mixture_is_torch_with_averaged_weights(networks, install, fidelity):
    (near, far), graphs = networks
    install("near", graphs[0], fidelity_partner="far")
    install("far", graphs[1])
    session = Session.open("near", device="cpu", fidelity=fidelity)
    assert largest_difference(session, averaged(near, far, fidelity)) <= TOLERANCE
    for other in {0.2, 0.8} - {fidelity}:
        assert largest_difference(session, averaged(near, far, other)) > 100 * TOLERANCE


def test_a_result_that_is_not_a_number_is_no_parity():
    class Session:
        def run(self, inputs):
            """Return NaN for the first input only, else what PyTorch returns."""
            result = network(torch.from_numpy(inputs)).detach().numpy()
            return result * np.nan if inputs.shape[2:] == CHECK_SHAPES[0][1:] else result

    network = tiny(0)
    assert not largest_difference(Session(), network) <= TOLERANCE


def test_a_mixture_is_not_the_average_of_results(networks, install):
    """Between its ends a network is not linear, so averaged pictures would not pass for it."""
    _, graphs = networks
    install("near", graphs[0], fidelity_partner="far")
    install("far", graphs[1])
    image = np.random.default_rng(0).random((1, 3, 9, 11), dtype=np.float32)
    near, half, far = (
        Session.open("near", device="cpu", fidelity=f).run(image) for f in (0, 0.5, 1)
    )
    assert np.abs(half - (near + far) / 2).max() > 100 * TOLERANCE
