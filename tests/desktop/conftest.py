"""The fixtures of the mounted tests, and the fixtures desk and desktop."""

import importlib.util
import pathlib
import sys

INTEGRATION = pathlib.Path(__file__).resolve().parents[1] / "integration"
sys.path.insert(0, str(INTEGRATION))

# Both files are called conftest: this one imports the names of the other.
_spec = importlib.util.spec_from_file_location("integration_conftest", INTEGRATION / "conftest.py")
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
globals().update({name: value for name, value in vars(_fixtures).items() if not name.startswith("_")})

import pytest  # noqa: E402

import desk as desks  # noqa: E402
import desktop as desktops  # noqa: E402
from trouble import away, small_mount  # noqa: E402, F401


@pytest.fixture(scope="module")
def desk(request, tmp_path_factory):
    """One desk for a module, which may set its settle time: SETTLE."""
    desk = desks.Desk(tmp_path_factory.mktemp("desk"), getattr(request.module, "SETTLE", 0.3))
    yield desk
    desk.close()


@pytest.fixture
def desktop(tmp_path, make_mount):
    """A desktop; it ends before the mounts that its windows show."""
    directory = tmp_path / "desktop"
    directory.mkdir()
    made = desktops.Desktop(directory)
    try:
        yield made.start()
        made.shot("end")
    finally:
        made.close()
