"""Breed two digits for three generations, choose like a gardener, and print a child as a poster."""

# %% Begin with a run: any one whose images are networks
import evofool

if __name__ == "__main__":
    run = evofool.evolve("lenet", generations=40, batch_size=100, out="runs/garden", quiet=True)

    # %% Children of the 3 and the 8: crossed, and mutated. A child says which digit it looks like
    # to the classifier; what it looks like to you, runs/garden-bred/children.png shows
    brood = evofool.breed(run, classes=["3", "8"], children=12)
    for number, child in enumerate(brood.children, start=1):
        print(number, child.label, f"{child.confidence:.1%}", f"parents: {len(child.parents)}")

    # %% Choose, and breed again. Here the choice is a rule: the two with the most contrast
    for _ in range(2):
        contrasts = [child.image.std() for child in brood.children]
        chosen = sorted(range(len(contrasts)), key=contrasts.__getitem__)[-2:]
        brood = evofool.breed(brood.run, numbers=[index + 1 for index in chosen], children=12)

    # %% Print: the session is a run, so that its elites are drawn at any size. This is in
    # colours, and twice as much of the plane; size=9933 and dpi=300 make it as wide as A1
    best = max(brood.run, key=lambda elite: elite.confidence)
    drawing = evofool.Drawing(zoom=0.5, palette="magma", dpi=150)
    evofool.render_files(
        brood.run, "poster.png", classes=[best.label], size=(1200, 800), drawing=drawing
    )
    print(f"poster.png: {best.label}, {best.confidence:.2%}")
