"""Fool the digits: images that a LeNet is certain of, whether they show a digit or not."""

# %% Evolve. The LeNet ships with evofool and recognises 99 % of handwritten digits. A run makes 400
# small networks in a generation, draws an image with each, and keeps the best of every class
import matplotlib.pyplot as plt

import evofool

if __name__ == "__main__":
    run = evofool.evolve("lenet", generations=60, out="runs/digits", quiet=True)
    for elite in run:
        print(elite.label, run.percent(elite.confidence), f"next likeliest: {elite.runner_up}")

    # %% Look at them. The same pictures are in runs/digits/gallery.png
    figure, places = plt.subplots(2, 5, figsize=(10, 4.5), layout="constrained")
    for elite, place in zip(run, places.flat, strict=True):
        place.imshow(elite.image()[..., 0], cmap="gray", vmin=0, vmax=255)
        place.set_title(f"{elite.label}: {run.percent(elite.confidence)}", fontsize="medium")
        place.axis("off")
    figure.savefig("digits.png")

    # %% How it went: the median confidence of the ten elites, from generation to generation
    evofool.plots.convergence(run).figure.savefig("convergence.png")

    # %% Pixels instead of networks: a genome is now the 784 grey values themselves. It takes longer
    pixels = evofool.evolve(
        "lenet", encoding="direct", generations=60, out="runs/pixels", quiet=True
    )
    for found in (run, pixels):
        least = min(elite.confidence for elite in found)
        print(f"{found.config.encoding}: {found.percent(least)} or more in every class")

    # %% A network draws at any size: this is what the LeNet takes for a 7, in 512 by 512 pixels
    run["7"].render(512).save("seven.png")
    plt.figure(figsize=(4, 4))
    plt.imshow(run["7"].render(512), cmap="gray", vmin=0, vmax=255)

    # %% Nothing has to be believed: `verify` draws and classifies every elite again
    print("all as stored:", evofool.verify(run).passed)
