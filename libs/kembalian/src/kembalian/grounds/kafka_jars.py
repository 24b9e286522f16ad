"""Apache Kafka's jars: resolved by Maven once, kept outside the tree, found again without it."""

import os
import shutil
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path

from kembalian.grounds.ground import GroundError

KAFKA_VERSION = "4.3.0"  # as in kafka_jars.xml
JAVA_AT_LEAST = 17
DOWNLOAD_PATIENCE_S = 300


def jars() -> Path:
    """Return the folder of Kafka's jars, filled by Maven at the first call.

    Raises: GroundError if Java 17 or Maven is missing, or Maven cannot resolve the jars.
    """
    check_java()
    kept = _cache_folder() / f"kafka-{KAFKA_VERSION}"
    if not kept.exists():
        _resolve(kept)
    return kept


def check_java() -> None:
    """Raises: GroundError if there is no Java new enough for Kafka 4."""
    java = shutil.which("java")
    if java is None:
        raise GroundError("java is not installed")
    result = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    words = (result.stderr + result.stdout).split('"')
    major = words[1].split(".")[0] if len(words) > 1 else "0"
    if int(major) < JAVA_AT_LEAST:
        raise GroundError(f"java {JAVA_AT_LEAST} is needed, this is {major}")


def _resolve(kept: Path) -> None:
    """Let Maven copy the jars beside their place (checksums enforced), then move them there."""
    maven = shutil.which("mvn")
    if maven is None:
        raise GroundError("maven is not installed")
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
        made = Path(scratch) / "jars"
        project = Path(scratch) / "pom.xml"
        project.write_text(files("kembalian.grounds").joinpath("kafka_jars.xml").read_text())
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime"]
        command = [maven, "-B", "-q", "-C", "-f", project, *goal, f"-DoutputDirectory={made}"]
        try:
            result = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=DOWNLOAD_PATIENCE_S
            )
        except subprocess.TimeoutExpired as error:
            raise GroundError("maven did not finish resolving Kafka's jars") from error
        if result.returncode != 0:
            raise GroundError(f"maven could not resolve Kafka's jars: {result.stdout[-2000:]}")
        if not kept.exists():
            made.rename(kept)


def _cache_folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "kembalian"
