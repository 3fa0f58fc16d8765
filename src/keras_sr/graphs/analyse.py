"""What a generator needs to see and to hold: receptive field, scale, memory."""

from collections.abc import Iterator
from fractions import Fraction

from keras_sr.graphs.graph import Concat, Conv, Graph, Nearest, Node, Shuffle, Unshuffle

#: (first, last) row or column, counted from the LR pixel whose SR pixels are looked at.
Span = tuple[int, int]


def scale(graph: Graph) -> int:
    """Return how many times larger than its input the output is."""
    return int(_tensors(graph)[graph.output][1])


def multiple(graph: Graph) -> int:
    """Return what the sides of the LR picture have to be multiples of."""
    return max((int(1 / size) for _, size in _tensors(graph).values()), default=1)


def receptive_field(graph: Graph) -> int:
    """Return how many LR pixels away, in any direction, an SR pixel can still see.

    Followed backwards from the scale x scale SR pixels that lie on one LR pixel to all rows and columns
    they read. Exact, not a bound, when no weight is zero; where pixels are unshuffled, at most
    `multiple(graph) - 1` too much.
    """
    rows = _reach(graph, 0)
    columns = _reach(graph, 1)
    # Other pixels of an unshuffled block see as many less to one side and more to the other.
    return max(-rows[0], rows[1], -columns[0], columns[1]) + multiple(graph) - 1


def _reach(graph: Graph, axis: int) -> Span:
    """Return the first and last LR row (axis 0) or column (axis 1) that LR pixel 0 enlarged reads."""
    read: dict[str, Span] = {graph.output: (0, scale(graph) - 1)}
    for node in reversed(graph.nodes):
        if node.output not in read:
            continue
        span = _back(node, read[node.output], axis)
        for tensor in node.inputs:
            first, last = read.get(tensor, span)
            read[tensor] = (min(first, span[0]), max(last, span[1]))
    return read[graph.input]


def _back(node: Node, span: Span, axis: int) -> Span:
    """Return what a node reads to make the rows or columns of `span`."""
    first, last = span
    match node.op:
        case Conv(kernel, _, before):
            return first - before[axis], last - before[axis] + kernel.shape[axis] - 1
        case Shuffle(factor) | Nearest(factor):
            return first // factor, last // factor
        case Unshuffle(factor):
            return first * factor, last * factor + factor - 1
        case _:
            return span


def multiplications(graph: Graph) -> int:
    """Return how many multiplications the convolutions cost per LR pixel."""
    sizes = {name: size for name, (_, size) in _tensors(graph).items()}
    return int(sum(n.op.kernel.size * sizes[n.output] ** 2 for n in graph.nodes if isinstance(n.op, Conv)))


def bytes_per_pixel(graph: Graph) -> int:
    """Return about how much memory a run takes per LR pixel: the activations of the worst moment, float32.

    And three times the output: it is transposed, copied out of the engine and rounded.
    """
    channels, size = _tensors(graph)[graph.output]
    return int(4 * (max(_live(graph)) + 3 * channels * size**2))


def _live(graph: Graph) -> Iterator[Fraction]:
    """Yield for every node how many values per LR pixel are held while it runs."""
    values = {name: channels * size**2 for name, (channels, size) in _tensors(graph).items()}
    last_read = {tensor: number for number, node in enumerate(graph.nodes) for tensor in node.inputs}
    held = {graph.input}
    for number, node in enumerate(graph.nodes):
        held.add(node.output)
        yield sum((values[tensor] for tensor in held), Fraction(0))
        held -= {tensor for tensor in node.inputs if last_read[tensor] == number}


def _tensors(graph: Graph) -> dict[str, tuple[int, Fraction]]:
    """Return (channels, size over LR size) of every tensor."""
    shapes = {graph.input: (graph.channels, Fraction(1))}
    for node in graph.nodes:
        channels, size = shapes[node.inputs[0]]
        match node.op:
            case Conv(kernel):
                channels = kernel.shape[-1]
            case Shuffle(factor):
                channels, size = channels // factor**2, size * factor
            case Nearest(factor):
                size *= factor
            case Unshuffle(factor):
                channels, size = channels * factor**2, size / factor
            case Concat():
                channels = sum(shapes[tensor][0] for tensor in node.inputs)
        shapes[node.output] = channels, size
    return shapes
