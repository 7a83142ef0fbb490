# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Checks of :mod:`skmanifold.utils.estimator_checks`, by subject.

Each check takes the name of an estimator and the estimator, which it clones and fits on
a few samples. It raises AssertionError with the broken promise.
"""

from ._fits import (
    check_foreign_checkpoints_are_refused,
    check_history,
    check_interrupted_anywhere,
    check_interrupted_by_a_callback,
    check_interrupted_fit_resumes,
    check_models_travel,
    check_stopped_by_a_callback,
    check_warm_start,
)
from ._inputs import (
    check_bad_networks_are_refused,
    check_bad_new_rows_are_refused,
    check_bad_parameters_are_named,
    check_bad_rows_are_refused,
    check_containers,
    check_data_frames,
    check_dates_and_lazy_frames,
    check_masked_arrays,
    check_number_types,
    check_sparse_matrices,
    check_too_large_a_batch_is_said,
    check_warnings_point_at_the_caller,
)
from ._neighbors import (
    check_distances_as_a_graph,
    check_many_copies,
    check_metrics,
    check_precomputed_distances,
    check_samples_alone,
)
from ._odd_inputs import (
    check_columns_that_vary_late,
    check_few_rows,
    check_heavy_tails,
    check_novelty,
    check_odd_columns,
    check_odd_new_samples,
    check_odd_samples,
    check_odd_scales,
    check_parts_in_other_units,
    check_parts_of_few_samples,
    check_repeated_rows,
)
from ._results import (
    check_fit_transform_is_transform,
    check_global_state_is_untouched,
    check_modes_of_the_caller_do_not_show,
    check_nothing_is_mutated,
    check_numbers_as_classes,
    check_refit_forgets,
    check_same_bits_for_any_number_of_threads,
    check_same_bits_in_a_worker,
    check_seed_decides,
    check_threads_may_share_a_model,
    check_transform_of_any_rows,
    check_unknown_labels,
    check_y_is_ignored_unless_needed,
)

# in order of execution
CHECKS = [
    check_transform_of_any_rows,
    # first, since later checks compare fits: unseeded randomness would be reported as
    # something else
    check_seed_decides,
    check_fit_transform_is_transform,
    check_nothing_is_mutated,
    check_threads_may_share_a_model,
    check_refit_forgets,
    check_y_is_ignored_unless_needed,
    check_unknown_labels,
    check_numbers_as_classes,
    check_same_bits_for_any_number_of_threads,
    check_same_bits_in_a_worker,
    check_global_state_is_untouched,
    check_modes_of_the_caller_do_not_show,
    check_bad_rows_are_refused,
    check_bad_new_rows_are_refused,
    check_bad_parameters_are_named,
    check_bad_networks_are_refused,
    check_few_rows,
    check_repeated_rows,
    check_many_copies,
    check_samples_alone,
    check_metrics,
    check_distances_as_a_graph,
    check_precomputed_distances,
    check_odd_columns,
    check_odd_samples,
    check_odd_new_samples,
    check_novelty,
    check_heavy_tails,
    check_columns_that_vary_late,
    check_parts_of_few_samples,
    check_parts_in_other_units,
    check_odd_scales,
    check_number_types,
    check_containers,
    check_data_frames,
    check_masked_arrays,
    check_dates_and_lazy_frames,
    check_sparse_matrices,
    check_too_large_a_batch_is_said,
    check_warnings_point_at_the_caller,
    check_history,
    check_models_travel,
    check_interrupted_by_a_callback,
    check_interrupted_anywhere,
    check_stopped_by_a_callback,
    check_warm_start,
    check_interrupted_fit_resumes,
    check_foreign_checkpoints_are_refused,
]
