"""Tells Jupyter about the kernel: python3 -m cresset_kernel.install --help."""

import argparse
import json
import os
import shutil
import sys
import tempfile

from jupyter_client.kernelspec import KernelSpecManager


def main():
    parser = argparse.ArgumentParser(prog="python3 -m cresset_kernel.install",
                                     description="Tells Jupyter about Cresset's kernel.")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--user", action="store_true", help="for this user (the default)")
    where.add_argument("--prefix", help="for the Python installation in this folder")
    where.add_argument("--sys-prefix", action="store_const", dest="prefix", const=sys.prefix,
                       help="for this Python, a virtual environment for instance")
    parser.add_argument("--program", default="cresset",
                        help="the program cresset, or th (the one that the shell finds)")
    options = parser.parse_args()
    program = shutil.which(options.program)
    if not program:
        parser.error("there is no program %s; --program says where it is" % options.program)
    program = os.path.abspath(program)
    is_torch7 = os.path.basename(program) == "th"
    spec = {
        "argv": [sys.executable, "-m", "cresset_kernel", "-f", "{connection_file}"],
        "display_name": "Torch7 (Cresset)" if is_torch7 else "Cresset",
        "language": "lua",
        "interrupt_mode": "signal",
        "env": {"CRESSET": program},
    }
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        with open(os.path.join(folder, "kernel.json"), "w") as file:
            json.dump(spec, file, indent=1)
        print("installed:", KernelSpecManager().install_kernel_spec(
            folder, "th" if is_torch7 else "cresset", user=not options.prefix, prefix=options.prefix))


if __name__ == "__main__":
    main()
