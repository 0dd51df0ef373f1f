"""Does a candidate accept every request that stable accepts? Pure.

Same outputs; no input removed, retyped or newly required. Anything else needs a person's word before any traffic.
"""

from perennial.api.records.signature import InputColumn, Signature


def breaks(stable: Signature, candidate: Signature) -> str:
    """What would break, in words; empty when nothing would."""
    before, after = {i.name: i for i in stable.inputs}, {i.name: i for i in candidate.inputs}
    problems = [
        *(f"input {name} is gone" for name in before if name not in after),
        *(f"input {name} is newly required" for name, i in after.items() if name not in before and i.required),
        *(_change(before[name], after[name]) for name in before if name in after),
        *_outputs(stable, candidate),
    ]
    told = "; ".join(p for p in problems if p)
    return f"the candidate does not answer every request that stable answers: {told}" if told else ""


def _change(before: InputColumn, after: InputColumn) -> str:
    if before.kind != after.kind or before.datatype != after.datatype:
        return f"input {before.name} was {before.kind} ({before.datatype}), is {after.kind} ({after.datatype})"
    if before.nullable and not after.nullable:
        return f"input {before.name} may no longer be missing"
    return f"input {before.name} is newly required" if after.required and not before.required else ""


def _outputs(stable: Signature, candidate: Signature) -> list[str]:
    after = {o.name: o for o in candidate.outputs}
    problems = []
    for output in stable.outputs:
        now = after.get(output.name)
        if now is None:
            problems.append(f"output {output.name} is gone")
        elif (now.datatype, now.shape) != (output.datatype, output.shape):
            problems.append(f"output {output.name} was {output.datatype} {output.shape}, is {now.datatype} {now.shape}")
    if stable.classes is not None and stable.classes != candidate.classes:
        problems.append(f"the classes were {stable.classes}, are {candidate.classes}")
    return problems
