# SPDX-License-Identifier: BSD-3-Clause

"""
============================================
A CSV table with categories and missing data
============================================

From a CSV file to a map, clusters, and the columns that define them. The file here has
scikit-learn's wines, with missing values and a categorical column; replace it by your
own. :class:`~skmanifold.DLME` makes the map and :class:`~skmanifold.DCRL` the clusters.
"""

# %%
# A file
# ------

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_wine

wines, kinds = load_wine(return_X_y=True, as_frame=True)
shade = pd.cut(wines.pop("hue"), 3, labels=["pale", "ruby", "deep"]).astype(object)
gaps = np.random.default_rng(0).random(wines.shape) < 0.03
wines = wines.mask(gaps).assign(shade=shade.mask(gaps[:, 0]))
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "measurements.csv"
    wines.to_csv(path, index=False)
    table = pd.read_csv(path)
print(table.iloc[:4, -4:])

# %%
# From columns to numbers
# -----------------------
# Missing values become the median of the column, categories become indicators. Units
# differ, and the model scales them.

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skmanifold import DCRL, DLME

to_numbers = make_column_transformer(
    (SimpleImputer(strategy="median"), make_column_selector(dtype_include="number")),
    (
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        make_column_selector(dtype_exclude="number"),
    ),
    verbose_feature_names_out=False,
).set_output(transform="pandas")
dlme = DLME(random_state=0)
train, new = table.drop(table.index[::6]), table[::6]
model = make_pipeline(to_numbers, dlme).fit(train)
clusterer = make_pipeline(to_numbers, DCRL(n_clusters=3, random_state=0)).fit(train)

# %%
# Map, clusters and new samples
# -----------------------------
# Left: clusters. Right: kinds of wine, which neither method used. Marked samples were
# not in the fit; the pipelines embed and assign them.

import matplotlib.pyplot as plt

from skmanifold.inspection import EmbeddingDisplay

figure, axes = plt.subplots(1, 2, figsize=(11, 3.2), layout="constrained")
for axis, y, y_new, title in [
    (axes[0], clusterer[-1].labels_, clusterer.predict(new), "clusters"),
    (axes[1], kinds[train.index], kinds[new.index], "kinds"),
]:
    EmbeddingDisplay.from_estimator(
        model, train, y, X_new=new, y_new=y_new, ax=axis, name=title
    )
plt.show()

# %%
# Columns that define the clusters
# --------------------------------
# Deviations of the means of each cluster from the overall means, in standard
# deviations.

numbers = to_numbers.transform(train)
profile = (
    ((numbers - numbers.mean()) / numbers.std()).groupby(clusterer[-1].labels_).mean()
)
strongest = profile.abs().max().nlargest(8).index

figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
image = axis.imshow(
    profile[strongest].T, cmap="RdBu_r", vmin=-1.5, vmax=1.5, aspect="auto"
)
axis.set_xticks(range(3), [f"cluster {c}" for c in profile.index])
axis.set_yticks(range(len(strongest)), strongest)
figure.colorbar(image, ax=axis, label="standard deviations")
plt.show()
