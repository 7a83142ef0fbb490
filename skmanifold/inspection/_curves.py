# SPDX-License-Identifier: BSD-3-Clause

"""Losses over epochs, and over the dimension of the embedding."""

import numpy as np

from skmanifold.inspection._style import (
    LINE_COLORS,
    LINES,
    dotted_line,
    get_axes,
    outer_legend,
    title_of,
)
from skmanifold.utils._containers import counted

# Suffixes of scheduled quantities in a history.
_SCHEDULES = ("_factor", "_weight")


class TrainingCurveDisplay:
    """Loss terms and schedules over the epochs of a fit.

    Terms use the left axis, with their sum in black; scheduled learning rate factors
    and weights use the right axis, in dashed gray. Dotted lines separate phases.

    Read more in the :ref:`User Guide <inspection>`.

    Parameters
    ----------
    phases : dict of str to dict of str to list of float
        The history of each phase, in order: values of each term by epoch.
    name : str, default=None
        Title of the axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the losses.
    schedule_ax_ : matplotlib Axes or None
        Axes of the schedules, if any.
    figure_ : matplotlib Figure
        Figure containing the axes.
    lines_ : dict of (str, str) to matplotlib Line2D
        The curve of each phase and name.
    legend_ : matplotlib Legend
        The legend.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skmanifold import DLME
    >>> from skmanifold.inspection import TrainingCurveDisplay
    >>> X, _ = load_iris(return_X_y=True)
    >>> dlme = DLME(max_epochs=3, random_state=0).fit(X)
    >>> display = TrainingCurveDisplay.from_estimator(dlme)
    >>> display.lines_["training", "loss"].get_xdata().tolist()
    [1, 2, 3]
    """

    def __init__(self, *, phases, name=None):
        self.phases = phases
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, **options):
        """Plot the training history of a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted estimator with ``history_``, or a pipeline that ends in one.
        **options : dict
            Keyword arguments of :meth:`from_history`. `name` is by default the name of
            the estimator's class.

        Returns
        -------
        display : TrainingCurveDisplay
            The plotted display.
        """
        if hasattr(estimator, "steps"):
            estimator = estimator[-1]
        if not hasattr(estimator, "history_"):
            raise TypeError(
                f"{type(estimator).__name__} has no history_. Fit it first; only "
                "estimators that are trained in epochs have a history."
            )
        phases = {}
        for phase in ("representation", "pretraining"):
            before = getattr(estimator, f"{phase}_history_", None)
            if before:
                phases[phase] = before
        phases["training"] = estimator.history_
        return cls.from_history(phases, **{"name": title_of(estimator), **options})

    @classmethod
    def from_history(cls, history, *, name=None, ax=None):
        """Plot a history.

        Parameters
        ----------
        history : dict of str to list of float, or dict of such dicts
            Values of each term by epoch; or such a dict for each phase, in order.
        name : str, default=None
            Title of the axes.
        ax : matplotlib Axes, default=None
            Axes to plot in; None creates a figure.

        Returns
        -------
        display : TrainingCurveDisplay
            The plotted display.
        """
        if not all(isinstance(value, dict) for value in history.values()):
            history = {"training": history}
        for phase, terms in history.items():
            lengths = {term: len(values) for term, values in terms.items()}
            if not lengths or len(set(lengths.values())) > 1 or 0 in lengths.values():
                raise ValueError(
                    f"The history of phase {phase!r} must have one value per epoch for "
                    f"each term, got lengths {lengths}."
                )
        if not history:
            raise ValueError("The history is empty. Pass at least one term.")
        return cls(phases=dict(history), name=name).plot(ax)

    def plot(self, ax=None):
        """Plot the curves, with a logarithmic scale of losses beyond a factor of 20.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot in; None creates a figure.

        Returns
        -------
        display : TrainingCurveDisplay
            The display.
        """
        names = list(dict.fromkeys(n for terms in self.phases.values() for n in terms))
        scheduled = [name for name in names if name.endswith(_SCHEDULES)]
        losses = [name for name in names if name not in scheduled]

        ax = get_axes(self, ax, figsize=(7.2, 4.2))
        self.lines_ = {}
        self.schedule_ax_ = None
        parts = [name for name in losses if name != "loss"]
        styles = {
            name: {
                "color": LINE_COLORS[i % len(LINE_COLORS)],
                "linestyle": LINES[i % len(LINES)],
            }
            for i, name in enumerate(parts)
        }
        styles["loss"] = {"color": "black", "linewidth": 2.2}
        self._plot_lines(ax, losses, styles)
        if scheduled:
            self.schedule_ax_ = right = ax.twinx()
            grays = {
                name: {"color": "0.55", "linestyle": ("--", ":", "-.")[i % 3]}
                for i, name in enumerate(scheduled)
            }
            self._plot_lines(right, scheduled, grays)
            right.set_ylabel("Schedule", color="0.4")
            right.tick_params(colors="0.4")
            right.set_ylim(bottom=0.0)
            # losses on top
            ax.set_zorder(right.get_zorder() + 1)
            ax.patch.set_visible(False)
        shown = [line for (_, name), line in self.lines_.items() if name in losses]
        values = np.concatenate([[], *(line.get_ydata() for line in shown)])
        values = values[np.isfinite(values)]
        positive = values[values > 0.0]
        wide = positive.size and positive.max() > 20.0 * positive.min()
        yscale = "log" if wide and (values >= 0.0).all() else "linear"
        ax.set(xlabel="Epoch", ylabel="Loss", yscale=yscale)
        # terms that end at zero leave a logarithmic plot at its lower edge
        if yscale == "log" and ax.get_ylim()[0] < 1e-6 * values.max():
            ax.set_ylim(bottom=1e-6 * values.max())
        ax.grid(alpha=0.25)
        end = 0
        for phase, phase_terms in list(self.phases.items())[:-1]:
            end += len(next(iter(phase_terms.values())))
            dotted_line(ax, end + 0.5, f"{phase} ", ha="right")
        handles = {}
        for (_, name), line in self.lines_.items():
            handles.setdefault(name, line)
        self.legend_ = outer_legend(ax, list(handles.values()))
        if self.schedule_ax_ is not None:
            self.legend_.set_bbox_to_anchor((1.14, 1.0), transform=ax.transAxes)
        if self.name is not None:
            # above the phase names
            ax.set_title(self.name, pad=18 if len(self.phases) > 1 else None)
        return self

    def _plot_lines(self, ax, names, styles):
        start = 0
        for phase, terms in self.phases.items():
            length = len(next(iter(terms.values())))
            epochs = np.arange(start + 1, start + length + 1)
            for name in names:
                if name in terms:
                    (line,) = ax.plot(
                        epochs,
                        terms[name],
                        label=name.replace("_", " "),
                        marker="o" if length == 1 else None,
                        **styles[name],
                    )
                    self.lines_[phase, name] = line
            start += length


