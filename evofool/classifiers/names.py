"""Former names of networks, which cards, weights and commands written earlier still hold."""

FORMER_NAMES = {
    "seed000_cnn": "article_cnn",
    "seed000-cnn": "article_cnn",
    "cifar-cnn": "cifar_cnn",
}


def current_name(name: str) -> str:
    """Returns the name that a network or a family has today.

    Example:
        >>> current_name("seed000-cnn"), current_name("lenet")
        ('article_cnn', 'lenet')
    """
    return FORMER_NAMES.get(name, name)
