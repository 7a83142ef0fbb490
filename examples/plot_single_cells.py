# SPDX-License-Identifier: BSD-3-Clause

"""
===================================
Single cells: counts of transcripts
===================================

The counts of single cells are small and depend on the sequencing depth. The cells here
are simulated, so that the ground truth is known: a tree of cell types, transitions from
one type to the next, a rare type, and a depth that varies from cell to cell.
:class:`~skmanifold.DLME` should show types and transitions, and not the depth.
"""

# %%
# Cells
# -----
# Counts are Poisson with gamma-distributed rates, as is usual for single cells. Every
# type changes some genes of its parent type.

import numpy as np
from scipy.sparse import csr_array

n_genes = 1000
parents = {
    "stem": None,
    "myeloid": "stem",
    "lymphoid": "stem",
    "monocyte": "myeloid",
    "dendritic": "myeloid",
    "B cell": "lymphoid",
    "T cell": "lymphoid",
    "NK cell": "lymphoid",
}
n_cells = dict(zip(parents, [300, 300, 300, 500, 50, 500, 700, 350], strict=True))

rng = np.random.default_rng(0)
programs, log_rates, stage = {}, [], []
for cell_type, parent in parents.items():
    if parent is None:
        programs[cell_type] = rng.normal(0.0, 1.5, n_genes)
        way, level = np.zeros((n_cells[cell_type], 1)), 0
    else:
        genes = rng.choice(n_genes, 60, replace=False)
        programs[cell_type] = programs[parent].copy()
        programs[cell_type][genes] += rng.normal(0.0, 1.5, len(genes))
        # progenitors are anywhere on their way, most other cells near its end
        level = 0 if parent == "stem" else 1
        way = rng.uniform(0.0, 1.0, (n_cells[cell_type], 1)) ** (0.4 if level else 1.0)
    start = programs[parent or cell_type]
    log_rates.append((1.0 - way) * start + way * programs[cell_type])
    stage.append(level + way.ravel())
types, stage = np.array(list(parents)), np.concatenate(stage)
y = np.repeat(np.arange(len(types)), list(n_cells.values()))

shares = np.exp(np.concatenate(log_rates))
shares /= shares.sum(axis=1, keepdims=True)
depth = rng.lognormal(np.log(2000), 0.5, len(y))
rates = depth[:, np.newaxis] * shares * rng.gamma(4.0, 1 / 4, shares.shape)
counts = csr_array(rng.poisson(rates))
print(
    f"{counts.shape[0]} cells, {counts.shape[1]} genes,"
    f" {1 - counts.nnz / np.prod(counts.shape):.0%} of the counts are zero"
)

# %%
# From counts to a map
# --------------------
# The usual preparation, the same total for each cell and a logarithm, is a step of the
# pipeline. Zeros stay zeros, so that the matrix stays sparse. The total is the median
# of the cells; a larger one, such as the customary 10,000, leaves more of the depth in
# the logarithm of small counts. We try both. For your own data replace ``counts`` by
# the matrix of counts of an AnnData object, ``adata.X``: see :ref:`single_cells`.

from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer

from skmanifold import DLME


def log_counts(shares, total):
    return (total * shares).log1p()


def embed_with(method, total):
    log = FunctionTransformer(log_counts, kw_args={"total": total})
    return make_pipeline(Normalizer("l1"), log, method)


train, test = train_test_split(np.arange(len(y)), stratify=y, random_state=0)
median = np.median(counts[train].sum(axis=1))
models = {
    "PCA": embed_with(PCA(n_components=2, random_state=0), median),
    "DLME": embed_with(DLME(random_state=0), median),
    "DLME, total 10,000": embed_with(DLME(random_state=0), 10_000),
}
maps = {name: model.fit_transform(counts[train]) for name, model in models.items()}

# %%
# Types and stages yes, depth no
# ------------------------------
# The ten nearest training cells predict the type, the stage of development and the
# sequencing depth of each held-out cell. A good map does *not* predict the last. R2 is
# the explained share of the variance, negative if the mean predicts better.

from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

for name, model in models.items():
    Z, Z_test = maps[name], model.transform(counts[test])
    type_found = KNeighborsClassifier(10).fit(Z, y[train]).score(Z_test, y[test])
    stage_found, depth_found = (
        KNeighborsRegressor(10).fit(Z, value[train]).score(Z_test, value[test])
        for value in (stage, np.log(depth))
    )
    print(
        f"{name:20} type {type_found:.3f}   stage R2 {stage_found:.2f}"
        f"   depth R2 {depth_found:.2f}"
    )

# %%
# Plot
# ----
# The progenitors, in light colors, lead from the stem cells to their descendants.

import matplotlib.pyplot as plt

# of Paul Tol's "muted" scheme
colors = np.array(
    "#000000 #DDCC77 #88CCEE #CC6677 #882255 #332288 #44AA99 #117733".split()
)
log_depth = np.log10(depth[train])
figure, axes = plt.subplots(2, 3, figsize=(12, 8), layout="constrained")
for (above, below), (name, Z) in zip(axes.T, maps.items(), strict=True):
    above.scatter(*Z.T, c=colors[y[train]], s=5, linewidths=0)
    above.set_title(f"{name}, by type", loc="left")
    points = below.scatter(*Z.T, c=log_depth, s=5, cmap="cividis", linewidths=0)
    below.set_title(f"{name}, by depth", loc="left")
figure.colorbar(points, ax=axes[1], label="log10 of the depth", shrink=0.8)
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_color("0.85")
    axis.set_aspect("equal", "datalim")
legend = [
    plt.Line2D([], [], marker="o", linestyle="", color=color, label=cell_type)
    for color, cell_type in zip(colors, types, strict=True)
]
figure.legend(
    handles=legend,
    loc="outside lower center",
    ncols=8,
    frameon=False,
    handletextpad=0,
)
plt.show()
