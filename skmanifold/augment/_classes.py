# SPDX-License-Identifier: BSD-3-Clause

"""Second views of samples drawn from their classes."""

import numpy as np
import torch

# The largest float32 below 1.
_BELOW_ONE = 1 - 2.0**-24


class ClassSampler:
    """Sampler of partners of the same class in place of neighbors.

    With probability `weight` the partner of a labeled sample is another sample of its
    class, otherwise a neighbor. A sample that is alone in its class gets a neighbor, or
    itself if that neighbor has another known class.

    Parameters
    ----------
    codes : ndarray of shape (n,), int
        Class of each sample, from 0; -1 if it is unknown.
    weight : float
        Probability, in (0, 1], of drawing from the class.
    device : torch.device or str, default="cpu"
        Device of the random numbers.

    See Also
    --------
    sample_neighbors : Sample from the neighbors.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmanifold.augment import ClassSampler
    >>> sampler = ClassSampler(np.array([0, 1, -1, 0]), weight=1.0)
    >>> rows = torch.arange(4)
    >>> def next_sample(rows, uniform):
    ...     return (rows + 1) % 4, uniform
    >>> others, share = sampler.draw(rows, torch.full((4,), 0.5), next_sample)
    >>> others
    tensor([3, 2, 3, 0])
    """

    def __init__(self, codes, weight, device="cpu"):
        codes = np.asarray(codes, dtype=np.int64)
        # samples class by class; unknown ones, of code -1, come first
        order = np.argsort(codes, kind="stable")
        counts = np.bincount(codes + 1)
        starts = np.cumsum(counts) - counts
        positions = np.empty_like(order)
        positions[order] = np.arange(len(codes)) - np.repeat(starts, counts)
        self.codes, self._samples, self._positions, self._starts, self._counts = (
            torch.from_numpy(values).to(device)
            for values in (codes, order, positions, starts, counts)
        )
        # one number on each device
        self._weight = float(np.float32(weight))

    def draw(self, rows, uniform, otherwise):
        """Draw a partner for each sample, and a position between the two.

        Parameters
        ----------
        rows : torch.Tensor of shape (m,), int64
            Samples.
        uniform : torch.Tensor of shape (m,), float32
            Draws from [0, 1).
        otherwise : callable
            ``otherwise(rows, uniform)``: partners and shares drawn without labels.

        Returns
        -------
        others : torch.Tensor of shape (m,), int64
            A partner of each.
        share : torch.Tensor of shape (m,)
            Uniform in [0, 1).
        """
        codes = self.codes[rows]
        known = codes >= 0
        # the two sides of the weight, each stretched to [0, 1), are uniform again
        of_class = uniform < self._weight
        stretched = torch.where(
            of_class,
            uniform * (1 / self._weight),
            (uniform - self._weight) * (1 / max(1 - self._weight, 2.0**-24)),
        ).clamp_(max=_BELOW_ONE)
        uniform = torch.where(known, stretched, uniform)
        near, near_share = otherwise(rows, uniform)

        n_mates = self._counts[codes + 1] - 1
        place = uniform * n_mates
        step = torch.minimum(place.long(), n_mates - 1)
        # past the sample itself
        step = step + (step >= self._positions[rows])
        alone = n_mates == 0
        near_codes = self.codes[near]
        foreign = (near_codes >= 0) & (near_codes != codes)
        mates = self._samples[self._starts[codes + 1] + step.masked_fill_(alone, 0)]
        mates = torch.where(alone & ~foreign, near, mates)

        of_class &= known
        others = torch.where(of_class, mates, near)
        return others, torch.where(of_class & ~alone, place.frac(), near_share)

    def of_other_classes(self, rows):
        """Return the pairs of samples that are known to be of different classes.

        Parameters
        ----------
        rows : torch.Tensor of shape (m,), int64
            Samples.

        Returns
        -------
        torch.Tensor of shape (m, m), bool
            True where both classes are known, and differ.
        """
        codes = self.codes[rows]
        known = codes >= 0
        return (codes.unsqueeze(1) != codes) & (known.unsqueeze(1) & known)
