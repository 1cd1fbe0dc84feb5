"""What service-tracking is measured against: the trackers and the scores that people would use in its place."""

from benchmarks.headless import prefer_headless_opencv

prefer_headless_opencv()
