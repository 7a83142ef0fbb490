# SPDX-License-Identifier: BSD-3-Clause

"""Embedding methods with default parameters.

Only the standard library is imported here: importing a package is itself measured.
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def _fit_transform(model, X):
    return model.fit_transform(X)


def _transform(model, X, X_train):
    return model.transform(X)


@dataclass(frozen=True)
class Method:
    """An embedding method and how to call it."""

    # distribution, for version and installation
    package: str
    # location of the class or function that creates the model
    module: str
    factory: str
    # parameters implied by the method's name
    fixed: Mapping = field(default_factory=dict)
    # parameter names of the seed and the number of threads
    seed: str | None = "random_state"
    threads: str | None = None
    # parameters of a short fit that triggers compilation, if any
    brief: Mapping | None = None
    # use the raw data instead of the usual input
    raw: bool = False
    fit_transform: Callable = _fit_transform
    # None if only fitted samples can be embedded
    transform: Callable | None = _transform
    # further required distributions
    requires: tuple = ()

    def make(self, seed, threads, *, brief=False):
        """Return a new model."""
        factory = getattr(importlib.import_module(self.module), self.factory)
        kwargs = dict(self.fixed)
        if self.seed is not None:
            kwargs[self.seed] = seed
        if self.threads is not None:
            kwargs[self.threads] = threads
        if brief:
            kwargs.update(self.brief)
        return factory(**kwargs)


def _opentsne_fit(model, X):
    # fit returns an array that is also the fitted model, with a transform
    model.fitted = model.fit(X)
    return model.fitted


def _opentsne_transform(model, X, X_train):
    return model.fitted.transform(X)


def _pacmap_transform(model, X, X_train):
    return model.transform(X, basis=X_train)


def _torchdr_transform(model, X, X_train):
    return model.transform(X, X_train=X_train)


def dlme_on_two_threads(**parameters):
    """Return a DLME with two threads per training step."""
    from skmanifold import DLME
    from skmanifold.training import TrainingOptions

    return DLME(training=TrainingOptions(n_threads=2), **parameters)


_UMAP = {
    "package": "umap-learn",
    "module": "umap",
    "factory": "UMAP",
    "threads": "n_jobs",
    "brief": {"n_epochs": 5},
}
_PACMAP = {
    "package": "pacmap",
    "module": "pacmap",
    "factory": "PaCMAP",
    "brief": {"num_iters": (2, 2, 2)},
    "transform": _pacmap_transform,
}
_TORCHDR = {
    "package": "torchdr",
    "module": "torchdr",
    "fixed": {"device": "cpu"},
    "requires": ("faiss-cpu",),
}

METHODS = {
    "dlme": Method("skmanifold", "skmanifold", "DLME", raw=True),
    "dlme-2-threads": Method("skmanifold", __name__, "dlme_on_two_threads", raw=True),
    "umap": Method(**_UMAP),
    # umap-learn with a seed uses one thread
    "umap-unseeded": Method(**_UMAP, seed=None),
    "opentsne": Method(
        "openTSNE",
        "openTSNE",
        "TSNE",
        threads="n_jobs",
        fit_transform=_opentsne_fit,
        transform=_opentsne_transform,
    ),
    "pacmap": Method(**_PACMAP),
    # PaCMAP with a seed samples its pairs more slowly
    "pacmap-unseeded": Method(**_PACMAP, seed=None),
    "torchdr-umap": Method(**_TORCHDR, factory="UMAP", transform=_torchdr_transform),
    "torchdr-infotsne": Method(**_TORCHDR, factory="InfoTSNE", transform=None),
    "pca": Method("scikit-learn", "sklearn.decomposition", "PCA", {"n_components": 2}),
}


def make_model(name, seed, **parameters):
    """Return a model by the name it has in tables, at its defaults."""
    if name == "UMAP":
        from umap import UMAP

        return UMAP(random_state=seed, n_jobs=1)
    if name in ("t-SNE", "Isomap", "PCA"):
        from sklearn.decomposition import PCA
        from sklearn.manifold import TSNE, Isomap

        return {
            "t-SNE": TSNE(random_state=seed),
            "Isomap": Isomap(n_neighbors=10),
            "PCA": PCA(2, random_state=seed),
        }[name]
    import skmanifold

    return getattr(skmanifold, name)(random_state=seed, **parameters)


def import_peer(name):
    """Import a module of a peer.

    ClustPy and lightly import torchvision for parts that are not compared; it is mocked
    if missing.
    """
    from unittest.mock import MagicMock

    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError):
        for part in ("", ".models", ".models._api", ".models._utils", ".ops"):
            sys.modules["torchvision" + part] = MagicMock(__spec__=None)
    return importlib.import_module(name)


def missing_packages(method):
    """Return the required distributions that are not installed.

    skmanifold itself may run from the checkout.
    """
    from importlib.metadata import PackageNotFoundError, version
    from importlib.util import find_spec

    missing = []
    for package in (method.package, *method.requires):
        try:
            version(package)
        except PackageNotFoundError:
            if package != "skmanifold" or find_spec("skmanifold") is None:
                missing.append(package)
    return missing
