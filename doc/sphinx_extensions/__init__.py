# SPDX-License-Identifier: BSD-3-Clause

"""Extensions of Sphinx: external links, grouped parameters, line breaks, thumbnails."""
