"""Files inside an installed wheel, found without running the wheel's own code."""

from importlib.util import find_spec
from pathlib import Path

from kembalian.grounds.ground import GroundError


def wheel_folder(package: str) -> Path:
    """Return the folder of an installed package. Raises: GroundError if there is none."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise GroundError(f"the package {package} is not installed")
    return Path(spec.origin).parent
