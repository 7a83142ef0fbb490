# SPDX-License-Identifier: BSD-3-Clause

"""Persistent homology."""

import numpy as np

from skmanifold.inspection._style import (
    LINE_COLORS,
    get_axes,
    import_pyplot,
    outer_legend,
)

# Largest number of bars per dimension; the longest are plotted.
_MOST_BARS = 200


class BarcodeDisplay:
    """Barcode of a filtered complex.

    Each bar is a homology class, from its birth to its death along the filtration; an
    arrow marks classes that never die. The Betti number of dimension d at a filtration
    value is the number of bars of dimension d over it.

    Read more in the :ref:`User Guide <inspection>`.

    Parameters
    ----------
    persistence : list of (int, (float, float))
        Dimension, birth and death of each class.
    name : str, default=None
        Title of the axes.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Axes with the barcode, and their figure.
    bars_ : dict of int to matplotlib LineCollection
        The bars of each dimension.
    arrows_ : list of matplotlib Line2D
        Arrows at the bars that never end.
    n_hidden_ : int
        Number of bars without length, or beyond the 200 longest of their dimension.
    legend_ : matplotlib Legend
        Legend of the dimensions.

    Examples
    --------
    >>> from skmanifold.inspection import BarcodeDisplay
    >>> circle = [(1, (0.4, 1.7)), (0, (0.0, float("inf"))), (0, (0.0, 0.3))]
    >>> display = BarcodeDisplay.from_persistence(circle)
    >>> sorted(display.bars_)
    [0, 1]
    """

    def __init__(self, *, persistence, name=None):
        self.persistence = persistence
        self.name = name

    @classmethod
    def from_persistence(cls, persistence, *, name=None, **plot_options):
        """Plot the barcode of persistent homology.

        Parameters
        ----------
        persistence : iterable of (int, (float, float)) or list of ndarray
            Dimension, birth and death (inf if endless) of each class, as from gudhi; or
            an array of shape (n_bars, 2) for each dimension 0, 1, ..., as from
            :func:`skmanifold.topology.persistence`.
        name : str, default=None
            Title of the axes.
        **plot_options : dict
            Keyword arguments of :meth:`plot`, such as `ax`.

        Returns
        -------
        display : BarcodeDisplay
            The plotted display.
        """
        if hasattr(persistence, "to_gudhi"):
            raise TypeError(
                "persistence is a FilteredComplex, whose bars are not computed yet. "
                "Pass the result of skmanifold.topology.persistence(complex)."
            )
        persistence = list(persistence)
        if persistence and all(
            isinstance(entry, np.ndarray) and entry.ndim == 2 for entry in persistence
        ):
            persistence = [
                (dimension, bar)
                for dimension, pairs in enumerate(persistence)
                for bar in pairs
            ]
        bars = []
        for entry in persistence:
            try:
                dimension, (birth, death) = entry
                bar = (int(dimension), (float(birth), float(death)))
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"persistence must have entries (dimension, (birth, death)), as "
                    f"returned by gudhi, got {entry!r}."
                ) from error
            if not bar[1][0] <= bar[1][1]:
                raise ValueError(
                    f"persistence has the entry {entry!r}, whose death precedes its "
                    "birth. Pass births first."
                )
            bars.append(bar)
        return cls(persistence=bars, name=name).plot(**plot_options)

    def plot(self, ax=None, *, scale_label="Filtration"):
        """Plot the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot in; None creates a figure.
        scale_label : str, default="Filtration"
            Label of the axis.

        Returns
        -------
        display : BarcodeDisplay
            The display.
        """
        plt = import_pyplot(self)
        ax = get_axes(self, ax, figsize=(6.6, 4.2))
        by_dimension = {}
        for dimension, (birth, death) in self.persistence:
            by_dimension.setdefault(dimension, []).append((birth, death))
        ends = np.array([bar for _, bar in self.persistence])
        ends = ends[np.isfinite(ends)]
        low, high = (ends.min(), ends.max()) if ends.size else (0.0, 1.0)
        # endless bars extend beyond all others
        right = high + 0.08 * ((high - low) or 1.0)
        left = low - 0.02 * ((high - low) or 1.0)
        self.bars_, self.arrows_, self.n_hidden_ = {}, [], 0
        row = 0
        for dimension in sorted(by_dimension):
            bars = np.array(by_dimension[dimension])
            lengths = bars[:, 1] - bars[:, 0]
            order = np.lexsort((bars[:, 0], -lengths))
            kept = [i for i in order if lengths[i] > 0][:_MOST_BARS]
            self.n_hidden_ += len(bars) - len(kept)
            if not kept:
                continue
            # earliest first, in reading order
            bars = bars[sorted(kept, key=lambda i: (bars[i, 0], bars[i, 1]))]
            rows = row + np.arange(len(bars))
            row += len(bars) + 1
            color = LINE_COLORS[dimension % len(LINE_COLORS)]
            starts = np.maximum(bars[:, 0], left)
            stops = np.minimum(bars[:, 1], right)
            self.bars_[dimension] = ax.hlines(
                rows, starts, stops, colors=color, label=f"$H_{{{dimension}}}$"
            )
            endless = np.isinf(bars[:, 1])
            if endless.any():
                style = {"linestyle": "", "marker": ">", "markersize": 6}
                x = np.full(endless.sum(), right)
                self.arrows_ += ax.plot(x, rows[endless], color=color, **style)
        for collection in self.bars_.values():
            collection.set_linewidth(float(np.clip(160 / max(row, 1), 0.8, 7.0)))
        ax.set(
            xlabel=scale_label, yticks=[], xlim=(left, right + 0.03 * (right - left))
        )
        ax.set_ylim(max(row - 1, 1) - 0.3, -0.7)
        ax.spines[["left", "top", "right"]].set_visible(False)
        ax.grid(axis="x", alpha=0.25)
        handles = [
            plt.Line2D(
                [], [], color=bars.get_color()[0], linewidth=4, label=bars.get_label()
            )
            for bars in self.bars_.values()
        ]
        self.legend_ = outer_legend(ax, handles, title="Homology")
        if self.name is not None:
            ax.set_title(self.name)
        return self
