"""Limit how long a Spark Connect client waits for a server that does not answer."""

from pyspark.sql import SparkSession

from .addresses import answers

__all__ = ["be_impatient", "end_session"]


def be_impatient(session: SparkSession, *, retries: int = 5) -> None:
    """Limit the retries of each request. Five retries take three seconds; PySpark's default takes over ten minutes."""
    from pyspark.sql.connect.client.retries import DefaultPolicy

    patience = DefaultPolicy(max_retries=retries, initial_backoff=100, max_backoff=4000, backoff_multiplier=2)
    session.client.set_retry_policies([patience])


def end_session(session: SparkSession, address: str) -> None:
    """Stop a session. If its server is gone, only close the client: stopping the session would wait for the server."""
    if answers(address):
        session.stop()
    else:
        session.client.close()
