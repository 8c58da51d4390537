"""Where work is done: functions submitted to an executor, on this machine or on a cluster."""

from __future__ import annotations
