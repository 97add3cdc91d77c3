"""What is right where a question has a condition, leaves something out, or asks for the most, in plain Python.

Belongs here: a function a kind of such questions. Does not: all rows of a name, and lists of names.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping

from assets.tables.catalog import Catalog
from orchestration.agent.exam.truths import (
    FindTruth,
    Names,
    Truth,
    list_rows,
    list_values,
    read_rows,
)


def most(table: str, column: str, **equal: str) -> FindTruth:
    """The values of a column that the most rows have, of rows whose columns have the names of these kinds."""
    return _extreme(max, table, column, equal)


def fewest(table: str, column: str, **equal: str) -> FindTruth:
    """The values of a column that the fewest rows have, but one at least."""
    return _extreme(min, table, column, equal)


def number_of_others(table: str, column: str, kind: str) -> FindTruth:
    """How many rows of a table have something else in a column than the name of this kind."""

    def find(catalog: Catalog, names: Names) -> Truth:
        rows = read_rows(catalog, table, column)
        return Truth((sum(row[column] != names[kind] for row in rows),))

    return find


def sessions_by_number(table: str, is_meant: Callable[[int, int], bool]) -> FindTruth:
    """The sessions whose number of rows is so to the number of the question, such as `operator.gt`."""

    def find(catalog: Catalog, names: Names) -> Truth:
        counts = Counter(row["session"] for row in read_rows(catalog, table, "session"))
        sessions = list_values(catalog, "captures", "session")
        limit = int(names["number"])
        return Truth(
            names=frozenset(s for s in sessions if is_meant(counts[s], limit)),
            all_names=sessions,
        )

    return find


def frames_without_labels(catalog: Catalog, names: Names) -> Truth:
    """How many frames, of the session where one is named, have no label."""
    equal = {"session": "session"} if "session" in names else {}
    labelled = list_values(catalog, "labels", "frame_id")
    rows = list_rows(catalog, "frames", names, equal, "frame_id")
    return Truth((sum(row["frame_id"] not in labelled for row in rows),))


def frames_with_both_classes(catalog: Catalog, names: Names) -> Truth:
    """How many frames have labels of both classes."""
    classes = defaultdict(set)
    for row in read_rows(catalog, "labels", "frame_id", "class_name"):
        classes[row["frame_id"]].add(row["class_name"])
    both = {names["class"], names["class2"]}
    return Truth((sum(both <= some for some in classes.values()),))


def labels_of_class_of_sensor(catalog: Catalog, names: Names) -> Truth:
    """How many labels of the class are on frames of the sensor."""
    frames = list_rows(catalog, "frames", names, {"sensor": "sensor"}, "frame_id")
    mine = {row["frame_id"] for row in frames}
    equal = {"class_name": "class"}
    labels = list_rows(catalog, "labels", names, equal, "frame_id")
    return Truth((sum(row["frame_id"] in mine for row in labels),))


def frames_of_test_part(catalog: Catalog, names: Names) -> Truth:
    """How many frames of the release are in its test part."""
    equal = {"release_id": "release"}
    rows = list_rows(catalog, "release_frames", names, equal, "split")
    return Truth((sum(row["split"] == "test" for row in rows),))


def average_of_session(table: str) -> FindTruth:
    """How many rows of a table a session has on average, those without any among them."""

    def find(catalog: Catalog, names: Names) -> Truth:
        num_sessions = len(list_values(catalog, "captures", "session"))
        return Truth((len(read_rows(catalog, table)) / num_sessions,))

    return find


def average_labels_of_frame(catalog: Catalog, names: Names) -> Truth:
    """How many labels a frame has on average, those without labels among them."""
    num_labels, num_frames = (len(read_rows(catalog, t)) for t in ("labels", "frames"))
    return Truth((num_labels / num_frames,))


def _extreme(
    pick: Callable[[Iterable[int]], int],
    table: str,
    column: str,
    equal: Mapping[str, str],
) -> FindTruth:
    def find(catalog: Catalog, names: Names) -> Truth:
        rows = list_rows(catalog, table, names, equal, column)
        counts = Counter(row[column] for row in rows)
        number = pick(counts.values()) if counts else 0
        found = frozenset(value for value, n in counts.items() if n == number)
        return Truth(names=found, all_names=list_values(catalog, table, column))

    return find
