# SPDX-License-Identifier: BSD-3-Clause

"""Multi-layer perceptrons."""

import torch
from torch import nn

from skmanifold.utils._sizes import check_name, checked_widths, is_size

_NORMS = {
    "layer": nn.LayerNorm,
    "batch": nn.BatchNorm1d,
    "none": lambda n_features: nn.Identity(),
}
ACTIVATIONS = {
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": lambda: nn.Softplus(beta=100.0),
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(0.1),
    "tanh": nn.Tanh,
}


class MLP(nn.Module):
    """Multi-layer perceptron: (linear, norm, activation) blocks and a linear head.

    Hidden layers follow the surrounding autocast. The head always uses full precision:
    in half precision, distinct samples would coincide on a coarse grid.

    Read more in the :ref:`User Guide <own_network>`.

    Parameters
    ----------
    n_in : int
        Number of inputs.
    n_out : int
        Number of outputs.
    layers : sequence of int, default=(256, 128)
        Widths of the hidden layers. Increase them for large, complex data.
    norm : {"layer", "batch", "none"}, default="layer"
        Normalization after each hidden linear map.
    activation : {"gelu", "silu", "softplus", "relu", "leaky_relu", "tanh"}, \
default="gelu"
        Activation of the hidden layers; "softplus" is sharp, with beta 100.
    output_norm : {"batch", "none"}, default="none"
        Normalization of the outputs, without scale and shift.

    Raises
    ------
    ValueError
        If a width is not a positive integer, or a name is unknown.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.nn import MLP
    >>> MLP(4, 2, layers=(16,))(torch.zeros(3, 4)).shape
    torch.Size([3, 2])
    """

    def __init__(
        self,
        n_in,
        n_out,
        *,
        layers=(256, 128),
        norm="layer",
        activation="gelu",
        output_norm="none",
    ):
        super().__init__()
        if not is_size(n_in) or not is_size(n_out):
            raise ValueError(
                f"n_in={n_in!r} and n_out={n_out!r} must be positive integers."
            )
        check_name("norm", norm, _NORMS)
        check_name("activation", activation, ACTIVATIONS)
        check_name("output_norm", output_norm, ("batch", "none"))
        hidden, width = [], n_in
        for n_units in checked_widths("layers", layers):
            hidden += [nn.Linear(width, n_units), _NORMS[norm](n_units)]
            hidden += [ACTIVATIONS[activation]()]
            width = n_units
        self.hidden = nn.Sequential(*hidden)
        self.head = nn.Linear(width, n_out)
        self.output_norm = (
            nn.BatchNorm1d(n_out, affine=False)
            if output_norm == "batch"
            else nn.Identity()
        )

    def forward(self, x):
        """Map samples of shape (n, n_in) to outputs of shape (n, n_out)."""
        x = self.hidden(x)
        with torch.autocast(x.device.type, enabled=False):
            return self.output_norm(self.head(x.to(self.head.weight.dtype)))
