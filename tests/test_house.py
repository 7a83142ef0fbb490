# SPDX-License-Identifier: BSD-3-Clause

"""Promises of every estimator, and scikit-learn's checks.

What holds for all estimators is tested here, once, and not in the files of each. What
the template does for any method is tested in ``tests/base``, on a small one.
"""

import functools
import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.utils._param_validation import Interval, make_constraint
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

import skmanifold
from skmanifold.training import TrainingOptions
from skmanifold.utils._checks import _fits, _results, _unusual_inputs
from skmanifold.utils.estimator_checks import parametrize_with_deep_checks

NAMES = sorted(skmanifold._ESTIMATORS)

# What makes an estimator quick. One that is not named here is checked as it comes.
SMALL = {
    "AtlasAE": {"n_charts": 3, "encoder_layers": (16,), "decoder_layers": (16,)},
    "AtlasTriplet": {"n_charts": 3, "encoder_layers": (16,), "feature_dim": 8},
    "DCRL": {
        "n_clusters": 3,
        "n_components": 2,
        "init": "k-means",  # no network before the network
        "encoder_layers": (16,),
        "representation_epochs": 1,
        "pretraining_epochs": 1,
    },
    "DLME": {"structure_layers": (16,), "structure_dim": 8, "embedding_layers": (16,)},
    "IsometricAE": {"encoder_layers": (16,)},
    "MSimCLR": {"n_charts": 3, "encoder_layers": (16,), "feature_dim": 8},
    "TLDR": {"n_components": 4, "projector_dim": 16},
    "TopologicalAE": {"encoder_layers": (16,)},
}


def small(name, **params):
    estimator = getattr(skmanifold, name)()
    if "n_jobs" in estimator.get_params():
        estimator.set_params(n_jobs=1)
    quick = {"max_epochs": 1, "batch_size": 20, **SMALL.get(name, {})}
    return estimator.set_params(**{**quick, **params})


ESTIMATORS = [small(name) for name in NAMES]

# Other ways through fit and transform.
VARIANTS = [
    small("AtlasAE", membership="soft", divergence="gan"),
    small("AtlasTriplet", membership="hard"),
    small("DLME", n_clusters=2),
    small("DLME", label_weight=0.5),
    small("DLME", decoder=True),
    small("DLME", batch_size=10, subsample=15),
    small("IsometricAE", n_clusters=2, anchor=None),
    small("MSimCLR", membership="soft"),
    small("TLDR", encoder="factorized", projector_dim=None),
    small("TLDR", encoder="mlp", encoder_layers=(16,)),
    small("TopologicalAE", max_homology_dimension=1),
]


def one_by_one(estimators, *checks):
    """Make each check of each estimator a test."""

    def name_of(estimator):
        return re.sub(r" at 0x\w+|\s+", "", str(estimator))

    cases = [
        pytest.param(estimator, check, id=f"{name_of(estimator)}-{check.__name__}")
        for estimator in estimators
        for check in checks
    ]
    return pytest.mark.parametrize("estimator, check", cases)


pytestmark = [
    pytest.mark.filterwarnings("ignore:The graph of .* parts:UserWarning"),
    pytest.mark.filterwarnings("ignore:Training left .* empty:UserWarning"),
]


@parametrize_with_deep_checks(ESTIMATORS, scikit_learn=False)
def test_guarantees_hold(estimator, check):
    check(estimator)


# no check is expected to fail
@parametrize_with_checks(
    [clone(e).set_params(batch_size="auto") for e in (*ESTIMATORS, *VARIANTS)]
)
@pytest.mark.filterwarnings("ignore:n_neighbors=.*:UserWarning")
@pytest.mark.filterwarnings("ignore:n_clusters=.*:UserWarning")
@pytest.mark.filterwarnings("ignore:n_charts=.*:UserWarning")
def test_scikit_learns_checks_pass(estimator, check):
    if check.func.__name__ == "check_clustering":  # needs clusters that were learned
        estimator.set_params(max_epochs="auto", pretraining_epochs="auto")
    check(estimator)


def test_every_estimator_is_checked():
    assert set(SMALL) <= set(NAMES)
    assert NAMES == [type(estimator).__name__ for estimator in ESTIMATORS]


# More than one step, and larger networks --------------------------------------


@one_by_one(
    [
        *(small(name, max_epochs=20) for name in NAMES),
        small("AtlasAE", max_epochs=20, init="farthest"),
        small("AtlasAE", max_epochs=20, init="random", denoise=True),
        small("MSimCLR", max_epochs=20, image_shape=(8, 8)),
    ],
    _unusual_inputs.check_unusual_columns,
    _unusual_inputs.check_extreme_scales,
    _unusual_inputs.check_repeated_samples,
)
def test_unusual_data_are_learned_over_many_steps(estimator, check):
    check(type(estimator).__name__, estimator)


