"""However many processes make a key at once, there is one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MAKING = """
import hashlib, sys
from pathlib import Path
from infrastructure.kept import own_secret
from infrastructure.settings import Settings
from infrastructure.signing import signer

settings = Settings(data_dir=Path(sys.argv[1]), _env_file=None)
print("here", flush=True)
sys.stdin.readline()
sign = signer(settings.checkpoint_key)
print(own_secret(settings), hashlib.sha256(sign(b"a checkpoint")).hexdigest())
"""


def test_processes_that_start_together_have_the_same_secret_and_the_same_signing_key(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAKING, str(tmp_path / "data")]
    many = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)
    ]
    for process in many:
        assert process.stdout
        assert process.stdout.readline() == "here\n"
    for process in many:
        assert process.stdin
        process.stdin.write("now\n")
        process.stdin.flush()
    made = [process.communicate(timeout=30)[0].split() for process in many]
    assert [len(each) for each in made] == [2] * 6
    assert made == [made[0]] * 6
    left = {path.name for path in (tmp_path / "data").iterdir()}
    assert left == {"secret", "checkpoint.key"}, "no draft stays behind"
