"""Hooks for the ``kedro`` command, which Kedro finds by an entry point in pyproject.toml."""

from kedro.framework.cli.hooks import cli_hook_impl

from podium import interrupts

from .failures import show_uncaught

__all__ = ["cli_hooks"]


class CliHooks:
    """Hooks around Kedro's commands."""

    @cli_hook_impl
    def before_command_run(self, command_args: list[str]) -> None:
        """Show errors as ``podium`` does, and end ``kedro run`` on Ctrl-C as ``podium run`` ends.

        Kedro's other commands are servers, which stop on Ctrl-C in their own ways.
        """
        show_uncaught()
        if command_args[:1] == ["run"]:
            interrupts.listen()


cli_hooks = CliHooks()
