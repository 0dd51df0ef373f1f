"""Code of the user's own in a training pod: what is done before it, beside it and after it, in containers of ours.

`fetch` names the run and puts the data into the run folder; `agent` saves checkpoints and tells progress; `publish`
judges what the code has left and makes the run exist. The code itself never sees the hold-out or a credential of ours.
"""