class DimensionDisplay:
    """Losses against the dimension of the embedding.

    The curve bends at the dimension of the data, beyond which more do not help.

    Read more in the :ref:`User Guide <inspection>`.

    Parameters
    ----------
    dimensions : array-like of shape (n_dimensions,)
        Candidate dimensions, increasing.
    losses : dict of str to array-like of shape (n_dimensions,)
        Losses by name, such as reconstruction.
    dimension : int, default=None
        Estimated dimension, marked by a line.
    name : str, default=None
        Title of the axes.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Axes with the plot, and their figure.
    axes_ : list of matplotlib Axes
        Axes of each curve, the first being ``ax_``, as losses have different scales.
    lines_ : dict of str to matplotlib Line2D
        The curves.
    mark_ : matplotlib Line2D or None
        Line at the estimated dimension.
    legend_ : matplotlib Legend
        The legend.

    Examples
    --------
    >>> from skmanifold.inspection import DimensionDisplay
    >>> losses = {"reconstruction": [0.68, 0.21, 0.019, 0.012, 0.010]}
    >>> display = DimensionDisplay.from_losses(range(1, 6), losses, dimension=3)
    >>> display.lines_["reconstruction"].get_xdata().tolist()
    [1, 2, 3, 4, 5]
    """

    def __init__(self, *, dimensions, losses, dimension=None, name=None):
        self.dimensions = dimensions
        self.losses = losses
        self.dimension = dimension
        self.name = name

    @classmethod
    def from_losses(cls, dimensions, losses, *, dimension=None, name=None, ax=None):
        """Plot losses.

        Parameters
        ----------
        dimensions : array-like of shape (n_dimensions,)
            Candidate dimensions, increasing.
        losses : array-like of shape (n_dimensions,) or dict of str to array-like
            One curve, or several by name.
        dimension : int, default=None
            Estimated dimension, marked by a line.
        name : str, default=None
            Title of the axes.
        ax : matplotlib Axes, default=None
            Axes to plot in; None creates a figure.

        Returns
        -------
        display : DimensionDisplay
            The plotted display.
        """
        dimensions = np.asarray(list(dimensions))
        if not isinstance(losses, dict):
            losses = {"loss": losses}
        losses = {str(key): np.asarray(values, float) for key, values in losses.items()}
        if (
            dimensions.ndim != 1
            or not len(dimensions)
            or (np.diff(dimensions) <= 0).any()
        ):
            raise ValueError(
                f"dimensions={dimensions} must be one or more increasing numbers."
            )
        for key, values in losses.items():
            if values.shape != dimensions.shape:
                raise ValueError(
                    f"The curve {key!r} must have {counted(len(dimensions), 'value')}, "
                    f"one for each dimension, got shape {values.shape}."
                )
        if not losses:
            raise ValueError("losses is an empty dict. Pass at least one curve.")
        display = cls(
            dimensions=dimensions, losses=losses, dimension=dimension, name=name
        )
        return display.plot(ax)

    def plot(self, ax=None):
        """Plot the curves, with a logarithmic scale beyond a factor of 5.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot in; None creates a figure.

        Returns
        -------
        display : DimensionDisplay
            The display.
        """
        ax = get_axes(self, ax, figsize=(6.4, 4.0))
        self.axes_, self.lines_, self.mark_ = [], {}, None
        markers = ("o", "s", "^", "D")
        for i, (name, values) in enumerate(self.losses.items()):
            axis = ax if i == 0 else ax.twinx()
            if i > 1:
                axis.spines["right"].set_position(("axes", 1.0 + 0.16 * (i - 1)))
            color = LINE_COLORS[i % len(LINE_COLORS)]
            (self.lines_[name],) = axis.plot(
                self.dimensions,
                values,
                color=color,
                linestyle=LINES[i % len(LINES)],
                marker=markers[i % len(markers)],
                linewidth=1.8,
                label=name,
            )
            finite = values[np.isfinite(values)]
            wide = finite.size and finite.min() > 0 and finite.max() > 5 * finite.min()
            axis.set_yscale("log" if wide else "linear")
            axis.set_ylabel(name[:1].upper() + name[1:], color=color)
            axis.tick_params(axis="y", colors=color)
            self.axes_.append(axis)
        handles = list(self.lines_.values())
        if self.dimension is not None:
            style = {"color": "0.35", "linestyle": ":", "linewidth": 1.4}
            label = f"dimension {self.dimension}"
            self.mark_ = ax.axvline(self.dimension, label=label, **style)
            handles.append(self.mark_)
        ax.set(xlabel="Dimension d", xticks=self.dimensions)
        ax.grid(alpha=0.25)
        above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.01)}
        self.legend_ = ax.legend(
            handles=handles, ncols=len(handles), frameon=False, **above
        )
        if self.name is not None:
            ax.set_title(self.name, pad=30)
        return self
