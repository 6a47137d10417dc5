from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import cppn
from cppn import mutation
from tests.cppn import genomes, reference

NEVER = cppn.MutationRates(*[0.0] * 6)
ROOMY = {"max_nodes": 256, "max_connections": 256}
RATE = st.floats(0, 1, width=32)
DRAWS = 20_000


@partial(jax.jit, static_argnames="spec")
def mutate_all(keys, batch, rates, spec=genomes.GREY):
    return jax.vmap(lambda key, genome: cppn.mutate(key, genome, rates, spec))(keys, batch)


@partial(jax.jit, static_argnames="spec")
def connect(u, genome, spec):
    return jax.vmap(lambda u: mutation.add_connection(u, genome, 1.0, spec))(u)


def copies(genome, count):
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count, *leaf.shape)), genome)


@pytest.mark.parametrize("spec", [genomes.GREY, genomes.COLORED])
def test_paper_s_rates_keep_genomes_valid_and_acyclic_over_a_thousand_mutations(spec):
    line, had_room = genomes.evolve(jax.random.key(3), cppn.MutationRates(), spec)
    for genome in genomes.host(line):
        cppn.validate(genome, spec)
        assert reference.is_acyclic(genome)
    assert 0 < had_room.mean() < 1  # the arrays were full at times, which is the hard part


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1), st.tuples(*[RATE] * 6))
def test_any_rates_keep_genomes_valid_over_a_thousand_mutations(seed, rates):
    rates = cppn.MutationRates(*(jnp.float32(rate) for rate in rates))
    line, _ = genomes.evolve(jax.random.key(seed), rates, genomes.GREY)
    for genome in genomes.host(line)[::7]:
        cppn.validate(genome, genomes.GREY)
        assert reference.is_acyclic(genome)


@pytest.mark.slow
def test_results_do_not_depend_on_room():
    """Growing when a child lacks room, and drawing again, equals having had the room."""
    spec, batch = genomes.GREY, 24
    first = jax.random.split(jax.random.key(1), batch)
    small = jax.vmap(lambda key: cppn.init(key, spec, max_nodes=5, max_connections=4))(first)
    large = cppn.grow(small, **ROOMY)
    num_grown = 0
    for generation in range(12):
        keys = jax.random.split(jax.random.key(generation), batch)
        large, had_room = mutate_all(keys, large, cppn.MutationRates())
        assert had_room.all()
        children, had_room = mutate_all(keys, small, cppn.MutationRates())
        while not had_room.all():
            room = {"max_nodes": 2 * small.max_nodes, "max_connections": 2 * small.max_connections}
            small, num_grown = cppn.grow(small, **room), num_grown + 1
            children, had_room = mutate_all(keys, small, cppn.MutationRates())
        small = children
        assert genomes.same_bytes(cppn.trim(small), cppn.trim(large))
    assert num_grown >= 2


@pytest.mark.slow
def test_child_does_not_depend_on_its_neighbours_nor_on_jit(grey):
    keys = jax.random.split(jax.random.key(8), 40)
    children, had_room = mutate_all(keys, grey, cppn.MutationRates())
    reverse = partial(jax.tree.map, lambda leaf: leaf[::-1])
    backwards, _ = mutate_all(keys[::-1], reverse(grey), cppn.MutationRates())
    assert genomes.same_bytes(reverse(backwards), children)
    for i in (0, 17, 39):
        alone = jax.tree.map(lambda leaf, i=i: leaf[i], grey)
        child, room = cppn.mutate(keys[i], alone, cppn.MutationRates(), genomes.GREY)
        assert genomes.same_bytes(child, jax.tree.map(lambda leaf, i=i: leaf[i], children))
        assert room == had_room[i]


def test_rates_of_zero_change_nothing(grey):
    keys = jax.random.split(jax.random.key(8), 40)
    children, had_room = mutate_all(keys, grey, NEVER)
    assert had_room.all()
    assert genomes.same_bytes(children, grey)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operator", "nodes", "connections"),
    [
        ("add_connection", 0, 1),
        ("remove_connection", 0, -1),
        ("add_node", 1, 1),
    ],
)
def test_structural_operators_happen_at_their_rate(operator, nodes, connections):
    parent = cppn.init(jax.random.key(0), genomes.GREY, **genomes.ROOM)
    keys = jax.random.split(jax.random.key(4), DRAWS)
    rates = NEVER._replace(**{operator: 0.3})
    children, _ = mutate_all(keys, copies(parent, DRAWS), rates)
    has_happened = np.asarray(children.num_connections != parent.num_connections)
    assert stats.binomtest(int(has_happened.sum()), DRAWS, 0.3).pvalue > 1e-3
    grown = np.asarray(children.num_nodes - parent.num_nodes)
    assert set(grown[has_happened]) == {nodes}
    longer = np.asarray(children.num_connections - parent.num_connections)
    assert set(longer) == {0, connections}


