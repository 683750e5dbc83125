"""`verify`: the proof that the update log is as it was written."""

import time

import typer
from rich.progress import Progress

from reporting import verify as proofs
from reporting.commands.base import command, err, out, running


@command
async def verify() -> None:
    """Check every update, every commitment to words and every checkpoint; name what is wrong."""
    began = time.monotonic()
    async with running() as runtime:
        with Progress(console=err, transient=True) as bar:
            task = bar.add_task("Updates", total=None)
            async with runtime.reading() as conn:
                proof = await proofs.verify(
                    conn,
                    runtime.keys,
                    lambda done, total: bar.update(task, completed=done, total=total),
                )
        key = runtime.keys.checkpoints.public_key().public_bytes_raw().hex()
    out.print(
        f"{proof.updates} updates of {proof.jobs} jobs, {proof.checkpoints} checkpoints, looked at"
        f" in {time.monotonic() - began:.1f} s. Checkpoint key (Ed25519): {key}."
    )
    for finding in proof.findings:
        out.print(_sentence(finding), markup=False)
    if not proof.holds:
        err.print(f"{len(proof.findings)} findings: the log is not as it was written.", style="red")
        raise typer.Exit(1)
    out.print("The log is as it was written.")


def _sentence(finding: proofs.Finding) -> str:
    where = [
        *([f"job {finding.job}"] if finding.job else []),
        *([f"update {finding.seq}"] if finding.seq is not None else []),
        *([f"checkpoint {finding.checkpoint}"] if finding.checkpoint is not None else []),
    ]
    return f"{', '.join(where) or 'a row of update_words'}: {finding.what}."
