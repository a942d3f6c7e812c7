"""The store of finished runs and checks: records, their Parquet files, and the folder that holds them."""

from cnn_study.results.records import CheckRecord, Ended, Point, RunRecord
from cnn_study.results.store import Store

__all__ = ["CheckRecord", "Ended", "Point", "RunRecord", "Store"]
