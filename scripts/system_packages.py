"""Install the system packages that Qt, OpenGL and a virtual display want on Linux, or print the line that does.

Run by the Makefile with the machine's own Python, before anything is installed. Needs nothing but the standard
library. What can already be loaded is left alone; other systems than Linux need none of this.
"""

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys

# library that must load -> Debian or Ubuntu package that holds it
LIBRARIES = {
    "libGL.so.1": "libgl1",  # OpenGL, with Mesa's software renderer
    "libEGL.so.1": "libegl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",  # with it come the fonts
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",  # Qt 6.5 and later do not start without it
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
}
DISPLAY_SERVER = ("Xvfb", "xvfb")


def missing_packages():
    """Return the packages whose library, program or module is not there."""
    packages = [package for library, package in LIBRARIES.items() if not loads(library)]
    if shutil.which(DISPLAY_SERVER[0]) is None:
        packages.append(DISPLAY_SERVER[1])
    if importlib.util.find_spec("ensurepip") is None:
        packages.append(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv")
    return packages


def loads(library):
    """Tell whether the dynamic linker finds a library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def administrator():
    """Return the prefix that runs a command as root without asking, or None where there is none."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True).returncode == 0:
        return [sudo, "-n"]
    return None


def install(packages, prefix):
    """Install with apt-get, from its present lists where they suffice; tell whether that worked."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    keep = ["env", "DEBIAN_FRONTEND=noninteractive"] if prefix else []
    command = [*prefix, *keep, "apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    if subprocess.run(command, env=environment, stdin=subprocess.DEVNULL).returncode == 0:
        return True
    subprocess.run([*prefix, "apt-get", "update", "-q"], env=environment, stdin=subprocess.DEVNULL)
    return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL).returncode == 0


def main():
    if not sys.platform.startswith("linux"):
        return
    packages = missing_packages()
    if not packages:
        return
    prefix = administrator()
    if shutil.which("apt-get") and prefix is not None:
        print("Installing what Qt, OpenGL and Xvfb want:", *packages, flush=True)
        if install(packages, prefix) and not missing_packages():
            return
    print(
        "These system packages are missing and could not be installed from here. Ask an administrator to run\n\n"
        f"    sudo apt-get update && sudo apt-get install -y {' '.join(packages)}\n\n"
        "(Debian and Ubuntu; docs/install.md names them for Fedora.) Without them the window may not open.",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
