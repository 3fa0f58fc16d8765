"""A benchmark as one page to look at: tables, plots and crops in a single file that asks for no other."""

from keras_sr.evaluation.report.page import write_report

__all__ = ["write_report"]
