"""What an engine has to know of a graph besides what it computes."""

from keras_sr.facts import NetworkFacts
from keras_sr.graphs import analyse
from keras_sr.graphs.graph import Graph
from keras_sr.graphs.rewrite import apply_rules, convolve_before_shuffle, fold_affine, move_before_shuffle


def facts_of(graph: Graph, name: str, *, frame: int, licence: str = "") -> NetworkFacts:
    """Return the facts of a network."""
    return NetworkFacts(
        name,
        analyse.scale(graph),
        analyse.receptive_field(graph),
        # A network for grey pictures runs the bands of a picture as a batch of three.
        analyse.bytes_per_pixel(graph) * (3 if graph.channels == 1 else 1),
        frame,
        licence,
        bands=graph.channels,
        multiple=analyse.multiple(graph),
    )


def simplify(graph: Graph, *, fold_batch_norm: bool = True, rewrite_tail: bool = True) -> None:
    """Rewrite a graph in place into one that computes the same, faster (`graphs.rewrite`)."""
    rules = [fold_affine] if fold_batch_norm else []
    apply_rules(graph, [*rules, move_before_shuffle, convolve_before_shuffle] if rewrite_tail else rules)
