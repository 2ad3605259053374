"""``make mlflow``: an MLflow server for an environment's own database. Not a command of ``podium``."""

import click

from .options import env_option

__all__ = ["main"]


@click.command()
@env_option
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535))
def main(env: str, port: int) -> None:
    """Serve the runs and models of the MLflow database in an environment's own folder, until Ctrl-C."""
    from podium.registry.server import serve

    from .project import open_project

    folder = open_project(env).section("globals")["local"]
    click.echo(f"Starting MLflow for {env}, from {folder} ...")
    raise SystemExit(serve(folder, port, lambda address: click.echo(f"MLflow of {env}: {address}   (Ctrl-C stops it)")))


if __name__ == "__main__":
    main()
