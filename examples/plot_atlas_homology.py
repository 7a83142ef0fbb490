# SPDX-License-Identifier: BSD-3-Clause

"""
==============================================
The holes of a torus and of a projective plane
==============================================

:class:`~skmanifold.AtlasAE` covers data with softly overlapping charts. Their overlaps
define a filtered simplicial complex: its homology counts the loops and voids of the
data, and detects whether they are orientable, without a plot.
"""

# %%
# Two surfaces
# ------------
# A flat torus in four dimensions and a projective plane in six. No projection to the
# plane reveals their topology.

from skmanifold.datasets import make_flat_torus, make_projective_plane

spaces = {
    "flat torus": (make_flat_torus(2000, random_state=0), 16),
    "projective plane": (
        make_projective_plane(2000, n_features=6, random_state=0),
        12,
    ),
}

# %%
# Charts, and the nerve of their cover
# ------------------------------------
# The projective plane has torsion: modulo 2 it has a loop and a void, modulo 3 none. An
# untrained cover, neighborhoods of the centers of k-means, finds the same numbers on
# clean data, but has no coordinates and no decoders.

from skmanifold.atlas import AtlasAE
from skmanifold.topology import betti_numbers, soft_cover

covers = {}
for name, (space, n_charts) in spaces.items():
    model = AtlasAE(n_charts, random_state=0).fit(space.data)
    covers[name] = model.predict_proba(space.data)
    untrained = soft_cover(space.data, n_charts, random_state=0)
    print(name)
    for field in (2, 3):
        trained = betti_numbers(covers[name], field=field)
        print(
            f"  modulo {field}: true {space.betti_numbers[field]}, "
            f"charts {trained.numbers} (decided: {trained.decided}), "
            f"untrained {betti_numbers(untrained, field=field).numbers}"
        )

# %%
# Barcodes
# --------
# Each bar is a homology class, from its birth to its death, on the scale of -log of the
# membership. The Betti numbers count the long ones, by ``log(1 + value)``; the answer
# is decided if it does not depend on the exact minimum length.

import matplotlib.pyplot as plt

from skmanifold.inspection import BarcodeDisplay
from skmanifold.topology import cech_nerve, persistence

figure, axes = plt.subplots(2, 2, figsize=(11, 6.4), layout="constrained")
for row, (name, Q) in zip(axes, covers.items(), strict=True):
    nerve = cech_nerve(Q)
    for axis, field in zip(row, (2, 3), strict=True):
        betti = betti_numbers(nerve, field=field)
        barcode = BarcodeDisplay.from_persistence(
            persistence(nerve, field),
            name=f"{name}, modulo {field}: {betti.numbers}",
            ax=axis,
            scale_label="-log of the membership",
        )
        axis.set_xscale("symlog")
        axis.set_xlim(left=0)
        axis.set_xticks([0, 1, 3, 10, 30], ["0", "1", "3", "10", "30"])
        if axis is not axes[0, 1]:
            barcode.legend_.remove()
plt.show()
