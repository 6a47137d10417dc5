"""Models of timm and of Hugging Face by address, in caches that are made here."""

import shutil
import socket
from pathlib import Path

import numpy as np
import pytest

from tests.compare.peers import mend_torchvision

torch = pytest.importorskip("torch", reason='needs pip install -e ".[compare]"')
pytest.importorskip("onnxscript", reason='needs pip install -e ".[compare]"')
mend_torchvision(torch)
timm = pytest.importorskip("timm", reason='needs pip install -e ".[compare]"')
transformers = pytest.importorskip("transformers", reason='needs pip install -e ".[compare]"')

import huggingface_hub  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

import evofool  # noqa: E402
from evofool.classifiers.labels import imagenet_labels  # noqa: E402
from evofool.support import UserError, sha256_of  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's own parts
SIDE = 32
LABELS = ["cat", "dog", "owl"]
# settings of a processor, and what is special about it
PROCESSORS = {
    "ViTImageProcessor": {"size": {"height": SIDE, "width": SIDE}},
    "ConvNextImageProcessor": {"size": {"shortest_edge": SIDE}, "image_mean": [0.1, 0.2, 0.3]},
    "MobileViTImageProcessor": {  # blue, green, red, without mean and deviation
        "size": {"shortest_edge": 40},
        "crop_size": {"height": SIDE, "width": SIDE},
    },
    "EfficientNetImageProcessor": {  # divides by the deviation twice
        "size": {"height": SIDE, "width": SIDE},
        "image_std": [0.5, 0.6, 0.7],
    },
}


class Cache:
    """A cache of Hugging Face, of which the newest revision of a repository is `REVISION`."""

    REVISION = 40 * "a"

    def __init__(self, root: Path):
        self.root = root

    def folder(self, repository: str) -> Path:
        """Makes a repository, and returns the folder of its files."""
        home = self.root / f"models--{repository.replace('/', '--')}"
        folder = home / "snapshots" / self.REVISION
        folder.mkdir(parents=True)
        (home / "refs").mkdir()
        (home / "refs" / "main").write_text(self.REVISION)
        return folder


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """An empty cache, on a machine without network."""
    asked = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, place: asked.append(place))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    yield Cache(tmp_path / "hub")
    assert not asked


def random_images(classifier, count=3):
    shape = (count, *classifier.card.input_shape)
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def logits_of(classifier, images):
    return classifier.apply(classifier.params, images.astype(np.float32) / 255)


def network_of_timm(classes=1000):
    torch.manual_seed(0)
    return timm.create_model("test_resnet", num_classes=classes).eval()


def outputs_of_timm(model, images):
    config = timm.data.resolve_model_data_config(model)
    values = (images / 255 - np.array(config["mean"])) / np.array(config["std"])
    with torch.no_grad():
        return model(torch.from_numpy(values.transpose(0, 3, 1, 2)).float()).numpy()


def test_a_name_of_timm_is_found_in_the_cache_of_hugging_face(cache, tmp_path):
    model = network_of_timm()
    weights = cache.folder("timm/test_resnet.r160_in1k") / "model.safetensors"
    save_file(model.state_dict(), weights)
    classifier = evofool.load_classifier("timm:test_resnet")
    card, images = classifier.card, random_images(classifier)
    expected = outputs_of_timm(model, images)
    np.testing.assert_allclose(logits_of(classifier, images), expected, atol=1e-5)
    assert classifier.is_jax
    assert (card.name, card.family, card.labels) == ("test_resnet", "timm", imagenet_labels())
    assert (card.sha256, card.guessed) == (sha256_of(weights), ())
    outside = evofool.load_classifier("timm:test_resnet.r160_in1k?backend=native")
    shares = torch.softmax(torch.from_numpy(expected), 1)
    np.testing.assert_allclose(
        outside.apply(None, images.astype(np.float32) / 255), shares, atol=1e-6
    )


def test_a_name_of_timm_is_found_in_the_cache_of_torch(cache, monkeypatch):
    config = timm.get_pretrained_cfg("test_resnet")
    config.hf_hub_id, config.url = None, "https://example.org/net-1234.pth"
    monkeypatch.setattr(timm, "get_pretrained_cfg", lambda name: config)
    with pytest.raises(UserError, match=r"net-1234.pth is not in .*create_model\('test_resnet'"):
        evofool.load_classifier("timm:test_resnet")
    folder, model = Path(torch.hub.get_dir()) / "checkpoints", network_of_timm()
    folder.mkdir(parents=True)
    torch.save(model.state_dict(), folder / "net-1234.pth")
    classifier = evofool.load_classifier("timm:test_resnet")
    images = random_images(classifier)
    np.testing.assert_allclose(
        logits_of(classifier, images), outputs_of_timm(model, images), atol=1e-5
    )


