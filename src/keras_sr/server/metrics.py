"""Figures for Prometheus, in its text format."""

from keras_sr.server.jobs import Jobs


def exposition(jobs: Jobs, seconds_up: float) -> str:
    """Return all figures of a server."""
    lines = [
        *_metric("jobs_total", "counter", "Jobs that have ended, by how."),
        *(f'keras_sr_jobs_total{{state="{state}"}} {count}' for state, count in jobs.counts.items()),
        *_metric("jobs_refused_total", "counter", "Jobs that found the queue full.", jobs.refused),
        *_metric("jobs_queued", "gauge", "Jobs that wait.", jobs.queued),
        *_metric("jobs_running", "gauge", "Jobs at work.", jobs.running),
        *_metric("jobs_kept", "gauge", "Jobs whose files are kept, ended ones included.", jobs.kept),
        *_metric("batches", "gauge", "Batches that are known.", jobs.batches),
        *_metric("stored_bytes", "gauge", "Bytes of pictures and results on the disk.", jobs.stored()),
        *_metric("compute_seconds_total", "counter", "Seconds spent enlarging.", round(jobs.seconds, 3)),
        *_metric("up_seconds", "gauge", "Seconds since the server started.", round(seconds_up, 1)),
    ]
    return "\n".join(lines) + "\n"


def _metric(name: str, kind: str, text: str, value: float | None = None) -> list[str]:
    head = [f"# HELP keras_sr_{name} {text}", f"# TYPE keras_sr_{name} {kind}"]
    return head if value is None else [*head, f"keras_sr_{name} {value}"]
