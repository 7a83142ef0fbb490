# SPDX-License-Identifier: BSD-3-Clause

"""
========================================
Distances instead of features: a network
========================================

Members of a network have links instead of columns. The lengths of shortest paths are
distances, which ``metric="precomputed"`` accepts. :class:`~skmanifold.DLME` embeds a
generated network of six communities, and then members that join later.
"""

# %%
# A network
# ---------
# The communities form a ring. Members are linked to many of their own community and to
# few of the next one.

import numpy as np
from scipy.sparse.csgraph import shortest_path

n_members, n_communities = 900, 6
rng = np.random.default_rng(0)
community = rng.integers(n_communities, size=n_members)
steps = np.abs(community[:, None] - community)
steps = np.minimum(steps, n_communities - steps)
chance = np.select([steps == 0, steps == 1], [0.06, 0.003], 0.0)
links = np.triu(rng.random((n_members, n_members)) < chance, 1)
links = links | links.T
print(f"{links.sum() // 2} links")

# %%
# Distances
# ---------
# Links are shorter the more acquaintances their two members share. The first 800
# members are fitted; the distances to these suffice to embed the others.

common = links.astype(float) @ links
lengths = np.where(links, 1 / (1 + common), 0.0)
paths = shortest_path(lengths, directed=False)
paths[np.isinf(paths)] = 2 * paths[np.isfinite(paths)].max()
old, new = slice(0, 800), slice(800, None)

from skmanifold import DLME
from skmanifold.metrics import neighborhood_hit

model = DLME(metric="precomputed", random_state=0)
Z = model.fit_transform(paths[old, old])
Z_new = model.transform(paths[new, old])
print(f"neighbors in the same community: {neighborhood_hit(Z, community[old]):.3f}")

# %%
# The map
# -------
# Marks show members that joined later.

import matplotlib.pyplot as plt

from skmanifold.inspection import EmbeddingDisplay

EmbeddingDisplay.from_embedding(
    Z, community[old], Z_new=Z_new, y_new=community[new], legend="names"
)
plt.show()
