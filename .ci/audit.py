"""Look the locked packages up among the known vulnerabilities: one that is known fails, no answer is said and passes.

pip-audit takes a package that a service does not know for one without vulnerabilities, and a mirror of PyPI may know
none. So each service is first asked about a version that is known to be vulnerable, and believed only if it says so.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

LOCKED = Path(__file__).parents[1] / "constraints.txt"
SERVICES = ("pypi", "osv")
VULNERABLE = "requests==2.19.0"
"""Known to be: CVE-2018-18074."""
SECONDS = 50


def ask(service: str, requirements: Path) -> list[dict] | None:
    """What a service says about every package of a file of exact versions; ``None`` if it does not answer."""
    options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    command = [sys.executable, "-m", "pip_audit", "-s", service, "-r", str(requirements), *options]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)  # noqa: S603 - as written here
        return json.loads(answer.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return None


def knows_vulnerabilities(service: str) -> bool:
    """Whether it reports a version that is vulnerable."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "requirements.txt"
        file.write_text(f"{VULNERABLE}\n")
        return any(package.get("vulns") for package in ask(service, file) or ())


def main() -> int:
    """Print a line a vulnerability, or one that says what was found or why nothing was looked up."""
    service = next((name for name in SERVICES if knows_vulnerabilities(name)), None)
    found = ask(service, LOCKED) if service else None
    if found is None:
        why = f"{service} gave no answer in {SECONDS} s" if service else f"{' and '.join(SERVICES)} cannot be reached"
        print(f"audit skipped: {why}, so that nothing is known about the packages in {LOCKED.name}")
        return 0
    for package in found:
        for vulnerability in package.get("vulns", ()):
            remedy = " or ".join(vulnerability.get("fix_versions", ())) or "no version yet"
            print(f"{package['name']} {package['version']}: {vulnerability['id']}, mended in {remedy}")
    vulnerable = sum(bool(package.get("vulns")) for package in found)
    unknown = [package["name"] for package in found if "skip_reason" in package]
    print(f"audit by {service}: {len(found) - len(unknown)} packages looked up, {vulnerable} vulnerable", end="")
    print(f"; not known there: {', '.join(unknown)}" if unknown else "")
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
