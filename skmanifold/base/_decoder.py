# SPDX-License-Identifier: BSD-3-Clause

"""Decoding, for methods that learn a decoder."""

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils import gen_batches
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skmanifold._engine import apply_in_blocks
from skmanifold.utils._containers import check_matrix, counted

from ._inference import on_device, output_dtype


def _learns_decoder(estimator):
    return estimator._learns_decoder()


class DecoderMixin:
    """Decoding, for a :class:`DeepManifold` with a "decoder" among its networks.

    The decoder maps outputs of the encoder to its inputs. If learning one is optional,
    override ``_learns_decoder()`` to raise an AttributeError with the remedy; the
    methods below are then absent.

    Examples
    --------
    >>> from skmanifold import IsometricAE
    >>> from skmanifold.datasets import make_s_curve
    >>> X = make_s_curve(200, random_state=0).data
    >>> model = IsometricAE(max_epochs=2, random_state=0).fit(X)
    >>> model.inverse_transform(model.transform(X[:5])).shape
    (5, 3)
    """

    @available_if(_learns_decoder)
    def inverse_transform(self, X):
        """Map points of the embedding back to the space of the data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Points of the embedding.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            The decoded samples, in the units of the training data; float32 for float32
            and float16 input, float64 otherwise.

        Raises
        ------
        ValueError
            If X is not finite or has another number of columns than the embedding.
        """
        self._check_has_decoder()
        return self._decode(self.decoder_, self._check_codes(X))

    @available_if(_learns_decoder)
    def reconstruct(self, X):
        """Encode samples and decode them again.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data in the units of the training data.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            The reconstructed samples; float32 for float32 and float16 input, float64
            otherwise.

        Raises
        ------
        ValueError
            If X is not finite or has another number of features than in fit.
        """
        self._check_has_decoder()
        X = self._validate(X, reset=False)
        outputs = self._outputs(nn.Sequential(self.network_, self.decoder_), X)
        return self._restore(outputs, X.dtype)

    @available_if(_learns_decoder)
    def score(self, X, y=None):
        """Compute minus the mean squared error of the reconstruction.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data in the units of the training data.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        float
            Minus the mean squared Euclidean distance between a sample and its
            reconstruction, in the units of X: columns of small scale hardly count.
            At most 0; higher is better.

        Raises
        ------
        ValueError
            If X is not finite or has another number of features than in fit.
        """
        self._check_has_decoder()
        X = self._validate(X, reset=False)
        outputs = self._outputs(nn.Sequential(self.network_, self.decoder_), X)
        # in blocks, to keep a sparse X sparse and to avoid a copy of X
        total = 0.0
        for part in gen_batches(len(outputs), 1024):
            block = X[part].toarray() if hasattr(X, "toarray") else X[part]
            error = self._restore(outputs[part], np.float64) - block
            total += float(np.einsum("ij,ij->", error, error))
        return -total / len(outputs)

    def _learns_decoder(self):
        """Return whether fit learns a decoder."""
        return True

    def _check_has_decoder(self):
        check_is_fitted(self)
        if not hasattr(self, "decoder_"):
            raise NotFittedError(
                f"This {type(self).__name__} was fitted without a decoder. Call fit "
                "again to learn one."
            )

    def _before_decoding(self):
        """Return a module from results of ``transform`` to inputs of the decoder."""
        return nn.Identity()

    def _check_codes(self, X):
        Z = check_matrix(X, dtype=[np.float64, np.float32], estimator=self)
        if Z.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {counted(Z.shape[1], 'column')}, but the embedding of this "
                f"{type(self).__name__} has {self._n_features_out}. Pass points of the "
                "embedding, as returned by transform."
            )
        return Z

    def _decode(self, decoder, codes):
        return self._restore(self._outputs_of_codes(decoder, codes), codes.dtype)

    def _outputs_of_codes(self, network, codes):
        """Return the outputs of a network for points of the embedding, float32."""
        codes = _single(codes)
        network, device = on_device(self, network)
        return apply_in_blocks(
            network, lambda start, stop: codes[start:stop], len(codes), device=device
        )

    def _restore(self, outputs, dtype):
        """Return the outputs of a decoder in raw units, in the precision of input."""
        samples = self._scaler.inverse_transform(outputs)
        return samples.astype(output_dtype(dtype), copy=False)


def _single(codes):
    """Return points of the embedding in the precision of the networks."""
    with np.errstate(over="ignore"):
        single = codes.astype(np.float32)
    if not np.isfinite(single).all():
        raise ValueError(
            "X has values too large for float32. Pass points of the embedding, as "
            "returned by transform."
        )
    return single
