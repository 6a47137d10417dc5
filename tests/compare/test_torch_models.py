"""Models of PyTorch by address: exported programs, TorchScript, modules of a factory."""

import zipfile

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='needs pip install -e ".[compare]"')
pytest.importorskip("onnxscript", reason='needs pip install -e ".[compare]"')

import evofool  # noqa: E402
from evofool.support import ModelWarning, UserError  # noqa: E402

# of PyTorch's own parts, and of TorchScript's end
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
SIZE = "input=16x12"
MODULE = """
import torch

def make():
    torch.manual_seed(0)
    first, second = torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Conv2d(8, 8, 3, 2, 1, groups=8)
    return torch.nn.Sequential(
        first, torch.nn.BatchNorm2d(8), torch.nn.ReLU(), second, torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 5),
    ).eval()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network as the factory of a module, an exported program, TorchScript, and a pickle."""
    folder = tmp_path_factory.mktemp("torch")
    (folder / "net.py").write_text(MODULE)
    scope = {}
    exec(MODULE, scope)
    model, images = scope["make"](), torch.zeros(2, 3, 16, 12)
    batch = {0: torch.export.Dim("batch")}
    exported = torch.export.export(model, (images,), dynamic_shapes=(batch,))
    torch.export.save(exported, folder / "net.pt2")
    torch.jit.trace(model, images).save(str(folder / "net.pt"))
    torch.save(model, folder / "pickle.pt")
    return folder, model


@pytest.mark.parametrize(
    ("scheme", "file", "query"),
    [("torch", "net.pt2", ""), ("torch", "net.py:make", SIZE), ("torchscript", "net.pt", SIZE)],
)
def test_outputs_are_those_of_pytorch_whatever_the_batch(folder, scheme, file, query):
    place, model = folder
    classifier = evofool.load_classifier(f"{scheme}:{place / file}?prep=imagenet&{query}")
    images = np.random.default_rng(0).random((5, 16, 12, 3), np.float32)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    values = ((images - mean) / std).astype(np.float32).transpose(0, 3, 1, 2)
    with torch.no_grad():
        expected = model(torch.from_numpy(values.copy())).numpy()
    found = classifier.apply(classifier.params, images)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert classifier.is_jax
    assert "input_shape" not in classifier.card.guessed


class Branching(torch.nn.Module):
    """A network that PyTorch cannot export: what it computes depends on values."""

    def __init__(self):
        super().__init__()
        self.out = torch.nn.Linear(16 * 12 * 3, 4)

    def forward(self, images):
        if float(images.mean()) > 0.5:
            images = 1 - images
        return self.out(images.flatten(1))


def test_a_module_in_memory_has_gradients_and_stays_as_it_is(folder):
    model = folder[1].train()
    classifier = evofool.from_torch(model, input=(16, 12), prep="imagenet", labels=list("abcde"))
    assert all(part.training for part in model.modules())
    expected = evofool.load_classifier(f"torch:{folder[0] / 'net.py:make'}?prep=imagenet&{SIZE}")
    images = np.random.default_rng(0).random((5, 16, 12, 3), np.float32)
    found = classifier.apply(classifier.params, images)
    np.testing.assert_allclose(found, expected.apply(expected.params, images), atol=1e-5)
    assert classifier.is_jax
    assert (classifier.card.labels, classifier.card.guessed) == (tuple("abcde"), ("channel_order",))
    outside = classifier.face(in_jax=False)
    probabilities = torch.softmax(torch.from_numpy(np.array(found)), 1)
    np.testing.assert_allclose(outside.apply(None, images), probabilities, atol=1e-5)
    model.eval()


def test_a_module_that_cannot_be_exported_is_computed_by_pytorch():
    with pytest.warns(ModelWarning, match=r"cannot export torch:Branching .*without gradients"):
        classifier = evofool.from_torch(Branching(), input=(16, 12), prep="unit", name="mine")
    assert not classifier.is_jax
    assert len(evofool.recognize(classifier, np.zeros((1, 16, 12, 3), np.uint8)).classes) == 1
    assert (classifier.card.name, classifier.card.outputs) == ("mine", 4)


def test_what_is_no_module_is_refused():
    with pytest.raises(UserError, match=r"torch:dict: expected a torch.nn.Module, not a dict"):
        evofool.from_torch({"weights": 1})
    with pytest.raises(UserError, match=r"failed on .*1, 3, 224, 224.* \(a guess: give input="):
        evofool.from_torch(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(5, 2)))


def test_a_run_against_an_exported_program_is_verified(folder, tmp_path):
    name = f"torch:{folder[0] / 'net.pt2'}?prep=unit"
    run = evofool.evolve(name, generations=2, batch_size=16, out=tmp_path / "r")
    assert run.config.classifier == name
    assert evofool.verify(tmp_path / "r").passed


def test_what_could_run_code_is_refused_before_it_is_opened(folder, tmp_path):
    place, _ = folder
    for scheme in ("torch", "torchscript"):
        with pytest.raises(UserError, match="may be a pickle"):
            evofool.load_classifier(f"{scheme}:{place / 'pickle.pt'}")
    with pytest.raises(UserError, match="give torchscript:"):
        evofool.load_classifier(f"torch:{place / 'net.pt'}")
    with zipfile.ZipFile(tmp_path / "bad.pt", "w") as archive:
        archive.writestr("bad/code/net.py", "def forward(x):\n  return torch.from_file('f', True)")
    with pytest.raises(UserError, match="reads or writes files"):
        evofool.load_classifier(f"torchscript:{tmp_path / 'bad.pt'}")


def test_a_size_that_nobody_gave_is_marked_as_guessed(folder):
    classifier = evofool.load_classifier(f"torchscript:{folder[0] / 'net.pt'}")
    assert classifier.card.guessed[0] == "input_shape"
