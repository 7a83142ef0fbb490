# SPDX-License-Identifier: BSD-3-Clause

"""
=============================
Time series: a map of windows
=============================

A long recording is cut into windows, and each window becomes a sample. Windows start
at any phase, so their spectra are compared, not their values.
:class:`~skmanifold.DLME` maps the windows of a generated recording of three machine
states, and then those of a recording that it has not seen.
"""

# %%
# Recordings
# ----------
# A machine idles, runs at a speed that varies, or runs with a worn bearing, which adds
# a fast vibration. The state changes every few seconds.

import numpy as np

rate, seconds = 200, 1.0  # samples per second, length of a window
states = np.array(["idle", "running", "worn"])


def record(n_windows, seed):
    """Return windows of a recording, and state and speed of each."""
    rng = np.random.default_rng(seed)
    state = np.repeat(rng.integers(3, size=n_windows // 10), 10)
    drift = np.cumsum(rng.normal(scale=0.3, size=n_windows))
    speed = 14 + 6 * np.sin(drift)  # turns per second
    t = np.arange(int(rate * seconds)) / rate
    phase = 2 * np.pi * (speed[:, None] * t + rng.random((n_windows, 1)))
    running, worn = state[:, None] > 0, state[:, None] == 2
    windows = running * (np.sin(phase) + 0.5 * np.sin(2 * phase + 1))
    windows = windows + worn * 0.8 * np.sin(4.3 * phase)
    return windows + 0.3 * rng.normal(size=windows.shape), state, speed


X, state, speed = record(1500, seed=0)
X_new, state_new, speed_new = record(300, seed=1)

# %%
# Spectra, then the map
# ---------------------
# The spectrum is a step of the pipeline. The logarithm makes weak vibrations count.

from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skmanifold import DLME


def spectrum(windows):
    taper = np.hanning(windows.shape[1])
    return np.log1p(np.abs(np.fft.rfft(windows * taper, axis=1)))


model = make_pipeline(FunctionTransformer(spectrum), DLME(random_state=0))
Z = model.fit_transform(X)
Z_new = model.transform(X_new)

run = state > 0
vote = KNeighborsClassifier(10).fit(Z, state).score(Z_new, state_new)
ruler = KNeighborsRegressor(10).fit(Z[run], speed[run])
print(f"state of new windows, by ten neighbors: {vote:.3f}")
print(
    "R2 of their speed, if running: "
    f"{ruler.score(Z_new[state_new > 0], speed_new[state_new > 0]):.3f}"
)

# %%
# States, and speed along them
# ----------------------------

import matplotlib.pyplot as plt

from skmanifold.inspection import EmbeddingDisplay

EmbeddingDisplay.from_embedding(
    Z, color={"state": states[state], "turns per second": np.where(run, speed, np.nan)}
)
plt.show()
