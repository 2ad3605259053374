"""Hooks for the ``kedro`` command, registered by an entry point in pyproject.toml."""

from kedro.framework.cli.hooks import cli_hook_impl

from podium import interrupts

from . import cli
from .failures import show_uncaught

__all__ = ["cli_hooks"]


class CliHooks:
    """The hook that Kedro calls before each of its commands."""

    @cli_hook_impl
    def before_command_run(self, command_args: list[str]) -> None:
        """Show Podium's errors without a stack trace, and make Ctrl-C end ``kedro run`` as it ends ``podium run``.

        Likewise for Podium's own commands, such as ``kedro demo``. Kedro's other commands keep their own handling of
        Ctrl-C, because some are servers, such as ``kedro viz``.
        """
        show_uncaught()
        if command_args and command_args[0] in {"run", *cli.commands}:
            interrupts.listen()


cli_hooks = CliHooks()
