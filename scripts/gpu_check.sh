#!/usr/bin/env bash
# Everything that is measured on a GPU, with one command, within eight minutes:
#
#     bash scripts/gpu_check.sh --weights DIR [--seconds 480] [--out gpu-check.json]
#
# Where there is no network, put the wheels that are missing there into a folder `wheels` first:
#
#     python3 -m pip download -d wheels --only-binary :all: tyro lazy-loader orbax-checkpoint ...
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -d wheels ]; then
  site="$(mktemp -d)"
  python3 -m pip install -q --no-index --no-deps --target "$site" wheels/*.whl
  export PYTHONPATH="$site"
elif ! python3 -c "import evofool, tyro, orbax.checkpoint" 2> /dev/null; then
  python3 -m pip install -q ".[gpu]"
fi
# what docs/scaling.md asks for where results are to be the same bit for bit
export XLA_FLAGS="--xla_gpu_deterministic_ops=true ${XLA_FLAGS:-}"
exec python3 scripts/gpu_check.py "$@"