def large(name, precision="auto", **params):
    """Layers and batches whose products take all threads."""
    training = TrainingOptions(precision=precision)
    widths = {"encoder_layers": (512, 128), "structure_layers": (512, 128)}
    known = getattr(skmanifold, name)().get_params(deep=False)
    widths = {key: value for key, value in widths.items() if key in known}
    return small(name, batch_size=150, training=training, **widths, **params)


@one_by_one(
    [
        # losses are in float32 in any case, and the layers are the same for all
        large("DLME", "float32"),
        large("IsometricAE", "float32"),
        *(large(name, "bfloat16") for name in NAMES),
        large("AtlasAE", "bfloat16", divergence="gan"),
        large("DCRL", label_hold=0.0),
        large("DLME", label_weight=0.5),
        large("IsometricAE", image_shape=(8, 8)),
        large("IsometricAE", latent_prior="gaussian"),
        large("MSimCLR", "bfloat16", image_shape=(8, 8)),
    ],
    _results.check_transform_of_subsets,
    _results.check_same_bits_for_any_number_of_threads,
)
@pytest.mark.filterwarnings("ignore:batch_size=.*:UserWarning")
def test_large_networks_keep_their_bits(estimator, check):
    check(type(estimator).__name__, estimator)


# A network of the user's own ---------------------------------------------------


def dropping(*sizes):
    """A network that draws from torch's global generator."""
    return nn.Sequential(nn.Linear(sizes[0], sizes[-1]), nn.Dropout(0.3))


@one_by_one(
    [
        *(small(name, encoder=dropping) for name in NAMES),
        small("AtlasAE", divergence="gan"),
        small("DLME", augmentation=nn.functional.dropout),
        small("DLME", label_weight=0.5),
        small("DLME", decoder=True),
        small("DLME", batch_size=10, subsample=15),
        small("MSimCLR", augmentation=nn.functional.dropout),
        small("MSimCLR", image_shape=(8, 8)),
        small(
            "DCRL",
            image_shape=(8, 8),
            representation_epochs=2,
            pretraining_epochs=2,
            label_hold=0.0,
        ),
    ],
    _results.check_reproducibility,
    _fits.check_interrupted_fit_resumes,
)
def test_draws_of_any_code_are_seeded(estimator, check):
    check(type(estimator).__name__, estimator)


@pytest.mark.parametrize("name", NAMES)
def test_true_is_no_number(name):
    for constraints in small(name)._parameter_constraints.values():
        for constraint in constraints:
            if isinstance(constraint, Interval):
                assert not constraint.is_satisfied_by(True)


X, Y = np.random.RandomState(0).randn(40, 4), np.arange(40) % 3


def networks_of(name):
    """Parameters of an estimator that take a network."""
    constraints = small(name)._parameter_constraints
    return [p for p in ("encoder", "decoder") if callable in constraints.get(p, ())]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:.*has BatchNorm1d.*:UserWarning")
def test_a_given_network_is_copied(name):
    for parameter in networks_of(name):
        made = []

        def make(*sizes, made=made):
            n_in, n_out = sizes[0], sizes[-1]
            layers = nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.Dropout(0.3)
            made.append(nn.Sequential(*layers))
            return made[-1]

        small(name, **{parameter: make}).fit(X, Y)
        (network,) = made[-1:]
        network.train()
        before = {key: value.clone() for key, value in network.state_dict().items()}
        model = small(name, random_state=0, **{parameter: network}).fit(X, Y)
        assert network.training and getattr(model, parameter) is network
        parts = [v for v in vars(model).values() if isinstance(v, nn.Module)]
        layers = [layer for part in parts for layer in part.modules()]
        assert any(isinstance(layer, nn.Dropout) for layer in layers), "it is used"
        for key, value in network.state_dict().items():
            assert torch.equal(value, before[key]), key
        again = small(name, random_state=0, **{parameter: network}).fit(X, Y)
        assert_array_equal(again.embedding_, model.embedding_)


AUGMENTED = [name for name in NAMES if "augmentation" in small(name).get_params()]


@pytest.mark.parametrize("name", AUGMENTED)
@pytest.mark.parametrize(
    "augmentation, received",
    [
        (lambda x: x[:, :2], r"a torch.float32 tensor of shape \(20, 2\)"),
        (lambda x: x.double(), r"a torch.float64 tensor of shape \(20, 4\)"),
        (lambda x: x.numpy(), "an object of type ndarray"),
    ],
)
def test_invalid_augmentations_are_refused(name, augmentation, received):
    with pytest.raises(ValueError, match=f"augmentation returned {received}"):
        small(name, augmentation=augmentation).fit(X)


