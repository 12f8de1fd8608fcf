#!/bin/sh
# Starts the simulator on a free port and checks what README.md promises.
# Prints "N passed, N failed"; the exit code is 0 if nothing failed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
make -s -C "$here" calls-simulator
exec python3 -B "$here/selftest.py" "$here/calls-simulator"
