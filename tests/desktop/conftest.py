"""Real programs on real mounts: the harness and the fixtures are those of ../integration."""

import importlib.util
import pathlib
import sys

INTEGRATION = pathlib.Path(__file__).resolve().parents[1] / "integration"
sys.path.insert(0, str(INTEGRATION))
spec = importlib.util.spec_from_file_location("integration_conftest", INTEGRATION / "conftest.py")
shared = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shared)
globals().update({name: value for name, value in vars(shared).items() if not name.startswith("__")})
