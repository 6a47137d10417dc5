"""Audit the LeNet that ships with evofool, and compare it with the next release."""

# %% The real images are MNIST's test images: `evofool data fetch mnist` has them in the user cache.
# An audit takes a minute or two. It counts images, not seconds: the same page comes out again.
import evofool

if __name__ == "__main__":
    result = evofool.audit(
        "lenet", dataset="mnist", out="audit", remedies=["temperature", "threshold"]
    )
    print(result.folder / "audit.html")

    # %% Numbers for your own reports; `evofool audit --metrics` lists them all
    for metric in ("fooled@0.99", "accuracy", "auroc.msp"):
        print(metric, result[metric])

    # %% A gate: without a defence every class is fooled, and this audit fails
    print("passed" if result["fooled@0.99"] <= 0.5 else "every second class or more is fooled")

    # %% In CI one compares with the last release: the same images, shown to the new classifier.
    # It searches nothing, and takes seconds.
    again = evofool.audit(
        "lenet", dataset="mnist", replay="audit", not_worse_than="audit", out="audit-again"
    )
    print("not worse:", again.passed)