def test_weights_and_activations_change_at_their_rates():
    parent = cppn.init(jax.random.key(0), genomes.GREY, **genomes.ROOM)
    keys = jax.random.split(jax.random.key(4), DRAWS)
    rates = NEVER._replace(weight=0.1, activation=0.2)
    children, _ = mutate_all(keys, copies(parent, DRAWS), rates)
    changed = np.asarray(children.weight != parent.weight[None])[:, :4]
    assert stats.binomtest(int(changed.sum()), changed.size, 0.1).pvalue > 1e-3
    # a redrawn activation is the old one once in four times
    changed = np.asarray(children.activation != parent.activation[None])
    assert stats.binomtest(int(changed[:, 4].sum()), DRAWS, 0.2 * 3 / 4).pvalue > 1e-3
    assert not changed[:, :4].any()


@pytest.mark.parametrize("eta", [15.0, 3.0])
def test_weight_steps_follow_the_polynomial_distribution(eta):
    u = jax.random.uniform(jax.random.key(6), (DRAWS, 4))
    parent = genomes.make(genomes.GREY, ["sine"], [(i, 4, 0.0) for i in range(4)])
    child = jax.vmap(lambda u: mutation.perturb_weights(u, parent, 1.0, eta=eta))(u)
    steps = np.asarray(child.weight).ravel() / 20
    inner = steps[np.abs(steps) < 0.499]  # from the middle of the range, half of it is clipped

    def cdf(d):  # P(step <= d), from r = (1 + d)^(eta + 1) / 2 below 0
        return np.where(d < 0, (1 + d) ** (eta + 1) / 2, 1 - (1 - d) ** (eta + 1) / 2)

    share = cdf(0.499) - cdf(-0.499)
    assert stats.binomtest(len(inner), len(steps), share).pvalue > 1e-3
    assert stats.kstest(inner, lambda d: (cdf(d) - cdf(-0.499)) / share).pvalue > 1e-3


def test_mean_step_of_a_weight_is_the_paper_s():
    u = (np.arange(DRAWS, dtype=np.float32)[:, None] + 0.5) / DRAWS * 0.1
    parent = genomes.make(genomes.GREY, ["sine"], [(0, 4, 0.0)])
    child = jax.vmap(lambda u: mutation.perturb_weights(u, parent, 0.1, eta=15.0))(u)
    assert np.abs(child.weight).mean() == pytest.approx(1.18, abs=0.01)


def test_weights_stop_at_the_ends_of_their_range():
    u = jnp.array([[0.0, 0.4, 0.6, 1 - 2**-24]]).T
    parent = genomes.make(genomes.GREY, ["sine"], [(0, 4, 9.9)])
    child = jax.vmap(lambda u: mutation.perturb_weights(u, parent, 1.0, eta=15.0))(u)
    low, *_, high = child.weight[:, 0].tolist()
    assert low == -10  # a step of -20
    assert high == 10


# every node with an activation of its own, which then serves as its name
NAMED = cppn.GenomeSpec(outputs=1, activations=tuple(cppn.ACTIVATIONS))
NAMES = ["sine", "sigmoid", "gaussian", "linear", "cosine", "tanh", "relu", "abs"]
TANGLE = [
    (8, 4, 0), (11, 4, 0), (0, 5, 0), (5, 6, 0), (1, 7, 0), (5, 8, 0), (6, 8, 0), (7, 9, 0),
    (8, 9, 0), (2, 10, 0), (9, 11, 0), (10, 11, 0), (10, 11, 0),
]  # fmt: skip


def test_new_connections_are_distributed_as_the_oracle_says():
    parent = genomes.make(NAMED, NAMES, TANGLE, max_nodes=16, max_connections=20)
    u = jax.random.uniform(jax.random.key(9), (DRAWS, 4))
    children, had_room = connect(u, parent, NAMED)
    assert had_room.all()

    expected = {}
    sources = [node for node in range(12) if node != 4]
    for source in sources:
        targets = reference.possible_targets(parent, NAMED, source)
        for target in targets:
            expected[source, target] = DRAWS / len(sources) / len(targets)
    found = dict.fromkeys(expected, 0)
    number = {int(code): node for node, code in enumerate(parent.activation[4:12], start=4)}
    children = jax.tree.map(np.asarray, children)
    place = np.argmax(children.weight != 0, axis=1)  # all old weights are zero
    assert (np.count_nonzero(children.weight, axis=1) == 1).all()
    for i in range(DRAWS):
        ends = children.source[i, place[i]], children.target[i, place[i]]
        old = tuple(int(e) if e < 4 else number[int(children.activation[i, e])] for e in ends)
        found[old] += 1  # a KeyError here is a forbidden pair
    assert stats.chisquare(list(found.values()), list(expected.values())).pvalue > 1e-3
    for child in genomes.host(jax.tree.map(lambda leaf: leaf[:300], children)):
        cppn.validate(child, NAMED)
        assert reference.is_acyclic(child)


