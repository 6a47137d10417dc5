"""Settings that belong together, by the name after `--preset`."""

from evofool.support import Setting

PRESETS: dict[str, dict[str, Setting]] = {
    "mnist-cppn": {"encoding": "cppn"},
    "mnist-direct": {"encoding": "direct"},
    # the authors' released code: pixel indices as coordinates, truncation
    "mnist-cppn-released": {
        "encoding": "cppn",
        "cppn": {"coordinates": "pixels", "rounding": "truncate"},
    },
    # the paper's settings for ImageNet; the user names the classifier
    "imagenet-cppn": {
        "classifier": "",
        "encoding": "cppn",
        "generations": 5000,
        "batch_size": 400,
        "image_size": 256,
        "views": "ten-crop",
    },
    # the same budget in fewer generations, and gradients: the best that is known, for one view
    "imagenet-polished": {
        "classifier": "",
        "encoding": "cppn",
        "generations": 500,
        "batch_size": 400,
        "polish": {"steps": 100, "rounds": 2},
    },
    "imagenet-direct": {
        "classifier": "",
        "encoding": "direct",
        "generations": 20_000,
        "batch_size": 200,
        "image_size": 256,
        "views": "ten-crop",
        "direct": {"color": "hsv"},
    },
    # as many images as the paper's: the best that is known for pixels without gradients, one view
    "imagenet-waves": {
        "classifier": "",
        "encoding": "direct",
        "generations": 20_000,
        "batch_size": 200,
        "direct": {"mutation": "waves"},
    },
}