def test_a_repository_of_timm_has_its_own_labels(cache, tmp_path):
    model = network_of_timm(classes=3)
    folder = cache.folder("me/net")
    settings = {"label_names": LABELS, "label_descriptions": {"owl": "an owl"}}
    timm.models.save_for_hf(model, str(folder), model_config=settings, safe_serialization=True)
    card = evofool.load_classifier("timm:me/net?prep=levels").card
    assert (card.name, card.labels, card.mean) == ("net", ("cat", "dog", "an owl"), (0, 0, 0))
    shutil.copytree(folder, tmp_path / "mine")
    assert evofool.load_classifier(f"timm:{tmp_path / 'mine'}").card.sha256 == card.sha256


def network_of_transformers(folder, **settings):
    torch.manual_seed(0)
    config = transformers.ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 16],
        depths=[1, 1],
        layer_type="basic",
        id2label=dict(enumerate(LABELS)),
        **settings,
    )
    model = transformers.AutoModelForImageClassification.from_config(config).eval()
    model.save_pretrained(folder)
    return model


@pytest.mark.parametrize("name", PROCESSORS)
def test_images_are_prepared_as_by_the_processor(cache, name):
    folder = cache.folder("me/net")
    model = network_of_transformers(folder)
    processor = getattr(transformers, name)(**PROCESSORS[name])
    processor.save_pretrained(folder)
    classifier = evofool.load_classifier("hf:me/net")
    card, images = classifier.card, random_images(classifier)
    has_crop = "crop_size" in PROCESSORS[name]  # others complain of that option
    as_it_is = {"do_resize": False, **({"do_center_crop": False} if has_crop else {})}
    values = processor(list(images), return_tensors="pt", **as_it_is).pixel_values
    assert values.shape == (3, 3, SIDE, SIDE)
    with torch.no_grad():
        expected = model(values).logits.numpy()
    np.testing.assert_allclose(logits_of(classifier, images), expected, atol=1e-5)
    assert (card.name, card.family, card.labels) == ("net", "hf", tuple(LABELS))
    assert (card.sha256, card.guessed) == (sha256_of(folder / "model.safetensors"), ())


def test_labels_that_do_not_exclude_one_another_are_taken_as_such(cache):
    folder = cache.folder("me/net")
    network_of_transformers(folder, problem_type="multi_label_classification")
    transformers.ViTImageProcessor(size=SIDE).save_pretrained(folder)
    classifier = evofool.load_classifier("hf:me/net")
    assert (classifier.card.scores, classifier.kind) == ("sigmoids", "log_odds")


def test_a_run_against_a_model_in_the_cache_is_resumed_verified_and_attacked(cache, tmp_path):
    folder, out = cache.folder("me/net"), tmp_path / "run"
    network_of_transformers(folder)
    transformers.ViTImageProcessor(size=SIDE).save_pretrained(folder)
    run = evofool.evolve("hf:me/net", generations=2, batch_size=16, out=out)
    assert run.config.classifier == "hf:me/net"
    evofool.resume(out, generations=4)
    assert evofool.verify(out).passed
    classifier = evofool.load_classifier("hf:me/net")
    images = random_images(classifier)
    assert evofool.fgsm(classifier, images, labels=0).images.shape == images.shape
    torch.manual_seed(1)
    model = transformers.AutoModelForImageClassification.from_pretrained(folder)
    torch.nn.init.normal_(model.classifier[1].weight)
    model.save_pretrained(folder)
    with pytest.raises(UserError, match="sha256"):
        evofool.resume(out, generations=6)


def test_a_model_without_classes_is_refused(cache):
    folder = cache.folder("me/net")
    network_of_transformers(folder).resnet.save_pretrained(folder)
    transformers.ViTImageProcessor(size=SIDE).save_pretrained(folder)
    with pytest.raises(UserError, match=r"hf:me/net has no trained classes: its weights lack cl"):
        evofool.load_classifier("hf:me/net")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"has no model.safetensors; fetch .*hf download me/net; "):
        evofool.load_classifier("hf:me/net")
    with pytest.raises(UserError, match=rf"config.json of me/other is not in {cache.root}, "):
        evofool.load_classifier("hf:me/other")
    folder = cache.folder("me/features")
    timm.models.save_for_hf(network_of_timm(classes=0), str(folder), safe_serialization=True)
    with pytest.raises(UserError, match="timm:me/features has no classes, only features"):
        evofool.load_classifier("timm:me/features")
