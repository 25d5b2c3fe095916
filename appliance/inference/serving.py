"""What the worker process does once it is cut off from the network: verify, load, serve."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

from appliance.inference.constraint import GrammarCompiler
from appliance.inference.engine import Engine
from appliance.inference.loader import load
from appliance.inference.prefix_cache import PrefixCache, bundle_folder
from appliance.inference.served_model import ServedModel
from appliance.inference.server import Server
from model_bundle.trust_root import read_trust_root
from model_bundle.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from appliance.inference.worker import WorkerOptions

    Report = Callable[[Mapping[str, object]], None]


def run(options: WorkerOptions, report: Report) -> None:
    """Serve until SIGTERM.

    Raises:
        ModelBundleError: the bundle is not trusted or not readable.
        IntramuralError: it cannot be loaded.
    """
    with _serving_parts(options, report) as model:
        asyncio.run(_serve(options, model, report))


@contextlib.contextmanager
def _serving_parts(options: WorkerOptions, report: Report) -> Iterator[ServedModel]:
    """Verify, load and start the engine; everything is stopped on leaving."""
    report({"stage": "verifying the model"})
    bundle = verify(options.bundle, read_trust_root(options.keys))
    report({"stage": "loading the model"})
    loaded = load(bundle, options.limits)
    folder = bundle_folder(options.prefixes, bundle.digest)
    prefixes = PrefixCache(folder, bundle=bundle.digest, shape=loaded.cache.shape)
    if loaded.cache.movable:
        prefixes.load()
    grammars = GrammarCompiler(loaded.tokenizer)
    engine = Engine(loaded.executor, loaded.cache, prefixes)
    try:
        yield ServedModel(loaded, engine, grammars, options.request_seconds)
    finally:
        engine.close()
        grammars.close()
        prefixes.close()


async def _serve(options: WorkerOptions, model: ServedModel, report: Report) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Server(options.socket, model, queue=options.queue):
        report({"ready": True})
        await stop.wait()
