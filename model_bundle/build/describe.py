"""The manifest's description of a graph that was built here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model_bundle.manifest import GRAPH_CONTRACT, GraphDescription

if TYPE_CHECKING:
    from model_bundle.build.decoder_config import DecoderConfig
    from model_bundle.build.graph_model import Element


def describe_graph(
    config: DecoderConfig, file: str, *, element: Element = "float32", contract: str = GRAPH_CONTRACT
) -> GraphDescription:
    """What the engine must know of the graph in ``file``."""
    return GraphDescription(
        contract=contract,
        file=file,
        architecture=config.architecture,
        layers=config.layers,
        heads=config.heads,
        kv_heads=config.kv_heads,
        head_dim=config.head_dim,
        vocabulary=config.vocabulary,
        context_length=config.context_length,
        cache_type=element,
    )
