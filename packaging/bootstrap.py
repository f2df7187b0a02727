"""Set up a bare machine and run or test the program: `python3 packaging/bootstrap.py run|test`.

Standard library only. It makes a private virtual environment in `.venv`, installs the pinned
packages, installs the system libraries that Qt needs (by apt where that is allowed; else it prints
the command), and remembers what it did, so that a second call starts at once.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
STAMP = VENV / "flowmap-studio.stamp"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")

# What a bare Debian 12 lacks, found by adding one at a time until Qt opened a window: the file
# to look for, so that other distributions are left alone, and the package that brings it.
LIBRARIES = {
    "libglib-2.0.so.0": "libglib2.0-0",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
}
TEST_TOOLS = {"Xvfb": "xvfb", "xauth": "xauth", "xdotool": "xdotool", "openbox": "openbox"}


def main() -> int:
    """Do all the set-up, then what was asked for."""
    parser = argparse.ArgumentParser(prog="bootstrap.py", description=__doc__)
    parser.add_argument(
        "command", choices=("setup", "run", "test", "check", "slow", "faults", "bench")
    )
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="handed on to the program")
    wanted = parser.parse_args()
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        return fail("Flow Map Studio needs Python 3.11 to 3.13; start this with one of them.")
    system_libraries(testing=wanted.command != "run")
    environment()
    if wanted.command == "setup":
        return 0
    if wanted.command == "run":
        return run(wanted.rest)
    script = ROOT / "packaging" / "checks.py"
    return subprocess.call([PYTHON, script, wanted.command, *wanted.rest], cwd=ROOT)


def run(rest: list[str]) -> int:
    """Open the window, or perform the flight off-screen where there is no screen."""
    screen = sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if not screen:
        say("There is no screen here, so the studio performs its flight off-screen.")
        say("It trains for about a minute, scrubs and exports; look into demo/ afterwards.")
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        rest = ["--demo", "--out", str(ROOT / "demo"), *rest]
    return subprocess.call([PYTHON, "-m", "studio", *rest])


def environment() -> None:
    """A virtual environment with the pinned packages; nothing to do where it already has them."""
    constraints = ROOT / "packaging" / "constraints.txt"
    recipe = constraints.read_bytes() + (ROOT / "pyproject.toml").read_bytes()
    stamp = hashlib.sha256(recipe + sys.version.encode()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == stamp:
        return
    if not works(PYTHON):
        make_venv()
    say("Installing the pinned packages (a few minutes the first time) ...")
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # torch first and by its exact version: an open range would draw gigabytes of GPU libraries.
    torch = next(x for x in constraints.read_text().splitlines() if x.startswith("torch=="))
    call([*pip, torch])
    call([*pip, "-c", constraints, "-e", f"{ROOT}[engine,test]"])
    STAMP.write_text(stamp)


def make_venv() -> None:
    """A fresh virtual environment, by `venv` or, where Debian left it out, after python3-venv."""
    shutil.rmtree(VENV, ignore_errors=True)
    command = [sys.executable, "-m", "venv", VENV]
    if subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        shutil.rmtree(VENV, ignore_errors=True)
        apt([f"python{sys.version_info.major}.{sys.version_info.minor}-venv", "python3-venv"])
        call(command)


def system_libraries(testing: bool) -> None:
    """Install what is missing of the libraries, and of the tools that tests need; Linux only."""
    if not sys.platform.startswith("linux"):
        return
    ldconfig = shutil.which("ldconfig") or "/sbin/ldconfig"
    known = subprocess.run([ldconfig, "-p"], capture_output=True, text=True).stdout
    missing = [package for file, package in LIBRARIES.items() if f"\t{file} " not in known]
    if testing:
        missing += [package for tool, package in TEST_TOOLS.items() if not shutil.which(tool)]
    if missing:
        apt(missing)


def apt(packages: list[str]) -> None:
    """Install Debian packages as root or by sudo; print the command where neither is allowed."""
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    say(f"Needed from the system: {' '.join(packages)}")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    quiet_sudo = ["sudo", "-n", "true"]
    sudo = [] if root else ["sudo"]
    allowed = root or (shutil.which("sudo") and not subprocess.call(quiet_sudo, stderr=-3))
    if not shutil.which("apt-get") or not allowed:
        say(f"Please install them, on Debian by:  sudo {' '.join(install)}")
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in ([*sudo, "apt-get", "update", "-q"], [*sudo, *install, "-q"]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            say(f"apt failed: {done.stderr.strip().splitlines()[-1:]}; going on without.")


def works(python: Path) -> bool:
    """Whether a virtual environment's Python starts and has pip."""
    probe = [python, "-c", "import pip"]
    return python.exists() and subprocess.call(probe, stderr=subprocess.DEVNULL) == 0


def call(command: list[object]) -> None:
    """Run a command; leave with its exit code where it fails."""
    code = subprocess.call([str(part) for part in command])
    if code:
        sys.exit(fail(f"This command failed: {' '.join(str(part) for part in command)}"))


def say(text: str) -> None:
    print(text, flush=True)


def fail(text: str) -> int:
    print(text, file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