def test_new_connection_keeps_all_others():
    """Renumbering moves connections about but changes no path: the drawn image stays."""
    parent = genomes.make(NAMED, NAMES, TANGLE, max_nodes=16, max_connections=20)
    edges = {(a, b) for a, b, _ in TANGLE}
    name = {n: int(parent.activation[n]) for n in range(4, 12)} | {n: -n for n in range(4)}
    expected = {(name[a], name[b]) for a, b in edges}
    u = jax.random.uniform(jax.random.key(2), (DRAWS, 4))
    children, _ = connect(u, parent, NAMED)
    for child in genomes.host(jax.tree.map(lambda leaf: leaf[:300], children)):
        name = {n: int(child.activation[n]) for n in range(4, 12)} | {n: -n for n in range(4)}
        kept = {(name[a], name[b]) for a, b, weight in reference.connections(child) if weight == 0}
        assert kept == expected


def test_connection_without_room_is_reported():
    full = genomes.make(genomes.GREY, ["sine"], [(0, 4, 1.0)])
    _, had_room = connect(jnp.zeros((1, 4)), full, genomes.GREY)
    assert not had_room.any()


def test_every_connection_is_as_likely_to_be_removed():
    parent = genomes.make(NAMED, NAMES, [(*c[:2], i + 1.0) for i, c in enumerate(TANGLE)][:10])
    u = jax.random.uniform(jax.random.key(9), (DRAWS,))
    children = jax.jit(jax.vmap(lambda u: mutation.remove_connection(u, parent, 1.0)))(u)
    weights = np.asarray(children.weight)
    counts = [np.count_nonzero(~(weights == w).any(axis=1)) for w in np.arange(1.0, 11.0)]
    assert sum(counts) == DRAWS
    assert stats.chisquare(counts).pvalue > 1e-3


def test_new_node_splits_a_connection_into_two_of_its_weight():
    parent = genomes.make(
        NAMED, NAMES, [(*c[:2], (i + 1) / 2) for i, c in enumerate(TANGLE)],
        max_nodes=13, max_connections=14,
    )  # fmt: skip
    u = jax.random.uniform(jax.random.key(9), (500, 2))
    children, had_room = jax.jit(jax.vmap(lambda u: mutation.add_node(u, parent, 1.0, NAMED)))(u)
    assert had_room.all()
    split = set()
    for child in genomes.host(children):
        cppn.validate(child, NAMED)
        weights = [weight for _, _, weight in reference.connections(child)]
        (weight,) = {w for w in weights if weights.count(w) == 2}
        split.add(weight)
        (a, b), (c, d) = [(s, t) for s, t, w in reference.connections(child) if w == weight]
        assert b == c or d == a
    assert len(split) == len(TANGLE)


def test_removed_node_takes_its_connections_along():
    parent = genomes.make(NAMED, NAMES, TANGLE)
    u = jax.random.uniform(jax.random.key(9), (DRAWS,))
    children = jax.jit(jax.vmap(lambda u: mutation.remove_node(u, parent, 1.0, NAMED)))(u)
    assert (children.num_nodes == 11).all()
    codes = np.asarray(children.activation)
    gone = [np.count_nonzero(~(codes[:, 4:] == code).any(axis=1)) for code in parent.activation[5:]]
    assert sum(gone) == DRAWS
    assert stats.chisquare(gone).pvalue > 1e-3
    for child in genomes.host(jax.tree.map(lambda leaf: leaf[:200], children)):
        cppn.validate(child, NAMED)
        (code,) = set(parent.activation[4:12].tolist()) - set(child.activation[4:11].tolist())
        node = 4 + parent.activation[4:12].tolist().index(code)
        kept = [c for c in TANGLE if node not in c[:2]]
        assert child.num_connections == len(kept)


def test_genome_without_connections_or_hidden_nodes_can_be_mutated():
    bare = cppn.Genome(
        jnp.int32(5), jnp.int32(0), jnp.zeros(8, jnp.int32), jnp.zeros(8, jnp.int32),
        jnp.zeros(8, jnp.int32), jnp.zeros(8),
    )  # fmt: skip
    always = cppn.MutationRates(1.0, 1.0, 0.0, 1.0, 1.0, 1.0)
    child, had_room = cppn.mutate(jax.random.key(0), bare, always, genomes.GREY)
    cppn.validate(child, genomes.GREY)
    assert had_room
    assert (child.num_nodes, child.num_connections) == (5, 0)
