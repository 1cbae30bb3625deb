# SPDX-License-Identifier: GPL-2.0
"""What the verbs in tools/ share."""