@pytest.mark.parametrize("name", AUGMENTED)
def test_augmentation_in_place_reaches_one_view_only(name):
    results = [
        small(name, augmentation=move, random_state=0).fit_transform(X)
        for move in (lambda x: x + 0.1, lambda x: x.add_(0.1))
    ]
    assert_array_equal(*results)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_for_other_inputs_is_found_before_training(name):
    for parameter in networks_of(name):
        model = small(name, **{parameter: nn.Linear(7, 2)})
        with pytest.raises(ValueError, match=rf"{parameter} could not map .*\(2, \d"):
            model.fit(X, Y)
        assert not hasattr(model, "network_")


# The embedding -----------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_components", [1, 6])
def test_components_have_their_number_and_names(name, n_components):
    model = small(name, n_components=n_components).set_output(transform="pandas")
    Z = model.fit(X, Y).transform(X)
    prefix = name.lower()
    names = [f"{prefix}{i}" for i in range(n_components)]
    if hasattr(model, "n_charts"):
        axes = ["", *(f"_axis{i}" for i in range(n_components))]
        names = [f"{prefix}_chart{j}{axis}" for j in range(3) for axis in axes]
    assert list(Z.columns) == names == list(model.get_feature_names_out())
    assert_array_equal(Z.to_numpy(), model.embedding_)


# Effects of parameters ----------------------------------------------------------

# Parameters with which others have an effect.
IMAGES = {"image_shape": (8, 8)}
NEEDED = {
    "augmentation": IMAGES,
    "encoder_layers": {"encoder": "mlp"},
    "metric_params": {"metric": "minkowski"},
    "representation_dim": IMAGES,
    "representation_epochs": IMAGES,
    "structure_gradient": {"nu_structure": 1.0},
}

# Other values of each parameter, as far as a method allows them.
OTHERS = {
    "activation": ["relu", "gelu", "tanh", "softplus"],
    "alignment_weight": [0.0],
    "alpha": [0.5],
    "anchor": [None],
    "anchor_until": [1.0],
    "anchor_weight": [0.1],
    "arrange_centers": [False],
    "augmentation": ["mix", "none", "noise", "crop"],
    "batch_size": [40],
    "center_learning_rate": [1.0],
    "cluster_weight": [3.0],
    "continuation": [0.0, 1.0],
    "damping": [None],
    "decoder_layers": [(8,)],
    "denoise": [True],
    "distance_weight": [0.0, 1.0],
    "divergence": ["gan"],
    "divergence_weight": [2.0],
    "embedding_layers": [(16,)],
    "encoder_layers": [(8,), (16, 8)],
    "extra_components": [0, 1],
    "feature_dim": [16],
    "image_shape": [(8, 8)],
    "init": ["random", "farthest"],
    "isometry_weight": [0.0, 0.3],
    "kernel": ["density"],
    "label_hold": [0.5],
    "label_smoothing": [0.5],
    "label_weight": [0.5],
    "latent_prior": ["gaussian"],
    "learning_rate": [0.05],
    "local_weight": [3.0],
    "locality_weight": [0.0],
    "margin": [0.01],
    "max_epochs": [3],
    "max_homology_dimension": [1],
    "membership": ["soft", "hard"],
    "metric": ["manhattan", "cosine"],
    "metric_params": [{"p": 3}],
    "n_charts": [5],
    "n_clusters": [5],
    "n_components": [3],
    "n_landmarks": [20],
    "n_neighbors": [3, 20, None],
    "noise": [0.0],
    "norm": ["none", "batch", "layer"],
    "nu_embedding": [1.0],
    "nu_structure": [1.0],
    "pretraining_epochs": [0],
    "projection": ["paper"],
    "projector_dim": [8],
    "pseudo_inverse_weight": [0.0, 0.3],
    "rank_scale": [1.0],
    "rank_weight": [0.0, (0.0, 1.0)],
    "reconstruction_weight": [0.1],
    "redundancy_weight": [1.0],
    "regularization_weight": [0.0, 5.0],
    "representation": [PCA(5, random_state=0)],
    "representation_dim": [5],
    "representation_epochs": [2],
    "repulsion": [None, 0.0],
    "repulsion_warmup": [0.0],
    "sharpness_weight": [0.0],
    "structure_dim": [4],
    "structure_gradient": [True],
    "structure_layers": [(8,), ()],
    "subsample": [50],
    "temperature": [0.5],
    "topology_weight": [0.0],
    "triplets": ["semi-hard"],
}

