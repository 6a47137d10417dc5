"""What is said of `timm:` and `hf:` addresses without these libraries; with them: tests/compare."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

import evofool
from evofool.support import UserError


@pytest.mark.parametrize(
    ("address", "package"), [("timm:resnet18", "timm"), ("hf:google/vit", "transformers")]
)
def test_a_package_that_is_missing_is_named(monkeypatch, address, package):
    monkeypatch.setitem(sys.modules, package, None)
    expected = rf"run pip install {package} torch onnx onnxruntime onnxscript$"
    with pytest.raises(UserError, match=expected):
        evofool.load_classifier(address)


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """An empty cache, as its library tells of it."""

    def download(repository, file, *, local_files_only):
        assert local_files_only
        raise FileNotFoundError(f"no {file} of {repository}")

    hub = ModuleType("huggingface_hub")
    hub.constants = SimpleNamespace(HF_HUB_CACHE=str(tmp_path))
    hub.hf_hub_download = download
    timm = ModuleType("timm")
    config = SimpleNamespace(has_weights=True, hf_hub_id="timm/net.a", hf_hub_filename=None)
    timm.get_pretrained_cfg = {"net": config, "other": None}.get
    timm.list_pretrained = lambda: ["net"]
    for name, module in [("huggingface_hub", hub), ("timm", timm), ("transformers", timm)]:
        monkeypatch.setitem(sys.modules, name, module)
    return tmp_path


@pytest.mark.parametrize(
    ("address", "missing", "repository"),
    [
        ("hf:google/vit", "config.json of google/vit", "google/vit"),
        ("timm:net", "model.safetensors of timm/net.a", "timm/net.a"),
        ("timm:timm/net.a", "config.json of timm/net.a", "timm/net.a"),
    ],
)
def test_what_is_not_in_the_cache_comes_with_the_command_that_fetches_it(
    hub, address, missing, repository
):
    expected = (
        f"{address}: {missing} is not in {hub}, and evofool downloads nothing; fetch it with: "
        f"hf download {repository}"
    )
    with pytest.raises(UserError) as caught:
        evofool.load_classifier(address)
    assert str(caught.value) == expected


def test_weights_that_may_be_pickles_are_not_read(hub):
    (hub / "mine").mkdir()
    (hub / "mine/pytorch_model.bin").touch()
    for scheme in ("hf", "timm"):
        with pytest.raises(UserError, match=r"mine has no model.safetensors; save the model in"):
            evofool.load_classifier(f"{scheme}:{hub / 'mine'}")


def test_a_name_that_timm_does_not_know_is_refused(hub):
    with pytest.raises(UserError, match=r"unknown pretrained model of timm 'other'; .*valid: net"):
        evofool.load_classifier("timm:other")
