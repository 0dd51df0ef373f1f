"""kopf is set up as the controller needs it."""

import itertools

import kopf
import pytest

from perennial.handlers.intake import Intake
from perennial.handlers.shell import LONGEST_BACKOFF, Backoffs, registry, settings, watcher_names
from perennial.kube.resources import CHILDREN, OWN
from perennial.observe.cache import Cache


def resource(group: str, version: str, plural: str):
    from kopf._cogs.structs.references import Resource  # the type that selectors are checked against

    return Resource(group=group, version=version, plural=plural, namespaced=True, preferred=True, verbs=frozenset())


@pytest.mark.parametrize("kind", [*OWN, *CHILDREN], ids=lambda r: r.kind)
def test_the_server_filters_children_by_label_and_our_own_kinds_not_at_all(kind) -> None:
    group, version = kind.group, kind.api_version.rpartition("/")[2]
    selectors = settings().watching.label_selectors.collect(resource(group, version, kind.plural))
    assert selectors == ([] if kind in OWN else ["app.kubernetes.io/managed-by=perennial"])


def test_only_event_handlers_are_registered_so_kopf_never_patches() -> None:
    r = registry(Intake(Cache(), lambda key, seconds: None, {}), access=None)  # type: ignore[arg-type]
    assert len(r._watching.get_all_handlers()) == len(OWN) + len(CHILDREN)
    assert not r._changing.get_all_handlers()
    assert not r._spawning.get_all_handlers()
    assert not r._indexing.get_all_handlers()


def test_backoffs_never_end_and_are_bounded() -> None:
    waits = list(itertools.islice(Backoffs(), 1000))
    assert min(waits) > 0
    assert max(waits) <= LONGEST_BACKOFF
    assert len(set(waits)) > 900


def test_a_watcher_task_has_the_name_that_kopf_gives_it() -> None:
    kind = resource("perennial.dev", "v1alpha1", "modeltrainings")
    assert f"watcher for {kind}@None" in watcher_names((None,))
    assert f"watcher for {resource('', 'v1', 'pods')}@team" in watcher_names(("team",))


def test_settings_are_those_of_the_kopf_in_use() -> None:
    known = vars(kopf.OperatorSettings())
    assert vars(settings()).keys() == known.keys()
    assert vars(settings().watching).keys() == vars(known["watching"]).keys()
    assert vars(settings().queueing).keys() == vars(known["queueing"]).keys()
