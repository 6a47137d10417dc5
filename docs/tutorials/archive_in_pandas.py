"""Take an ImageNet archive apart in pandas: which classes are easy, and what draws them.

evofool evolve --classifier mobilenet_v1_0.25_128 --weights DIR --out runs/imagenet
"""

# %% A row for each elite: class, group, confidence, network, line of descent
import matplotlib.pyplot as plt

import evofool

if __name__ == "__main__":
    run = evofool.Run.open("runs/imagenet")
    table = run.to_pandas()
    print(table[["label", "group", "confidence", "runner_up", "connections"]].head())

    # %% Groups of classes, from the most certain: dogs come last, as in the paper
    groups = table.groupby("group").confidence.agg(["median", "count"])
    print(groups.sort_values("median", ascending=False).to_string(float_format="{:.3f}".format))

    # %% Is a larger network more certain? Rank correlation, as confidence is anything but normal
    print(table[["confidence", "connections", "ancestors"]].corr("spearman").round(2))

    # %% Which classes are taken for each other: pairs of a class and its runner-up, both ways
    pairs = table.groupby(["label", "runner_up"]).size()
    print(len([pair for pair in pairs.index if pair[::-1] in pairs.index]) // 2, "pairs are mutual")

    # %% How it came about: a line of metrics for every logged generation
    metrics = run.metrics.to_pandas()
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    evofool.plots.confidences(run, axes=left)
    metrics.plot(x="generation", y="median_confidence", ax=right)
    figure.savefig("archive.png")
    run.save_npz("archive.npz")  # images, numbers and genomes, for tools without evofool
