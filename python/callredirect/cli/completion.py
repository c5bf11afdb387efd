"""``callredirect completion``: for bash, zsh and fish, made out of the parsers themselves."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from ._arguments import Arguments, OneOf, Words, file_name
from ._failure import OK
from ._terminal import Terminal

if TYPE_CHECKING:
    import argparse

_SHELLS = ("bash", "zsh", "fish")
EXAMPLES = """
to switch it on:
  bash   source <(callredirect completion bash)    in ~/.bashrc
  zsh    source <(callredirect completion zsh)     in ~/.zshrc, after compinit
  fish   callredirect completion fish | source     in ~/.config/fish/config.fish
"""


def arguments() -> Arguments:
    """The parser of its arguments."""
    parser = Arguments("completion", "Prints the completion of commands, options, words and files.", EXAMPLES)
    parser.add_argument("shell", type=OneOf(*_SHELLS), metavar="SHELL", help=", ".join(_SHELLS))
    parser.add_json("print the script as one JSON document")
    return parser


def run(options: argparse.Namespace) -> int:
    """Prints the script."""
    script = {"bash": _bash, "zsh": _zsh, "fish": _fish}[options.shell](_commands())
    out = Terminal(sys.stdout)
    if options.json:
        out.say_json({"shell": options.shell, "script": script})
    else:
        out.stream.write(script)
    return OK


class _Option(NamedTuple):
    names: list[str]
    takes: str | None
    """What it takes, for people; ``None`` for a switch."""
    words: tuple[str, ...]
    files: bool
    repeats: bool
    help: str


class _Command(NamedTuple):
    name: str
    summary: str
    options: list[_Option]
    words: tuple[str, ...]
    """What may stand without an option."""
    files: bool


def _commands() -> list[_Command]:
    from . import COMMANDS, command

    found = []
    for name, summary in COMMANDS.items():
        actions = command(name).arguments()._actions
        options = [_option(action) for action in actions if action.option_strings]
        bare = [_option(action) for action in actions if not action.option_strings]
        words = tuple(word for option in bare for word in option.words)
        found.append(_Command(name, summary, options, words, any(option.files for option in bare)))
    return found


def _option(action: argparse.Action) -> _Option:
    # What argparse's own types do not tell: a type may be any callable.
    kind: Any = action.type
    words: tuple[str, ...] = kind.words if isinstance(kind, Words) else ()
    is_switch = str(action.nargs) == "0"
    takes = None if is_switch else str(action.metavar or action.dest)
    files: bool = kind is file_name
    return _Option(list(action.option_strings), takes, words, files, _repeats(action), action.help or "")


def _repeats(action: argparse.Action) -> bool:
    return type(action).__name__ == "_AppendAction"


def _bash(commands: list[_Command]) -> str:
    cases = []
    for command in commands:
        taking = [option for option in command.options if option.takes is not None]
        known = [option for option in taking if option.words or option.files]
        values = [
            f"            {'|'.join(option.names)}) {_bash_value(option)}; return ;;" for option in known
        ]
        anything = [name for option in taking if option not in known for name in option.names]
        values += [f"            {'|'.join(anything)}) return ;;"] if anything else []
        options = " ".join(name for option in command.options for name in option.names)
        bare = "_callredirect_files" if command.files else f"_callredirect_words '{' '.join(command.words)}'"
        cases.append(
            f"    {command.name})\n"
            + ("        case $previous in\n" + "\n".join(values) + "\n        esac\n" if values else "")
            + f"        if [[ $current == -* ]]; then _callredirect_words '{options}'; else {bare}; fi ;;"
        )
    names = " ".join(command.name for command in commands)
    body = "\n".join(cases)
    return f"""# bash completion of callredirect
_callredirect_words() {{
    local word
    COMPREPLY=()
    for word in $1; do
        if [[ $word == "$current"* ]]; then COMPREPLY+=("$word"); fi
    done
}}

_callredirect_files() {{
    COMPREPLY=()
    # Names with blanks and folders are the shell's business; the bash of macOS cannot be asked.
    compopt -o default 2> /dev/null || COMPREPLY=($(compgen -f -- "$current"))
}}

_callredirect() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} command=${{COMP_WORDS[1]}}
    # `--option=value` comes as three words.
    if [[ $current == = ]]; then current=; fi
    if [[ $previous == = ]]; then previous=${{COMP_WORDS[COMP_CWORD - 2]}}; fi
    if [[ $COMP_CWORD == 1 ]]; then _callredirect_words '{names} --help --version'; return; fi
    COMPREPLY=()
    case $command in
{body}
    esac
}}
complete -F _callredirect callredirect
"""


def _bash_value(option: _Option) -> str:
    return "_callredirect_files" if option.files else f"_callredirect_words '{' '.join(option.words)}'"


def _zsh(commands: list[_Command]) -> str:
    described = "\n".join(f"        {_quoted(f'{command.name}:{command.summary}')}" for command in commands)
    cases = []
    for command in commands:
        lines = [_zsh_option(option) for option in command.options]
        if command.files:
            lines.append(_quoted("*:file:_files"))
        elif command.words:
            lines.append(_quoted(f"*:word:({' '.join(command.words)})"))
        cases.append(f"    {command.name}) _arguments " + " \\\n            ".join(lines) + " ;;")
    body = "\n".join(cases)
    return f"""#compdef callredirect
_callredirect() {{
    local -a commands
    commands=(
{described}
    )
    if (( CURRENT == 2 )); then
        _describe command commands
        return
    fi
    local command=$words[2]
    shift words
    (( CURRENT-- ))
    case $command in
{body}
    esac
}}

if [[ $funcstack[1] == _callredirect ]]; then
    _callredirect "$@"
else
    compdef _callredirect callredirect
fi
"""


def _zsh_option(option: _Option) -> str:
    text = option.help.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")
    value = ""
    if option.takes is not None:
        what = "_files" if option.files else f"({' '.join(option.words)})" if option.words else ""
        value = f":{option.takes}:{what}"
    once = "*" if option.repeats else ""
    if len(option.names) == 1:
        equals = "=" if option.takes is not None else ""
        return _quoted(f"{once}{option.names[0]}{equals}[{text}]{value}")
    names = ",".join(option.names)
    others = _quoted("(" + " ".join(option.names) + ")")
    return others + "{" + names + "}" + _quoted(f"[{text}]{value}")


def _fish(commands: list[_Command]) -> str:
    lines = [
        "# fish completion of callredirect",
        "complete -c callredirect -f",
        "complete -c callredirect -n __fish_use_subcommand -l help -s h -d 'show the commands'",
        "complete -c callredirect -n __fish_use_subcommand -l version -s V -d 'show the version'",
    ]
    lines += [
        f"complete -c callredirect -n __fish_use_subcommand -a {command.name} -d {_fish_quoted(command.summary)}"
        for command in commands
    ]
    for command in commands:
        begin = f"complete -c callredirect -n '__fish_seen_subcommand_from {command.name}'"
        if command.files:
            lines.append(f"{begin} -F")
        if command.words:
            lines.append(f"{begin} -a {_fish_quoted(' '.join(command.words))}")
        for option in command.options:
            names = " ".join(
                f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names
            )
            if option.takes is None:
                value = ""
            elif option.files:
                value = " -r -F"
            else:
                value = " -x" + (f" -a {_fish_quoted(' '.join(option.words))}" if option.words else "")
            lines.append(f"{begin} {names}{value} -d {_fish_quoted(option.help)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """For bash and zsh."""
    return "'" + text.replace("'", "'\\''") + "'"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
