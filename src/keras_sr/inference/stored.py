"""A weight file of keras-sr as a graph that an engine runs: its plan and its weights, without Keras."""

from dataclasses import replace
from pathlib import Path

from keras_sr.errors import WeightsError
from keras_sr.facts import NetworkFacts
from keras_sr.graphs.facts import facts_of, simplify
from keras_sr.graphs.graph import Graph
from keras_sr.graphs.plan import assemble, from_json
from keras_sr.inference.tiling import FRAME
from keras_sr.weights.stored import generator_arrays


def read_stored(path: str | Path) -> tuple[Graph, NetworkFacts]:
    """Return the graph of a weight file, rewritten for speed, and the facts that engines ask for.

    Raises:
        WeightsError: The file is missing or damaged, or was written before weight files had a plan.
    """
    arrays, meta = generator_arrays(path)
    if "plan" not in meta:
        raise WeightsError(f"{path} was written without the plan of its network: only Keras can run it")
    try:
        graph = assemble(from_json(meta["plan"]), arrays, int(meta.get("bands", 3)))
        simplify(graph)
        name, licence = str(meta.get("name", Path(path).stem)), str(meta.get("licence", ""))
        facts = facts_of(graph, name, frame=int(meta.get("frame", FRAME)), licence=licence)
        # How far tiles overlap where an SR pixel sees hundreds of LR pixels (`tasks.convert`).
        return graph, replace(facts, receptive_field=int(meta.get("margin", facts.receptive_field)))
    except (TypeError, ValueError, WeightsError) as error:
        raise WeightsError(f"{path} is damaged: {error}") from None