# Parameters that change no embedding, or are tested where they are defined.
IDLE = {
    *("connectivity", "decoder", "device", "encoder", "n_init", "n_jobs"),
    *("neighbors_algorithm", "random_state", "training", "verbose", "warm_start"),
    *("AtlasTriplet.n_neighbors", "DLME.n_clusters", "IsometricAE.n_clusters"),
}


def options_of(name):
    """Yield each parameter, another value, and the parameters it needs."""
    known = small(name).get_params(deep=False)

    def is_allowed(parameter, value):
        constraints = small(name)._parameter_constraints.get(parameter, ())
        return any(make_constraint(c).is_satisfied_by(value) for c in constraints)

    for parameter in sorted({*known} - IDLE):
        needed = NEEDED.get(parameter, {}).items()
        needed = {other: value for other, value in needed if is_allowed(other, value)}
        for value in OTHERS[parameter] if f"{name}.{parameter}" not in IDLE else ():
            if is_allowed(parameter, value) and value != known[parameter]:
                yield parameter, value, needed


@functools.cache
def embedding_of(name, parameters):
    X, y = load_digits(return_X_y=True)
    training = TrainingOptions(precision="float32")
    base = {"max_epochs": 2, "training": training, "random_state": 0}
    model = small(name, **base).set_params(**dict(parameters))
    return model.fit_transform(X[:100], y[:100])


@pytest.mark.parametrize(
    "name, parameter, value, needed",
    [(name, *options) for name in NAMES for options in options_of(name)],
    ids=str,
)
def test_each_parameter_has_an_effect(name, parameter, value, needed):
    without = embedding_of(name, tuple(needed.items()))
    Z = embedding_of.__wrapped__(name, ((parameter, value), *needed.items()))
    assert np.isfinite(Z).all()
    assert not np.array_equal(Z, without)


# Ranges of parameters ----------------------------------------------------------

# Values just outside of the range of each method's own parameters. What all methods
# refuse, and what no constraint allows, is tried by check_invalid_parameters.
OUTSIDE = {
    "alpha": [0.0, 1.5],
    "anchor_until": [0.0, 1.1],
    "anchor_weight": [-1],
    "arrange_centers": ["yes"],
    "center_learning_rate": [0],
    "cluster_weight": ["strong"],
    "continuation": [1.5],
    "damping": [0],
    "decoder": [3],
    "distance_weight": [-1.0, "strong"],
    "encoder": ["deep"],
    "encoder_layers": ["wide", (0,)],
    "extra_components": [-1],
    "feature_dim": [0],
    "image_shape": [8],
    "isometry_weight": [-0.1],
    "label_hold": [-0.1],
    "label_smoothing": [2],
    "label_weight": [-0.1, 1.1, "auto"],
    "local_weight": [(1.0,), (1.0, -2.0), (1, np.inf), ("a", 1)],
    "margin": [0.0],
    "max_homology_dimension": [-1],
    "n_init": [0],
    "n_landmarks": [0],
    "noise": [-1],
    "norm": ["instance"],
    "nu_embedding": [-1.0],
    "nu_structure": [0],
    "pretraining_epochs": [-1],
    "projector_dim": [0],
    "pseudo_inverse_weight": ["strong"],
    "rank_scale": [0.0],
    "reconstruction_weight": [-1.0],
    "redundancy_weight": [-1],
    "regularization_weight": [-1],
    "representation_dim": [0],
    "representation_epochs": [0],
    "repulsion": [-1, "strong"],
    "repulsion_warmup": [1.5],
    "sharpness_weight": [-0.1],
    "structure_dim": [0],
    "temperature": [0.0],
    "topology_weight": [-1],
}


@pytest.mark.parametrize("name", NAMES)
def test_values_outside_a_range_are_refused(name):
    known = small(name).get_params(deep=False)
    for parameter, values in OUTSIDE.items():
        for value in values if parameter in known else ():
            with pytest.raises(ValueError, match=f"{parameter}.* must be"):
                small(name, **{parameter: value}).fit(X, Y)


def test_a_decoder_of_charts_has_a_hidden_layer():
    with pytest.raises(ValueError, match=r"encoder_layers.* has no layer"):
        small("AtlasAE", encoder_layers=()).fit(X)


@pytest.mark.parametrize("name", ["AtlasTriplet", "DCRL", "IsometricAE", "MSimCLR"])
def test_the_shape_of_other_images_is_refused(name):
    for width in (7, 9):
        match = (
            rf"image_shape=\(8, {width}\) has {8 * width} pixel values, but X has 64"
        )
        with pytest.raises(ValueError, match=match):
            small(name, image_shape=(8, width)).fit(np.repeat(X, 16, axis=1), Y)
