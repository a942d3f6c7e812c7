"""Install cnn-study and the locked versions of all it needs into the environment of the Python that runs this.

    .venv/bin/python .ci/install.py dev docs

The words name extras of pyproject.toml. Packages are added and brought to their locked versions, never removed. uv does
it, with the versions and digests of uv.lock. Where there is no uv it is installed first, into the environment. Where it
cannot be had, pip installs the same versions, which constraints.txt repeats.

uv does not read the settings of pip, in which networks name their mirror of PyPI: they are handed to it, and so are
those of uv to pip.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
CONSTRAINTS = PROJECT / "constraints.txt"

UV_NAMES = {
    "index-url": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"),
    "extra-index-url": ("UV_INDEX", "UV_EXTRA_INDEX_URL"),
    "find-links": ("UV_FIND_LINKS",),
    "trusted-host": ("UV_INSECURE_HOST",),
    "cert": ("SSL_CERT_FILE",),
    "client-cert": ("SSL_CLIENT_CERT",),
    "proxy": ("ALL_PROXY",),
    "timeout": ("UV_HTTP_TIMEOUT",),
    "default-timeout": ("UV_HTTP_TIMEOUT",),
}
"""What uv calls a setting of pip, and an older name for the same."""

COMMAS = ("find-links",)
"""Settings in which uv wants commas where pip has spaces."""


def pip_settings(listed: str) -> dict[str, str]:
    """Settings by name, from what ``pip config list`` prints.

    Those of the command ``install`` come before those of all commands, and those of the environment before both.
    """
    found = re.findall(r"^(global|install|:env:)\.([\w-]+)=(.+)$", listed, re.MULTILINE)
    found.sort(key=lambda each: ("global", "install", ":env:").index(each[0]))
    return {name: " ".join(str(ast.literal_eval(value)).split()) for _, name, value in found}


def for_uv(settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for uv: settings of pip under its names, but for those that are set for uv already.

    Of several indexes uv takes the first that has a package, pip the first that has the version. As files must have the
    digests of the lock, it does no harm to do as pip does.
    """
    found = dict(environment)
    for name, (variable, *older) in UV_NAMES.items():
        if name in settings and not any(environment.get(each) for each in (variable, *older)):
            value = settings[name]
            found[variable] = value.replace(" ", ",") if name in COMMAS else value
    found.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return found


def for_pip(settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for pip: the indexes that are set for uv, unless pip has its own."""
    found = dict(environment)
    for name in ("index-url", "extra-index-url"):
        values = [environment[each] for each in UV_NAMES[name] if environment.get(each)]
        if values and name not in settings:
            # In uv an index may have a name: NAME=URL.
            urls = [re.sub(r"^[\w.-]+=(?=\w+://)", "", url) for url in values[0].split()]
            found["PIP_" + name.replace("-", "_").upper()] = " ".join(urls)
    return found


def settings_of_pip() -> dict[str, str]:
    """The settings of the pip of this environment or, as uv makes environments without one, of this Python's."""
    for python in (sys.executable, Path(sys.base_prefix, "bin", "python3")):
        answer = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True, text=True)  # noqa: S603
        if answer.returncode == 0:
            return pip_settings(answer.stdout)
    return {}


def pip(*arguments: str, environment: Mapping[str, str]) -> int:
    """Run pip in this environment; give its exit code."""
    command = [sys.executable, "-m", "pip", *arguments, "--disable-pip-version-check", "--constraint", CONSTRAINTS]
    return subprocess.run(command, cwd=PROJECT, env=environment).returncode  # noqa: S603


def find_uv(environment: Mapping[str, str]) -> str | None:
    """The path of uv: on this machine or in this environment, put there if need be; ``None`` if it cannot be had."""
    inside = Path(sys.prefix, "bin", "uv")
    there = shutil.which("uv") or shutil.which(inside)
    if not there and pip("install", "--quiet", "uv", environment=environment) == 0:
        there = shutil.which(inside)
    return there


def with_uv(uv: str, extras: Sequence[str], settings: Mapping[str, str]) -> int:
    """Install what the lock says; give the exit code."""
    environment = for_uv(settings, os.environ)
    chosen = [word for extra in extras for word in ("--extra", extra)]
    export = [uv, "export", "--quiet", "--frozen", "--no-header", *chosen]
    locked = subprocess.run(export, cwd=PROJECT, env=environment, text=True, stdout=subprocess.PIPE)  # noqa: S603
    if locked.returncode:
        return locked.returncode
    # Compiled once, as pip does: where no program may write bytecode, every process would compile TensorFlow anew.
    install = [uv, "pip", "install", "--compile-bytecode", "--python", sys.executable, "--requirement", "-"]
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        install.append("--no-index")
    return subprocess.run(install, cwd=PROJECT, env=environment, text=True, input=locked.stdout).returncode  # noqa: S603


def main(extras: Sequence[str]) -> int:
    """Say what is done, do it, and give the exit code."""
    start = time.monotonic()
    wanted = f"cnn-study[{','.join(extras)}]" if extras else "cnn-study"
    settings = settings_of_pip()
    uv = find_uv(for_pip(settings, os.environ))
    if uv:
        print(f"installing {wanted} into {sys.prefix} with uv: about 500 MB are fetched the first time", flush=True)
        code = with_uv(uv, extras, settings)
    else:
        print(f"installing {wanted} into {sys.prefix} with pip, as uv cannot be had; it takes minutes", flush=True)
        project = f".[{','.join(extras)}]" if extras else "."
        code = pip("install", "--editable", project, environment=for_pip(settings, os.environ))
    if code == 0:
        print(f"installed in {time.monotonic() - start:.0f} s", flush=True)
    else:
        print("not installed, as said above; PIP_INDEX_URL names a mirror of PyPI if need be", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
